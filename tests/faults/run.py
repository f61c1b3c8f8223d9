"""From files to marts by the product's own functions, without Dagster and without a database."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import polars as pl

from assets.core.index_levels import hold_unbelievable_levels
from assets.core.order_gate import gate_order, hold_repeated_bars
from assets.core.prices import hold_unexplained_moves, hold_unlisted, ready_to_compute_with
from assets.core.shares_outstanding import AcceptedCounts, accept_counts
from assets.market import calendar
from assets.market.corporate_actions import classify
from assets.market.count_witnesses import company_units
from assets.market.disputed_actions import closes_of_disputed_actions
from assets.market.disputed_closes import disputed_closes
from assets.market.disputed_units import disputed_units
from assets.market.index_divisors import level_moves, with_published
from assets.market.index_units import members_in_force, with_units
from assets.market.rebased_closes import moved_symbols
from assets.market.witnesses import confirmed_moves
from assets.mart.index_impacts import index_impacts
from assets.mart.index_reconciliations import (
    index_reconciliations,
    with_disputed_levels,
    with_disputed_prices,
)
from assets.mart.market_cap_losses import market_cap_gains, market_cap_losses, witnesses_of
from assets.mart.market_caps import market_caps
from assets.mart.sector_moves import sector_moves
from assets.ops.checks import kept_tables
from assets.ops.failing_rows import (
    implausible_market,
    lost_rows,
    sessions_without_levels,
    too_many_lost,
    unexplained_sessions,
)
from assets.ops.loss_support import support_of_losses
from assets.raw.corporate_actions import one_of_a_kind
from assets.raw.delivery import first_gate, refuse_bad_delivery
from assets.raw.prices import refused_symbols
from assets.ref.reference_files import read_reference
from assets.ref.securities import covered
from assets.resources import DataSettings
from assets.sources.files import FilesSource
from warehouse.errors import CapshockError
from warehouse.schemas import TABLES, Table, core, ops, raw, ref
from warehouse.schemas.vocabulary import Support

ROOT = Path(__file__).resolve().parents[2]
FIRST, LAST = date(2024, 8, 1), date(2025, 2, 14)
"""Sessions of the cut: all lines, with the splits of LRCX, SMCI, ANET, PANW and others."""

T = TypeVar("T")
_COUNTS_FROM = date(2024, 3, 1)
_SETTINGS = DataSettings()
_RAW = {
    "prices": raw.Prices,
    "splits": raw.Splits,
    "dividends": raw.Dividends,
    "shares_outstanding": raw.SharesOutstanding,
    "index_levels": raw.IndexLevels,
}
_REF = {
    "securities": ref.Securities,
    "indices": ref.Indices,
    "index_holdings": ref.IndexHoldings,
}


@dataclass(frozen=True)
class Files:
    """The files of both folders as frames, as a person or a source wrote them."""

    prices: pl.DataFrame
    splits: pl.DataFrame
    dividends: pl.DataFrame
    shares_outstanding: pl.DataFrame
    index_levels: pl.DataFrame
    securities: pl.DataFrame
    indices: pl.DataFrame
    index_holdings: pl.DataFrame

    def write(self, folder: Path) -> None:
        """Write the files whose rows are delivered by a source."""
        for name in _RAW:
            getattr(self, name).write_parquet(folder / f"{name}.parquet")


def whole_sample() -> Files:
    """Return the sample: all its lines over all its sessions."""
    data, reference = ROOT / "warehouse" / "sample", ROOT / "warehouse" / "reference"
    read = {name: pl.read_parquet(data / f"{name}.parquet") for name in _RAW}
    by_hand = {
        name: read_reference(reference, name, model, optional=False) for name, model in _REF.items()
    }
    return Files(**read, **by_hand)


def cut_of_sample() -> Files:
    """Return the sample with all its lines over the cut's sessions."""
    whole, of_cut = whole_sample(), pl.col("session_date").is_between(FIRST, LAST)
    counted = pl.col("as_of_date") >= _COUNTS_FROM
    return replace(
        whole,
        prices=whole.prices.filter(of_cut),
        shares_outstanding=whole.shares_outstanding.filter(counted),
        index_levels=whole.index_levels.filter(of_cut),
        index_holdings=whole.index_holdings.filter(pl.col("effective_from") >= FIRST),
    )


