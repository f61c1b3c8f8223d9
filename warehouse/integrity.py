"""What must hold between rows, asked of the private database: keys, references, conservation.

Validation before a write sees one table; these look at what is there, whoever wrote it.
"""

from collections.abc import Iterable

import polars as pl

from warehouse import ddl
from warehouse.reader import Reader
from warehouse.schemas import TABLES, Table
from warehouse.storage import Warehouse


def duplicate_keys(warehouse: Warehouse, model: type[Table]) -> pl.DataFrame:
    """Return keys that more than one row has, with how many."""
    key = _names(model.key())
    return _failing(
        warehouse,
        f"SELECT {key}, count(*) AS rows FROM {ddl.qualified(model.table())} "
        f"GROUP BY {key} HAVING count(*) > 1 ORDER BY ALL",
    )


def orphans(warehouse: Warehouse, model: type[Table]) -> pl.DataFrame:
    """Return the references of a table that lead nowhere: columns, to, rows."""
    found = []
    for other, columns in model.references().items():
        here = _names(columns)
        meets = " AND ".join(
            f"t.{ddl.quoted(mine)} = o.{ddl.quoted(theirs)}" for mine, theirs in columns.items()
        )
        lost = _failing(
            warehouse,
            f"SELECT {here}, count(*) AS rows FROM {ddl.qualified(model.table())} t "
            f"WHERE NOT EXISTS (SELECT 1 FROM {ddl.qualified(other)} o WHERE {meets}) "
            f"GROUP BY {here} ORDER BY ALL",
        )
        values = pl.concat_str([pl.col(c).cast(pl.String) for c in columns], separator=", ")
        found.append(lost.select(values.alias("values"), pl.lit(other).alias("lacking in"), "rows"))
    return pl.concat(found)


def unaccounted_rows(
    warehouse: Warehouse, source: type[Table], target: type[Table], date_there: str
) -> pl.DataFrame:
    """Return the rows of a raw table that are neither in core nor in quarantine.

    Args:
        warehouse: where they lie.
        source: the raw table; its key is a symbol and a date.
        target: the core table.
        date_there: the core column that has the date of the raw row.
    """
    symbol, day = source.key()
    rows_of_key = f"o.{ddl.quoted(symbol)} = t.{ddl.quoted(symbol)}"
    return _failing(
        warehouse,
        f"SELECT {_names(source.key())} FROM {ddl.qualified(source.table())} t "
        f"WHERE NOT EXISTS (SELECT 1 FROM {ddl.qualified(target.table())} o "
        f"WHERE {rows_of_key} AND o.{ddl.quoted(date_there)} = t.{ddl.quoted(day)}) "
        f"AND NOT EXISTS (SELECT 1 FROM ops.quarantine q WHERE q.source_table = "
        f"{ddl.literal(target.table())} AND q.symbol = t.{ddl.quoted(symbol)} "
        f"AND q.row_date = t.{ddl.quoted(day)}) ORDER BY ALL",
    )


def refused_rows(warehouse: Warehouse, model: type[Table]) -> tuple[int, int, pl.DataFrame]:
    """Count the rows that a table's gate let through and those that it did not, and show these.

    Returns:
        Rows of the table, rows in quarantine that are not resolved, and those, the latest first:
        symbol, row_date, status, reason.
    """
    table = ddl.literal(model.table())
    open_rows = f"FROM ops.quarantine WHERE source_table = {table} AND status <> 'resolved'"
    counts = _failing(
        warehouse,
        f"SELECT (SELECT count(*) FROM {ddl.qualified(model.table())}) AS through, "
        f"(SELECT count(*) {open_rows}) AS refused",
    )
    through, refused = counts.row(0)
    shown = _failing(
        warehouse,
        f"SELECT symbol, row_date, status, reason {open_rows} ORDER BY row_date DESC, symbol",
    )
    return through, refused, shown


def rows_by_group(reader: Reader, model: type[Table], by: str) -> pl.DataFrame:
    """Count the rows of a table for each value of a column.

    Returns:
        The column, as text, and rows.
    """
    group = ddl.quoted(by)
    return reader.frame(
        f"SELECT {group}::VARCHAR AS {group}, count(*) AS rows "
        f"FROM {ddl.qualified(model.table())} GROUP BY ALL ORDER BY ALL"
    )


def landed_of(warehouse: Warehouse, symbols: Iterable[str]) -> pl.DataFrame:
    """Count what has landed from a source of lines or indices.

    Returns:
        symbol, table, rows: those of which anything has.
    """
    asked = " UNION ALL ".join(
        f"SELECT {ddl.quoted(model.key()[0])} AS symbol, {ddl.literal(name)} AS table_name, "
        f"count(*) AS rows FROM {ddl.qualified(name)} "
        f"WHERE list_contains($symbols, {ddl.quoted(model.key()[0])}) GROUP BY ALL"
        for name, model in TABLES.items()
        if name.startswith("raw.")
    )
    with warehouse.open_written() as reader:
        return reader.frame(f"{asked} ORDER BY ALL", symbols=list(symbols))


def first_landed(warehouse: Warehouse) -> pl.DataFrame:
    """Return since when bars have landed, by the name that they were delivered under.

    Returns:
        name, first_session.
    """
    with warehouse.open_written() as reader:
        return reader.frame(
            "SELECT coalesce(delivered_symbol, symbol) AS name, min(session_date) AS first_session "
            "FROM raw.prices GROUP BY ALL"
        )


def newest(warehouse: Warehouse, stamps: Iterable[tuple[type[Table], str]]) -> pl.DataFrame:
    """Return the last moment that a column of each table has.

    Returns:
        stamped (the table), newest (UTC; null where it has no row).
    """
    asked = " UNION ALL ".join(
        f"SELECT {ddl.literal(model.table())} AS stamped, max({ddl.quoted(column)}) AS newest "
        f"FROM {ddl.qualified(model.table())}"
        for model, column in stamps
    )
    return _failing(warehouse, f"{asked} ORDER BY ALL").cast({"newest": pl.Datetime("us", "UTC")})


def _names(columns: Iterable[str]) -> str:
    return ", ".join(ddl.quoted(name) for name in columns)


def _failing(warehouse: Warehouse, query: str) -> pl.DataFrame:
    with warehouse.open_written() as reader:
        return reader.frame(query)
