"""``ops.published_file``: the file that readers open."""

from collections.abc import Iterator, Sequence
from typing import cast

import dagster as dg
import polars as pl

from assets.catalogue import place_of
from assets.metadata import as_table
from assets.ops.checks import Evidence
from assets.ops.gate import Stop, open_stops, pass_gate
from assets.ops.observations import observations
from assets.resources import Inputs
from assets.table_asset import asset_key
from warehouse.errors import PublishingStopped
from warehouse.schemas import Table, mart, ops, raw
from warehouse.storage import Warehouse

PUBLISHED = dg.AssetKey(["ops", "published_file"])
"""The file that readers open."""

GATE = "gate"
"""Name of the check that runs before publishing."""

_LAST: tuple[type[Table], ...] = (
    raw.Dividends,
    mart.MarketCapGains,
    mart.IndexResidualSuspects,
    mart.IndexChanges,
    mart.Drawdowns,
    mart.ClaimChecks,
)
"""Tables that no other is made from: where they are there, all are."""


@dg.asset(
    key=PUBLISHED,
    deps=[asset_key(ops.DataDictionary), *(asset_key(model) for model in _LAST)],
    **place_of("ops.published_file"),
    kinds={"duckdb"},
    required_resource_keys={"io_manager", "inputs"},
    description="The DuckDB file that readers open: a compact copy of all tables, put in place in "
    "one step, and only from tables that belong together and pass the gate.",
    check_specs=[
        dg.AssetCheckSpec(
            GATE,
            asset=PUBLISHED,
            blocking=True,
            description="No check of severity error fails, but those that a person has overridden: "
            "else nothing is published, and readers keep what was published before.",
        )
    ],
)
def published_file(
    context: dg.AssetExecutionContext,
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
    """Publish the private database, if it passes the gate."""
    warehouse = cast("Warehouse", context.resources.io_manager.open())
    inputs = cast("Inputs", context.resources.inputs)
    evidence = Evidence(warehouse, inputs)
    try:
        despite = pass_gate(evidence)
    except PublishingStopped as stopped:
        found = open_stops(evidence)
        yield _told(found, passed=False, said=f"not published: {len(found)} checks fail")
        raise dg.Failure(str(stopped), allow_retries=False) from stopped
    for stop in despite:
        context.log.warning("Published despite a check that fails: %s", stop)
    said = f"published despite {len(despite)} checks that fail" if despite else "nothing fails"
    yield _told(despite, passed=True, said=said)
    size = warehouse.publish()
    for observation in observations(warehouse, inputs.run_id):
        context.log_event(observation)
    pruned = inputs.settle(warehouse.response_ids())
    yield dg.MaterializeResult(
        metadata={
            "file": warehouse.name,
            "size_bytes": size,
            "stored_responses_pruned": pruned,
        }
    )


def _told(stops: Sequence[Stop], *, passed: bool, said: str) -> dg.AssetCheckResult:
    rows = pl.DataFrame(
        [(stop.table, stop.check, stop.said) for stop in stops],
        schema=["table", "check", "said"],
        orient="row",
    )
    return dg.AssetCheckResult(
        check_name=GATE,
        passed=passed,
        description=said,
        metadata={"failing": len(stops), "failing_checks": as_table(rows)},
    )