@dataclass
class Run:
    """What a run made of files.

    Attributes:
        files: what it was given.
        tables: mart and core tables by name.
        refused: rules of the rows in quarantine: symbol, row_date, rule.
        stops: failing rows of the checks that stop publishing, as (check, row).
        error: why there are no tables, if there are none.
    """

    files: Files
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    refused: set[tuple[str | None, date | None, str]] = field(default_factory=set)
    stops: set[tuple[str, str]] = field(default_factory=set)
    error: str | None = None
    steps: dict[str, tuple[tuple[Any, ...], Any]] = field(default_factory=dict)


class _Pipeline:
    """One run; a step whose inputs are those of another run takes its result."""

    def __init__(self, files: Files, like: Run | None) -> None:
        self.run = Run(files)
        self.like = like

    def step(self, name: str, make: Callable[..., T], *inputs: Any) -> T:
        known = self.like.steps.get(name) if self.like else None
        is_same = known is not None and all(a is b for a, b in zip(known[0], inputs, strict=True))
        made = cast("T", known[1] if known and is_same else make(*inputs))
        self.run.steps[name] = (inputs, made)
        return made

    def landed(self, name: str, known: tuple[str, ...]) -> pl.DataFrame:
        """Pass a delivered file through the first gate."""
        model = _RAW[name]

        def gate(rows: pl.DataFrame, asked: tuple[str, ...]) -> Any:
            gated = first_gate(_as_read(rows, name, model), model, asked, LAST)
            if model is raw.Splits:
                gated = one_of_a_kind(gated)
            refuse_bad_delivery(gated, model, _SETTINGS.limits)
            return gated, gated.passed.sort(model.key())

        gated, rows = self.step(name, gate, getattr(self.run.files, name), known)
        self.book(gated.quarantined)
        return cast("pl.DataFrame", rows)

    def reference(self, name: str) -> pl.DataFrame:
        """Read a reference file; a wrong row stops everything."""
        model = _REF[name]

        def read(rows: pl.DataFrame) -> Any:
            with tempfile.TemporaryDirectory() as folder:
                rows.write_parquet(Path(folder) / f"{name}.parquet")
                found = read_reference(Path(folder), name, model, optional=False)
            if model is not ref.Securities:
                return found, None
            universe = covered(found)
            return universe.lines, universe.quarantined

        rows, refused = self.step(name, read, getattr(self.run.files, name))
        if refused is not None:
            self.book(refused)
        return cast("pl.DataFrame", rows)

    def book(self, refused: pl.DataFrame) -> None:
        self.run.refused |= set(
            refused.explode("rules").select("symbol", "row_date", "rules").rows()
        )


