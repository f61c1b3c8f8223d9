"""The sensor that watches the folder of raw data: a delivery that is complete starts a run.

Complete is what has not changed for a while, or, where a marker file is agreed on, what the marker
was put beside last.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import dagster as dg
from dagster import _check as check

from assets.sources.tables_in_files import SUFFIXES
from pipelines.dead_runs import unfinished_runs
from pipelines.run_requests import REFRESH, plan_or_fail, requests_for
from pipelines.settings import Settings
from warehouse.errors import WriterAtWork
from warehouse.lock import LOOK_SECONDS
from warehouse.schemas.vocabulary import Dataset
from warehouse.storage import open_warehouse

Signatures = dict[str, str]
"""File -> what changes when it changes: when it was written (nanoseconds), and its size."""


@dataclass(frozen=True)
class Seen:
    """What the sensor remembers between two looks.

    Attributes:
        done: the files for which a run was requested last.
        now: the files as they were at the last look.
        since: since when they have been so (epoch seconds).
    """

    done: Signatures
    now: Signatures
    since: float

    @classmethod
    def of(cls, cursor: str) -> "Seen":
        """Read a cursor."""
        return cls(**json.loads(cursor))

    def cursor(self) -> str:
        """Return it as a cursor."""
        return json.dumps(asdict(self))

    def changed(self, marker: str) -> list[str]:
        """Return the files, the marker left out, that are other than those of the last run."""
        names = (self.now.keys() | self.done.keys()) - {marker}
        return sorted(n for n in names if self.now.get(n) != self.done.get(n))


def new_data_files(
    settings: Settings, every_seconds: int = 30, clock: Callable[[], float] = time.time
) -> dg.SensorDefinition:
    """Return the sensor that starts a run when a delivery of files is complete.

    Args:
        settings: which folder, and what makes a delivery complete.
        every_seconds: how often it looks.
        clock: the time (epoch seconds).
    """

    @dg.sensor(
        name="new_data_files",
        job_name=REFRESH,
        minimum_interval_seconds=every_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Files of the data folder that changed: brings the tables up to date, once "
        "they have been still for CAPSHOCK_DATA_STILL_SECONDS, or the file CAPSHOCK_DATA_MARKER "
        "has been put beside them.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if settings.source != "files":
            return dg.SkipReason(f"The source is {settings.source}, not files.")
        folder, now = settings.data_dir.resolve(), clock()
        found = _signatures(folder, settings.data_marker)
        if context.cursor is None or not open_warehouse(settings.warehouse).exists():
            reason = "From here on; the first run reads all."
            return dg.SensorResult(
                cursor=Seen(found, found, now).cursor(), skip_reason=dg.SkipReason(reason)
            )
        seen = Seen.of(context.cursor)
        if found != seen.now:
            seen = replace(seen, now=found, since=now)

        def waits(reason: str) -> dg.SensorResult:
            return dg.SensorResult(cursor=seen.cursor(), skip_reason=dg.SkipReason(reason))

        named = ", ".join(seen.changed(settings.data_marker))
        if not named:
            return waits("No file has changed.")
        lacks = _lacks(seen, settings, now)
        if lacks is None and unfinished_runs(context.instance):
            lacks = "waits for the run that is on its way."
        if lacks is not None:
            return waits(f"{named}: {lacks}")
        graph = check.not_none(context.repository_def).asset_graph
        warehouse = open_warehouse(settings.warehouse)
        try:
            with warehouse.planning("the sensor new_data_files, planning", LOOK_SECONDS):
                requests = requests_for(graph, plan_or_fail(context.instance, settings))
        except WriterAtWork as error:
            return waits(f"{named}: waits. {error.what}")
        # One change, one run: however often it is looked at.
        key = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]
        return dg.SensorResult(
            run_requests=[
                request.with_replaced_attrs(
                    run_key=f"{key}-{place}", tags={**request.tags, "capshock/changed": named}
                )
                for place, request in enumerate(requests)
            ],
            cursor=replace(seen, done=found).cursor(),
        )

    return sensor


def _lacks(seen: Seen, settings: Settings, now: float) -> str | None:
    """Say what a changed delivery still lacks to be complete."""
    marker = settings.data_marker
    if not marker:
        rest = settings.data_still_seconds - (now - seen.since)
        return f"still being written? Looks again in {rest:.0f} s." if rest > 0 else None
    if marker not in seen.now or seen.now[marker] == seen.done.get(marker):
        return f"waits for {marker} beside it."
    written = {name: int(signature.split()[0]) for name, signature in seen.now.items()}
    late = [name for name, at in written.items() if at > written[marker]]
    return f"waits for {marker}: {', '.join(late)} came after it." if late else None


def _signatures(folder: Path, marker: str) -> Signatures:
    """Return what changes when a file changes, of the files of the contract and the marker."""
    names = [f"{dataset}.{ending}" for dataset in Dataset for ending in SUFFIXES]
    if marker:
        names.append(marker)
    return {
        name: f"{path.stat().st_mtime_ns} {path.stat().st_size}"
        for name in names
        if (path := folder / name).is_file()
    }
