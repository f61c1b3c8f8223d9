"""Sums that depend on nothing but their terms.

A sum of floats that is added up one by one depends on the order of its terms: on threads, on rows
that come late, on the name that a company sorts under. Here each sum is exact and rounded once
(Shewchuk 1997, *Adaptive Precision Floating-Point Arithmetic*; ``math.fsum``).
"""

import math
from itertools import pairwise
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
        values: finite floats, the rows of a group next to each other.
        group_starts: what ``starts`` returned for them.

    Returns:
        One sum per group, in the order of the groups, the nearest float to the exact one.
    """
    terms = values.fill_null(0.0).to_list()
    bounds = pairwise([*group_starts.tolist(), len(terms)])
    exact = [math.fsum(terms[start:end]) for start, end in bounds]
    return pl.Series(values.name, exact, dtype=pl.Float64)
