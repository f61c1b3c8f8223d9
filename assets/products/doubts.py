"""What is missing, estimated, stale or held about a session: a query each, for whoever tells it.

Each query gives a column ``subject`` with a row for each thing in doubt; ``$day`` is the session.
"""


def _flagged(flag: str) -> str:
    return (
        "SELECT company_symbol AS subject FROM mart.market_caps "
        f"WHERE session_date = $day AND list_contains(flags, '{flag}') ORDER BY subject"
    )


def _refused(status: str) -> str:
    return (
        "SELECT coalesce(symbol, 'no symbol') || ' ' || "
        "coalesce(row_date::VARCHAR, 'without a date') AS subject FROM ops.quarantine "
        f"WHERE status = '{status}' AND (row_date <= $day OR row_date IS NULL) "
        "ORDER BY row_date DESC, symbol"
    )


DOUBTS: dict[str, str] = {
    "no share count": _flagged("no_share_count"),
    "share count older than 120 days": _flagged("stale_share_count"),
    "share count moved over 15 %": _flagged("share_count_warning"),
    "gap: no bar the session before": _flagged("gap"),
    "first bar: no close before": _flagged("first_bar"),
    "no bar on this session": (
        "SELECT symbol AS subject FROM raw.prices SEMI JOIN ref.securities USING (symbol) "
        "GROUP BY symbol HAVING min(session_date) < $day "
        "AND count(*) FILTER (session_date = $day) = 0 ORDER BY symbol"
    ),
    "index units from after the session": (
        "SELECT index_symbol || ' by ' || -holdings_age_days || ' days' AS subject "
        "FROM mart.index_reconciliations "
        "WHERE session_date = $day AND list_contains(flags, 'dated_later') ORDER BY index_symbol"
    ),
    "index without members here": (
        # No space before the sign: a list may break there.
        "SELECT index_symbol || coalesce(printf(' %+.2f%%', actual_return * 100), '') AS subject "
        "FROM mart.index_reconciliations "
        "WHERE session_date = $day AND members = 0 ORDER BY index_symbol"
    ),
    "index members without a price": (
        "SELECT symbol || ' (' || index_symbol || ')' AS subject FROM mart.index_impacts "
        "WHERE session_date = $day AND return_1d IS NULL ORDER BY index_symbol, symbol"
    ),
    "suspects of an unusual residual": (
        "SELECT index_symbol || ': ' || symbol || ' (' || reasons[1] || ')' AS subject "
        "FROM mart.index_residual_suspects "
        "WHERE session_date = $day ORDER BY index_symbol, abs(implied_return), symbol"
    ),
    "close only, no low": _flagged("close_only"),
    "rows held up to this session": _refused("held"),
    "rows rejected up to this session": _refused("rejected"),
}
"""What is in doubt -> the query for its subjects."""
