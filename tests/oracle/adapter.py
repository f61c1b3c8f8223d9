"""The product, asked about a market of the oracle. Its only imports of the product stand here."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import polars as pl

from assets.core.prices import hold_unexplained_moves, hold_unlisted, ready_to_compute_with
from assets.core.shares_outstanding import accept_counts
from assets.market import calendar
from assets.market.corporate_actions import classify
from assets.market.count_witnesses import company_units
from assets.market.index_divisors import level_moves, with_published
from assets.market.index_units import members_in_force, with_units
from assets.market.names import Names
from assets.market.witnesses import confirmed_moves
from assets.mart.drawdowns import drawdowns
from assets.mart.index_changes import index_changes, renamed_members
from assets.mart.index_impacts import index_impacts
from assets.mart.index_reconciliations import index_reconciliations
from assets.mart.market_cap_losses import market_cap_gains, market_cap_losses, witnesses_of
from assets.mart.market_caps import market_caps
from assets.mart.sector_moves import sector_moves
from assets.raw.corporate_actions import one_of_a_kind
from assets.ref.decisions import check_contradictions
from tests.oracle.market import Market
from warehouse.schemas import Table, core, mart, raw, ref
from warehouse.validation import pass_gate, validate

KEYS = {
    "core.prices": ("symbol", "session_date"),
    "core.shares_outstanding": ("symbol", "valid_from"),
    "ops.quarantine": ("symbol", "row_date"),
    "mart.market_caps": ("company_symbol", "session_date"),
    "mart.market_cap_losses": ("company_symbol", "session_date"),
    "mart.market_cap_gains": ("company_symbol", "session_date"),
    "mart.sector_moves": ("sector", "session_date"),
    "mart.drawdowns": ("symbol", "peak_date"),
    "mart.index_changes": ("index_symbol", "effective_from", "symbol", "change"),
    "mart.index_impacts": ("index_symbol", "session_date", "symbol"),
    "mart.index_reconciliations": ("index_symbol", "session_date"),
}


@cache
def exchange_sessions(
    first: date = date(2012, 1, 3), last: date = date(2024, 12, 31)
) -> tuple[date, ...]:
    """Return sessions of the real calendar, for markets to lie in."""
    return tuple(calendar.sessions(first, last))


def frames(market: Market) -> dict[str, pl.DataFrame]:
    """Compute each table with the product's pure functions."""
    sessions = list(market.sessions)
    decisions = _decisions(market)
    actions = classify(_splits(market), decisions)
    securities, indices, holdings = _securities(market), _indices(market), _holdings(market)
    levels, reports = _levels(market), _reports(market)
    bars = hold_unlisted(_bars(market), securities).passed
    confirmed = confirmed_moves(bars, actions, holdings, indices, levels, reports, sessions)
    moved = hold_unexplained_moves(bars, actions, decisions, confirmed)
    prices = ready_to_compute_with(moved.passed, actions, sessions)
    accepted = accept_counts(
        reports,
        actions,
        _count_decisions(market),
        company_units(holdings, indices, securities, actions),
        sessions,
        prices,
    )
    counts = accepted.counts
    caps = market_caps(prices, counts, securities)
    of_levels = level_moves(levels, sessions)
    traded = prices["session_date"].unique().sort().to_list()
    members = members_in_force(holdings, indices, traded)
    impacts = index_impacts(
        with_units(members, actions, counts, securities),
        prices,
        actions,
        indices,
        with_published(
            members.select("index_symbol", "session_date").unique(), holdings, actions, indices
        ),
        of_levels,
    )
    reconciliations = index_reconciliations(impacts, prices, actions, of_levels, holdings, indices)
    witnesses = witnesses_of(impacts, reconciliations, prices, reports)
    return {
        "core.prices": prices,
        "core.shares_outstanding": counts.with_columns(has_dispute=pl.col("dispute").is_not_null()),
        "ops.quarantine": accepted.gated.quarantined,
        "mart.market_caps": caps,
        "mart.market_cap_losses": market_cap_losses(caps, witnesses),
        "mart.market_cap_gains": market_cap_gains(caps, witnesses),
        "mart.sector_moves": sector_moves(caps, securities),
        "mart.drawdowns": drawdowns(prices, caps, levels, sessions),
        "mart.index_changes": index_changes(
            holdings,
            indices,
            securities,
            actions,
            renamed_members(holdings, ref.SymbolChanges.no_rows(), Names()),
        ),
        "mart.index_impacts": impacts,
        "mart.index_reconciliations": reconciliations,
    }


