"""Tables of ``ops`` that gates, publications and people's words write."""

import dagster as dg

from assets.catalogue import place_of
from assets.table_asset import asset_key, definition_metadata
from warehouse.schemas import ops

gate_tables = [
    dg.AssetSpec(
        asset_key(model),
        description=f"{model.answers()} Written together with the tables it speaks of, and "
        "observed when a run is published.",
        kinds={"duckdb"},
        metadata=definition_metadata(model, {}),
        **place_of(model.table()),
    )
    for model in (
        ops.Quarantine,
        ops.IngestOutcomes,
        ops.Publications,
        ops.PublishOverrides,
        ops.PublishedSessions,
        ops.Restatements,
        ops.Forgotten,
    )
]
"""Tables that the gates write in the same transaction as their own: seen, never run.

They have no arrows: every gate writes them, and lines from all of raw and core would hide the rest.
"""
