"""Which reported share count holds on which date: reports weighed as evidence.

Reports jump for good reasons (splits, mergers) and bad ones (a class instead of the company, a
misplaced factor), and a wrong one turns into trillions of dollars. No report is an anchor: each is
held against those before and after it, and against the units that index funds hold.
"""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from statistics import median
from typing import cast

import polars as pl

from assets.market.count_witnesses import Witness, unit_witnesses
from warehouse.schemas import core
from warehouse.schemas.vocabulary import (
    AdjustmentKind,
    CountBasis,
    CountEvidence,
    Decision,
    RefusalStatus,
    SplitBasis,
)

JUMP = 1.5
"""Beyond this factor, either way, two reports contradict each other until a witness decides."""

WARN_BEYOND = 1.15
"""Beyond this factor, either way, a count is accepted with a warning."""

AGREE = 1.25
"""Within this factor a count is back where it was, or units followed it."""

SPLIT_DAYS = 45
"""A report this near to a split may stand in the basis of the other side."""

OTHER_BASIS = 1e-3
"""What the basis of another date costs: nothing but a tie goes to the report's own date."""

SPIN_OFF_DAYS = 30
"""A count that moves by a spin-off's ratio this near to it was multiplied by mistake."""

MATCH = 0.02
"""A move equals a ratio within 2 %."""

REPEATED_SESSIONS = 60
"""A jump without a witness is accepted after this many sessions, and stays disputed."""

UNDONE_SESSIONS = 252
"""A jump that is undone within this many sessions was none."""

SAME_LEVEL = 0.005
"""Reports within this part of each other are one level: what is bought back moves it by less."""

TOO_FEW = 0.75
"""A count below this part of what index units fit is not the company's."""

TOO_MANY = 3.0
"""A count beyond this many times what index units fit is wrong if the company had a fitting one."""

ABSURD = 4.0
"""No member's shares are this closely held: of those of the S&P 500, 2021 to 2025, at most 2.5."""

DRIFT = 1.3
"""A company's count moves against its index units by less than this."""

STALE_AFTER_DAYS = 120
"""A share count older than this is used, and flagged wherever it is shown."""

ROW = "__row"
"""Column of a report's place among the reports."""

RUN = "__run"
"""Column of the run that a count rests on: consecutive reports without a jump between them."""

IS_VOUCHED = "__is_vouched"
"""Column that tells whether index units fit the run, or a person let it in."""


@dataclass(frozen=True)
class _Report:
    """A reported count of one company; ``row`` is its place in the raw table."""

    row: int
    as_of_date: date
    reported: float
    is_decided: bool = False
    basis: SplitBasis = SplitBasis.OWN_DATE
    split: tuple[date, float] | None = None
    """The split on whose other side the report stands."""
    shares: float = 0.0
    """The count in the basis after all splits."""

    def on(self, day: date, splits: Sequence[tuple[date, float]]) -> float:
        """Return the count in the basis of a date from the report on."""
        shares = self.reported
        if self.basis == SplitBasis.BEFORE_SPLIT and self.split:
            shares *= self.split[1]
        for split in splits:
            if self.as_of_date < split[0] <= day and split != self.split:
                shares *= split[1]
        if self.basis == SplitBasis.AFTER_SPLIT and self.split and day < self.split[0]:
            shares /= self.split[1]
        return shares


@dataclass
class _Run:
    """Consecutive reports without a jump between them, and what became of them.

    Attributes:
        reports: the reports, by date.
        until: the first date on which another run, or nothing, speaks.
        ratios: what index units said while the run was in force.
        refusal: rule, reason, and status, if the run is refused.
        dispute: why its counts are disputed, if they are.
    """

    reports: list[_Report]
    until: date
    ratios: list[float]
    refusal: tuple[str, str, RefusalStatus] | None = None
    dispute: str | None = None

    @property
    def since(self) -> date:
        return self.reports[0].as_of_date

    @property
    def is_fitting(self) -> bool:
        """Whether index units fit the counts as well as they fit those of others."""
        return bool(self.ratios) and TOO_FEW <= median(self.ratios) <= TOO_MANY

    @property
    def is_decided(self) -> bool:
        return any(report.is_decided for report in self.reports)


@dataclass(frozen=True)
class _Count:
    """A count that takes effect on a date."""

    valid_from: date
    report: _Report
    shares: float
    basis: CountBasis
    has_warning: bool
    evidence: CountEvidence
    dispute: str | None
    run: int
    is_vouched: bool


