"""What the memory of published values takes: the log after a year of nights, and a night's time.

Not whole runs: the tables of a published file are cut to their last sessions and published night
after night, each with a session more and with what sources revise. A revised close changes what
rests on it in truth: its bar, the caps and the loss or gain of its session and the next, and of
each index that has it the residual and what the index did without each member.
"""

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from rich import print  # noqa: A004

from assets.ops.restatement_causes import explain
from warehouse.connection import connect
from warehouse.duckdb_file import DuckDBFile
from warehouse.restatements import Differences
from warehouse.schemas import TABLES, ops, ref
from warehouse.storage import Publication, Warehouse, open_warehouse

OF_SESSIONS = ("core.prices", "core.index_levels", "mart.market_caps", "mart.market_cap_losses",
               "mart.market_cap_gains", "mart.sector_moves", "mart.index_impacts",
               "mart.index_reconciliations", "raw.prices")  # fmt: skip
CLOSES_A_WEEK = 5
LATE_COUNTS_A_WEEK = 2
WEEK_SESSIONS = 5


def night(warehouse: Warehouse, session: date, draw: random.Random) -> None:
    """Let a session come, settle what was pending, and revise what sources revise."""
    with warehouse.transaction() as c:

        def do(statement: str, **parameters: object) -> None:
            c.execute(statement, parameters).fetchall()

        for side in ("losses", "gains"):
            table = f"mart.market_cap_{side}"
            do("UPDATE " + table + " AS t SET witness = s.witness, flags = s.flags "
               f"FROM source.{table} AS s WHERE t.witness = 'pending' "
               "AND s.company_symbol = t.company_symbol "
               "AND s.session_date = t.session_date")  # fmt: skip
        for table in OF_SESSIONS:
            do(f"INSERT INTO {table} BY NAME FROM source.{table} WHERE session_date = $day",
               day=session)  # fmt: skip
        for side in ("losses", "gains"):
            do(f"UPDATE mart.market_cap_{side} SET witness = 'pending' "
               "WHERE session_date = $day AND witness <> 'official_index'",
               day=session)  # fmt: skip
        if draw.random() < CLOSES_A_WEEK / WEEK_SESSIONS:
            _revise_close(c, session - timedelta(days=draw.randrange(1, 8)), draw)
        if draw.random() < LATE_COUNTS_A_WEEK / WEEK_SESSIONS:
            _revise_count(c, session - timedelta(days=draw.randrange(5, 30)), draw)
        do("UPDATE ops.table_versions SET version = version + 1, built_from = []")


def _one_symbol(c: duckdb.DuckDBPyConnection, draw: random.Random) -> str:
    symbols = c.execute(
        "SELECT DISTINCT company_symbol FROM mart.market_caps ORDER BY 1"
    ).fetchall()
    return draw.choice(symbols)[0]


