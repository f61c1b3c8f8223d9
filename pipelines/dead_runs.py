"""Runs whose process has died: Dagster's history believes in them until somebody looks."""

import time
from collections.abc import Sequence

import dagster as dg
from dagster import DagsterRunStatus, RunRecord

from warehouse.storage import Warehouse

STARTING = (DagsterRunStatus.STARTING, DagsterRunStatus.NOT_STARTED)
WAITING = (DagsterRunStatus.QUEUED, *STARTING)
WORKING = (DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)

GRACE_SECONDS = 30.0
"""A run takes the writer's lock right after it has started; this long it may lack it."""

STARTING_SECONDS = 300.0
"""A process that has not started its run after this long never will."""


def dead_runs(instance: dg.DagsterInstance, warehouse: Warehouse) -> list[RunRecord]:
    """Return the runs that are said to be at work, while nobody holds the writer's lock.

    Runs hold the lock from their first step to their last; the system frees it when their process
    dies, however it dies.
    """
    if warehouse.is_held():
        return []
    return [
        record
        for record in unfinished_runs(instance)
        if _seconds_silent(record) > _patience(record.dagster_run.status)
    ]


def bury_dead_runs(instance: dg.DagsterInstance, warehouse: Warehouse) -> list[str]:
    """Mark dead runs as failed, so that they keep no queue waiting; return their ids."""
    dead = [record.dagster_run for record in dead_runs(instance, warehouse)]
    for run in dead:
        instance.report_run_failed(
            run, "The process of this run has died: nobody holds the warehouse's lock any more."
        )
    return [run.run_id for run in dead]


def unfinished_runs(instance: dg.DagsterInstance) -> Sequence[RunRecord]:
    """Return the runs that wait or work, the oldest first."""
    return instance.get_run_records(dg.RunsFilter(statuses=[*WAITING, *WORKING]), ascending=True)


def _patience(status: DagsterRunStatus) -> float:
    if status == DagsterRunStatus.QUEUED:
        return float("inf")
    return STARTING_SECONDS if status in STARTING else GRACE_SECONDS


def _seconds_silent(record: RunRecord) -> float:
    return time.time() - record.update_timestamp.timestamp()
