"""Running again changes nothing; pieces make the whole; a decision brings a held row back."""

import random
import shutil
from dataclasses import replace

import polars as pl
import pytest

# How rows came about differs with the order of the pieces; what they say does not.
STORY_OF_THE_WRITES = {"ops.table_versions", "ops.scans"}


def _data(hashes: dict[str, str]) -> dict[str, str]:
    return {t: h for t, h in hashes.items() if t not in STORY_OF_THE_WRITES}


def test_the_whole_sample_run_again_leaves_every_hash(founding, tmp_path):
    shutil.copytree(founding.folder, tmp_path / "again")
    again = replace(founding, folder=tmp_path / "again")
    again.must_run("2021-01-29", "2025-02-14")
    assert again.hashes() == founding.hashes()


def test_a_default_run_finds_nothing_new_and_changes_nothing(small):
    before = small.hashes()
    assert small.plan().first is None
    outcome = small.must_run()
    assert "raw.prices" not in {step.table for step in outcome.steps}
    assert small.hashes() == before


def test_running_again_changes_no_row_and_keeps_provenance(small):
    before = small.sql("FROM raw.prices ORDER BY ALL")
    small.must_run("2025-01-02", "2025-01-16")
    assert small.sql("FROM raw.prices ORDER BY ALL").equals(before)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
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


def test_shuffled_files_give_the_same_tables(small, deploy, small_market, tmp_path):
    shuffled = tmp_path / "shuffled"
    shutil.copytree(small_market, shuffled)
    for name in ("prices", "shares_outstanding", "index_levels"):
        rows = pl.read_csv(shuffled / f"{name}.csv", infer_schema=False)
        rows.sample(fraction=1, shuffle=True, seed=7).write_csv(shuffled / f"{name}.csv")
    other = deploy(data_dir=shuffled, reference_dir=shuffled)
    other.must_run()
    told = {"raw.prices", "raw.shares_outstanding", "raw.index_levels", "raw.splits"}
    expected = small.hashes()
    # Another file has another sha-256; everything made from the rows is the same.
    for table, digest in _data(other.hashes()).items():
        if table not in told:
            assert digest == expected[table], table


def test_a_changed_file_is_read_again_and_changed_rows_are_counted(small, small_market):
    prices = small_market / "prices.csv"
    prices.write_text(prices.read_text().replace("CCC,2025-01-03,10,11,9,10,1000",
                                                 "CCC,2025-01-03,10,11,9,10.5,1000"))  # fmt: skip
    plan = small.plan()
    assert (str(plan.first), str(plan.last)) == ("2025-01-02", "2025-01-16")
    small.must_run()
    close = small.one("SELECT close FROM raw.prices WHERE symbol = 'CCC' "
                      "AND session_date = DATE '2025-01-03'")  # fmt: skip
    assert close == 10.5
    assert small.one("SELECT count(DISTINCT response_id) FROM raw.prices") == 2


def test_a_row_gone_from_the_source_is_gone_from_every_table(small, small_market):
    prices = small_market / "prices.csv"
    kept = [line for line in prices.read_text().splitlines() if "CCC,2025-01-16" not in line]
    prices.write_text("\n".join(kept) + "\n")
    small.must_run()
    for table, column in (("raw.prices", "symbol"), ("mart.market_caps", "company_symbol")):
        assert small.one(f"SELECT count(*) FROM {table} WHERE {column} = 'CCC'") == 9


def test_a_symbol_added_later_brings_its_history(deploy, small_market):
    small = deploy(data_dir=small_market, reference_dir=small_market)
    securities = small_market / "securities.csv"
    complete = securities.read_text()
    securities.write_text("".join(complete.splitlines(keepends=True)[:3]))
    small.must_run()

    def refused(status: str) -> int:
        return small.one(
            "SELECT count(*) FROM ops.quarantine WHERE source_table = 'raw.prices' AND status = ?",
            status,
        )

    assert small.one("SELECT count(*) FROM raw.prices WHERE symbol = 'CCC'") == 0
    assert refused("rejected") == 10
    securities.write_text(complete)
    small.must_run()
    assert small.one("SELECT count(*) FROM mart.market_caps WHERE company_symbol = 'CCC'") == 10
    assert (refused("rejected"), refused("resolved")) == (0, 10)


