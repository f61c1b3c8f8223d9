"""What the UI shows of the marts after each run: of the last session, a table and a picture."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from assets.metadata import as_table
from assets.products import charts
from warehouse.errors import CannotDraw
from warehouse.reader import Reader
from warehouse.schemas import mart

TOP = 10
"""Rows of a preview."""

RECENT_SESSIONS = 60
"""Sessions that a preview over time goes back."""

Preview = dict[str, dg.MetadataValue]


def previews(reader: Reader) -> dict[str, Preview]:
    """Return the previews of all marts that have rows, as metadata by the name of the table."""
    made: dict[str, Preview] = {}
    for table, (last_of, preview) in _PREVIEWS.items():
        last = reader.value(last_of)
        if last is not None:
            made[table] = preview(reader, last)
    return made


def _table_and_bars(rows: pl.DataFrame, label: str, value: str, unit: str, title: str) -> Preview:
    """Return a table and its bars, for the rows that have a value."""
    preview = {"preview": as_table(rows, limit=3 * TOP)}
    said = pl.col(value).map_elements(
        lambda number: f"{number:+,.2f} {unit}", return_dtype=pl.String
    )
    bars = rows.filter(pl.col(value).is_not_null()).with_columns(said=said)
    if not bars.is_empty():
        preview["plot"] = _plot(
            lambda: charts.signed_bars(bars, label, value, "said", title), title
        )
    return preview


def _plot(draw: Callable[[], charts.Drawable], says: str) -> dg.MetadataValue:
    """Return a picture as metadata; where none can be drawn, what is in the way."""
    try:
        return dg.MetadataValue.md(charts.as_markdown(draw(), says))
    except CannotDraw as error:
        return dg.MetadataValue.text(str(error))


def _market_caps(reader: Reader, day: date) -> Preview:
    rows = reader.frame(
        """
        SELECT
            company_symbol,
            round(market_cap_usd / 1e9, 2) AS "market cap, bn USD",
            round(return_1d * 100, 2) AS "return, %",
            round(price_effect_usd / 1e9, 2) AS "change by price, bn USD",
            shares_as_of,
            flags
        FROM mart.market_caps WHERE session_date = $day
        ORDER BY market_cap_usd DESC NULLS LAST, company_symbol LIMIT $n
        """,
        day=day,
        n=TOP,
    )
    title = f"Change of market value by price, ten largest companies, {day}"
    uncounted = reader.value(
        "SELECT count(*) FROM mart.market_caps "
        "WHERE session_date = $day AND market_cap_usd IS NULL",
        day=day,
    )
    return {
        **_table_and_bars(rows, "company_symbol", "change by price, bn USD", "bn USD", title),
        "without_share_count": dg.MetadataValue.int(uncounted),
    }


def _market_cap_losses(reader: Reader, day: date) -> Preview:
    rows = reader.frame(
        """
        SELECT
            company_symbol,
            -round(loss_usd / 1e9, 2) AS "bn USD",
            -round(loss_return * 100, 2) AS "return, %",
            rank_to_date AS "place in history",
            is_record,
            flags
        FROM top_losses($day, $n)
        """,
        day=day,
        n=TOP,
    )
    largest = reader.value("SELECT max(loss_usd) FROM top_losses($day, 1)", day=day)
    title = f"Largest one-day losses, {day}"
    return {
        **_table_and_bars(rows, "company_symbol", "bn USD", "bn USD", title),
        "largest_loss_usd": dg.MetadataValue.float(largest),
    }


def _market_cap_gains(reader: Reader, day: date) -> Preview:
    rows = reader.frame(
        """
        SELECT
            company_symbol,
            round(gain_usd / 1e9, 2) AS "bn USD",
            round(gain_return * 100, 2) AS "return, %",
            rank_to_date AS "place in history",
            is_record,
            flags
        FROM top_gains($day, $n)
        """,
        day=day,
        n=TOP,
    )
    largest = reader.value("SELECT max(gain_usd) FROM top_gains($day, 1)", day=day)
    title = f"Largest one-day gains, {day}"
    return {
        **_table_and_bars(rows, "company_symbol", "bn USD", "bn USD", title),
        "largest_gain_usd": dg.MetadataValue.float(largest),
    }


def _sector_moves(reader: Reader, day: date) -> Preview:
    rows = reader.frame(
        """
        SELECT
            sector,
            round(net_change_usd / 1e9, 2) AS "net, bn USD",
            round(losers_usd / 1e9, 2) AS "losers, bn USD",
            round(gainers_usd / 1e9, 2) AS "gainers, bn USD",
            companies
        FROM mart.sector_moves WHERE session_date = $day ORDER BY net_change_usd, sector
        """,
        day=day,
    )
    title = f"Change by price and sector, {day}"
    return _table_and_bars(rows, "sector", "net, bn USD", "bn USD", title)


def _index_impacts(reader: Reader, day: date) -> Preview:
    rows = reader.frame(
        """
        SELECT
            index_symbol,
            symbol,
            round(contribution_points, 2) AS points,
            round(return_1d * 100, 2) AS "return, %",
            round(index_return_without * 100, 2) AS "index without, %",
            flags,
            symbol || ' in ' || index_symbol AS member
        FROM mart.index_impacts WHERE session_date = $day
        QUALIFY row_number() OVER (
            PARTITION BY index_symbol ORDER BY abs(contribution_points) DESC NULLS LAST, symbol
        ) <= $n
        ORDER BY index_symbol, abs(contribution_points) DESC NULLS LAST, symbol
        """,
        day=day,
        n=TOP // 2,
    )
    return _table_and_bars(rows, "member", "points", "points", f"Who moved the indices, {day}")


def _index_reconciliations(reader: Reader, day: date) -> Preview:
    rows = reader.frame(
        """
        SELECT
            index_symbol,
            round(actual_points, 2) AS actual_points,
            round(replicated_points, 2) AS replicated_points,
            round(residual_bps, 3) AS residual_bps,
            members,
            members_priced,
            flags
        FROM mart.index_reconciliations WHERE session_date = $day ORDER BY index_symbol
        """,
        day=day,
    )
    preview = {"preview": as_table(rows)}
    # Where members lack a price the residual measures what is missing, not the method.
    residuals = reader.frame(
        """
        WITH recent AS (
            SELECT DISTINCT session_date FROM mart.index_reconciliations
            ORDER BY session_date DESC LIMIT $n
        )
        SELECT index_symbol, session_date, residual_bps
        FROM mart.index_reconciliations SEMI JOIN recent USING (session_date)
        WHERE residual_bps IS NOT NULL AND members_priced = members
        ORDER BY index_symbol, session_date
        """,
        n=RECENT_SESSIONS,
    )
    if not residuals.is_empty():
        sessions = reader.value(
            "SELECT least(count(DISTINCT session_date), $n) FROM mart.index_reconciliations",
            n=RECENT_SESSIONS,
        )
        title = f"What members leave unexplained, basis points, last {sessions} sessions"
        preview["plot"] = _plot(
            lambda: charts.lines(residuals, "session_date", "residual_bps", "index_symbol", title),
            title,
        )
    worst = reader.value(
        """
        SELECT max(abs(residual_bps)) FROM mart.index_reconciliations
        WHERE residual_bps IS NOT NULL
        GROUP BY session_date ORDER BY session_date DESC LIMIT 1
        """
    )
    if worst is not None:
        preview["largest_residual_bps"] = dg.MetadataValue.float(worst)
    return preview


def _index_residual_suspects(reader: Reader, day: date) -> Preview:
    rows = reader.frame(
        """
        SELECT
            index_symbol,
            symbol,
            round(return_1d * 100, 2) AS "return, %",
            round(implied_return * 100, 2) AS "would explain it, %",
            reasons
        FROM mart.index_residual_suspects WHERE session_date = $day
        ORDER BY index_symbol, symbol LIMIT $n
        """,
        day=day,
        n=TOP,
    )
    return _table_and_bars(
        rows, "symbol", "would explain it, %", "%", f"Last unusual residual, {day}"
    )


def _index_changes(reader: Reader, _: date) -> Preview:
    rows = reader.frame(
        """
        SELECT effective_from, index_symbol, symbol, change, reason, explanation
        FROM mart.index_changes ORDER BY effective_from DESC, index_symbol, symbol LIMIT $n
        """,
        n=3 * TOP,
    )
    counts = reader.frame(
        """
        SELECT change, count(*)::DOUBLE AS members, count(*)::VARCHAR AS said
        FROM mart.index_changes GROUP BY change ORDER BY members DESC, change
        """
    )
    title = "Changes of members, by kind"
    return {
        "preview": as_table(rows, limit=3 * TOP),
        "plot": _plot(
            lambda: charts.signed_bars(counts, "change", "members", "said", title), title
        ),
    }


def _drawdowns(reader: Reader, _: date) -> Preview:
    rows = reader.frame(
        """
        SELECT
            symbol,
            -round(loss_usd / 1e9, 2) AS "bn USD",
            round(drawdown_return * 100, 2) AS "return, %",
            peak_date,
            trough_date,
            recovery_date,
            symbol || ', ' || trough_date AS fall
        FROM mart.drawdowns WHERE NOT is_index
        ORDER BY loss_usd DESC NULLS LAST, symbol, peak_date LIMIT $n
        """,
        n=TOP,
    )
    return _table_and_bars(rows, "fall", "bn USD", "bn USD", "Deepest drawdowns of companies")


def _claim_checks(reader: Reader, _: str) -> Preview:
    rows = reader.frame(
        """
        SELECT claim_id, statement, verdict, explanation
        FROM mart.claim_checks WHERE is_standard ORDER BY claim_id
        """
    )
    counts = reader.frame(
        """
        SELECT verdict, count(*)::DOUBLE AS claims, count(*)::VARCHAR AS said
        FROM mart.claim_checks WHERE is_standard GROUP BY verdict ORDER BY claims DESC, verdict
        """
    )
    title = "Claims by verdict"
    return {
        "preview": as_table(rows, limit=3 * TOP),
        "plot": _plot(
            lambda: charts.signed_bars(counts, "verdict", "claims", "said", title), title
        ),
    }


_PREVIEWS: Mapping[str, tuple[str, Callable[[Reader, Any], Preview]]] = {
    mart.MarketCaps.table(): ("SELECT max(session_date) FROM mart.market_caps", _market_caps),
    mart.MarketCapLosses.table(): (
        "SELECT max(session_date) FROM mart.market_cap_losses",
        _market_cap_losses,
    ),
    mart.MarketCapGains.table(): (
        "SELECT max(session_date) FROM mart.market_cap_gains",
        _market_cap_gains,
    ),
    mart.SectorMoves.table(): ("SELECT max(session_date) FROM mart.sector_moves", _sector_moves),
    mart.IndexImpacts.table(): ("SELECT max(session_date) FROM mart.index_impacts", _index_impacts),
    mart.IndexReconciliations.table(): (
        "SELECT max(session_date) FROM mart.index_reconciliations",
        _index_reconciliations,
    ),
    mart.IndexResidualSuspects.table(): (
        "SELECT max(session_date) FROM mart.index_residual_suspects",
        _index_residual_suspects,
    ),
    mart.IndexChanges.table(): (
        "SELECT max(effective_from) FROM mart.index_changes",
        _index_changes,
    ),
    mart.Drawdowns.table(): (
        "SELECT max(peak_date) FROM mart.drawdowns WHERE NOT is_index",
        _drawdowns,
    ),
    mart.ClaimChecks.table(): ("SELECT max(claim_id) FROM mart.claim_checks", _claim_checks),
}
"""Table -> what its preview is of (nothing: there is none), and the preview."""
