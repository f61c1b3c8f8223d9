"""A company is one series through its names: whatever it was called, core and mart say the same."""

import io
import shutil
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from assets.products.trace import Origins, report_trace
from tests.conftest import ROOT, Deployment
from warehouse.errors import NothingToTrace
from warehouse.responses import ResponseStore

Change = tuple[str, str, str]
"""Old name, new name, first session under it."""

DATE_OF = {"prices": "session_date", "splits": "ex_date", "dividends": "ex_date",
           "shares_outstanding": "as_of_date", "index_holdings": "effective_from"}  # fmt: skip


def rewrite(folder: Path, changes: Iterable[Change]) -> None:
    """Put the rows of a folder's files under the names that were in use on their dates."""
    latest_first = sorted({day for _, _, day in changes}, reverse=True)
    for path in folder.glob("*.*"):
        day = DATE_OF.get(path.stem)
        if day is None or path.suffix not in {".csv", ".parquet"}:
            continue
        is_csv = path.suffix == ".csv"
        rows = pl.read_csv(path, infer_schema=False) if is_csv else pl.read_parquet(path)
        for first_session in latest_first:
            before = {new: old for old, new, at in changes if at == first_session}
            is_before = pl.col(day).cast(pl.String).str.slice(0, 10) < first_session
            rows = rows.with_columns(
                symbol=pl.when(is_before).then(pl.col("symbol").replace(before)).otherwise("symbol")
            )
        rows.write_csv(path) if is_csv else rows.write_parquet(path)


def declare(reference: Path, changes: Iterable[Change]) -> None:
    """Add changes to those that a reference folder has."""
    path = reference / "symbol_changes.csv"
    header = "old_symbol,new_symbol,first_session,source"
    known = path.read_text().rstrip() if path.exists() else header
    path.write_text("\n".join([known, *(",".join((*c, "a test")) for c in changes)]) + "\n")


def computed(deployment: Deployment) -> dict[str, str]:
    """Return the hashes of core and mart, and the changes of members that are no new names."""
    hashes = {t: h for t, h in deployment.hashes().items() if t.startswith(("core.", "mart."))}
    changes = deployment.sql("FROM mart.index_changes WHERE change <> 'renamed' ORDER BY ALL")
    return hashes | {"mart.index_changes": changes.write_csv()}


def copied(cut: Path, folder: Path) -> dict[str, Path]:
    for part in ("data", "reference"):
        shutil.copytree(cut / part, folder / part)
    return {"data_dir": folder / "data", "reference_dir": folder / "reference"}


CHANGES = [
    ("NVIDIA", "NVDA", "2025-01-27"),
    ("GGL", "GOOGL", "2024-11-01"),
    # On the date of its split, and once more.
    ("LR1", "LR2", "2024-10-03"),
    ("LR2", "LRCX", "2024-12-10"),
    ("MMM.1", "MMM", "2025-01-02"),
]
SWAP = [("KO", "PG", "2024-11-18"), ("PG", "KO", "2024-11-18")]


@pytest.mark.slow
def test_history_under_former_names_gives_the_same_tables(
    landed_cut, cut_of_sample, deploy, tmp_path
):
    folders = copied(cut_of_sample, tmp_path / "renamed")
    for folder in folders.values():
        rewrite(folder, [*CHANGES, *SWAP])
    declare(folders["reference_dir"], [*CHANGES, *SWAP])
    renamed = deploy(**folders)
    renamed.must_run()
    assert computed(renamed) == computed(landed_cut)
    assert renamed.one("SELECT count(*) FROM raw.prices WHERE delivered_symbol = 'LR2'") == 47
    refused = "SELECT symbol, row_date, rules, status FROM ops.quarantine ORDER BY ALL"
    assert renamed.sql(refused).equals(landed_cut.sql(refused))


@pytest.mark.slow
def test_a_change_of_what_is_under_its_present_name_already_changes_nothing(
    landed_cut, cut_of_sample, tmp_path
):
    same = landed_cut.copy(tmp_path / "same")
    same.overrides |= copied(cut_of_sample, tmp_path / "declared")
    declare(same.overrides["reference_dir"], CHANGES)
    assert same.plan().first is None
    same.must_run()
    changed = {t for t, h in same.hashes().items() if landed_cut.hashes()[t] != h}
    assert changed == {"ref.symbol_changes", "mart.index_changes", "ops.table_versions"}
    assert computed(same) == computed(landed_cut)


