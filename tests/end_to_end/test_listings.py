"""A line that is no longer, or not yet, listed has no bar, and none is missing."""

import io
from datetime import date

import polars as pl
import pytest
from rich.console import Console

from assets.products.trace import Origins, report_trace
from assets.raw.prices import listed_within
from pipelines.run import evaluations
from warehouse.errors import NothingToTrace
from warehouse.responses import ResponseStore

FIRST, LAST = "2025-01-06", "2025-01-10"


@pytest.fixture
def ended(deploy, small_market):
    """The small market, in which CCC is listed from 2025-01-06 to 2025-01-10."""
    securities = small_market / "securities.csv"
    header, *lines = securities.read_text().splitlines()
    ends = [f"{FIRST},{LAST},acquired by AAA" if "CCC" in line else ",," for line in lines]
    told = [f"{line},{end}" for line, end in zip(lines, ends, strict=True)]
    securities.write_text(
        "\n".join([f"{header},listed_from,listed_to,delisting_reason", *told]) + "\n"
    )
    prices = small_market / "prices.csv"
    header, *bars = prices.read_text().splitlines()
    kept = [b for b in bars if not b.startswith("CCC") or FIRST <= b.split(",")[1] <= LAST]
    assert len(kept) < len(bars)
    prices.write_text("\n".join([header, *kept]) + "\n")
    return deploy(data_dir=small_market, reference_dir=small_market)


def _doubts(deployment, day: str) -> list:
    return deployment.sql(
        f"SELECT subject FROM session_doubts('{day}') WHERE doubt = 'no bar on this session'"
    )["subject"].to_list()


def _trace(deployment, day: str) -> None:
    settings = deployment.settings
    origins = Origins(settings.data_dir, ResponseStore(settings.warehouse.parent / "responses"))
    report_trace(
        Console(file=io.StringIO()), settings.warehouse, origins, "CCC", date.fromisoformat(day)
    )


@pytest.mark.slow
def test_a_line_that_has_ended_lacks_nothing(ended):
    outcome = ended.must_run()
    failed = {
        (found.asset_key.to_user_string(), found.check_name)
        for found in evaluations(ended.instance, outcome.run_id)
        if not found.passed
    }
    assert ("raw/prices", "delivered") not in failed
    assert ("core/prices", "complete") not in failed
    told = ended.sql(
        "SELECT outcome, rows, expected_rows FROM ops.ingest_outcomes "
        "WHERE dataset = 'prices' AND symbol = 'CCC'"
    )
    assert told.rows() == [("ok", 4, 4)]  # 2025-01-09 was a day of mourning
    assert [_doubts(ended, day) for day in ("2025-01-03", LAST, "2025-01-16")] == [[None]] * 3
    _trace(ended, LAST)
    with pytest.raises(NothingToTrace, match=r"listed until 2025-01-10 \(acquired by AAA\)"):
        _trace(ended, "2025-01-16")
    with pytest.raises(NothingToTrace, match="CCC is listed since 2025-01-06"):
        _trace(ended, "2025-01-03")


@pytest.mark.slow
def test_a_bar_that_lacks_while_the_line_is_listed_is_missing(ended):
    prices = ended.overrides["data_dir"] / "prices.csv"
    bars = prices.read_text().splitlines()
    prices.write_text("\n".join(b for b in bars if not b.startswith(f"CCC,{FIRST}")) + "\n")
    ended.must_run()
    # It is listed from then on: no bar of its own has to come first.
    assert _doubts(ended, FIRST) == ["CCC"]
    assert ended.one(
        "SELECT outcome FROM ops.ingest_outcomes WHERE dataset = 'prices' AND symbol = 'CCC'"
    ) == "partial"  # fmt: skip


def test_a_source_is_asked_for_the_lines_that_are_listed():
    securities = pl.DataFrame(
        [("OLD", None, date(2023, 3, 9)), ("ON", None, None), ("NEW", date(2025, 1, 6), None)],
        schema={"symbol": pl.String, "listed_from": pl.Date, "listed_to": pl.Date},
        orient="row",
    )
    assert listed_within(securities, date(2025, 1, 2), date(2025, 1, 3)) == ["ON"]
    assert listed_within(securities, date(2023, 3, 9), date(2025, 1, 6)) == ["OLD", "ON", "NEW"]


@pytest.mark.slow
def test_an_index_keeps_the_history_of_members_that_have_ended(small, small_market):
    """Its sessions are computed with who was in it then, whoever is alive today."""
    holdings = small_market / "index_holdings.csv"
    holdings.write_text(
        f"{holdings.read_text().rstrip()}\n^IDX,CCC,2025-01-02,1,2025-01-02,false,made up\n"
        "^IDX,AAA,2025-01-14,1,2025-01-14,false,made up\n"
    )
    small.must_run()
    tables = ("mart.index_impacts", "mart.index_reconciliations", "mart.market_cap_losses")
    until = "SELECT * FROM {} WHERE session_date < '2025-01-14' ORDER BY ALL"
    before = {table: small.sql(until.format(table)) for table in tables}
    securities = small_market / "securities.csv"
    header, *lines = securities.read_text().splitlines()
    told = [f"{line},{'2025-01-13,merged' if 'CCC' in line else ','}" for line in lines]
    securities.write_text("\n".join([f"{header},listed_to,delisting_reason", *told]) + "\n")
    prices = small_market / "prices.csv"
    bars = prices.read_text().splitlines()
    prices.write_text(
        "\n".join(b for b in bars if not b.startswith("CCC") or b.split(",")[1] < "2025-01-14")
        + "\n"
    )
    small.overrides["max_shrink_share"] = 1.0
    small.must_run()
    for table in tables:
        assert small.sql(until.format(table)).equals(before[table]), table
    left = small.sql("SELECT symbol, change, reason, explanation FROM mart.index_changes")
    assert left.rows() == [("CCC", "left", "delisted", "last session 2025-01-13: merged")]
    # Nobody expects a bar of it, and its residuals stand.
    assert small.one("SELECT count(*) FROM mart.market_caps WHERE company_symbol = 'CCC'") == 7
