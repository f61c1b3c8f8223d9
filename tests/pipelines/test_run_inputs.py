"""What a run is given from outside: its sessions, and who asks for another try."""

from datetime import date

import dagster as dg
import polars as pl
import pytest

from pipelines.run_inputs import RETRIES, SOMEBODY_WAITS, sessions_of, try_again
from warehouse.errors import SourceError, TooFewDelivered


def run(**tags: str) -> dg.DagsterRun:
    return dg.DagsterRun("refresh", tags={name.replace("__", "/"): t for name, t in tags.items()})


def too_few(*, passes: bool) -> TooFewDelivered:
    return TooFewDelivered("few", "wait", pl.DataFrame(), passes=passes)


def test_a_range_and_a_single_partition_are_the_sessions_of_a_run():
    ranged = run(
        dagster__asset_partition_range_start="2025-01-02",
        dagster__asset_partition_range_end="2025-01-08",
    )
    assert sessions_of(ranged) == (date(2025, 1, 2), date(2025, 1, 8))
    assert sessions_of(run(dagster__partition="2025-01-27")) == (date(2025, 1, 27),) * 2
    assert sessions_of(run()) is None


def test_a_source_out_of_reach_is_asked_again_where_nobody_waits():
    with pytest.raises(dg.RetryRequested) as asked:
        try_again(run(), too_few(passes=True), RETRIES - 1)
    assert (asked.value.max_retries, asked.value.seconds_to_wait) == (RETRIES, 300.0)
    assert RETRIES == 2


@pytest.mark.parametrize(
    ("tags", "error", "tries"),
    [
        ({SOMEBODY_WAITS: "true"}, too_few(passes=True), 0),
        ({}, too_few(passes=False), 0),
        ({}, SourceError("gone", "mend"), 0),
        ({}, too_few(passes=True), RETRIES),
    ],
)
def test_whatever_is_permanent_or_waited_for_or_tried_enough_goes_on_at_once(tags, error, tries):
    try_again(run(**tags), error, tries)