@pytest.mark.slow
def test_the_changes_of_the_sample_rewritten_give_the_same_tables(founding, deploy, tmp_path):
    """Twenty companies of the sample changed their names; so they are called before that."""
    folders = {"data_dir": tmp_path / "data", "reference_dir": tmp_path / "reference"}
    for name, folder in zip(("sample", "reference"), folders.values(), strict=True):
        shutil.copytree(ROOT / "warehouse" / name, folder)
    changes = pl.read_csv(folders["reference_dir"] / "symbol_changes.csv", infer_schema=False)
    real = changes.select("old_symbol", "new_symbol", "first_session").rows()
    assert len(real) == 20
    for folder in folders.values():
        rewrite(folder, real)
    renamed = deploy(**folders)
    renamed.must_run()
    assert renamed.one("SELECT count(DISTINCT delivered_symbol) FROM raw.prices") == 20
    assert computed(renamed) == computed(founding)


# --- one company of the small market --------------------------------------------------------------


def _trace(deployment: Deployment, symbol: str) -> str:
    settings, told = deployment.settings, io.StringIO()
    origins = Origins(settings.data_dir, ResponseStore(settings.warehouse.parent / "responses"))
    console = Console(file=told, width=300)
    report_trace(console, settings.warehouse, origins, symbol, date(2025, 1, 10))
    return told.getvalue()


def _append(path: Path, *lines: str) -> None:
    path.write_text("\n".join([path.read_text().rstrip(), *lines]) + "\n")


@pytest.mark.slow
def test_a_ticker_that_changes_takes_its_history_along(small, small_market):
    """One line in symbol_changes.csv, and nothing else: the files still say CCC."""
    before = small.sql("FROM mart.market_caps WHERE company_symbol = 'CCC' ORDER BY session_date")
    declare(small_market, [("CCC", "DDD", "2025-01-13")])
    outcome = small.must_run()
    assert "securities: CCC is called DDD now (symbol_changes.csv)." in outcome.warnings
    after = small.sql("FROM mart.market_caps WHERE company_symbol = 'DDD' ORDER BY session_date")
    assert after.drop("company_symbol").equals(before.drop("company_symbol"))
    for table in ("raw.prices", "raw.shares_outstanding", "core.prices", "core.shares_outstanding"):
        assert small.one(f"SELECT count(*) FROM {table} WHERE symbol = 'CCC'") == 0, table
    assert "delivered under its former name CCC" in _trace(small, "DDD")
    assert "sha-256 verified" in _trace(small, "DDD")
    with pytest.raises(NothingToTrace, match="is called DDD since 2025-01-13"):
        _trace(small, "CCC")

    small.overrides["max_shrink_share"] = 1.0
    # The source goes on under the new name, contradicts itself once, and agrees once.
    prices = small_market / "prices.csv"
    _append(
        prices, "DDD,2025-01-16,10.3,11.3,9.3,10.3,1000", "DDD,2025-01-15,10.1,11.1,9.1,10.1,1000"
    )
    small.must_run()
    refused = small.sql(
        "SELECT reason, status FROM ops.quarantine WHERE symbol = 'DDD' AND row_date = '2025-01-16'"
    )
    assert refused.rows() == [
        ("other rows of the source have the same (symbol, session_date), other values; they came "
         "as CCC and DDD", "rejected"),
    ] * 2  # fmt: skip
    assert small.one("SELECT count(*) FROM core.prices WHERE symbol = 'DDD'") == 9

    # Another company takes the name: the rows from then on are its own.
    _append(small_market / "securities.csv", "DDD,Delta Inc.,DDD,Foods,made up,Bread")
    small.must_run()
    of_each = "SELECT symbol, count(*), min(session_date)::VARCHAR FROM core.prices GROUP BY ALL"
    assert set(small.sql(of_each).rows()) == {
        ("AAA", 10, "2025-01-02"), ("BBB", 10, "2025-01-02"),
        ("CCC", 4, "2025-01-13"), ("DDD", 8, "2025-01-02"),
    }  # fmt: skip


