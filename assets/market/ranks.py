"""Where a number stands among all numbers up to its date."""

from itertools import pairwise
from math import isqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray


def rank_to_date(values: pl.Series, groups: pl.Series) -> pl.Series:
    """Rank each value among all values of its own and all earlier groups, largest first.

    Equal values share the best rank, as SQL's ``rank()`` does. Groups are counted in blocks, about
    as many as each one has groups: how many values of earlier blocks are larger, and how many of
    its own block up to its group.

    Args:
        values: finite floats.
        groups: non-decreasing group of each value (session dates).

    Returns:
        Int64 ranks from 1 on, in the order of the values.
    """
    numbers: NDArray[np.float64] = values.to_numpy()
    starts = np.flatnonzero(np.diff(groups.to_physical().to_numpy(), prepend=np.nan) != 0)
    edges = np.append(starts, len(numbers))
    ranks = np.ones(len(numbers), dtype=np.int64)
    places = _places(numbers)
    earlier = _Tally(places)
    per_block = isqrt(len(starts)) + 1
    for first in range(0, len(starts), per_block):
        of_block = edges[first : first + per_block + 1]
        block = slice(of_block[0], of_block[-1])
        ranks[block] += earlier.larger(places[block])
        earlier.add(places[block])
        _add_larger_of_block(ranks[block], places[block], of_block - of_block[0])
    return pl.Series(values.name, ranks)


def _add_larger_of_block(
    ranks: NDArray[np.int64], places: NDArray[np.int32], edges: NDArray[np.int64]
) -> None:
    """Add to each rank how many values are larger, of its own group and earlier ones."""
    places = _places(-places)
    so_far = _Tally(places)
    for start, end in pairwise(edges):
        so_far.add(places[start:end])
        ranks[start:end] += so_far.larger(places[start:end])


class _Tally:
    """How often each place was seen.

    Attributes:
        places: all places that may be seen.
    """

    def __init__(self, places: NDArray[np.int32]) -> None:
        self._seen = np.zeros(places.max(initial=-1) + 1, dtype=np.int32)
        self._running = np.empty_like(self._seen)

    def add(self, places: NDArray[np.int32]) -> None:
        """See places once more."""
        np.add.at(self._seen, places, 1)

    def larger(self, places: NDArray[np.int32]) -> NDArray[np.int32]:
        """Count for each place how many larger values, at places before it, were seen."""
        np.cumsum(self._seen, dtype=np.int32, out=self._running)
        larger: NDArray[np.int32] = self._running[places] - self._seen[places]
        return larger


def _places(values: NDArray[np.float64] | NDArray[np.int32]) -> NDArray[np.int32]:
    """Number the distinct values from 0 on, largest first."""
    order = np.argsort(-values)
    ordered = values[order]
    places = np.empty(len(values), dtype=np.int32)
    places[order] = np.cumsum(np.diff(ordered, prepend=ordered[:1]) != 0, dtype=np.int32)
    return places
