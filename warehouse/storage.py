"""Storage over DuckDB: connect, read, replace a window in one transaction, publish.

All SQL that touches a DuckDB file is in this package. Connections are short: DuckDB lets one
process write or many read, so nothing is held open between two steps.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse import ddl
from warehouse.connection import connect, open_published
from warehouse.errors import InconsistentChain, WarehouseError
from warehouse.lock import WriterLock
from warehouse.schemas import SCHEMA_VERSION, TABLES, Table, ops
from warehouse.validation import QUARANTINE_SCHEMA

STORAGE_VERSION = "v1.5.0"
"""Storage format of the published file: the DuckDB 1.5 that most users have opens it."""

_VOLATILE = ("fetched_at", "first_seen_at", "changed_at", "run_id")


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
        quarantined: rows the table's gate refused (``validation.QUARANTINE_SCHEMA``); None: the
            table has no gate.
        quarantine_is_complete: whether the gate saw all rows there are, and not only the window's.
        outcomes: what was asked of the source (``ops.ingest_outcomes`` without run_id), if any.
        scanned: response_id of the content from which the window was read, if any.
        notes: what a person should hear about, in sentences.
        metadata: numbers for the UI.
    """

    rows: pl.DataFrame
    window: Window | None = None
    quarantined: pl.DataFrame | None = None
    quarantine_is_complete: bool = True
    outcomes: pl.DataFrame | None = None
    scanned: str | None = None
    notes: tuple[str, ...] = ()
    metadata: dict[str, int | float | str] = field(default_factory=dict)


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


