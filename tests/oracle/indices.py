"""The oracle, second half: who moved an index, and whether the members add up to its move.

Notation: q units of a member on the session, p its close, p' the comparable previous close, D the
divisor, V the value of the index at the previous close. Sums run over the members priced: those
with q, p and p'.

Rules that no text states and that follow the product's code:
- there are members on sessions on which any line has a bar;
- an index has a row on every session from its first level to the last level of any index;
- without a previous level, a published divisor still gives points, and V is the sum of q p';
- without a member priced there is no divisor, published or not;
- what is priced is weighed at the close of the session, the others at their last one, and a member
  that cannot be weighed counts as an average one;
- the weight of the ten heaviest is at most 1;
- an unusual residual is measured against the sessions, of the 60 before, with 99 % of the members
  priced, of which there must be ten;
- a list of members counts by the share counts of the session itself.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle.actions import Action, Rows, multiplied
from tests.oracle.companies import Move
from tests.oracle.counts import Count, in_force
from tests.oracle.market import Described, Holding, Market

PRICE_WEIGHTED = "price"
NINE_TENTHS = 0.9 - 1e-9
"""Nine of ten equal weights are enough, however their sums round."""

TOP = 10
USUAL_SESSIONS = 60
JUDGED_AFTER = 10
ALMOST_ALL = 0.99
UNUSUAL = 5.0
NEGLIGIBLE_BPS = 0.1
FIVE_TEN_THOUSANDTHS = 5e-4


@dataclass
class Indices:
    """The indices of a market, with all that their numbers rest on."""

    market: Market
    actions: Sequence[Action]
    of_all: Mapping[str, Mapping[date, Move]]
    counted: Mapping[str, Sequence[Count]]

    def members(self, index: str, day: date) -> list[Holding]:
        """Return the set in force: as a whole the one with the latest effective_from up to day."""
        sets = [
            h for h in self.market.holdings if h.index_symbol == index and h.effective_from <= day
        ]
        latest = max((h.effective_from for h in sets), default=None)
        return sorted((h for h in sets if h.effective_from == latest), key=lambda h: h.symbol)

    def described(self, index: str, day: date) -> Described | None:
        """Return the row of ``ref.indices`` that holds on a date."""
        rows = [
            r for r in self.market.indices if r.index_symbol == index and r.effective_from <= day
        ]
        return max(rows, key=lambda r: r.effective_from, default=None)

    def weighting(self, index: str, day: date) -> str:
        """Return how an index is weighted; its first row speaks for earlier sessions too."""
        rows = [r for r in self.market.indices if r.index_symbol == index]
        row = self.described(index, day) or min(rows, key=lambda r: r.effective_from)
        return row.weighting

    def splits(self, symbol: str, after: date, until: date) -> float:
        """Multiply the ratios of a symbol's splits with after < ex_date <= until.

        By their own dates: with or without a bar, before the first and after the last one,
        together with a spin-off or not.
        """
        return multiplied(
            (a for a in self.actions if a.symbol == symbol and after < a.ex_date <= until), "split"
        )

    def units(self, index: str, day: date) -> dict[str, float | None]:
        """Bring the units of the set in force to the share basis of a session.

        Units are those of the as_of_date: splits after it multiply them, those between the session
        and a later as_of_date divide them. Under price weighting they stay. Where a whole set has
        none: 1 each under price weighting, else the company's share count, divided among its lines
        in the set.
        """
        members = self.members(index, day)
        is_list = all(m.units is None for m in members)
        by_price = self.weighting(index, day) == PRICE_WEIGHTED
        company_of = {line.symbol: line.company_symbol for line in self.market.lines}
        found: dict[str, float | None] = {}
        for m in members:
            if by_price:
                found[m.symbol] = 1.0 if is_list else m.units
            elif is_list:
                company = company_of.get(m.symbol)
                count = in_force(self.counted.get(company or "", ()), day)
                lines = sum(company_of.get(other.symbol) == company for other in members)
                found[m.symbol] = count.shares / lines if count else None
            elif m.units is None:
                found[m.symbol] = None
            else:
                since = self.splits(m.symbol, m.as_of_date, day)
                ahead = self.splits(m.symbol, day, m.as_of_date)
                found[m.symbol] = m.units * since / ahead
        return found

    def is_count_disputed(self, index: str, day: date, symbol: str) -> bool:
        """Tell whether a member's units are its company's share count, and that is disputed."""
        is_list = all(m.units is None for m in self.members(index, day))
        if not is_list or self.weighting(index, day) == PRICE_WEIGHTED:
            return False
        company_of = {line.symbol: line.company_symbol for line in self.market.lines}
        count = in_force(self.counted.get(company_of.get(symbol) or "", ()), day)
        return count is not None and count.disputed

    def published_divisor(self, index: str, day: date) -> float | None:
        """Return the published divisor where it holds.

        It holds from its effective_from until something that changes the value of the units goes ex
        among the members, those in force on the ex-date: a spin-off, under price weighting a split
        too. Whether a member has a bar then, or the session before, does not matter.
        """
        row = self.described(index, day)
        if row is None or row.divisor is None:
            return None
        for action in self.actions:
            if not row.effective_from < action.ex_date <= day:
                continue
            by_price = self.weighting(index, action.ex_date) == PRICE_WEIGHTED
            changes_value = action.kind == "spin_off" or by_price
            members = {m.symbol for m in self.members(index, action.ex_date)}
            if changes_value and action.symbol in members:
                return None
        return row.divisor

    def level(self, index: str, day: date | None) -> float | None:
        """Return the official close of a session."""
        return None if day is None else self.market.levels.get(index, {}).get(day)

    def session_before(self, day: date) -> date | None:
        """Return the exchange's session before one."""
        place = self.market.sessions.index(day)
        return self.market.sessions[place - 1] if place else None


