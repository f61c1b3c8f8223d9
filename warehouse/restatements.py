"""What a publication changes of what readers have, and the log of it, ``ops.restatements``.

The published file is compared with the tables that are about to replace it: what readers never saw
restates nothing. One comparison serves every table; how its values become others is said by its
model (``Table.life``). Sessions are told apart by a digest of their rows first, and rows are looked
at only where it differs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl

from warehouse import ddl
from warehouse.landing import column_list, run_statement
from warehouse.schemas import TABLES, Table, ops
from warehouse.schemas.vocabulary import Change
from warehouse.validation import validate

PUBLISHED = "__published"
"""Name under which the published file is attached while it is compared."""

_Types = dict[str, pl.DataType | type[pl.DataType]]

DIFFERENCE_SCHEMA: _Types = {
    "table_name": pl.String,
    "row_key": pl.List(pl.String),
    "session_date": pl.Date,
    "column_name": pl.String,
    "change": pl.String,
    "old": pl.String,
    "new": pl.String,
    "rows": pl.Int64,
    "subjects": pl.List(pl.String),
    "day": pl.Date,
}
"""An entry of the log without its cause; subjects are the words of its key, day is its date."""

INPUT_SCHEMA: _Types = {
    "table_name": pl.String,
    "row_key": pl.List(pl.String),
    "subjects": pl.List(pl.String),
    "day": pl.Date,
    "what": pl.String,
}
"""A row of an input that changed: what says which values did, or that it appeared or vanished."""

CAUSE_SCHEMA: _Types = {
    name: ops.Restatements.polars_schema()[name]
    for name in ("cause_table", "cause_key", "cause", "other_causes")
}

_SESSION = "session_date"
_TYPES = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Differences:
    """What a publication changes.

    Attributes:
        entries: published values and rows that changed (``DIFFERENCE_SCHEMA``).
        inputs: rows of ``ref`` and ``raw`` that changed or are new (``INPUT_SCHEMA``); none where
            there are no entries.
    """

    entries: pl.DataFrame
    inputs: pl.DataFrame


Explain = Callable[[Differences], pl.DataFrame]
"""Adds the columns of ``CAUSE_SCHEMA`` to the entries, which keep their order."""


def unexplained(found: Differences) -> pl.DataFrame:
    """Name no cause."""
    causes = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in CAUSE_SCHEMA.items()]
    return found.entries.with_columns(causes).with_columns(
        other_causes=pl.lit(0, dtype=CAUSE_SCHEMA["other_causes"])
    )


def nothing() -> pl.DataFrame:
    """Return no entries."""
    return unexplained(Differences(_stacked([], DIFFERENCE_SCHEMA), _stacked([], INPUT_SCHEMA)))


# --- comparing ------------------------------------------------------------------------------------


def compare(connection: duckdb.DuckDBPyConnection) -> Differences:
    """Compare the tables of core and mart with the published ones, and find the inputs behind it.

    Values are compared exactly, null-safe. A column or a table that is new restates nothing.

    Args:
        connection: the tables that runs wrote, with the published file attached.
    """
    common = _common_columns(connection)
    _list_sessions(connection, common)
    changed = _changed_tables(connection)
    tables = [
        _Comparison(connection, TABLES[name], columns)
        for name, columns in common.items()
        if name in changed
    ]
    entries = [some for table in tables if table.is_kept for some in table.entries()]
    found = _stacked(entries, DIFFERENCE_SCHEMA)
    inputs: list[pl.DataFrame] = []
    if found.height:
        for table in tables:
            if not table.is_kept:
                inputs += table.changed_rows()
    return Differences(found, _stacked(inputs, INPUT_SCHEMA))


def _kept() -> Iterator[type[Table]]:
    """Yield the tables whose published values are remembered."""
    return (model for name, model in TABLES.items() if name.startswith(("core.", "mart.")))


def _stacked(frames: Sequence[pl.DataFrame], schema: _Types) -> pl.DataFrame:
    return pl.concat(
        [pl.DataFrame(schema=schema), *(frame.cast(pl.Schema(schema)) for frame in frames)]
    )


def _changed_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the tables of which a write has changed a value since they were published."""
    written, published = (
        {
            tuple(row)
            for row in run_statement(
                connection,
                f"SELECT table_name, version, changed_at, run_id FROM {place}ops.table_versions",
            )
        }
        for place in ("", f"{PUBLISHED}.")
    )
    return {name for name, *_ in written - published}


