"""``ops.quarantine``, ``ops.ingest_outcomes``: what the gates write together with their tables."""

import dagster as dg

from assets.table_asset import asset_key, definition_metadata
from warehouse.schemas import Table, core, ops, raw

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