def _revise_close(c: duckdb.DuckDBPyConnection, day: date, draw: random.Random) -> None:
    found = {"symbol": _one_symbol(c, draw), "day": day}
    days = ("SELECT session_date FROM core.prices WHERE symbol = $symbol AND session_date >= $day "
            "ORDER BY session_date LIMIT 2")  # fmt: skip
    one = f"session_date = (SELECT min(session_date) FROM ({days}))"
    both = f"session_date IN ({days})"
    for statement in (
        f"UPDATE raw.prices SET close = close * 1.0001 WHERE symbol = $symbol AND {one}",
        f"UPDATE core.prices SET close = close * 1.0001 WHERE symbol = $symbol AND {one}",
        "UPDATE core.prices SET comparable_close = comparable_close * 1.0001 "
        f"WHERE symbol = $symbol AND session_date = (SELECT max(session_date) FROM ({days}))",
        "UPDATE mart.market_caps SET close_usd = close_usd * 1.0001, "
        "market_cap_usd = market_cap_usd * 1.0001, price_effect_usd = price_effect_usd * 1.01, "
        f"return_1d = return_1d * 1.01 WHERE company_symbol = $symbol AND {both}",
        *(
            f"UPDATE mart.market_cap_{plural} SET {side}_usd = {side}_usd * 1.01, "
            f"{side}_return = {side}_return * 1.01 WHERE company_symbol = $symbol AND {both}"
            for side, plural in (("loss", "losses"), ("gain", "gains"))
        ),
        f"UPDATE mart.sector_moves SET net_change_usd = net_change_usd + 1 WHERE {both} "
        "AND sector = (SELECT sector FROM ref.securities WHERE symbol = $symbol)",
        "UPDATE mart.index_reconciliations AS r SET "
        "replicated_points = replicated_points + 0.001, "
        "replicated_return = replicated_return + 1e-7, residual_bps = residual_bps - 1e-3 "
        f"WHERE {both} AND EXISTS (FROM mart.index_impacts AS i WHERE i.symbol = $symbol "
        "AND i.index_symbol = r.index_symbol AND i.session_date = r.session_date)",
        "UPDATE mart.index_impacts AS r SET index_return_without = index_return_without + 1e-7, "
        "weight_previous_close = weight_previous_close * (1 - 1e-7), "
        "contribution_return = contribution_return * (1 - 1e-7), "
        "contribution_points = contribution_points * (1 - 1e-7) "
        f"WHERE {both} AND index_symbol IN (SELECT index_symbol FROM mart.index_impacts "
        f"WHERE symbol = $symbol AND {both})",
    ):  # fmt: skip
        c.execute(statement, found).fetchall()


def _revise_count(c: duckdb.DuckDBPyConnection, day: date, draw: random.Random) -> None:
    found = {"symbol": _one_symbol(c, draw), "day": day}
    for statement in (
        "UPDATE mart.market_caps SET shares_outstanding = shares_outstanding * 1.002, "
        "market_cap_usd = market_cap_usd * 1.002, price_effect_usd = price_effect_usd * 1.002, "
        "effect_shares_outstanding = effect_shares_outstanding * 1.002 "
        "WHERE company_symbol = $symbol AND session_date >= $day",
        *(
            f"UPDATE mart.market_cap_{plural} SET {side}_usd = {side}_usd * 1.002 "
            "WHERE company_symbol = $symbol AND session_date >= $day"
            for side, plural in (("loss", "losses"), ("gain", "gains"))
        ),
    ):
        c.execute(statement, found).fetchall()