def _list_sessions(
    connection: duckdb.DuckDBPyConnection, common: Mapping[str, Sequence[str]]
) -> None:
    """Note which sessions of which table readers have had: ``__listed``.

    Of a file from before this was kept: those that it has.
    """
    held = [
        f"SELECT {ddl.literal(model.table())} AS table_name, session_date FROM ("
        f"{_sessions(model, f'{PUBLISHED}.')})"
        for model in _kept()
        if model.table() in common
    ]
    if _has_log(connection):
        held = [f"SELECT table_name, session_date FROM {PUBLISHED}.ops.published_sessions", *held]
    nothing = "SELECT NULL::VARCHAR AS table_name, NULL::DATE AS session_date WHERE false"
    run_statement(
        connection,
        "CREATE OR REPLACE TEMP TABLE __listed AS " + " UNION ".join([nothing, *held]),
    )


def _sessions(model: type[Table], place: str = "") -> str:
    """Select the sessions of a table; a null, for the table, where its rows have none."""
    if not _has_sessions(model):
        return "SELECT NULL::DATE AS session_date"
    tables = {model.table(), model.life().sessions_of or model.table()}
    return " UNION ".join(
        f"SELECT DISTINCT session_date FROM {place}{ddl.qualified(table)}"
        for table in sorted(tables)
    )


def _has_log(connection: duckdb.DuckDBPyConnection) -> bool:
    return bool(
        run_statement(
            connection,
            "FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'ops' "
            "AND table_name = 'published_sessions'",
            [PUBLISHED],
        )
    )


def _has_sessions(model: type[Table]) -> bool:
    return _SESSION in model.key()


