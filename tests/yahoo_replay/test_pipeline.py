"""The whole pipeline on live data: the same marts as from files, nothing half landed, all said."""

import functools
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.raw import delivery
from assets.sources.yahoo import session as yahoo_session
from assets.table_asset import asset_key
from pipelines import definitions, plan, run_inputs
from pipelines.run_requests import REFRESH, tags_of
from tests.conftest import Deployment
from tests.yahoo_replay.market import Market
from tests.yahoo_replay.replay import Replay, serving
from warehouse.schemas import raw, ref

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "tests" / "small_market"
NOW = "2025-01-16T23:30:00"
OF_THE_SOURCE = {"raw.prices", "raw.splits", "raw.dividends", "raw.shares_outstanding",
                 "raw.index_levels", "ops.table_versions", "ops.scans"}  # fmt: skip


@contextmanager
def _replaying() -> Iterator[Replay]:
    """Serve the small market, and let clients that have little patience ask for it."""
    hasty = functools.partial(yahoo_session.Policy, attempts=2, first_wait_seconds=0.01,
                              longest_wait_seconds=0.1, timeout_seconds=5)  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, serving(Market.read(SMALL), NOW) as replay:
        patch.setattr(yahoo_session, "Policy", hasty)
        for name, value in replay.environment.items():
            patch.setenv(name, value)
        yield replay


@pytest.fixture
def replay():
    with _replaying() as replay:
        yield replay


LIVE = {"source": "yahoo", "requests_per_second": 0, "now": f"{NOW}+00:00",
        "first_session": "2025-01-02"}  # fmt: skip


@pytest.fixture
def live(deploy, small_market):
    return deploy(reference_dir=small_market, **LIVE)


@pytest.fixture(scope="module")
def landed_once(instance, tmp_path_factory):
    """Live data after one run. Tests only read it."""
    overrides = LIVE | {"reference_dir": SMALL}
    landed = Deployment(tmp_path_factory.mktemp("live"), instance, overrides)
    with _replaying():
        landed.must_run("2025-01-02", "2025-01-16")
    return landed


@pytest.fixture
def landed(landed_once, small_market, tmp_path):
    """A copy of it, for the run after."""
    copied = landed_once.copy(tmp_path / "landed-live")
    copied.overrides["reference_dir"] = small_market
    return copied


def _tables(hashes: dict[str, str]) -> dict[str, str]:
    return {table: digest for table, digest in hashes.items() if table not in OF_THE_SOURCE}


def test_live_data_give_the_tables_that_files_give(landed_once, small):
    assert _tables(landed_once.hashes()) == _tables(small.hashes())
    for table in ("prices", "splits", "shares_outstanding", "index_levels"):
        query = f"SELECT * EXCLUDE (source, fetched_at, response_id) FROM raw.{table} ORDER BY ALL"
        assert landed_once.sql(query).equals(small.sql(query)), table


@pytest.mark.slow
def test_too_few_symbols_land_and_are_not_published_and_the_next_run_asks_for_the_rest_alone(
    replay, live
):
    for symbol in ("AAA", "BBB"):
        replay.fault("chart", symbol, "500")
    failed = live.run()
    assert not failed.succeeded
    few = "raw.prices: only 1 of 3 symbols were delivered: transient: 2 (e.g. AAA: HTTP status 500"
    assert any(few in warning for warning in failed.warnings)
    (reason,) = failed.reasons
    assert "raw.prices, enough_delivered: 1 of 3 symbols were delivered, not AAA, BBB" in reason
    assert "capshock publish --despite enough_delivered" in reason
    assert not live.settings.warehouse.exists()
    with live.warehouse.transaction() as connection:
        outcomes = connection.sql(
            "SELECT symbol, outcome FROM ops.ingest_outcomes WHERE dataset = 'prices' "
            "ORDER BY symbol"
        ).fetchall()
        landed = connection.sql("SELECT symbol, count(*) FROM raw.prices GROUP BY ALL").fetchall()
    assert outcomes == [("AAA", "transient"), ("BBB", "transient"), ("CCC", "ok")]
    assert landed == [("CCC", 10)]
    replay.clear()
    live.must_run()
    assert live.one("SELECT count(*) FROM raw.prices") == 30
    assert replay.asked("chart", "CCC") == 0


