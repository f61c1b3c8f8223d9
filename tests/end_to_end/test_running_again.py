"""Running again changes nothing; pieces make the whole; a decision brings a held row back."""

import random
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from warehouse.schemas import TABLES

# How rows came about differs with the order of the pieces; what they say does not.
STORY_OF_THE_WRITES = {"ops.table_versions", "ops.scans"}


def _data(hashes: dict[str, str]) -> dict[str, str]:
    return {t: h for t, h in hashes.items() if t not in STORY_OF_THE_WRITES}


@pytest.mark.slow
def test_the_sample_run_again_leaves_every_hash_and_keeps_provenance(landed_cut, tmp_path):
    again = landed_cut.copy(tmp_path / "again")
    again.must_run("2021-01-29", "2025-02-14")
    assert again.hashes() == landed_cut.hashes()
    # Hashes leave out where a row came from and when.
    rows = "FROM raw.prices ORDER BY symbol, session_date"
    assert again.sql(rows).equals(landed_cut.sql(rows))


def test_a_default_run_finds_nothing_new_makes_nothing_and_publishes_nothing(small):
    before, file = small.hashes(), small.settings.warehouse.stat()
    publications = small.sql("FROM ops.publications")
    assert small.plan().first is None
    outcome = small.must_run()
    assert "raw.prices" not in {step.table for step in outcome.steps}
    assert small.hashes() == before
    assert small.settings.warehouse.stat() == file
    assert small.sql("FROM ops.publications").equals(publications)
    made = {step.table for step in outcome.steps} - set(outcome.stands)
    # What says itself what has changed is asked; it has the same to say.
    assert {name.split(".")[0] for name in made - {"mart.index_changes"}} == {"raw", "ref", "ops"}
    assert outcome.stands["ops.published_file"].startswith(
        "readers have all of it since 2025-01-16"
    )


@pytest.mark.slow
def test_what_has_changed_is_made_and_what_follows_from_none_of_it_stands(
    small, small_market, monkeypatch
):
    levels = small_market / "index_levels.csv"
    lines = levels.read_text().splitlines()
    lines[-1] += ".25"
    levels.write_text("\n".join(lines) + "\n")
    before = small.hashes()
    stands = small.must_run("2025-01-16").stands
    assert {"core.corporate_actions", "core.shares_outstanding"} <= set(stands)
    assert not {"core.index_levels", "core.prices", "ops.published_file"} & set(stands)
    assert small.hashes()["core.index_levels"] != before["core.index_levels"]
    # What follows of prices that were made and are the same stands too.
    assert small.hashes()["core.prices"] == before["core.prices"]

    published = small.settings.warehouse.stat().st_ino
    assert small.run(rebuild=True).stands == {}
    assert small.settings.warehouse.stat().st_ino != published

    assert "core.prices" in small.must_run().stands
    small.overrides["max_rejected_rows"] = 49
    stands = small.must_run().stands
    assert "core.prices" not in stands
    assert {"core.shares_outstanding", "mart.market_caps", "ops.published_file"} <= set(stands)

    monkeypatch.setattr("assets.table_asset.code_version", lambda: "of tomorrow")
    monkeypatch.setattr("assets.ops.published_file.code_version", lambda: "of tomorrow")
    assert small.must_run().stands == {}


@pytest.mark.slow
def test_readers_hear_of_a_row_that_is_refused_though_no_table_changes(small, small_market):
    counts = small_market / "shares_outstanding.csv"
    counts.write_text(f"{counts.read_text().rstrip()}\nAAA,2025-01-06,-5\n")
    stands = small.must_run().stands
    assert "ops.published_file" not in stands
    assert small.one("SELECT count(*) FROM ops.quarantine WHERE symbol = 'AAA'") == 1
    assert "ops.published_file" in small.must_run().stands


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_after_any_history_of_changes_what_stands_is_what_a_rebuild_makes(
    small, small_market, tmp_path, seed
):
    draw = random.Random(seed)  # noqa: S311 - a drawn history, no secret
    small.overrides["max_shrink_share"] = 1.0
    small.overrides["max_rejected_share"] = 1.0
    stood = 0
    for step in range(5):
        for _ in range(draw.randint(1, 2)):
            _change_a_line(small_market, draw)
        stood += len(small.run().stands)
        anew = small.copy(tmp_path / f"anew-{step}")
        anew.run(rebuild=True)
        for name in TABLES:
            if name.startswith(("ref.", "core.", "mart.")):
                kept, made = (at.warehouse.read(name) for at in (small, anew))
                assert kept.equals(made), (step, name)
    assert stood > 10