def index_impacts(of_market: Indices) -> Rows:
    """Compute ``mart.index_impacts``.

    D is the published divisor while it holds, else (sum q p') / level(t-1). V = D level(t-1) under
    a published divisor, else sum q p'. weight = q p' / V; points = q (p - p') / D; contribution to
    the return = q (p - p') / V; without j: (sum over the others of q (p - p')) / (sum over them of
    q p').

    Where less than nine tenths of the weight has a price, a V and a D made of what is priced are
    not those of the index: none of these exist. Under a published D and a known V they do, but for
    the return without j, which the others' prices make.
    """
    market = of_market.market
    traded = sorted({day for bars in market.bars.values() for day in bars})
    rows: Rows = {}
    for index in sorted({h.index_symbol for h in market.holdings}):
        for day in traded:
            rows |= _impacts_of(of_market, index, day)
    return rows


def _impacts_of(of_market: Indices, index: str, day: date) -> Rows:
    units = of_market.units(index, day) if of_market.members(index, day) else {}
    priced: dict[str, tuple[float, float]] = {}
    returns: dict[str, float | None] = {}
    for symbol, q in units.items():
        move = of_market.of_all.get(symbol, {}).get(day)
        returns[symbol] = move.return_1d if move else None
        if move and move.comparable_close is not None and q is not None:
            base = q * move.comparable_close
            priced[symbol] = (base, q * (move.bar.close - move.comparable_close))
    total = math.fsum(base for base, _ in priced.values())
    previous = of_market.level(index, of_market.session_before(day))
    published = of_market.published_divisor(index, day)
    divisor, value = published, total
    if published is None and previous is not None:
        divisor = total / previous
    is_whole = published is not None and previous is not None
    if is_whole:
        value = published * previous
    is_too_little = _is_too_little(_values(of_market, index, day, units), priced)
    rows: Rows = {}
    for symbol, q in units.items():
        row: dict[str, Any] = dict.fromkeys((
            "weight_previous_close", "contribution_points", "contribution_return",
            "index_return_without", "divisor",
        ))  # fmt: skip
        is_told = bool(priced) and (is_whole or not is_too_little)
        if is_told:
            row["divisor"] = divisor
        if is_told and symbol in priced:
            base, change = priced[symbol]
            others = [both for other, both in priced.items() if other != symbol]
            row["weight_previous_close"] = base / value
            row["contribution_points"] = None if divisor is None else change / divisor
            row["contribution_return"] = change / value
            if others and not is_too_little:
                row["index_return_without"] = math.fsum(c for _, c in others) / math.fsum(
                    b for b, _ in others
                )
        rows[index, day, symbol] = row | {
            "units": q,
            "return_1d": returns[symbol],
            "flags": [
                name
                for name, is_raised in (
                    ("no_units", q is None),
                    ("no_return", returns[symbol] is None),
                    ("too_little_priced", is_too_little),
                    ("disputed_share_count", of_market.is_count_disputed(index, day, symbol)),
                )
                if is_raised
            ],
            "_return_1d": 1.0,
            "_index_return_without": 1.0,
        }
    return rows


