"""Which reported share count holds on which date, without look-ahead: reports as evidence.

Reports jump for good reasons (splits, mergers) and bad ones (a class instead of the company, a
misplaced factor), and a wrong one turns into trillions of dollars. Every jump is measured against
the last accepted count, over all history.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl

from warehouse.schemas import core
from warehouse.schemas.vocabulary import AdjustmentKind, CountBasis, Decision, RefusalStatus

MATCH = 0.02
"""A jump matches a corporate action, or a held value, within 2 %."""

MATCH_DAYS = 30
"""A report belongs to a corporate action at most this many days from its ex-date."""

HOLD_BEYOND = 1.5
"""Jumps beyond this factor, either way, are held."""

WARN_BEYOND = 1.15
"""Jumps beyond this factor, either way, are accepted with a warning."""

CONFIRM_SESSIONS = 20
"""A held value is confirmed by a report this many sessions later that repeats it."""

STALE_AFTER_DAYS = 120
"""A share count older than this is used, and flagged wherever it is shown."""

ROW = "__row"
"""Column of a report's place among the reports."""


@dataclass(frozen=True)
class _Action:
    """A corporate action of one company."""

    ex_date: date
    ratio: float
    kind: str


@dataclass(frozen=True)
class _Report:
    """A reported count of one company; ``row`` is its place in the raw table."""

    row: int
    as_of_date: date
    shares: float
    reason: str = ""
    """Why the report is held, if it is."""


@dataclass(frozen=True)
class _Count:
    """A count that takes effect on a date."""

    valid_from: date
    shares: float
    reported_as_of: date
    basis: str
    has_warning: bool
    report: _Report | None


