"""The oracle, first half: what companies were worth, lost and gained.

Written from the texts (README, DECISIONS.md, the column comments), slowly and plainly, so that the
product can be held against it. Notation: p = close as traded, N = share count in force, t a session
of the exchange, t-1 the one before.

Rules that no text states and that follow the product's code:
- ``close_only`` is told where the low or the open is missing;
- a share count is stale by its age on the row's own session, the count of t-1 too;
- a session of history is one on which any company has a bar, and a company is covered by its
  changes in dollars (a company without a count is not covered);
- a drawdown tells ``no_previous_share_count`` too; an index's drawdown tells no gap.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle.actions import Action, Rows, multiplied
from tests.oracle.counts import Count, in_force
from tests.oracle.market import Bar, Market

STALE_AFTER_DAYS = 120
RECORD_AFTER_SESSIONS = 250
COVERED_AFTER_CHANGES = 60


# Bars


@dataclass(frozen=True)
class Move:
    """A bar beside what it is compared with.

    Attributes:
        went_ex: what went ex after the symbol's previous bar, up to and with this one.
        previous_close: p(t-1) as traded; None without a bar on the exchange's session before.
        comparable: close times the ratios of all that went ex from the first bar on.
    """

    symbol: str
    day: date
    bar: Bar
    went_ex: tuple[Action, ...]
    is_first: bool
    previous_day: date | None
    previous_close: float | None
    comparable: float

    @property
    def ratio(self) -> float:
        """Product of what went ex: several actions between two bars multiply."""
        return multiplied(self.went_ex)

    @property
    def kind(self) -> str:
        """Tell what went ex: a split only if all of it is."""
        kinds = {a.kind for a in self.went_ex}
        return "none" if not kinds else "split" if kinds == {"split"} else "spin_off"

    @property
    def comparable_close(self) -> float | None:
        """Give p' = p(t-1) / k."""
        return None if self.previous_close is None else self.previous_close / self.ratio

    @property
    def return_1d(self) -> float | None:
        """Give p(t) / p' - 1."""
        before = self.comparable_close
        return None if before is None else self.bar.close / before - 1


def moves(market: Market, actions: Sequence[Action]) -> dict[str, dict[date, Move]]:
    """Set each bar beside the one of the session before.

    An action on a session without a bar shows on the symbol's next bar, one before its first bar or
    after its last on none.
    """
    place = {day: n for n, day in enumerate(market.sessions)}
    found: dict[str, dict[date, Move]] = {}
    for symbol, bars in market.bars.items():
        of_symbol: dict[date, Move] = {}
        last: date | None = None
        cumulative = 1.0
        for day in sorted(bars):
            went_ex = tuple(
                a
                for a in actions
                if a.symbol == symbol
                and a.ex_date <= day
                and (a.ex_date == day if last is None else a.ex_date > last)
            )
            cumulative *= multiplied(went_ex)
            follows = last is not None and place[day] - place[last] == 1
            of_symbol[day] = Move(
                symbol,
                day,
                bars[day],
                went_ex,
                is_first=last is None,
                previous_day=last if follows else None,
                previous_close=bars[last].close if follows else None,
                comparable=bars[day].close * cumulative,
            )
            last = day
        found[symbol] = of_symbol
    return found


def adjustments(of_all: Mapping[str, Mapping[date, Move]]) -> Rows:
    """Compute the adjustment columns of ``core.prices``."""
    return {
        (symbol, day): {"adjustment_ratio": move.ratio, "adjustment_kind": move.kind}
        for symbol, of_symbol in of_all.items()
        for day, move in of_symbol.items()
    }


# Market caps


def _times(*factors: float | None) -> float | None:
    """Multiply; None if a factor is."""
    return None if None in factors else math.prod(f for f in factors if f is not None)


def _minus(first: float | None, *others: float | None) -> float | None:
    """Subtract; None if a term is."""
    if first is None or None in others:
        return None
    return math.fsum([first, *(-other for other in others if other is not None)])


