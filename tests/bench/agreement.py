"""Whether two files hold the same table, read column by column so that any size fits."""

from pathlib import Path

import polars as pl

RELATIVE = 1e-9


def differences(expected: Path, found: Path) -> list[str]:
    """Say which columns of a table differ from the expected one.

    Floats may differ by 1e-9 of their size; everything else is equal, and so is the order of rows.
    """
    schema, other = pl.read_parquet_schema(expected), pl.read_parquet_schema(found)
    if sorted(schema) != sorted(other):
        return [f"columns {sorted(other)} instead of {sorted(schema)}"]
    different = []
    for name in schema:
        a = pl.read_parquet(expected, columns=[name])[name]
        b = pl.read_parquet(found, columns=[name])[name].cast(a.dtype)
        if len(a) != len(b):
            return [f"{len(b)} rows instead of {len(a)}"]
        # pandas writes missing numbers as NaN, which no table of the warehouse holds.
        same = _close(a, b.fill_nan(None)) if a.dtype.is_float() else a.eq_missing(b)
        if not same.all():
            different.append(f"{name} in {(~same).sum()} rows, first {(~same).arg_max()}")
    return different


def _close(a: pl.Series, b: pl.Series) -> pl.Series:
    both = pl.DataFrame({"a": a, "b": b}).lazy()
    distance = (pl.col("a") - pl.col("b")).abs()
    size = pl.max_horizontal(pl.col("a").abs(), pl.col("b").abs())
    missing = pl.col("a").is_null() & pl.col("b").is_null()
    return (
        both.select(same=missing | (distance <= RELATIVE * size).fill_null(False))
        .collect()
        .to_series()
    )
