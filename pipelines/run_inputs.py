"""What the assets of a run are given: the resource ``inputs``, made of the settings and the run."""

from collections.abc import Callable
from datetime import date

import dagster as dg
from dagster import InitResourceContext
from dagster import _check as check

from assets.resources import Inputs, Override
from pipelines.settings import Settings
from warehouse.errors import CapshockError, TooFewDelivered

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

SOMEBODY_WAITS = "capshock/somebody_waits"
"""Tag of runs whose failures are said at once: a person sits before them."""

DESPITE, REASON, SAID_BY = "capshock/despite", "capshock/reason", "capshock/said_by"
"""Tags of a run that publishes despite checks: their names with commas, why, and who says so."""

REBUILD = "capshock/rebuild"
"""Tag of a run that makes every table anew, also those whose inputs are as they were."""

RETRIES = 2
RETRY_AFTER_SECONDS = 300.0
"""Tries of a table whose source was out of reach, where nobody waits for the run."""


def inputs_resource(
    settings: Settings, on_progress: Callable[[str, int, int], None] = lambda *_: None
) -> dg.ResourceDefinition:
    """Return the resource ``inputs``.

    Args:
        settings: where the data come from, and limits.
        on_progress: told how many symbols of a dataset a live source has been asked for.
    """

    @dg.resource(description="Where raw and reference data come from, limits, and the sessions.")
    def inputs(context: InitResourceContext) -> Inputs:
        run = check.not_none(context.run)
        return Inputs(
            settings,
            run_id=run.run_id,
            sessions=sessions_of(run),
            on_progress=on_progress,
            on_refusal=lambda error, tries: try_again(run, error, tries),
            override=override_of(run),
            is_rebuilt=run.tags.get(REBUILD) == "true",
        )

    return inputs


def sessions_of(run: dg.DagsterRun) -> tuple[date, date] | None:
    """Return the first and the last session that a run fetches; None where it names none."""
    one = run.tags.get("dagster/partition")
    first, last = run.tags.get(RANGE_START, one), run.tags.get(RANGE_END, one)
    if first is None or last is None:
        return None
    return date.fromisoformat(first), date.fromisoformat(last)


def override_of(run: dg.DagsterRun) -> Override:
    """Return what a person said of checks that fail."""
    named = [name.strip() for name in run.tags.get(DESPITE, "").split(",")]
    return Override(
        tuple(name for name in named if name),
        run.tags.get(REASON, ""),
        run.tags.get(SAID_BY, ""),
    )


def try_again(run: dg.DagsterRun, error: CapshockError, tries: int) -> None:
    """Ask for another try where a source was out of reach and nobody waits for the run.

    After the last one the table lands with what has come of it, or fails where nothing has.

    Args:
        run: the run.
        error: what is wrong.
        tries: how many went before.

    Raises:
        RetryRequested: if so.
    """
    passes = isinstance(error, TooFewDelivered) and error.passes
    if passes and tries < RETRIES and SOMEBODY_WAITS not in run.tags:
        raise dg.RetryRequested(RETRIES, RETRY_AFTER_SECONDS) from error
