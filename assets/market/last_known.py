"""What was last known on a date."""

import polars as pl


def last_known(
    rows: pl.DataFrame, known: pl.DataFrame, *, on: str, since: str, by: str, **columns: str
) -> pl.DataFrame:
    """Add what was last known on a date: new name = column of ``known``.

    Args:
        rows: the rows; they come back sorted by the date.
        known: what became known, and when; one row per ``by`` and ``since``.
        on: the date of ``rows``.
        since: the date of ``known`` from which on it holds.
        by: column of both that says of whom.
        **columns: what to add.
    """
    right = known.select(by, pl.col(since).alias("__since"), **columns)
    return (
        rows.sort(on)
        .join_asof(
            right.sort("__since"), left_on=on, right_on="__since", by=by, check_sortedness=False
        )
        .drop("__since")
    )
