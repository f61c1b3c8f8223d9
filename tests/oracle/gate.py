"""The oracle, which bars are believed: the gate before ``core.prices``.

A bar outside the listing of its line is held. Each other bar of a symbol is measured against the
last one that passed, in one share basis: m = p k / p0, with k the product of what went ex since. It
is held if m is beyond x1.8 or /1.8; and if m looks
like k not followed: beyond x1.1, and |ln m| from half of |ln k| to 2.5 times it. The first bar
passes.

A person's word that nothing went ex on a session lets its bar through, and any word since the bar
before settles what went ex. So does a confirmation, of a move beyond x1.8 from the session before:
- by an index with known units for nine tenths of its members, all with bars on both sessions: by
  its residual with all such moves in it, or with this one alone;
- by the next session and the share count together: neither took it back.

Rule that no text states and that follows the product's code: a person's word counts on a bar's own
session alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from tests.oracle.actions import Action, multiplied
from tests.oracle.companies import Move, moves
from tests.oracle.indices import Indices
from tests.oracle.market import Bar, Market
from tests.oracle.witnesses import (
    OFFICIAL_INDEX,
    count_stays,
    index_says,
    next_price_relative,
    price_relative,
    taken_back,
)

BEYOND_BELIEF = math.log(1.8)
DOUBTFUL = math.log(1.1)
NOT_FOLLOWED, INVERTED = 0.5, 2.5
NINE_TENTHS = 0.9

Keys = set[tuple[str, date]]


def believed(market: Market, actions: Sequence[Action]) -> Market:
    """Leave out the bars that are held."""
    market = _listed(market)
    confirmed = confirmed_moves(market, actions)
    return replace(
        market,
        bars={
            symbol: _passed(market, symbol, bars, actions, confirmed)
            for symbol, bars in market.bars.items()
        },
    )


def _listed(market: Market) -> Market:
    lines = {line.symbol: line for line in market.lines}

    def is_listed(symbol: str, day: date) -> bool:
        first, last = lines[symbol].listed_from, lines[symbol].listed_to
        return (first is None or first <= day) and (last is None or day <= last)

    return replace(
        market,
        bars={
            symbol: {day: bar for day, bar in bars.items() if is_listed(symbol, day)}
            for symbol, bars in market.bars.items()
        },
    )


def _passed(
    market: Market,
    symbol: str,
    bars: Mapping[date, Bar],
    actions: Sequence[Action],
    confirmed: Keys,
) -> dict[date, Bar]:
    words = [d for d in market.decisions if d.symbol == symbol and d.ex_date in bars]
    passed: dict[date, Bar] = {}
    last: date | None = None
    for day in sorted(bars):
        if last is not None and (symbol, day) not in confirmed:
            went_ex = [a for a in actions if a.symbol == symbol and last < a.ex_date <= day]
            ratio = multiplied(went_ex)
            size = abs(math.log(bars[day].close * ratio / bars[last].close))
            about = abs(math.log(ratio))
            is_doubtful = size > DOUBTFUL and NOT_FOLLOWED * about <= size <= INVERTED * about
            is_settled = any(last < d.ex_date <= day for d in words)
            is_real = any(d.ex_date == day and d.kind == "none" for d in words)
            is_held = size > BEYOND_BELIEF or (is_doubtful and about > 0 and not is_settled)
            if is_held and not is_real:
                continue
        passed[day] = bars[day]
        last = day
    return passed


def confirmed_moves(market: Market, actions: Sequence[Action]) -> Keys:
    """Find the moves beyond x1.8 that something beside the price confirms."""
    of_all = moves(market, actions)
    large: dict[tuple[str, date], float] = {}
    for symbol, of_symbol in of_all.items():
        for day, move in of_symbol.items():
            relative = price_relative(move)
            if relative is not None and abs(math.log(relative)) > BEYOND_BELIEF:
                large[symbol, day] = relative
    return {
        key
        for key, relative in large.items()
        if _stayed(market, of_all, key, relative)
        or _is_confirmed(market, actions, of_all, key, set())
        or _is_confirmed(market, actions, of_all, key, set(large) - {key})
    }


def _stayed(
    market: Market,
    of_all: Mapping[str, Mapping[date, Move]],
    key: tuple[str, date],
    relative: float,
) -> bool:
    symbol, day = key
    then = next_price_relative(market, of_all[symbol], day)
    is_back = then is None or taken_back(relative, then)
    return not is_back and count_stays(market.reports, symbol, day)


def _is_confirmed(
    market: Market,
    actions: Sequence[Action],
    of_all: Mapping[str, Mapping[date, Move]],
    key: tuple[str, date],
    left_out: Keys,
) -> bool:
    """Ask every index of which the symbol is a member, without the bars that are left out."""
    symbol, day = key
    of_market = Indices(market, actions, of_all, {})
    return any(
        _says(of_market, index, symbol, day, left_out) == OFFICIAL_INDEX
        for index in sorted({h.index_symbol for h in market.holdings})
    )


def _says(of_market: Indices, index: str, symbol: str, day: date, left_out: Keys) -> str | None:
    units = of_market.units(index, day) if of_market.members(index, day) else {}
    level = of_market.level(index, day)
    previous = of_market.level(index, of_market.session_before(day))
    if symbol not in units or level is None or previous is None:
        return None
    base: dict[str, float] = {}
    change: dict[str, float] = {}
    for member, q in units.items():
        move = of_market.of_all.get(member, {}).get(day)
        if q is None or move is None or move.comparable_close is None:
            continue
        if (member, day) not in left_out:
            base[member] = q * move.comparable_close
            change[member] = q * (move.bar.close - move.comparable_close)
    if symbol not in base or len(base) < NINE_TENTHS * len(units):
        return None
    published = of_market.published_divisor(index, day)
    value = math.fsum(base.values()) if published is None else published * previous
    residual = level / previous - 1 - math.fsum(change.values()) / value
    return index_says(base[symbol] / value, change[symbol] / base[symbol], residual)
