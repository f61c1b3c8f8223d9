"""``core.index_levels``: official levels that make sense in themselves and next to others."""

import polars as pl

from assets.core.order_gate import gate_order, hold_repeated_bars, landing_of
from assets.market.levels import unbelievable_levels
from assets.raw.delivery import refuse_bad_delivery
from assets.resources import Limits
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import core, raw, ref
from warehouse.schemas.vocabulary import RefusalStatus
from warehouse.validation import Gated, quarantine

_ROW = "__row"


def hold_unbelievable_levels(levels: pl.DataFrame, decisions: pl.DataFrame) -> Gated:
    """Hold levels that jump beyond belief from the last accepted one.

    Args:
        levels: levels sorted by index_symbol, session_date.
        decisions: ``ref.split_decisions``.
    """
    indexed = levels.with_row_index(_ROW)
    problems = unbelievable_levels(levels, decisions).select(
        pl.col("row").alias(_ROW), "reason", rule=pl.lit("level_move")
    )
    passed = indexed.join(problems.select(_ROW), on=_ROW, how="anti", maintain_order="left")
    return Gated(
        passed=passed.drop(_ROW),
        quarantined=quarantine(indexed, problems, core.IndexLevels, status=RefusalStatus.HELD),
        received=levels.height,
    )


@table_asset(core.IndexLevels, {"levels": raw.IndexLevels, "decisions": ref.SplitDecisions})
def core_index_levels(levels: pl.DataFrame, decisions: pl.DataFrame, limits: Limits) -> Landing:
    """Pass all index levels through the second gate."""
    ordered = gate_order(levels, core.IndexLevels)
    refuse_bad_delivery(ordered, core.IndexLevels, limits)
    anew = hold_repeated_bars(ordered.passed, decisions, core.IndexLevels)
    moved = hold_unbelievable_levels(anew.passed, decisions)
    return landing_of(moved.passed, [ordered, anew, moved], core.IndexLevels)
