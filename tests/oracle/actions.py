"""The oracle, what goes ex: splits and spin-offs, told apart by their ratio."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle.market import Market

Rows = dict[tuple[Any, ...], dict[str, Any]]
"""A table: key -> column -> value. A name with ``_`` before it is the size of a sum's terms."""

SPLIT_TOLERANCE = 5e-4
SIMPLE_RATIOS = (3 / 2, 4 / 3, 5 / 4, 5 / 2, 5 / 3)


@dataclass(frozen=True)
class Action:
    """Something that goes ex: a split multiplies shares by its ratio, a spin-off changes none."""

    symbol: str
    ex_date: date
    ratio: float
    kind: str


def kind_of(ratio: float) -> str:
    """Tell a split from a spin-off by its ratio.

    A split is within 5e-4 (relative) of an integer from 2 on, of its reciprocal, or of 3:2, 4:3,
    5:4, 5:2, 5:3. Near 1 is a spin-off.
    """
    whole = round(max(ratio, 1 / ratio))
    simple = [*SIMPLE_RATIOS, whole, 1 / whole] if whole >= 2 else SIMPLE_RATIOS
    is_split = any(abs(ratio / one - 1) <= SPLIT_TOLERANCE for one in simple)
    return "split" if is_split else "spin_off"


def classified(market: Market) -> list[Action]:
    """Return what goes ex, by symbol and date; decisions replace all that is recorded on a date."""
    decided = {(d.symbol, d.ex_date) for d in market.decisions}
    found = [
        Action(r.symbol, r.ex_date, r.ratio, r.kind or kind_of(r.ratio))
        for r in market.recorded
        if (r.symbol, r.ex_date) not in decided
    ]
    found += [
        Action(d.symbol, d.ex_date, d.ratio, d.kind) for d in market.decisions if d.kind != "none"
    ]
    return sorted(found, key=lambda a: (a.symbol, a.ex_date))


def multiplied(actions: Iterable[Action], kind: str | None = None) -> float:
    """Multiply the ratios of actions, of one kind or of all."""
    return math.prod((a.ratio for a in actions if kind in {None, a.kind}), start=1.0)
