"""One run in this process: plan the sessions, run the job, tell what happened as it happens."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.utils import make_new_run_id
from dagster_shared.error import SerializableErrorInfo

from assets.ops.gate import require_sayable
from assets.ops.published_file import PUBLISHED
from assets.ops.shock_brief import BRIEF
from assets.resources import Override
from pipelines.dead_runs import bury_dead_runs
from pipelines.plan import Plan
from pipelines.run_inputs import DESPITE, REASON, REBUILD, SAID_BY, SOMEBODY_WAITS
from pipelines.run_requests import PUBLISH, REFRESH, make_plan, tables_to_run, tags_of
from pipelines.settings import Settings
from warehouse.errors import names_of_the_family
from warehouse.io_manager import STANDS
from warehouse.storage import open_warehouse


@dataclass(frozen=True)
class Step:
    """A table that a run starts or has finished.

    Attributes:
        table: ``schema.table``.
        seconds: how long it took; None: it starts.
        failed: whether it failed.
    """

    table: str
    seconds: float | None = None
    failed: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        run_id: Dagster's id.
        succeeded: whether everything landed.
        steps: the tables, in the order in which they were finished.
        stands: what was left as it is, since nothing that it follows from has changed, and why.
        reasons: why it failed.
        warnings: what the tables had to say, and for whom the run had to wait.
        checks: how many checks were made.
        remarks: the checks that did not pass, as sentences.
    """

    run_id: str
    succeeded: bool
    steps: Sequence[Step]
    reasons: Sequence[str]
    warnings: Sequence[str]
    checks: int
    stands: Mapping[str, str]
    remarks: Sequence[str]


@dataclass(frozen=True)
class _Errand:
    """A job, the tables that it makes, and the tags of its run."""

    job: str
    tables: Sequence[dg.AssetKey]
    tags: Mapping[str, str]


def remark(evaluation: AssetCheckEvaluation) -> str:
    """Say which check did not pass, how grave that is, and why."""
    table = ".".join(evaluation.asset_key.path)
    severity = "error" if evaluation.severity == dg.AssetCheckSeverity.ERROR else "warning"
    return f"{severity}, {table}, {evaluation.check_name}: {evaluation.description or 'not passed'}"


def plan_run(
    instance: dg.DagsterInstance,
    settings: Settings,
    first: date | None,
    last: date | None,
    on_wait: Callable[[str], None],
) -> Plan:
    """Bury the dead and plan, as the one writer: nobody may land rows meanwhile.

    Args:
        instance: Dagster's instance.
        settings: where the data come from and go to.
        first: first date asked for; None: what is missing.
        last: last date asked for; None: what is missing.
        on_wait: told at the beginning of a wait for another writer.

    Raises:
        SourceError: if the source has no session there, or cannot be read.
        WriterAtWork: if another writer keeps the warehouse.
    """
    warehouse = open_warehouse(settings.warehouse)
    bury_dead_runs(instance, warehouse)
    with warehouse.planning("capshock run, planning", settings.lock_wait_seconds, on_wait):
        return make_plan(instance, settings, first, last)


def execute(  # noqa: PLR0913 - as many as a run has
    instance: dg.DagsterInstance,
    defs: dg.Definitions,
    plan: Plan,
    on_news: Callable[[Step | str], None],
    *,
    verbose: bool = False,
    rebuild: bool = False,
) -> Outcome:
    """Run the job over a plan, in this process, in one Dagster run.

    Args:
        instance: Dagster's instance.
        defs: the code location.
        plan: sessions to fetch.
        on_news: called when a table starts and when it ends, and with what the run has to say, once
            for the same words.
        verbose: print Dagster's own log.
        rebuild: make every table anew, also those whose inputs are as they were.
    """
    selected = tables_to_run(defs.resolve_asset_graph(), plan)
    tags = tags_of(plan.notes, plan.first, plan.last)
    if rebuild:
        tags[REBUILD] = "true"
    errand = _Errand(REFRESH, selected, tags)
    return _carry_out(instance, defs, errand, on_news, verbose=verbose)


def publish(
    instance: dg.DagsterInstance,
    defs: dg.Definitions,
    override: Override,
    on_news: Callable[[Step | str], None],
) -> Outcome:
    """Publish what has been written, if it passes the gate, in one Dagster run.

    Args:
        instance: Dagster's instance.
        defs: the code location.
        override: what a person says of checks that fail.
        on_news: as of ``execute``.

    Raises:
        PublishingStopped: if the override names no check there is, or gives no reason.
    """
    require_sayable(override)
    said = {DESPITE: ",".join(override.checks), REASON: override.reason, SAID_BY: override.by}
    errand = _Errand(PUBLISH, [PUBLISHED, BRIEF], {k: v for k, v in said.items() if v})
    return _carry_out(instance, defs, errand, on_news)


