"""``ops``: the tables the pipeline keeps about itself, and the file that readers open."""

import dagster as dg
import polars as pl

from assets.table_asset import asset_key, definition_metadata, table_asset
from warehouse.schemas import TABLES, Table, core, mart, ops, raw

PUBLISHED = dg.AssetKey(["ops", "published_file"])
"""The file that readers open."""

_GATED: tuple[type[Table], ...] = (
    raw.Prices,
    raw.Splits,
    raw.Dividends,
    raw.SharesOutstanding,
    raw.IndexLevels,
    core.Prices,
    core.SharesOutstanding,
    core.IndexLevels,
)


_LAST: tuple[type[Table], ...] = (
    mart.MarketCapGains,
    mart.IndexResidualSuspects,
    mart.Drawdowns,
    mart.ClaimChecks,
)
"""Tables that no other is made from: where they are there, all are."""


def _kept_by(model: type[Table], writers: tuple[type[Table], ...]) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(model),
        deps=[asset_key(writer) for writer in writers],
        description=f"{model.answers()} Written together with the tables it speaks of.",
        group_name="ops",
        kinds={"duckdb"},
        metadata=definition_metadata(model, {}),
    )


kept_tables = [
    _kept_by(ops.Quarantine, _GATED),
    _kept_by(ops.IngestOutcomes, _GATED[:5]),
]
"""Tables that the gates write in the same transaction as their own: seen, never run."""


@table_asset(ops.DataDictionary, kinds=frozenset({"duckdb"}))
def data_dictionary() -> pl.DataFrame:
    """Write the models down as a table."""
    return pl.DataFrame(
        [
            {
                "schema": name.split(".")[0],
                "table": name.split(".")[1],
                "column": c.name,
                "position": position,
                "type": c.duckdb_type,
                "unit": c.unit,
                "meaning": c.meaning,
                "is_key": c.is_key,
                "is_nullable": c.nullable,
                "rules": list(c.rules),
                "made_of": list(c.made_of),
            }
            for name, model in TABLES.items()
            for position, c in enumerate(model.columns(), start=1)
        ],
        schema=ops.DataDictionary.polars_schema(),
    ).sort(ops.DataDictionary.key())


@dg.asset(
    key=PUBLISHED,
    deps=[asset_key(ops.DataDictionary), *(asset_key(model) for model in _LAST)],
    group_name="ops",
    kinds={"duckdb"},
    required_resource_keys={"io_manager", "inputs"},
    description="The DuckDB file that readers open: a compact copy of all tables, put in place in "
    "one step, and only from tables that belong together.",
)
def published_file(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Publish the private database."""
    warehouse = context.resources.io_manager.open()
    size = warehouse.publish()
    pruned = context.resources.inputs.settle(warehouse.response_ids())
    return dg.MaterializeResult(
        metadata={
            "file": warehouse.published.name,
            "size_bytes": size,
            "stored_responses_pruned": pruned,
        }
    )