def _change_a_line(folder: Path, draw: random.Random) -> None:
    """Change a number of a file, take a line out, or put the line before in its place."""
    names = (
        "prices",
        "shares_outstanding",
        "index_levels",
        "index_holdings",
        "securities",
        "splits",
    )
    path = folder / f"{draw.choice(names)}.csv"
    header, *lines = path.read_text().splitlines()
    at = draw.randrange(len(lines))
    fields = lines[at].split(",")
    numbers = [n for n, field in enumerate(fields) if field.replace(".", "").isdigit()]
    if numbers and draw.random() < 0.8:
        n = draw.choice(numbers)
        fields[n] = f"{float(fields[n]) * draw.choice((1.01, 0.99, 2.0)):g}"
        lines[at] = ",".join(fields)
    elif path.stem == "securities":
        lines[at] = lines[at].replace("Foods", "Food").replace("Machines", "Tools")
    elif len(lines) > 1:
        del lines[at]
    path.write_text("\n".join([header, *lines]) + "\n")


@pytest.mark.slow
def test_sessions_in_pieces_give_the_same_tables_and_are_not_missing(small, deploy, small_market):
    pieces = deploy(data_dir=small_market, reference_dir=small_market)
    for first, last in (("2025-01-08", "2025-01-10"), ("2025-01-02", "2025-01-07")):
        pieces.must_run(first, last)
    assert pieces.plan().ranges() == [(date(2025, 1, 13), date(2025, 1, 16))]
    pieces.must_run("2025-01-10", "2025-01-16")
    assert pieces.plan().first is None
    assert _data(pieces.hashes()) == _data(small.hashes())


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_sessions_in_pieces_and_out_of_order_give_the_same_tables(
    small, deploy, small_market, seed
):
    windows = [("2025-01-02", "2025-01-06"), ("2025-01-07", "2025-01-10"),
               ("2025-01-13", "2025-01-14"), ("2025-01-14", "2025-01-16")]  # fmt: skip
    random.Random(seed).shuffle(windows)  # noqa: S311 - an order, not a secret
    pieces = deploy(data_dir=small_market, reference_dir=small_market)
    for first, last in windows:
        pieces.must_run(first, last)
    assert _data(pieces.hashes()) == _data(small.hashes())


@pytest.mark.slow
def test_files_with_rows_and_columns_in_any_order_give_the_same_tables(
    small, deploy, small_market, tmp_path
):
    shuffled = tmp_path / "shuffled"
    shutil.copytree(small_market, shuffled)
    for name in ("prices", "shares_outstanding", "index_levels"):
        rows = pl.read_csv(shuffled / f"{name}.csv", infer_schema=False)
        rows = rows.sample(fraction=1, shuffle=True, seed=7)
        rows.select(reversed(rows.columns)).write_csv(shuffled / f"{name}.csv")
    other = deploy(data_dir=shuffled, reference_dir=shuffled)
    other.must_run()
    told = {"raw.prices", "raw.shares_outstanding", "raw.index_levels", "raw.splits"}
    expected = small.hashes()
    # Another file has another sha-256; everything made from the rows is the same.
    for table, digest in _data(other.hashes()).items():
        if table not in told:
            assert digest == expected[table], table


