"""One model per table: the single definition of columns, types, units, keys and rules."""

from warehouse.schemas import core, mart, ops, raw, ref
from warehouse.schemas.table import Column, Table

TABLES: dict[str, type[Table]] = {
    model.table(): model
    for model in (
        ref.SymbolChanges,
        ref.Securities,
        ref.Indices,
        ref.IndexHoldings,
        ref.ShareCountDecisions,
        ref.SplitDecisions,
        ref.Claims,
        raw.Prices,
        raw.Splits,
        raw.Dividends,
        raw.SharesOutstanding,
        raw.IndexLevels,
        core.CorporateActions,
        core.Prices,
        core.SharesOutstanding,
        core.IndexLevels,
        mart.MarketCaps,
        mart.MarketCapLosses,
        mart.MarketCapGains,
        mart.SectorMoves,
        mart.IndexImpacts,
        mart.IndexReconciliations,
        mart.IndexResidualSuspects,
        mart.IndexChanges,
        mart.Drawdowns,
        mart.ClaimChecks,
        ops.Quarantine,
        ops.IngestOutcomes,
        ops.Publications,
        ops.PublishOverrides,
        ops.PublishedSessions,
        ops.Restatements,
        ops.Forgotten,
        ops.Scans,
        ops.TableVersions,
        ops.SchemaVersion,
        ops.DataDictionary,
    )
}

__all__ = ["TABLES", "Column", "Table", "core", "mart", "ops", "raw", "ref"]