@pytest.mark.slow
def test_an_evening_without_news_publishes_nothing_and_its_answers_are_used_up(replay, landed):
    del replay
    stands = landed.must_run("2025-01-15", "2025-01-16").stands
    assert "ops.published_file" in stands
    index = landed.folder / "responses" / "index.sqlite"
    with closing(sqlite3.connect(index)) as known:
        (still_open,) = known.execute("SELECT count(*) FROM fetches WHERE is_open").fetchone()
    assert still_open == 0, "the next run would take them for the answers of a run that stopped"


def test_a_line_that_never_came_is_asked_for_its_whole_history_alone(replay, live, monkeypatch):
    """Published without it: the answers of the others are no longer at hand the next evening."""
    monkeypatch.setattr(delivery, "SEEN_AGAIN", 1)
    live.overrides |= {"overlap_sessions": 1, "now": "2025-01-15T23:30:00+00:00"}
    replay.now = replay.now.replace(day=15)
    replay.fault("chart", "BBB", "fund")
    live.must_run()
    replay.clear()
    live.overrides["now"] = f"{NOW}+00:00"
    replay.now = replay.now.replace(day=16)
    assert str(live.plan().first) == "2025-01-15"
    live.must_run()
    counts = dict(live.sql("SELECT symbol, count(*) FROM raw.prices GROUP BY ALL").rows())
    assert counts == {"AAA": 10, "BBB": 10, "CCC": 10}
    asked = (
        "SELECT symbol, asked_from::VARCHAR FROM ops.ingest_outcomes WHERE dataset = 'prices' "
        "AND asked_to = '2025-01-16' ORDER BY ALL"
    )
    assert live.sql(asked).rows() == [
        ("AAA", "2025-01-14"), ("BBB", "2025-01-02"), ("CCC", "2025-01-14"),
    ]  # fmt: skip


