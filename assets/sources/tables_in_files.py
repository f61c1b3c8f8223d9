"""A table as a file of a folder, ``<name>.parquet`` or ``<name>.csv``: found by name, read lazily.

What a folder of data and a folder of reference data share. CSV cells are text until a gate has
parsed them, so that one bad cell costs one row, not the file.
"""

from collections.abc import Collection
from pathlib import Path

import polars as pl

from warehouse.errors import CapshockError
from warehouse.schemas import Table

SUFFIXES = ("parquet", "csv")
CONTRACT = 'See "Bring your own data" in the README for the files and their columns.'


def find(folder: Path, name: str, error: type[CapshockError]) -> Path | None:
    """Return the file that holds a table; None if there is none.

    Raises:
        CapshockError: of the type given, if both a Parquet and a CSV file are there.
    """
    found = [path for suffix in SUFFIXES if (path := folder / f"{name}.{suffix}").is_file()]
    if len(found) > 1:
        raise error(
            f"{folder}: both {found[0].name} and {found[1].name} are there",
            "Keep the one that counts.",
        )
    return found[0] if found else None


def scan(
    path: Path,
    model: type[Table],
    error: type[CapshockError],
    leave_out: Collection[str] = (),
) -> pl.LazyFrame:
    """Scan a file that has the columns of a table; more are left alone.

    Args:
        path: the file, by its ending Parquet or CSV.
        model: the table that the file feeds; of its columns, optional ones may be missing.
        error: the type of error to raise.
        leave_out: columns of the table that do not come from the file.

    Returns:
        The rows; optional columns that the file lacks are null.

    Raises:
        CapshockError: of the type given, naming the file, and the columns that are missing or hold
            text where numbers belong.
    """
    columns = {c.name: c for c in model.columns() if c.name not in leave_out}
    try:
        if path.suffix == ".csv":
            rows = pl.scan_csv(path, infer_schema=False)
        else:
            rows = pl.scan_parquet(path)
        found = rows.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as reason:
        raise _unreadable(path, reason, error) from reason
    absent = [name for name in columns if name not in found]
    missing = sorted(name for name in absent if not columns[name].is_optional)
    if missing:
        raise error(
            f"{path}: column {', '.join(missing)} is missing; found {', '.join(found)}",
            f"Add or rename the column. {CONTRACT}",
        )
    if path.suffix == ".parquet":
        for name, column in columns.items():
            if found.get(name) == pl.String and column.dtype.is_numeric():
                raise error(
                    f"{path}: column {name} holds text, expected {column.dtype}",
                    f"Write the column as numbers. {CONTRACT}",
                )
    return rows.with_columns(pl.lit(None, columns[name].dtype).alias(name) for name in absent)


def collect(path: Path, rows: pl.LazyFrame, error: type[CapshockError]) -> pl.DataFrame:
    """Read what was scanned.

    Raises:
        CapshockError: of the type given, if the file is cut off or damaged.
    """
    try:
        return rows.collect()
    except (pl.exceptions.PolarsError, OSError) as reason:
        raise _unreadable(path, reason, error) from reason


def _unreadable(path: Path, reason: Exception, error: type[CapshockError]) -> CapshockError:
    said = str(reason).splitlines()[0] if str(reason) else type(reason).__name__
    return error(
        f"{path}: cannot be read ({path.stat().st_size} bytes): {said}",
        f"The file is empty, cut off or damaged: deliver it again. {CONTRACT}",
    )
