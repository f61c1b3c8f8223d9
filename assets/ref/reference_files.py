"""What the tables of ``ref`` share: a file of the reference folder, read whole.

A wrong row stops the table; it is the house's own. Unlike a delivery from outside, a reference file
is written by hand: it is mended, not quarantined.
"""

from pathlib import Path

import polars as pl

from assets.sources.tables_in_files import collect, find, scan
from warehouse.errors import ReferenceDataError, SourceError
from warehouse.schemas import Table
from warehouse.validation import pass_gate

KINDS = frozenset({"csv", "duckdb"})
"""Technologies of a table that is read from a file, for the UI."""


def read_reference(folder: Path, name: str, model: type[Table], *, optional: bool) -> pl.DataFrame:
    """Read a file of the reference folder.

    Args:
        folder: the reference folder.
        name: file name without ending: ``<name>.csv``, or ``<name>.parquet`` for what is long.
        model: the table that the file feeds.
        optional: whether a missing file means no rows.

    Raises:
        ReferenceDataError: naming the file, the columns or rows that are wrong, and why.
    """
    path = find(folder, name, ReferenceDataError)
    if path is None:
        if optional and folder.is_dir():
            return model.no_rows()
        raise ReferenceDataError(
            f"{folder / name}.csv: the reference file is missing",
            "Put it there, or set CAPSHOCK_REFERENCE_DIR.",
        )
    rows = collect(path, scan(path, model, ReferenceDataError), ReferenceDataError)
    try:
        gated = pass_gate(rows, model)
    except SourceError as error:
        raise ReferenceDataError(f"{path}: {error.what}", error.next_step) from error
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