# --- one basis ------------------------------------------------------------------------------------


def in_one_basis(reports: Sequence[_Report], splits: Sequence[tuple[date, float]]) -> list[_Report]:
    """Bring reports into the share basis after all splits.

    A report near a split may stand in the basis of the other side: the source divided early or
    late. Of all readings the one is taken that makes the series move least, each step counting as
    no more than a jump; so the neighbours on both sides decide. Of equal ones it is that of fewest
    reports in another basis, then that in which the later reports are in the basis of their date,
    or beside the earlier split.

    Args:
        reports: of one company, by date.
        splits: its splits (ex-date, ratio), by date.
    """
    ends: list[_Path] = []
    for report in reports:
        ends = [
            min((_Path(end, reading, cost) for end in ends), key=_cost)
            if ends
            else _Path(None, reading, cost)
            for cost, reading in _readings(report, splits)
        ]
    path = min(ends, key=_cost) if ends else None
    found: list[_Report] = []
    while path is not None:
        found.append(path.reading)
        path = path.before
    return found[::-1]


class _Path:
    """A way to read all reports up to one, and what it costs."""

    def __init__(self, before: "_Path | None", reading: _Report, cost: float) -> None:
        self.before, self.reading, self.cost = before, reading, cost
        if before is not None:
            step = abs(math.log(reading.shares / before.reading.shares))
            self.cost += before.cost + min(step, math.log(JUMP))


def _cost(path: _Path) -> float:
    """Return what a path costs, without what rounding adds: equal ways are equal."""
    return round(path.cost, 11)


def _readings(
    report: _Report, splits: Sequence[tuple[date, float]]
) -> Iterator[tuple[float, _Report]]:
    """Yield what a report may mean, in the basis after all splits, and what that costs."""
    own = report.reported * math.prod(ratio for day, ratio in splits if day > report.as_of_date)
    yield 0.0, replace(report, shares=own)
    if report.is_decided:
        return
    for split in splits:
        days = (split[0] - report.as_of_date).days
        if 0 < days <= SPLIT_DAYS:
            yield (
                OTHER_BASIS,
                replace(report, shares=own / split[1], basis=SplitBasis.AFTER_SPLIT, split=split),
            )
        elif -SPLIT_DAYS <= days <= 0:
            yield (
                OTHER_BASIS,
                replace(report, shares=own * split[1], basis=SplitBasis.BEFORE_SPLIT, split=split),
            )


# --- what becomes of each run ---------------------------------------------------------------------


def _runs(reports: Sequence[_Report], said: Sequence[Witness]) -> list[_Run]:
    """Cut reports, in one basis, at their jumps."""
    cut: list[list[_Report]] = []
    for report in reports:
        if cut and _is_within(report.shares / cut[-1][-1].shares, JUMP):
            cut[-1].append(report)
        else:
            cut.append([report])
    runs: list[_Run] = []
    for place, own in enumerate(cut):
        until = cut[place + 1][0].as_of_date if place + 1 < len(cut) else date.max
        ratios = [w.ratio for w in said if own[0].as_of_date <= w.as_of_date < until]
        runs.append(_Run(own, until, ratios))
    return runs


def _is_within(ratio: float, factor: float) -> bool:
    """Tell whether a ratio is within a factor, either way; what rounding adds is not beyond it."""
    return max(ratio, 1 / ratio) <= factor * (1 + 1e-9)


def _judge(runs: Sequence[_Run], sessions: Sequence[date], horizon: date) -> None:
    """Refuse or dispute runs, in the order of their dates; see ``weigh_reports`` for the rules."""
    is_anything_fitting = any(run.is_fitting for run in runs)
    for run in runs:
        middle = median(run.ratios) if run.ratios else 1.0
        if is_anything_fitting and not run.is_decided and not TOO_FEW <= middle <= TOO_MANY:
            run.refusal = (
                "share_count_refuted",
                f"index units fit x{1 / middle:.3g} of this count",
                RefusalStatus.REJECTED,
            )
    open_runs = [run for run in runs if run.refusal is None]
    last: _Run | None = None
    first = open_runs[0] if open_runs else None
    for place, run in enumerate(open_runs):
        later = open_runs[place + 1 :]
        if last is None or run.is_decided:
            last = run
            continue
        jump = run.reports[0].shares / last.reports[-1].shares
        lasts = _sessions_between(run.since, min(run.until, horizon), sessions)
        told = f"count x{jump:.4g} of the one before (report of {last.reports[-1].as_of_date})"
        if _is_within(jump, JUMP):
            run.dispute = last.dispute
        elif _units_moved(last, run):
            pass
        elif (back := _undone_by(run, last, later, sessions)) is not None:
            run.refusal = (
                "share_count_undone",
                f"{told}, undone by the report of {back}",
                RefusalStatus.REJECTED,
            )
            continue
        elif last is first and _gives_way(last, run, sessions):
            last.refusal = (
                "share_count_unconfirmed",
                f"no other report agrees with it; those from {run.since} on agree with each other",
                RefusalStatus.REJECTED,
            )
            first = run
        elif lasts >= REPEATED_SESSIONS:
            run.dispute = f"{told}, repeated for {REPEATED_SESSIONS} sessions, without a witness"
        else:
            run.refusal = (
                "share_count_jump",
                (
                    f"{told}; index units that moved with it, {REPEATED_SESSIONS} sessions of "
                    "repetition, or a line in share_count_decisions.csv let it through"
                ),
                RefusalStatus.HELD,
            )
            continue
        last = run