def drawdowns_must_land(frame: pl.DataFrame) -> None:
    """Fail where the rules of the table would refuse a row."""
    validate(frame, mart.Drawdowns)


def _rows(model: type[Table], rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Make a frame of a table; columns that no row names are null."""
    schema = model.polars_schema()
    return pl.DataFrame(
        [tuple(row.get(name) for name in schema) for row in rows], schema=schema, orient="row"
    )


def _splits(market: Market) -> pl.DataFrame:
    """Return the recorded actions as they pass the gates of ``raw.splits``: none is refused."""
    rows = _rows(
        raw.Splits,
        (
            {"symbol": r.symbol, "ex_date": r.ex_date, "ratio": r.ratio, "kind": r.kind,
             "source": "made up", "fetched_at": datetime(2025, 1, 1, tzinfo=UTC),
             "response_id": "made up"}
            for r in market.recorded
        ),
    )  # fmt: skip
    gated = one_of_a_kind(pass_gate(rows, raw.Splits))
    assert gated.quarantined.is_empty(), gated.quarantined["reason"].to_list()
    return gated.passed


def _decisions(market: Market) -> pl.DataFrame:
    return check_contradictions(_rows(
        ref.SplitDecisions,
        (
            {"symbol": d.symbol, "ex_date": d.ex_date, "kind": d.kind, "ratio": d.ratio,
             "reason": "made up", "source": "made up"}
            for d in market.decisions
        ),
    ))  # fmt: skip


def _bars(market: Market) -> pl.DataFrame:
    told = _rows(
        core.Prices,
        (
            {"symbol": symbol, "session_date": day, "open": bar.open, "high": bar.high,
             "low": bar.low, "close": bar.close, "volume": bar.volume}
            for symbol, bars in sorted(market.bars.items())
            for day, bar in sorted(bars.items())
        ),
    )  # fmt: skip
    return told.drop("adjustment_ratio", "adjustment_kind", "split_ratio", "comparable_close")


def _count_decisions(market: Market) -> pl.DataFrame:
    return _rows(
        ref.ShareCountDecisions,
        (
            {"symbol": d.symbol, "as_of_date": d.as_of_date, "decision": d.decision,
             "reason": "made up", "source": "made up"}
            for d in market.count_decisions
        ),
    )  # fmt: skip


def _reports(market: Market) -> pl.DataFrame:
    return pl.DataFrame(
        [(r.symbol, r.as_of_date, r.shares) for r in market.reports],
        schema={"symbol": pl.String, "as_of_date": pl.Date, "shares_outstanding": pl.Int64},
        orient="row",
    )


def _securities(market: Market) -> pl.DataFrame:
    return _rows(
        ref.Securities,
        (
            {"symbol": line.symbol, "name": line.symbol, "company_symbol": line.company_symbol,
             "sector": line.sector, "sector_scheme": "made up",
             "listed_from": line.listed_from, "listed_to": line.listed_to}
            for line in market.lines
        ),
    )  # fmt: skip


def _indices(market: Market) -> pl.DataFrame:
    return _rows(
        ref.Indices,
        (
            {"index_symbol": row.index_symbol, "effective_from": row.effective_from,
             "name": row.index_symbol, "weighting": row.weighting, "divisor": row.divisor}
            for row in market.indices
        ),
    )  # fmt: skip


def _holdings(market: Market) -> pl.DataFrame:
    return _rows(ref.IndexHoldings, (vars(h) for h in market.holdings))


def _levels(market: Market) -> pl.DataFrame:
    return _rows(
        core.IndexLevels,
        (
            {"index_symbol": index, "session_date": day, "close": level}
            for index, levels in sorted(market.levels.items())
            for day, level in sorted(levels.items())
        ),
    )


def row_of(frame: pl.DataFrame, **key: Any) -> dict[str, Any]:
    """Return the one row with a key."""
    return frame.row(
        by_predicate=pl.all_horizontal(*(pl.col(n) == v for n, v in key.items())), named=True
    )


def keyed(table: str, frame: pl.DataFrame) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return the rows of a table by key."""
    key: Sequence[str] = KEYS[table]
    rows = {tuple(row[name] for name in key): row for row in frame.iter_rows(named=True)}
    assert len(rows) == frame.height, f"{table}: a key occurs twice"
    return rows
