"""DuckDB's view of the models: CREATE TABLE and COMMENT ON; and the macros beside them.

Light to import: the models come with pandera, and whoever only quotes a name needs none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from warehouse.schemas import Table

VIEWS = Path(__file__).parent / "views"
"""The SQL that users call: one macro a file, with the comment that documents it."""


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def qualified(table: str) -> str:
    """Quote ``schema.table``."""
    return ".".join(quoted(part) for part in table.split("."))


def literal(text: str) -> str:
    """Quote a string literal, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


def statements(model: type[Table], *, grown: bool = False) -> Iterator[str]:
    """Yield the statements that make a table; what it holds is said where it is published.

    Args:
        model: the table.
        grown: whether it may be there, and lack columns that hold null.

    There is no PRIMARY KEY: it makes loading four times slower, and uniqueness is checked before
    every write.
    """
    columns = ", ".join(
        f"{quoted(c.name)} {c.duckdb_type}{'' if c.nullable else ' NOT NULL'}"
        for c in model.columns()
    )
    yield f"CREATE SCHEMA IF NOT EXISTS {quoted(model.table().split('.')[0])}"
    yield f"CREATE TABLE IF NOT EXISTS {qualified(model.table())} ({columns})"
    if grown:
        for c in model.columns():
            yield (
                f"ALTER TABLE {qualified(model.table())} ADD COLUMN IF NOT EXISTS "
                f"{quoted(c.name)} {c.duckdb_type}"
            )


def comments(model: type[Table]) -> Iterator[str]:
    """Yield the statements that say what a table and its columns hold."""
    table = qualified(model.table())
    said = f"{model.answers()} One row per {', '.join(model.key())}."
    yield f"COMMENT ON TABLE {table} IS {literal(said)}"
    for c in model.columns():
        yield f"COMMENT ON COLUMN {table}.{quoted(c.name)} IS {literal(c.comment)}"


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the macros that users call: the files of ``warehouse/views``, those called first."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in sorted(VIEWS.glob("*.sql"))}
    calls = {
        name: {other for other in texts if other != name and f" {other}(" in text}
        for name, text in texts.items()
    }
    for name in TopologicalSorter(calls).static_order():
        for statement in connection.extract_statements(texts[name]):
            connection.execute(statement).fetchall()