@pytest.mark.slow
def test_a_changed_file_is_read_again_and_what_is_gone_from_it_is_gone(small, small_market):
    """A close that changed, a row of CCC that is gone, and the last session of all symbols."""
    prices = small_market / "prices.csv"
    kept = [line for line in prices.read_text().splitlines()
            if "CCC,2025-01-14" not in line and "2025-01-16" not in line]  # fmt: skip
    small.overrides["max_shrink_share"] = 1.0
    was, now = "CCC,2025-01-03,10,11.05,9,10,1000", "CCC,2025-01-03,10,11.05,9,10.5,1000"
    prices.write_text("\n".join(kept).replace(was, now) + "\n")
    plan = small.plan()
    assert (str(plan.first), str(plan.last)) == ("2025-01-02", "2025-01-16")
    small.must_run()
    close = small.one("SELECT close FROM raw.prices WHERE symbol = 'CCC' "
                      "AND session_date = DATE '2025-01-03'")  # fmt: skip
    assert close == 10.5
    assert small.one("SELECT count(DISTINCT response_id) FROM raw.prices") == 2
    for table, column in (("raw.prices", "symbol"), ("mart.market_caps", "company_symbol")):
        assert small.one(f"SELECT count(*) FROM {table} WHERE {column} = 'CCC'") == 8
        assert str(small.one(f"SELECT max(session_date) FROM {table}")) == "2025-01-15"


@pytest.mark.slow
def test_another_sector_in_the_reference_data_needs_no_new_prices(small, small_market):
    securities = small_market / "securities.csv"
    securities.write_text(securities.read_text().replace("Foods", "Food"))
    assert small.plan().first is None
    small.must_run()
    assert set(small.sql("SELECT DISTINCT sector FROM mart.sector_moves")["sector"]) == {
        "Food",
        "Machines",
    }


@pytest.mark.slow
def test_a_decision_lets_a_count_through_and_another_universe_is_refused(
    landed_cut, small_market, tmp_path
):
    """The count of TEAM falls by a third where no index has other units of it: a person decides."""
    reference = tmp_path / "reference"
    shutil.copytree(landed_cut.settings.reference_dir, reference)
    deployment = landed_cut.copy(tmp_path / "decided")
    deployment.overrides["reference_dir"] = reference
    status = "SELECT status FROM ops.quarantine WHERE symbol = 'TEAM'"
    assert deployment.one(status) == "held"
    caps = (
        "SELECT shares_outstanding FROM mart.market_caps "
        "WHERE company_symbol = 'TEAM' AND session_date = DATE '2025-02-14'"
    )
    before = deployment.one(caps)
    (reference / "share_count_decisions.csv").write_text(
        "symbol,as_of_date,decision,reason,source\nTEAM,2025-02-06,accept,seen,a test\n"
    )
    deployment.must_run()
    assert deployment.one(status) == "resolved"
    assert deployment.one(caps) == 163_992_257
    assert before == pytest.approx(163_992_257 / 0.629690, rel=1e-4)
    kept = deployment.sql(
        "FROM core.shares_outstanding WHERE symbol = 'TEAM' ORDER BY valid_from DESC LIMIT 1"
    ).to_dicts()[0]
    assert kept["basis"] == "decided"
    # A filing is never a loss: the step is a share-count effect.
    step = deployment.sql(
        "FROM mart.market_caps WHERE company_symbol = 'TEAM' AND session_date = DATE '2025-02-06'"
    ).to_dicts()[0]
    assert step["share_count_effect_usd"] < -30e9
    assert abs(step["price_effect_usd"]) < 1e9

    # --- data of another market altogether ---
    published = deployment.hashes()
    deployment.overrides = {"data_dir": small_market, "reference_dir": small_market}
    reasons = "\n".join(deployment.run().reasons)
    assert "securities: gone from the file, with their history: AAPL (114 bars), " in reasons
    assert "another universe has a warehouse of its own (CAPSHOCK_WAREHOUSE)" in reasons
    assert "indices: gone from the file, with their history: ^DJI (114 bars), " in reasons
    assert deployment.hashes() == published