def _as_read(rows: pl.DataFrame, name: str, model: type[Table]) -> pl.DataFrame:
    """Return rows as the source ``files`` delivers them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.{'csv' if _is_text(rows, model) else 'parquet'}"
        if path.suffix == ".csv":
            rows.write_csv(path)
        else:
            rows.write_parquet(path)
        for other in {"prices", "splits", "shares_outstanding", "index_levels"} - {name}:
            _RAW[other].no_rows().write_parquet(Path(folder) / f"{other}.parquet")
        source = FilesSource(Path(folder))
        asked: dict[str, date] = {}
        delivery = {
            "prices": lambda: source.prices([], FIRST, LAST),
            "splits": lambda: source.splits(asked),
            "dividends": lambda: source.dividends(asked),
            "shares_outstanding": lambda: source.shares_outstanding({}),
            "index_levels": lambda: source.index_levels(asked),
        }[name]()
    return delivery.rows.with_columns(fetched_at=pl.lit(datetime(2025, 2, 14, 23, tzinfo=UTC)))


def _is_text(rows: pl.DataFrame, model: type[Table]) -> bool:
    """Tell whether a number or a date stands as text: such a file is a CSV."""
    wanted = model.polars_schema()
    return any(rows.schema.get(n) == pl.String and wanted[n] != pl.String for n in wanted)


def computed(files: Files, like: Run | None = None, *, over_landed: bool = False) -> Run:
    """Run files through all gates, up to the marts and the checks that stop publishing.

    Args:
        files: the files.
        like: a run of other files, whose steps serve where their inputs are the same frames.
        over_landed: whether what that run landed, and readers see, stands when these files come.
    """
    pipeline = _Pipeline(files, like)
    try:
        _compute(pipeline, like if over_landed else None)
    except CapshockError as error:
        pipeline.run.error = f"{type(error).__name__}: {error.what}"
        pipeline.run.tables = {}
    return pipeline.run


def _compute(pipeline: _Pipeline, before: Run | None) -> None:
    step, run, sessions = pipeline.step, pipeline.run, tuple(calendar.sessions())
    if pipeline.like is not None:
        sessions = pipeline.like.steps["sessions"][1]
    run.steps["sessions"] = ((), sessions)
    securities, indices = pipeline.reference("securities"), pipeline.reference("indices")
    holdings = pipeline.reference("index_holdings")
    symbols = step("symbols", lambda lines: tuple(lines["symbol"]), securities)
    names = step("names", lambda rows: tuple(rows["index_symbol"].unique().sort()), indices)
    bars, splits = pipeline.landed("prices", symbols), pipeline.landed("splits", symbols)
    bars, splits, told_anew = _beside_landed(pipeline, before, bars, splits)
    pipeline.landed("dividends", symbols)
    reports = pipeline.landed("shares_outstanding", symbols)
    levels = pipeline.landed("index_levels", names)
    decisions = step("decisions", ref.SplitDecisions.no_rows)
    on_counts = step("decisions on counts", ref.ShareCountDecisions.no_rows)
    actions = step("actions", classify, splits, decisions)

    ordered_levels = step("level order", gate_order, levels, core.IndexLevels)
    new_levels = step(
        "level repeats", hold_repeated_bars, ordered_levels.passed, decisions, core.IndexLevels
    )
    moved_levels = step("level size", hold_unbelievable_levels, new_levels.passed, decisions)
    levels_core = moved_levels.passed
    ordered = step("order", gate_order, bars, core.Prices)
    listed = step("listed", hold_unlisted, ordered.passed, securities)
    anew = step("repeats", hold_repeated_bars, listed.passed, decisions, core.Prices)
    confirmed = step(
        "confirmed", confirmed_moves, anew.passed, actions, holdings, indices, levels_core,
        reports, sessions,
    )  # fmt: skip
    moved = step("moves", hold_unexplained_moves, anew.passed, actions, decisions, confirmed)
    prices = step("prices ready", ready_to_compute_with, moved.passed, actions, sessions)
    units = step("units", company_units, holdings, indices, securities, actions)
    accepted: AcceptedCounts = step(
        "counts", accept_counts, reports, actions, on_counts, units, sessions, prices
    )
    of_levels, of_prices = (
        (ordered_levels, new_levels, moved_levels),
        (ordered, listed, anew, moved),
    )
    for gated in (*of_levels, *of_prices, accepted.gated):
        pipeline.book(gated.quarantined)
    counts = accepted.counts
    moves = step("level moves", level_moves, levels_core, sessions)

    def of_members(*given: Any) -> Any:
        holdings, indices, prices, actions, counts, securities = given
        members = members_in_force(
            holdings, indices, prices["session_date"].unique().sort().to_list()
        )
        of_index = members.select("index_symbol", "session_date").unique()
        published = with_published(of_index, holdings, actions, indices)
        return with_units(members, actions, counts, securities), published

    members, published = step(
        "members", of_members, holdings, indices, prices, actions, counts, securities
    )
    units_disputed = step("disputed units", disputed_units, holdings, indices, actions)
    impacts = step(
        "impacts", index_impacts, members, prices, actions, indices, published, moves,
        units_disputed,
    )  # fmt: skip
    reconciled = step(
        "reconciliations", index_reconciliations, impacts, prices, actions, moves, holdings, indices
    )
    by_action = step(
        "disputed actions", closes_of_disputed_actions, bars, prices, actions, decisions, told_anew
    )
    reconciled = step("disputed in index", with_disputed_prices, reconciled, impacts, by_action)
    reconciled = step("disputed levels", with_disputed_levels, reconciled, indices)
    disputed = step("disputed", disputed_closes, impacts, reconciled, prices, by_action)
    caps = step("caps", market_caps, prices, counts, securities, disputed)
    witnesses = step("witnesses", witnesses_of, impacts, reconciled, prices, reports)
    run.tables = {
        "core.prices": prices,
        "core.index_levels": levels_core,
        "core.shares_outstanding": counts,
        "mart.market_caps": caps,
        "mart.market_cap_losses": step("losses", market_cap_losses, caps, witnesses),
        "mart.market_cap_gains": step("gains", market_cap_gains, caps, witnesses),
        "mart.sector_moves": step("sectors", sector_moves, caps, securities),
        "mart.index_impacts": impacts,
        "mart.index_reconciliations": reconciled,
    }
    _look_at_gate(run, before)


def _beside_landed(
    pipeline: _Pipeline, before: Run | None, bars: pl.DataFrame, splits: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Refuse the symbols whose delivery contradicts what has landed; that stays, and is doubted."""
    nothing = pipeline.step("told anew", ops.Quarantine.no_rows)
    if before is None:
        return bars, splits, nothing
    landed, landed_splits = before.steps["prices"][1][1], before.steps["splits"][1][1]
    columns = ["symbol", "ex_date", "ratio", "kind"]
    decisions = ref.SplitDecisions.no_rows()
    told = pl.concat([landed_splits.select(columns), splits.select(columns)])
    refused: dict[str, str] = {}
    if moved_symbols(landed, bars):
        known = classify(told.unique(maintain_order=True), decisions)
        refused = refused_symbols(landed, bars, known, decisions)
    pipeline.run.refused |= {(symbol, None, "prices_and_splits") for symbol in refused}
    theirs = pl.col("symbol").is_in(list(refused))
    if not refused:
        return bars, splits, nothing
    key = raw.Prices.key()
    moved = bars.filter(theirs).join(landed, on=[*key, "close"], how="anti")
    told_anew = moved.select(
        "symbol",
        row_date="session_date",
        source_table=pl.lit("raw.prices"),
        status=pl.lit("held"),
        rules=pl.lit(["prices_and_splits"]),
    )
    return (
        pl.concat([bars.filter(~theirs), landed.filter(theirs)]).sort(key),
        pl.concat([splits.filter(~theirs), landed_splits.filter(theirs)]).sort("symbol", "ex_date"),
        told_anew,
    )


