"""Ranks among all values so far, as plain NumPy does it: sorted runs of growing length."""

import numpy as np
from numpy.typing import NDArray


def running_rank(values: NDArray[np.float64], days: NDArray[np.generic]) -> NDArray[np.int64]:
    """Rank values among those of their own and all earlier days; days do not decrease."""
    runs: list[NDArray[np.float64]] = []
    ranks = []
    for today in np.split(values, np.flatnonzero(days[1:] != days[:-1]) + 1):
        run = np.sort(today)
        while runs and len(runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([runs.pop(), run]), kind="stable")
        runs.append(run)
        larger = sum(len(run) - np.searchsorted(run, today, side="right") for run in runs)
        ranks.append(larger + 1)
    return np.concatenate(ranks)
