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
            lambda f: (f / "prices.csv").write_text(
                "symbol,session_date,open,high,low,close,volume\n"
            ),
            ["no bar of any symbol"],
            id="header only",
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


def test_each_table_that_fails_says_why_and_all_keep_the_last_good_data(small, small_market):
    before = small.hashes()
    (small_market / "index_levels.csv").unlink()
    (small_market / "shares_outstanding.csv").write_text("")
    (small_market / "dividends.csv").write_text("symbol,ex_date,paid\nCCC,2025-01-03,0.1\n")
    _append(small_market / "prices.csv", *[f"Z{n},2025-01-03,1,2,1,1,10" for n in range(60)])
    outcome = small.run()
    assert not outcome.succeeded
    by_table = {reason.split(": ", 1)[0]: reason for reason in outcome.reasons}
    for table, said in {
        "raw.index_levels": ["neither index_levels.parquet"],
        "raw.shares_outstanding": ["shares_outstanding.csv", "cannot be read", "0 bytes"],
        "raw.dividends": ["dividends.csv", "column amount_usd is missing", "found symbol"],
        "raw.prices": ["raw.prices: 60 of 90 delivered rows are wrong",
                       "symbol: known_symbol: 60 rows"],
    }.items():  # fmt: skip
        for words in [*said, "->"]:
            assert words in by_table[table], table
    # Splits land after the prices that they belong to: not tried, they have no reason of their own.
    assert "raw.splits" not in by_table
    assert small.hashes() == before
    assert small.one(GOOD_LOSS) == pytest.approx(15_000_000)


def test_a_missing_data_folder_is_named(deploy, small_market, tmp_path):
    deployment = deploy(data_dir=tmp_path / "nowhere", reference_dir=small_market)
    assert f"{tmp_path / 'nowhere'}: the folder of raw data does not exist" in _reason(deployment)


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


BEYOND = {
    # a misprint, in the future
    "AAA,2062-01-17,1,2,1,1,10": {
        "session_date: not_in_the_future", "session_date: exchange_session",
    },
    # a Saturday after the last session
    "AAA,2025-01-18,1,2,1,1,10": {"session_date: exchange_session"},
    # a holiday before the first one
    "AAA,2025-01-01,1,2,1,1,10": {"session_date: exchange_session"},
    # unknown, after the last session
    "ZZZ,2025-02-03,1,2,1,1,10": {"symbol: known_symbol"},
}  # fmt: skip


# --- one run over everything that is rejected and costs nothing else ------------------------------


@pytest.fixture(scope="module")
def dirty(copy_of_small, tmp_path_factory):
    small = copy_of_small(tmp_path_factory.mktemp("dirty"))
    market = small.overrides["data_dir"]
    _append(market / "prices.csv", *WRONG_ROWS, *BEYOND)
    _append(market / "shares_outstanding.csv", "AAA,2025-01-15,0")
    small.must_run()
    return small


def _refused_by_row(deployment) -> dict[str, dict]:
    """Return what was refused of the prices; each row is found by its own values, as delivered."""
    refused = _refused(deployment)
    by_row = {
        ",".join(v or "" for v in json.loads(row["rejected_row"]).values()): row for row in refused
    }
    assert len(by_row) == len(refused)
    return by_row


def test_wrong_rows_are_rejected_with_their_reasons_and_cost_nothing_else(dirty, small):
    by_row = _refused_by_row(dirty)
    assert set(by_row) == set(WRONG_ROWS) | set(BEYOND)
    for line, rule in WRONG_ROWS.items():
        assert rule in by_row[line]["rules"], line
        assert by_row[line]["status"] == "rejected"
        assert by_row[line]["reason"]
    before, after = small.hashes(), dirty.hashes()
    for table in ("core.prices", "mart.market_caps", "mart.market_cap_losses"):
        assert after[table] == before[table]


def test_rows_beyond_the_sessions_of_the_file_are_rejected_and_stretch_no_run(dirty):
    by_row = _refused_by_row(dirty)
    assert {line: set(by_row[line]["rules"]) for line in BEYOND} == BEYOND
    last = dirty.one("SELECT max(last_session) FROM ops.scans")
    assert last <= date.today()  # noqa: DTZ011 - the exchange's calendar, not a clock
    assert dirty.plan().first is None


