"""Rows that a gate holds: what has landed stays beside them, and either may be wrong."""

import polars as pl

from warehouse.schemas.vocabulary import RefusalStatus


def held_for(quarantine: pl.DataFrame, table: str, rule: str) -> pl.DataFrame:
    """Return the rows of a table that are held for a rule.

    Args:
        quarantine: ``ops.quarantine``.
        table: ``schema.table`` before which they were refused.
        rule: the rule that they break.

    Returns:
        symbol, row_date.
    """
    return quarantine.filter(
        (pl.col("source_table") == table)
        & (pl.col("status") == RefusalStatus.HELD)
        & pl.col("rules").list.contains(rule)
    ).select("symbol", "row_date")
