"""What the tables of ``ref`` share: a file of the reference folder, read whole.

A wrong row stops the table; it is the house's own. Unlike a delivery from outside, a reference file
is written by hand: it is mended, not quarantined.
"""

from pathlib import Path

import polars as pl

from warehouse.errors import ReferenceDataError
from warehouse.schemas import Table
from warehouse.validation import pass_gate

KINDS = frozenset({"csv", "duckdb"})
"""Technologies of a table that is read from a file, for the UI."""


def read_reference(folder: Path, name: str, model: type[Table], *, optional: bool) -> pl.DataFrame:
    """Read a CSV file of the reference folder.

    Args:
        folder: the reference folder.
        name: file name without ending.
        model: the table that the file feeds.
        optional: whether a missing file means no rows.

    Raises:
        ReferenceDataError: naming the file, the columns or rows that are wrong, and why.
    """
    path = folder / f"{name}.csv"
    if not path.is_file():
        if optional and folder.is_dir():
            return model.no_rows()
        raise ReferenceDataError(
            f"{path}: the reference file is missing",
            "Put it there, or set CAPSHOCK_REFERENCE_DIR.",
        )
    try:
        rows = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ReferenceDataError(
            f"{path}: cannot be read: {str(error).splitlines()[0]}", "Mend or restore the file."
        ) from error
    absent = [name for name in model.optional_names() if name not in rows.columns]
    rows = rows.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    missing = sorted(set(model.names()) - set(rows.columns))
    if missing:
        raise ReferenceDataError(
            f"{path}: column {', '.join(missing)} is missing; found {', '.join(rows.columns)}",
            "Add or rename the column.",
        )
    gated = pass_gate(rows, model)
    if gated.quarantined.height:
        shown = gated.quarantined.head(5)
        lines = [
            f"{reason} in {row}" for reason, row in shown.select("reason", "rejected_row").rows()
        ]
        raise ReferenceDataError(
            f"{path}: {gated.quarantined.height} wrong rows: " + "; ".join(lines),
            "Mend these rows.",
        )
    return gated.passed.sort(model.key())
