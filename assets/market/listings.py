"""When a line is listed: on other sessions no bar of it is expected, and none is missing."""

import polars as pl

COLUMNS = ("symbol", "listed_from", "listed_to")
"""What of ``ref.securities`` a listing is: null bounds are open."""


def is_listed(day: pl.Expr) -> pl.Expr:
    """Return whether a line with the columns listed_from and listed_to is listed on a date."""
    begun = pl.col("listed_from").is_null() | (pl.col("listed_from") <= day)
    ended = pl.col("listed_to").is_not_null() & (pl.col("listed_to") < day)
    return begun & ~ended


def expected_sessions(lines: pl.DataFrame, sessions: pl.Series) -> pl.Series:
    """Count the sessions on which each line should have a bar.

    Args:
        lines: listed_from, listed_to, first (its first bar; null: none).
        sessions: the sessions that are looked at, in order.

    Returns:
        For each line how many of them lie in its listing; one whose listing has no known beginning
        is expected from its first bar on, and without any bar from the first session on.
    """
    begin = lines.select(
        pl.coalesce("listed_from", "first", pl.lit(sessions[0] if len(sessions) else None))
    ).to_series()
    before = sessions.search_sorted(begin, side="left").cast(pl.Int64)
    end = lines["listed_to"].fill_null(sessions[-1] if len(sessions) else None)
    until = sessions.search_sorted(end, side="right").cast(pl.Int64)
    return (until - before).clip(lower_bound=0)
