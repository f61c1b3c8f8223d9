"""All kinds of fault, in one table."""

from tests.faults import kinds_actions, kinds_counts, kinds_indices
from tests.faults.kinds import KINDS, Kind, Must

__all__ = ["ALL", "Kind", "Must"]

_ROOMS = (kinds_actions, kinds_counts, kinds_indices)
"""Modules that enter their kinds when they are read."""

ALL: dict[str, Kind] = {kind.name: kind for kind in KINDS}
assert len(ALL) == len(KINDS), "a name occurs twice"
