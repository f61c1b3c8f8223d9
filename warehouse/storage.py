"""Storage over DuckDB: the private database that runs write, the file that readers open.

All SQL that touches a DuckDB file is in this package. DuckDB lets one process write a file or many
read it: a run keeps the private database open from its first step to its last; who plans the next
one looks into it under the same lock; what readers open is another file.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from warehouse import ddl
from warehouse.connection import SCHEMA_VERSION, connect, open_published
from warehouse.errors import InconsistentChain, WarehouseError
from warehouse.landing import (
    Changes,
    Landing,
    Write,
    append_outcomes,
    column_list,
    land,
    run_statement,
)
from warehouse.lock import WriterLock
from warehouse.schemas import TABLES, Table, ops

STORAGE_VERSION = "v1.5.0"
"""Storage format of the published file: the DuckDB 1.5 that most users have opens it."""

_COPY = "__copy"
"""Name of the published file while it is written."""

_VOLATILE = ("fetched_at", "first_seen_at", "changed_at", "run_id")


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
    def writing(
        self, holder: str, on_wait: Callable[[str], None] = lambda _: None
    ) -> Iterator[None]:
        """Be the one writer: hold the lock, and the private database open.

        Connections made meanwhile share what is open already (opening a file and writing it back at
        its closing costs as much as the queries of a step).

        Args:
            holder: who writes, for the message that others get.
            on_wait: told at the beginning of a wait for whom that is.

        Raises:
            WriterAtWork: after ``wait_seconds``, if another writer has the lock.
            WarehouseLocked: after ``wait_seconds``, if another process keeps the file open.
            WarehouseError: if the file cannot be opened, or has another layout.
        """
        with self.lock.held(holder, self.wait_seconds, on_wait), closing(self._connect()):
            yield

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
            run_statement(connection, "BEGIN")
            yield connection
            run_statement(connection, "COMMIT")
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
                f"SELECT * FROM {ddl.qualified(table)} ORDER BY {column_list(model.key())}"
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
        run_statement(connection, "BEGIN")
        for model in TABLES.values():
            for statement in ddl.statements(model):
                run_statement(connection, statement)
        run_statement(connection, "INSERT INTO ops.schema_version VALUES (?)", [SCHEMA_VERSION])
        run_statement(connection, "COMMIT")

    def _check_layout(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            version = run_statement(
                connection, "SELECT max(schema_version) FROM ops.schema_version"
            )[0][0]
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
        with self.transaction() as connection:
            return land(Write(connection, model, run_id, datetime.now(UTC)), landing, inputs)

    def book(self, outcomes: pl.DataFrame, run_id: str) -> None:
        """Write the outcomes of a delivery of which nothing has landed."""
        with self.transaction() as connection:
            write = Write(connection, ops.IngestOutcomes, run_id, datetime.now(UTC))
            append_outcomes(write, outcomes)

    def response_ids(self) -> set[str]:
        """Return the responses and files that raw rows refer to."""
        tables = [name for name, model in TABLES.items() if "response_id" in model.names()]
        asked = " UNION ".join(
            f"SELECT response_id FROM {ddl.qualified(name)} WHERE response_id IS NOT NULL"
            for name in tables
            if name.startswith("raw.")
        )
        with self.transaction() as connection:
            return {row[0] for row in run_statement(connection, asked)}

    # --- publishing -----------------------------------------------------------------------------

    def publish(self) -> int:
        """Copy the private database over the published file, in one step for its readers.

        The copy is compact, carries the comments and macros of this version, and has a storage
        format that older DuckDB command lines open. A reader's open session keeps the file it has;
        a new one sees the new file.

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
            with closing(self._connect()) as connection:
                private = run_statement(connection, "SELECT current_database()")[0][0]
                run_statement(
                    connection,
                    f"ATTACH {ddl.literal(str(copy))} AS {_COPY} "
                    f"(STORAGE_VERSION '{STORAGE_VERSION}')",
                )
                try:
                    run_statement(
                        connection, f"COPY FROM DATABASE {ddl.quoted(private)} TO {_COPY}"
                    )
                    _describe(connection, _COPY)
                finally:
                    run_statement(connection, f"DETACH {_COPY}")
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

    def is_published(self) -> bool:
        """Tell whether the published file holds what the private database holds."""
        if not self.published.exists() or not self.private.exists():
            return False
        versions = "SELECT table_name, version FROM ops.table_versions ORDER BY ALL"
        with self.transaction() as connection:
            written = run_statement(connection, versions)
        try:
            with duckdb.connect(str(self.published), read_only=True) as connection:
                return written == run_statement(connection, versions)
        except duckdb.Error:
            return False

    def _require_consistent_chain(self) -> None:
        with self.transaction() as connection:
            rows = run_statement(
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


def _describe(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Put the comments and macros of this version into a database that has the tables."""
    before = run_statement(connection, "SELECT current_database()")[0][0]
    run_statement(connection, f"USE {ddl.quoted(database)}")
    for model in TABLES.values():
        for statement in ddl.comments(model):
            run_statement(connection, statement)
    ddl.create_macros(connection)
    run_statement(connection, f"USE {ddl.quoted(before)}")


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
            columns = column_list([c for c in model.names() if c not in _VOLATILE])
            found = run_statement(
                connection,
                f"SELECT md5(coalesce(string_agg(md5(row({columns})::VARCHAR), '' "
                f"ORDER BY {column_list(model.key())}), '')) FROM {ddl.qualified(name)}",
            )
            hashes[name] = str(found[0][0])
    return hashes
