"""Frames as people see them in the UI."""

import dagster as dg
import polars as pl

SHOWN = 50
"""Rows of a table that metadata carry: enough to see what is the matter."""


def as_table(frame: pl.DataFrame, limit: int = SHOWN) -> dg.MetadataValue:
    """Return the first rows of a frame as metadata; a word where there are none."""
    if frame.is_empty():
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.table(
        [
            dg.TableRecord({name: _cell(value) for name, value in row.items()})
            for row in frame.head(limit).iter_rows(named=True)
        ]
    )


def _cell(value: object) -> str | int | float | bool:
    """Return a value that the UI's tables take."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(str(one) for one in value)
    return value if isinstance(value, str | int | float | bool) else str(value)
