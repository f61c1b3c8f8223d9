"""What is checked of the tables once they are written: the one list, for the UI and for the gate.

Before a write, ``conforms`` keeps bad rows out. These look at what is there after it: an error
means that a number may be wrong, and stops publishing; a warning that something deserves a look.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import cast

import dagster as dg
import polars as pl

from assets.market import calendar
from assets.market.names import FOR_EVER, Names
from assets.market.undelivered import may_lack, undelivered
from assets.ops.failing_rows import (
    implausible_market,
    lost_rows,
    missing_bars,
    sessions_without_levels,
    too_many_lost,
    unexplained_sessions,
)
from assets.ops.loss_support import LARGE_LOSS_USD, support_of_losses
from assets.raw.delivery import listed, told_of_lines
from assets.ref.symbol_changes import names_in_force
from assets.resources import Inputs
from assets.table_asset import asset_key
from warehouse import integrity
from warehouse.errors import WarehouseError
from warehouse.reader import Reader
from warehouse.schemas import TABLES, Table, core, mart, ops, raw, ref
from warehouse.schemas.vocabulary import RefusalStatus, Support
from warehouse.storage import Warehouse

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN

JUDGED_SESSIONS = 20
"""Completeness looks at this many sessions: older gaps have been seen."""

MANY_REFUSED = 0.01
"""A larger share of rows in quarantine deserves a look."""

CLOCK_SLACK = timedelta(minutes=5)
"""Clocks of several hosts may differ by this much."""

Failing = tuple[pl.DataFrame, str]
"""The rows that fail a check, and the check's verdict in a sentence."""


class Evidence:
    """What checks look at: the tables that runs wrote, those that readers see, and the settings.

    Args:
        warehouse: both of them.
        inputs: limits, the moment, and the verdicts that the run has already.
    """

    def __init__(self, warehouse: Warehouse, inputs: Inputs) -> None:
        self.warehouse = warehouse
        self.inputs = inputs

    @cached_property
    def published_groups(self) -> dict[str, pl.DataFrame]:
        """Rows of each group of each table that readers see; empty where they see none."""
        try:
            with self.warehouse.open_published() as reader:
                return {m.table(): _counted(reader, m) for m in kept_tables()}
        except WarehouseError:
            # No file yet, or one of another layout: this run brings the first that compares.
            return {}

    @cached_property
    def published_until(self) -> date:
        """The last session that readers see: the names of lines that they see are those of then."""
        try:
            with self.warehouse.open_published() as reader:
                return reader.value("SELECT max(session_date) FROM core.prices") or FOR_EVER
        except WarehouseError:
            return FOR_EVER

    @cached_property
    def names(self) -> Names:
        """What names of lines stand for now."""
        changes = self.warehouse.read(ref.SymbolChanges.table())
        securities = self.warehouse.read(ref.Securities.table())
        return names_in_force(changes, securities, self.inputs)

    @cached_property
    def forgotten(self) -> pl.Series:
        """Lines and indices that are forgotten, and have not come back."""
        said = self.warehouse.read(ops.Forgotten.table())["symbol"]
        lines = self.warehouse.read(ref.Securities.table())["symbol"]
        indices = self.warehouse.read(ref.Indices.table())["index_symbol"]
        return said.filter(~said.is_in(lines.implode()) & ~said.is_in(indices.implode()))

    @cached_property
    def has_forgotten(self) -> bool:
        """Whether a person has forgotten anything that readers see still."""
        said = self.warehouse.read(ops.Forgotten.table()).height
        try:
            with self.warehouse.open_published() as reader:
                return said > reader.count(ops.Forgotten.table())
        except WarehouseError:
            return False

    @cached_property
    def _versions(self) -> tuple[tuple[str, int], ...]:
        versions = self.warehouse.read(ops.TableVersions.table())
        return tuple(versions.select("table_name", "version").iter_rows())

    def judge(self, key: dg.AssetCheckKey) -> Failing:
        """Return the verdict of a check, made once for a run as long as no table changes."""
        place = (key, self._versions)
        if place not in self.inputs.verdicts:
            self.inputs.verdicts[place] = CHECKS[key].judge(self)
        return cast("Failing", self.inputs.verdicts[place])


