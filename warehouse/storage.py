"""The warehouse, as everything else sees it: write a window, read, publish, lock, exist.

What every engine does the same way is written here, in SQL over a transaction; what differs (where
the tables lie, how they are opened, locked and published) is the engine's. There is one:
``duckdb_file.DuckDBFile``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse import ddl
from warehouse.errors import InconsistentChain, WarehouseError
from warehouse.landing import (
    Changes,
    Landing,
    Standing,
    Write,
    append,
    append_outcomes,
    column_list,
    land,
    rename_landed,
    replace_window,
    run_statement,
    take_out,
)
from warehouse.reader import Reader
from warehouse.restatements import Explain, unexplained
from warehouse.schemas import TABLES, Table, ops, ref
from warehouse.schemas.raw import DELIVERED
from warehouse.validation import validate

_VOLATILE = ("fetched_at", "first_seen_at", "changed_at", "run_id", "built_from", DELIVERED)

_DIARIES: tuple[type[Table], ...] = (
    ops.IngestOutcomes,
    ops.Publications,
    ops.PublishedSessions,
    ops.Restatements,
)
"""Tables that tell how a warehouse came to say what it says, and not what that is."""

_VERSIONS = "SELECT table_name, version FROM ops.table_versions ORDER BY ALL"

Say = Callable[[str], None]
"""Where a sentence for people goes."""


def silently(said: str) -> None:
    """Say nothing: the caller hears of it another way."""
    del said


@dataclass(frozen=True)
class Publication:
    """Who publishes when, and what names the causes of what changes for readers.

    Attributes:
        run_id: the run; empty: none.
        moment: what counts as now (UTC); None: the time.
        explain: adds the causes to what changed.
        say: told where what was published before cannot be compared with.
    """

    run_id: str = ""
    moment: datetime | None = None
    explain: Explain = unexplained
    say: Say = silently

    def time(self) -> datetime:
        """Return the moment."""
        return self.moment or datetime.now(UTC)


class Warehouse(ABC):
    """Tables that runs write, and the state of them that is published to readers.

    Attributes:
        location: where it is, for people.
        name: the same, without the folders of the machine.
        wait_seconds: how long to wait for another writer or another process.
    """

    location: str
    name: str
    wait_seconds: float

    # --- who is at work ---------------------------------------------------------------------------

    @abstractmethod
    def exists(self) -> bool:
        """Tell whether there are tables that a run has written."""

    @abstractmethod
    def writing(self, holder: str, say: Say = silently) -> AbstractContextManager[None]:
        """Be the one writer: hold the lock, and the tables open.

        Tables that turn out to be damaged are built anew first.

        Args:
            holder: who writes, for the message that others get.
            say: told for whom it waits, and what was mended.

        Raises:
            WriterAtWork: after ``wait_seconds``, if another writer has the lock.
            WarehouseError: if the tables cannot be opened, or have another layout.
        """

    @abstractmethod
    def planning(
        self, holder: str, wait_seconds: float, say: Say = silently
    ) -> AbstractContextManager[None]:
        """Hold the lock to plan a run, on tables that are sound: damaged ones are built anew.

        What was mended is told to the run that follows. Arguments and errors are those of
        ``holding``.
        """

    @abstractmethod
    def holding(
        self, holder: str, wait_seconds: float, say: Say = silently
    ) -> AbstractContextManager[None]:
        """Hold the lock alone, to look, and mend nothing.

        Args:
            holder: who looks, for the message that others get.
            wait_seconds: how long to wait for another.
            say: told at the beginning of a wait for whom that is.

        Raises:
            WriterAtWork: after ``wait_seconds``, naming who holds it.
            WarehouseError: if the lock cannot be had at all.
        """

    @abstractmethod
    def is_held(self) -> bool:
        """Tell whether somebody holds the lock, this process included."""

    @abstractmethod
    def holder(self) -> str:
        """Say who holds the lock, for people."""

    # --- room -------------------------------------------------------------------------------------

    @abstractmethod
    def size_bytes(self) -> int:
        """Return what all of it takes."""

    @abstractmethod
    def free_bytes(self) -> int | None:
        """Return what is left where it lies; None where that is a server's business."""

    # --- writing ----------------------------------------------------------------------------------

    @abstractmethod
    def transaction(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the tables that runs write for one transaction: for this package alone.

        Commits at the end, rolls back on any error.

        Raises:
            WarehouseLocked: if another process keeps them open.
            WarehouseDamaged: if they are damaged; the next writer or planner mends them.
            WarehouseError: if they cannot be opened, read or written, or have another layout.
        """

    def land(
        self,
        model: type[Table],
        landing: Landing | Standing,
        inputs: tuple[str, ...],
        run_id: str,
    ) -> Changes:
        """Write what an asset hands over: rows, quarantine and outcomes in one transaction.

        Args:
            model: the table.
            landing: rows of the window and what came of the rest; or that all stands: nothing is
                written then.
            inputs: tables that the rows were made from.
            run_id: the run that writes.
        """
        if isinstance(landing, Standing):
            return Changes(inserted=0, updated=0, deleted=0, rows=landing.rows)
        with self.transaction() as connection:
            return land(Write(connection, model, run_id, datetime.now(UTC)), landing, inputs)

    def rewrite(self, *tables: tuple[type[Table], pl.DataFrame]) -> None:
        """Make tables that have no asset of their own equal to frames, in one transaction.

        Raises:
            TableInvalid: if a frame does not conform to its model.
        """
        with self.transaction() as connection:
            for model, rows in tables:
                validate(rows, model)
                replace_window(connection, model, rows)

    def book(self, outcomes: pl.DataFrame, run_id: str) -> None:
        """Write the outcomes of a delivery of which nothing has landed."""
        with self.transaction() as connection:
            write = Write(connection, ops.IngestOutcomes, run_id, datetime.now(UTC))
            append_outcomes(write, outcomes)

    def forget(self, record: pl.DataFrame, run_id: str) -> None:
        """Write down that a line or an index is forgotten, and take out what has landed of it.

        What is computed from it is outdated then, until the next run; nothing is published before.

        Args:
            record: a row of ``ops.forgotten``.
            run_id: who takes the rows out, as versions of tables have it.

        Raises:
            TableInvalid: if the row does not conform to its model.
        """
        validate(record, ops.Forgotten)
        (symbol,) = record["symbol"]
        with self.transaction() as connection:
            append(connection, ops.Forgotten, record)
            write = Write(connection, ops.Forgotten, run_id, datetime.now(UTC))
            for model in TABLES.values():
                is_theirs = model in (ref.Securities, ref.Indices)
                if is_theirs or model.table().startswith("raw."):
                    take_out(replace(write, model=model), model.key()[0], symbol)

    # --- reading what runs write ------------------------------------------------------------------

    def read(self, table: str, since: date | None = None) -> pl.DataFrame:
        """Read a table in the order of its key.

        Args:
            table: ``schema.table``.
            since: the first date of its key to read; None: the table whole.

        Raises:
            ValueError: if the key of the table has no date, and one is asked for.
        """
        model = TABLES[table]
        day = model.date_of_key()
        if since is not None and day is None:
            raise ValueError(f"{table}: its key has no date to read from")
        where = "" if since is None or day is None else f"WHERE {ddl.quoted(day)} >= $since"
        with self.open_written() as reader:
            frame = reader.frame(
                f"SELECT * FROM {ddl.qualified(table)} {where} ORDER BY {column_list(model.key())}",
                **({} if since is None else {"since": since}),
            )
        return frame.cast(model.polars_schema())

    def landed(self, model: type[Table], names: pl.DataFrame) -> pl.DataFrame:
        """Read a raw table as the next landing finds it: under the names that lines have now.

        It is the renaming of the landing itself, and nothing of it stays.

        Args:
            model: the table.
            names: what names stand for, as ``Landing.names``.
        """
        if names.is_empty():
            return self.read(model.table())
        with self.transaction() as connection:
            rename_landed(Write(connection, model, "", datetime.now(UTC)), names)
            order = column_list(model.key())
            query = f"SELECT * FROM {ddl.qualified(model.table())} ORDER BY {order}"
            frame = Reader(connection).frame(query)
            run_statement(connection, "ROLLBACK")
            run_statement(connection, "BEGIN")
        return frame.cast(model.polars_schema())

    @contextmanager
    def open_written(self) -> Iterator[Reader]:
        """Ask the tables that runs write; errors are those of ``transaction``."""
        with self.transaction() as connection:
            yield Reader(connection)

    def states(self, tables: Iterable[str]) -> tuple[str, ...]:
        """Return what changes when a table does: ``table@version``, or ``table#hash``.

        Args:
            tables: tables, as ``schema.table``; those that no asset writes have no version.
        """
        with self.open_written() as reader:
            versions = {row["table_name"]: row["version"] for row in reader.rows(_VERSIONS)}
            return tuple(
                f"{name}@{versions[name]}"
                if name in versions
                else f"{name}#{reader.value(_hash_of(TABLES[name]))}"
                for name in tables
            )

    def standing(self, table: str, built_from: Iterable[str]) -> Standing | None:
        """Return how many rows of a table stand, if they follow from just these; else None.

        Args:
            table: ``schema.table``.
            built_from: what they would be made from now: ``states``, and what else they rest on.
        """
        with self.open_written() as reader:
            asked = "SELECT built_from FROM ops.table_versions WHERE table_name = $table"
            for row in reader.rows(asked, table=table):
                if set(row["built_from"]) == set(built_from):
                    return Standing(reader.count(table))
        return None

    def response_ids(self) -> set[str]:
        """Return the responses and files that raw rows refer to."""
        tables = [name for name, model in TABLES.items() if "response_id" in model.names()]
        asked = " UNION ".join(
            f"SELECT response_id FROM {ddl.qualified(name)} WHERE response_id IS NOT NULL"
            for name in tables
            if name.startswith("raw.")
        )
        with self.open_written() as reader:
            return {row["response_id"] for row in reader.rows(asked)}

    # --- publishing -------------------------------------------------------------------------------

    @abstractmethod
    def publish(self, publication: Publication | None = None) -> int:
        """Show readers what runs have written, in one step, and log what changes for them.

        A reader's open session keeps the state it has; a new one sees the new state.

        Args:
            publication: who publishes when; None: nobody, now, and without causes.

        Returns:
            Size of what is published, in bytes.

        Raises:
            InconsistentChain: if a table is missing, or older than what it was made from.
            WarehouseError: if it cannot be written.
        """

    @abstractmethod
    def open_published(self) -> AbstractContextManager[Reader]:
        """Ask the published tables.

        Raises:
            WarehouseError: if there are none, or not of this version, or they are damaged.
        """

    @abstractmethod
    def is_as_published(self) -> bool:
        """Tell whether readers have what was published last, to the byte: none has damaged it."""

    def last_publication(self) -> dict[str, Any] | None:
        """Return the publication that readers have, a row of ``ops.publications``; None: none."""
        try:
            with self.open_published() as reader:
                rows = reader.rows("FROM ops.publications ORDER BY passed_at DESC LIMIT 1")
                return rows[0] if rows else None
        except WarehouseError:
            return None

    def is_published(self) -> bool:
        """Tell whether readers see what runs have written."""
        if not self.exists():
            return False
        with self.open_written() as reader:
            written = reader.rows(_VERSIONS)
        try:
            with self.open_published() as reader:
                return written == reader.rows(_VERSIONS)
        except WarehouseError:
            return False

    def has_news(self, run_id: str) -> bool:
        """Tell whether readers lack anything of what runs have written.

        What came of what a run asked for is no news where they have the same of the run that was
        published last: how much was asked for, when, and how often, is none.

        Args:
            run_id: the run that asks.
        """
        if not (self.is_published() and self.is_as_published()):
            return True
        with self.open_written() as written, self.open_published() as published:
            versioned = {row["table_name"] for row in written.rows(_VERSIONS)}
            others = [
                n for n, model in TABLES.items() if n not in versioned and model not in _DIARIES
            ]
            asked = [str(_hash_of(TABLES[name])) for name in others]
            if any(written.value(one) != published.value(one) for one in asked):
                return True
            last = self.last_publication()
            known = _outcomes(published, last["run_id"]) if last else set()
            return not _outcomes(written, run_id) <= known

    def hashes(self) -> dict[str, str]:
        """Return a hash of every published table.

        Over all columns but fetched_at, first_seen_at, changed_at, run_id, built_from and
        delivered_symbol (a row says the same under either name), and without the diaries of runs
        and publications: equal hashes mean that running again changed nothing, and that two
        warehouses say the same, however they came to it.
        """
        with self.open_published() as reader:
            return {
                name: str(reader.value(_hash_of(model)))
                for name, model in TABLES.items()
                if model not in _DIARIES
            }

    def require_consistent(self) -> None:
        """Refuse tables that do not belong together.

        Raises:
            InconsistentChain: if a table is missing, or older than what it was made from.
        """
        with self.open_written() as reader:
            rows = reader.rows("SELECT table_name, version, built_from FROM ops.table_versions")
        versions = {row["table_name"]: row["version"] for row in rows}
        missing = [t for t in TABLES if t not in versions and not t.startswith("ops.")]
        outdated = [
            f"{row['table_name']} was built from {used}, now {used.split('@')[0]}@{current}"
            for row in rows
            for used in row["built_from"]
            if "#" not in used
            if (current := versions.get(used.split("@")[0])) != int(used.split("@")[1])
        ]
        if missing or outdated:
            said = [f"never materialised: {', '.join(missing)}"] if missing else []
            raise InconsistentChain(
                f"{self.location}: tables that do not belong together: "
                + "; ".join([*said, *outdated]),
                "Materialise these assets and what lies downstream of them, or run `capshock run`. "
                "What is published keeps the last complete state.",
            )


def open_warehouse(location: str | Path, wait_seconds: float = 30.0) -> Warehouse:
    """Return the warehouse at a location: the place that chooses the engine.

    Args:
        location: path of the DuckDB file that readers open.
        wait_seconds: how long to wait for another writer or another process.
    """
    from warehouse.duckdb_file import DuckDBFile

    return DuckDBFile(Path(location).resolve(), wait_seconds)


def _outcomes(reader: Reader, run_id: str) -> set[tuple[Any, ...]]:
    """Return what came of what a run asked for."""
    return {
        tuple(row.values())
        for row in reader.rows(
            "SELECT dataset, symbol, outcome, message "
            "FROM ops.ingest_outcomes WHERE run_id = $run_id",
            run_id=run_id,
        )
    }


def _hash_of(model: type[Table]) -> str:
    columns = column_list([c for c in model.names() if c not in _VOLATILE])
    return (
        f"SELECT md5(coalesce(string_agg(md5(row({columns})::VARCHAR), '' "
        f"ORDER BY {column_list(model.key())}), '')) FROM {ddl.qualified(model.table())}"
    )