def _scheduled(live):
    """Run as the schedule does: nobody waits."""
    return definitions.build(live.settings).resolve_job_def(REFRESH).execute_in_process(
        instance=live.instance,
        tags=tags_of((), date(2025, 1, 2), date(2025, 1, 16)),
        raise_on_error=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_source_out_of_reach_is_asked_again_later_where_nobody_waits(replay, live, monkeypatch):
    monkeypatch.setattr(run_inputs, "RETRY_AFTER_SECONDS", 0.01)
    for symbol in ("AAA", "BBB"):
        replay.fault("chart", symbol, "500", times=2)
    assert _scheduled(live).success
    assert live.one("SELECT count(*) FROM raw.prices") == 30


@pytest.mark.slow
def test_a_wrong_answer_is_no_reason_to_ask_again(replay, live, monkeypatch):
    monkeypatch.setattr(run_inputs, "RETRY_AFTER_SECONDS", 0.01)
    for symbol in ("AAA", "BBB"):
        replay.fault("chart", symbol, "404")
    result = _scheduled(live)
    assert not result.success
    assert not [e for e in result.all_events if e.event_type_value == "STEP_UP_FOR_RETRY"]


def _prices_alone(live, first: str, last: str) -> None:
    """Run as far as a run comes that is killed right after the prices have landed."""
    result = definitions.build(live.settings).resolve_job_def(REFRESH).execute_in_process(
        instance=live.instance,
        tags=tags_of((), date.fromisoformat(first), date.fromisoformat(last)),
        # The way from the lines to their prices, whole: it is what puts them in order.
        asset_selection=[
            asset_key(model) for model in (ref.Securities, ref.SplitDecisions, raw.Prices)
        ],
    )  # fmt: skip
    assert result.success


@pytest.mark.slow
def test_a_first_run_that_ended_after_the_prices_loses_no_split_and_no_level(replay, live, small):
    _prices_alone(live, "2025-01-02", "2025-01-16")
    live.must_run()
    assert _tables(live.hashes()) == _tables(small.hashes())


@pytest.mark.slow
def test_levels_that_did_not_come_the_first_time_come_whole_the_next(replay, live, small):
    replay.fault("chart", "^IDX", "404")
    assert not live.run().succeeded
    replay.clear()
    live.must_run()
    assert _tables(live.hashes()) == _tables(small.hashes())


@pytest.mark.slow
def test_an_index_that_is_added_later_brings_its_history_and_one_of_several_may_fail(
    replay, landed, small_market
):
    live = landed
    indices = small_market / "indices.csv"
    indices.write_text(indices.read_text() + "^NEW,New,price,2024-01-01,\n")
    replay.market.bars["^NEW"] = replay.market.bars["^IDX"]
    replay.market.indices |= {"^NEW"}
    replay.fault("chart", "^NEW", "404")
    live.must_run()
    query = "SELECT index_symbol, count(*) FROM raw.index_levels GROUP BY ALL ORDER BY ALL"
    assert dict(live.sql(query).rows()) == {"^IDX": 10}
    replay.clear()
    live.must_run()
    assert dict(live.sql(query).rows()) == {"^IDX": 10, "^NEW": 10}


@pytest.mark.slow
def test_a_symbol_out_of_reach_for_long_is_fetched_from_where_it_was_left(
    replay, live, monkeypatch
):
    monkeypatch.setattr(plan, "STILL_MISSED_DAYS", 2)
    live.overrides |= {
        "min_ok_share": 0.5,
        "overlap_sessions": 1,
        "now": "2025-01-06T23:30:00+00:00",
    }
    replay.now = replay.now.replace(day=6)
    live.must_run()
    replay.fault("chart", "BBB", "500")
    for day in (8, 16):
        replay.now = replay.now.replace(day=day)
        live.overrides["now"] = f"2025-01-{day:02}T23:30:00+00:00"
        live.must_run()
    replay.clear()
    live.must_run()
    assert live.one("SELECT count(*) FROM raw.prices WHERE symbol = 'BBB'") == 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hour", "is_cut_short"),
    [pytest.param(13, False, id="before the opening", marks=pytest.mark.slow),
     pytest.param(15, False, id="during the session", marks=pytest.mark.slow),
     pytest.param(15, True, id="during the session; the next run ends after the prices")],
)  # fmt: skip
def test_on_an_ex_date_prices_before_it_are_as_traded_and_the_split_comes_later(
    replay, live, small, hour, is_cut_short
):
    """AAA is split 2:1 on the 8th: from the opening on, Yahoo has divided all of its history."""
    replay.now = replay.now.replace(day=8, hour=hour)
    live.overrides["now"] = f"2025-01-08T{hour}:00:00+00:00"
    live.must_run()
    traded = "SELECT session_date::VARCHAR, close FROM raw.prices WHERE symbol = 'AAA' ORDER BY ALL"
    assert dict(live.sql(traded).rows()) == {
        "2025-01-02": 100, "2025-01-03": 102, "2025-01-06": 101, "2025-01-07": 104,
    }  # fmt: skip
    assert live.one("SELECT count(*) FROM raw.splits") == 0
    assert live.one("SELECT count(*) FROM ops.quarantine") == 0
    replay.now = replay.now.replace(day=16, hour=23)
    live.overrides["now"] = f"{NOW}+00:00"
    if is_cut_short:
        live.overrides["overlap_sessions"] = 2
        # The split of the 8th is older than what the next run asks again.
        _prices_alone(live, "2025-01-07", "2025-01-16")
    live.must_run()
    assert _tables(live.hashes()) == _tables(small.hashes())


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_revised_value_replaces_the_old_one_and_a_split_since_changes_nothing(replay, landed):
    live = landed
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
    level = {**replay.market.bars["^IDX"][-1], "session_date": replay.now.date()}
    replay.market.bars["^IDX"].append(level)
    live.must_run()
    after = live.sql("SELECT symbol, session_date, close FROM raw.prices ORDER BY ALL")
    changed = after.join(before, on=["symbol", "session_date", "close"], how="anti").rows()
    assert [(s, str(d), c) for s, d, c in changed] == [
        ("BBB", "2025-01-17", 5.5), ("CCC", "2025-01-16", 10.15),
    ]  # fmt: skip