Judge = Callable[[Evidence], Failing]


def _unique(model: type[Table]) -> Judge:
    def judge(evidence: Evidence) -> Failing:
        failing = integrity.duplicate_keys(evidence.warehouse, model)
        return failing, f"{failing.height or 'no'} keys are there more than once"

    return judge


def _referred(model: type[Table]) -> Judge:
    def judge(evidence: Evidence) -> Failing:
        failing = integrity.orphans(evidence.warehouse, model)
        others = failing["lacking in"].unique().sort().to_list() or list(model.references())
        return failing, f"{failing.height or 'no'} references to {', '.join(others)} lead nowhere"

    return judge


def _conserved(source: type[Table], target: type[Table], date_there: str) -> Judge:
    def judge(evidence: Evidence) -> Failing:
        failing = integrity.unaccounted_rows(evidence.warehouse, source, target, date_there)
        said = (
            f"{failing.height or 'no'} rows of {source.table()} are neither here nor in quarantine"
        )
        return failing, said

    return judge


def _let_through(model: type[Table]) -> Judge:
    def judge(evidence: Evidence) -> Failing:
        through, refused, shown = integrity.refused_rows(evidence.warehouse, model)
        share = refused / max(through + refused, 1)
        said = f"{refused} of {through + refused} rows are in quarantine ({share:.2%})"
        return (shown if share > MANY_REFUSED else shown.clear()), said

    return judge


def _complete(model: type[Table]) -> Judge:
    symbol = model.key()[0]

    def judge(evidence: Evidence) -> Failing:
        bars = evidence.warehouse.read(model.table())
        if bars.is_empty():
            return bars.select(symbol), "there are no bars yet"
        last = cast("date", bars["session_date"].max())
        sessions = calendar.sessions(last - timedelta(days=60), last)[-JUDGED_SESSIONS:]
        listed = evidence.warehouse.read(ref.Securities.table())
        failing = missing_bars(bars, symbol, sessions, listed)
        lacking = failing["sessions"].sum()
        return failing, (
            f"{lacking} bars are missing among {bars[symbol].n_unique()} symbols over the last "
            f"{len(sessions)} sessions"
        )

    return judge


LINES = ("symbol", "company_symbol")
"""Columns that name a line."""

_MAY_SHRINK = (mart.IndexResidualSuspects, mart.IndexChanges, mart.ClaimChecks)


def kept_tables() -> Iterator[type[Table]]:
    """Yield the tables that lose no rows without a person saying so: core and mart.

    But for the suspects, of whom fewer are good news, and for changes of members and claims: a
    person has taken a set, or a file, away, and the run says so.
    """
    for name, model in TABLES.items():
        if name.startswith(("core.", "mart.")) and model not in _MAY_SHRINK:
            yield model


def _group(model: type[Table]) -> str:
    """Return the column by whose values the rows of a table are counted: the first of its key.

    A sector is a word that describes companies: spelt otherwise, it takes no row away.
    """
    return "session_date" if model is mart.SectorMoves else model.key()[0]


def _counted(reader: Reader, model: type[Table]) -> pl.DataFrame:
    return integrity.rows_by_group(reader, model, _group(model))


def _kept(model: type[Table]) -> Judge:
    name, by = model.table(), _group(model)

    def judge(evidence: Evidence) -> Failing:
        with evidence.warehouse.open_written() as reader:
            now = _counted(reader, model)
        before = evidence.published_groups.get(name, now.clear())
        if by in LINES:
            # A company that has another name now has lost nothing.
            names, then = evidence.names.of_landed(), pl.lit(evidence.published_until)
            before = names.present(before, by, then).select(before.columns)
            before = before.group_by(by).agg(pl.col("rows").sum())
        # What a person has said to forget goes, and a sector with the last of its companies.
        before = before.filter(~pl.col(by).is_in(evidence.forgotten.implode()))
        if model is mart.SectorMoves and evidence.has_forgotten:
            before = before.clear()
        lost = lost_rows(now, before, by)
        if model is core.Prices and now.is_empty() and before.is_empty():
            nothing = {by: "any", "rows": 0, "published_rows": 0}
            return pl.DataFrame([nothing], schema=lost.schema), "there is not one price"
        was, gone = (
            int(rows.sum()) for rows in (before["rows"], lost["published_rows"] - lost["rows"])
        )
        said = f"{gone:,} of the {was:,} rows that readers see are gone"
        allowed = evidence.inputs.settings.max_shrink_share
        is_emptied = now.is_empty() and not before.is_empty()
        return (lost if is_emptied or too_many_lost(lost, was, allowed) else lost.clear()), said

    return judge


