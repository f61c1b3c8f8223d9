"""Random markets: odd in every way that inputs may be, and exact where floats would blur a tie.

A market follows from a seed and a few knobs; hypothesis draws both, so that a failure shrinks by
its knobs. Numbers have all their digits, except where they repeat exactly: two closes, losses or
ranks are then the same to the bit or clearly apart, and no comparison hangs on rounding.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import strategies as st

from tests.oracle.actions import Action, classified, kind_of, multiplied
from tests.oracle.counts import JUMP, Weighed, alike, weighed
from tests.oracle.market import (
    Bar,
    CountDecision,
    Decision,
    Described,
    Holding,
    Line,
    Market,
    Recorded,
    Report,
)
from tests.oracle.membership import index_changes

MARGIN = 30
"""Sessions of the exchange after those that are traded."""

PAST = 310
"""Sessions of the exchange before those that are traded: a jump may be undone after 252."""

SPLITS = (2.0, 3.0, 10.0, 1.5, 1.25, 4 / 3, 0.5, 0.125, 1 / 3, 2.0005, 1.6667)
SPIN_OFFS = (1.033, 1.281, 1.0712, 1.6, 0.9535, 1.453, 1.9985, 0.6667)

JUMPS = (1.0, 1.0, 1.0, 1.003, 0.992, 1.11, 0.93, 1.2, 0.84)
"""From the count in force to the next report: none beyond x1.5, none near a ratio above."""

WRONG = (1.61, 1.71, 2.37, 4.03, 16.0, 1000.0, 0.31, 0.48, 0.55, 0.062, 1.41, 0.717)
"""What a count is multiplied with where it is wrong, or really jumps."""

STORIES = (
    "undone",
    "other from a date on",
    "other from a date on",
    "two others in a row",
    "first",
    "first two",
    "throughout",
    "spin-off",
)
"""Which reports of a company are multiplied."""

MOVES = ("other from a date on",) * 5
"""Where there are index units, more of what they may follow."""

SPLIT_DAYS = 45

WEIGHTINGS = ("price", "market cap", "modified market cap")
FULL = ("market cap", "float-adjusted market cap")

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
    stories: float = 0.5

    @property
    def has_funds(self) -> bool:
        """Whether index units are those of funds: they follow the shares of many members."""
        return self.symbols >= MANY


MANY = 14

SEEDS = st.integers(0, 2**32 - 1)

_RATES = st.sampled_from((0.0, 0.05, 0.2, 0.5))

KNOBS = st.builds(
    Knobs,
    sessions=st.integers(12, 38),
    # More than ten members now and then, for what the ten heaviest weigh, and what units say.
    symbols=st.one_of(st.integers(3, 7), st.integers(3, 8), st.just(13), st.just(16)),
    indices=st.integers(1, 3),
    actions=st.sampled_from((0.0, 0.3, 0.7, 1.5)),
    both=st.sampled_from((0.0, 0.3, 0.6)),
    gaps=st.sampled_from((0.0, 0.03, 0.1, 0.25)),
    partial=_RATES,
    nulls=_RATES,
    echoes=_RATES,
    stories=st.sampled_from((0.0, 0.5, 0.9)),
)


def make(calendar: Sequence[date], seed: int, knobs: Knobs) -> Market:
    """Make the market of a seed and knobs."""
    return _Maker(calendar, random.Random(f"{seed} {knobs}"), knobs).market(  # noqa: S311 - no secret
        f"make(exchange_sessions(), seed={seed}, knobs={knobs})"
    )


def _listed(line: Line, bars: Mapping[date, Bar], told: str) -> Line:
    """Say of one line in eight that its listing is shorter than its bars, or begins before them."""
    rng = random.Random(f"{told} {line.symbol}")  # noqa: S311 - no secret
    days = sorted(bars)
    if len(days) < 2 or rng.random() > 1 / 8:
        return line
    first, last = rng.choice((days[0] - A_DAY, days[0], days[1])), rng.choice(days[-3:])
    return replace(
        line,
        listed_from=rng.choice((None, first)),
        listed_to=rng.choice((None, last)) if last >= first else None,
    )


TRADED = (*[6e-3] * 12, 6e-6, 4e-5, 6e-5, 0.4, 0.6, 3.0)
"""Which part of a company's shares is traded on a session: as usual, and where none is."""


