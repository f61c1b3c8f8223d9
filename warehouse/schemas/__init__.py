"""One model per table: the single definition of columns, types, units, keys and rules."""

from warehouse.schemas import core, mart, ops, raw, ref
from warehouse.schemas.table import Column, Table

SCHEMA_VERSION = 1
"""Rises with every change to the shape of a table; an older private database is then refused."""

TABLES: dict[str, type[Table]] = {
    model.table(): model
    for model in (
        ref.Securities,
        ref.Indices,
        ref.IndexHoldings,
        ref.ShareCountDecisions,
        ref.SplitDecisions,
        raw.Prices,
        raw.Splits,
        raw.Dividends,
        raw.SharesOutstanding,
        raw.IndexLevels,
        core.Prices,
        core.SharesOutstanding,
        core.IndexLevels,
        mart.MarketCaps,
        mart.MarketCapLosses,
        mart.MarketCapGains,
        mart.SectorMoves,
        ops.Quarantine,
        ops.IngestOutcomes,
        ops.Scans,
        ops.TableVersions,
        ops.SchemaVersion,
    )
}

__all__ = ["SCHEMA_VERSION", "TABLES", "Column", "Table", "core", "mart", "ops", "raw", "ref"]