def _units_moved(last: _Run, run: _Run) -> bool:
    """Tell whether index units fit a run as they fitted the one before: they moved with it.

    Units may move first, when a merger closes and its shares are not yet reported.
    """
    if not run.ratios or not last.ratios:
        return False
    fitted = (last.ratios[-1], median(last.ratios))
    return any(_is_within(run.ratios[0] / ratio, AGREE) for ratio in fitted)


def _undone_by(
    run: _Run, last: _Run, later: Sequence[_Run], sessions: Sequence[date]
) -> date | None:
    """Return the date on which a later run is back where the count was before a jump."""
    for other in later:
        if _sessions_between(run.since, other.since, sessions) > UNDONE_SESSIONS:
            return None
        if _is_within(other.reports[0].shares / last.reports[-1].shares, AGREE):
            return other.since
    return None


def _gives_way(first: _Run, other: _Run, sessions: Sequence[date]) -> bool:
    """Tell whether the first run is no more than a claim, and later reports agree on another."""
    is_short = _sessions_between(first.since, other.since, sessions) < REPEATED_SESSIONS
    is_claim = len(first.reports) == 1 or is_short
    return is_claim and not first.is_fitting and not first.is_decided and len(other.reports) > 1


def _sessions_between(first: date, last: date, sessions: Sequence[date]) -> int:
    return bisect_left(sessions, last) - bisect_left(sessions, first)


def _alternating(
    accepted: Sequence[tuple[_Report, _Run]], sessions: Sequence[date]
) -> Iterator[tuple[date, date, str]]:
    """Yield when a series goes back and forth: from, before, a sentence.

    There and back, and there again: two counts are told in turns, and nothing says which is the
    company's. A level that then holds for ``REPEATED_SESSIONS``, told again or not, ends it.
    """
    levels: list[list[tuple[_Report, _Run]]] = []
    for report, run in accepted:
        if levels and _is_within(report.shares / levels[-1][0][0].shares, 1 + SAME_LEVEL):
            levels[-1].append((report, run))
        else:
            levels.append([(report, run)])
    firsts = [level[0][0] for level in levels]

    def is_return(place: int) -> bool:
        """Tell whether a level is the one before the last, and the last was another."""
        old, between, new = firsts[place - 2 : place + 1]
        return (
            _is_within(new.shares / old.shares, 1 + SAME_LEVEL)
            and not _is_within(between.shares / old.shares, 1 + MATCH)
            and _sessions_between(between.as_of_date, new.as_of_date, sessions) <= UNDONE_SESSIONS
        )

    returns = {place for place in range(2, len(levels)) if is_return(place)}
    for place in sorted(returns & {place - 1 for place in returns}):
        turns = range(place - 1, place + 2)
        if any(run.is_decided for turn in turns for _, run in levels[turn]):
            continue
        said = "reports alternate between {:,.0f} and {:,.0f}".format(
            *(first.reported for first in firsts[place - 1 : place + 1])
        )
        for turn in turns:
            since = firsts[turn].as_of_date
            holds = bisect_left(sessions, since) + REPEATED_SESSIONS + 1
            until = sessions[holds] if holds < len(sessions) else date.max
            later = firsts[turn + 1].as_of_date if turn + 1 < len(firsts) else date.max
            yield since, min(until, later), said


# --- counts over time -----------------------------------------------------------------------------


