"""What no bar can be: in contradiction to itself, or beyond belief next to its neighbours."""

import math

import polars as pl

from assets.market.corporate_actions import with_adjustments
from assets.market.moves import chained_close, chained_ratio
from warehouse.schemas.vocabulary import AdjustmentKind

MAX_MOVE = 1.8
"""Largest believable move between two accepted closes without a corporate action."""

DOUBTFUL_MOVE = 1.1
"""A move beyond this, that is about as large as an action's own ratio, puts the action in doubt."""

_ABOUT_THE_RATIO = (0.5, 2.5)
"""Which part of the ratio's logarithm the move has: not followed is 1, inverted is 2."""

MOST_OF_SESSION = 0.5
"""Where more than this part of a session's bars are repeated, the session is."""

ORDER_TOLERANCE = 0.005
"""Half a cent: sources round open, high, low and close independently."""


def is_disordered() -> pl.Expr:
    """Tell whether a bar contradicts itself: low <= open, close <= high, to half a cent."""
    low, high = pl.col("low") - ORDER_TOLERANCE, pl.col("high") + ORDER_TOLERANCE
    broken = pl.any_horizontal(
        pl.col("open") < low,
        pl.col("close") < low,
        pl.col("open") > high,
        pl.col("close") > high,
        pl.col("low") > high,
    )
    return broken.fill_null(value=False)


def repeated(rows: pl.DataFrame, symbol: str) -> pl.Series:
    """Tell which bars are the one before once more: open, high, low and close, and a range.

    Not one of 600,000 real bars is. A bar without a range may be, for nobody traded, and so may a
    close that comes alone; but not where most of a session's bars are those of the one before.

    Args:
        rows: bars, sorted by symbol and session_date.
        symbol: the column that names the line.
    """
    names = (symbol, "open", "high", "low", "close")
    same = pl.all_horizontal(*(pl.col(name).eq_missing(pl.col(name).shift()) for name in names))
    has_range = (pl.col("high") > pl.col("low")).fill_null(value=False)
    told = rows.select("session_date", same=same, is_whole=same & has_range)
    of_session = pl.col("is_whole").mean().over("session_date")
    return told.select(
        pl.col("is_whole") | (pl.col("same") & (of_session > MOST_OF_SESSION))
    ).to_series()


def is_in_doubt(move: float, ratio: float) -> bool:
    """Tell whether a move looks like the ratio of an action that the price has not followed.

    Listed early, late, inverted or not at all real, an action of 3:2 makes a gain of half of an
    ordinary session, below what ``MAX_MOVE`` holds. Of a ratio below ``DOUBTFUL_MOVE`` that cannot
    be told from news.

    Args:
        move: close over the last accepted one, in one share basis by the action.
        ratio: what went ex in between; 1: nothing.
    """
    size, of_ratio = abs(math.log(move)), abs(math.log(ratio))
    least, most = (part * of_ratio for part in _ABOUT_THE_RATIO)
    return size > math.log(DOUBTFUL_MOVE) and least <= size <= most


def does_not_follow(move: pl.Expr, ratio: pl.Expr) -> pl.Expr:
    """Tell the same of columns: the walk over accepted closes needs it of numbers.

    Args:
        move: close over an earlier one, in one share basis by the action.
        ratio: what went ex in between.
    """
    size, of_ratio = move.log().abs(), ratio.log().abs()
    least, most = (part * of_ratio for part in _ABOUT_THE_RATIO)
    return (size > math.log(DOUBTFUL_MOVE)) & size.is_between(least, most)


def unexplained_moves(
    prices: pl.DataFrame,
    actions: pl.DataFrame,
    decisions: pl.DataFrame,
    confirmed: pl.DataFrame,
) -> pl.DataFrame:
    """Find the closes that jump from the last accepted one without a corporate action, or by one.

    A close is held too where the move, put into one share basis, is about as large as the ratio of
    what went ex: the price has not followed it (``is_in_doubt``).

    Args:
        prices: symbol, session_date, close, ..., sorted by symbol, session_date.
        actions: ``core.corporate_actions``.
        decisions: ``ref.split_decisions``; kind none says that the move of a session is real, any
            other that the action of that date is.
        confirmed: symbol, session_date of moves that something else says are real.

    Returns:
        row (UInt32, place in ``prices``), reason.
    """
    chained = (
        with_adjustments(prices, actions)
        .with_columns(chained_close=chained_close(), chain=chained_ratio())
        .with_row_index("row")
    )
    move = (pl.col("chained_close") / pl.col("chained_close").shift()).over("symbol")
    beyond = (move > MAX_MOVE) | (move < 1 / MAX_MOVE)
    doubtful = (pl.col("adjustment_ratio") != 1) & (move.log().abs() > math.log(DOUBTFUL_MOVE))
    suspects = chained.filter(beyond | doubtful)["symbol"].unique()
    is_real = pl.col("kind") == AdjustmentKind.NONE
    real = {
        *decisions.filter(is_real).select("symbol", "ex_date").rows(),
        *confirmed.select("symbol", "session_date").rows(),
    }
    decided = set(decisions.select("symbol", "ex_date").rows())
    found: list[tuple[int, str]] = []
    # Each bar is measured against the last accepted one: a walk, over the few suspects only.
    for (symbol,), bars in chained.filter(pl.col("symbol").is_in(suspects.implode())).group_by(
        "symbol", maintain_order=True
    ):
        accepted = None
        is_decided = False
        for row, day, close, level, chain in bars.select(
            "row", "session_date", "close", "chained_close", "chain"
        ).iter_rows():
            factor, ratio = (
                (1.0, 1.0) if accepted is None else (level / accepted[0], chain / accepted[1])
            )
            is_decided = is_decided or (symbol, day) in decided
            within = 1 / MAX_MOVE <= factor <= MAX_MOVE
            follows = is_decided or not is_in_doubt(factor, ratio)
            if (symbol, day) in real or (within and follows) or accepted is None:
                accepted = (level, chain, day)
                is_decided = False
                continue
            reason = (
                f"close {close:g} is x{factor:.3g} of the last accepted close ({accepted[2]}) "
                "without a split; a split's record, an index that moved with it, or a line in "
                "split_decisions.csv lets it through"
            )
            if within:
                reason = (
                    f"close {close:g} is x{factor / ratio:.3g} of the last accepted close "
                    f"({accepted[2]}), and does not follow the x{ratio:.4g} that went ex since; a "
                    "line in split_decisions.csv says what did (kind none: nothing)"
                )
            found.append((row, reason))
    return pl.DataFrame(found, schema={"row": pl.UInt32, "reason": pl.String}, orient="row")
