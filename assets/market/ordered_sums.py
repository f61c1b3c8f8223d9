"""Sums that do not depend on the order of threads.

Sums of floats depend on the order of their terms, and a group's rows reach the threads of a query
engine in any order. The hash of a table must not, so rows are sorted first and added one by one.
"""

from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

Starts: TypeAlias = NDArray[np.intp]
"""Rows at which a new group starts."""


def starts(keys: pl.DataFrame) -> Starts:
    """Return at which rows a new group starts; the rows of a group are neighbours.

    Args:
        keys: the columns that identify a group, one row per row of the data.
    """
    number = keys.select(pl.struct(pl.all()).rle_id().cast(pl.Int64)).to_series().to_numpy()
    return np.flatnonzero(np.diff(number, prepend=-1))


def sums(values: pl.Series, group_starts: Starts) -> pl.Series:
    """Add up each group, nulls as zero.

    Args:
        values: floats, the rows of a group next to each other.
        group_starts: what ``starts`` returned for them.

    Returns:
        One sum per group, in the order of the groups.
    """
    if values.is_empty():
        return pl.Series(values.name, [], dtype=pl.Float64)
    return pl.Series(values.name, np.add.reduceat(values.fill_null(0.0).to_numpy(), group_starts))