@dataclass
class _History:
    """The walk over one company's reports: what is accepted, awaited, and held."""

    actions: Sequence[_Action]
    decisions: Mapping[date, tuple[str, str]]
    sessions: Sequence[date]
    counts: list[_Count] = field(default_factory=list)
    awaited: dict[date, _Report] = field(default_factory=dict)
    candidates: list[_Report] = field(default_factory=list)
    refused: list[tuple[int, str, str, str]] = field(default_factory=list)
    """Refused reports: row, rule, reason, status."""

    def walk(self, reports: Sequence[_Report]) -> None:
        """Take splits and reports in the order of their dates, a split before a report."""
        splits = [a for a in self.actions if a.kind == AdjustmentKind.SPLIT]
        events = [(a.ex_date, 0, a) for a in splits] + [(r.as_of_date, 1, r) for r in reports]
        for _, _, event in sorted(events, key=lambda e: e[:2]):
            if isinstance(event, _Action):
                self._split(event)
            else:
                self._judge(event)
        for report in self.candidates:
            self._hold(report)

    def _split(self, split: _Action) -> None:
        """On the ex-date the last good count times k takes over, or the report that awaited it."""
        self.candidates = [
            replace(held, shares=held.shares * split.ratio) for held in self.candidates
        ]
        awaited = self.awaited.pop(split.ex_date, None)
        if awaited is not None:
            self._settle(awaited)
            self._put(
                _Count(
                    split.ex_date,
                    awaited.shares,
                    awaited.as_of_date,
                    CountBasis.REPORTED,
                    False,
                    awaited,
                )
            )
        elif self.counts:
            last = self.counts[-1]
            self._put(
                _Count(
                    split.ex_date,
                    last.shares * split.ratio,
                    last.reported_as_of,
                    CountBasis.SPLIT_ADJUSTED,
                    last.has_warning,
                    None,
                )
            )

    def _judge(self, report: _Report) -> None:
        decision = self.decisions.get(report.as_of_date)
        if decision is not None:
            verdict, reason = decision
            if verdict == Decision.ACCEPT:
                self._accept(report, CountBasis.DECIDED, has_warning=False)
            else:
                self._refuse(report, "share_count_decision", f"rejected by a person: {reason}")
            return
        if not self.counts:
            self._accept(report, CountBasis.REPORTED, has_warning=False)
            return
        jump = report.shares / self.counts[-1].shares
        if self._belongs_to_an_action(report, jump):
            return
        if not 1 / HOLD_BEYOND <= jump <= HOLD_BEYOND:
            if self._is_confirmed(report):
                self._accept(report, CountBasis.REPORTED, has_warning=True)
            else:
                reason = (
                    f"count x{jump:.4g} of the last accepted one (report of "
                    f"{self.counts[-1].reported_as_of}); a report that repeats it "
                    f"{CONFIRM_SESSIONS} sessions later, or a line in share_count_decisions.csv, "
                    "lets it through"
                )
                self.candidates.append(replace(report, reason=reason))
            return
        is_large = not 1 / WARN_BEYOND <= jump <= WARN_BEYOND
        self._accept(report, CountBasis.REPORTED, has_warning=is_large)

    def _belongs_to_an_action(self, report: _Report, jump: float) -> bool:
        """Deal with a jump that a corporate action within 30 days explains, if one does."""
        # An unchanged count is no jump, however small an action's ratio.
        near = min(MATCH, abs(jump - 1))
        for action in self.actions:
            days = (action.ex_date - report.as_of_date).days
            if abs(days) > MATCH_DAYS:
                continue
            equals_ratio = abs(jump / action.ratio - 1) <= near
            if action.kind == AdjustmentKind.SPIN_OFF and equals_ratio:
                self._hold_for(
                    report,
                    "share_count_spin_off",
                    f"count x{jump:.4g} of the last accepted one equals the ratio of the spin-off "
                    f"of {action.ex_date}, which changes no share count",
                )
                return True
            if action.kind == AdjustmentKind.SPLIT and days > 0 and equals_ratio:
                self._await(action.ex_date, report)
                return True
            if (
                action.kind == AdjustmentKind.SPLIT
                and days <= 0
                and abs(jump * action.ratio - 1) <= near
            ):
                self._hold_for(
                    report,
                    "share_count_old_basis",
                    f"count x{jump:.4g} of the last accepted one: still in the basis before the "
                    f"split of {action.ex_date}",
                )
                return True
        return False

    def _is_confirmed(self, report: _Report) -> bool:
        now = bisect_left(self.sessions, report.as_of_date)
        return any(
            abs(report.shares / held.shares - 1) <= MATCH
            and now - bisect_left(self.sessions, held.as_of_date) >= CONFIRM_SESSIONS
            for held in self.candidates
        )

    def _accept(self, report: _Report, basis: str, *, has_warning: bool) -> None:
        self._settle(report)
        self._put(
            _Count(report.as_of_date, report.shares, report.as_of_date, basis, has_warning, report)
        )

    def _settle(self, accepted: _Report) -> None:
        """End the wait of held values: one that the accepted report repeats was right."""
        for held in self.candidates:
            if abs(accepted.shares / held.shares - 1) <= MATCH:
                self._supersede(held, accepted.as_of_date)
            else:
                self._hold(held)
        self.candidates = []

    def _await(self, ex_date: date, report: _Report) -> None:
        earlier = self.awaited.get(ex_date)
        if earlier is not None:
            self._supersede(earlier, report.as_of_date)
        self.awaited[ex_date] = report

    def _put(self, count: _Count) -> None:
        if self.counts and self.counts[-1].valid_from == count.valid_from:
            replaced = self.counts.pop().report
            if replaced is not None:
                self._supersede(replaced, count.reported_as_of)
        self.counts.append(count)

    def _hold(self, report: _Report) -> None:
        self._hold_for(report, "share_count_jump", report.reason)

    def _hold_for(self, report: _Report, rule: str, reason: str) -> None:
        self._refuse(report, rule, reason, status=RefusalStatus.HELD)

    def _supersede(self, report: _Report, by: date) -> None:
        self._refuse(
            report,
            "share_count_superseded",
            f"right, but superseded by the report of {by} before it took effect",
            status=RefusalStatus.RESOLVED,
        )

    def _refuse(
        self, report: _Report, rule: str, reason: str, status: str = RefusalStatus.REJECTED
    ) -> None:
        self.refused.append((report.row, rule, reason, status))