@pytest.mark.slow
def test_in_a_split_week_what_has_landed_stays_until_prices_and_splits_agree(replay, landed):
    """Yahoo lists a split of 3:2 before it divides, then divides and lists it no more."""
    live = landed
    bbb = "SELECT session_date::VARCHAR, close FROM raw.prices WHERE symbol = 'BBB' ORDER BY ALL"
    before = live.sql(bbb)
    replay.market.splits["BBB"] = [(date(2025, 1, 17), 1.5)]
    new = dict.fromkeys(("open", "high", "low", "close"), 14.0) | {"volume": 1000}
    replay.market.bars["BBB"].append({"session_date": date(2025, 1, 17)} | new)
    level = {**replay.market.bars["^IDX"][-1], "session_date": date(2025, 1, 17)}
    replay.market.bars["^IDX"].append(level)
    replay.now = replay.now.replace(day=17)
    live.overrides["now"] = "2025-01-17T23:30:00+00:00"
    for fault, does in (("undivided", "multiplied by 1.5"), ("unlisted", "divided by 1.5")):
        replay.fault("chart", "BBB", fault)
        outcome = live.must_run()
        assert live.sql(bbb).equals(before)
        assert live.one("SELECT count(*) FROM raw.splits WHERE symbol = 'BBB'") == 0
        assert any("BBB: landed closes of" in told and does in told for told in outcome.warnings)
        replay.clear()
    live.must_run()
    assert live.sql(bbb).rows() == [*before.rows(), ("2025-01-17", 14.0)]
    assert live.one("SELECT ratio FROM raw.splits WHERE symbol = 'BBB'") == 1.5
    held = "SELECT count(*) FROM ops.quarantine WHERE symbol = 'BBB' AND status = 'held'"
    assert live.one(held) == 0


@pytest.mark.slow
def test_the_whole_sample_through_the_client_gives_the_same_marts(founding, deploy, monkeypatch):
    live = deploy(
        source="yahoo", requests_per_second=0, now="2025-02-14T23:30:00+00:00",
        first_session="2021-01-29",
    )  # fmt: skip
    with serving(Market.read(ROOT / "warehouse" / "sample"), "2025-02-14T23:30:00") as replay:
        for name, value in replay.environment.items():
            monkeypatch.setenv(name, value)
        live.must_run("2021-01-29", "2025-02-14")
    assert _tables(live.hashes()) == _tables(founding.hashes())


def _change(folder: Path) -> None:
    (folder / "symbol_changes.csv").write_text(
        "old_symbol,new_symbol,first_session,source\nCCC,DDD,2025-01-13,a test\n"
    )


@pytest.mark.slow
def test_what_lacks_under_the_new_name_is_asked_for_under_the_old_one(
    replay, live, small, small_market
):
    """The new name has the sessions since the change alone, and the old one those before."""
    _change(small_market)
    bars = replay.market.bars["CCC"]
    replay.market.bars["DDD"] = [b for b in bars if b["session_date"] >= date(2025, 1, 13)]
    replay.market.bars["CCC"] = [b for b in bars if b["session_date"] < date(2025, 1, 13)]
    live.must_run()
    ours = (
        "SELECT session_date, market_cap_usd, loss_usd FROM mart.market_caps "
        "LEFT JOIN mart.market_cap_losses USING (company_symbol, session_date) "
        "WHERE company_symbol = ? ORDER BY session_date"
    )
    assert live.sql(ours, "DDD").equals(small.sql(ours, "CCC"))
    assert live.one("SELECT count(*) FROM raw.prices WHERE delivered_symbol = 'CCC'") == 6
    told = live.sql("SELECT DISTINCT symbol, outcome FROM ops.ingest_outcomes WHERE symbol > 'B'")
    assert set(told.rows()) == {("BBB", "ok"), ("BBB", "no_data"), ("DDD", "ok"), ("^IDX", "ok")}


