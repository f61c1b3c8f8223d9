"""Splits and dividends that a source has corrected: what it said first is not kept beside it.

It has dated one otherwise since; or it lists a split no more, by which nothing was ever divided.
"""

import math

import polars as pl

from assets.market import calendar

WITHIN_SESSIONS = 10
"""A date is corrected by no more than this: the next of a line's equal dividends lies beyond."""

SAME_TO = 1e-3
"""Relative distance within which two ratios, or two amounts, are one."""

SURELY_A_SPLIT = 1.15
"""A ratio nearer to 1 than this, either way, is no larger than what a price does by itself."""

MUCH_NEARER = 3
"""A close is much nearer to the one before than to a divided one if it is by this factor."""

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


def undone(
    landed: pl.DataFrame, delivered: pl.DataFrame, answered: pl.DataFrame, bars: pl.DataFrame
) -> pl.DataFrame:
    """Return the splits that a source lists no more, and that no close has followed.

    Where the close on the ex-date is much nearer to the one before than to a divided one, there
    was no split: it was called off, or belongs to another line. One that closes have followed
    stays, listed or not.

    Args:
        landed: symbol, ex_date, ratio.
        delivered: the same, of all that the source has of the lines since a date.
        answered: symbol, since: the lines whose answer is whole, and that date.
        bars: symbol, session_date, close; as traded.

    Returns:
        symbol, ex_date, corrected_to (null), unique, sorted.
    """
    key = ["symbol", "ex_date"]
    gone = (
        landed.join(answered, on="symbol")
        .filter(pl.col("ex_date") >= pl.col("since"))
        .join(delivered.select(key), on=key, how="anti")
        .filter(pl.col("ratio").log().abs() > math.log(SURELY_A_SPLIT))
        .sort("ex_date")
    )
    closes = bars.select("symbol", "close", ex_date="session_date").sort("ex_date")
    before = closes.with_columns(pl.col("ex_date").dt.offset_by("1d"))
    move = (pl.col("close") / pl.col("close_before")).log()
    return (
        gone.join_asof(before, on="ex_date", by="symbol", suffix="_before", check_sortedness=False)
        .rename({"close": "close_before"})
        .join_asof(closes, on="ex_date", by="symbol", strategy="forward", check_sortedness=False)
        .filter(move.abs() < (move + pl.col("ratio").log()).abs() / MUCH_NEARER)
        .with_columns(corrected_to=pl.lit(None, pl.Date))
        .select(_FOUND.names())
        .unique()
        .sort(key)
    )
