"""The oracle, share counts: which reported count holds on which date, and what speaks against it.

A report stands in a basis: a set of splits that its number has in it already. Chapters are
stretches of reports without a jump between them; each has a fate. Notation: a report's size is its
count times all splits that are not in it yet.
"""

import itertools
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import median

from tests.oracle.actions import Action, Rows
from tests.oracle.market import Bar, Market

JUMP = 1.5
WARN_BEYOND = 1.15
AGREE = 1.25
SPLIT_DAYS = 45
OTHER_BASIS = 1e-3
SPIN_OFF_DAYS = 30
MATCH = 0.02
REPEATED_SESSIONS = 60
UNDONE_SESSIONS = 252
TOO_FEW, TOO_MANY, ABSURD = 0.75, 3.0, 4.0
DRIFT = 1.3
LEVEL = 0.005
MIN_MEMBERS = 10
BY_MARKET_CAP = {"market cap", "float-adjusted market cap"}
LARGEST_CAP, SMALLEST_CAP = 10e12, 1e6
FEWEST_TRADED, MOST_TRADED = 1 / 20_000, 0.5
ENOUGH_SESSIONS = 20
TIED = 1e-11


def alike(one: float, other: float, factor: float) -> bool:
    """Tell whether two sizes differ by a factor at most, either way."""
    return max(one / other, other / one) <= factor * (1 + 1e-9)


@dataclass(frozen=True)
class Seen:
    """A report as it is read.

    Attributes:
        inside: the splits that its number has in it, as places among the company's splits.
        size: its count times all splits that are not inside.
    """

    day: date
    number: float
    is_decided: bool
    side: str
    inside: frozenset[int]
    size: float


@dataclass
class Chapter:
    """Reports, by date, without a jump between them.

    Attributes:
        end: the date on which the next chapter starts; None for the last.
        told: what units of its time say: count over units, against what is usual.
        fate: open; holds; or the rule that refuses it.
        is_contested: whether it holds against the count before it, by repetition alone.
    """

    seen: list[Seen]
    end: date | None
    told: list[float]
    fate: str = "open"
    is_contested: bool = False

    @property
    def start(self) -> date:
        return self.seen[0].day

    @property
    def is_fitting(self) -> bool:
        return bool(self.told) and TOO_FEW <= median(self.told) <= TOO_MANY

    @property
    def is_decided(self) -> bool:
        return any(s.is_decided for s in self.seen)


@dataclass(frozen=True)
class Count:
    """A count that is in force from a date on, by a report of a chapter."""

    chapter: Chapter
    valid_from: date
    shares: float
    as_of: date
    basis: str
    side: str
    warned: bool
    evidence: str
    disputed: bool


# Readings


def read(numbers: Sequence[tuple[date, float, bool]], splits: Sequence[Action]) -> list[Seen]:
    """Read all reports (date, number, is_decided) of a company so that their sizes move least.

    All combinations of readings are tried. A combination costs the sum of |ln| of its steps, none
    counted beyond ln 1.5, and 0.001 per report on the other side of a split. Of equal ones, the
    last report that is read differently is in the basis of its own date, or beside the earlier
    split. Reports with one reading cut the series: what lies between two of them is tried alone.
    """
    found: list[Seen] = []
    choices = [_readings(*number, splits) for number in numbers]
    at = 0
    while at < len(choices):
        end = at
        while len(choices[end]) > 1 and end + 1 < len(choices):
            end += 1
        stretch = choices[at : end + 1]
        ways = _ways(stretch, [choices[at - 1][0]] if at else [])
        best = min(cost for cost, _ in ways)
        way = min((w for cost, w in ways if cost <= best + TIED), key=lambda w: w[::-1])
        found += [c[n] for c, n in zip(stretch, way, strict=True)]
        at = end + 1
    return found


def _ways(
    stretch: Sequence[Sequence[Seen]], before: Sequence[Seen]
) -> list[tuple[float, tuple[int, ...]]]:
    """Return combinations of readings and their costs; one that costs too much is left midway."""
    found: list[tuple[float, tuple[int, ...]]] = []
    best = math.inf

    def go(cost: float, way: tuple[int, ...], last: Seen | None) -> None:
        nonlocal best
        if cost > best + TIED:
            return
        if len(way) == len(stretch):
            best = min(best, cost)
            found.append((cost, way))
            return
        steps = [
            (_step(last, seen) + OTHER_BASIS * (n > 0), n)
            for n, seen in enumerate(stretch[len(way)])
        ]
        for step, n in sorted(steps):
            go(cost + step, (*way, n), stretch[len(way)][n])

    go(0.0, (), before[0] if before else None)
    return found