def _look_at_gate(run: Run, before: Run | None) -> None:
    """Find what fails the checks of severity error that frames alone can answer."""
    tables = run.tables
    if tables["core.prices"].is_empty():
        run.stops.add(("rows_kept", "not one price"))
    refused = pl.DataFrame(
        [(symbol, day) for symbol, day, _ in run.refused],
        schema={"symbol": pl.String, "row_date": pl.Date},
        orient="row",
    )
    lacking = sessions_without_levels(tables["core.prices"], tables["core.index_levels"], refused)
    run.stops |= {("levels_with_prices", str(row)) for row in lacking.rows()}
    contradicted = support_of_losses(
        tables["mart.market_cap_losses"], tables["mart.market_caps"], tables["core.prices"],
        tables["core.shares_outstanding"],
    ).filter(pl.col("support") == Support.CONTRADICTED)  # fmt: skip
    run.stops |= {("plausible", str(row)) for row in contradicted.rows()}
    unexplained = unexplained_sessions(tables["mart.index_reconciliations"])
    run.stops |= {("members_explain", str(row)) for row in unexplained.rows()}
    implausible = implausible_market(tables["mart.market_caps"])
    run.stops |= {("median_plausible", str(row)) for row in implausible.rows()}
    if before is None:
        return
    for model in kept_tables():
        if model.table() not in tables:
            continue
        by = model.key()[0]
        now, was = (
            frames[model.table()].group_by(by).len("rows") for frames in (tables, before.tables)
        )
        lost = lost_rows(now, was, by)
        if too_many_lost(lost, int(was["rows"].sum()), _SETTINGS.max_shrink_share):
            run.stops.add(("rows_kept", model.table()))


assert {f.name for f in fields(Files)} == {*_RAW, *_REF}
assert set(TABLES) >= {model.table() for model in _RAW.values()}
