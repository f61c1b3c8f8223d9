"""What the UI shows of a mart after each run: the last session as a small table and a picture."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import polars as pl

from assets.metadata import as_table
from assets.products import charts
from warehouse.errors import CannotDraw
from warehouse.schemas import mart

TOP = 10
"""Rows of a preview."""

RECENT_SESSIONS = 60
"""Sessions that a preview over time goes back."""

Preview = Callable[[pl.DataFrame], dict[str, Any]]


def preview_of(table: str, rows: pl.DataFrame) -> dict[str, Any]:
    """Return the preview of a mart as metadata; nothing for other tables and empty ones.

    Args:
        table: ``schema.table``.
        rows: the whole table.
    """
    preview = _PREVIEWS.get(table)
    return {} if preview is None or rows.is_empty() else preview(rows)


def _last_session(rows: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    last = rows["session_date"].max()
    return str(last), rows.filter(pl.col("session_date") == last)


def _billions(name: str) -> pl.Expr:
    return (pl.col(name) / 1e9).round(2)


def _percent(name: str) -> pl.Expr:
    return (pl.col(name) * 100).round(2)


def _signed(name: str, unit: str) -> pl.Expr:
    """Write a rounded column with its sign and unit."""
    return pl.col(name).map_elements(lambda n: f"{n:+,.2f} {unit}", return_dtype=pl.String)


def _shown(table: pl.DataFrame, label: str, value: str, unit: str, title: str) -> dict[str, Any]:
    """Return a table and its bars."""
    rows = table.filter(pl.col(value).is_not_null()).with_columns(
        _signed(value, unit).alias("said")
    )
    found = {"preview": as_table(table, limit=3 * TOP)}
    if not rows.is_empty():
        found["plot"] = _plot(lambda: charts.signed_bars(rows, label, value, "said", title), title)
    return found


def _plot(draw: Callable[[], charts.Drawable], says: str) -> dg.MetadataValue:
    """Return a picture as metadata; where none can be drawn, what is in the way."""
    try:
        return dg.MetadataValue.md(charts.as_markdown(draw(), says))
    except CannotDraw as error:
        return dg.MetadataValue.text(str(error))


def _market_caps(rows: pl.DataFrame) -> dict[str, Any]:
    day, last = _last_session(rows)
    top = last.sort("market_cap_usd", descending=True, nulls_last=True).head(TOP)
    table = top.select(
        "company_symbol",
        _billions("market_cap_usd").alias("market cap, bn USD"),
        _percent("return_1d").alias("return, %"),
        _billions("price_effect_usd").alias("change by price, bn USD"),
        "shares_as_of",
        "flags",
    )
    title = f"Change of market value by price, ten largest companies, {day}"
    return _shown(table, "company_symbol", "change by price, bn USD", "bn USD", title) | {
        "without_share_count": last["market_cap_usd"].null_count()
    }


def _moves(what: str, plural: str, sign: float) -> Preview:
    def preview(rows: pl.DataFrame) -> dict[str, Any]:
        day, last = _last_session(rows)
        table = last.sort("rank_on_session").head(TOP)
        table = table.select(
            "company_symbol",
            (_billions(f"{what}_usd") * sign).alias("bn USD"),
            (_percent(f"{what}_return") * sign).alias("return, %"),
            pl.col("rank_to_date").alias("place in history"),
            "is_record",
            "flags",
        )
        found = _shown(
            table, "company_symbol", "bn USD", "bn USD", f"Largest one-day {plural}, {day}"
        )
        return found | {f"largest_{what}_usd": float(last[f"{what}_usd"].max())}  # type: ignore[arg-type]

    return preview


def _sector_moves(rows: pl.DataFrame) -> dict[str, Any]:
    day, last = _last_session(rows)
    table = last.sort("net_change_usd").select(
        "sector",
        _billions("net_change_usd").alias("net, bn USD"),
        _billions("losers_usd").alias("losers, bn USD"),
        _billions("gainers_usd").alias("gainers, bn USD"),
        "companies",
    )
    return _shown(table, "sector", "net, bn USD", "bn USD", f"Change by price and sector, {day}")


def _index_impacts(rows: pl.DataFrame) -> dict[str, Any]:
    day, last = _last_session(rows)
    by_size = last.sort(pl.col("contribution_points").abs(), descending=True, nulls_last=True)
    table = (
        by_size.group_by("index_symbol", maintain_order=True)
        .head(TOP // 2)
        .sort("index_symbol", maintain_order=True)
        .select(
            "index_symbol",
            "symbol",
            pl.col("contribution_points").round(2).alias("points"),
            _percent("return_1d").alias("return, %"),
            _percent("index_return_without").alias("index without, %"),
            member=pl.format("{} in {}", "symbol", "index_symbol"),
        )
    )
    return _shown(table, "member", "points", "points", f"Who moved the indices, {day}")


def _index_reconciliations(rows: pl.DataFrame) -> dict[str, Any]:
    days = rows["session_date"].unique().sort().tail(RECENT_SESSIONS)
    recent = rows.filter(pl.col("session_date").is_in(days.implode()))
    _, last = _last_session(rows)
    _, last_known = _last_session(rows.filter(pl.col("residual_bps").is_not_null()))
    table = last.select(
        "index_symbol",
        pl.col("actual_points").round(2),
        pl.col("replicated_points").round(2),
        pl.col("residual_bps").round(3),
        "members",
        "members_priced",
        "flags",
    )
    # Where members lack a price the residual measures what is missing, not the method.
    known = recent.filter(
        pl.col("residual_bps").is_not_null() & (pl.col("members_priced") == pl.col("members"))
    )
    found: dict[str, Any] = {"preview": as_table(table)}
    if not known.is_empty():
        title = f"What members leave unexplained, basis points, last {days.len()} sessions"
        found["plot"] = _plot(
            lambda: charts.lines(known, "session_date", "residual_bps", "index_symbol", title),
            title,
        )
    worst = last_known["residual_bps"].abs().max()
    if isinstance(worst, float):
        found["largest_residual_bps"] = worst
    return found


def _index_residual_suspects(rows: pl.DataFrame) -> dict[str, Any]:
    day, last = _last_session(rows)
    table = last.select(
        "index_symbol",
        "symbol",
        _percent("return_1d").alias("return, %"),
        _percent("implied_return").alias("would explain it, %"),
        "reasons",
    ).head(TOP)
    return _shown(table, "symbol", "would explain it, %", "%", f"Last unusual residual, {day}")


def _drawdowns(rows: pl.DataFrame) -> dict[str, Any]:
    deepest = rows.filter(~pl.col("is_index")).sort("loss_usd", descending=True, nulls_last=True)
    table = deepest.head(TOP).select(
        "symbol",
        (-_billions("loss_usd")).alias("bn USD"),
        _percent("drawdown_return").alias("return, %"),
        "peak_date",
        "trough_date",
        "recovery_date",
        fall=pl.format("{}, {}", "symbol", "trough_date"),
    )
    return _shown(table, "fall", "bn USD", "bn USD", "Deepest drawdowns of companies")


def _claim_checks(rows: pl.DataFrame) -> dict[str, Any]:
    table = (
        rows.sort("is_standard", descending=True, maintain_order=True)
        .select("claim_id", "statement", "verdict", "explanation")
        .unique("claim_id", keep="first", maintain_order=True)
    )
    counted = table.group_by("verdict").len("claims").sort("claims", descending=True)
    counted = counted.with_columns(
        pl.col("claims").cast(pl.Float64), said=pl.col("claims").cast(pl.String)
    )
    title = "Claims by verdict"
    return {
        "preview": as_table(table, limit=3 * TOP),
        "plot": _plot(
            lambda: charts.signed_bars(counted, "verdict", "claims", "said", title), title
        ),
    }


_PREVIEWS: dict[str, Preview] = {
    mart.MarketCaps.table(): _market_caps,
    mart.MarketCapLosses.table(): _moves("loss", "losses", -1.0),
    mart.MarketCapGains.table(): _moves("gain", "gains", 1.0),
    mart.SectorMoves.table(): _sector_moves,
    mart.IndexImpacts.table(): _index_impacts,
    mart.IndexReconciliations.table(): _index_reconciliations,
    mart.IndexResidualSuspects.table(): _index_residual_suspects,
    mart.Drawdowns.table(): _drawdowns,
    mart.ClaimChecks.table(): _claim_checks,
}
