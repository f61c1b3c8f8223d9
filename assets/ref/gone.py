"""What has gone from a reference file since it was read last: told, or refused, never silent.

A line or an index with a history is refused: its numbers have been published. What else goes is
said in a sentence, with what holds instead.
"""

from collections.abc import Callable, Iterable, Sequence

import polars as pl

from assets.market.names import FOR_EVER, Names
from assets.resources import Inputs
from warehouse.errors import ReferenceDataError
from warehouse.schemas import Table

NAMED = 8
"""As many are named in a sentence."""


def some(named: Sequence[str]) -> str:
    """Name the first of many."""
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return ", ".join(named[:NAMED]) + more


def before(inputs: Inputs, model: type[Table], names: Names | None = None) -> pl.DataFrame:
    """Return what a reference table held until now, its lines under the names of now.

    Args:
        inputs: what has landed.
        model: the table.
        names: what names of lines stand for; None: the table has no lines.
    """
    landed = inputs.landed(model)
    if names is None:
        return landed
    return names.of_landed().present(landed, "symbol", pl.lit(FOR_EVER)).select(landed.columns)


def gone(held: pl.DataFrame, rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return the rows that were held and have no row of their key any more, sorted.

    Args:
        held: the table until now.
        rows: the table as it is read.
        by: the columns that tell rows apart.
    """
    return held.join(rows, on=by, how="anti", nulls_equal=True).sort(by)


def told(rows: pl.DataFrame, say: Callable[..., str]) -> tuple[str, ...]:
    """Return a sentence for each row, by its values; a few for many rows."""
    said = [say(**row) for row in rows.head(NAMED).iter_rows(named=True)]
    more = rows.height - NAMED
    return (*said, *([f"and {more} more like the last."] if more > 0 else []))


def refuse_gone(
    inputs: Inputs, before: Iterable[str], now: Iterable[str], file: str, ways_out: str
) -> None:
    """Refuse a file that lacks a line or an index of which something has landed.

    Args:
        inputs: what has landed.
        before: symbols of the table until now.
        now: symbols of the file.
        file: its name.
        ways_out: what to do; {} stands for the symbol.

    Raises:
        ReferenceDataError: naming them, how much would go, and the ways out.
    """
    lacking = sorted(set(before) - set(now))
    if not lacking:
        return
    landed = inputs.landed_of(lacking)
    bars = landed.filter(pl.col("table_name").is_in(["raw.prices", "raw.index_levels"]))
    of_each = dict(bars.select("symbol", "rows").iter_rows())
    with_history = [s for s in lacking if s in set(landed["symbol"])]
    if with_history:
        named = some([f"{s} ({of_each.get(s, 0)} bars)" for s in with_history])
        raise ReferenceDataError(
            f"{file}: gone from the file, with their history: {named}",
            ways_out.format(with_history[0]),
        )