def _with_levels(evidence: Evidence) -> Failing:
    refused = evidence.warehouse.read(ops.Quarantine.table()).filter(
        pl.col("source_table").is_in([raw.IndexLevels.table(), core.IndexLevels.table()])
        & (pl.col("status") != RefusalStatus.RESOLVED)
    )
    with evidence.warehouse.open_written() as reader:
        prices = reader.frame("SELECT DISTINCT session_date FROM core.prices")
        levels = reader.frame("SELECT index_symbol, session_date FROM core.index_levels")
    failing = sessions_without_levels(prices, levels, refused)
    return failing, (
        f"{failing.height or 'no'} levels are missing of sessions whose prices came, of indices "
        "that had one the session before"
    )


def _of_plausible_size(evidence: Evidence) -> Failing:
    caps = evidence.warehouse.read(mart.MarketCaps.table())
    failing = implausible_market(caps)
    return failing, (
        "the company in the middle is worth what none is: are counts in thousands?"
        if failing.height
        else "the company in the middle is worth what companies are"
    )


def _explained(evidence: Evidence) -> Failing:
    failing = unexplained_sessions(evidence.warehouse.read(mart.IndexReconciliations.table()))
    return failing, (
        f"on {failing.height or 'no'} sessions the members of an index do not make up what it did"
    )


def _delivered(model: type[Table]) -> Judge:
    dataset = model.table().split(".")[1]

    def judge(evidence: Evidence) -> Failing:
        told = told_of_lines(evidence.inputs, dataset, evidence.names)
        if model is raw.IndexLevels:
            asked = evidence.warehouse.read(ref.Indices.table())["index_symbol"].unique()
        else:
            asked = evidence.warehouse.read(ref.Securities.table())["symbol"]
        lacking = undelivered(told, asked.to_list())
        said = f"{asked.len() - lacking.height} of {asked.len()} symbols were delivered"
        if lacking.height:
            outcome, message = lacking.select("outcome", "message").row(0)
            said += f", not {listed(lacking['symbol'].to_list())}; the first: {outcome}, {message}"
        limit = may_lack(asked.len(), evidence.inputs.settings.min_ok_share)
        failing = lacking.select("symbol", "asked_to")
        return (failing if failing.height > limit else failing.clear()), said

    return judge


def _supported(*kinds: Support) -> Judge:
    """Return the judge of large losses whose support is of these kinds."""

    def judge(evidence: Evidence) -> Failing:
        tables = (mart.MarketCapLosses, mart.MarketCaps, core.Prices, core.SharesOutstanding)
        losses, *others = (evidence.warehouse.read(model.table()) for model in tables)
        found = support_of_losses(losses, *others).filter(pl.col("support").is_in(kinds))
        large = losses.filter(pl.col("loss_usd") > LARGE_LOSS_USD).height
        by_kind = found.group_by("support").len().sort("support").iter_rows()
        said = ", ".join(f"{number} {kind}" for kind, number in by_kind) or "none"
        return found, f"of {large} losses above $150bn: {said}"

    return judge


def _on_time(evidence: Evidence) -> Failing:
    """Compare the run's moment with the moments that the warehouse knows of.

    Where a setting says what counts as now, only with what earlier runs were told in the same way:
    answers are stamped by the clock.
    """
    moment, settings = evidence.inputs.moment(), evidence.inputs.settings
    stamps: list[tuple[type[Table], str]] = [(ops.Publications, "passed_at")]
    if settings.now is None:
        delivered = (model for model in TABLES.values() if "fetched_at" in model.names())
        stamps += [(model, "fetched_at") for model in delivered]
    found = integrity.newest(evidence.warehouse, stamps)
    failing = found.filter(pl.col("newest") > moment + CLOCK_SLACK)
    said = f"the run's moment is {moment:%Y-%m-%d %H:%M} UTC"
    if failing.height:
        said += f", and {failing['stamped'][0]} has {failing['newest'][0]:%Y-%m-%d %H:%M}"
    return failing, said


