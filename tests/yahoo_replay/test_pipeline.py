"""The whole pipeline on live data: the same marts as from files, nothing half landed, all said."""

import functools
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets import table_asset
from assets.sources.yahoo import session as yahoo_session
from pipelines import definitions
from pipelines.run_requests import REFRESH, tags_of
from tests.yahoo_replay.market import Market
from tests.yahoo_replay.replay import serving

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "tests" / "small_market"
NOW = "2025-01-16T23:30:00"
OF_THE_SOURCE = {"raw.prices", "raw.splits", "raw.shares_outstanding", "raw.index_levels",
                 "ops.table_versions", "ops.scans"}  # fmt: skip


@pytest.fixture
def replay(monkeypatch):
    hasty = functools.partial(yahoo_session.Policy, attempts=2, first_wait_seconds=0.01,
                              longest_wait_seconds=0.1, timeout_seconds=5)  # fmt: skip
    monkeypatch.setattr(yahoo_session, "Policy", hasty)
    with serving(Market.read(SMALL), NOW) as replay:
        for name, value in replay.environment.items():
            monkeypatch.setenv(name, value)
        yield replay


@pytest.fixture
def live(deploy, small_market):
    return deploy(source="yahoo", reference_dir=small_market, requests_per_second=0,
                  now=f"{NOW}+00:00", first_session="2025-01-02")  # fmt: skip


def _tables(hashes: dict[str, str]) -> dict[str, str]:
    return {table: digest for table, digest in hashes.items() if table not in OF_THE_SOURCE}


def test_live_data_give_the_tables_that_files_give(replay, live, small):
    live.must_run("2025-01-02", "2025-01-16")
    assert _tables(live.hashes()) == _tables(small.hashes())
    for table in ("prices", "splits", "shares_outstanding", "index_levels"):
        query = f"SELECT * EXCLUDE (source, fetched_at, response_id) FROM raw.{table} ORDER BY ALL"
        assert live.sql(query).equals(small.sql(query)), table


def test_too_few_symbols_land_nothing_and_say_all_and_the_next_run_asks_for_the_rest(replay, live):
    for symbol in ("AAA", "BBB"):
        replay.fault("chart", symbol, "500")
    failed = live.run()
    assert not failed.succeeded
    reason = next(told for told in failed.reasons if told.startswith("raw.prices: "))
    assert "only 1 of 3 symbols were delivered: transient: 2 (e.g. AAA: HTTP status 500" in reason
    with live.warehouse.transaction() as connection:
        outcomes = connection.sql(
            "SELECT symbol, outcome FROM ops.ingest_outcomes WHERE dataset = 'prices' "
            "ORDER BY symbol"
        ).fetchall()
        landed = connection.sql("SELECT count(*) FROM raw.prices").fetchall()
    assert outcomes == [("AAA", "transient"), ("BBB", "transient"), ("CCC", "ok")]
    assert landed == [(0,)]
    replay.clear()
    live.must_run()
    assert live.one("SELECT count(*) FROM raw.prices") == 30
    assert replay.asked("chart", "CCC") == 0


def _scheduled(live):
    """Run as the schedule does: nobody waits."""
    return definitions.build(live.settings).resolve_job_def(REFRESH).execute_in_process(
        instance=live.instance,
        tags=tags_of((), date(2025, 1, 2), date(2025, 1, 16)),
        raise_on_error=False,
    )  # fmt: skip


def test_a_source_out_of_reach_is_asked_again_later_where_nobody_waits(replay, live, monkeypatch):
    monkeypatch.setattr(table_asset, "RETRY_AFTER_SECONDS", 0.01)
    for symbol in ("AAA", "BBB"):
        replay.fault("chart", symbol, "500", times=2)
    assert _scheduled(live).success
    assert live.one("SELECT count(*) FROM raw.prices") == 30


def test_a_wrong_answer_is_no_reason_to_ask_again(replay, live, monkeypatch):
    monkeypatch.setattr(table_asset, "RETRY_AFTER_SECONDS", 0.01)
    for symbol in ("AAA", "BBB"):
        replay.fault("chart", symbol, "404")
    result = _scheduled(live)
    assert not result.success
    assert not [e for e in result.all_events if e.event_type_value == "STEP_UP_FOR_RETRY"]


def test_one_symbol_that_fails_keeps_what_it_had_and_is_said(replay, live):
    live.overrides["min_ok_share"] = 0.5
    live.must_run("2025-01-02", "2025-01-10")
    replay.fault("chart", "BBB", "404")
    live.must_run("2025-01-08", "2025-01-16")
    counts = dict(live.sql("SELECT symbol, count(*) FROM raw.prices GROUP BY ALL").rows())
    assert counts == {"AAA": 10, "BBB": 6, "CCC": 10}
    told = live.sql(
        "SELECT outcome, message FROM ops.ingest_outcomes WHERE dataset = 'prices' "
        "AND symbol = 'BBB' AND outcome <> 'ok'"
    ).rows()
    assert told == [("not_found", "Not Found: No data found, symbol may be delisted")]
    replay.clear()
    live.must_run()
    assert live.one("SELECT count(*) FROM raw.prices") == 30


def test_a_revised_value_replaces_the_old_one_and_a_split_since_changes_nothing(replay, live):
    live.must_run()
    before = live.sql("SELECT symbol, session_date, close FROM raw.prices ORDER BY ALL")
    bars = replay.market.bars["CCC"]
    bars[-1]["close"] = 10.15
    # A split after all sessions, known today: Yahoo divides its whole history by it.
    replay.market.splits["BBB"] = [(pl.Series(["2025-01-17"]).str.to_date()[0], 4.0)]
    replay.now = replay.now.replace(day=17)
    live.overrides["now"] = "2025-01-17T23:30:00+00:00"
    replay.market.bars["BBB"].append(
        {**replay.market.bars["BBB"][-1], "session_date": replay.now.date(), "close": 5.5,
         "open": 5.5, "high": 5.6, "low": 5.4}
    )  # fmt: skip
    live.must_run()
    after = live.sql("SELECT symbol, session_date, close FROM raw.prices ORDER BY ALL")
    changed = after.join(before, on=["symbol", "session_date", "close"], how="anti").rows()
    assert [(s, str(d), c) for s, d, c in changed] == [
        ("BBB", "2025-01-17", 5.5), ("CCC", "2025-01-16", 10.15),
    ]  # fmt: skip


@pytest.mark.slow
def test_the_whole_sample_through_the_client_gives_the_same_marts(founding, deploy, monkeypatch):
    live = deploy(source="yahoo", requests_per_second=0, now="2025-02-14T23:30:00+00:00")
    with serving(Market.read(ROOT / "warehouse" / "sample"), "2025-02-14T23:30:00") as replay:
        for name, value in replay.environment.items():
            monkeypatch.setenv(name, value)
        live.must_run("2021-01-29", "2025-02-14")
    assert _tables(live.hashes()) == _tables(founding.hashes())