@dataclass(frozen=True)
class WeighedReports:
    """Counts over time, and what became of each report.

    Attributes:
        counts: columns of ``core.shares_outstanding``.
        reports: the reports, sorted by symbol and as_of_date; ``row`` is the place among them.
        effective: rows of the reports that took effect.
        refused: row, rule, reason, status (of ``ops.quarantine``) of the others.
    """

    counts: pl.DataFrame
    reports: pl.DataFrame
    effective: pl.Series
    refused: pl.DataFrame


def weigh_reports(
    reports: pl.DataFrame,
    actions: pl.DataFrame,
    decisions: pl.DataFrame,
    sessions: Sequence[date],
) -> WeighedReports:
    """Decide which reported counts hold, from when to when.

    1. A jump that matches a split within 30 days and 2 % takes effect at max(ex_date, as_of_date);
       on the ex-date the last good count times the ratio takes over. A report still in the old
       basis, within 30 days after the ex-date, is held.
    2. A jump that matches a spin-off's ratio within 30 days and 2 % is held.
    3. A jump beyond x1.5 or below /1.5 is held, until a report at least 20 sessions later repeats
       it within 2 % with no accepted report between (valid from that report on), or a decision.
    4. A jump beyond 15 % is accepted with a warning.

    Args:
        reports: symbol, as_of_date, shares_outstanding (shares of the whole company).
        actions: ``core.corporate_actions``; several on one date are several rows.
        decisions: ``ref.share_count_decisions``.
        sessions: sessions of the exchange, sorted.
    """
    indexed = reports.sort("symbol", "as_of_date").with_row_index(ROW)
    went_ex: dict[str, list[_Action]] = defaultdict(list)
    for symbol, ex_date, ratio, kind in (
        actions.select("symbol", "ex_date", "ratio", "kind").sort("symbol", "ex_date").iter_rows()
    ):
        went_ex[symbol].append(_Action(ex_date, ratio, kind))
    decided: dict[str, dict[date, tuple[str, str]]] = defaultdict(dict)
    for symbol, as_of, decision, reason in decisions.select(
        "symbol", "as_of_date", "decision", "reason"
    ).iter_rows():
        decided[symbol][as_of] = (decision, reason)
    by_symbol: dict[str, list[_Report]] = defaultdict(list)
    for row, symbol, as_of, shares in indexed.select(
        ROW, "symbol", "as_of_date", "shares_outstanding"
    ).iter_rows():
        by_symbol[symbol].append(_Report(row, as_of, float(shares)))
    counts: list[tuple[str, date, float, date, str, bool]] = []
    refused: list[tuple[int, str, str, str]] = []
    effective: list[int] = []
    for symbol, of_symbol in by_symbol.items():
        history = _History(went_ex[symbol], decided[symbol], sessions)
        history.walk(of_symbol)
        refused += history.refused
        for count in history.counts:
            counts.append(
                (
                    symbol,
                    count.valid_from,
                    count.shares,
                    count.reported_as_of,
                    count.basis,
                    count.has_warning,
                )
            )
            if count.report is not None:
                effective.append(count.report.row)
    return WeighedReports(
        counts=_as_intervals(counts),
        reports=indexed,
        effective=pl.Series(ROW, effective, dtype=pl.UInt32),
        refused=pl.DataFrame(
            refused,
            schema={ROW: pl.UInt32, "rule": pl.String, "reason": pl.String, "status": pl.String},
            orient="row",
        ),
    )


def _as_intervals(counts: list[tuple[str, date, float, date, str, bool]]) -> pl.DataFrame:
    schema = core.SharesOutstanding.polars_schema()
    columns = [name for name in schema if name != "valid_to"]
    frame = pl.DataFrame(
        counts, schema={name: schema[name] for name in columns}, orient="row"
    ).sort("symbol", "valid_from")
    next_from = pl.col("valid_from").shift(-1).over("symbol")
    return frame.with_columns(valid_to=next_from - timedelta(days=1)).select(schema.names())
