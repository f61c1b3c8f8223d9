"""Dagster's SQLite event log, without its bookkeeping costing more than the market data.

Dagster's storage builds a new SQLAlchemy engine for every event, asks the database for its columns
before each, and writes each in transactions of its own: 23 ms an event, of which a run has six
hundred and one more for each session. Here the engines stay, with a connection each; what a
database has is asked once; and what a step says is kept until it ends, or until somebody asks, and
stored in one transaction. The rows are the same; everything else is Dagster's.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from dagster import DagsterEventType
from dagster._core.events import (
    ASSET_CHECK_EVENTS,
    ASSET_EVENTS,
    EVENT_TYPE_TO_PIPELINE_RUN_STATUS,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetKeyTable, SqlEventLogStorageTable
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import event as on
from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Engine

BATCH_SIZE = 500

KEPT_OPEN = 4
"""Databases that stay open: the index, and the runs used last (each run has a file)."""

WITHIN_A_STEP = frozenset(
    {
        DagsterEventType.ASSET_CHECK_EVALUATION,
        DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
        DagsterEventType.ASSET_MATERIALIZATION,
        DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        DagsterEventType.ASSET_OBSERVATION,
        DagsterEventType.HANDLED_OUTPUT,
        DagsterEventType.LOADED_INPUT,
        DagsterEventType.STEP_INPUT,
        DagsterEventType.STEP_OUTPUT,
        # The next step starts at once, or the run ends.
        DagsterEventType.STEP_SUCCESS,
    }
)
"""Events that wait for the next one of another kind, and are stored with it."""

_INDEXED = ASSET_EVENTS | ASSET_CHECK_EVENTS | set(EVENT_TYPE_TO_PIPELINE_RUN_STATUS)


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """``SqliteEventLogStorage`` that stores what a step says in one go."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Whoever is connected may connect again: to store is to write in several tables.
        self._lock = threading.RLock()
        self._engines: dict[str, Engine] = {}
        self._connected: dict[str, Connection] = {}
        self._waiting: list[EventLogEntry] = []
        self._known: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        """Take no settings: the files lie where Dagster's default storage puts them."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "BatchedSqliteEventLogStorage":
        """Open the storage under DAGSTER_HOME."""
        del config_value
        folder = Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"
        return cls(inst_data=inst_data, base_dir=str(folder))

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """Connect to the database of a run (or the index), with all that waited stored in it."""
        with self._lock:
            if shard in self._connected:
                yield self._connected[shard]
                return
            self._store_waiting()
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                self._connected[shard] = connection
                try:
                    yield connection
                finally:
                    del self._connected[shard]

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None)
        if engine is None:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                pool_size=1,
                max_overflow=-1,
                # The lock lets one thread in at a time.
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            on.listen(engine, "connect", _sync_at_checkpoints)
        self._engines[shard] = engine
        while len(self._engines) > KEPT_OPEN:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine

    def has_table(self, table_name: str) -> bool:
        """Tell whether the index has a table: what it has once, it keeps."""
        return self._knows(table_name, partial(super().has_table, table_name))

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        return self._knows(
            f"{AssetKeyTable.name}.{column_name}",
            partial(super()._has_asset_key_col_on_connection, conn, column_name),
        )

    def has_secondary_index(self, name: str) -> bool:
        """Tell whether data have been migrated: what is, stays so."""
        return self._knows(f"index {name}", partial(super().has_secondary_index, name))

    def _knows(self, name: str, ask: Callable[[], bool]) -> bool:
        if name not in self._known and ask():
            self._known.add(name)
        return name in self._known

    def _close_all(self) -> None:
        with self._lock:
            self._store_waiting()
            while self._engines:
                self._engines.popitem()[1].dispose()

    def dispose(self) -> None:
        """Store what waits, and close what is open."""
        self._close_all()
        super().dispose()

    def wipe(self) -> None:
        """Delete all events; the files of runs go, and nobody writes into one that is gone."""
        self._close_all()
        super().wipe()

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event: at once, or with the next that cannot wait."""
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events: at once, or with the next that cannot wait."""
        with self._lock:
            self._waiting += events
            can_wait = all(e.run_id and e.dagster_event_type in WITHIN_A_STEP for e in events)
            if not can_wait or len(self._waiting) >= BATCH_SIZE:
                self._store_waiting()

    def _store_waiting(self) -> None:
        events, self._waiting = self._waiting, []
        by_run: dict[str, list[EventLogEntry]] = {}
        for event in events:
            by_run.setdefault(event.run_id, []).append(event)
        for run_id, of_run in by_run.items():
            self._store(run_id, of_run)

    def _store(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        """Store events of a run: in its database, and what is asked across runs in the index."""
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        indexed = [i for i, event in enumerate(events) if event.dagster_event_type in _INDEXED]
        if not indexed:
            return
        with self.index_transaction() as connection:
            connection.execute(SqlEventLogStorageTable.insert(), [rows[i] for i in indexed])
            # Nobody else writes within this transaction: the identifiers follow each other.
            last = connection.execute(select(func.max(SqlEventLogStorageTable.c.id))).scalar_one()
            first = last - len(indexed) + 1
            self._index([(events[i], first + n) for n, i in enumerate(indexed)])

    def _index(self, stored: Sequence[tuple[EventLogEntry, int]]) -> None:
        """Bring the tables by asset and by check up to date with events that have been stored."""
        of_assets = [(e, i) for e, i in stored if e.dagster_event_type in ASSET_EVENTS]
        if of_assets:
            self.store_asset_event_tags([e for e, _ in of_assets], [i for _, i in of_assets])
        # One row an asset: the last event of each kind is the one that stays.
        last = {
            (e.get_dagster_event().asset_key, e.dagster_event_type): (e, i) for e, i in of_assets
        }
        for event, event_id in last.values():
            self.store_asset_event(event, event_id)
        for event, event_id in stored:
            if event.dagster_event_type in ASSET_CHECK_EVENTS:
                self.store_asset_check_event(event, event_id)


def _sync_at_checkpoints(connection: sqlite3.Connection, _: object) -> None:
    """Wait for the disk at checkpoints alone: a log in WAL stays whole, whatever happens.

    After a power cut the last events may be missing: what they told of is then done again.
    """
    connection.execute("PRAGMA synchronous=NORMAL")
