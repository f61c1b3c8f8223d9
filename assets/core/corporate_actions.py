"""``core.corporate_actions``: what went ex, on its own date, splits and spin-offs apart."""

import polars as pl

from assets.market.corporate_actions import classify
from assets.table_asset import table_asset
from warehouse.schemas import core, raw, ref


@table_asset(core.CorporateActions, {"splits": raw.Splits, "decisions": ref.SplitDecisions})
def core_corporate_actions(splits: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Tell splits from spin-offs."""
    return classify(splits.select("symbol", "ex_date", "ratio", "kind"), decisions)
