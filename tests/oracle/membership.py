"""The oracle, who joins and leaves an index: mart.index_changes but for names, which no market has.

Each set of an index is held against the one before. Who left and ends his listing until ten days
after the session was delisted. Who joined and begins it since ten days before the older set was
spun off, if one other company has a spin-off within ten days of that beginning; else newly listed.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from tests.oracle.actions import Action, Rows
from tests.oracle.market import Line, Market

TEN_DAYS = timedelta(days=10)


def index_changes(market: Market, actions: Sequence[Action]) -> Rows:
    """Compare the sets of each index that is followed."""
    lines = {line.symbol: line for line in market.lines}
    found: Rows = {}
    for index in sorted({row.index_symbol for row in market.indices}):
        mine = [h for h in market.holdings if h.index_symbol == index]
        days = sorted({h.effective_from for h in mine})
        for then, now in pairwise(days):
            before, after = (
                {h.symbol: h for h in mine if h.effective_from == day} for day in (then, now)
            )
            is_estimate = any(h.is_estimate for h in (*before.values(), *after.values()))
            for symbol in before.keys() ^ after.keys():
                change = "joined" if symbol in after else "left"
                found[index, now, symbol, change] = {
                    "reason": _reason(lines.get(symbol), change, then, now, actions),
                    "previous_effective_from": then,
                    "units_before": before[symbol].units if symbol in before else None,
                    "units_after": after[symbol].units if symbol in after else None,
                    "is_estimate": is_estimate,
                }
    return found


def _reason(
    line: Line | None, change: str, then: date, now: date, actions: Sequence[Action]
) -> str | None:
    if line is None:
        return None
    first, last = line.listed_from, line.listed_to
    if change == "left" and last is not None and last <= now + TEN_DAYS:
        return "delisted"
    if change == "joined" and first is not None and first > then - TEN_DAYS:
        return _begins(line, actions)
    return None


def _begins(line: Line, actions: Sequence[Action]) -> str:
    parents = [
        a
        for a in actions
        if a.kind == "spin_off"
        and a.symbol != line.symbol
        and line.listed_from
        and abs(a.ex_date - line.listed_from) <= TEN_DAYS
    ]
    return "spun_off" if len(parents) == 1 else "newly_listed"