@dataclass
class _Company:
    """What there is to weigh of one company."""

    splits: Sequence[tuple[date, float]]
    spin_offs: Sequence[tuple[date, float]]
    reports: Sequence[_Report]
    said: Sequence[Witness] = ()
    refused: list[tuple[int, str, str, str]] = field(default_factory=list)
    """Refused reports: row, rule, reason, status."""

    def counts(self, sessions: Sequence[date], horizon: date) -> list[_Count]:
        """Weigh the reports and return the counts in force."""
        runs = _runs(self.reports, self.said)
        _judge(runs, sessions, horizon)
        accepted: list[tuple[_Report, _Run]] = []
        for run in runs:
            if run.refusal is not None:
                self._refuse(run.reports, *run.refusal)
                continue
            for report in run.reports:
                before = accepted[-1][0] if accepted else None
                spin_off = self._looks_like_a_spin_off(report, before)
                if spin_off is None:
                    accepted.append((report, run))
                    continue
                self._refuse(
                    [report],
                    "share_count_spin_off",
                    f"count moves by the ratio of the spin-off of {spin_off}, which changes no "
                    "share count",
                    RefusalStatus.HELD,
                )
        counts = self._over_time(accepted)
        for since, until, why in _alternating(accepted, sessions):
            counts = list(_disputed(counts, since, until, why))
        for run in runs:
            if run.refusal is not None and run.refusal[2] == RefusalStatus.HELD:
                later = (r.as_of_date for r, _ in accepted if r.as_of_date > run.since)
                until = next(later, date.max)
                why = f"the report of {run.since} says {run.reports[0].reported:,.0f}, unconfirmed"
                counts = list(_disputed(counts, run.since, until, why))
        return counts

    def _refuse(
        self, reports: Sequence[_Report], rule: str, reason: str, status: RefusalStatus
    ) -> None:
        self.refused += [(report.row, rule, reason, status) for report in reports]

    def _looks_like_a_spin_off(self, report: _Report, before: _Report | None) -> date | None:
        if before is None or report.is_decided:
            return None
        move = report.shares / before.shares
        # An unchanged count is no move, however small a spin-off's ratio.
        near = min(MATCH, abs(move - 1))
        for day, ratio in self.spin_offs:
            is_near = abs((day - report.as_of_date).days) <= SPIN_OFF_DAYS
            if is_near and abs(move / ratio - 1) <= near:
                return day
        return None

    def _over_time(self, accepted: Sequence[tuple[_Report, _Run]]) -> list[_Count]:
        """Return a count from each accepted report on, and from each split between them."""
        doubts = self._doubts([report for report, _ in accepted])
        counts: list[_Count] = []
        before: _Report | None = None
        for place, (report, run) in enumerate(accepted):
            is_last = place + 1 == len(accepted)
            until = date.max if is_last else accepted[place + 1][0].as_of_date
            is_alone = len(accepted) == 1 and not run.is_fitting and not report.is_decided
            against = run.dispute or doubts.get(report.row)
            dispute = None if run.is_decided else against
            if dispute is None and is_alone:
                dispute = "no other report agrees with it yet"
            is_moved = before is not None and not _is_within(
                report.shares / before.shares, WARN_BEYOND
            )
            ex_dates = {day for day, _ in self.splits if report.as_of_date < day < until}
            for day in sorted({report.as_of_date, *ex_dates}):
                shares = report.on(day, self.splits)
                # Splits may cancel each other, but for the last bit.
                is_as_reported = math.isclose(shares, report.reported)
                own = CountBasis.DECIDED if report.is_decided else CountBasis.REPORTED
                counts.append(
                    _Count(
                        valid_from=day,
                        report=report,
                        shares=shares,
                        basis=own if is_as_reported else CountBasis.SPLIT_ADJUSTED,
                        has_warning=is_moved and not report.is_decided,
                        evidence=_evidence(report, run, is_alone=is_alone),
                        dispute=dispute,
                        run=run.reports[0].row,
                        is_vouched=run.is_fitting or run.is_decided,
                    )
                )
            before = report
        return counts

    def _doubts(self, accepted: Sequence[_Report]) -> dict[int, str]:
        """Return what index units say against accepted reports: row -> a sentence."""
        days = [report.as_of_date for report in self.reports]
        known = [report.as_of_date for report in accepted]
        ratios: list[tuple[int, Witness, float]] = []
        for witness in self.said:
            at = bisect_right(known, witness.as_of_date) - 1
            if at >= 0:
                # The witness was held against the last report, which may have been refused since.
                reported = self.reports[bisect_right(days, witness.as_of_date) - 1]
                ratios.append((at, witness, witness.ratio * accepted[at].shares / reported.shares))
        usual = median(ratio for _, _, ratio in ratios) if ratios else 1.0
        doubts: dict[int, str] = {}
        witnessed = set()
        for at, witness, ratio in ratios:
            witnessed.add(at)
            if not TOO_FEW <= ratio <= ABSURD or not _is_within(ratio / usual, DRIFT):
                doubts.setdefault(
                    accepted[at].row,
                    f"units of {witness.index_symbol} of {witness.as_of_date} fit "
                    f"x{usual / ratio if TOO_FEW <= usual <= ABSURD else 1 / ratio:.3g} of it",
                )
        # Where units say nothing about a report, the nearest like one of which they do speaks for
        # it, however many like reports lie between: one before it, or else one after it.
        for step in (-1, 1):
            for at in range(len(accepted))[::-step]:
                beside = at + step
                if at in witnessed or beside not in witnessed:
                    continue
                if _is_within(accepted[at].shares / accepted[beside].shares, AGREE):
                    witnessed.add(at)
                    if accepted[beside].row in doubts:
                        doubts[accepted[at].row] = doubts[accepted[beside].row]
        return doubts


