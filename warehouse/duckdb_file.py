"""The warehouse as a DuckDB file: the private database that runs write, the one readers open.

DuckDB lets one process write a file or many read it: a run keeps the private database open from its
first step to its last; who plans the next one looks into it under the same lock; what readers open
is another file.

The private database is derived: where it turns out to be damaged it is moved aside, and built anew
from the published file, which holds all that it held when it was published, or else by the next run
from the source.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from warehouse import ddl, restatements
from warehouse.connection import (
    GROWS_FROM,
    PUBLISH_ANEW,
    SCHEMA_VERSION,
    connect,
    damage_told,
    damaged,
    first_line,
    is_damage,
    open_published,
    require_whole,
)
from warehouse.errors import WarehouseDamaged, WarehouseError
from warehouse.landing import run_statement
from warehouse.lock import WriterLock
from warehouse.reader import Reader, read_published
from warehouse.restatements import PUBLISHED
from warehouse.schemas import TABLES, ops
from warehouse.storage import Publication, Say, Warehouse, silently

STORAGE_VERSION = "v1.5.0"
"""Storage format of the published file: the DuckDB 1.5 that most users have opens it."""

_COPY = "__copy"
"""Name of the published file while it is written."""

_BUILD_ANEW = (
    "Run again: it is moved aside and built anew, from the published file where that is sound."
)


class DuckDBFile(Warehouse):
    """A published DuckDB file that readers open, and the private one that runs write.

    Args:
        published: path of the published file; the private one lies in ``.build`` beside it.
        wait_seconds: how long to wait for a lock that another process holds.
    """

    def __init__(self, published: Path, wait_seconds: float = 30.0) -> None:
        self.published = published
        self.folder = published.parent / ".build"
        self.private = self.folder / published.name
        self.location = str(published)
        self.name = published.name
        self.wait_seconds = wait_seconds
        self.lock = WriterLock(self.folder)
        self._kept_open: duckdb.DuckDBPyConnection | None = None

    # --- who is at work ---------------------------------------------------------------------------

    def exists(self) -> bool:
        """Tell whether there is a private database."""
        return self.private.exists()

    @contextmanager
    def writing(self, holder: str, say: Say = silently) -> Iterator[None]:
        """Hold the lock, and the private database open.

        What is done meanwhile uses what is open already (opening a file, looking at its layout and
        writing it back at its closing costs as much as the queries of a step).
        """
        with (
            self.holding(holder, self.wait_seconds, say),
            closing(self._open_mended(self.wait_seconds)) as connection,
        ):
            if self._mended.exists():
                say(self._mended.read_text(encoding="utf-8"))
                self._mended.unlink()
            self._kept_open = connection
            try:
                yield
            finally:
                self._kept_open = None

    @contextmanager
    def planning(self, holder: str, wait_seconds: float, say: Say = silently) -> Iterator[None]:
        """Hold the lock, and what there is of the private database open."""
        with self.holding(holder, wait_seconds, say), ExitStack() as stack:
            if self.exists():
                # What stands in the way is told by whoever asks for a table.
                with suppress(WarehouseError):
                    stack.enter_context(closing(self._open_mended(wait_seconds=0)))
            yield

    @contextmanager
    def holding(self, holder: str, wait_seconds: float, say: Say = silently) -> Iterator[None]:
        """Hold the lock alone."""
        with self.lock.held(holder, wait_seconds, say):
            yield

    def is_held(self) -> bool:
        """Tell whether a process holds the lock, this one included."""
        return self.lock.is_held()

    def holder(self) -> str:
        """Say who holds the lock, for people."""
        return self.lock.holder()

    # --- room -------------------------------------------------------------------------------------

    def size_bytes(self) -> int:
        """Return what both files take."""
        return sum(f.stat().st_size for f in (self.published, self.private) if f.exists())

    def free_bytes(self) -> int:
        """Return what is left on the disk of the published file."""
        folder = next(p for p in (self.published, *self.published.parents) if p.exists())
        return shutil.disk_usage(folder).free

    # --- the private database ---------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the private database, run one transaction, and close it."""
        connection = self._connect(self.wait_seconds)
        try:
            with self._faults_told():
                run_statement(connection, "BEGIN")
                yield connection
                run_statement(connection, "COMMIT")
        finally:
            # Closing rolls back whatever was not committed.
            connection.close()

    def _connect(self, wait_seconds: float) -> duckdb.DuckDBPyConnection:
        """Open the private database, or use what is kept open; make it where there is none."""
        if self._kept_open is not None:
            return self._kept_open.cursor()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self.private.exists():
                self._draft().replace(self.private)
                # Somebody has deleted the one that was damaged.
                self._suspect.unlink(missing_ok=True)
        except OSError as error:
            raise self._not_writable(error) from error
        try:
            connection = connect(self.private, wait_seconds)
        except WarehouseDamaged as error:
            raise WarehouseDamaged(error.what, _BUILD_ANEW) from error
        try:
            with self._faults_told():
                self._require_layout(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_mended(self, wait_seconds: float) -> duckdb.DuckDBPyConnection:
        """Open the private database, built anew if it is damaged: for who holds the lock alone."""
        found = self._suspicion()
        if found is None:
            try:
                return self._open_whole(wait_seconds)
            except WarehouseDamaged as error:
                found = error.what
        try:
            self._build_anew(found)
        except OSError as error:
            raise self._not_writable(error) from error
        return self._connect(wait_seconds)

    def _open_whole(self, wait_seconds: float) -> duckdb.DuckDBPyConnection:
        connection = self._connect(wait_seconds)
        try:
            require_whole(connection, self.private, _BUILD_ANEW)
        except BaseException:
            connection.close()
            raise
        return connection

    def _draft(self, published: Path | None = None) -> Path:
        """Make a private database under another name; renamed, it is there in one step.

        Args:
            published: the file its rows come from; None: it has none.

        Raises:
            WarehouseDamaged: if that file is damaged.
            WarehouseError: if it cannot be written.
        """
        for stale in self.folder.glob(f"{self.name}.*.making*"):
            stale.unlink(missing_ok=True)
        draft = self.folder / f"{self.name}.{os.getpid()}.making"
        with self._faults_told(), closing(connect(draft)) as connection:
            _make_tables(connection)
            if published is not None:
                with damage_told(published, PUBLISH_ANEW):
                    _copy_rows(connection, published)
        return draft

    def _require_layout(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            version = run_statement(
                connection, "SELECT max(schema_version) FROM ops.schema_version"
            )[0][0]
        except duckdb.CatalogException as error:
            if run_statement(connection, "FROM duckdb_tables()"):
                raise WarehouseError(
                    f"{self.private}: this is no database of capshock: {first_line(error)}",
                    "Move the file away, or point CAPSHOCK_WAREHOUSE somewhere else.",
                ) from error
            # An older version was killed before it had made the tables: there is nothing to lose.
            _make_tables(connection)
            return
        if GROWS_FROM <= version < SCHEMA_VERSION:
            _grow(connection)
        elif version != SCHEMA_VERSION:
            raise WarehouseError(
                f"{self.private}: tables of layout {version}, this version writes {SCHEMA_VERSION}",
                f"Move {self.folder} aside and run again: the tables are built anew from the "
                "source.",
            )

    # --- damage -----------------------------------------------------------------------------------

    def _suspicion(self) -> str | None:
        """Return what an earlier session found wrong with the private database, if any did."""
        if not (self._suspect.exists() and self.private.exists()):
            return None
        return self._suspect.read_text(encoding="utf-8")

    @property
    def _suspect(self) -> Path:
        """Where a session that finds the private database damaged leaves word for the next one.

        It cannot mend it: others of its process may have it open.
        """
        return self.folder / f"{self.name}.damaged"

    @property
    def _mended(self) -> Path:
        """Where the next run finds what to say of it."""
        return self.folder / f"{self.name}.mended"

    @contextmanager
    def _faults_told(self) -> Iterator[None]:
        """Say what is wrong where DuckDB finds the private database damaged or out of reach."""
        try:
            yield
        except duckdb.Error as error:
            if is_damage(error):
                found = damaged(self.private, error, _BUILD_ANEW)
                with suppress(OSError):
                    self._suspect.write_text(found.what, encoding="utf-8")
                raise found from error
            if isinstance(error, duckdb.OperationalError | duckdb.FatalException):
                raise WarehouseError(
                    f"{self.private}: cannot read or write the database: {first_line(error)}",
                    "Make room or the folder writable, and run again: nothing of this step was "
                    "written.",
                ) from error
            raise

    def _build_anew(self, what: str) -> None:
        """Move a damaged private database aside, and put in its place what was published.

        Args:
            what: what is wrong with it, for people.
        """
        draft, origin = None, f"It was built anew from {self.published}."
        try:
            # Of this version, and sound as far as one sees at once.
            open_published(self.published).close()
            found = None
        except WarehouseError as error:
            found = error
        if found is None:
            try:
                draft = self._draft(self.published)
            except WarehouseDamaged as error:
                found = error
        if found is not None:
            origin = (
                "It is built anew from the source, as there is nothing else to build it from: "
                f"{found.what}."
            )
        aside = self.folder / f"{self.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}Z"
        self.private.replace(aside)
        wal = self.private.with_name(f"{self.name}.wal")
        if wal.exists():
            wal.replace(aside.with_name(f"{aside.name}.wal"))
        if draft is not None:
            draft.replace(self.private)
        self._mended.write_text(
            f"{what}. It was moved aside, to {aside}: delete that when you have looked at it. "
            f"{origin}",
            encoding="utf-8",
        )
        self._suspect.unlink(missing_ok=True)

    def _not_writable(self, error: OSError) -> WarehouseError:
        return WarehouseError(
            f"{self.folder}: cannot write the warehouse folder: {error}",
            "Make room or the folder writable, or point CAPSHOCK_WAREHOUSE somewhere else.",
        )

    # --- publishing -------------------------------------------------------------------------------

    @contextmanager
    def open_published(self) -> Iterator[Reader]:
        """Ask the published file."""
        with read_published(self.published) as reader:
            yield reader

    def publish(self, publication: Publication | None = None) -> int:
        """Copy the private database over the published file, in one step for its readers.

        The copy is compact, carries the comments and macros of this version, and has a storage
        format that older DuckDB command lines open. What it changes is logged in the private
        database first; if the copy does not get its place, the next publication starts from the
        log that is published.
        """
        self.require_consistent()
        self._log(publication or Publication())
        # Dead runs leave their half-written copies; this process is the one writer.
        for stale in self.folder.glob(f"{self.name}.*.publishing*"):
            stale.unlink(missing_ok=True)
        copy = self.folder / f"{self.name}.{os.getpid()}.publishing"
        try:
            with closing(self._connect(self.wait_seconds)) as connection:
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
            self.published.with_name(f"{self.name}.wal").unlink(missing_ok=True)
            self._digest.unlink(missing_ok=True)
            digest = _sha256(copy)
            copy.replace(self.published)
            self._digest.write_text(digest, encoding="utf-8")
        except (OSError, duckdb.Error) as error:
            if isinstance(error, duckdb.Error) and is_damage(error):
                with self._faults_told():
                    raise
            raise WarehouseError(
                f"{self.published}: cannot publish: {first_line(error)}",
                "The previous file is untouched. Make room or the folder writable; run again.",
            ) from error
        return self.published.stat().st_size

    def is_as_published(self) -> bool:
        """Compare the file with the digest that was written when it was put in place."""
        try:
            return self._digest.read_text(encoding="utf-8") == _sha256(self.published)
        except OSError:
            return False

    @property
    def _digest(self) -> Path:
        """Where the sha-256 of the published file is kept."""
        return self.folder / f"{self.name}.sha256"

    def _log(self, publication: Publication) -> None:
        """Write down what the publication changes of what readers have."""
        with self._faults_told(), closing(self._connect(self.wait_seconds)) as connection:
            explained = None
            with self._published_attached(connection, publication.say) as is_attached:
                if is_attached:
                    try:
                        explained = publication.explain(restatements.compare(connection))
                    except duckdb.Error as error:
                        if not is_damage(error) or str(self.private) in str(error):
                            raise
                        publication.say(self._not_compared(error))
                run_statement(connection, "BEGIN")
                if explained is not None:
                    restatements.take_over(connection)
                else:
                    explained = restatements.nothing()
                restatements.keep(connection, explained, publication.run_id, publication.time())
                run_statement(connection, "COMMIT")

    @contextmanager
    def _published_attached(
        self, connection: duckdb.DuckDBPyConnection, say: Say
    ) -> Iterator[bool]:
        """Attach what readers have, of any layout that has publications, and tell whether it is."""
        if not self.published.exists():
            yield False
            return
        try:
            # Refuses what is no database of DuckDB before it is attached.
            with closing(connect(self.published, read_only=True)) as found:
                run_statement(found, "FROM ops.publications, ops.table_versions LIMIT 1")
        except (WarehouseError, duckdb.Error) as error:
            say(self._not_compared(error))
            yield False
            return
        attach = f"ATTACH {ddl.literal(str(self.published))} AS {PUBLISHED} (READ_ONLY)"
        run_statement(connection, attach)
        try:
            yield True
        finally:
            with suppress(duckdb.Error):
                run_statement(connection, "ROLLBACK")
            run_statement(connection, f"DETACH {PUBLISHED}")

    def _not_compared(self, error: Exception) -> str:
        return (
            f"{self.name}: what was published before cannot be read ({first_line(error)}): what "
            "changes of it is not known, and not in ops.restatements"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _grow(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables and columns that a private database of an earlier layout lacks."""
    run_statement(connection, "BEGIN")
    for model in TABLES.values():
        for statement in ddl.statements(model, grown=True):
            run_statement(connection, statement)
    run_statement(
        connection,
        f"UPDATE {ddl.qualified(ops.SchemaVersion.table())} SET schema_version = ?",
        [SCHEMA_VERSION],
    )
    run_statement(connection, "COMMIT")


def _make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    run_statement(connection, "BEGIN")
    for model in TABLES.values():
        for statement in ddl.statements(model):
            run_statement(connection, statement)
    run_statement(connection, "INSERT INTO ops.schema_version VALUES (?)", [SCHEMA_VERSION])
    run_statement(connection, "COMMIT")


def _copy_rows(connection: duckdb.DuckDBPyConnection, published: Path) -> None:
    """Copy the rows of a published file into the tables of a new database."""
    run_statement(connection, f"ATTACH {ddl.literal(str(published))} AS {PUBLISHED} (READ_ONLY)")
    for name in TABLES:
        table = ddl.qualified(name)
        run_statement(connection, f"DELETE FROM {table}")
        run_statement(connection, f"INSERT INTO {table} BY NAME FROM {PUBLISHED}.{table}")
    run_statement(connection, f"DETACH {PUBLISHED}")


def _describe(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Put the comments and macros of this version into a database that has the tables."""
    before = run_statement(connection, "SELECT current_database()")[0][0]
    run_statement(connection, f"USE {ddl.quoted(database)}")
    run_statement(connection, "BEGIN")
    for model in TABLES.values():
        for statement in ddl.comments(model):
            run_statement(connection, statement)
    ddl.create_macros(connection)
    run_statement(connection, "COMMIT")
    run_statement(connection, f"USE {ddl.quoted(before)}")
