"""What watches: failed runs, checks that did not pass, new sessions, files that people drop."""

import html
import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import dagster as dg
from dagster import DagsterEventType, EventLogRecord
from dagster import _check as check
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from assets.ops.shock_brief import BRIEF
from assets.products.brief.writing import briefs_beside
from assets.products.message import message
from assets.products.sessions import last_session
from assets.products.telling.session import Telling, tell_session
from assets.ref.claims.table import FOLDER, claims_files
from assets.sources.tables_in_files import SUFFIXES
from assets.table_asset import asset_key
from pipelines.dead_runs import bury_dead_runs, unfinished_runs
from pipelines.run import evaluations, failure_reasons, remark
from pipelines.run_requests import REFRESH, plan_or_fail, requests_for
from pipelines.settings import Settings
from pipelines.webhook import link, link_to_asset, notify
from warehouse.errors import NotDelivered, WarehouseError, WriterAtWork
from warehouse.lock import LOOK_SECONDS
from warehouse.reader import read_published
from warehouse.schemas import ref
from warehouse.storage import open_warehouse

WILL_RETRY = "dagster/will_retry"
SHOWN = 5
"""Reasons or checks that a message names."""

AT_ONCE = 20
"""Runs that one tick tells of."""

SETTLED_SECONDS = 2.0
"""A file that changed more recently may still be written."""


