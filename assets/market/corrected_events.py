"""Splits and dividends whose date a source has corrected: the first one is not kept beside it."""

import polars as pl

from assets.market import calendar

WITHIN_SESSIONS = 10
"""A date is corrected by no more than this: the next of a line's equal dividends lies beyond."""

SAME_TO = 1e-3
"""Relative distance within which two ratios, or two amounts, are one."""

_FOUND = pl.Schema({"symbol": pl.String, "ex_date": pl.Date, "corrected_to": pl.Date})


def corrected(
    landed: pl.DataFrame, delivered: pl.DataFrame, answered: pl.DataFrame, value: str
) -> pl.DataFrame:
    """Return the events that a source dates otherwise now: it has another, and no longer this one.

    One that merely vanished stays: a source that leaves out an event today has not unmade it.

    Args:
        landed: symbol, ex_date and the value.
        delivered: the same, of all that the source has of the lines since a date.
        answered: symbol, since: the lines whose answer is whole, and that date.
        value: the column that says how large an event is: ratio, amount_usd.

    Returns:
        symbol, ex_date, corrected_to (the nearest such date), unique, sorted.
    """
    key = ["symbol", "ex_date"]
    vanished = (
        landed.join(answered, on="symbol")
        .filter(pl.col("ex_date") >= pl.col("since"))
        .join(delivered.select(key), on=key, how="anti")
        .select(*key, value)
    )
    others = delivered.select("symbol", corrected_to="ex_date", other=value)
    days = pl.Series(calendar.sessions())
    both = vanished.join(others, on="symbol").filter(
        (pl.col(value) / pl.col("other") - 1).abs() <= SAME_TO
    )
    places = [days.search_sorted(both[name]).cast(pl.Int64) for name in ("ex_date", "corrected_to")]
    return (
        both.with_columns(apart=(places[0] - places[1]).abs())
        .filter(pl.col("apart") <= WITHIN_SESSIONS)
        .sort(*key, "apart", "corrected_to")
        .unique(key, keep="first", maintain_order=True)
        .select(_FOUND.names())
    )
