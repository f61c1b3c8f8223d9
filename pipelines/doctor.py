"""``capshock doctor``: what there is, what is wrong, and what needs a hand."""

import importlib.metadata
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Literal

import dagster as dg
from dagster._daemon.controller import get_daemon_statuses
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assets.market import calendar
from assets.ops.checks import Evidence
from assets.ops.gate import open_stops, overrides_of, stopped
from assets.resources import Inputs
from pipelines.dead_runs import dead_runs
from pipelines.history import open_history
from pipelines.run import evaluations, failure_reasons, remark
from pipelines.run_requests import make_plan
from pipelines.schedule import NEW_YORK, TICK
from pipelines.settings import Settings
from warehouse.errors import CapshockError, WarehouseError, WriterAtWork
from warehouse.storage import Warehouse, open_warehouse

PACKAGES = ("dagster", "duckdb", "polars", "pandera", "yfinance")
LITTLE_SPACE_BYTES = 2_000_000_000
"""Less free space than this ends badly: a run writes the warehouse twice."""

PATIENCE_SECONDS = 1.0
"""Another process that has the database for longer than this is said, and not waited for."""

NAMED = 3
"""Held rows that are named."""

Level = Literal["ok", "look", "hand"]
_STYLES = {"ok": "green", "look": "yellow", "hand": "bold red"}


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        level: ok; look: worth knowing; hand: somebody has to do something.
        subject: what was looked at.
        said: what there is, and what to do.
    """

    level: Level
    subject: str
    said: str


def report(console: Console, settings: Settings) -> bool:
    """Print what ``examine`` finds; return whether nothing needs a hand."""
    with open_history() as instance:
        findings = list(examine(instance, settings))
    table = Table.grid(padding=(0, 2))
    for found in findings:
        level = f"[{_STYLES[found.level]}]{found.level}[/]"
        table.add_row(level, found.subject, escape(found.said))
    console.print(table, highlight=False)
    hands = sum(found.level == "hand" for found in findings)
    if hands:
        console.print(f"[bold red]{hands} of {len(findings)} need a hand.[/]", highlight=False)
    return not hands


def examine(instance: dg.DagsterInstance, settings: Settings) -> Iterator[Finding]:
    """Look at everything; a part that cannot be looked at is itself a finding."""
    settings = settings.model_copy(update={"lock_wait_seconds": PATIENCE_SECONDS})
    warehouse = open_warehouse(settings.warehouse, PATIENCE_SECONDS)
    yield _environment()
    yield from _looked_at("disk", lambda: iter([_space(warehouse)]))
    yield from _looked_at("writer", lambda: iter([_lock(warehouse)]))
    yield from _looked_at("last run", lambda: _runs(instance, warehouse))
    yield from _tables(instance, settings, warehouse)
    yield _schedule(instance, settings)


def _looked_at(subject: str, part: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from part()
    except CapshockError as error:
        yield Finding("hand", subject, f"{error.what} {error.next_step}")


def _environment() -> Finding:
    named = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return Finding("ok", "environment", f"Python {platform.python_version()}, {named}")


def _space(warehouse: Warehouse) -> Finding:
    free = warehouse.free_bytes()
    taken = f"the warehouse takes {warehouse.size_bytes() / 1e6:,.0f} MB"
    if free is None:
        return Finding("ok", "disk", taken)
    level: Level = "hand" if free < LITTLE_SPACE_BYTES else "ok"
    return Finding(level, "disk", f"{free / 1e9:,.1f} GB free; {taken}")


def _lock(warehouse: Warehouse) -> Finding:
    if warehouse.is_held():
        return Finding("ok", "writer", f"at work: {warehouse.holder()}")
    return Finding("ok", "writer", "nobody is writing")


def _runs(instance: dg.DagsterInstance, warehouse: Warehouse) -> Iterator[Finding]:
    for record in dead_runs(instance, warehouse):
        yield Finding(
            "hand",
            "dead run",
            f"{record.dagster_run.run_id[:8]} is said to be at work, and nobody holds the lock: "
            "the next tick of the schedule buries it, or `capshock run`",
        )
    last = instance.get_run_records(limit=1)
    if not last:
        yield Finding("hand", "last run", "there was none: `capshock run`")
        return
    run, start = last[0].dagster_run, last[0].start_time or time.time()
    ago = _ago(time.time() - start)
    if run.status == dg.DagsterRunStatus.FAILURE:
        reasons = failure_reasons(instance, run.run_id) or ["no reason was left"]
        yield Finding("hand", "last run", f"{run.run_id[:8]} failed {ago}: {reasons[0]}")
    else:
        said = f"{run.run_id[:8]}, {run.status.value.lower()}, {ago}"
        yield Finding("ok", "last run", said)
    yield from _checks(instance, run.run_id)


def _checks(instance: dg.DagsterInstance, run_id: str) -> Iterator[Finding]:
    told = evaluations(instance, run_id)
    for one in told:
        if not one.passed:
            is_error = one.severity == dg.AssetCheckSeverity.ERROR
            yield Finding("hand" if is_error else "look", "check", remark(one).split(", ", 1)[1])
    if told:
        passed = sum(one.passed for one in told)
        yield Finding("ok", "checks", f"{passed} of {len(told)} of the last run passed")


def _tables(
    instance: dg.DagsterInstance, settings: Settings, warehouse: Warehouse
) -> Iterator[Finding]:
    """Look into the private database, unless a run has it open: that is as it should be."""
    parts = {"sessions": _missing, "published": _published, "held rows": _held}
    try:
        with warehouse.holding("capshock doctor", PATIENCE_SECONDS):
            for subject, part in parts.items():
                yield from _looked_at(subject, partial(part, instance, settings, warehouse))
    except WriterAtWork:
        for subject in parts:
            yield Finding("look", subject, "not looked at while a writer is at work")
    except WarehouseError as error:
        yield Finding("hand", "warehouse", f"{error.what} {error.next_step}")


def _missing(
    instance: dg.DagsterInstance, settings: Settings, warehouse: Warehouse
) -> Iterator[Finding]:
    plan = make_plan(instance, settings, None, None)
    if not warehouse.exists():
        yield Finding("hand", "sessions", "none has been fetched: `capshock run`")
        return
    with warehouse.open_written() as reader:
        last: date | None = reader.value("SELECT max(session_date) FROM raw.prices")
    if last is None:
        yield Finding("hand", "sessions", "none has landed: `capshock run`")
        return
    closed = calendar.last_closed_session(Inputs(settings).moment())
    behind = calendar.sessions(last + timedelta(days=1), closed)
    if settings.source != "files":
        # A live source is asked again for the last sessions: only the calendar says what lacks.
        level: Level = "hand" if behind else "ok"
        said = f"{len(behind)} closed since {last}" + (": `capshock run`" if behind else "")
        yield Finding(level, "sessions", said)
    elif plan.first is not None:
        ranges = ", ".join(f"{a} to {b}" if a != b else f"{a}" for a, b in plan.ranges())
        said = f"source {settings.source} has some that the warehouse lacks: {ranges}"
        yield Finding("hand", "sessions", f"{said}: `capshock run`")
    else:
        since = f"; {len(behind)} have closed since" if behind else ""
        said = f"all that source {settings.source} has, up to {last}{since}"
        yield Finding("ok", "sessions", said)


def _published(
    instance: dg.DagsterInstance, settings: Settings, warehouse: Warehouse
) -> Iterator[Finding]:
    del instance
    if warehouse.is_published():
        yield Finding("ok", "published", f"{settings.warehouse} holds what was computed")
    else:
        said = f"{settings.warehouse} is not there, or older than what was computed"
        stops = open_stops(Evidence(warehouse, Inputs(settings))) if warehouse.exists() else []
        if stops:
            named = ", ".join(f"{stop.table} {stop.check}" for stop in stops)
            way_out = stopped(warehouse.name, stops).next_step
            yield Finding("hand", "published", f"{said}: stopped by {named}. {way_out}")
        else:
            yield Finding("hand", "published", f"{said}: `capshock run`")
    if warehouse.exists():
        overrides = overrides_of(warehouse).filter("is_in_force")
        for table, check, reason, by in overrides.select(
            "table_name", "check_name", "reason", "overridden_by"
        ).iter_rows():
            said = f"{table} fails {check} as it did when {by} published it all the same: {reason}"
            yield Finding("look", "override", said)


def _held(
    instance: dg.DagsterInstance, settings: Settings, warehouse: Warehouse
) -> Iterator[Finding]:
    del instance, settings
    if not warehouse.exists():
        return
    with warehouse.open_written() as reader:
        held = reader.rows(
            "SELECT symbol, row_date FROM ops.quarantine WHERE status = 'held' "
            "ORDER BY row_date DESC NULLS LAST, symbol"
        )
    if not held:
        yield Finding("ok", "held rows", "none waits for a decision")
        return
    named = ", ".join(f"{row['symbol']} of {row['row_date']}" for row in held[:NAMED])
    yield Finding(
        "look",
        "held rows",
        f"{len(held)} wait for a decision or a later report, the latest {named}: "
        "ops.quarantine says why",
    )


def _schedule(instance: dg.DagsterInstance, settings: Settings) -> Finding:
    now = Inputs(settings).moment()
    said = f"next tick {_next_tick(now):%A %Y-%m-%d %H:%M} in New York"
    try:
        alive = get_daemon_statuses(instance, ["SCHEDULER"])["SCHEDULER"].healthy
    except KeyError:
        alive = False
    if alive:
        return Finding("ok", "schedule", said)
    return Finding("look", "schedule", f"{said}, if the daemon runs by then: `make ui`")


def _next_tick(now: datetime) -> datetime:
    """Return the next moment at which the schedule finds a session."""
    here = now.astimezone(NEW_YORK)
    days = calendar.sessions(here.date(), here.date() + timedelta(days=14))
    ticks = (datetime.combine(day, TICK, NEW_YORK) for day in days)
    return next(tick for tick in ticks if tick > here)


def _ago(seconds: float) -> str:
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {name}{'s' * (number != 1)} ago"
    return "just now"
