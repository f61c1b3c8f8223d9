"""DuckDB's view of the models: CREATE TABLE and COMMENT ON, nothing written by hand."""

from collections.abc import Iterator

from warehouse.schemas import Table


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def qualified(table: str) -> str:
    """Quote ``schema.table``."""
    return ".".join(quoted(part) for part in table.split("."))


def literal(text: str) -> str:
    """Quote a string literal, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


def statements(model: type[Table]) -> Iterator[str]:
    """Yield the statements that make a table and say what it holds.

    There is no PRIMARY KEY: it makes loading four times slower, and uniqueness is checked before
    every write.
    """
    table = qualified(model.table())
    columns = ", ".join(
        f"{quoted(c.name)} {c.duckdb_type}{'' if c.nullable else ' NOT NULL'}"
        for c in model.columns()
    )
    yield f"CREATE SCHEMA IF NOT EXISTS {quoted(model.table().split('.')[0])}"
    yield f"CREATE TABLE IF NOT EXISTS {table} ({columns})"
    comment = f"{model.answers()} One row per {', '.join(model.key())}."
    yield f"COMMENT ON TABLE {table} IS {literal(comment)}"
    for c in model.columns():
        yield f"COMMENT ON COLUMN {table}.{quoted(c.name)} IS {literal(c.comment)}"
