"""``ref.symbol_changes``: which companies changed their names, and what names stand for since."""

from datetime import date
from pathlib import Path

import polars as pl

from assets.market import calendar
from assets.market.names import Names, names_of, with_taken_back
from assets.ref.gone import before, gone, told
from assets.ref.reference_files import KINDS, read_reference
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.errors import ReferenceDataError
from warehouse.landing import Landing
from warehouse.schemas import Table, ref
from warehouse.schemas.raw import DELIVERED


def check_changes(changes: pl.DataFrame) -> pl.DataFrame:
    """Return the changes if each one is one, on a session.

    Raises:
        ReferenceDataError: naming those for which that is not so.
    """
    named = ["old_symbol", "new_symbol", "first_session"]

    def said(rows: pl.DataFrame) -> str:
        return ", ".join(f"{old} to {new} on {day}" for old, new, day in rows.select(named).rows())

    none = changes.filter(pl.col("old_symbol") == pl.col("new_symbol"))
    if none.height:
        raise ReferenceDataError(
            f"symbol_changes: no change of name: {said(none)}", "Take the rows out, or mend them."
        )
    off = changes.filter(~pl.col("first_session").is_in(calendar.sessions()))
    if off.height:
        raise ReferenceDataError(
            f"symbol_changes: first_session is not a session of the exchange: {said(off)}",
            "Name the first session that trades under the new name.",
        )
    return changes


def read_changes(folder: Path) -> pl.DataFrame:
    """Read ``symbol_changes`` of the reference folder, if there is one.

    Raises:
        ReferenceDataError: if the file is not what it should be.
    """
    return check_changes(read_reference(folder, "symbol_changes", ref.SymbolChanges, optional=True))


def names_in_force(changes: pl.DataFrame, securities: pl.DataFrame, inputs: Inputs) -> Names:
    """Return what names of lines stand for.

    Args:
        changes: ``ref.symbol_changes``.
        securities: ``ref.securities``.
        inputs: the lines that are refused: they have names too.
    """
    before = inputs.published_changes
    if changes.is_empty() and before.is_empty():
        return Names()
    columns = ["symbol", "listed_from"]
    refused = inputs.refused_lines().select("symbol", listed_from=pl.lit(None, pl.Date))
    lines = pl.concat([securities.select(columns), refused])
    return with_taken_back(names_of(changes, lines), before, changes, lines)


def read_under_present_names(
    folder: Path, name: str, model: type[Table], names: Names, *, optional: bool
) -> pl.DataFrame:
    """Read a file of the reference folder whose rows speak of lines on a date.

    Arguments and errors are those of ``read_reference``.

    Raises:
        ReferenceDataError: also if two rows speak of one line, under two of its names.
    """
    rows = read_reference(folder, name, model, optional=optional)
    day = str(model.date_of_key())
    renamed = names.present(rows, "symbol", pl.col(day))
    twice = renamed.filter(pl.struct(model.key()).is_duplicated(), pl.col(DELIVERED).is_not_null())
    if twice.height:
        both = twice.select(DELIVERED, "symbol", day).rows()
        raise ReferenceDataError(
            f"{name}: rows of one line under two of its names: "
            + ", ".join(f"{old} and {new}, {on}" for old, new, on in both),
            "Keep one of them.",
        )
    return renamed.drop(DELIVERED).sort(model.key())


@table_asset(ref.SymbolChanges, kinds=KINDS)
def symbol_changes(inputs: Inputs) -> Landing:
    """Read ``symbol_changes.csv``, if there is one."""
    rows = read_changes(inputs.reference())

    def say(old_symbol: str, new_symbol: str, first_session: date, **_: str) -> str:
        return (
            f"symbol_changes: {old_symbol} to {new_symbol} on {first_session} is gone: "
            f"{old_symbol} stands for itself again."
        )

    lacking = gone(before(inputs, ref.SymbolChanges), rows, ref.SymbolChanges.key())
    return Landing(rows, notes=told(lacking, say))
