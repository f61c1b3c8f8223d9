"""Closes beside those of the session before, in one share basis."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.market import calendar


def one_day_moves(prices: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Return closes beside the comparable ones of the session before, on the exchange's calendar.

    Args:
        prices: ``core.prices``.
        sessions: sessions of the exchange, sorted, covering the prices.

    Returns:
        symbol, session_date, close, comparable_close (the previous close divided by the ratio of
        what went ex; null without a bar on the previous session), adjustment_kind, split_factor
        (product of the symbol's split ratios so far), sorted by symbol, session_date.
    """
    is_next = (pl.col("session_number").diff() == 1).over("symbol")
    is_split = pl.col("adjustment_kind") == "split"
    return (
        prices.lazy()
        .select("symbol", "session_date", "close", "adjustment_ratio", "adjustment_kind")
        .join(calendar.numbered(sessions).lazy(), on="session_date")
        .sort("symbol", "session_date")
        .with_columns(
            comparable_close=pl.when(is_next).then(
                pl.col("close").shift().over("symbol") / pl.col("adjustment_ratio")
            ),
            split_factor=pl.when(is_split)
            .then("adjustment_ratio")
            .otherwise(1.0)
            .cum_prod()
            .over("symbol"),
        )
        .drop("adjustment_ratio", "session_number")
        .collect()
    )