def _carry_out(
    instance: dg.DagsterInstance,
    defs: dg.Definitions,
    errand: _Errand,
    on_news: Callable[[Step | str], None],
    *,
    verbose: bool = False,
) -> Outcome:
    """Run a job in this process, and hear what its tables say."""
    run_id = make_new_run_id()
    steps: list[Step] = []
    warnings: list[str] = []
    tables = {"__".join(key.path): ".".join(key.path) for key in errand.tables}

    def listen(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None and entry.level == logging.WARNING and entry.user_message not in warnings:
            warnings.append(entry.user_message)
            on_news(entry.user_message)
        if event is None or event.step_key is None:
            return
        table = tables.get(event.step_key)
        if table is None:
            # A check of a table: only its failure to run is news.
            if event.is_step_failure:
                steps.append(Step(event.step_key.replace("__", ".", 1), 0.0, failed=True))
        elif event.is_step_start:
            on_news(Step(table))
        elif event.is_step_success:
            steps.append(Step(table, event.step_success_data.duration_ms / 1000))
            on_news(steps[-1])
        elif event.is_step_failure:
            steps.append(Step(table, 0.0, failed=True))
            on_news(steps[-1])

    instance.add_event_listener(run_id, listen)
    level = "DEBUG" if verbose else "CRITICAL"
    result = defs.resolve_job_def(errand.job).execute_in_process(
        instance=instance,
        run_id=run_id,
        tags={SOMEBODY_WAITS: "true", **errand.tags},
        asset_selection=errand.tables if errand.job == REFRESH else None,
        run_config={"loggers": {"console": {"config": {"log_level": level}}}},
        raise_on_error=False,
    )
    told = [
        event.asset_check_evaluation_data
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    return Outcome(
        run_id,
        result.success,
        steps,
        _reasons(result.all_events),
        warnings,
        checks=len(told),
        stands=_stands(result.all_events),
        remarks=[remark(one) for one in told if not one.passed],
    )


def _stands(events: Sequence[dg.DagsterEvent]) -> dict[str, str]:
    """Return what a run left as it is, and why: table -> reason."""
    made = [
        e.step_materialization_data.materialization for e in events if e.is_step_materialization
    ]
    return {
        ".".join(one.asset_key.path): str(one.metadata[STANDS].value)
        for one in made
        if STANDS in one.metadata
    }


def failure_reasons(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return why a run failed, as ``Outcome.reasons`` has it, from Dagster's history."""
    entries = instance.all_logs(
        run_id, of_type={dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    )
    return _reasons([e.dagster_event for e in entries if e.dagster_event is not None])


def evaluations(instance: dg.DagsterInstance, run_id: str) -> list[AssetCheckEvaluation]:
    """Return the verdicts of a run's checks, from Dagster's history."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    return [entry.get_dagster_event().asset_check_evaluation_data for entry in entries]


def _reasons(events: Sequence[dg.DagsterEvent]) -> list[str]:
    """Return why a run failed: the innermost cause of each failed step, else of the run.

    Each reason begins with the tables that failed for it.
    """
    failed = [e for e in events if e.is_step_failure] or [e for e in events if e.is_failure]
    tables_by_reason: dict[str, list[str]] = {}
    for event in failed:
        data = event.event_specific_data
        user_failure = getattr(data, "user_failure_data", None)
        error = getattr(data, "error", None)
        if user_failure is not None and user_failure.description:
            reason = user_failure.description
        elif error is not None:
            reason = _told(error)
        else:
            reason = event.message or "unknown failure"
        table = event.step_key.replace("__", ".", 1) if event.step_key else ""
        # Some errors of tables name them first as it is.
        tables_by_reason.setdefault(reason.removeprefix(f"{table}: "), []).append(table)
    return [
        f"{', '.join(tables)}: {reason}" if any(tables) else reason
        for reason, tables in tables_by_reason.items()
    ]


def _told(error: SerializableErrorInfo) -> str:
    """Return what to tell of an error: capshock's own words if it has any, else the root cause."""
    own = names_of_the_family()
    while error.cls_name not in own and error.cause is not None:
        error = error.cause
    message = error.message.strip()
    return message.split(": ", 1)[1] if error.cls_name in own else message
