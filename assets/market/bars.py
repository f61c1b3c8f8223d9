"""What no bar can be: in contradiction to itself, or beyond belief next to its neighbours."""

import polars as pl

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