class Warehouse:
    """A published DuckDB file that readers open, and the private one that runs write.

    Args:
        published: path of the published file; the private one lies in ``.build`` beside it.
        wait_seconds: how long to wait for a lock that another process holds.
    """

    def __init__(self, published: Path, wait_seconds: float = 30.0) -> None:
        self.published = published
        self.folder = published.parent / ".build"
        self.private = self.folder / published.name
        self.wait_seconds = wait_seconds
        self.lock = WriterLock(self.folder)

    # --- connecting -----------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the private database, run one transaction, and close it.

        Commits at the end, rolls back on any error.

        Raises:
            WarehouseLocked: if another process keeps the file open.
            WarehouseError: if the file cannot be opened, or has another layout.
        """
        connection = self._connect()
        try:
            _run(connection, "BEGIN")
            yield connection
            _run(connection, "COMMIT")
        finally:
            # Closing rolls back whatever was not committed.
            connection.close()

    def read(self, table: str) -> pl.DataFrame:
        """Read a table of the private database in the order of its key.

        Raises:
            WarehouseError: if the table is not there.
        """
        model = TABLES[table]
        with self.transaction() as connection:
            frame: pl.DataFrame = connection.sql(
                f"SELECT * FROM {ddl.qualified(table)} ORDER BY {_list(model.key())}"
            ).pl()
        return frame.cast(model.polars_schema())

    def _connect(self) -> duckdb.DuckDBPyConnection:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseError(
                f"{self.folder}: cannot write the warehouse folder: {error}",
                "Make the folder writable, or point CAPSHOCK_WAREHOUSE somewhere else.",
            ) from error
        is_new = not self.private.exists()
        connection = connect(self.private, self.wait_seconds)
        try:
            if is_new:
                self._create(connection)
            self._check_layout(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self, connection: duckdb.DuckDBPyConnection) -> None:
        _run(connection, "BEGIN")
        for model in TABLES.values():
            for statement in ddl.statements(model):
                _run(connection, statement)
        _run(connection, "INSERT INTO ops.schema_version VALUES (?)", [SCHEMA_VERSION])
        _run(connection, "COMMIT")

    def _check_layout(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            version = _run(connection, "SELECT max(schema_version) FROM ops.schema_version")[0][0]
        except duckdb.CatalogException:
            # A process was killed before it had made the tables: there is nothing to lose.
            self._create(connection)
            return
        if version != SCHEMA_VERSION:
            raise WarehouseError(
                f"{self.private}: tables of layout {version}, this version writes {SCHEMA_VERSION}",
                f"Delete {self.folder} and run again: the tables are built anew from the source.",
            )

    # --- writing --------------------------------------------------------------------------------

    def land(
        self, model: type[Table], landing: Landing, inputs: tuple[str, ...], run_id: str
    ) -> Changes:
        """Write what an asset hands over: rows, quarantine and outcomes in one transaction.

        Args:
            model: the table.
            landing: rows of the window and what came of the rest.
            inputs: tables that the rows were made from.
            run_id: the run that writes.
        """
        now = datetime.now(UTC)
        with self.transaction() as connection:
            write = _Write(connection, model, run_id, now)
            changes = replace_window(connection, model, landing.rows, landing.window)
            if landing.quarantined is not None:
                seen = None if landing.quarantine_is_complete else landing.window
                _replace_quarantine(write, landing.quarantined, seen)
            if landing.outcomes is not None:
                _append_outcomes(write, landing.outcomes)
            if landing.scanned is not None and landing.window is not None:
                _note_scan(write, landing.scanned, landing.window)
            _note_version(write, changes, inputs)
        return changes

    # --- publishing -----------------------------------------------------------------------------

    def publish(self) -> int:
        """Copy the private database over the published file, in one step for its readers.

        The copy is compact, keeps comments, and has a storage format that older DuckDB command
        lines open. A reader's open session keeps the file it has; a new one sees the new file.

        Returns:
            Size of the published file in bytes.

        Raises:
            InconsistentChain: if a table is missing, or older than what it was made from.
            WarehouseError: if the file cannot be written.
        """
        self._require_consistent_chain()
        # Dead runs leave their half-written copies; this process is the one writer.
        for stale in self.folder.glob(f"{self.published.name}.*.publishing*"):
            stale.unlink(missing_ok=True)
        copy = self.folder / f"{self.published.name}.{os.getpid()}.publishing"
        try:
            with duckdb.connect() as connection:
                _run(connection, f"ATTACH {ddl.literal(str(self.private))} AS private (READ_ONLY)")
                _run(
                    connection,
                    f"ATTACH {ddl.literal(str(copy))} AS published "
                    f"(STORAGE_VERSION '{STORAGE_VERSION}')",
                )
                _run(connection, "COPY FROM DATABASE private TO published")
                _run(connection, "DETACH published")
            with copy.open("rb") as handle:
                os.fsync(handle.fileno())
            # A WAL that a reader's crashed session left would make the new file unreadable.
            self.published.with_name(self.published.name + ".wal").unlink(missing_ok=True)
            copy.replace(self.published)
        except (OSError, duckdb.Error) as error:
            raise WarehouseError(
                f"{self.published}: cannot publish: {error}",
                "The previous file is untouched. Make room or the folder writable; run again.",
            ) from error
        return self.published.stat().st_size

    def _require_consistent_chain(self) -> None:
        with self.transaction() as connection:
            rows = _run(
                connection, "SELECT table_name, version, built_from FROM ops.table_versions"
            )
        versions = {name: version for name, version, _ in rows}
        missing = [t for t in TABLES if t not in versions and not t.startswith("ops.")]
        outdated = [
            f"{name} was built from {used}, now {used.split('@')[0]}@{current}"
            for name, _, built_from in rows
            for used in built_from
            if (current := versions.get(used.split("@")[0])) != int(used.split("@")[1])
        ]
        if missing or outdated:
            said = [f"never materialised: {', '.join(missing)}"] if missing else []
            raise InconsistentChain(
                f"{self.private}: tables that do not belong together: "
                + "; ".join([*said, *outdated]),
                "Materialise these assets and what lies downstream of them, or run `capshock run`. "
                "The published file keeps the last complete state.",
            )


def replace_window(
    connection: duckdb.DuckDBPyConnection,
    model: type[Table],
    frame: pl.DataFrame,
    window: Window | None = None,
) -> Changes:
    """Make the window of a table equal to a frame, touching only rows that differ.

    Rows whose values stand already keep their provenance. Must run inside a transaction.

    Args:
        connection: an open transaction.
        model: the table.
        frame: all rows of the window.
        window: what to replace; None: the whole table.

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
    outdated = (
        f"FROM {table} AS stored WHERE {within} "
        f"AND NOT EXISTS (SELECT 1 FROM incoming WHERE {same_row})"
    )
    has_successor = f"EXISTS (SELECT 1 FROM incoming WHERE {same_key})"
    with _incoming(connection, frame.select(model.names())):
        updated = _count(connection, f"{outdated} AND {has_successor}")
        removed = _count(connection, outdated)
        if removed:
            _run(connection, f"DELETE {outdated}")
        before = _count(connection, f"FROM {table}")
        _run(
            connection,
            f"INSERT INTO {table} BY NAME SELECT * FROM incoming "
            f"WHERE NOT EXISTS (SELECT 1 FROM {table} AS stored WHERE {within} AND {same_key}) "
            f"ORDER BY {_list(model.key())}",
        )
        rows = _count(connection, f"FROM {table}")
    return Changes(
        inserted=rows - before - updated, updated=updated, deleted=removed - updated, rows=rows
    )


@dataclass(frozen=True)
class _Write:
    """One write of one table: an open transaction, and who writes when."""

    connection: duckdb.DuckDBPyConnection
    model: type[Table]
    run_id: str
    now: datetime


