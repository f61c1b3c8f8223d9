"""What checks look for, frame to frame: the rows that fail."""

from datetime import date

import polars as pl

from assets.market.listings import COLUMNS, is_listed


def missing_bars(
    prices: pl.DataFrame, symbol: str, sessions: list[date], listed: pl.DataFrame
) -> pl.DataFrame:
    """Return the sessions that a symbol lacks among the last ones, while it is listed.

    Args:
        prices: a table of bars.
        symbol: its symbol column.
        sessions: the exchange's sessions, the last ones.
        listed: symbol, listed_from, listed_to; a symbol that is not there, or has no known
            beginning, is expected from its first bar on.

    Returns:
        symbol, sessions (how many are missing), first_missing, last_missing.
    """
    firsts = prices.group_by(symbol).agg(first=pl.col("session_date").min())
    days = pl.DataFrame({"session_date": sessions}, schema={"session_date": pl.Date})
    return (
        firsts.join(listed.select(COLUMNS), left_on=symbol, right_on="symbol", how="left")
        .with_columns(pl.coalesce("listed_from", "first").alias("listed_from"))
        .join(days, how="cross")
        .filter(is_listed(pl.col("session_date")))
        .join(prices, on=[symbol, "session_date"], how="anti")
        .group_by(symbol)
        .agg(
            sessions=pl.len(),
            first_missing=pl.col("session_date").min(),
            last_missing=pl.col("session_date").max(),
        )
        .sort("sessions", symbol, descending=[True, False])
    )


def lost_rows(now: pl.DataFrame, before: pl.DataFrame, by: str) -> pl.DataFrame:
    """Return the groups that have fewer rows than readers see.

    Args:
        now: rows of each group.
        before: the same, as published.
        by: the column that names the group.

    Returns:
        The column, rows, published_rows; those that lost most first.
    """
    return (
        before.rename({"rows": "published_rows"})
        .join(now, on=by, how="left")
        .with_columns(pl.col("rows").fill_null(0))
        .filter(pl.col("rows") < pl.col("published_rows"))
        .select(by, "rows", "published_rows")
        .sort(pl.col("rows") - pl.col("published_rows"), by)
    )


def sessions_without_levels(
    prices: pl.DataFrame, levels: pl.DataFrame, refused: pl.DataFrame
) -> pl.DataFrame:
    """Return the sessions with bars that lack a level of an index which had one the session before.

    Args:
        prices: ``core.prices``.
        levels: ``core.index_levels``.
        refused: symbol, row_date of levels that came, and are in quarantine: told of there.

    Returns:
        index_symbol, session_date.
    """
    sessions = prices.select(pl.col("session_date").unique().sort()).with_columns(
        next=pl.col("session_date").shift(-1)
    )
    expected = (
        levels.select("index_symbol", "session_date")
        .join(sessions, on="session_date")
        .select("index_symbol", session_date="next")
        .drop_nulls()
    )
    return (
        expected.join(levels, on=["index_symbol", "session_date"], how="anti")
        .join(
            refused,
            left_on=["index_symbol", "session_date"],
            right_on=["symbol", "row_date"],
            how="anti",
        )
        .sort("index_symbol", "session_date")
    )