def _step(last: Seen | None, seen: Seen) -> float:
    return 0.0 if last is None else min(abs(math.log(seen.size / last.size)), math.log(JUMP))


def _readings(day: date, number: float, is_decided: bool, splits: Sequence[Action]) -> list[Seen]:  # noqa: FBT001
    places = range(len(splits))
    own = frozenset(n for n in places if splits[n].ex_date <= day)
    ways = [("own_date", own)]
    for n in places if not is_decided else ():
        ahead = (splits[n].ex_date - day).days
        if 0 < ahead <= SPLIT_DAYS:
            ways.append(("after_split", own | {n}))
        if 0 <= -ahead <= SPLIT_DAYS:
            ways.append(("before_split", own - {n}))
    return [
        Seen(
            day,
            number,
            is_decided,
            side,
            inside,
            number * math.prod(splits[n].ratio for n in places if n not in inside),
        )
        for side, inside in ways
    ]


# Index units

UnitsOfSet = tuple[date, Mapping[str, float]]
"""A date, and the units of companies on it, in the basis after all splits."""


def sets_of_units(market: Market, splits: Mapping[str, Sequence[Action]]) -> list[UnitsOfSet]:
    """Return the units of each set under weighting by market cap, by company.

    Units with one date are one set. A company has the units of all its lines, each times the splits
    of the line after that date.
    """
    company_of = {line.symbol: line.company_symbol for line in market.lines}
    weighted = {row.index_symbol for row in market.indices if row.weighting in BY_MARKET_CAP}
    found: dict[tuple[str, date, date], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for h in market.holdings:
        if h.index_symbol in weighted and h.units is not None and h.symbol in company_of:
            later = math.prod(a.ratio for a in splits.get(h.symbol, ()) if a.ex_date > h.as_of_date)
            of_set = found[h.index_symbol, h.effective_from, h.as_of_date]
            of_set[company_of[h.symbol]] += h.units * later
    return [(as_of, units) for (_, _, as_of), units in sorted(found.items(), key=lambda s: s[0])]


def told_by_units(
    sets: Iterable[UnitsOfSet], seen: Mapping[str, Sequence[Seen]]
) -> dict[str, list[tuple[date, float]]]:
    """Hold counts against units: company -> (date of units, count over units against the median).

    A set says something if at least ten of its companies have a report by then.
    """
    found: dict[str, list[tuple[date, float]]] = defaultdict(list)
    for as_of, units in sets:
        latest = {c: _last(seen.get(c, ()), as_of) for c in units}
        quotients = {c: s.size / units[c] for c, s in latest.items() if s is not None}
        if len(quotients) >= MIN_MEMBERS:
            usual = median(quotients.values())
            for company, quotient in quotients.items():
                found[company].append((as_of, quotient / usual))
    return {c: sorted(those, key=lambda pair: pair[0]) for c, those in found.items()}


def _last(seen: Iterable[Seen], day: date) -> Seen | None:
    return max((s for s in seen if s.day <= day), key=lambda s: s.day, default=None)


# Chapters


def chapters(seen: Sequence[Seen], told: Sequence[tuple[date, float]]) -> list[Chapter]:
    """Cut reports where one differs by more than x1.5 from the one before it."""
    starts = [
        n for n in range(len(seen)) if n == 0 or not alike(seen[n].size, seen[n - 1].size, JUMP)
    ]
    found = []
    for first, after in itertools.pairwise([*starts, len(seen)]):
        end = seen[after].day if after < len(seen) else None
        of_it = [r for day, r in told if day >= seen[first].day and (end is None or day < end)]
        found.append(Chapter(list(seen[first:after]), end, of_it))
    return found


def decide(all_of_it: Sequence[Chapter], sessions: Sequence[date], newest: date) -> None:
    """Tell each chapter its fate.

    1. Refuted: units do not fit it, they fit another one, and no person spoke for it.
    2. Of the others the first holds, and whatever a person let in.
    3. Against the last one that holds: within x1.5 it holds, as contested as that one; units that
       fit it as they fitted that one make it hold; it is undone if a later one starts at most 252
       sessions after it within x1.25 of the count before; the first one gives way to several
       reports if it is a single one, or under 60 sessions long, and units do not fit it; what lasts
       60 sessions, up to the newest report of any company, holds and is contested; all else waits.
    """
    one_fits = any(c.is_fitting for c in all_of_it)
    for c in all_of_it:
        if one_fits and c.told and not c.is_fitting and not c.is_decided:
            c.fate = "share_count_refuted"
    rest = [c for c in all_of_it if c.fate == "open"]
    for place, c in enumerate(rest):
        standing = [e for e in rest[:place] if e.fate == "holds"]
        if not standing or c.is_decided:
            c.fate = "holds"
            continue
        last = standing[-1]
        size_before = last.seen[-1].size
        if alike(c.seen[0].size, size_before, JUMP):
            c.fate, c.is_contested = "holds", last.is_contested
        elif _moved_with_units(last, c):
            c.fate = "holds"
        elif _is_undone(c, size_before, rest[place + 1 :], sessions):
            c.fate = "share_count_undone"
        elif len(standing) == 1 and _is_a_claim(last, c, sessions) and len(c.seen) > 1:
            last.fate, c.fate = "share_count_unconfirmed", "holds"
        elif _sessions(c.start, min(c.end or newest, newest), sessions) >= REPEATED_SESSIONS:
            c.fate, c.is_contested = "holds", True
        else:
            c.fate = "share_count_jump"


def _moved_with_units(last: Chapter, new: Chapter) -> bool:
    return bool(last.told and new.told) and any(
        alike(new.told[0], fitted, AGREE) for fitted in (last.told[-1], median(last.told))
    )


def _is_undone(
    new: Chapter, size_before: float, later: Sequence[Chapter], sessions: Sequence[date]
) -> bool:
    return any(
        alike(c.seen[0].size, size_before, AGREE)
        and _sessions(new.start, c.start, sessions) <= UNDONE_SESSIONS
        for c in later
    )


def _is_a_claim(first: Chapter, other: Chapter, sessions: Sequence[date]) -> bool:
    is_short = _sessions(first.start, other.start, sessions) < REPEATED_SESSIONS
    return (len(first.seen) == 1 or is_short) and not first.is_fitting and not first.is_decided


def _sessions(start: date, end: date, sessions: Sequence[date]) -> int:
    """Count the sessions from a date on and before another."""
    return bisect_left(sessions, end) - bisect_left(sessions, start)


# One company


@dataclass(frozen=True)
class Weighed:
    """What holds of a company, and the rule that refuses each other report."""

    chapters: list[Chapter]
    counts: list[Count]
    refused: dict[date, str]


def weigh(
    seen: Sequence[Seen],
    splits: Sequence[Action],
    spin_offs: Sequence[Action],
    told: Sequence[tuple[date, float]],
    sessions: Sequence[date],
    newest: date,
) -> Weighed:
    """Return the counts of a company over time, from its reports as they are read."""
    of_company = chapters(seen, told)
    decide(of_company, sessions, newest)
    kept: list[tuple[Seen, Chapter]] = []
    refused: dict[date, str] = {}
    waiting: list[date] = []
    for c in of_company:
        if c.fate == "share_count_jump":
            waiting.append(c.start)
        for s in c.seen:
            if c.fate != "holds":
                refused[s.day] = c.fate
            elif kept and _is_a_spin_off(s, kept[-1][0], spin_offs):
                refused[s.day] = "share_count_spin_off"
            else:
                kept.append((s, c))
    doubted = _doubted([s for s, _ in kept], seen, told)
    in_turns = _in_turns(kept, sessions)
    counts: list[Count] = []
    for place, (s, c) in enumerate(kept):
        end = kept[place + 1][0].day if place + 1 < len(kept) else date.max
        is_lone = len(kept) == 1 and not c.is_fitting and not s.is_decided
        is_doubted = not c.is_decided and (c.is_contested or is_lone or place in doubted)
        is_warned = (
            place > 0
            and not s.is_decided
            and not alike(s.size, kept[place - 1][0].size, WARN_BEYOND)
        )
        # The first report that waits puts what it contradicts in dispute, up to the next count.
        doubted_from = (
            s.day if is_doubted else min((d for d in waiting if s.day <= d < end), default=date.max)
        )
        calm = max((b for a, b in in_turns if a <= s.day < b), default=s.day)
        steps = {s.day} | {a.ex_date for a in splits if s.day < a.ex_date < end}
        if not is_doubted:
            steps |= {day for day in (calm, max(calm, doubted_from)) if s.day < day < end}
        for day in sorted(steps):
            factor = _factor(s, splits, day)
            basis = "decided" if s.is_decided else "reported"
            counts.append(
                Count(
                    c,
                    day,
                    s.number * factor,
                    s.day,
                    basis if abs(factor - 1) < TIED else "split_adjusted",
                    s.side,
                    is_warned,
                    _evidence(s, c, is_lone=is_lone),
                    day < calm or day >= doubted_from,
                )
            )
    return Weighed(of_company, counts, refused)


def _in_turns(
    kept: Sequence[tuple[Seen, Chapter]], sessions: Sequence[date]
) -> list[tuple[date, date]]:
    """Return when a series is in doubt that goes from one level to another twice: from, before.

    Of four levels in a row the third is the first again, and the fourth the second, each come to
    within 252 sessions and by more than 2 %. All but the first of the four are in doubt, each for
    its first 60 sessions, unless a person spoke for what one of them is part of.
    """
    starts: list[int] = []
    for n, (s, _) in enumerate(kept):
        if not starts or not alike(s.size, kept[starts[-1]][0].size, 1 + LEVEL):
            starts.append(n)
    found: list[tuple[date, date]] = []
    ends = [*starts[1:], len(kept)]
    for at in range(len(starts) - 3):
        four = [kept[n][0] for n in starts[at : at + 4]]
        comes_back = all(
            alike(four[n].size, four[n + 2].size, 1 + LEVEL)
            and not alike(four[n].size, four[n + 1].size, 1 + MATCH)
            and _sessions(four[n + 1].day, four[n + 2].day, sessions) <= UNDONE_SESSIONS
            for n in (0, 1)
        )
        of_turns = kept[starts[at + 1] : ends[at + 3]]
        if not comes_back or any(c.is_decided for _, c in of_turns):
            continue
        for turn in (1, 2, 3):
            start = four[turn].day
            after = ends[at + turn]
            held = [day for day in sessions if day >= start][REPEATED_SESSIONS + 1 :]
            next_level = [kept[after][0].day] if after < len(kept) else []
            found.append((start, min([*held[:1], *next_level], default=date.max)))
    return found


def _factor(s: Seen, splits: Sequence[Action], day: date) -> float:
    """Return what turns a report's number into the basis of a date."""
    happened = {n for n, a in enumerate(splits) if a.ex_date <= day}
    return math.prod(splits[n].ratio for n in happened - s.inside) / math.prod(
        splits[n].ratio for n in s.inside - happened
    )


def _is_a_spin_off(s: Seen, before: Seen, spin_offs: Sequence[Action]) -> bool:
    """Tell whether a count moves by a spin-off's ratio: within 2 %, and no nearer to no move."""
    move = s.size / before.size
    return not s.is_decided and any(
        abs((a.ex_date - s.day).days) <= SPIN_OFF_DAYS
        and abs(move / a.ratio - 1) <= min(MATCH, abs(move - 1))
        for a in spin_offs
    )


def _evidence(s: Seen, c: Chapter, *, is_lone: bool) -> str:
    if s.is_decided:
        return "decision"
    if c.is_contested:
        return "repetition"
    if c.is_fitting:
        return "index_units"
    return "single_report" if is_lone else "reports"


def _doubted(
    kept: Sequence[Seen], seen: Sequence[Seen], told: Sequence[tuple[date, float]]
) -> set[int]:
    """Return the places of counts that units contradict while they are in force.

    Less than 0.75 or more than 4 times what units fit, or more than x1.3 off what is usual for the
    company. A count of which units say nothing is as doubtful as the nearest one of which they do,
    first among those before it, then among those after, as long as all between are within x1.25.
    """
    said: list[tuple[int, float]] = []
    for day, quotient in told:
        place = sum(s.day <= day for s in kept) - 1
        held_against = _last(seen, day)
        if place >= 0 and held_against is not None:
            said.append((place, quotient / held_against.size * kept[place].size))
    if not said:
        return set()
    usual = median(q for _, q in said)
    spoken = {place for place, _ in said}
    wrong = {place for place, q in said if not TOO_FEW <= q <= ABSURD or not alike(q, usual, DRIFT)}
    found = set(wrong)
    for place in set(range(len(kept))) - spoken:
        nearest = _nearest(kept, place, spoken, -1)
        if nearest is None:
            nearest = _nearest(kept, place, spoken, 1)
        if nearest in wrong:
            found.add(place)
    return found


def _nearest(kept: Sequence[Seen], place: int, spoken: set[int], step: int) -> int | None:
    while 0 <= place + step < len(kept):
        if not alike(kept[place + step].size, kept[place].size, AGREE):
            return None
        place += step
        if place in spoken:
            return place
    return None


# What a company would be


def beyond_belief(counts: Sequence[Count], bars: Mapping[date, Bar]) -> list[Count]:
    """Dispute the counts of chapters with which a company is what none is.

    A market cap beyond 10 trillion dollars on a session, or none from a million on; or, in the
    middle of 20 sessions or more with a volume, less than 1 in 20,000 of the shares traded, or more
    than half. Chapters that units fit, or that a person let in, are believed.
    """
    sizes: dict[int, list[tuple[float, float | None]]] = defaultdict(list)
    for day, bar in bars.items():
        count = in_force(counts, day)
        if count is not None:
            traded = bar.volume / count.shares if bar.volume else None
            sizes[id(count.chapter)].append((bar.close * count.shares, traded))

    def is_beyond(chapter: Chapter) -> bool:
        seen = sizes[id(chapter)]
        if not seen or chapter.is_fitting or chapter.is_decided:
            return False
        caps = [cap for cap, _ in seen]
        traded = [part for _, part in seen if part is not None]
        is_told = len(traded) >= ENOUGH_SESSIONS
        return (
            any(cap > LARGEST_CAP for cap in caps)
            or all(cap < SMALLEST_CAP for cap in caps)
            or (is_told and not FEWEST_TRADED <= median(traded) <= MOST_TRADED)
        )

    return [replace(c, disputed=c.disputed or is_beyond(c.chapter)) for c in counts]


# All companies


def weighed(market: Market, actions: Sequence[Action]) -> dict[str, Weighed]:
    """Weigh the reports of all companies; what a person rejects is no report."""
    of_kind: dict[str, dict[str, list[Action]]] = {"split": {}, "spin_off": {}}
    for a in actions:
        of_kind[a.kind].setdefault(a.symbol, []).append(a)
    splits, spin_offs = of_kind["split"], of_kind["spin_off"]
    said = {(d.symbol, d.as_of_date): d.decision for d in market.count_decisions}
    symbols = sorted({r.symbol for r in market.reports})
    seen = {
        symbol: read(
            [
                (r.as_of_date, float(r.shares), said.get((symbol, r.as_of_date)) == "accept")
                for r in sorted(market.reports, key=lambda r: r.as_of_date)
                if r.symbol == symbol and said.get((symbol, r.as_of_date)) != "reject"
            ],
            splits.get(symbol, ()),
        )
        for symbol in symbols
    }
    told = told_by_units(sets_of_units(market, splits), seen)
    newest = max((r.as_of_date for r in market.reports), default=date.min)
    found = {}
    for symbol in symbols:
        by_reports = weigh(
            seen[symbol],
            splits.get(symbol, ()),
            spin_offs.get(symbol, ()),
            told.get(symbol, ()),
            market.sessions,
            newest,
        )
        found[symbol] = replace(
            by_reports, counts=beyond_belief(by_reports.counts, market.bars.get(symbol, {}))
        )
        found[symbol].refused.update(
            {day: "share_count_decision" for (s, day), d in said.items()
             if (s, d) == (symbol, "reject") and any(
                 (r.symbol, r.as_of_date) == (symbol, day) for r in market.reports)}
        )  # fmt: skip
    return found


def in_force(of_company: Sequence[Count], day: date) -> Count | None:
    """Return the count of the latest valid_from up to a date."""
    return max(
        (c for c in of_company if c.valid_from <= day), key=lambda c: c.valid_from, default=None
    )


def count_rows(of_all: Mapping[str, Weighed]) -> Rows:
    """Compute ``core.shares_outstanding``, but for its valid_to and the words of its disputes."""
    return {
        (symbol, c.valid_from): {
            "shares_outstanding": c.shares,
            "reported_as_of": c.as_of,
            "basis": c.basis,
            "split_basis": c.side,
            "has_warning": c.warned,
            "evidence": c.evidence,
            "is_disputed": c.disputed,
            "has_dispute": c.disputed,
        }
        for symbol, of_company in of_all.items()
        for c in of_company.counts
    }


WAITING = {"share_count_jump", "share_count_spin_off"}


def refused_rows(of_all: Mapping[str, Weighed]) -> Rows:
    """Compute the lines of ``ops.quarantine`` about reports: rule and status."""
    return {
        (symbol, day): {"rules": [rule], "status": "held" if rule in WAITING else "rejected"}
        for symbol, of_company in of_all.items()
        for day, rule in of_company.refused.items()
    }