def _with_volumes(
    bars: Mapping[date, Bar], told: str, symbol: str, reports: Sequence[Report]
) -> dict[date, Bar]:
    """Say of most lines how many shares were traded; of some sessions nothing, or zero."""
    rng = random.Random(f"{told} {symbol} volumes")  # noqa: S311 - no secret
    counts = [r.shares for r in reports if r.symbol == symbol]
    if not counts or rng.random() < 1 / 4:
        return dict(bars)
    usual = rng.choice(TRADED) * rng.choice(counts)
    holes = rng.choice((0.0, 0.0, 0.3))

    def volume() -> int | None:
        if rng.random() < holes:
            return rng.choice((None, 0))
        return round(usual * rng.uniform(0.8, 1.25))

    return {day: replace(bar, volume=volume()) for day, bar in bars.items()}


class _Maker:
    def __init__(self, calendar: Sequence[date], rng: random.Random, knobs: Knobs) -> None:
        self.rng, self.knobs = rng, knobs
        length = PAST + knobs.sessions + MARGIN
        start = rng.randrange(len(calendar) - length)
        self.sessions = calendar[start : start + length]
        self.traded = self.sessions[PAST:-MARGIN]
        self.held: dict[str, list[tuple[date, float]]] = {}

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
            self._index(f"^X{number}", bars, levels, indices, holdings, actions, lines)
        return Market(
            self.sessions,
            tuple(_listed(line, bars.get(line.symbol, {}), told) for line in lines),
            {symbol: _with_volumes(of, told, symbol, reports) for symbol, of in bars.items()},
            tuple(recorded),
            tuple(decisions),
            tuple(reports),
            self._count_decisions(reports),
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
            company = lines[-1].company_symbol if lines and self.happens(0.1) else symbol
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
                self.rng.choice(self.sessions[PAST - MARGIN :]),
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
        """Report counts of a company: on any day of the week, from long before to late.

        Counts are told in the basis of their own date; where a story is told some are wrong, some
        jump, and some near a split stand in the basis of its other side.
        """
        if line.symbol != line.company_symbol or line.symbol == NEVER_TRADED:
            return []
        if self.happens(0.02 if self.knobs.has_funds else 0.1):
            return []
        own = [a for a in actions if a.symbol == line.symbol]
        splits = [a for a in own if a.kind == "split"]
        has_story = self.happens(self.knobs.stories)
        days = self._report_days(own, is_long=has_story or self.knobs.has_funds)
        size, sizes = float(self.rng.randint(10**6, 10**9)), []
        is_quiet = has_story and self.happens(0.5)
        for _ in days:
            sizes.append(size)
            size *= 1.0 if is_quiet else self.rng.choice(JUMPS)
        if self.happens(0.3):
            sizes = sizes[:1] * len(sizes)
        self.held[line.symbol] = list(zip(days, sizes, strict=True))
        if has_story:
            sizes = self._told(line.symbol, days, sizes, own)
        found = []
        for day, told in zip(days, sizes, strict=True):
            basis = day
            near = [a.ex_date for a in splits if abs((a.ex_date - day).days) <= SPLIT_DAYS]
            if has_story and near and self.happens(0.4):
                ex_date = self.rng.choice(near)
                basis = ex_date if ex_date > day else ex_date - A_DAY
            shares = told / multiplied(a for a in splits if a.ex_date > basis)
            found.append(Report(line.symbol, day, max(1, round(shares))))
        return found

    def _report_days(self, own: Sequence[Action], *, is_long: bool) -> list[date]:
        back = (430, 400, 250, 140) if is_long else (200, 140, 100, 30, -3, -12)
        first = self.traded[0] - timedelta(days=self.rng.choice(back))
        last = self.sessions[-1]
        span = (last - first).days if is_long else 260
        number = self.rng.randint(3, 8) if is_long else self.rng.randint(0, 6)
        days = {first + timedelta(days=self.rng.randint(0, span)) for _ in range(number)}
        if self.happens(0.2):
            days |= {a.ex_date for a in own}
        if is_long:
            days |= {a.ex_date + timedelta(days=self.rng.randint(-50, 50)) for a in own}
        # All readings of reports near splits are tried: not too many of them.
        kept = [d for d in sorted(days - {first}) if d <= last]
        return sorted([first, *self.rng.sample(kept, min(len(kept), 8))])

    def _told(
        self, symbol: str, days: Sequence[date], sizes: Sequence[float], own: Sequence[Action]
    ) -> list[float]:
        """Multiply some counts; units now and then follow them, or go ahead of them."""
        factor, other = self.rng.sample(WRONG, 2)
        one, two = sorted(self.rng.choices(range(min(1, len(days) - 1), len(days)), k=2))
        spin_offs = [a for a in own if a.kind == "spin_off"]
        story = self.rng.choice(STORIES + MOVES * self.knobs.has_funds)
        factors = {
            "undone": [factor if one <= n < max(two, one + 1) else 1.0 for n in range(len(days))],
            "other from a date on": [factor if n >= one else 1.0 for n in range(len(days))],
            "two others in a row": [
                other if n >= two else factor if n >= one else 1.0 for n in range(len(days))
            ],
            "first": [factor if n == 0 else 1.0 for n in range(len(days))],
            "first two": [factor if n <= 1 else 1.0 for n in range(len(days))],
            "throughout": [self.rng.choice((0.48, 0.62, 2.2))] * len(days),
            "spin-off": [
                next((a.ratio for a in spin_offs if abs((a.ex_date - day).days) <= SPLIT_DAYS), 1.0)
                for day in days
            ],
        }[story]
        told = [size * f for size, f in zip(sizes, factors, strict=True)]
        if "in a row" in story or "date on" in story:
            ahead = timedelta(days=self.rng.choice((0, 40, 70)))
            if self.happens(0.7):
                self.held[symbol] = [
                    (day - ahead, size) for day, size in zip(days, told, strict=True)
                ]
        return told

    def _count_decisions(self, reports: Sequence[Report]) -> tuple[CountDecision, ...]:
        chosen = [r for r in reports if self.happens(self.knobs.stories / 20)]
        return tuple(
            CountDecision(r.symbol, r.as_of_date, self.rng.choice(("accept", "reject")))
            for r in chosen
        )

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
        self.held["T0"] = self.held.get(one, [])

    # Indices

    def _index(
        self,
        index: str,
        bars: dict[str, dict[date, Bar]],
        levels: dict[str, dict[date, float]],
        indices: list[Described],
        holdings: list[Holding],
        actions: Sequence[Action],
        lines: Sequence[Line],
    ) -> None:
        levels[index] = self._levels()
        weighting = self.rng.choice(WEIGHTINGS + FULL * self.knobs.has_funds)
        days = [self.traded[0] - timedelta(days=self.rng.choice((400, 20, 1, -1, -9)))]
        days += self.rng.sample(self.traded, self.rng.choice((0, 0, 1, 2)))
        if self.knobs.has_funds:
            days += self.rng.sample(self.sessions, self.rng.randint(5, 9))
        # A set now and then starts on a date on which something goes ex.
        ex_dates = sorted({a.ex_date for a in actions})
        if ex_dates and self.happens(0.3):
            days.append(self.rng.choice(ex_dates))
        value = 0.0
        for effective_from in sorted(set(days)):
            members = self._members(index, effective_from, sorted(bars))
            if self.knobs.has_funds and weighting in FULL:
                members = self._held(members, lines, actions)
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
        days = self.sessions[PAST + first : PAST + len(self.traded) + self.rng.choice((0, 0, 2))]
        level, found = self.rng.uniform(500, 9000), {}
        for day in days:
            move = self.rng.gauss(0, 0.01) + (0.2 if self.happens(0.04) else 0.0)
            level *= 1.0 if self.happens(self.knobs.echoes / 2) else 1 + move
            if not self.happens(self.knobs.gaps / 2):
                found[day] = level
        return found

    def _members(self, index: str, effective_from: date, symbols: Sequence[str]) -> list[Holding]:
        """Choose a set: lines, now and then one that never traded, or that nobody knows (Z9)."""
        least = len(symbols) - 3 if self.knobs.has_funds else max(1, len(symbols) // 2)
        chosen = self.rng.sample(symbols, self.rng.randint(least, len(symbols)))
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

    def _held(
        self, members: Sequence[Holding], lines: Sequence[Line], actions: Sequence[Action]
    ) -> list[Holding]:
        """Give a fund's units to a set: what it holds of each line follows the company's shares."""
        company_of = {line.symbol: line.company_symbol for line in lines}
        scale = self.rng.uniform(1e-4, 1e-2)
        as_of = members[0].as_of_date
        found = []
        for m in members:
            company = company_of.get(m.symbol, m.symbol)
            path = self.held.get(company, [])
            so_far = [size for day, size in path if day <= as_of] or [size for _, size in path[:1]]
            beside = sum(company_of.get(o.symbol) == company for o in members)
            later = multiplied(
                a
                for a in actions
                if a.symbol == m.symbol and a.kind == "split" and a.ex_date > as_of
            )
            units = so_far[-1] * scale / beside / later if so_far and m.units else m.units
            found.append(replace(m, units=units, as_of_date=as_of))
        return found


def make_reports(calendar: Sequence[date], seed: int, companies: int = 60) -> Market:
    """Make reports of companies that have no bars: jumps, splits and round numbers close together.

    Half of the companies report one number throughout: splits can then be read in equal ways.
    """
    rng = random.Random(f"{seed} reports")  # noqa: S311 - no secret
    start = calendar[1000]
    recorded: list[Recorded] = []
    reports: list[Report] = []
    decisions: list[CountDecision] = []
    for number in range(companies):
        symbol, span = f"R{number:02}", rng.choice((60, 200, 700))
        ex_dates = {start + timedelta(days=rng.randint(0, span)) for _ in range(rng.randint(0, 3))}
        recorded += [Recorded(symbol, day, rng.choice(SPLITS + SPIN_OFFS)) for day in ex_dates]
        days = {
            start + timedelta(days=rng.randint(-30, span + 30)) for _ in range(rng.randint(1, 9))
        }
        count = float(rng.choice((1_000_003, 12_000_000, rng.randint(10**6, 10**9))))
        for day in sorted(days):
            told = count
            if number % 2:
                count *= rng.choice((*[1.0] * 20, *JUMPS, *WRONG, *SPLITS))
                told = count * rng.choice((*[1.0] * 40, *WRONG, *SPLITS, *SPIN_OFFS))
            reports.append(Report(symbol, day, max(1, round(told))))
            if rng.random() < 0.03:
                decisions.append(CountDecision(symbol, day, rng.choice(("accept", "reject"))))
    return Market(
        tuple(calendar[900:2000]),
        (),
        {},
        tuple(recorded),
        reports=tuple(reports),
        count_decisions=tuple(decisions),
        told=f"make_reports(exchange_sessions(), seed={seed})",
    )


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
    by_bars = weighed(market, actions)
    by_reports = weighed(replace(market, bars={}), actions)
    for symbol, company in by_bars.items():
        found += _cases(company)
        found["no company is so"] += company.counts != by_reports[symbol].counts
    for line in market.lines:
        days = sorted(market.bars.get(line.symbol, {}))
        first, last = line.listed_from, line.listed_to
        found["a bar before its listing"] += bool(days and first and days[0] < first)
        found["a bar after its listing"] += bool(days and last and last < days[-1])
    found["sets dated later"] += any(h.as_of_date > h.effective_from for h in market.holdings)
    found["published divisors"] += any(row.divisor for row in market.indices)
    found["price weighted"] += any(row.weighting == "price" for row in market.indices)
    for row in index_changes(market, actions).values():
        found[f"a change of members: {row['reason']}"] += 1
    return found


def _cases(company: Weighed) -> Counter[str]:
    """Count what becomes of a company's reports."""
    found = Counter(company.refused.values())
    found += Counter(
        {f"read in the basis {c.side}" for c in company.counts} - {"read in the basis own_date"}
    )
    found += Counter({f"rests on {c.evidence}" for c in company.counts})
    holding = [c for c in company.chapters if c.fate == "holds"]
    for last, new in pairwise(holding):
        is_jump = not alike(new.seen[0].size, last.seen[-1].size, JUMP)
        if is_jump and not new.is_decided and not new.is_contested:
            found["units followed a jump"] += 1
            stale = [c for c in company.counts if last.start <= c.as_of < new.start]
            found["units went ahead of a jump"] += any(c.disputed for c in stale)
        found["units did not follow a jump"] += is_jump and new.is_contested and new.is_fitting
        found["contested as the one before"] += not is_jump and new.is_contested
    is_waiting = "share_count_jump" in company.refused.values()
    quiet = bool(holding) and not is_waiting and not any(c.is_contested for c in holding)
    found["units contradict some"] += (
        quiet and len(company.counts) > 1 and len({c.disputed for c in company.counts}) > 1
    )
    found["units contradict all"] += (
        quiet
        and len({c.as_of for c in company.counts}) > 1
        and all(c.disputed for c in company.counts)
    )
    return found