@pytest.mark.slow
def test_a_ticker_that_changes_renames_what_has_landed_and_asks_for_no_history(
    replay, landed, small_market
):
    """The whole history comes under the new name, and nobody knows the old one any more."""
    before = landed.sql("SELECT session_date, close FROM core.prices WHERE symbol = 'CCC'")
    _change(small_market)
    replay.market.bars["DDD"] = replay.market.bars.pop("CCC")
    replay.market.counts["DDD"] = replay.market.counts.pop("CCC")
    landed.overrides["overlap_sessions"] = 1
    assert str(landed.plan().first) == "2025-01-16"
    replay.clear()
    landed.must_run()
    asked = {r.symbol for r in replay.log if r.endpoint == "chart"}
    assert asked == {"AAA", "BBB", "DDD", "^IDX"}
    after = landed.sql("SELECT session_date, close FROM core.prices WHERE symbol = 'DDD'")
    assert after.equals(before)
    of_each = "SELECT symbol, delivered_symbol, count(*) FROM raw.prices GROUP BY ALL"
    assert set(landed.sql(of_each).rows()) == {
        ("AAA", None, 10), ("BBB", None, 10), ("DDD", "CCC", 10),
    }  # fmt: skip


@pytest.mark.slow
def test_a_history_divided_on_the_evening_of_a_new_name_is_refused(replay, landed, small_market):
    """What has landed under the old name is what the new one's bars are held against."""
    _change(small_market)
    halved = [
        {k: v / 2 if k in {"open", "high", "low", "close"} and v else v for k, v in bar.items()}
        for bar in replay.market.bars.pop("CCC")
    ]
    counts = replay.market.counts.pop("CCC")
    replay.market.bars["DDD"] = halved
    replay.market.counts["DDD"] = [(day, 2 * number) for day, number in counts]
    outcome = landed.must_run()
    assert any("DDD: landed closes" in said for said in outcome.warnings), outcome.warnings
    closes = "SELECT DISTINCT close > 9 FROM raw.prices WHERE symbol = 'DDD'"
    assert landed.sql(closes).rows() == [(True,)]
    disputed = (
        "SELECT bool_and(list_contains(flags, 'disputed_price')) FROM mart.market_caps "
        "WHERE company_symbol = 'DDD'"
    )
    assert landed.one(disputed)


@pytest.mark.slow
def test_of_a_line_that_has_ended_nothing_is_asked(replay, landed, small_market):
    path = small_market / "securities.csv"
    header, *lines = path.read_text().splitlines()
    told = [f"{line},{'2025-01-15' if line.startswith('CCC') else ''}" for line in lines]
    path.write_text("\n".join([f"{header},listed_to", *told]) + "\n")
    landed.overrides |= {"overlap_sessions": 1, "max_shrink_share": 1.0}
    replay.clear()
    landed.must_run()
    assert {r.symbol for r in replay.log} >= {"AAA", "BBB", "^IDX"}
    assert [r.endpoint for r in replay.log if r.symbol == "CCC"] == []
    told = landed.sql(
        "SELECT DISTINCT outcome, attempts, message FROM ops.ingest_outcomes WHERE symbol = 'CCC' "
        "AND run_id <> (SELECT min_by(run_id, passed_at) FROM ops.publications)"
    )
    assert {row[:2] for row in told.rows()} == {("ok", 0)}
    # The bar of the 16th had landed: it is held, because either it or the date is wrong.
    assert landed.one("SELECT count(*) FROM mart.market_caps WHERE company_symbol = 'CCC'") == 9
    held = landed.sql("SELECT row_date::VARCHAR, rules, reason FROM ops.quarantine")
    assert held.rows() == [
        ("2025-01-16", ["listed"], "CCC is listed until 2025-01-15: a bar after its last session; "
         "another date in securities.csv lets it through"),
    ]  # fmt: skip
