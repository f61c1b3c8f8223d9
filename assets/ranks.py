"""Where a number stands among all numbers up to its date."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

_MERGE_EVERY = 64
"""Sessions after which the recent values are merged into the long history; sets speed only."""


def rank_to_date(values: pl.Series, groups: pl.Series) -> pl.Series:
    """Rank each value among all values of its own and all earlier groups, largest first.

    Equal values share the best rank, as SQL's ``rank()`` does. Two sorted arrays are kept, a long
    history and a short recent one, so that each value costs two binary searches.

    Args:
        values: finite floats.
        groups: non-decreasing group of each value (session dates).

    Returns:
        Int64 ranks from 1 on, in the order of the values.
    """
    numbers: NDArray[np.float64] = values.to_numpy()
    starts = np.flatnonzero(np.diff(groups.to_physical().to_numpy(), prepend=np.nan) != 0)
    ends = np.append(starts[1:], len(numbers))
    ranks = np.empty(len(numbers), dtype=np.int64)
    history = np.empty(0)
    recent = np.empty(0)
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        of_group = np.sort(numbers[start:end])
        # Timsort merges two sorted runs in linear time.
        recent = np.sort(np.concatenate([recent, of_group]), kind="stable")
        larger = _larger(history, of_group) + _larger(recent, of_group)
        order = np.argsort(numbers[start:end], kind="stable")
        ranks[start:end][order] = larger + 1
        if place % _MERGE_EVERY == _MERGE_EVERY - 1:
            history = np.sort(np.concatenate([history, recent]), kind="stable")
            recent = np.empty(0)
    return pl.Series(values.name, ranks)


def _larger(ascending: NDArray[np.float64], of: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count for each number how many of a sorted array are larger."""
    return len(ascending) - np.searchsorted(ascending, of, side="right")
