"""What was last known on a date."""

import polars as pl


def last_known(
    rows: pl.DataFrame, known: pl.DataFrame, *, on: str, by: str, **columns: str
) -> pl.DataFrame:
    """Add what was last known on a date: new name = column of ``known``, dated session_date."""
    right = known.select(by, pl.col("session_date").alias("__since"), **columns)
    return (
        rows.sort(on)
        .join_asof(
            right.sort("__since"),
            left_on=on,
            right_on="__since",
            by=by,
            check_sortedness=False,
        )
        .drop("__since")
    )