@pytest.mark.slow
def test_a_change_that_is_taken_back_gives_the_name_back_and_takes_no_number(small, small_market):
    """Nobody has to forget a name that no file ever had, and nothing is said to have gone."""
    before, hashes = small.sql("FROM mart.market_caps ORDER BY ALL"), small.hashes()
    chain = [("CCC", "DDD", "2025-01-13"), ("DDD", "EEE", "2025-01-15")]
    declare(small_market, chain)
    renamed = small.must_run()
    assert any("CCC is called EEE now, and " in said for said in renamed.warnings)
    (small_market / "symbol_changes.csv").unlink()
    back = small.must_run()
    said = [one for one in back.warnings if "ops.restatements" in one]
    assert len(said) == 1
    assert said[0].startswith("EEE is called CCC again, and ")
    assert "gone" not in said[0]
    assert small.sql("FROM mart.market_caps ORDER BY ALL").equals(before)
    changed = {t for t, h in small.hashes().items() if hashes[t] != h}
    assert changed <= {"ops.table_versions", "ops.scans"}
    assert small.one("SELECT count(*) FROM ops.forgotten") == 0
    assert small.one("SELECT count(*) FROM session_restatements(NULL)") == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "corrected", "present"),
    [
        pytest.param([("CCC", "DDD", "2025-01-13")], [("CCC", "DDE", "2025-01-13")], "DDE",
                     id="the new name"),
        pytest.param([("CCC", "DDD", "2025-01-13")], [("CCC", "DDD", "2025-01-15")], "DDD",
                     id="the date"),
        pytest.param([("CCC", "DDD", "2025-01-13"), ("DDD", "EEE", "2025-01-15")],
                     [("CCC", "DDD", "2025-01-13")], "DDD", id="the last link of a chain"),
    ],
)  # fmt: skip
def test_a_change_that_is_corrected_takes_no_number(small, small_market, first, corrected, present):
    numbers = (
        "SELECT session_date, market_cap_usd, price_effect_usd FROM mart.market_caps "
        "WHERE company_symbol = ? ORDER BY ALL"
    )
    before = small.sql(numbers, "CCC")
    declare(small_market, first)
    small.must_run()
    (small_market / "symbol_changes.csv").unlink()
    declare(small_market, corrected)
    again = small.must_run()
    assert small.sql(numbers, present).equals(before)
    names = {name for change in (*first, *corrected) for name in change[:2]} - {present}
    for name in names:
        assert small.sql(numbers, name).is_empty(), name
    said = [one for one in again.warnings if "ops.restatements" in one]
    assert not any("gone" in one for one in said), said
    assert small.one("SELECT count(*) FROM session_restatements(NULL)") == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("b_now", "c_now"),
    [pytest.param("CCC", "BBB", id="a swap"), pytest.param("CCC", "DDD", id="a name taken over")],
)
def test_names_that_pass_from_one_company_to_another_take_prices_and_counts_along(
    small, small_market, deploy, b_now, c_now
):
    """One trades at about twice the other: that the name passes is no division by two."""
    now = {"BBB": b_now, "CCC": c_now}
    declare(small_market, [(old, new, "2025-01-17") for old, new in now.items()])
    lines = pl.read_csv(small_market / "securities.csv")
    lines.with_columns(pl.col("symbol", "company_symbol").replace(now)).write_csv(
        small_market / "securities.csv"
    )
    _append(
        small_market / "prices.csv",
        "AAA,2025-01-17,45,46,44,45,1000",
        f"{b_now},2025-01-17,22,23,21,22.1,1000",
        f"{c_now},2025-01-17,10,11,9,10.1,1000",
    )
    _append(small_market / "index_levels.csv", "^IDX,2025-01-17,94,96,91,93")
    small.overrides["now"] = datetime(2025, 1, 17, 22, tzinfo=UTC)
    renamed = small.must_run()
    assert not any("landed closes" in said for said in renamed.warnings), renamed.warnings
    assert small.one("SELECT count(*) FROM ops.quarantine WHERE status = 'held'") == 0
    # The one that was called CCC has five million shares, and the other one no count.
    worth = (
        "SELECT market_cap_usd FROM mart.market_caps WHERE company_symbol = ? AND session_date = ?"
    )
    assert small.one(worth, c_now, date(2025, 1, 16)) == 5e6 * 10.2
    assert small.one(worth, b_now, date(2025, 1, 16)) is None
    anew = deploy(**{name: small.overrides[name] for name in ("data_dir", "reference_dir", "now")})
    anew.must_run()
    assert computed(small) == computed(anew)
