"""What a table asset hands over, and how it is written: one window, one transaction.

Rows that stand already are left alone, so that they keep their provenance and running again changes
nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import duckdb
import polars as pl

from warehouse import ddl
from warehouse.errors import CapshockError
from warehouse.schemas import Table, ops
from warehouse.schemas.raw import DELIVERED
from warehouse.validation import QUARANTINE_SCHEMA, validate


@dataclass(frozen=True)
class Window:
    """The rows that a write replaces: those whose date lies between two dates."""

    column: str
    first: date
    last: date

    def predicate(self) -> str:
        """Return the window as an SQL condition."""
        return f"{ddl.quoted(self.column)} BETWEEN DATE '{self.first}' AND DATE '{self.last}'"


@dataclass(frozen=True)
class Landing:
    """What a table asset hands over: rows, and what came of the rows that are not among them.

    Attributes:
        rows: all rows of the window, in the shape of the table's model.
        window: what the rows replace; None: the whole table.
        keeps_absent: whether rows of the window that are not among these stay.
        withdrawn: landed rows that go all the same, by what states them (``Table.stated_by``).
        names: what the names of lines stand for (name, first, last, symbol), which landed rows
            follow; None: they stay as they are.
        quarantined: rows the table's gate refused (``validation.QUARANTINE_SCHEMA``); None: the
            table has no gate.
        quarantine_is_complete: whether the gate saw all rows there are, and not only the window's.
        outcomes: what was asked of the source (``ops.ingest_outcomes`` without run_id), if any.
        scanned: response_id of the content from which the window was read, if any.
        notes: what a person should hear about, in sentences.
        rests_on: what the rows follow from beside the tables that they are made from, each as
            ``name#hash``: where none of all that has changed, they need not be made again. Empty:
            they are made anew each time.
        lacks: what lacks of it, where another try may bring that before this lands; None: nothing.
        metadata: numbers for the UI.
    """

    rows: pl.DataFrame
    window: Window | None = None
    keeps_absent: bool = False
    withdrawn: pl.DataFrame | None = None
    names: pl.DataFrame | None = None
    quarantined: pl.DataFrame | None = None
    quarantine_is_complete: bool = True
    outcomes: pl.DataFrame | None = None
    scanned: str | None = None
    notes: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()
    lacks: CapshockError | None = None
    metadata: dict[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """What a table asset hands over where nothing has changed that its rows follow from.

    Attributes:
        rows: how many stand.
    """

    rows: int


@dataclass(frozen=True)
class Changes:
    """What a write did to a table."""

    inserted: int
    updated: int
    deleted: int
    rows: int

    @property
    def any(self) -> bool:
        """Tell whether any value changed."""
        return bool(self.inserted or self.updated or self.deleted)


@dataclass(frozen=True)
class Write:
    """One write of one table: an open transaction, and who writes when."""

    connection: duckdb.DuckDBPyConnection
    model: type[Table]
    run_id: str
    now: datetime


def land(write: Write, landing: Landing, inputs: tuple[str, ...]) -> Changes:
    """Write rows, quarantine and outcomes, and note what the table was built from.

    Must run inside a transaction, which the caller commits.
    """
    renamed = 0
    if landing.names is not None and landing.names.height:
        renamed = rename_landed(write, landing.names)
    changes = replace_window(
        write.connection,
        write.model,
        landing.rows,
        landing.window,
        keeps_absent=landing.keeps_absent,
        withdrawn=landing.withdrawn,
    )
    changes = replace(changes, updated=changes.updated + renamed)
    if landing.quarantined is not None:
        seen = None if landing.quarantine_is_complete else landing.window
        _replace_quarantine(write, landing.quarantined, seen, keeps_absent=landing.keeps_absent)
    if landing.outcomes is not None:
        append_outcomes(write, landing.outcomes)
    if landing.scanned is not None and landing.window is not None:
        _note_scan(write, landing.scanned, landing.window)
    _note_version(write, changes, inputs, landing.rests_on)
    return changes


def replace_window(  # noqa: PLR0913 - as many sides as it has
    connection: duckdb.DuckDBPyConnection,
    model: type[Table],
    frame: pl.DataFrame,
    window: Window | None = None,
    *,
    keeps_absent: bool = False,
    withdrawn: pl.DataFrame | None = None,
) -> Changes:
    """Make the window of a table equal to a frame, touching only rows that differ.

    Rows whose values stand already keep their provenance. Must run inside a transaction.

    Args:
        connection: an open transaction.
        model: the table.
        frame: all rows of the window.
        window: what to replace; None: the whole table.
        keeps_absent: whether rows that the frame lacks stay, but for those of a statement that it
            has: the frame has all rows of a statement.
        withdrawn: statements of which no row stays (columns of ``stated_by``); None: none.

    Raises:
        ValueError: if the frame has rows outside the window.
    """
    if window is not None:
        outside = frame.filter(~pl.col(window.column).is_between(window.first, window.last))
        if outside.height:
            raise ValueError(f"{model.table()}: {outside.height} rows outside {window}")
    table = ddl.qualified(model.table())
    within = window.predicate() if window else "true"
    same_key = _all_equal(model.key())
    same_row = _all_equal(model.value_names())
    has_successor = f"EXISTS (SELECT 1 FROM incoming WHERE {same_key})"
    is_restated = f"EXISTS (SELECT 1 FROM incoming WHERE {_all_equal(model.stated_by())})"
    may_go = is_restated if keeps_absent else "true"
    if withdrawn is not None and withdrawn.height:
        may_go = f"({may_go} OR {_is_one_of(withdrawn.select(model.stated_by()))})"
    outdated = (
        f"FROM {table} AS stored WHERE {within} AND {may_go} "
        f"AND NOT EXISTS (SELECT 1 FROM incoming WHERE {same_row})"
    )
    with _incoming(connection, frame.select(model.names())):
        updated = _count(connection, f"{outdated} AND {has_successor}")
        removed = _count(connection, outdated)
        if removed:
            run_statement(connection, f"DELETE {outdated}")
        before = _count(connection, f"FROM {table}")
        run_statement(
            connection,
            f"INSERT INTO {table} BY NAME SELECT * FROM incoming "
            f"WHERE NOT EXISTS (SELECT 1 FROM {table} AS stored WHERE {within} AND {same_key}) "
            f"ORDER BY {column_list(model.key())}",
        )
        rows = _count(connection, f"FROM {table}")
    return Changes(
        inserted=rows - before - updated, updated=updated, deleted=removed - updated, rows=rows
    )


READ_WHOLE = "files"
"""The source whose rows name lines as they were called on the row's date; others, as of asking."""