def timed(call: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """Note the CPU seconds of each call."""

    def run(*arguments: Any) -> Any:
        started = time.process_time()
        try:
            return call(*arguments)
        finally:
            seconds.append(time.process_time() - started)

    return run


def bytes_of(published: Path, table: str, folder: Path) -> int:
    """Return what a table takes in a file of its own, less what an empty one takes."""
    sizes = []
    for name, limit in (("with", ""), ("without", "LIMIT 0")):
        path = folder / f"{name}.duckdb"
        with closing(connect(path)) as c:
            c.execute(f"ATTACH '{published}' AS p (READ_ONLY)").fetchall()
            c.execute(f"CREATE TABLE t AS FROM p.{table} {limit}").fetchall()
        sizes.append(path.stat().st_size)
        path.unlink()
    return sizes[0] - sizes[1]


def paired(file: Path, pairs: int, draw: random.Random) -> None:
    """Publish a whole file with and without the log, each time with a close revised."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / ".build").mkdir()
        for copy in (folder / "market.duckdb", folder / ".build" / "market.duckdb"):
            shutil.copyfile(file, copy)
        warehouse = open_warehouse(folder / "market.duckdb")
        lines = warehouse.read("ref.securities")
        log, seconds = warehouse._log, {"with": [], "without": []}

        def explained(found: Differences) -> pl.DataFrame:
            return explain(found, lines, ref.SymbolChanges.no_rows(), is_other_code=False)

        with warehouse.writing("the benchmark"):
            for number in range(pairs):
                with warehouse.transaction() as c:
                    days = c.execute("SELECT DISTINCT session_date FROM core.prices ORDER BY 1")
                    last = [day for (day,) in days.fetchall()][-2 - number]
                    _revise_close(c, last, draw)
                    c.execute(
                        "UPDATE ops.table_versions SET version = version + 1, built_from = []"
                    ).fetchall()
                for how, logs in (("with", log), ("without", lambda _: None)):
                    warehouse._log = logs
                    publication = Publication(f"{how} {number}", explain=explained)
                    timed(warehouse.publish, seconds[how])(publication)
            nothing: list[float] = []
            timed(log, nothing)(Publication("nothing changed"))
    for how, taken in seconds.items():
        said = ", ".join(f"{one:.2f}" for one in taken)
        print(f"publishing {how} the log, CPU: median {statistics.median(taken):.2f} s ({said})")
    print(f"the log where nothing has changed: {nothing[0]:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paired", type=int, default=0, help="publish the whole file so often")
    parser.add_argument("file", type=Path, help="a published file, such as warehouse/market.duckdb")
    parser.add_argument("--nights", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    draw = random.Random(given.seed)  # noqa: S311 - which rows, by seed
    if given.paired:
        paired(given.file, given.paired, draw)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warehouse = open_warehouse(folder / "market.duckdb")
        assert isinstance(warehouse, DuckDBFile)
        with warehouse.writing("the benchmark"), closing(warehouse._connect(1.0)) as c:
            c.execute(f"ATTACH '{given.file.resolve()}' AS source (READ_ONLY)").fetchall()
            days = c.execute("SELECT DISTINCT session_date FROM source.core.prices ORDER BY 1")
            sessions = [day for (day,) in days.fetchall()][-given.nights - 20 :]
            for table, model in TABLES.items():
                if table.startswith("ops.") and model not in (
                    ops.TableVersions,
                    ops.DataDictionary,
                ):
                    continue
                where = f"WHERE session_date BETWEEN '{sessions[0]}' AND '{sessions[19]}'"
                where = where if table in OF_SESSIONS else ""
                c.execute(f"INSERT INTO {table} BY NAME FROM source.{table} {where}").fetchall()
            c.execute("UPDATE ops.table_versions SET built_from = []").fetchall()
            warehouse.publish(Publication("first"))
            logs, wholes = [], []
            warehouse._log = timed(warehouse._log, logs)
            publish = timed(warehouse.publish, wholes)
            for number, session in enumerate(sessions[20:]):
                night(warehouse, session, draw)
                publish(Publication(f"night {number}"))
        with warehouse.open_published() as reader:
            by_change = reader.rows(
                "SELECT change, count(*) AS entries FROM ops.restatements GROUP BY ALL ORDER BY ALL"
            )
            columns = reader.rows(
                "SELECT table_name, count(*) AS entries FROM ops.restatements GROUP BY ALL "
                "ORDER BY entries DESC"
            )
            started = time.perf_counter()
            reader.rows("FROM as_published('mart.market_cap_losses', now()) LIMIT 1")
            asked = time.perf_counter() - started
        print(f"{given.nights} nights, {sum(row['entries'] for row in by_change):,} entries")
        for row in [*by_change, *columns]:
            print("  ", ", ".join(str(value) for value in row.values()))
        published = folder / "market.duckdb"
        for table in ("ops.restatements", "ops.published_sessions"):
            print(f"{table}: {bytes_of(published, table, folder) / 1e6:.2f} MB")
        print(f"the file: {published.stat().st_size / 1e6:.1f} MB")
        print(f"logging, CPU: median {statistics.median(logs):.2f} s, last ten "
              f"{statistics.median(logs[-10:]):.2f} s")  # fmt: skip
        print(f"publishing, logging included: median {statistics.median(wholes):.2f} s, last ten "
              f"{statistics.median(wholes[-10:]):.2f} s")  # fmt: skip
        print(f"as_published of the losses: {asked:.2f} s")


if __name__ == "__main__":
    main()
