"""The daily run: after each close, whatever the source has and the warehouse lacks."""

import json
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

from assets.market import calendar
from pipelines.dead_runs import bury_dead_runs, unfinished_runs
from pipelines.run_requests import NOTES, REFRESH, plan_or_fail, requests_for, sessions_of
from pipelines.settings import Settings
from warehouse.errors import WriterAtWork
from warehouse.lock import LOOK_SECONDS
from warehouse.storage import Warehouse, open_warehouse

NEW_YORK = ZoneInfo("America/New_York")
TICK = time(18, 30)
"""In New York: official bars are out, also on days that end at four."""

AFTER_THE_CLOSE = f"{TICK.minute} {TICK.hour} * * 1-5"


def after_the_close(settings: Settings, cron: str = AFTER_THE_CLOSE) -> dg.ScheduleDefinition:
    """Return the schedule that requests all closed sessions that are missing.

    A tick that comes after a pause, however long, requests what the pause left out. On days without
    a session, and while a run is on its way, nothing is requested, and the tick says why. Where the
    source cannot be read, a run is requested that fails for it, so that somebody is told.

    Args:
        settings: where the data come from and go to.
        cron: when to look, in New York.
    """

    @dg.schedule(
        name="after_the_close",
        job_name=REFRESH,
        cron_schedule=cron,
        execution_timezone=NEW_YORK.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="On days with a session, at half past six in New York: fetches every closed "
        "session that the source has and the warehouse lacks, also those missed during a pause.",
    )
    def schedule(
        context: dg.ScheduleEvaluationContext,
    ) -> list[dg.RunRequest] | dg.SkipReason:
        now = settings.now or context.scheduled_execution_time
        decided = decide(context.instance, settings, context.repository_def.asset_graph, now)
        if isinstance(decided, dg.SkipReason):
            return decided
        # Dagster wants a key where a tick requests several runs; it counts within the tick alone.
        keyed = [request.with_replaced_attrs(run_key=sessions_of(request)) for request in decided]
        for request in keyed:
            notes = " ".join(json.loads(request.tags.get(NOTES, "[]")))
            context.log.info(f"Requests {request.run_key}. {notes}".rstrip())
        return keyed

    return schedule


def decide(
    instance: dg.DagsterInstance, settings: Settings, graph: BaseAssetGraph[Any], now: datetime
) -> list[dg.RunRequest] | dg.SkipReason:
    """Return the runs that a tick requests, or why it requests none.

    Args:
        instance: Dagster's instance.
        settings: where the data come from and go to.
        graph: the assets.
        now: the moment of the tick.
    """
    today = now.astimezone(NEW_YORK).date()
    if today not in calendar.sessions(today, today):
        return dg.SkipReason(f"{today} is no session of the New York Stock Exchange.")
    warehouse = open_warehouse(settings.warehouse, settings.lock_wait_seconds)
    bury_dead_runs(instance, warehouse)
    under_way = [record.dagster_run for record in unfinished_runs(instance)]
    if under_way:
        said = ", ".join(f"{run.run_id[:8]} ({run.status.value.lower()})" for run in under_way)
        return dg.SkipReason(
            f"Run {said} is on its way. What it leaves out is requested by the next tick."
        )
    try:
        with warehouse.planning("the schedule, planning", LOOK_SECONDS):
            plan = plan_or_fail(instance, settings)
            # A run may have died between its prices and the published file.
            if plan.first is not None or not warehouse.is_published():
                return requests_for(graph, plan)
            return dg.SkipReason(_nothing_missing(warehouse, settings, now))
    except WriterAtWork as error:
        return dg.SkipReason(f"{error.what}. What it leaves out is requested by the next tick.")


def _nothing_missing(warehouse: Warehouse, settings: Settings, now: datetime) -> str:
    with warehouse.open_written() as reader:
        last = reader.value("SELECT max(session_date) FROM raw.prices")
    closed = calendar.last_closed_session(now)
    if last == closed:
        return f"Nothing is missing: {last} is there, and no session has closed since."
    return (
        f"Nothing is missing: source {settings.source} ends on {last}; sessions up to {closed} "
        "have closed since. New files bring them."
    )