def market_caps(
    market: Market,
    of_all: Mapping[str, Mapping[date, Move]],
    counted: Mapping[str, Sequence[Count]],
) -> Rows:
    """Compute ``mart.market_caps``: one row per bar of a line that stands for its company.

    M = p N. p' = p(t-1) / (all ratios that go ex); N' = N(t-1) * (the ratios of splits alone), so
    that each of two actions on one date does to the count what it does alone.
    Price effect = N' (p - p'); at the low N' (low - p'); share-count effect = M(t) - M(t-1) - price
    effect. All of it is null without a bar at t-1 or a count then.
    """
    rows: Rows = {}
    for line in market.lines:
        if line.symbol != line.company_symbol:
            continue
        of_company = counted.get(line.symbol, ())
        for day, move in of_all.get(line.symbol, {}).items():
            now = in_force(of_company, day)
            has_previous = move.previous_day is not None
            before = in_force(of_company, move.previous_day) if move.previous_day else None
            p_before = move.comparable_close
            n_before = _times(before.shares if before else None, multiplied(move.went_ex, "split"))
            cap = _times(move.bar.close, now.shares if now else None)
            previous_cap = _times(move.previous_close, before.shares if before else None)
            effect = _times(n_before, _minus(move.bar.close, p_before))
            age = (day - now.as_of).days if now else None
            ages = [age, (day - before.as_of).days if before else None]
            flags = {
                "no_share_count": now is None,
                "no_previous_share_count": bool(has_previous and now and before is None),
                "stale_share_count": any(a is not None and a > STALE_AFTER_DAYS for a in ages),
                "share_count_warning": any(c is not None and c.warned for c in (now, before)),
                "disputed_share_count": any(c is not None and c.disputed for c in (now, before)),
                "corporate_action": bool(move.went_ex),
                "gap": not move.is_first and not has_previous,
                "first_bar": move.is_first,
                "close_only": move.bar.low is None or move.bar.open is None,
            }
            low = move.bar.low
            rows[line.symbol, day] = {
                "close_usd": move.bar.close,
                "shares_outstanding": now.shares if now else None,
                "shares_as_of": now.as_of if now else None,
                "share_count_age_days": age,
                "market_cap_usd": cap,
                "previous_market_cap_usd": previous_cap,
                "price_effect_usd": effect,
                "share_count_effect_usd": _minus(cap, previous_cap, effect),
                "_share_count_effect_usd": max(cap or 0.0, previous_cap or 0.0),
                "return_1d": move.return_1d,
                "intraday_low_return": (
                    None if low is None or p_before is None else low / p_before - 1
                ),
                "intraday_low_effect_usd": _times(n_before, _minus(low, p_before)),
                "_intraday_low_effect_usd": previous_cap or 0.0,
                "effect_shares_outstanding": n_before,
                "effect_shares_as_of": before.as_of if before else None,
                "flags": [name for name, is_told in flags.items() if is_told],
            }
    return rows


# Losses, gains, sectors


LARGE_USD = 100e9
WITNESSED = {"official_index", "second_source", "next_session"}


def ranked(
    caps: Rows,
    what: str,
    witnesses: Mapping[tuple[str, date], str],
    unusual: Collection[tuple[str, date]],
) -> Rows:
    """Compute ``mart.market_cap_losses`` (what = loss) or ``mart.market_cap_gains`` (gain).

    A rank is 1 + how many are larger; equal sizes share it. What is contradicted, or rests on a
    disputed count, has a rank and stands against no record. A record has a witness, an undisputed
    count, 250 sessions of history, and is larger than all else that counts on earlier sessions,
    smaller than none on its own; the date of the previous one is that of the oldest of its size.

    Unwitnessed is what has no witness and is above 100 billion dollars, larger than the previous
    record (after 250 sessions), or unusual.
    """
    sign = -1 if what == "loss" else 1
    sizes = {
        key: sign * row["price_effect_usd"]
        for key, row in caps.items()
        if row["price_effect_usd"] is not None and sign * row["price_effect_usd"] > 0
    }
    history = sorted({day for _, day in caps})
    changes: dict[str, list[date]] = defaultdict(list)
    for (company, day), row in sorted(caps.items()):
        if row["price_effect_usd"] is not None:
            changes[company].append(day)
    covered_from = [
        days[COVERED_AFTER_CHANGES - 1]
        for days in changes.values()
        if len(days) >= COVERED_AFTER_CHANGES
    ]
    disputed = {key for key, row in caps.items() if "disputed_share_count" in row["flags"]}
    credible = {
        key: size
        for key, size in sizes.items()
        if key not in disputed and witnesses[key] != "contradicted"
    }
    rows: Rows = {}
    for key, size in sizes.items():
        company, day = key
        larger = [d for (_, d), s in sizes.items() if d <= day and s > size]
        earlier = [(s, d) for (_, d), s in credible.items() if d < day]
        record = max((s for s, _ in earlier), default=None)
        seen = sum(d <= day for d in history)
        is_largest = seen >= RECORD_AFTER_SESSIONS and (record is None or size > record)
        is_witnessed = witnesses[key] in WITNESSED
        is_topped = any(s > size for (_, d), s in credible.items() if d == day)
        asks = size > LARGE_USD or is_largest or key in unusual
        rows[company, day] = {
            f"{what}_usd": size,
            f"{what}_return": sign * caps[company, day]["return_1d"],
            "rank_on_session": 1 + larger.count(day),
            "rank_to_date": 1 + len(larger),
            "is_record": is_largest and is_witnessed and key not in disputed and not is_topped,
            "previous_record_usd": record,
            "previous_record_date": min((d for s, d in earlier if s == record), default=None),
            "history_from": history[0],
            "companies_covered": sum(d <= day for d in covered_from),
            "flags": caps[key]["flags"] + ["unwitnessed"] * (asks and not is_witnessed),
            "witness": witnesses[key],
        }
    return rows


