"""The tables of a warehouse in memory, with its macros, to be filled by hand."""

from datetime import date, timedelta

import duckdb
import polars as pl

from warehouse import ddl
from warehouse.schemas import TABLES, Table, mart, ref

FIRST = date(2025, 1, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def warehouse() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for model in TABLES.values():
        for statement in ddl.statements(model):
            connection.execute(statement).fetchall()
    ddl.create_macros(connection)
    fill(
        connection,
        ref.Securities,
        [{"symbol": s, "name": f"{s} Inc.", "company_symbol": c, "sector": sector,
          "sector_scheme": "made up"}
         for s, c, sector in (("A", "A", "Energy"), ("B", "B", "Water"), ("B2", "B", "Water"))],
    )  # fmt: skip
    return connection


def fill(connection: duckdb.DuckDBPyConnection, model: type[Table], rows: list[dict]) -> None:
    frame = pl.DataFrame(rows, schema=model.polars_schema())
    connection.register("incoming", frame.to_arrow())
    connection.execute(
        f"INSERT INTO {ddl.qualified(model.table())} BY NAME FROM incoming"
    ).fetchall()
    connection.unregister("incoming")


def index(
    connection: duckdb.DuckDBPyConnection,
    levels: list[float | None],
    parts: list[dict[str, tuple[float, float]]],
) -> None:
    """Levels of sessions 0, 1, ...; weight and return of each member from session 1 on."""
    fill(
        connection,
        mart.IndexReconciliations,
        [{"index_symbol": "^X", "session_date": day(n), "level": level,
          "previous_level": levels[n - 1] if n else None, "members": 2, "members_priced": 2,
          "actual_return": level / levels[n - 1] - 1 if n and level and levels[n - 1] else None,
          "replicated_return": sum(w * r for w, r in parts[n - 1].values()) if n else None,
          "flags": []}
         for n, level in enumerate(levels)],
    )  # fmt: skip
    fill(
        connection,
        mart.IndexImpacts,
        [{"index_symbol": "^X", "session_date": day(n), "symbol": symbol, "return_1d": r,
          "weight_previous_close": w, "contribution_return": w * r,
          "contribution_points": w * r * (levels[n - 1] or 0.0), "flags": []}
         for n, members in enumerate(parts, start=1) for symbol, (w, r) in members.items()],
    )  # fmt: skip


def too_little_priced(
    connection: duckdb.DuckDBPyConnection, number: int, *, published: bool = False
) -> None:
    """Let too little of the index have a price on a session: what the marts have then."""
    connection.execute(
        "UPDATE mart.index_reconciliations SET flags = ['too_little_priced'], "
        "replicated_return = CASE WHEN $published THEN replicated_return END "
        "WHERE session_date = $day",
        {"published": published, "day": day(number)},
    )
    parts = ["weight_previous_close", "contribution_points", "contribution_return"]
    unknown = "".join(f", {part} = NULL" for part in parts if not published)
    connection.execute(
        "UPDATE mart.index_impacts SET flags = ['too_little_priced'], "
        f"index_return_without = NULL{unknown} WHERE session_date = $day",
        {"day": day(number)},
    )


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict]:
    return connection.sql(query).pl().to_dicts()