def run_failed(settings: Settings, every_seconds: int = 30) -> dg.SensorDefinition:
    """Return the sensor that tells of failed runs: once a run, not once a retry."""

    @dg.sensor(
        name="run_failed",
        minimum_interval_seconds=every_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of each failed run once: which table, why, and where to look. Runs "
        "whose process has died are marked as failed first.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        warehouse = open_warehouse(settings.warehouse, settings.lock_wait_seconds)
        bury_dead_runs(context.instance, warehouse)

        def message(run: dg.DagsterRun) -> str | None:
            if run.tags.get(WILL_RETRY) == "true":
                return None
            reasons = failure_reasons(context.instance, run.run_id) or ["no reason was left"]
            lines = [f"• {_escaped(reason)}" for reason in reasons[:SHOWN]]
            return "\n".join([f"*capshock: {link(settings, run.run_id)} failed*", *lines])

        return _tell_of_runs(context, settings, DagsterEventType.RUN_FAILURE, message)

    return sensor


def data_quality(settings: Settings, every_seconds: int = 30) -> dg.SensorDefinition:
    """Return the sensor that tells of checks that did not pass in runs that landed."""

    @dg.sensor(
        name="data_quality",
        minimum_interval_seconds=every_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of checks that failed or warned in a run that landed. Warnings that the "
        "run before had in the same words are not told again.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        def message(run: dg.DagsterRun) -> str | None:
            lines = _news(context.instance, run.run_id)
            if not lines:
                return None
            more = [f"• and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
            title = f"*capshock: {link(settings, run.run_id)} landed, with {len(lines)} remarks*"
            return "\n".join([title, *(f"• {_escaped(line)}" for line in lines[:SHOWN]), *more])

        return _tell_of_runs(context, settings, DagsterEventType.RUN_SUCCESS, message)

    return sensor


def _tell_of_runs(
    context: dg.SensorEvaluationContext,
    settings: Settings,
    event_type: Literal[DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_SUCCESS],
    message: Callable[[dg.DagsterRun], str | None],
) -> dg.SensorResult | dg.SkipReason:
    """Tell of the runs that ended since the last tick, each once, in order."""
    instance = context.instance
    if context.cursor is None:
        last = instance.fetch_run_status_changes(event_type, limit=1).records
        return dg.SensorResult(
            cursor=str(last[0].storage_id if last else 0),
            skip_reason=dg.SkipReason("From here on; what was before is not told."),
        )
    changes: Sequence[EventLogRecord] = instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(event_type, after_storage_id=int(context.cursor)),
        limit=AT_ONCE,
        ascending=True,
    ).records
    cursor = context.cursor
    sent = 0
    for change in changes:
        run = instance.get_run_by_id(change.event_log_entry.run_id)
        text = message(run) if run else None
        if text is not None:
            try:
                notify(settings, text, context.log)
            except NotDelivered as error:
                # The cursor stays before this run: the next tick tries again.
                return dg.SensorResult(cursor=cursor, skip_reason=dg.SkipReason(str(error)))
            sent += 1
        cursor = str(change.storage_id)
    reason = f"{sent} messages." if sent else "Nothing to tell."
    return dg.SensorResult(cursor=cursor, skip_reason=dg.SkipReason(reason))


def _news(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return the checks of a run that did not pass, but for warnings that stand as they stood."""
    lines = []
    for check_result in evaluations(instance, run_id):
        if check_result.passed:
            continue
        is_warning = check_result.severity == dg.AssetCheckSeverity.WARN
        before = _told_before(instance, check_result.asset_check_key, run_id)
        if is_warning and check_result.description == before:
            continue
        lines.append(remark(check_result))
    return lines


def _told_before(instance: dg.DagsterInstance, key: dg.AssetCheckKey, run_id: str) -> str | None:
    """Return what a check said in the run before, if it did not pass there."""
    # A run that was killed leaves checks that were planned and never said anything.
    history = instance.event_log_storage.get_asset_check_execution_history(
        key,
        limit=AT_ONCE,
        status={AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED},
    )
    ids = [record.run_id for record in history]
    if run_id not in ids:
        return None
    for record in history[ids.index(run_id) + 1 :]:
        event = record.event.dagster_event if record.event else None
        if event is not None and record.run_id != run_id:
            evaluation = event.asset_check_evaluation_data
            return None if evaluation.passed else evaluation.description
    return None


def _escaped(text: str) -> str:
    """Escape what Slack takes for markup."""
    return html.escape(text, quote=False)


# --- new sessions ---------------------------------------------------------------------------------

NOTHING_PUBLISHED = "0"
"""Cursor before there is a session; it sorts before all of them."""


def session_told(settings: Settings, every_seconds: int = 30) -> dg.SensorDefinition:
    """Return the sensor that tells what happened on each new last session, once, to the webhook."""

    @dg.sensor(
        name="session_told",
        minimum_interval_seconds=every_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the webhook what happened on a session, once, when the published file "
        "has it as its last one. Earlier sessions that are fetched again are not told.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if settings.webhook_url is None:
            return dg.SkipReason("No webhook is set.")
        path = settings.warehouse.resolve()
        try:
            if context.cursor is None:
                reason = "From here on; what was before is not told."
                return dg.SensorResult(cursor=_last_of(path), skip_reason=dg.SkipReason(reason))
            telling = _news_of(path, context.cursor)
            if telling is None:
                return dg.SkipReason("No new session.")
            notify(settings, _message(settings, path, telling), context.log, logging.INFO)
        except (WarehouseError, NotDelivered) as error:
            return dg.SkipReason(str(error))
        day = str(telling.session)
        return dg.SensorResult(cursor=day, skip_reason=dg.SkipReason(f"{day} is told."))

    return sensor


def _last_of(path: Path) -> str:
    """Return the last session of a published file; before all others where there is none."""
    if not path.exists():
        return NOTHING_PUBLISHED
    with read_published(path) as published:
        return str(last_session(published) or NOTHING_PUBLISHED)


def _news_of(path: Path, told: str) -> Telling | None:
    """Tell the last session of a published file, if it is after the one that was told last."""
    with read_published(path) as published:
        last = last_session(published)
        return tell_session(published, last) if last and str(last) > told else None


def _message(settings: Settings, path: Path, telling: Telling) -> str:
    page = briefs_beside(path) / f"{telling.session}.html"
    where = f": {page.parent.name}/{page.name}" if page.exists() else ""
    return message(telling, link_to_asset(settings, BRIEF, "The brief") + where)


# --- files that people drop -----------------------------------------------------------------------

WIDE = (
    asset_key(ref.SymbolChanges),
    asset_key(ref.Securities),
    asset_key(ref.Indices),
    asset_key(ref.SplitDecisions),
)
"""Where these change, other rows may be asked of the source: of new lines, of refused prices."""

_FED_BY = {
    "symbol_changes": asset_key(ref.SymbolChanges),
    "securities": asset_key(ref.Securities),
    "indices": asset_key(ref.Indices),
    "index_holdings": asset_key(ref.IndexHoldings),
    "share_count_decisions": asset_key(ref.ShareCountDecisions),
    "split_decisions": asset_key(ref.SplitDecisions),
    FOLDER: asset_key(ref.Claims),
}
"""File, without its ending, or folder, and the table that reads it."""


def new_reference_file(settings: Settings, every_seconds: int = 30) -> dg.SensorDefinition:
    """Return the sensor that runs what depends on a file of the reference folder that changed."""

    @dg.sensor(
        name="new_reference_file",
        job_name=REFRESH,
        minimum_interval_seconds=every_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Holdings, decisions or claims that are dropped into the reference folder: "
        "brings the tables up to date that depend on them.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        folder = settings.reference_dir.resolve()
        found = _signatures(folder)
        cursor = json.dumps(found)
        if context.cursor is None or not open_warehouse(settings.warehouse).exists():
            return dg.SensorResult(
                cursor=cursor, skip_reason=dg.SkipReason("From here on; the first run reads all.")
            )
        before: dict[str, str] = json.loads(context.cursor)
        changed = sorted(n for n in found.keys() | before.keys() if found.get(n) != before.get(n))
        if not changed:
            return dg.SkipReason("No file has changed.")
        named = ", ".join(changed)
        if _is_settling(folder, changed):
            return dg.SkipReason(f"{named}: still being written?")
        if unfinished_runs(context.instance):
            return dg.SkipReason(f"{named}: waits for the run that is on its way.")
        try:
            requests = _requests(context, settings, changed)
        except WriterAtWork as error:
            return dg.SkipReason(f"{named}: waits. {error.what}")
        return dg.SensorResult(run_requests=requests, cursor=cursor)

    return sensor


def _requests(
    context: dg.SensorEvaluationContext, settings: Settings, changed: Sequence[str]
) -> list[dg.RunRequest]:
    """Return the runs that changed files ask for.

    Raises:
        WriterAtWork: if it takes a plan, and another writer has the warehouse's lock.
    """
    graph = check.not_none(context.repository_def).asset_graph
    keys = {_FED_BY[name.split("/")[0].partition(".")[0]] for name in changed}
    if keys & set(WIDE):
        warehouse = open_warehouse(settings.warehouse)
        with warehouse.planning("the sensor new_reference_file, planning", LOOK_SECONDS):
            return requests_for(graph, plan_or_fail(context.instance, settings))
    depending = dg.AssetSelection.assets(*keys).downstream().resolve(graph)
    selected = sorted(depending & graph.executable_asset_keys)
    return [dg.RunRequest(asset_selection=selected, tags={"capshock/changed": ", ".join(changed)})]


def _signatures(folder: Path) -> dict[str, str]:
    """Return what changes when a file of the reference folder changes, by its name."""
    names = [f"{name}.{ending}" for name in _FED_BY if name != FOLDER for ending in SUFFIXES]
    names += [f"{FOLDER}/{path.name}" for path in claims_files(folder / FOLDER)]
    return {
        name: f"{path.stat().st_mtime_ns} {path.stat().st_size}"
        for name in names
        if (path := folder / name).is_file()
    }


def _is_settling(folder: Path, names: Sequence[str]) -> bool:
    young = time.time() - SETTLED_SECONDS
    return any((folder / n).exists() and (folder / n).stat().st_mtime > young for n in names)