def sector_moves(market: Market, caps: Rows) -> Rows:
    """Compute ``mart.sector_moves``: sums of price effects, each in whole cents."""
    sector_of = {line.symbol: line.sector for line in market.lines}
    groups: dict[tuple[str, date], list[dict[str, Any]]] = defaultdict(list)
    for (company, day), row in caps.items():
        groups[sector_of[company], day].append(row)
    rows: Rows = {}
    for key, of_group in groups.items():
        effects = [r["price_effect_usd"] for r in of_group if r["price_effect_usd"] is not None]
        cents = [round(100 * effect) for effect in effects]
        losers = -sum(c for c in cents if c < 0) / 100
        gainers = sum(c for c in cents if c > 0) / 100
        rows[key] = {
            "companies": len(of_group),
            "net_change_usd": sum(cents) / 100,
            "_net_change_usd": losers + gainers,
            "losers_usd": losers,
            "gainers_usd": gainers,
            "losers": sum(e < 0 for e in effects),
            "gainers": sum(e > 0 for e in effects),
            "companies_without_share_count": sum(r["shares_outstanding"] is None for r in of_group),
            "companies_disputed": sum("disputed_share_count" in r["flags"] for r in of_group),
        }
    return rows


# Drawdowns

TOLD_FLAGS = {
    "gap",
    "no_share_count",
    "no_previous_share_count",
    "stale_share_count",
    "share_count_warning",
    "disputed_share_count",
    "corporate_action",
}


def drawdowns(market: Market, of_all: Mapping[str, Mapping[date, Move]], caps: Rows) -> Rows:
    """Compute ``mart.drawdowns`` of companies and indices.

    The peak is the last session at the highest comparable close so far, the recovery the first one
    at or above it again, the trough the first one at the lowest close between. ``loss_usd`` is the
    plain sum of what is known of -(price effect) after the peak up to the trough, of either sign
    (gaps leave sessions out), null where nothing is known.
    """
    rows: Rows = {}
    for company in sorted({company for company, _ in caps}):
        series = [(day, move.comparable) for day, move in sorted(of_all[company].items())]
        for peak, below, recovery in _falls(series):
            trough = min(below, key=lambda point: (point[1], point[0]))
            falling = [caps[company, day] for day, _ in below if day <= trough[0]]
            known = [-r["price_effect_usd"] for r in falling if r["price_effect_usd"] is not None]
            told = {flag for r in falling for flag in r["flags"]} & TOLD_FLAGS
            rows[company, peak[0]] = {
                **_extent(market, peak, below, trough, recovery),
                "is_index": False,
                "loss_usd": math.fsum(known) if known else None,
                "_loss_usd": max(map(abs, known), default=0.0),
                "loss_points": None,
                "flags": sorted(told | _starting(series, peak)),
            }
    for index, levels in market.levels.items():
        series = sorted(levels.items())
        for peak, below, recovery in _falls(series):
            trough = min(below, key=lambda point: (point[1], point[0]))
            rows[index, peak[0]] = {
                **_extent(market, peak, below, trough, recovery),
                "is_index": True,
                "loss_usd": None,
                "loss_points": peak[1] - trough[1],
                "_loss_points": peak[1],
                "flags": sorted(_starting(series, peak)),
            }
    return rows


Point = tuple[date, float]


def _falls(series: Sequence[Point]) -> list[tuple[Point, list[Point], date | None]]:
    """Return each fall of a series: its peak, all points below it, the date of its recovery."""
    found: list[tuple[Point, list[Point], date | None]] = []
    peak: Point | None = None
    below: list[Point] = []
    for day, value in series:
        if peak is not None and value < peak[1]:
            below.append((day, value))
            continue
        if peak is not None and below:
            found.append((peak, below, day))
        peak, below = (day, value), []
    if peak is not None and below:
        found.append((peak, below, None))
    return found


def _extent(
    market: Market, peak: Point, below: Sequence[Point], trough: Point, recovery: date | None
) -> dict[str, Any]:
    place = market.sessions.index
    return {
        "trough_date": trough[0],
        "recovery_date": recovery,
        "drawdown_return": trough[1] / peak[1] - 1,
        "_drawdown_return": 1.0,
        "sessions_to_trough": place(trough[0]) - place(peak[0]),
        "sessions_below": place(below[-1][0]) - place(peak[0]),
    }


def _starting(series: Sequence[Point], peak: Point) -> set[str]:
    return {"history_starts"} if peak[0] == series[0][0] else set()
