"""Whatever is wrong with the input: a clear message, the last good data stay, nothing is lost."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

GOOD_LOSS = (
    "SELECT loss_usd FROM mart.market_cap_losses "
    "WHERE company_symbol = 'AAA' AND session_date = DATE '2025-01-10'"
)


def _append(path: Path, *lines: str) -> None:
    path.write_text(path.read_text() + "\n".join(lines) + "\n")


def _refused(deployment, table: str = "raw.prices") -> list[dict]:
    return deployment.sql(
        "FROM ops.quarantine WHERE source_table = ? AND status <> 'resolved'", table
    ).to_dicts()


def _reason(deployment) -> str:
    """Return why a default run does not go through, whether in planning or in an asset."""
    from warehouse.errors import CapshockError

    try:
        outcome = deployment.run()
    except CapshockError as error:
        return str(error)
    assert not outcome.succeeded
    assert len(outcome.reasons) >= 1
    return "\n".join(outcome.reasons)


def _to_parquet(folder: Path, name: str) -> Path:
    frame = pl.read_csv(folder / f"{name}.csv", try_parse_dates=True)
    (folder / f"{name}.csv").unlink()
    frame.write_parquet(folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


def test_the_small_market_itself_is_good(small):
    # 2,000,000 shares after the split, from 52.50 to 45.00
    assert small.one(GOOD_LOSS) == pytest.approx(2_000_000 * 7.5)
    assert _refused(small) == []


def _broken_folder(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.with_name("data").mkdir()
    # the reference data stay readable
    for name in ("securities", "indices", "index_holdings"):
        text = (folder.with_name("elsewhere") / f"{name}.csv").read_text()
        (folder / f"{name}.csv").write_text(text)


def _truncate(folder: Path) -> None:
    path = _to_parquet(folder, "prices")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _text_in_parquet(folder: Path) -> None:
    path = _to_parquet(folder, "prices")
    pl.read_parquet(path).with_columns(pl.col("close").cast(pl.String)).write_parquet(path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(_broken_folder, ["neither prices.parquet nor prices.csv"], id="no files"),
        pytest.param(
            lambda f: (f / "splits.csv").unlink(), ["neither splits.parquet"], id="missing file"
        ),
        pytest.param(
            lambda f: (f / "prices.csv").write_text(
                (f / "prices.csv").read_text().replace("close", "last", 1)
            ),
            ["prices.csv", "column close is missing", "found symbol"],
            id="missing column",
        ),
        pytest.param(
            lambda f: (f / "prices.csv").write_text(""),
            ["prices.csv", "cannot be read", "0 bytes"],
            id="empty file",
        ),
        pytest.param(
            lambda f: (f / "prices.csv").write_text(
                "symbol,session_date,open,high,low,close,volume\n"
            ),
            ["no bar of any symbol"],
            id="header only",
        ),
        pytest.param(
            lambda f: (f / "shares_outstanding.csv").write_text(""),
            ["shares_outstanding.csv", "cannot be read", "0 bytes"],
            id="empty share counts",
        ),
        pytest.param(_truncate, ["prices.parquet", "cannot be read", "cut off"], id="truncated"),
        pytest.param(
            _text_in_parquet, ["prices.parquet", "column close holds text"], id="wrong type"
        ),
        pytest.param(
            lambda f: (f / "securities.csv").unlink(), ["securities.csv", "missing"], id="no ref"
        ),
        pytest.param(
            lambda f: _append(f / "securities.csv", "AAA,Again,AAA,Machines,made up,Gears"),
            ["securities.csv", "AAA"],
            id="conflicting reference rows",
        ),
    ],
)
def test_a_broken_source_fails_with_its_name_and_leaves_the_last_good_data(
    small, small_market, spoil, said
):
    before = small.hashes()
    spoil(small_market)
    reason = _reason(small)
    for words in said:
        assert words in reason
    assert "->" in reason, "the message says what to do next"
    assert small.hashes() == before
    assert small.one(GOOD_LOSS) == pytest.approx(15_000_000)


def test_a_missing_data_folder_is_named(deploy, small_market, tmp_path):
    deployment = deploy(data_dir=tmp_path / "nowhere", reference_dir=small_market)
    assert f"{tmp_path / 'nowhere'}: the folder of raw data does not exist" in _reason(deployment)


def test_csv_columns_may_come_in_any_order(small, small_market, deploy):
    prices = pl.read_csv(small_market / "prices.csv", infer_schema=False)
    prices.select(reversed(prices.columns)).write_csv(small_market / "prices.csv")
    other = deploy(data_dir=small_market, reference_dir=small_market)
    other.must_run()
    assert other.hashes()["mart.market_caps"] == small.hashes()["mart.market_caps"]


WRONG_ROWS = {
    "ZZZ,2025-01-03,1,2,1,1,10": "symbol: known_symbol",
    "x'; drop table raw.prices; --,2025-01-03,1,2,1,1,10": "symbol: known_symbol",
    ",2025-01-03,1,2,1,1,10": "symbol: not_nullable",
    "AAA,,1,2,1,1,10": "session_date: not_nullable",
    "AAA,3.1.2025,1,2,1,1,10": "session_date: type",
    "AAA,2025-01-09,1,2,1,1,10": "session_date: exchange_session",
    "AAA,2025-01-11,1,2,1,1,10": "session_date: exchange_session",
    "AAA,2024-12-31,1,2,1,abc,10": "close: type",
    "AAA,2024-12-31,1,2,1,NaN,10": "close: less_than(inf)",
    "AAA,2024-12-31,1,2,1,inf,10": "close: less_than(inf)",
    "AAA,2024-12-31,1,2,1,0,10": "close: greater_than(0)",
    "AAA,2024-12-31,1,2,1,-3,10": "close: greater_than(0)",
    "AAA,2024-12-31,1,2,1,,10": "close: not_nullable",
    "AAA,2024-12-31,1,2,1,1,-10": "volume: greater_than_or_equal_to(0)",
}


def test_wrong_rows_are_rejected_with_their_reasons_and_cost_nothing_else(small, small_market):
    before = small.hashes()
    _append(small_market / "prices.csv", *WRONG_ROWS)
    small.must_run("2024-12-30", "2025-01-16")
    refused = _refused(small)
    assert len(refused) == len(WRONG_ROWS)
    # Each row is found by its own values, as delivered.
    by_row = {
        ",".join(v or "" for v in json.loads(row["rejected_row"]).values()): row for row in refused
    }
    assert set(by_row) == set(WRONG_ROWS)
    for line, rule in WRONG_ROWS.items():
        assert rule in by_row[line]["rules"], line
        assert by_row[line]["status"] == "rejected"
        assert by_row[line]["reason"]
    after = small.hashes()
    for table in ("core.prices", "mart.market_caps", "mart.market_cap_losses"):
        assert after[table] == before[table]


def test_rows_beyond_the_sessions_of_the_file_are_rejected_and_stretch_no_run(small, small_market):
    _append(
        small_market / "prices.csv",
        "AAA,2062-01-17,1,2,1,1,10",  # a misprint, in the future
        "AAA,2025-01-18,1,2,1,1,10",  # a Saturday after the last session
        "AAA,2025-01-01,1,2,1,1,10",  # a holiday before the first one
        "ZZZ,2025-02-03,1,2,1,1,10",  # unknown, after the last session
    )
    small.must_run()
    rules = {str(row["row_date"]): set(row["rules"]) for row in _refused(small)}
    assert rules == {
        "2062-01-17": {"session_date: not_in_the_future", "session_date: exchange_session"},
        "2025-01-18": {"session_date: exchange_session"},
        "2025-01-01": {"session_date: exchange_session"},
        "2025-02-03": {"symbol: known_symbol"},
    }
    last = small.one("SELECT last_session FROM ops.scans")
    assert last <= date.today()  # noqa: DTZ011 - the exchange's calendar, not a clock
    assert small.plan().first is None


def test_a_decision_that_matches_nothing_is_said(small, small_market):
    (small_market / "share_count_decisions.csv").write_text(
        "symbol,as_of_date,decision,reason,source\nAAA,2025-01-09,accept,mistyped,a test\n"
    )
    (small_market / "split_decisions.csv").write_text(
        "symbol,ex_date,kind,ratio,reason,source\nNOPE,2025-01-07,none,1,mistyped,a test\n"
    )
    outcome = small.must_run()
    said = "\n".join(outcome.warnings)
    assert "share_count_decisions.csv: AAA 2025-01-09 matches no reported count" in said
    assert "split_decisions.csv: NOPE 2025-01-07 matches no bar" in said


def test_equal_duplicates_collapse_and_conflicting_ones_are_all_rejected(small, small_market):
    lines = (small_market / "prices.csv").read_text().splitlines()
    equal = next(line for line in lines if line.startswith("CCC,2025-01-03"))
    conflict = "CCC,2025-01-06,10.1,11.1,9.1,10.7,1000"
    _append(small_market / "prices.csv", equal, equal, conflict)
    small.must_run()
    refused = _refused(small)
    assert {row["rules"][0] for row in refused} == {"conflicting_duplicate"}
    assert {json.loads(row["rejected_row"])["close"] for row in refused} == {"10.1", "10.7"}
    ccc = small.sql("FROM raw.prices WHERE symbol = 'CCC' ORDER BY session_date")
    assert ccc.height == 9
    # 2025-01-06 is missing now: the next session has no one-day change and says so.
    flags = small.one(
        "SELECT flags FROM mart.market_caps WHERE company_symbol = 'CCC' "
        "AND session_date = DATE '2025-01-07'"
    )
    assert "gap" in flags


def test_a_share_count_of_zero_is_rejected(small, small_market):
    _append(small_market / "shares_outstanding.csv", "AAA,2025-01-15,0")
    small.must_run()
    (row,) = _refused(small, "raw.shares_outstanding")
    assert row["rules"] == ["shares_outstanding: greater_than(0)"]
    assert small.one(GOOD_LOSS) == pytest.approx(15_000_000)


def test_a_hundredfold_price_is_held_and_makes_no_headline(small, small_market):
    prices = small_market / "prices.csv"
    prices.write_text(
        prices.read_text().replace(
            "AAA,2025-01-13,46,47,45,46,1000", "AAA,2025-01-13,4600,4700,4500,4600,1000"
        )
    )
    small.must_run()
    (row,) = _refused(small, "core.prices")
    assert (row["symbol"], str(row["row_date"]), row["status"]) == ("AAA", "2025-01-13", "held")
    assert row["rules"] == ["price_move"]
    around = small.sql(
        "SELECT session_date, price_effect_usd, flags FROM mart.market_caps "
        "WHERE company_symbol = 'AAA' AND session_date > DATE '2025-01-10' ORDER BY session_date"
    )
    assert str(around["session_date"][0]) == "2025-01-14"
    assert around["price_effect_usd"][0] is None
    assert "gap" in around["flags"][0]
    # A decision that the move is real brings the row back without reading the source again.
    (small_market / "split_decisions.csv").write_text(
        "symbol,ex_date,kind,ratio,reason,source\nAAA,2025-01-13,none,1,really,a test\n"
    )
    small.must_run()
    statuses = small.sql("SELECT symbol, row_date, status FROM ops.quarantine").rows()
    assert ("AAA", around["session_date"][0].replace(day=13), "resolved") in statuses


def test_too_many_wrong_rows_fail_the_table_and_leave_the_last_good_data(small, small_market):
    before = small.hashes()
    _append(small_market / "prices.csv", *[f"Z{n},2025-01-03,1,2,1,1,10" for n in range(60)])
    reason = _reason(small)
    assert "raw.prices: 60 of 90 delivered rows are wrong" in reason
    assert "symbol: known_symbol: 60 rows" in reason
    assert small.hashes() == before


def test_a_split_recorded_later_releases_the_rows_it_explains(small, small_market):
    splits = small_market / "splits.csv"
    recorded = splits.read_text()
    splits.write_text("symbol,ex_date,ratio\n")
    small.must_run()
    assert len(_refused(small, "core.prices")) == 6  # 52.5 after 104, and all that follow
    splits.write_text(recorded)
    small.must_run()
    assert _refused(small, "core.prices") == []
    assert small.one(GOOD_LOSS) == pytest.approx(15_000_000)
