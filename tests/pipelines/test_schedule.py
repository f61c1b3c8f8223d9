"""The schedule's decision: what a tick requests, and what it says where it requests nothing."""

import functools
from datetime import date, datetime
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest

from pipelines import definitions, schedule
from pipelines.plan import Plan
from pipelines.run_requests import RANGE_END, RANGE_START
from pipelines.schedule import after_the_close, decide
from tests.conftest import SMALL_MARKET, Deployment

NEW_YORK = ZoneInfo("America/New_York")


def _decide(deployment, day: str, hour: int = 18) -> list[dg.RunRequest] | dg.SkipReason:
    """Let the schedule decide, by default at half past six in New York."""
    now = datetime.fromisoformat(f"{day}T{hour:02}:30").replace(tzinfo=NEW_YORK)
    deployment.overrides["now"] = now
    graph = definitions.build(deployment.settings).resolve_asset_graph()
    return decide(deployment.instance, deployment.settings, graph, now)


@pytest.fixture
def tick(small):
    return functools.partial(_decide, small)


@pytest.fixture(scope="module")
def _paused(instance, tmp_path_factory):
    early = Deployment(
        tmp_path_factory.mktemp("paused"), instance,
        {"data_dir": SMALL_MARKET, "reference_dir": SMALL_MARKET,
         "now": datetime(2025, 1, 8, 18, 30, tzinfo=NEW_YORK)},
    )  # fmt: skip
    early.must_run()
    return early


@pytest.fixture
def paused(_paused, small_market, tmp_path):
    """A deployment whose last run was on 8 January."""
    early = _paused.copy(tmp_path / "paused")
    early.overrides |= {"data_dir": small_market, "reference_dir": small_market}
    return early


def _ranges(requests: list[dg.RunRequest]) -> list[tuple[str, str]]:
    return [(r.tags[RANGE_START], r.tags[RANGE_END]) for r in requests]


@pytest.mark.parametrize("day", ["2025-01-09", "2025-01-20", "2025-01-18"])
def test_on_days_without_a_session_nothing_is_requested(tick, day):
    assert f"{day} is no session" in tick(day).skip_message


def test_after_a_pause_all_missing_sessions_are_requested_at_once(paused):
    (request,) = _decide(paused, "2025-01-16")
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2025-01-10", "2025-01-16")
    assert dg.AssetKey(["raw", "prices"]) in request.asset_selection
    assert dg.AssetKey(["ops", "published_file"]) in request.asset_selection


def test_a_session_that_is_still_open_waits(paused):
    assert "2025-01-08 is there" in _decide(paused, "2025-01-10", hour=15).skip_message
    assert _ranges(_decide(paused, "2025-01-10")) == [("2025-01-10", "2025-01-10")]


def test_where_the_source_ends_it_says_so(tick):
    assert tick("2025-01-16").skip_message == (
        "Nothing is missing: 2025-01-16 is there, and no session has closed since."
    )
    said = tick("2025-01-22").skip_message
    assert "source files ends on 2025-01-16; sessions up to 2025-01-22 have closed since" in said


def test_while_a_run_is_on_its_way_nothing_is_requested_twice(tick, small):
    job = definitions.build(small.settings).resolve_job_def("refresh")
    run = small.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTING)
    try:
        assert f"Run {run.run_id[:8]} (starting) is on its way" in tick("2025-01-16").skip_message
    finally:
        small.instance.delete_run(run.run_id)


def test_while_the_command_line_writes_nothing_is_requested(paused, monkeypatch):
    monkeypatch.setattr(schedule, "LOOK_SECONDS", 0.1)
    with paused.warehouse.writing("capshock run"):
        said = _decide(paused, "2025-01-16").skip_message
    assert "another writer works on this warehouse: capshock run, process" in said
    assert len(_decide(paused, "2025-01-16")) == 1


def test_a_run_that_died_before_it_published_is_made_good(tick, small):
    small.settings.warehouse.unlink()
    (request,) = tick("2025-01-16")
    assert RANGE_START not in request.tags
    assert dg.AssetKey(["raw", "prices"]) not in request.asset_selection


def test_as_few_runs_as_the_gaps_allow():
    days = [date(2025, 1, n) for n in (2, 3, 6, 7, 8, 10)]
    wanted = (days[0], days[1], days[3], days[5])
    plan = Plan(days[0], days[-1], (), wanted)
    assert plan.ranges() == [(days[0], days[1]), (days[3], days[3]), (days[5], days[5])]
    assert Plan(days[0], days[-1]).ranges() == [(days[0], days[-1])]
    assert Plan(None, None).ranges() == []


def test_gaps_in_the_warehouse_become_ranges(small):
    with small.warehouse.transaction() as connection:
        gone = pl.Series(["2025-01-06", "2025-01-07", "2025-01-13"]).str.to_date().to_list()
        connection.execute("DELETE FROM raw.prices WHERE list_contains(?, session_date)", [gone])
    assert small.plan().ranges() == [
        (date(2025, 1, 6), date(2025, 1, 7)), (date(2025, 1, 13), date(2025, 1, 13)),
    ]  # fmt: skip


@pytest.fixture
def requests_of(monkeypatch):
    """Return what a tick of the schedule itself requests on 16 January."""

    def evaluate(deployment) -> list[dg.RunRequest]:
        now = datetime(2025, 1, 16, 18, 30, tzinfo=NEW_YORK)
        deployment.overrides["now"] = now
        # Dagster gives ticks the instances alone that lie on disk; those take ten times as long.
        monkeypatch.setattr(dg.ScheduleEvaluationContext, "instance", deployment.instance)
        with dg.build_schedule_context(
            scheduled_execution_time=now,
            repository_def=definitions.build(deployment.settings).get_repository_def(),
        ) as context:
            return after_the_close(deployment.settings).evaluate_tick(context).run_requests

    return evaluate


@pytest.mark.slow
def test_a_tick_requests_a_run_for_each_gap_and_says_which(requests_of, paused, capfd):
    with paused.warehouse.transaction() as connection:
        connection.execute("DELETE FROM raw.prices WHERE session_date = DATE '2025-01-06'")
    requests = requests_of(paused)
    told = ["session 2025-01-06", "sessions 2025-01-10 to 2025-01-16"]
    assert [request.run_key for request in requests] == told
    said = capfd.readouterr().err
    assert all(f"Requests {one}.\n" in said for one in told)
    for request in requests:
        assert paused.carry_out(request).success
    assert paused.plan().first is None


def test_a_tick_that_cannot_read_the_source_requests_a_run_and_says_why(requests_of, paused, capfd):
    (paused.overrides["data_dir"] / "prices.csv").unlink()
    (request,) = requests_of(paused)
    assert dg.AssetKey(["raw", "prices"]) in request.asset_selection
    assert (
        "Requests session 2025-01-16. Nothing can be planned: data: neither prices.parquet nor "
        "prices.csv is there"
    ) in capfd.readouterr().err