def _common_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Return the columns that say something, and that the published table has in the same type.

    A table that lacks a column of its key there is as good as none.
    """
    published = set(
        run_statement(
            connection,
            "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = ?",
            [PUBLISHED],
        )
    )
    found = {}
    for name, model in TABLES.items():
        if name.startswith("ops."):
            continue
        types = {c.name: _TYPES.get(c.duckdb_type, c.duckdb_type) for c in model.columns()}
        columns = [c for c in model.value_names() if (name, c, types[c]) in published]
        if set(model.key()) <= set(columns):
            found[name] = columns
    return found


@dataclass(frozen=True)
class _Comparison:
    """One table, as it is published and as it is written.

    Attributes:
        connection: the tables that runs wrote, with the published file attached.
        model: the table.
        columns: those that both have.
    """

    connection: duckdb.DuckDBPyConnection
    model: type[Table]
    columns: list[str]

    @property
    def is_kept(self) -> bool:
        """Tell whether published values of the table are remembered."""
        return self.model.table().startswith(("core.", "mart."))

    # --- what it yields ---

    def entries(self) -> Iterator[pl.DataFrame]:
        """Yield what changed of what was published."""
        life = self.model.life()
        apart = {*life.positional, *life.of_session}
        columns = [name for name in self.columns if name not in apart]
        within = self._differing_days(columns)
        if self._pair(self.columns, columns, within):
            values = [name for name in columns if name not in self.model.key()]
            asked = [self._structural(), *(self._changed(name, columns) for name in values)]
            yield self._ask(" UNION ALL ".join(f"({query})" for query in asked))
        of_session = [self._of_session(name) for name in life.of_session if name in self.columns]
        if of_session:
            yield self._ask(" UNION ALL ".join(f"({query})" for query in of_session))
        moved = [name for name in life.positional if name in self.columns]
        if moved and self._pair(moved, moved, self._differing_days(moved)):
            asked = [self._moved(name, self._differs(name)) for name in moved]
            yield self._ask(" UNION ALL ".join(f"({query})" for query in asked))

    def changed_rows(self) -> Iterator[pl.DataFrame]:
        """Yield the rows that changed, those of new sessions too."""
        within = self._differing_days(self.columns, listed=False)
        if not self._pair(self.columns, self.columns, within):
            return
        values = ", ".join(
            f"CASE WHEN {self._differs(name)} THEN {ddl.literal(name + ' ')} || "
            f"coalesce({_old(name)}::VARCHAR, 'null') || ' -> ' || "
            f"coalesce({_new(name)}::VARCHAR, 'null') END"
            for name in self.columns
            if name not in self.model.key()
        )
        yield self._ask(
            f"SELECT {ddl.literal(self.model.table())} AS table_name, "
            f"{self._row_key()} AS row_key, {self._subjects()} AS subjects, {self._day()} AS day, "
            "CASE WHEN is_old IS NULL THEN 'appeared' WHEN is_new IS NULL THEN 'vanished' "
            f"ELSE concat_ws(', ', {values}) END AS what FROM __pair ORDER BY row_key"
        )

    # --- how ---

    def _ask(self, query: str) -> pl.DataFrame:
        frame: pl.DataFrame = self.connection.sql(query).pl()
        return frame

    @property
    def _both(self) -> tuple[str, str]:
        """The table as it is published, and as it is written."""
        name = ddl.qualified(self.model.table())
        return f"{PUBLISHED}.{name}", name

    def _differing_days(self, columns: Sequence[str], *, listed: bool = True) -> str:
        """Find the sessions whose rows differ, and return the condition that picks them.

        Args:
            columns: what is looked at, beside the key.
            listed: look at sessions alone that readers have had.
        """
        if not _has_sessions(self.model):
            return "true"
        # Hashed once more: the hash of several columns is that of the last one, xor what is
        # before it, and two rows in which it changes alike would cancel out.
        digested = f"hash({column_list(sorted({*columns, *self.model.key()}))})"
        old, new = (
            f"(SELECT {_SESSION}, count(*) AS rows, bit_xor(hash({digested})) AS digest "
            f"FROM {table} GROUP BY {_SESSION})"
            for table in self._both
        )
        run_statement(
            self.connection,
            f"CREATE OR REPLACE TEMP TABLE __days AS SELECT {_SESSION} FROM {old} AS o "
            f"FULL JOIN {new} AS n USING ({_SESSION}) "
            "WHERE (o.rows, o.digest) IS DISTINCT FROM (n.rows, n.digest)"
            + (f" AND {_SESSION} IN ({self._listed()})" if listed else ""),
        )
        return f"{_SESSION} IN (SELECT {_SESSION} FROM __days)"

    def _listed(self) -> str:
        return (
            f"SELECT session_date FROM __listed "
            f"WHERE table_name = {ddl.literal(self.model.table())} AND session_date IS NOT NULL"
        )

    def _pair(self, columns: Sequence[str], compared: Sequence[str], within: str) -> bool:
        """Put rows that differ beside each other, ``__pair``, and tell whether there are any.

        Args:
            columns: what both sides have of a row, beside the key.
            compared: what makes a difference.
            within: the condition that picks rows.
        """
        kept = sorted({*columns, *self.model.key()})
        old, new = (
            f"(SELECT *, true AS is_there FROM {table} WHERE {within})" for table in self._both
        )
        sides = ", ".join(f"o.{ddl.quoted(c)} AS {_old(c)}, n.{ddl.quoted(c)} AS {_new(c)}"
                          for c in kept)  # fmt: skip
        same_key = " AND ".join(
            f"o.{ddl.quoted(c)} IS NOT DISTINCT FROM n.{ddl.quoted(c)}" for c in self.model.key()
        )
        differs = " OR ".join(
            f"o.{ddl.quoted(c)} IS DISTINCT FROM n.{ddl.quoted(c)}"
            for c in compared
            if c not in self.model.key()
        )
        run_statement(
            self.connection,
            f"CREATE OR REPLACE TEMP TABLE __pair AS SELECT o.is_there AS is_old, "
            f"n.is_there AS is_new, {sides} FROM {old} AS o FULL JOIN {new} AS n ON {same_key} "
            f"WHERE o.is_there IS NULL OR n.is_there IS NULL OR {differs or 'false'}",
        )
        return bool(run_statement(self.connection, "FROM __pair LIMIT 1"))

    def _structural(self) -> str:
        """Rows that vanished, whole; and rows that appeared after their session was published."""
        written_out = ", ".join(f"{ddl.literal(c)}, {_old(c)}::VARCHAR" for c in self.columns)
        life = self.model.life()
        begins = "NULL" if life.begins is None else _side(life.begins, self.model, _new)
        # Of rows of sessions, those of new ones are not looked at.
        is_late = "true"
        if not _has_sessions(self.model) and life.sessions_of is not None:
            is_late = f"NOT {self._is_new(begins)}"
        return (
            f"{self._select('NULL')}, CASE WHEN is_new IS NULL THEN '{Change.VANISHED}' "
            f"ELSE '{Change.APPEARED}' END AS change, "
            f"CASE WHEN is_new IS NULL THEN json_object({written_out})::VARCHAR END AS old, "
            f"NULL AS new, 1 AS rows, {self._handles()} FROM __pair "
            f"WHERE is_new IS NULL OR (is_old IS NULL AND {is_late}) ORDER BY row_key"
        )

    def _changed(self, name: str, columns: Sequence[str]) -> str:
        """Values of a column that changed: those listed, and how many were but moved on."""
        grown = self._is_moved_on(name)
        changed = (
            f"{self._select(ddl.literal(name))}, {self._word(name, columns)} AS change, "
            f"{_old(name)}::VARCHAR AS old, {_new(name)}::VARCHAR AS new, 1 AS rows, "
            f"{self._handles()} FROM __pair "
            f"WHERE is_old AND is_new AND {self._differs(name)} AND NOT {grown} ORDER BY row_key"
        )
        if grown == "false":
            return changed
        return f"({changed}) UNION ALL ({self._moved(name, f'{self._differs(name)} AND {grown}')})"

    def _of_session(self, name: str) -> str:
        """The value of a column that says the same in all rows of a session."""
        column = ddl.quoted(name)
        old, new = (
            f"(SELECT {_SESSION}, any_value({column}) AS said, count(*) AS rows FROM {table} "
            f"GROUP BY {_SESSION})"
            for table in self._both
        )
        return (
            f"SELECT {ddl.literal(self.model.table())} AS table_name, "
            f"[{_SESSION}::VARCHAR] AS row_key, {_SESSION} AS session_date, "
            f"{ddl.literal(name)} AS column_name, '{Change.CHANGED}' AS change, "
            "o.said::VARCHAR AS old, n.said::VARCHAR AS new, n.rows AS rows, "
            f"[]::VARCHAR[] AS subjects, {_SESSION} AS day "
            f"FROM {old} AS o JOIN {new} AS n USING ({_SESSION}) "
            f"WHERE o.said IS DISTINCT FROM n.said ORDER BY {_SESSION}"
        )

    def _moved(self, name: str, condition: str) -> str:
        """How many values of a column moved."""
        return (
            f"SELECT {ddl.literal(self.model.table())} AS table_name, []::VARCHAR[] AS row_key, "
            f"NULL::DATE AS session_date, {ddl.literal(name)} AS column_name, "
            f"'{Change.MOVED}' AS change, NULL AS old, NULL AS new, count(*) AS rows, "
            "[]::VARCHAR[] AS subjects, NULL::DATE AS day "
            f"FROM __pair WHERE is_old AND is_new AND {condition} HAVING count(*) > 0"
        )

    def _word(self, name: str, columns: Sequence[str]) -> str:
        """Say whether a change settles what was pending, and changes nothing else of the row."""
        pending = self.model.life().pending
        if pending is None or name not in pending[2] or pending[0] not in self.columns:
            return f"'{Change.CHANGED}'"
        column, word, settles = pending
        others = [self._differs(c) for c in columns if c not in {*settles, *self.model.key()}]
        return (
            f"CASE WHEN {_old(column)} = {ddl.literal(word)} AND {_new(column)} <> "
            f"{ddl.literal(word)} AND NOT ({' OR '.join(others)}) THEN '{Change.SETTLED}' "
            f"ELSE '{Change.CHANGED}' END"
        )

    def _is_moved_on(self, name: str) -> str:
        """Tell, in SQL, whether a new session alone moved a value of an open row on."""
        life = self.model.life()
        for until, columns in life.grows.items():
            if name in columns and life.open in self.columns:
                is_new = self._is_new(_side(until, self.model, _new))
                return f"({_old(str(life.open))} IS NULL AND {self._has_new()} AND {is_new})"
        return "false"

    def _is_new(self, day: str) -> str:
        """Tell, in SQL, whether the first session from a date on is new to readers, or none."""
        sessions = ddl.literal(str(self.model.life().sessions_of))
        return (
            "NOT coalesce((SELECT arg_min(s.is_listed, s.session_date) FROM ("
            f"SELECT session_date, true AS is_listed FROM __listed WHERE table_name = {sessions} "
            f"UNION ALL {self._new_sessions()}) AS s WHERE s.session_date >= {day}), false)"
        )

    def _has_new(self) -> str:
        return f"EXISTS ({self._new_sessions()})"

    def _new_sessions(self) -> str:
        """The sessions that readers have not had."""
        of = str(self.model.life().sessions_of)
        return (
            f"SELECT DISTINCT session_date, false AS is_listed FROM {ddl.qualified(of)} "
            "WHERE session_date NOT IN (SELECT session_date FROM __listed WHERE table_name = "
            f"{ddl.literal(of)})"
        )

    def _select(self, column: str) -> str:
        session = _either(_SESSION) if _SESSION in self.columns else "NULL::DATE"
        return (
            f"SELECT {ddl.literal(self.model.table())} AS table_name, "
            f"{self._row_key()} AS row_key, {session} AS session_date, {column} AS column_name"
        )

    def _handles(self) -> str:
        return f"{self._subjects()} AS subjects, {self._day()} AS day"

    def _row_key(self) -> str:
        return f"[{', '.join(f'{_either(c)}::VARCHAR' for c in key_of(self.model))}]"

    def _subjects(self) -> str:
        """The words among the key."""
        texts = [c.name for c in self.model.columns() if c.is_key and c.dtype == pl.String]
        return f"[{', '.join(_either(c) for c in texts)}]::VARCHAR[]"

    def _day(self) -> str:
        day = self.model.date_of_key() or (_SESSION if _SESSION in self.columns else None)
        return f"{_either(day)}" if day else "NULL::DATE"

    def _differs(self, name: str) -> str:
        return f"({_old(name)} IS DISTINCT FROM {_new(name)})"


def key_of(model: type[Table]) -> list[str]:
    """Return the columns of a table's key in the order of its columns, as ``row_key`` has them."""
    return [c.name for c in model.columns() if c.is_key]


