"""What no bar can be: in contradiction to itself, or beyond belief next to its neighbours."""

import polars as pl

from assets.market.corporate_actions import with_adjustments
from assets.market.moves import chained_close

MAX_MOVE = 1.8
"""Largest believable move between two accepted closes without a corporate action."""

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


def unexplained_moves(
    prices: pl.DataFrame, actions: pl.DataFrame, real: pl.DataFrame
) -> pl.DataFrame:
    """Find the closes that jump from the last accepted one without a corporate action.

    Args:
        prices: symbol, session_date, close, ..., sorted by symbol, session_date.
        actions: ``core.corporate_actions``.
        real: symbol, session_date of moves that are known to be real.

    Returns:
        row (UInt32, place in ``prices``), reason.
    """
    chained = (
        with_adjustments(prices, actions)
        .with_columns(chained_close=chained_close())
        .with_row_index("row")
    )
    move = (pl.col("chained_close") / pl.col("chained_close").shift()).over("symbol")
    suspects = chained.filter((move > MAX_MOVE) | (move < 1 / MAX_MOVE))["symbol"].unique()
    known = set(real.select("symbol", "session_date").rows())
    found: list[tuple[int, str]] = []
    # Each bar is measured against the last accepted one: a walk, over the few suspects only.
    for (symbol,), bars in chained.filter(pl.col("symbol").is_in(suspects.implode())).group_by(
        "symbol", maintain_order=True
    ):
        accepted = None
        for row, day, close, level in bars.select(
            "row", "session_date", "close", "chained_close"
        ).iter_rows():
            factor = 1.0 if accepted is None else level / accepted[0]
            if (symbol, day) in known or 1 / MAX_MOVE <= factor <= MAX_MOVE or accepted is None:
                accepted = (level, day)
                continue
            reason = (
                f"close {close:g} is x{factor:.3g} of the last accepted close ({accepted[1]}) "
                "without a split; a split's record, an index that moved with it, or a line in "
                "split_decisions.csv lets it through"
            )
            found.append((row, reason))
    return pl.DataFrame(found, schema={"row": pl.UInt32, "reason": pl.String}, orient="row")