def _replace_quarantine(write: _Write, quarantined: pl.DataFrame, window: Window | None) -> None:
    """Bring the table's quarantine up to date: new rows in, those no longer refused resolved."""
    this_table = f"stored.source_table = {ddl.literal(write.model.table())}"
    within = (
        f"(stored.row_date IS NULL OR stored.row_date BETWEEN DATE '{window.first}' "
        f"AND DATE '{window.last}')"
        if window
        else "true"
    )
    same_row = "incoming.rejected_row = stored.rejected_row"
    with _incoming(write.connection, quarantined.select(QUARANTINE_SCHEMA.names())):
        _run(
            write.connection,
            "UPDATE ops.quarantine AS stored SET status = 'resolved' "
            f"WHERE {this_table} AND {within} "
            f"AND NOT EXISTS (SELECT 1 FROM incoming WHERE {same_row})",
        )
        _run(
            write.connection,
            "UPDATE ops.quarantine AS stored SET rules = incoming.rules, "
            "reason = incoming.reason, occurrences = incoming.occurrences, "
            f"status = incoming.status FROM incoming WHERE {this_table} AND {same_row}",
        )
        _run(
            write.connection,
            "INSERT INTO ops.quarantine BY NAME "
            "SELECT *, $now AS first_seen_at, $run_id AS run_id FROM incoming WHERE NOT EXISTS "
            f"(SELECT 1 FROM ops.quarantine AS stored WHERE {this_table} AND {same_row})",
            {"now": write.now, "run_id": write.run_id},
        )


def _append_outcomes(write: _Write, outcomes: pl.DataFrame) -> None:
    datasets = outcomes["dataset"].unique().to_list()
    _run(
        write.connection,
        "DELETE FROM ops.ingest_outcomes WHERE run_id = ? AND list_contains(?, dataset)",
        [write.run_id, datasets],
    )
    rows = outcomes.with_columns(run_id=pl.lit(write.run_id)).select(ops.IngestOutcomes.names())
    with _incoming(write.connection, rows):
        _run(write.connection, "INSERT INTO ops.ingest_outcomes BY NAME SELECT * FROM incoming")


def _note_scan(write: _Write, response_id: str, window: Window) -> None:
    """Extend what was read of the same content by a window that touches it, or start anew."""
    dataset = write.model.table().split(".")[1]
    _run(
        write.connection,
        "DELETE FROM ops.scans WHERE dataset = ? AND (response_id <> ? OR first_session > ? "
        "OR last_session < ?)",
        [dataset, response_id, window.last, window.first],
    )
    _run(
        write.connection,
        "UPDATE ops.scans SET first_session = least(first_session, $first), "
        "last_session = greatest(last_session, $last) WHERE dataset = $dataset",
        {"first": window.first, "last": window.last, "dataset": dataset},
    )
    _run(
        write.connection,
        "INSERT INTO ops.scans BY NAME SELECT $dataset AS dataset, $response_id AS response_id, "
        "$first AS first_session, $last AS last_session "
        "WHERE NOT EXISTS (SELECT 1 FROM ops.scans WHERE dataset = $dataset)",
        {
            "dataset": dataset,
            "response_id": response_id,
            "first": window.first,
            "last": window.last,
        },
    )


def _note_version(write: _Write, changes: Changes, inputs: tuple[str, ...]) -> None:
    versions: dict[str, int] = dict(
        _run(write.connection, "SELECT table_name, version FROM ops.table_versions")
    )
    built_from = [f"{name}@{versions.get(name, 0)}" for name in inputs]
    name = write.model.table()
    if name not in versions:
        _run(
            write.connection,
            "INSERT INTO ops.table_versions VALUES (?, 1, ?, ?, ?)",
            [name, built_from, write.now, write.run_id],
        )
        return
    _run(
        write.connection,
        "UPDATE ops.table_versions SET built_from = ? WHERE table_name = ?",
        [built_from, name],
    )
    if changes.any:
        _run(
            write.connection,
            "UPDATE ops.table_versions SET version = version + 1, changed_at = ?, run_id = ? "
            "WHERE table_name = ?",
            [write.now, write.run_id, name],
        )


def table_hashes(path: Path) -> dict[str, str]:
    """Return a hash of every table of a warehouse file.

    Over all columns but fetched_at, first_seen_at, changed_at and run_id, and without
    ``ops.ingest_outcomes``: equal hashes mean that running again changed nothing.
    """
    hashes = {}
    with open_published(path) as connection:
        for name, model in TABLES.items():
            if name == ops.IngestOutcomes.table():
                continue
            columns = _list([c for c in model.names() if c not in _VOLATILE])
            found = _run(
                connection,
                f"SELECT md5(coalesce(string_agg(md5(row({columns})::VARCHAR), '' "
                f"ORDER BY {_list(model.key())}), '')) FROM {ddl.qualified(name)}",
            )
            hashes[name] = str(found[0][0])
    return hashes


def _run(
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


def _list(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(ddl.quoted(name) for name in names)


def _all_equal(names: list[str] | tuple[str, ...]) -> str:
    return " AND ".join(
        f"incoming.{ddl.quoted(n)} IS NOT DISTINCT FROM stored.{ddl.quoted(n)}" for n in names
    )


def _count(connection: duckdb.DuckDBPyConnection, from_clause: str) -> int:
    return int(_run(connection, f"SELECT count(*) {from_clause}")[0][0])