def index_reconciliations(of_market: Indices, impacts: Rows) -> Rows:
    """Compute ``mart.index_reconciliations``: a row per session with a level or members."""
    market = of_market.market
    rows: Rows = {}
    by_session: dict[tuple[str, date], Rows] = defaultdict(dict)
    for (index, day, symbol), row in impacts.items():
        by_session[index, day][symbol] = row
    last = max((day for levels in market.levels.values() for day in levels), default=None)
    for index in sorted({*market.levels, *(i for i, _ in by_session)}):
        days = {day for i, day in by_session if i == index}
        if market.levels.get(index):
            first = min(market.levels[index])
            days |= {day for day in market.sessions if first <= day <= last}
        residuals: list[float | None] = []
        for day in sorted(days):
            row = _reconciled(of_market, index, day, by_session.get((index, day), {}))
            size = None if row["residual_bps"] is None else abs(row["residual_bps"])
            usual = [r for r in residuals[-USUAL_SESSIONS:] if r is not None]
            if (
                size is not None
                and len(usual) >= JUDGED_AFTER
                and size > UNUSUAL * statistics.median(usual)
                and size > NEGLIGIBLE_BPS
            ):
                row["flags"].append("unusual_residual")
            is_complete = row["members_priced"] >= ALMOST_ALL * row["members"]
            residuals.append(size if is_complete else None)
            rows[index, day] = row
    return rows


def _reconciled(of_market: Indices, index: str, day: date, of_day: Rows) -> dict[str, Any]:
    level = of_market.level(index, day)
    previous = of_market.level(index, of_market.session_before(day))
    has_both = level is not None and previous is not None
    actual = level / previous - 1 if has_both else None
    count = sum(_has_both(row) for row in of_day.values())
    priced = {s: row for s, row in of_day.items() if row["weight_previous_close"] is not None}
    divisor = next((row["divisor"] for row in priced.values()), None)
    points = [row["contribution_points"] for row in priced.values()]
    returns = [row["contribution_return"] for row in priced.values()]
    weights = sorted((row["weight_previous_close"] for row in priced.values()), reverse=True)
    replicated = math.fsum(returns) if priced else None
    members = of_market.members(index, day) if of_day else []
    is_counted = all(m.units is None for m in members) and (
        bool(members) and of_market.weighting(index, day) != PRICE_WEIGHTED
    )
    as_of = max((m.as_of_date for m in members), default=None)
    sources = "; ".join(sorted({m.source for m in members}))
    age = (day - as_of).days if as_of else None
    # Units of the session's own evening, in a set that replaces another, and that are not ones.
    is_of_evening = (
        age == 0
        and of_market.weighting(index, day) != PRICE_WEIGHTED
        and any(
            h.index_symbol == index and h.effective_from < members[0].effective_from
            for h in of_market.market.holdings
        )
    )
    flags = {
        "no_members": not members,
        "no_level": level is None,
        "gap": level is not None and previous is None,
        "members_without_price": count < len(members),
        "too_little_priced": bool(of_day)
        and _is_too_little(
            _values(of_market, index, day, {s: row["units"] for s, row in of_day.items()}),
            {s for s, row in of_day.items() if _has_both(row)},
        ),
        "dated_later": age is not None and (age < 0 or is_of_evening),
        "disputed_divisor": bool(priced)
        and count == len(members)
        and of_market.published_divisor(index, day) is not None
        and abs(math.fsum(weights) - 1) > FIVE_TEN_THOUSANDTHS,
    }
    return {
        "level": level,
        "previous_level": previous,
        "actual_points": level - previous if has_both else None,
        "_actual_points": level or 0.0,
        "actual_return": actual,
        "_actual_return": 1.0,
        "replicated_points": math.fsum(points) if priced and None not in points else None,
        "_replicated_points": previous or 0.0,
        "replicated_return": replicated,
        "_replicated_return": 1.0,
        "residual_bps": None
        if actual is None or replicated is None
        else (actual - replicated) * 1e4,
        "_residual_bps": 1e4,
        "divisor": divisor,
        "is_divisor_published": (
            None if divisor is None else of_market.published_divisor(index, day) is not None
        ),
        "members": len(members),
        "members_priced": count,
        "weight_priced": _weight_priced(of_market, index, day, of_day),
        "herfindahl": math.fsum(w * w for w in weights) if priced else None,
        "top_10_weight": min(1.0, math.fsum(weights[:TOP])) if priced else None,
        "members_for_half_of_move": _for_half(returns, replicated),
        "holdings_effective_from": members[0].effective_from if members else None,
        "holdings_source": (f"share counts as units; {sources}" if is_counted else sources or None),
        "holdings_age_days": age,
        "is_estimate": (
            any(m.is_estimate for m in members) or is_counted or age < 0 if members else None
        ),
        "flags": [name for name, is_told in flags.items() if is_told],
    }


