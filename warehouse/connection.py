"""The one place that opens a DuckDB file.

Light to import: a command that only reads the published file needs no table models.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse.errors import WarehouseDamaged, WarehouseError, WarehouseLocked

SCHEMA_VERSION = 9
"""Rises with every change to the shape of a table, or of what a macro gives.

Files of another version are refused.
"""

GROWS_FROM = 7
"""Private databases from this layout on lack but tables and nullable columns: these are made."""

PUBLISH_ANEW = "Run `capshock run`: it publishes the file anew."
"""The way out where a published file is not what it should be."""

_DAMAGE = (
    "Corrupt database file",
    "Could not read enough bytes",
    "is not a valid DuckDB database file",
)
"""What DuckDB says of a file that is cut short or has other bytes than were written."""

_NO_WAY_IN = ("Permission denied", "Read-only file system", "Operation not permitted")

_HEADERS_BYTES = 3 * 4096
"""What a DuckDB file has before its first block."""

_SQLITE = b"SQLite format 3\0"


def connect(
    path: Path | None, wait_seconds: float = 0.0, *, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, waiting for another process to let go of it.

    Args:
        path: the file, made where there is none; None: a database in memory.
        wait_seconds: how long to wait.
        read_only: change nothing; the file must be there.

    Raises:
        WarehouseLocked: after ``wait_seconds``, naming the process that holds the file.
        WarehouseDamaged: if the file is cut short, or not as it was written.
        WarehouseError: if the file is missing (read only), or cannot be opened.
    """
    if path is not None and _starts_as_sqlite(path):
        # DuckDB would fetch an extension from the internet to read it.
        raise WarehouseError(
            f"{path}: this is a database of SQLite, not of capshock",
            "Point CAPSHOCK_WAREHOUSE somewhere else, or move the file away.",
        )
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return duckdb.connect(":memory:" if path is None else str(path), read_only=read_only)
        except duckdb.Error as error:
            if is_damage(error):
                raise damaged(path, error, PUBLISH_ANEW) from error
            if "Could not set lock" not in str(error):
                raise WarehouseError(
                    f"{path}: cannot open the database: {first_line(error)}",
                    "Make it readable and writable, or point CAPSHOCK_WAREHOUSE somewhere else."
                    if any(said in str(error) for said in _NO_WAY_IN)
                    else "Check the path and that the file is a DuckDB database.",
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
        WarehouseDamaged: if the file is cut short, or not as it was written.
        WarehouseError: if there is no such file, or it is not one that this version of capshock
            wrote.
    """
    try:
        is_there = path.exists()
    except OSError as error:
        raise WarehouseError(
            f"{path}: cannot look for the published file: {error.strerror}",
            "Check CAPSHOCK_WAREHOUSE.",
        ) from error
    if not is_there:
        raise WarehouseError(f"{path}: there is no published file", "Run `capshock run` first.")
    connection = connect(path, read_only=True)
    try:
        found = connection.execute("SELECT max(schema_version) FROM ops.schema_version").fetchall()
    except duckdb.Error as error:
        connection.close()
        if is_damage(error):
            raise damaged(path, error, PUBLISH_ANEW) from error
        raise WarehouseError(
            f"{path}: this is no warehouse of capshock: {first_line(error)}",
            "Point CAPSHOCK_WAREHOUSE at the file that `capshock run` publishes.",
        ) from error
    try:
        require_whole(connection, path, PUBLISH_ANEW)
    except WarehouseDamaged:
        connection.close()
        raise
    if found[0][0] != SCHEMA_VERSION:
        connection.close()
        raise WarehouseError(
            f"{path}: published with tables of layout {found[0][0]}, this version reads "
            f"{SCHEMA_VERSION}",
            "Run `capshock run` to publish it anew.",
        )
    return connection


def require_whole(connection: duckdb.DuckDBPyConnection, path: Path, way_out: str) -> None:
    """Find a file that was cut short: DuckDB finds it when it comes to a missing block.

    Raises:
        WarehouseDamaged: if the file lacks blocks that are in use.
    """
    sizes = (
        "SELECT used_blocks, total_blocks, block_size FROM pragma_database_size() "
        "WHERE database_name = current_database()"
    )
    used, known, block_bytes = connection.execute(sizes).fetchall()[0]
    found = path.stat().st_size
    whole, part = divmod(found - _HEADERS_BYTES, block_bytes)
    # Free blocks at its end need not be there, but for a part of one: that was cut. Beyond the
    # blocks it knows lies what a write left that did not come to its end.
    least = whole + 1 if part and whole < known else used
    wanted = _HEADERS_BYTES + max(used, least) * block_bytes
    if found < wanted:
        raise WarehouseDamaged(
            f"{path}: the file is damaged: it has {found:,} of {wanted:,} bytes", way_out
        )


def is_damage(error: duckdb.Error) -> bool:
    """Tell whether DuckDB found a file that is not as it was written."""
    return any(said in str(error) for said in _DAMAGE)


def damaged(path: Path | str | None, error: duckdb.Error, way_out: str) -> WarehouseDamaged:
    """Return the error that says which file is damaged, and what to do."""
    return WarehouseDamaged(f"{path}: the file is damaged: {first_line(error)}", way_out)


def first_line(error: Exception) -> str:
    """Return what an error says, without what DuckDB adds for those who mend DuckDB."""
    return str(error).splitlines()[0]


@contextmanager
def damage_told(path: Path | str, way_out: str) -> Iterator[None]:
    """Say which file it was where a query finds it damaged; DuckDB reads blocks when asked.

    Raises:
        WarehouseDamaged: naming the file and the way out.
    """
    try:
        yield
    except duckdb.Error as error:
        if is_damage(error):
            raise damaged(path, error, way_out) from error
        raise


def _starts_as_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False
