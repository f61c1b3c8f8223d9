"""Closes beside earlier ones in one share basis: of the session before, and over all sessions."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.market import calendar


def with_comparable_close(prices: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Add ``comparable_close``: the close of the session before, in the share basis of this one.

    p' = p(t-1) / k, k being the product of what went ex; null without a bar on the previous session
    of the exchange. Nothing else compares two closes for a one-day move.

    Args:
        prices: symbol, session_date, close, adjustment_ratio, ..., sorted by symbol, session_date.
        sessions: sessions of the exchange, sorted, covering the prices.
    """
    numbered = calendar.numbered(sessions)
    number = pl.col("session_date").replace_strict(
        numbered["session_date"], numbered["session_number"], return_dtype=pl.Int32
    )
    # Rows are sorted: looking at the row before is much cheaper than a window per symbol.
    is_next = (pl.col("symbol") == pl.col("symbol").shift()) & (number - number.shift() == 1)
    return prices.with_columns(
        comparable_close=pl.when(is_next).then(pl.col("close").shift() / pl.col("adjustment_ratio"))
    )


def chained_close() -> pl.Expr:
    """Return closes in one share basis over all sessions of a symbol: that of its first bar.

    Reads symbol, close, adjustment_ratio of rows sorted by symbol, session_date.
    """
    return pl.col("close") * chained_ratio()


def chained_ratio() -> pl.Expr:
    """Return how many shares, by price, one share of a symbol's first bar has become.

    Reads symbol, adjustment_ratio of rows sorted by symbol, session_date.
    """
    return pl.col("adjustment_ratio").cum_prod().over("symbol")
