"""Tables in memory that answer the SQL users write: the same names, the same macros, no file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import polars as pl

from warehouse import ddl
from warehouse.connection import connect
from warehouse.landing import run_statement
from warehouse.reader import Reader
from warehouse.schemas import TABLES


@contextmanager
def in_memory(tables: Mapping[str, pl.DataFrame]) -> Iterator[Reader]:
    """Open a database in memory that has these tables and the macros of ``warehouse/views``.

    Args:
        tables: ``schema.table`` -> rows; the tables not given are empty.
    """
    with connect(None) as connection:
        for name, model in TABLES.items():
            create_schema, create_table = ddl.statements(model)
            run_statement(connection, create_schema)
            if name not in tables:
                run_statement(connection, create_table)
                continue
            given = name.replace(".", "__")
            connection.register(given, tables[name].to_arrow())
            run_statement(
                connection,
                f"CREATE VIEW {ddl.qualified(name)} AS FROM memory.main.{ddl.quoted(given)}",
            )
        ddl.create_macros(connection)
        yield Reader(connection)