def _has_both(row: dict[str, Any]) -> bool:
    """Tell whether a member has units and a close on both sessions."""
    return row["units"] is not None and row["return_1d"] is not None


def _values(
    of_market: Indices, index: str, day: date, units: dict[str, float | None]
) -> dict[str, float | None]:
    """Return what each member is worth at its last known close; None where nobody can tell.

    A member's value is that of its last bar up to the session: the close as traded then, times the
    units in the share basis of then. A split since, on a date without a bar, changes no value.
    """
    by_price = of_market.weighting(index, day) == PRICE_WEIGHTED
    values: dict[str, float | None] = {}
    for symbol, q in units.items():
        bars = of_market.market.bars.get(symbol, {})
        last = max((d for d in bars if d <= day), default=None)
        values[symbol] = None
        if q is not None and last is not None:
            since = 1.0 if by_price else of_market.splits(symbol, last, day)
            values[symbol] = q / since * bars[last].close
    return values


def _is_too_little(values: dict[str, float | None], priced: Collection[str]) -> bool:
    """Tell whether less than nine tenths of the weight has a price.

    Whoever cannot be valued stands for an average member. Exactly nine tenths are enough.
    """
    if len(priced) == len(values):
        return False
    if not priced:
        return True
    known = [value for value in values.values() if value is not None]
    average = math.fsum(known) / len(known)
    whole = math.fsum(average if value is None else value for value in values.values())
    of_priced = math.fsum(value for s, value in values.items() if s in priced and value is not None)
    return of_priced / whole < NINE_TENTHS


def _weight_priced(of_market: Indices, index: str, day: date, of_day: Rows) -> float | None:
    """Return the share of the index's value that members priced hold, at last known closes."""
    if not of_day:
        return None
    priced = [s for s, row in of_day.items() if _has_both(row)]
    if len(priced) == len(of_day):
        return 1.0
    values = _values(of_market, index, day, {s: row["units"] for s, row in of_day.items()})
    if None in values.values():
        return None
    return math.fsum(values[s] for s in priced) / math.fsum(values.values())


def _for_half(returns: Sequence[float], move: float | None) -> int | None:
    """Count members, the largest contributors in the direction of the move first, up to half."""
    if not move:
        return None
    made, count = 0.0, 0
    for towards in sorted((r * math.copysign(1, move) for r in returns), reverse=True):
        made, count = made + towards, count + 1
        if made >= abs(move) / 2:
            return count
    return count
