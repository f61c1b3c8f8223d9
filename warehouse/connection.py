"""The one place that opens a DuckDB file.

Light to import: a command that only reads the published file needs no table models.
"""

import re
import time
from pathlib import Path

import duckdb

from warehouse.errors import WarehouseError, WarehouseLocked

SCHEMA_VERSION = 6
"""Rises with every change to the shape of a table: files of another version are refused."""


def connect(
    path: Path, wait_seconds: float = 0.0, *, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, waiting for another process to let go of it.

    Raises:
        WarehouseLocked: after ``wait_seconds``, naming the process that holds the file.
        WarehouseError: if the file is missing (read only) or is no DuckDB file.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            if "Could not set lock" not in str(error):
                raise WarehouseError(
                    f"{path}: cannot open the database: {error}",
                    "Check the path and that the file is a DuckDB database.",
                ) from error
            if time.monotonic() >= deadline:
                held = re.search(r"held in (.+?) by|held in (.+?)\. ", str(error))
                holder = next((g for g in held.groups() if g), "") if held else str(error)
                raise WarehouseLocked(
                    f"{path}: another process has the database open: {holder}",
                    "Close that session (read the published file instead of the private one) and "
                    "run again. Nothing was written.",
                ) from error
            time.sleep(0.1)


def open_published(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a warehouse file for reading.

    Raises:
        WarehouseError: if there is no such file, or it is not one that this version of capshock
            wrote.
    """
    if not path.exists():
        raise WarehouseError(f"{path}: there is no published file", "Run `capshock run` first.")
    connection = connect(path, read_only=True)
    try:
        found = connection.execute("SELECT max(schema_version) FROM ops.schema_version").fetchall()
    except duckdb.Error as error:
        connection.close()
        raise WarehouseError(
            f"{path}: this is no warehouse of capshock: {str(error).splitlines()[0]}",
            "Point CAPSHOCK_WAREHOUSE at the file that `capshock run` publishes.",
        ) from error
    if found[0][0] != SCHEMA_VERSION:
        connection.close()
        raise WarehouseError(
            f"{path}: published with tables of layout {found[0][0]}, this version reads "
            f"{SCHEMA_VERSION}",
            "Run `capshock run` to publish it anew.",
        )
    return connection