def _old(name: str) -> str:
    return ddl.quoted(f"old.{name}")


def _new(name: str) -> str:
    return ddl.quoted(f"new.{name}")


def _either(name: str) -> str:
    return f"coalesce({_new(name)}, {_old(name)})"


def _side(expression: str, model: type[Table], side: Callable[[str], str]) -> str:
    """Write an expression over columns of a table as one over a side of ``__pair``."""
    words = [side(word) if word in model.names() else word for word in expression.split()]
    return " ".join(words)


# --- keeping --------------------------------------------------------------------------------------


def take_over(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the log the one that is published: what was written and not published is forgotten.

    A file from before there was a log: what it has was published by its last publication.

    Args:
        connection: the tables that runs wrote, with the published file attached, in a transaction.
    """
    if _has_log(connection):
        for model in (ops.PublishedSessions, ops.Restatements):
            table = ddl.qualified(model.table())
            sizes = (
                f"SELECT count(*), max(COLUMNS('_at$')) FROM {place}{table}"
                for place in ("", f"{PUBLISHED}.")
            )
            here, there = (run_statement(connection, size) for size in sizes)
            if here != there:
                run_statement(connection, f"DELETE FROM {table}")
                run_statement(connection, f"INSERT INTO {table} BY NAME FROM {PUBLISHED}.{table}")
        return
    run_statement(connection, "DELETE FROM ops.restatements")
    run_statement(connection, "DELETE FROM ops.published_sessions")
    run_statement(
        connection,
        "INSERT INTO ops.published_sessions BY NAME "
        "SELECT table_name, session_date, passed_at AS first_published_at, run_id FROM __listed, "
        f"(FROM {PUBLISHED}.ops.publications ORDER BY passed_at DESC LIMIT 1) ORDER BY ALL",
    )


def keep(
    connection: duckdb.DuckDBPyConnection, explained: pl.DataFrame, run_id: str, moment: datetime
) -> None:
    """Write down what a publication changes, and the sessions that it publishes first.

    Its time is the moment given, or the instant after the last one that is written down: two
    publications do not share a time, whatever the clock says.

    Args:
        connection: the tables that runs wrote, in a transaction.
        explained: entries with their causes.
        run_id: the run that publishes.
        moment: what counts as now (UTC).
    """
    (last,) = run_statement(
        connection,
        "SELECT greatest((SELECT max(changed_at) FROM ops.restatements), "
        "(SELECT max(first_published_at) FROM ops.published_sessions))",
    )[0]
    time = moment if last is None else max(moment, last.astimezone(UTC) + _TICK)
    if explained.height:
        rows = explained.with_columns(
            changed_at=pl.lit(time, dtype=pl.Datetime("us", "UTC")), run_id=pl.lit(run_id)
        ).select(ops.Restatements.names())
        validate(rows, ops.Restatements)
        connection.register("incoming", rows.to_arrow())
        run_statement(connection, "INSERT INTO ops.restatements BY NAME FROM incoming")
        connection.unregister("incoming")
    for model in _kept():
        name = ddl.literal(model.table())
        run_statement(
            connection,
            f"INSERT INTO ops.published_sessions BY NAME SELECT {name} AS table_name, "
            "session_date, $time AS first_published_at, $run_id AS run_id "
            f"FROM ({_sessions(model)}) AS s "
            f"WHERE NOT EXISTS (FROM ops.published_sessions AS p WHERE p.table_name = {name} "
            "AND p.session_date IS NOT DISTINCT FROM s.session_date) ORDER BY session_date",
            {"time": time, "run_id": run_id},
        )