@dataclass(frozen=True)
class Check:
    """One check of a table.

    Attributes:
        severity: an error stops publishing.
        says: what holds where it passes.
        judge: finds the rows that fail.
    """

    severity: dg.AssetCheckSeverity
    says: str
    judge: Judge


def _checks() -> Iterator[tuple[type[Table], str, Check]]:
    """Yield table, name and check."""
    for name, model in TABLES.items():
        if name.startswith("ops.") and model is not ops.DataDictionary:
            continue  # written together with others, by nobody else
        yield model, "unique_key", Check(ERROR, "No key is there twice.", _unique(model))
        if model.references():
            says = f"Every row has its row in {', '.join(model.references())}."
            # A set of holdings of an index that nobody follows has no effect, and is said.
            severity = WARN if model is ref.IndexHoldings else ERROR
            yield model, "references", Check(severity, says, _referred(model))
    for source, target, date_there in (
        (raw.Prices, core.Prices, "session_date"),
        (raw.IndexLevels, core.IndexLevels, "session_date"),
        (raw.SharesOutstanding, core.SharesOutstanding, "reported_as_of"),
    ):
        says = f"Every row of {source.table()} is here or in quarantine."
        yield target, "rows_conserved", Check(ERROR, says, _conserved(source, target, date_there))
    for model in kept_tables():
        says = (
            "Of the rows that readers see, at most CAPSHOCK_MAX_SHRINK_SHARE are gone, and of no "
            "company or index all."
        )
        yield model, "rows_kept", Check(ERROR, says, _kept(model))
    says = (
        "Of the symbols asked for at most a part of 1 - CAPSHOCK_MIN_OK_SHARE did not come: the "
        "next run asks for them alone."
    )
    for live in (raw.Prices, raw.Splits, raw.Dividends, raw.IndexLevels):
        yield live, "enough_delivered", Check(ERROR, says, _delivered(live))
    says = "No session has prices, and lacks the level of an index that had one the session before."
    yield core.IndexLevels, "levels_with_prices", Check(ERROR, says, _with_levels)
    says = "Of twenty companies or more the middle one is worth between $50m and $10trn."
    yield mart.MarketCaps, "median_plausible", Check(ERROR, says, _of_plausible_size)
    says = "Members with fresh units make up what their index did, to half a percent."
    yield mart.IndexReconciliations, "members_explain", Check(ERROR, says, _explained)
    says = "No loss above $150bn is contradicted by the rows around it."
    plausible = Check(ERROR, says, _supported(Support.CONTRADICTED))
    yield mart.MarketCapLosses, "plausible", plausible
    says = (
        "A loss above $150bn rests on two rows of prices and two share counts. Pending: a later "
        "session or report will tell."
    )
    supported = Check(WARN, says, _supported(Support.WEAK, Support.PENDING))
    yield mart.MarketCapLosses, "supported", supported
    for gated in (raw.Prices, raw.Splits, raw.Dividends, raw.SharesOutstanding, raw.IndexLevels,
                  core.Prices, core.SharesOutstanding, core.IndexLevels):  # fmt: skip
        says = f"At most {MANY_REFUSED:.0%} of the rows are in quarantine."
        yield gated, "quarantine_share", Check(WARN, says, _let_through(gated))
    for bars in (core.Prices, core.IndexLevels):
        says = (
            f"Every symbol has a bar on each of the last {JUDGED_SESSIONS} sessions it is listed."
        )
        yield bars, "complete", Check(WARN, says, _complete(bars))
    says = "The run's moment lies after all that the warehouse knows of."
    yield ops.Publications, "clock", Check(ERROR, says, _on_time)


CHECKS = {dg.AssetCheckKey(asset_key(model), name): check for model, name, check in _checks()}
"""All checks of what is written, by table and name."""
