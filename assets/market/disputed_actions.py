"""Actions that the price itself contradicts: nothing says which of the two is wrong.

Closes before a split may have come divided by it, the split may never have been, or its ratio or
date be another. Until a person decides, no close of the line stands in a known share basis.
"""

import math

import polars as pl

from assets.market.bars import ABOUT_THE_RATIO, DOUBTFUL_MOVE
from assets.market.corporate_actions import with_adjustments

FOLLOWS_WITHIN = 10
"""A price that follows so many bars later does follow: the action is dated early."""

_KEY = ["symbol", "session_date"]


def does_not_follow(move: pl.Expr, ratio: pl.Expr) -> pl.Expr:
    """Tell whether a move looks like the ratio of an action that the price has not followed.

    The same as ``bars.is_in_doubt``, of columns.

    Args:
        move: close over an earlier one, in one share basis by the action.
        ratio: what went ex in between.
    """
    size, of_ratio = move.log().abs(), ratio.log().abs()
    least, most = (part * of_ratio for part in ABOUT_THE_RATIO)
    return (size > math.log(DOUBTFUL_MOVE)) & size.is_between(least, most)


def closes_of_disputed_actions(
    bars: pl.DataFrame, actions: pl.DataFrame, decisions: pl.DataFrame
) -> pl.DataFrame:
    """Return all bars of the lines with an action that their closes contradict.

    They do where neither the close on the ex-date has followed the ratio, nor the one ten bars
    later (``FOLLOWS_WITHIN``; the last one, where there are fewer).

    Args:
        bars: ``raw.prices``, with those that the gate holds: symbol, session_date, close, ...
        actions: ``core.corporate_actions``.
        decisions: ``ref.split_decisions``; what a person said of a date settles it.

    Returns:
        symbol, session_date, sorted.
    """
    known = actions["symbol"].unique()
    adjusted = with_adjustments(
        bars.select(*_KEY, "close").filter(pl.col("symbol").is_in(known.implode())).sort(_KEY),
        actions,
    )
    close = pl.col("close")
    later = pl.coalesce(
        close.shift(-FOLLOWS_WITHIN).over("symbol"), close.last().over("symbol")
    )  # fmt: skip
    ratio, before = pl.col("adjustment_ratio"), close.shift().over("symbol")
    disputed = (
        adjusted.with_columns(before=before, later=later)
        .filter(
            (ratio != 1)
            & does_not_follow(close * ratio / pl.col("before"), ratio)
            & does_not_follow(pl.col("later") * ratio / pl.col("before"), ratio)
        )
        .join(decisions, left_on=_KEY, right_on=["symbol", "ex_date"], how="anti")
    )
    return bars.select(_KEY).join(disputed, on="symbol", how="semi").sort(_KEY)