def rename_landed(write: Write, names: pl.DataFrame) -> int:
    """Put landed rows, and refused ones, under the names that their lines have now.

    A row that has landed under the present name already is kept, and the renamed one goes.

    Args:
        write: the table, and its transaction.
        names: name, first, last, symbol.

    Returns:
        How many rows stood under another name.
    """
    connection = write.connection
    table, day = ddl.qualified(write.model.table()), ddl.quoted(str(write.model.date_of_key()))
    # Of what is not renamed nothing is written.
    matches = (
        f"coalesce(stored.{DELIVERED}, stored.symbol) = incoming.name "
        f"AND CASE WHEN stored.source = {ddl.literal(READ_WHOLE)} THEN stored.{day} "
        "ELSE CAST(stored.fetched_at AS DATE) END BETWEEN incoming.first AND incoming.last "
        "AND stored.symbol <> incoming.symbol"
    )
    same = " AND ".join(
        f"kept.{ddl.quoted(n)} IS NOT DISTINCT FROM moved.{ddl.quoted(n)}"
        for n in write.model.stated_by()
    )
    with _incoming(connection, names):
        count = _count(connection, f"FROM {table} AS stored, incoming WHERE {matches}")
        if count:
            run_statement(
                connection,
                f"CREATE TEMP TABLE moved AS SELECT stored.* REPLACE (incoming.symbol AS symbol, "
                f"nullif(incoming.name, incoming.symbol) AS {DELIVERED}) "
                f"FROM {table} AS stored, incoming WHERE {matches}",
            )
            run_statement(
                connection, f"DELETE FROM {table} AS stored USING incoming WHERE {matches}"
            )
            run_statement(
                connection,
                f"INSERT INTO {table} BY NAME SELECT * FROM moved "
                f"WHERE NOT EXISTS (SELECT 1 FROM {table} AS kept WHERE {same}) "
                f"QUALIFY row_number() OVER (PARTITION BY {column_list(write.model.key())} "
                "ORDER BY fetched_at DESC) = 1",
            )
            run_statement(connection, "DROP TABLE moved")
        run_statement(
            connection,
            "UPDATE ops.quarantine AS stored SET symbol = incoming.symbol FROM incoming "
            f"WHERE stored.source_table = {ddl.literal(write.model.table())} "
            "AND stored.symbol = incoming.name AND stored.symbol <> incoming.symbol "
            "AND stored.row_date BETWEEN incoming.first AND incoming.last",
        )
    return count