@pytest.mark.slow
def test_a_share_count_of_zero_is_rejected(dirty):
    (row,) = _refused(dirty, "raw.shares_outstanding")
    assert row["rules"] == ["shares_outstanding: greater_than(0)"]
    assert dirty.one(GOOD_LOSS) == pytest.approx(15_000_000)


# --- rows that are wrong among themselves, and what brings them back ------------------------------


@pytest.mark.slow
def test_contradictions_are_held_or_rejected_until_something_settles_them(small, small_market):
    """Conflicting duplicates, a price of CCC x2.3, and a split of AAA nobody recorded."""
    prices, splits = small_market / "prices.csv", small_market / "splits.csv"
    prices.write_text(
        prices.read_text().replace(
            "CCC,2025-01-13,10.3,11.3,9.3,10.3,1000", "CCC,2025-01-13,23.7,26,21.4,23.69,1000"
        )
    )
    lines = prices.read_text().splitlines()
    equal = next(line for line in lines if line.startswith("CCC,2025-01-03"))
    _append(prices, equal, equal, "CCC,2025-01-06,10.1,11.1,9.1,10.7,1000")
    recorded = splits.read_text()
    splits.write_text("symbol,ex_date,ratio\n")
    # A quarter of the prices is gone, and all corporate actions: the gate wants a person's word.
    assert not small.run().succeeded
    assert small.publish("rows_kept").succeeded

    # Equal duplicates collapse; of conflicting ones, none is believed.
    refused = _refused(small)
    assert {row["rules"][0] for row in refused} == {"conflicting_duplicate"}
    assert {json.loads(row["rejected_row"])["close"] for row in refused} == {"10.1", "10.7"}
    ccc = small.sql("FROM raw.prices WHERE symbol = 'CCC' ORDER BY session_date")
    assert ccc.height == 9
    # 2025-01-06 is missing now: the next session has no one-day change and says so.
    assert "gap" in small.one(
        "SELECT flags FROM mart.market_caps WHERE company_symbol = 'CCC' "
        "AND session_date = DATE '2025-01-07'"
    )
    # A price x2.3 makes no headline; by the ratio of a split it would not even land.
    held = _refused(small, "core.prices")
    (row,) = [row for row in held if row["symbol"] == "CCC"]
    assert (str(row["row_date"]), row["status"]) == ("2025-01-13", "held")
    assert row["rules"] == ["price_move"]
    around = small.sql(
        "SELECT session_date, price_effect_usd, flags FROM mart.market_caps "
        "WHERE company_symbol = 'CCC' AND session_date > DATE '2025-01-10' ORDER BY session_date"
    )
    assert str(around["session_date"][0]) == "2025-01-14"
    assert around["price_effect_usd"][0] is None
    assert "gap" in around["flags"][0]
    # 52.5 after 104, and all that follow.
    assert sum(row["symbol"] == "AAA" for row in held) == 6
    assert len(held) == 7

    # The split is recorded, and somebody decides that the move is real: the rows come back without
    # reading the prices again. Decisions that match nothing are said.
    splits.write_text(recorded)
    (small_market / "split_decisions.csv").write_text(
        "symbol,ex_date,kind,ratio,reason,source\nCCC,2025-01-13,none,1,really,a test\n"
        "NOPE,2025-01-07,none,1,mistyped,a test\n"
    )
    (small_market / "share_count_decisions.csv").write_text(
        "symbol,as_of_date,decision,reason,source\nAAA,2025-01-09,accept,mistyped,a test\n"
    )
    # CCC fell back at once: with that close let through, the ones after it are held.
    small.overrides["max_shrink_share"] = 1.0
    outcome = small.must_run()
    assert "raw.prices" not in {step.table for step in outcome.steps}
    assert "AAA" not in {row["symbol"] for row in _refused(small, "core.prices")}
    statuses = small.sql("SELECT symbol, row_date, status FROM ops.quarantine").rows()
    assert ("CCC", around["session_date"][0].replace(day=13), "resolved") in statuses
    assert small.one(GOOD_LOSS) == pytest.approx(15_000_000)
    said = "\n".join(outcome.warnings)
    assert "share_count_decisions.csv: AAA 2025-01-09 matches no reported count" in said
    assert "split_decisions.csv: NOPE 2025-01-07 matches no bar" in said
