"""Random markets: odd in every way that inputs may be, and exact where floats would blur a tie.

A market follows from a seed and a few knobs; hypothesis draws both, so that a failure shrinks by
its knobs. Numbers have all their digits, except where they repeat exactly: two closes, losses or
ranks are then the same to the bit or clearly apart, and no comparison hangs on rounding.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from hypothesis import strategies as st

from tests.oracle.companies import Action, classified, kind_of, multiplied
from tests.oracle.market import (
    Bar,
    Decision,
    Described,
    Holding,
    Line,
    Market,
    Recorded,
    Report,
)

MARGIN = 30
"""Sessions of the exchange before and after those that are traded."""

SPLITS = (2.0, 3.0, 10.0, 1.5, 1.25, 4 / 3, 0.5, 0.125, 1 / 3, 2.0005, 1.6667)
SPIN_OFFS = (1.033, 1.281, 1.0712, 1.6, 0.9535, 1.453, 1.9985, 0.6667)

JUMPS = (1.0, 1.0, 1.0, 1.003, 0.992, 1.11, 0.93, 1.2, 0.84)
"""From the count in force to the next report: none beyond x1.5, none near a ratio above."""

NEVER_TRADED = "N0"
"""A line of ref.securities without bars or count."""

A_DAY = timedelta(days=1)

APART = 1e-7
"""Comparable closes of a line are equal or at least this (relative) apart."""


@dataclass(frozen=True)
class Knobs:
    """How large a market is, and how often something odd happens (0 to 1)."""

    sessions: int = 30
    symbols: int = 5
    indices: int = 2
    actions: float = 0.5
    both: float = 0.3
    gaps: float = 0.05
    partial: float = 0.4
    nulls: float = 0.05
    echoes: float = 0.1


SEEDS = st.integers(0, 2**32 - 1)

_RATES = st.sampled_from((0.0, 0.05, 0.2, 0.5))

KNOBS = st.builds(
    Knobs,
    sessions=st.integers(12, 38),
    # More than ten members now and then, for what the ten heaviest weigh.
    symbols=st.one_of(st.integers(3, 8), st.integers(3, 8), st.just(13)),
    indices=st.integers(1, 3),
    actions=st.sampled_from((0.0, 0.3, 0.7, 1.5)),
    both=st.sampled_from((0.0, 0.3, 0.6)),
    gaps=st.sampled_from((0.0, 0.03, 0.1, 0.25)),
    partial=_RATES,
    nulls=_RATES,
    echoes=_RATES,
)


def make(calendar: Sequence[date], seed: int, knobs: Knobs) -> Market:
    """Make the market of a seed and knobs."""
    return _Maker(calendar, random.Random(f"{seed} {knobs}"), knobs).market(  # noqa: S311 - no secret
        f"make(exchange_sessions(), seed={seed}, knobs={knobs})"
    )


class _Maker:
    def __init__(self, calendar: Sequence[date], rng: random.Random, knobs: Knobs) -> None:
        self.rng, self.knobs = rng, knobs
        start = rng.randrange(len(calendar) - knobs.sessions - 2 * MARGIN)
        self.sessions = calendar[start : start + knobs.sessions + 2 * MARGIN]
        self.traded = self.sessions[MARGIN:-MARGIN]

    def market(self, told: str) -> Market:
        lines = self._lines()
        recorded: list[Recorded] = []
        decisions: list[Decision] = []
        spans = {line.symbol: self._span() for line in lines}
        for line in lines:
            recorded += self._recorded(line.symbol, spans[line.symbol])
            decisions += self._decisions(line.symbol, recorded)
        blank = Market(self.sessions, tuple(lines), {}, tuple(recorded), tuple(decisions))
        actions = classified(blank)
        bars = {s: self._bars(s, span, actions) for s, span in spans.items() if s != NEVER_TRADED}
        reports = [r for line in lines for r in self._reports(line, actions)]
        self._twin(lines, bars, recorded, decisions, reports)
        actions = classified(
            Market(self.sessions, tuple(lines), {}, tuple(recorded), tuple(decisions))
        )
        levels: dict[str, dict[date, float]] = {}
        indices: list[Described] = []
        holdings: list[Holding] = []
        for number in range(self.knobs.indices):
            self._index(f"^X{number}", bars, levels, indices, holdings, actions)
        return Market(
            self.sessions,
            tuple(lines),
            bars,
            tuple(recorded),
            tuple(decisions),
            tuple(reports),
            levels,
            tuple(indices),
            tuple(holdings),
            told,
        )

    def happens(self, rate: float) -> bool:
        return self.rng.random() < rate

    # Companies

    def _lines(self) -> list[Line]:
        """Some symbols are a further line of the company before; only that line has a count."""
        lines: list[Line] = []
        for number in range(self.knobs.symbols):
            symbol = f"S{number:02}"
            company = lines[-1].company_symbol if lines and self.happens(0.2) else symbol
            sector = self.rng.choice(("Energy", "Utilities", "Materials"))
            lines.append(Line(symbol, company, sector))
        return [*lines, Line(NEVER_TRADED, NEVER_TRADED)]

    def _span(self) -> tuple[int, int]:
        """Return the places of a line's first and last bar: some are new, some are dead."""
        first, last = 0, len(self.traded) - 1
        if self.happens(self.knobs.partial):
            first = self.rng.randint(0, last // 2)
        if self.happens(self.knobs.partial):
            last = self.rng.randint(first, last)
        return first, last

    def _recorded(self, symbol: str, span: tuple[int, int]) -> list[Recorded]:
        """Record actions on any session, preferably where a line's bars start and end."""
        first, last = self.traded[span[0]], self.traded[span[1]]
        found: list[Recorded] = []
        for _ in range(self._number(self.knobs.actions)):
            day = self.rng.choice((
                self.rng.choice(self.traded),
                self.rng.choice(self.traded),
                self.rng.choice(self.traded),
                self.rng.choice(self.sessions),
                first,
                last,
            ))  # fmt: skip
            of = [("split", SPLITS), ("spin_off", SPIN_OFFS)]
            self.rng.shuffle(of)
            (kind, ratios), (other, others) = of
            is_told = self.happens(0.3)
            # What is told may be anything: an odd split, a spin-off of a whole ratio.
            drawn = self.rng.choice(SPLITS + SPIN_OFFS if is_told else ratios)
            found.append(Recorded(symbol, day, drawn, kind if is_told else None))
            if self.happens(self.knobs.both):
                # Of two on a date one at least says what it is.
                says = other if not is_told or self.happens(0.5) else None
                found.append(Recorded(symbol, day, self.rng.choice(others), says))
        # Two splits on one date would be one row of the source, and so would two of no kind.
        kept = {(r.ex_date, r.kind or kind_of(r.ratio)): r for r in found}
        kept = {(r.ex_date, r.kind): r for r in kept.values()}
        return list(kept.values())

    def _number(self, mean: float) -> int:
        """Draw how often something happens that happens ``mean`` times on average."""
        return sum(self.happens(mean / 3) for _ in range(3))

    def _decisions(self, symbol: str, recorded: Sequence[Recorded]) -> list[Decision]:
        """Remove, reclassify or add an action now and then."""
        if not self.happens(self.knobs.actions / 5):
            return []
        days = sorted({r.ex_date for r in recorded if r.symbol == symbol})
        kind = self.rng.choice(("split", "spin_off", "none"))
        day = self.rng.choice(days) if days and self.happens(0.7) else self.rng.choice(self.traded)
        ratio = 1.0 if kind == "none" else self.rng.choice((2.0, 1.281, 0.5))
        decided = [Decision(symbol, day, kind, ratio)]
        if kind != "none" and self.happens(self.knobs.both):
            other = "spin_off" if kind == "split" else "split"
            decided.append(Decision(symbol, day, other, self.rng.choice((1.907, 0.5, 3.0))))
        return decided

    def _bars(
        self, symbol: str, span: tuple[int, int], actions: Sequence[Action]
    ) -> dict[date, Bar]:
        """Walk from bar to bar, at comparable prices; gaps, repeated closes, missing lows."""
        bars: dict[date, Bar] = {}
        comparables: list[float] = []
        close, cumulative = self.rng.uniform(20, 400), 1.0
        skip = 0
        quiet = 0
        last: date | None = None
        for day in self.traded[span[0] : span[1] + 1]:
            if last is not None and (skip or self.happens(self.knobs.gaps)):
                skip = skip - 1 if skip else self.rng.choice((0, 0, 1, 3))
                continue
            ratio = multiplied(
                a
                for a in actions
                if a.symbol == symbol and a.ex_date <= day and a.ex_date > (last or day - A_DAY)
            )
            cumulative *= ratio
            quiet = 0 if ratio != 1 or last is None else quiet + 1
            closes = [bar.close for bar in bars.values()]
            close = self._next_close(close / ratio, cumulative, closes, comparables, quiet)
            bars[day] = self._bar(close)
            comparables.append(close * cumulative)
            last = day
        return bars

    def _next_close(
        self,
        before: float,
        cumulative: float,
        closes: Sequence[float],
        comparables: Sequence[float],
        quiet: int,
    ) -> float:
        """Move a price; where nothing went ex for ``quiet`` bars it may repeat an earlier one."""
        # A repeated close gives exact ties: of highs, and (there and back twice) of losses.
        if quiet >= 1 and self.happens(self.knobs.echoes):
            return before
        if quiet >= 2 and self.happens(self.knobs.echoes):
            return closes[-2]
        while True:
            shock = self.rng.uniform(-0.3, 0.3) if self.happens(0.05) else 0.0
            close = before * (1 + self.rng.gauss(0, 0.02) + shock)
            value = close * cumulative
            is_clear = all(abs(value / other - 1) > APART for other in comparables)
            if is_clear and abs(close / before - 1) > 1e-4:
                return close

    def _bar(self, close: float) -> Bar:
        low = close * (1 - abs(self.rng.gauss(0, 0.01)))
        return Bar(
            close,
            None if self.happens(self.knobs.nulls / 2) else close * (1 + self.rng.gauss(0, 0.01)),
            close * 1.1,
            None if self.happens(self.knobs.nulls) else low,
        )

    def _reports(self, line: Line, actions: Sequence[Action]) -> list[Report]:
        """Report counts of a company: on any day of the week, from long before to late."""
        if line.symbol != line.company_symbol or line.symbol == NEVER_TRADED:
            return []
        if self.happens(0.1):
            return []
        first = self.traded[0] - timedelta(days=self.rng.choice((200, 140, 100, 30, -3, -12)))
        days = {
            first + timedelta(days=self.rng.randint(0, 260)) for _ in range(self.rng.randint(0, 6))
        }
        if self.happens(0.2):
            days |= {a.ex_date for a in actions if a.symbol == line.symbol}
        days |= {first}
        splits = sorted(
            (a.ex_date, a.ratio) for a in actions if a.symbol == line.symbol and a.kind == "split"
        )
        count, found = float(self.rng.randint(10**6, 10**9)), []
        for day in sorted(d for d in days if d <= self.sessions[-1]):
            while splits and splits[0][0] <= day:
                ratio = splits.pop(0)[1]
                # The first report is in the basis of its own date.
                count *= ratio if found else 1.0
            shares = round(count * (self.rng.choice(JUMPS) if found else 1.0))
            found.append(Report(line.symbol, day, shares))
            count = float(shares)
        return found

    def _twin(
        self,
        lines: list[Line],
        bars: dict[str, dict[date, Bar]],
        recorded: list[Recorded],
        decisions: list[Decision],
        reports: list[Report],
    ) -> None:
        """Add a company that is another one under a second name: all its losses are ties."""
        if not self.happens(0.5):
            return
        one = self.rng.choice(sorted({line.company_symbol for line in lines} & bars.keys()))
        lines.append(Line("T0", "T0", self.rng.choice(("Energy", "Utilities"))))
        bars["T0"] = dict(bars[one])
        recorded += [replace(r, symbol="T0") for r in recorded if r.symbol == one]
        decisions += [
            Decision("T0", d.ex_date, d.kind, d.ratio) for d in decisions if d.symbol == one
        ]
        reports += [Report("T0", r.as_of_date, r.shares) for r in reports if r.symbol == one]

    # Indices

    def _index(
        self,
        index: str,
        bars: dict[str, dict[date, Bar]],
        levels: dict[str, dict[date, float]],
        indices: list[Described],
        holdings: list[Holding],
        actions: Sequence[Action],
    ) -> None:
        levels[index] = self._levels()
        weighting = self.rng.choice(("price", "market cap", "modified market cap"))
        days = [self.traded[0] - timedelta(days=self.rng.choice((400, 20, 1, -1, -9)))]
        days += self.rng.sample(self.traded, self.rng.choice((0, 0, 1, 2)))
        # A set now and then starts on a date on which something goes ex.
        ex_dates = sorted({a.ex_date for a in actions})
        if ex_dates and self.happens(0.3):
            days.append(self.rng.choice(ex_dates))
        value = 0.0
        for effective_from in sorted(set(days)):
            members = self._members(index, effective_from, sorted(bars))
            holdings += members
            value = sum(
                (m.units or 1.0) * next(iter(bars[m.symbol].values())).close
                for m in members
                if bars.get(m.symbol)
            )
        started = self.traded[0] - timedelta(days=self.rng.choice((500, 500, 500, -8)))
        dates = {started} | set(self.rng.sample(self.traded, self.rng.choice((0, 0, 1, 2))))
        if ex_dates and self.happens(0.3):
            dates.add(self.rng.choice(ex_dates))
        dates = {day for day in dates if day >= started}
        is_published = self.happens(0.6)
        level = next(iter(levels[index].values()), 1000.0)
        for day in sorted(dates):
            divisor = (value or 1.0) / level * self.rng.uniform(0.8, 1.3)
            has_one = is_published and not self.happens(0.2)
            indices.append(Described(index, day, weighting, divisor if has_one else None))

    def _levels(self) -> dict[date, float]:
        """Walk over the sessions, with missing ones, a late start and some repeated levels."""
        if self.happens(0.05):
            return {}
        first = self.rng.choice((-2, 0, 0, 0, 5))
        days = self.sessions[
            MARGIN + first : MARGIN + len(self.traded) + self.rng.choice((0, 0, 2))
        ]
        level, found = self.rng.uniform(500, 9000), {}
        for day in days:
            move = self.rng.gauss(0, 0.01) + (0.2 if self.happens(0.04) else 0.0)
            level *= 1.0 if self.happens(self.knobs.echoes / 2) else 1 + move
            if not self.happens(self.knobs.gaps / 2):
                found[day] = level
        return found

    def _members(self, index: str, effective_from: date, symbols: Sequence[str]) -> list[Holding]:
        """Choose a set: lines, now and then one that never traded, or that nobody knows (Z9)."""
        chosen = self.rng.sample(symbols, self.rng.randint(max(1, len(symbols) // 2), len(symbols)))
        strangers = [NEVER_TRADED] * self.happens(0.1) + ["Z9"] * self.happens(0.1)
        is_list = self.happens(0.2)
        as_of = effective_from + timedelta(
            days=self.rng.choice((0, 0, 0, -3, -40, 1, 12, 25, 60, 400))
        )
        return [
            Holding(
                index,
                effective_from,
                symbol,
                None if is_list or self.happens(0.03) else self.rng.uniform(1e3, 1e6),
                as_of + timedelta(days=self.happens(0.1)),
                is_estimate=self.happens(0.1),
                source=self.rng.choice(("fund", "provider")),
            )
            for symbol in [*chosen, *strangers]
        ]


def census(market: Market) -> Counter[str]:
    """Count what is odd in a market, to see that the strategy reaches all of it."""
    found: Counter[str] = Counter()
    actions = classified(market)
    for action in actions:
        bars = market.bars.get(action.symbol, {})
        if not bars:
            continue
        both = [a for a in actions if (a.symbol, a.ex_date) == (action.symbol, action.ex_date)]
        found["both on one date"] += len({a.kind for a in both}) > 1
        found["a kind that the ratio does not tell"] += action.kind != kind_of(action.ratio)
        found["before the first bar"] += action.ex_date < min(bars)
        found["after the last bar"] += action.ex_date > max(bars)
        is_within = min(bars) <= action.ex_date <= max(bars)
        found["on a date without a bar"] += is_within and action.ex_date not in bars
    found["sets dated later"] += any(h.as_of_date > h.effective_from for h in market.holdings)
    found["published divisors"] += any(row.divisor for row in market.indices)
    found["price weighted"] += any(row.weighting == "price" for row in market.indices)
    return found