def _replace_quarantine(
    write: Write, quarantined: pl.DataFrame, window: Window | None, *, keeps_absent: bool = False
) -> None:
    """Bring the table's quarantine up to date: new rows in, those no longer refused resolved.

    Where absent rows mean nothing (keeps_absent), a refused row is resolved by one that has landed
    under its key.

    Raises:
        TableInvalid: if a row breaks the model, such as a status that is none.
    """
    if quarantined.height:
        now = pl.lit(write.now, dtype=ops.Quarantine.polars_schema()["first_seen_at"])
        refused = quarantined.with_columns(first_seen_at=now, run_id=pl.lit(write.run_id))
        validate(refused.select(ops.Quarantine.names()), ops.Quarantine)
    this_table = f"stored.source_table = {ddl.literal(write.model.table())}"
    within = (
        f"(stored.row_date IS NULL OR stored.row_date BETWEEN DATE '{window.first}' "
        f"AND DATE '{window.last}')"
        if window
        else "true"
    )
    if keeps_absent:
        symbol, day = (ddl.quoted(name) for name in write.model.stated_by())
        within += (
            f" AND EXISTS (SELECT 1 FROM {ddl.qualified(write.model.table())} AS landed "
            f"WHERE landed.{symbol} = stored.symbol AND landed.{day} = stored.row_date)"
        )
    same_row = "incoming.rejected_row = stored.rejected_row"
    with _incoming(write.connection, quarantined.select(QUARANTINE_SCHEMA.names())):
        run_statement(
            write.connection,
            "UPDATE ops.quarantine AS stored SET status = 'resolved' "
            f"WHERE {this_table} AND {within} "
            f"AND NOT EXISTS (SELECT 1 FROM incoming WHERE {same_row})",
        )
        run_statement(
            write.connection,
            "UPDATE ops.quarantine AS stored SET rules = incoming.rules, "
            "reason = incoming.reason, occurrences = incoming.occurrences, "
            f"status = incoming.status FROM incoming WHERE {this_table} AND {same_row}",
        )
        run_statement(
            write.connection,
            "INSERT INTO ops.quarantine BY NAME "
            "SELECT *, $now AS first_seen_at, $run_id AS run_id FROM incoming WHERE NOT EXISTS "
            f"(SELECT 1 FROM ops.quarantine AS stored WHERE {this_table} AND {same_row})",
            {"now": write.now, "run_id": write.run_id},
        )


def append(connection: duckdb.DuckDBPyConnection, model: type[Table], rows: pl.DataFrame) -> None:
    """Add rows to a table. Must run inside a transaction."""
    with _incoming(connection, rows.select(model.names())):
        run_statement(
            connection,
            f"INSERT INTO {ddl.qualified(model.table())} BY NAME SELECT * FROM incoming",
        )


def take_out(write: Write, column: str, value: str) -> None:
    """Delete the rows of a table that have a value in a column; its refused rows are settled.

    Must run inside a transaction.
    """
    of_it = f"FROM {ddl.qualified(write.model.table())} WHERE {ddl.quoted(column)} = $value"
    connection, name = write.connection, write.model.table()
    if run_statement(connection, f"SELECT count(*) {of_it}", {"value": value})[0][0]:
        run_statement(connection, f"DELETE {of_it}", {"value": value})
        run_statement(
            connection,
            "UPDATE ops.table_versions SET version = version + 1, changed_at = $now, "
            "run_id = $run_id WHERE table_name = $name",
            {"now": write.now, "run_id": write.run_id, "name": name},
        )
    run_statement(
        connection,
        "UPDATE ops.quarantine SET status = 'resolved' WHERE source_table = $name "
        "AND symbol = $value",
        {"name": name, "value": value},
    )