def test_another_sector_in_the_reference_data_needs_no_new_prices(small, small_market):
    securities = small_market / "securities.csv"
    securities.write_text(securities.read_text().replace("Foods", "Food"))
    assert small.plan().first is None
    small.must_run()
    assert set(small.sql("SELECT DISTINCT sector FROM mart.sector_moves")["sector"]) == {
        "Food",
        "Machines",
    }


def test_a_decision_lets_ip_through_and_its_quarantine_row_becomes_resolved(
    deploy, tmp_path, pytestconfig
):
    reference = tmp_path / "reference"
    shutil.copytree(pytestconfig.rootpath / "warehouse" / "reference", reference)
    deployment = deploy(reference_dir=reference)
    deployment.must_run("2025-01-02", "2025-02-14")
    status = "SELECT status FROM ops.quarantine WHERE symbol = 'IP'"
    assert deployment.one(status) == "held"
    caps = (
        "SELECT shares_outstanding FROM mart.market_caps "
        "WHERE company_symbol = 'IP' AND session_date = DATE '2025-02-14'"
    )
    before = deployment.one(caps)
    (reference / "share_count_decisions.csv").write_text(
        "symbol,as_of_date,decision,reason,source\n"
        "IP,2025-02-06,accept,acquisition paid in shares,a test\n"
    )
    deployment.must_run()
    assert deployment.one(status) == "resolved"
    assert deployment.one(caps) == 525_534_917
    assert before == pytest.approx(525_534_917 / 1.51273, rel=1e-4)
    kept = deployment.sql(
        "FROM core.shares_outstanding WHERE symbol = 'IP' ORDER BY valid_from DESC LIMIT 1"
    ).to_dicts()[0]
    assert kept["basis"] == "decided"
    # A filing is never a gain: the step is a share-count effect.
    step = deployment.sql(
        "FROM mart.market_caps WHERE company_symbol = 'IP' AND session_date = DATE '2025-02-06'"
    ).to_dicts()[0]
    assert step["share_count_effect_usd"] > 9e9
    assert abs(step["price_effect_usd"]) < 1e9


def test_sessions_gone_from_the_end_of_the_file_are_gone(small, small_market):
    prices = small_market / "prices.csv"
    kept = [line for line in prices.read_text().splitlines() if "2025-01-16" not in line]
    prices.write_text("\n".join(kept) + "\n")
    small.must_run()
    assert str(small.one("SELECT max(session_date) FROM raw.prices")) == "2025-01-15"
    assert str(small.one("SELECT max(session_date) FROM mart.market_caps")) == "2025-01-15"


def test_a_symbol_that_left_the_universe_is_gone_and_its_rows_are_accounted_for(
    small, small_market
):
    securities = small_market / "securities.csv"
    securities.write_text("".join(securities.read_text().splitlines(keepends=True)[:3]))
    small.must_run()
    assert set(small.sql("SELECT DISTINCT symbol FROM core.prices")["symbol"]) == {"AAA", "BBB"}
    refused = "SELECT count(*) FROM ops.quarantine WHERE symbol = 'CCC' AND status = 'rejected'"
    assert small.one(refused + " AND source_table = 'raw.prices'") == 10


def test_another_folder_of_data_replaces_what_was_there(deploy, small, small_market):
    deployment = deploy()
    deployment.must_run("2025-01-06", "2025-02-07")
    deployment.overrides = {"data_dir": small_market, "reference_dir": small_market}
    deployment.must_run()
    for table in ("raw.prices", "core.prices", "mart.market_caps", "mart.market_cap_losses"):
        assert deployment.hashes()[table] == small.hashes()[table], table
    assert deployment.one("SELECT count(*) FROM ops.quarantine WHERE status <> 'resolved'") == 0
