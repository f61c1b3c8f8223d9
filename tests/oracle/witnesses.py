"""The oracle, what speaks for a price move beside the price itself.

Notation: m = p / p' a move as a price relative, r = m - 1 its return, w the member's weight.

An index tells what the return would have to be for its members to add up to its level: r + residual
/ w. At most a twentieth of |r| away from r, the index confirms the move; at most half of |r| away
from no move at all, it contradicts it. An index of which less than nine tenths of the weight has a
price tells nothing.

The next session confirms a move of which it takes back at most half (in logarithms). A move within
10 % of a split's ratio, or of its inverse, may be a split that nobody recorded: it is confirmed
only if the last count reported from 21 to 90 days later is within x1.15 of the last one before.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tests.oracle.actions import Rows
from tests.oracle.companies import Move
from tests.oracle.market import Market, Report

OFFICIAL_INDEX = "official_index"
NEXT_SESSION = "next_session"
PENDING = "pending"
CONTRADICTED = "contradicted"
LARGE_USD = 100e9
NONE = "none"

TWENTIETH = 1 / 20
HALF = 1 / 2

RATIOS = (
    5 / 4, 4 / 3, 3 / 2, 5 / 3, 2.0, 5 / 2, *(float(n) for n in range(3, 9)),
    10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 50.0,
)  # fmt: skip
NEAR = 0.1

ALIKE = 1.15
SOONEST, LATEST = timedelta(days=21), timedelta(days=90)

YEAR = 250
QUARTER = 60
DEVIATIONS = 8
FIFTH = 1 / 5
NORMAL = 1.4826
"""Standard deviations of a normal distribution in one median absolute deviation."""


@dataclass(frozen=True)
class Spoken:
    """What speaks for a move.

    Attributes:
        took_back: whether the next session took back more than half of it.
    """

    witness: str
    took_back: bool


def price_relative(move: Move | None) -> float | None:
    """Give m = p / p'; None where there is no bar, or none on the session before."""
    if move is None or move.comparable_close is None:
        return None
    return move.bar.close / move.comparable_close


def next_price_relative(market: Market, of_symbol: Mapping[date, Move], day: date) -> float | None:
    """Give m of the exchange's session after one."""
    after = market.sessions.index(day) + 1
    return (
        price_relative(of_symbol.get(market.sessions[after])) if market.sessions[after:] else None
    )


def index_says(weight: float, return_1d: float, residual: float) -> str | None:
    """Say what the residual (a fraction) of an index makes of a member's return."""
    if return_1d == 0:
        return None
    implied = return_1d + residual / weight
    if abs(implied - return_1d) <= TWENTIETH * abs(return_1d):
        return OFFICIAL_INDEX
    return CONTRADICTED if abs(implied) <= HALF * abs(return_1d) else None


def is_near_split(move: float) -> bool:
    """Tell whether a move is within 10 % of a split's ratio or of its inverse."""
    return any(abs(move / f - 1) <= NEAR for ratio in RATIOS for f in (ratio, 1 / ratio))


def taken_back(move: float, then: float) -> bool:
    """Tell whether a move went back by more than half of it."""
    size = math.log(move)
    back = -math.log(then) if size > 0 else math.log(then)
    return size != 0 and back > HALF * abs(size)


def count_stays(reports: Sequence[Report], symbol: str, day: date) -> bool:
    """Tell whether the share count as reported is the same after a session as before it.

    Of several reports the last one counts: the last before the session, and the last up to 90 days
    after it, which must be at least 21 days after it. Without both nobody can tell.
    """
    own = sorted((r for r in reports if r.symbol == symbol), key=lambda r: r.as_of_date)
    before = [r.shares for r in own if r.as_of_date < day]
    after = [r.shares for r in own if day + SOONEST <= r.as_of_date <= day + LATEST]
    if not before or not after:
        return False
    return 1 / ALIKE <= after[-1] / before[-1] <= ALIKE


def next_session_says(
    market: Market, of_symbol: Mapping[date, Move], day: date, last: date
) -> Spoken:
    """Say what the session after makes of a move; on the last session of all it is awaited."""
    move = price_relative(of_symbol[day])
    then = next_price_relative(market, of_symbol, day)
    if move is None or then is None:
        return Spoken(PENDING if day == last else NONE, took_back=False)
    if taken_back(move, then):
        return Spoken(NONE, took_back=True)
    is_split = is_near_split(move) and not count_stays(market.reports, of_symbol[day].symbol, day)
    return Spoken(NONE if is_split else NEXT_SESSION, took_back=False)


def witnesses(
    market: Market,
    of_all: Mapping[str, Mapping[date, Move]],
    caps: Rows,
    impacts: Rows,
    reconciliations: Rows,
) -> dict[tuple[str, date], str]:
    """Say what speaks for each row of ``mart.market_caps``.

    An index speaks first, and of several one that confirms; then the next session. A move beyond
    eight robust deviations that the next session took back is contradicted by it, unless an index
    confirms it; one that is neither that unusual nor above $100bn is contradicted by no index.
    """
    by_index: dict[tuple[str, date], set[str]] = {}
    for (index, day, symbol), row in impacts.items():
        residual = reconciliations[index, day]["residual_bps"]
        weight, return_1d = row["weight_previous_close"], row["return_1d"]
        if None in {residual, weight, return_1d} or "too_little_priced" in row["flags"]:
            continue
        if said := index_says(weight, return_1d, residual / 1e4):
            by_index.setdefault((symbol, day), set()).add(said)
    last = max((day for bars in of_all.values() for day in bars), default=None)
    unusual = unusual_moves(caps)
    found: dict[tuple[str, date], str] = {}
    for symbol, day in caps:
        said_by_indices = by_index.get((symbol, day), set())
        by_next = next_session_says(market, of_all[symbol], day, last)
        is_unusual = (symbol, day) in unusual
        effect = caps[symbol, day]["price_effect_usd"]
        is_large = is_unusual or (effect is not None and abs(effect) > LARGE_USD)
        if OFFICIAL_INDEX in said_by_indices:
            found[symbol, day] = OFFICIAL_INDEX
        elif (said_by_indices and is_large) or (by_next.took_back and is_unusual):
            found[symbol, day] = CONTRADICTED
        else:
            found[symbol, day] = by_next.witness
    return found


def unusual_moves(caps: Rows) -> set[tuple[str, date]]:
    """Find returns beyond eight robust deviations.

    A deviation is 1.4826 times the median size of the company's returns in its 250 rows before, of
    which 60 must have one; with fewer, a fifth is unusual.
    """
    found: set[tuple[str, date]] = set()
    sizes: dict[str, list[float | None]] = {}
    for symbol, day in sorted(caps):
        before = sizes.setdefault(symbol, [])
        return_1d = caps[symbol, day]["return_1d"]
        usual = [size for size in before[-YEAR:] if size is not None]
        limit = FIFTH
        if len(usual) >= QUARTER:
            limit = DEVIATIONS * NORMAL * statistics.median(usual)
        if return_1d is not None and abs(return_1d) > limit:
            found.add((symbol, day))
        before.append(None if return_1d is None else abs(return_1d))
    return found