def append_outcomes(write: Write, outcomes: pl.DataFrame) -> None:
    """Write what came of each symbol, in place of what the run had written of the datasets.

    Raises:
        TableInvalid: if a row breaks the model, such as an outcome that is none.
    """
    datasets = outcomes["dataset"].unique().to_list()
    run_statement(
        write.connection,
        "DELETE FROM ops.ingest_outcomes WHERE run_id = ? AND list_contains(?, dataset)",
        [write.run_id, datasets],
    )
    rows = outcomes.with_columns(run_id=pl.lit(write.run_id)).select(ops.IngestOutcomes.names())
    validate(rows, ops.IngestOutcomes)
    with _incoming(write.connection, rows):
        run_statement(
            write.connection, "INSERT INTO ops.ingest_outcomes BY NAME SELECT * FROM incoming"
        )


def _note_scan(write: Write, response_id: str, window: Window) -> None:
    """Note that a window of some content has been read; windows of other content are forgotten."""
    read = {
        "dataset": write.model.table().split(".")[1],
        "response_id": response_id,
        "first": window.first,
        "last": window.last,
    }
    run_statement(
        write.connection,
        "DELETE FROM ops.scans WHERE dataset = $dataset AND (response_id <> $response_id "
        "OR (first_session >= $first AND last_session <= $last))",
        read,
    )
    run_statement(
        write.connection,
        "INSERT INTO ops.scans BY NAME SELECT $dataset AS dataset, $response_id AS response_id, "
        "$first AS first_session, $last AS last_session WHERE NOT EXISTS (SELECT 1 FROM ops.scans "
        "WHERE dataset = $dataset AND first_session <= $first AND last_session >= $last)",
        read,
    )


def _note_version(
    write: Write, changes: Changes, inputs: tuple[str, ...], rests_on: tuple[str, ...]
) -> None:
    versions: dict[str, int] = dict(
        run_statement(write.connection, "SELECT table_name, version FROM ops.table_versions")
    )
    built_from = [*(f"{name}@{versions.get(name, 0)}" for name in inputs), *rests_on]
    name = write.model.table()
    if name not in versions:
        run_statement(
            write.connection,
            "INSERT INTO ops.table_versions VALUES (?, 1, ?, ?, ?)",
            [name, built_from, write.now, write.run_id],
        )
        return
    run_statement(
        write.connection,
        "UPDATE ops.table_versions SET built_from = ? WHERE table_name = ?",
        [built_from, name],
    )
    if changes.any:
        run_statement(
            write.connection,
            "UPDATE ops.table_versions SET version = version + 1, changed_at = ?, run_id = ? "
            "WHERE table_name = ?",
            [write.now, write.run_id, name],
        )


def run_statement(
    connection: duckdb.DuckDBPyConnection, statement: str, parameters: Any = None
) -> list[tuple[Any, ...]]:
    """Run a statement to its end: DuckDB 2 refuses further work beside an unfinished result."""
    return connection.execute(statement, parameters).fetchall()


@contextmanager
def _incoming(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame) -> Iterator[None]:
    """Let statements read a frame as the relation ``incoming``."""
    connection.register("incoming", frame.to_arrow())
    yield
    # Not after an error: the transaction is aborted then, and the connection about to be closed.
    connection.unregister("incoming")


def column_list(names: list[str] | tuple[str, ...]) -> str:
    """Quote column names and join them, for SQL."""
    return ", ".join(ddl.quoted(name) for name in names)


def _is_one_of(statements: pl.DataFrame) -> str:
    """Return the condition that a stored row is of one of some statements."""
    return " OR ".join(
        "("
        + " AND ".join(
            f"stored.{ddl.quoted(name)} = {ddl.literal(str(value))}" for name, value in row.items()
        )
        + ")"
        for row in statements.iter_rows(named=True)
    )


def _all_equal(names: list[str] | tuple[str, ...]) -> str:
    return " AND ".join(
        f"incoming.{ddl.quoted(n)} IS NOT DISTINCT FROM stored.{ddl.quoted(n)}" for n in names
    )


def _count(connection: duckdb.DuckDBPyConnection, from_clause: str) -> int:
    return int(run_statement(connection, f"SELECT count(*) {from_clause}")[0][0])