def _evidence(report: _Report, run: _Run, *, is_alone: bool) -> CountEvidence:
    if report.is_decided:
        return CountEvidence.DECISION
    if run.dispute is not None:
        return CountEvidence.REPETITION
    if run.is_fitting:
        return CountEvidence.INDEX_UNITS
    return CountEvidence.SINGLE_REPORT if is_alone else CountEvidence.REPORTS


def _disputed(counts: Sequence[_Count], since: date, until: date, why: str) -> Iterator[_Count]:
    """Yield counts over time, disputed from a date on and before another."""
    for place, count in enumerate(counts):
        end = counts[place + 1].valid_from if place + 1 < len(counts) else date.max
        first, last = max(count.valid_from, since), min(end, until)
        if first >= last or count.dispute is not None:
            yield count
            continue
        if count.valid_from < first:
            yield count
        yield replace(count, valid_from=first, dispute=why)
        if last < end:
            yield replace(count, valid_from=last)


# --- all companies --------------------------------------------------------------------------------


@dataclass(frozen=True)
class WeighedReports:
    """Counts over time, and what became of each report.

    Attributes:
        counts: columns of ``core.shares_outstanding``, ``RUN`` and ``IS_VOUCHED``.
        reports: the reports, sorted by symbol and as_of_date; ``row`` is the place among them.
        refused: row, rule, reason, status (of ``ops.quarantine``) of those that hold nowhere.
    """

    counts: pl.DataFrame
    reports: pl.DataFrame
    refused: pl.DataFrame


