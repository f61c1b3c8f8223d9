"""``ops.published_file``: the file that readers open."""

from typing import cast

import dagster as dg

from assets.catalogue import place_of
from assets.ops.observations import observations
from assets.resources import Inputs
from assets.table_asset import asset_key
from warehouse.schemas import Table, mart, ops, raw
from warehouse.storage import Warehouse

PUBLISHED = dg.AssetKey(["ops", "published_file"])
"""The file that readers open."""

_LAST: tuple[type[Table], ...] = (
    raw.Dividends,
    mart.MarketCapGains,
    mart.IndexResidualSuspects,
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
    "one step, and only from tables that belong together.",
)
def published_file(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Publish the private database."""
    warehouse = cast("Warehouse", context.resources.io_manager.open())
    inputs = cast("Inputs", context.resources.inputs)
    size = warehouse.publish()
    for observation in observations(warehouse, inputs.run_id):
        context.log_event(observation)
    pruned = inputs.settle(warehouse.response_ids())
    return dg.MaterializeResult(
        metadata={
            "file": warehouse.name,
            "size_bytes": size,
            "stored_responses_pruned": pruned,
        }
    )
