"""The one reader: whoever asks the published tables, or tables in memory, asks through it.

Light to import: a command that only reads needs no table models.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.connection import PUBLISH_ANEW, damage_told, open_published
from warehouse.ddl import qualified

if TYPE_CHECKING:
    import duckdb
    import polars as pl


class Reader:
    """Questions in SQL to a database that has the tables and macros of a warehouse.

    Args:
        connection: the published file, or tables in memory.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a query to its end and return its rows by column name.

        Args:
            query: SQL; ``$name`` stands for the parameter of that name.
            **parameters: their values.
        """
        found = self._connection.execute(query, parameters)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def frame(self, query: str, **parameters: Any) -> pl.DataFrame:
        """Run a query and return what it gives as a frame; arguments are those of ``rows``."""
        frame: pl.DataFrame = self._connection.sql(query, params=parameters or None).pl()
        return frame

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(self.value(f"SELECT count(*) FROM {qualified(table)}"))

    def value(self, query: str, **parameters: Any) -> Any:
        """Return the first column of the first row that a query gives; None without any."""
        found = self._connection.execute(query, parameters).fetchall()
        return found[0][0] if found else None


@contextmanager
def read_published(path: Path) -> Iterator[Reader]:
    """Open the published file for reading.

    Raises:
        WarehouseDamaged: if the file is cut short or not as it was written; also from within, where
            a query is the first to find it.
        WarehouseError: if there is no such file, or it is not one that this version of capshock
            wrote.
    """
    with open_published(path) as connection, damage_told(path, PUBLISH_ANEW):
        yield Reader(connection)