def weigh_reports(
    reports: pl.DataFrame,
    actions: pl.DataFrame,
    decisions: pl.DataFrame,
    units: pl.DataFrame,
    sessions: Sequence[date],
) -> WeighedReports:
    """Decide which reported counts hold, from when to when.

    1. Reports near a split are read in the basis that their neighbours on both sides make likelier
       (``in_one_basis``). On the ex-date the count in force is multiplied by the ratio.
    2. Reports are cut into runs where consecutive ones differ by more than x1.5. A run is in force
       until the next one starts, whatever becomes of that one. A person's decision lets a report
       out, or in with the run it is part of, before anything else.
    3. A run is refused where the median of what index units say of it does not fit (less than 0.75
       or more than 3 times what they fit for others) and one of the company's runs does fit.
    4. Of the runs left the first holds. From the last run that holds to the next one, a step within
       x1.5 is none: it is as disputed as the one before. A jump is real where units moved with it:
       the first of its time say within x1.25 what the last, or the median, of the time before said.
       It is refused where a run starts within 252 sessions that is back within x1.25. The first run
       gives way if it is a single report, or shorter than 60 sessions, units do not fit it, and the
       next has several reports, which is then the first.
    5. Any other jump is accepted after 60 sessions of repetition (up to the newest report of any
       company), and disputed from its first report on; until then the count before it holds,
       disputed up to the next count.
    6. A count is disputed too where it is the only one of its company and units do not confirm it,
       and where units of the time in which it is in force do not fit it: less than 0.75 or more
       than 4 times what they fit for others, or more than x1.3 off the company's median. Where
       there are none of its time, those of the nearest count within x1.25 speak for it, over any
       number of such steps: one before it, or else one after it. What a person let in, with the
       run it is part of, is not disputed. Nor is a series clean that alternates: there, back and
       there again by more than 2 %, each within 252 sessions, to levels equal within 0.5 %; from
       the first step on, until a level has held for 60 sessions, told again or not, or another one
       comes.
    7. A count that moves by a spin-off's ratio within 30 days of it (within 2 %, and nearer to it
       than to no move) is held. That explains the report: the count before it is not disputed.

    An accepted count holds from its own date on, whenever the evidence came.

    Args:
        reports: symbol, as_of_date, shares_outstanding (shares of the whole company).
        actions: ``core.corporate_actions``; several on one date are several rows.
        decisions: ``ref.share_count_decisions``.
        units: what ``company_units`` returns.
        sessions: sessions of the exchange, sorted.
    """
    indexed = reports.sort("symbol", "as_of_date").with_row_index(ROW)
    went_ex: dict[tuple[str, str], list[tuple[date, float]]] = defaultdict(list)
    for symbol, ex_date, ratio, kind in (
        actions.select("symbol", "ex_date", "ratio", "kind").sort("symbol", "ex_date").iter_rows()
    ):
        went_ex[symbol, kind].append((ex_date, ratio))
    decided: dict[tuple[str, date], tuple[str, str]] = {
        (symbol, as_of): (decision, reason)
        for symbol, as_of, decision, reason in decisions.select(
            "symbol", "as_of_date", "decision", "reason"
        ).iter_rows()
    }
    companies: dict[str, _Company] = {}
    for (symbol,), rows in indexed.group_by("symbol", maintain_order=True):
        companies[str(symbol)] = _company(str(symbol), rows, went_ex, decided)
    said = unit_witnesses(
        units,
        {
            symbol: [(report.as_of_date, report.shares) for report in company.reports]
            for symbol, company in companies.items()
        },
    )
    # A source that writes only changes repeats a count by silence, up to its newest report.
    horizon = reports["as_of_date"].max() if reports.height else None
    counts: list[tuple[object, ...]] = []
    refused: list[tuple[int, str, str, str]] = []
    for symbol, company in companies.items():
        company.said = said.get(symbol, ())
        counts += [
            (
                symbol,
                count.valid_from,
                count.shares,
                count.report.as_of_date,
                count.basis,
                count.report.basis,
                count.has_warning,
                count.evidence,
                count.dispute is not None,
                count.dispute,
                count.run,
                count.is_vouched,
            )
            for count in company.counts(sessions, cast("date", horizon))
        ]
        refused += company.refused
    return WeighedReports(
        counts=_as_intervals(counts),
        reports=indexed,
        refused=pl.DataFrame(
            refused,
            schema={ROW: pl.UInt32, "rule": pl.String, "reason": pl.String, "status": pl.String},
            orient="row",
        ),
    )


def _company(
    symbol: str,
    rows: pl.DataFrame,
    went_ex: Mapping[tuple[str, str], Sequence[tuple[date, float]]],
    decided: Mapping[tuple[str, date], tuple[str, str]],
) -> _Company:
    splits = went_ex.get((symbol, AdjustmentKind.SPLIT), ())
    reports: list[_Report] = []
    rejected: list[tuple[int, str, str, str]] = []
    for row, as_of, shares in rows.select(ROW, "as_of_date", "shares_outstanding").iter_rows():
        decision, reason = decided.get((symbol, as_of), (None, ""))
        if decision == Decision.REJECT:
            rejected.append(
                (
                    row,
                    "share_count_decision",
                    f"rejected by a person: {reason}",
                    RefusalStatus.REJECTED,
                )
            )
            continue
        reports.append(_Report(row, as_of, float(shares), is_decided=decision == Decision.ACCEPT))
    return _Company(
        splits=splits,
        spin_offs=went_ex.get((symbol, AdjustmentKind.SPIN_OFF), ()),
        reports=in_one_basis(reports, splits),
        refused=rejected,
    )


def _as_intervals(counts: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    schema = core.SharesOutstanding.polars_schema() | {RUN: pl.UInt32(), IS_VOUCHED: pl.Boolean()}
    columns = [name for name in schema if name != "valid_to"]
    frame = pl.DataFrame(
        counts, schema={name: schema[name] for name in columns}, orient="row"
    ).sort("symbol", "valid_from")
    next_from = pl.col("valid_from").shift(-1).over("symbol")
    return frame.with_columns(valid_to=next_from - timedelta(days=1)).select(schema.names())
