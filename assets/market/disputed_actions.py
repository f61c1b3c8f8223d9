"""Actions that the price itself contradicts: nothing says which of the two is wrong.

Closes before a split may have come divided by it, the split may never have been, or its ratio or
date be another. Until a person decides, no close of the line stands in a known share basis.
"""

import polars as pl

from assets.market.bars import does_not_follow
from assets.market.corporate_actions import with_adjustments
from assets.market.held_rows import held_for
from assets.market.rebased_closes import PRICES_AND_SPLITS

FOLLOWS_WITHIN = 10
"""A price that follows so many bars later does follow: the action is dated early."""

_KEY = ["symbol", "session_date"]


def closes_of_disputed_actions(
    bars: pl.DataFrame,
    prices: pl.DataFrame,
    actions: pl.DataFrame,
    decisions: pl.DataFrame,
    quarantine: pl.DataFrame,
) -> pl.DataFrame:
    """Return the bars whose closes and actions are not one statement: mostly all of a line.

    They are not where neither the close on an ex-date has followed the ratio, nor the one ten bars
    later (``FOLLOWS_WITHIN``; the last one, where there are fewer); and where the last ten bars are
    held, all of them: they are in another basis than those before, and no action says why. Of
    closes that the source tells in another basis now, these alone: what it said first stays, and
    which of the two is right, nobody knows until it is of one mind.

    Args:
        bars: ``raw.prices``, with those that the gate holds: symbol, session_date, close, ...
        prices: ``core.prices``.
        actions: ``core.corporate_actions``.
        decisions: ``ref.split_decisions``; what a person said of a date settles it.
        quarantine: ``ops.quarantine``.

    Returns:
        symbol, session_date, sorted.
    """
    sorted_bars = bars.select(*_KEY, "close").sort(_KEY)
    lines = [
        _not_followed(sorted_bars, actions, decisions),
        _held_to_the_end(sorted_bars, prices),
    ]
    found = sorted_bars.select(_KEY).join(pl.concat(lines), on="symbol", how="semi")
    held = held_for(quarantine, "raw.prices", PRICES_AND_SPLITS)
    told_anew = sorted_bars.select(_KEY).join(
        held, left_on=_KEY, right_on=["symbol", "row_date"], how="semi"
    )
    return pl.concat([found, told_anew]).unique().sort(_KEY)


def _not_followed(
    bars: pl.DataFrame, actions: pl.DataFrame, decisions: pl.DataFrame
) -> pl.DataFrame:
    close, ratio = pl.col("close"), pl.col("adjustment_ratio")
    known = actions["symbol"].unique()
    later = close.shift(-FOLLOWS_WITHIN).over("symbol")
    return (
        with_adjustments(bars.filter(pl.col("symbol").is_in(known.implode())), actions)
        .with_columns(
            before=close.shift().over("symbol"),
            later=pl.coalesce(later, close.last().over("symbol")),
        )
        .filter(
            (ratio != 1)
            & does_not_follow(close * ratio / pl.col("before"), ratio)
            & does_not_follow(pl.col("later") * ratio / pl.col("before"), ratio)
        )
        .join(decisions, left_on=_KEY, right_on=["symbol", "ex_date"], how="anti")
        .select("symbol")
    )


def _held_to_the_end(bars: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    last = bars.group_by("symbol").tail(FOLLOWS_WITHIN)
    held = last.join(prices, on=_KEY, how="anti").group_by("symbol").len()
    return held.filter(pl.col("len") == FOLLOWS_WITHIN).select("symbol")
