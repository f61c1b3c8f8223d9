"""Storage: windows are replaced whole or not at all, and readers are left alone."""

import subprocess
import sys
import textwrap
import time
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse import connection as connection_module
from warehouse import storage
from warehouse.connection import connect, open_published
from warehouse.errors import InconsistentChain, WarehouseError, WarehouseLocked
from warehouse.landing import Landing, Window, run_statement
from warehouse.schemas import TABLES, mart, raw
from warehouse.storage import Warehouse

WEEK = Window("ex_date", date(2025, 1, 6), date(2025, 1, 10))


def _splits(*rows: tuple[str, int, float], response_id: str = "a") -> pl.DataFrame:
    """Rows of raw.splits in January 2025: symbol, day, ratio."""
    return pl.DataFrame(
        {
            "symbol": [r[0] for r in rows],
            "ex_date": [date(2025, 1, r[1]) for r in rows],
            "ratio": [float(r[2]) for r in rows],
            "source": "files",
            "fetched_at": pl.Series([0] * len(rows), dtype=pl.Int64).cast(pl.Datetime("us", "UTC")),
            "response_id": response_id,
        },
        schema=raw.Splits.polars_schema(),
    )


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "market.duckdb", wait_seconds=0.2)


def _land(warehouse: Warehouse, rows: pl.DataFrame, window: Window | None = None):
    return warehouse.land(raw.Splits, Landing(rows, window), (), "run")


def _ratios(warehouse: Warehouse) -> list[tuple]:
    return [(s, d.day, r) for s, d, r in
            warehouse.read("raw.splits").select("symbol", "ex_date", "ratio").rows()]  # fmt: skip


def test_a_window_is_replaced_and_the_rest_stays(warehouse):
    _land(warehouse, _splits(("A", 3, 2), ("A", 7, 2), ("B", 8, 3)))
    changes = _land(warehouse, _splits(("A", 7, 4), ("C", 9, 2)), WEEK)
    assert (changes.inserted, changes.updated, changes.deleted, changes.rows) == (1, 1, 1, 3)
    assert _ratios(warehouse) == [("A", 3, 2), ("A", 7, 4), ("C", 9, 2)]


def test_an_empty_window_empties_only_itself(warehouse):
    _land(warehouse, _splits(("A", 3, 2), ("A", 7, 2)))
    _land(warehouse, _splits(), WEEK)
    assert _ratios(warehouse) == [("A", 3, 2)]


def test_equal_values_keep_their_provenance(warehouse):
    _land(warehouse, _splits(("A", 7, 2), ("B", 8, 3), response_id="first"))
    changes = _land(warehouse, _splits(("A", 7, 2), ("B", 8, 5), response_id="second"))
    assert (changes.inserted, changes.updated, changes.deleted) == (0, 1, 0)
    assert warehouse.read("raw.splits")["response_id"].to_list() == ["first", "second"]


def test_rows_outside_the_window_are_refused(warehouse):
    with pytest.raises(ValueError, match="1 rows outside"):
        _land(warehouse, _splits(("A", 20, 2)), WEEK)


def test_a_failing_write_rolls_everything_back(warehouse):
    _land(warehouse, _splits(("A", 7, 2)))
    broken = _splits(("A", 7, 9), ("B", 8, 3)).with_columns(
        ratio=pl.when(pl.col("symbol") == "A").then("ratio")
    )
    with pytest.raises(duckdb.ConstraintException, match="NOT NULL"):
        _land(warehouse, broken)
    assert _ratios(warehouse) == [("A", 7, 2)]


def test_columns_are_matched_by_name(warehouse):
    rows = _splits(("A", 7, 2))
    _land(warehouse, rows.select(reversed(rows.columns)))
    assert _ratios(warehouse) == [("A", 7, 2)]


def test_a_symbol_is_data_never_sql(warehouse):
    name = "x'; drop table raw.prices; --"
    _land(warehouse, _splits((name, 7, 2)))
    assert _ratios(warehouse) == [(name, 7, 2)]
    assert warehouse.read("raw.prices").is_empty()


def test_every_table_and_column_has_a_comment_with_its_unit(warehouse):
    warehouse.read("raw.prices")
    with connect(warehouse.private, read_only=True) as connection:
        tables = connection.sql(
            "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()"
        ).fetchall()
        columns = connection.sql(
            "SELECT schema_name || '.' || table_name, column_name, comment, data_type "
            "FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    assert {name for name, comment in tables if comment} == set(TABLES)
    assert all(comment for _, _, comment, _ in columns)
    assert ("raw.prices", "close", "Official close, as traded [USD per share]", "DOUBLE") in columns


def _in_another_process(code: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=Path.cwd(),
    )  # fmt: skip


HOLD_THE_FILE = """
    import duckdb, sys
    connection = duckdb.connect(sys.argv[1])
    print("open", flush=True)
    sys.stdin.readline()
"""


def test_a_database_that_another_process_has_open_is_named(warehouse):
    warehouse.read("raw.prices")
    other = _in_another_process(HOLD_THE_FILE, warehouse.private)
    assert other.stdout.readline() == "open\n"
    try:
        with pytest.raises(WarehouseLocked, match=f"PID {other.pid}"):
            warehouse.read("raw.prices")
    finally:
        other.communicate("\n", timeout=30)
    assert warehouse.read("raw.prices").is_empty()


def test_a_lock_that_is_let_go_in_time_is_waited_for(warehouse):
    warehouse.read("raw.prices")
    other = _in_another_process(
        HOLD_THE_FILE.replace("sys.stdin.readline()", "import time; time.sleep(0.5)"),
        warehouse.private,
    )
    assert other.stdout.readline() == "open\n"
    patient = Warehouse(warehouse.published, wait_seconds=20)
    assert patient.read("raw.prices").is_empty()
    other.communicate(timeout=30)


def test_a_second_writer_is_told_who_holds_the_lock(warehouse):
    other = _in_another_process(
        """
        import sys, pathlib
        from warehouse.lock import WriterLock
        lock = WriterLock(pathlib.Path(sys.argv[1]))
        lock.acquire("run 1234 of refresh", 5)
        print("held", flush=True)
        sys.stdin.readline()
        """,
        warehouse.folder,
    )
    assert other.stdout.readline() == "held\n"
    try:
        with pytest.raises(WarehouseLocked, match=rf"run 1234 of refresh, process {other.pid}"):
            warehouse.lock.acquire("me", 0.2)
    finally:
        other.kill()
        other.communicate(timeout=30)
    # The system releases the lock of a process that died.
    warehouse.lock.acquire("me", 5)
    warehouse.lock.release()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    warehouse = Warehouse(tmp_path / "file" / "market.duckdb", 0.1)
    with pytest.raises(WarehouseError, match="cannot write the warehouse folder"):
        warehouse.lock.acquire("me", 0.1)
    with pytest.raises(WarehouseError, match="cannot write the warehouse folder"):
        warehouse.read("raw.prices")


def test_something_else_under_the_name_of_the_database_is_named(warehouse):
    warehouse.folder.mkdir()
    warehouse.private.write_text("not a database " * 100)
    with pytest.raises(WarehouseError, match="cannot open the database"):
        warehouse.read("raw.prices")


def test_a_database_of_another_layout_is_refused_with_the_way_out(warehouse, monkeypatch):
    warehouse.read("raw.prices")
    monkeypatch.setattr(storage, "SCHEMA_VERSION", 99)
    with pytest.raises(WarehouseError, match=r"layout \d+, this version writes 99\n.*Delete"):
        warehouse.read("raw.prices")


# --- publishing ---------------------------------------------------------------------------------


def _land_all(warehouse: Warehouse) -> None:
    for name, model in TABLES.items():
        if not name.startswith("ops."):
            warehouse.land(model, Landing(model.no_rows()), (), "run")


def test_an_incomplete_chain_is_not_published(warehouse):
    _land(warehouse, _splits(("A", 7, 2)))
    with pytest.raises(InconsistentChain, match=r"never materialised: .*mart\.market_caps"):
        warehouse.publish()
    assert not warehouse.published.exists()


def test_a_table_older_than_its_inputs_is_not_published(warehouse):
    _land_all(warehouse)
    core = TABLES["core.prices"]
    warehouse.land(core, Landing(core.no_rows()), ("raw.splits",), "run")
    warehouse.publish()
    _land(warehouse, _splits(("A", 7, 2)))
    with pytest.raises(
        InconsistentChain, match=r"core\.prices was built from raw\.splits@1, now raw\.splits@2"
    ):
        warehouse.publish()
    warehouse.land(core, Landing(core.no_rows()), ("raw.splits",), "run")
    warehouse.publish()


def test_an_open_session_keeps_its_data_and_a_new_one_sees_the_new(warehouse):
    _land_all(warehouse)
    _land(warehouse, _splits(("A", 7, 2)))
    warehouse.publish()
    reader = _in_another_process(
        """
        import duckdb, sys
        connection = duckdb.connect(sys.argv[1], read_only=True)
        for _ in range(2):
            rows = connection.execute("SELECT count(*) FROM raw.splits").fetchall()
            print(rows[0][0], flush=True)
            sys.stdin.readline()
        """,
        warehouse.published,
    )
    assert reader.stdout.readline() == "1\n"
    _land(warehouse, _splits(("A", 7, 2), ("B", 8, 3)))
    warehouse.publish()
    reader.stdin.write("\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "1\n"
    with connect(warehouse.published, read_only=True) as connection:
        assert connection.sql("SELECT count(*) FROM raw.splits").fetchall() == [(2,)]
    reader.communicate("\n", timeout=30)


def test_a_stale_wal_beside_the_published_file_does_no_harm(warehouse):
    _land_all(warehouse)
    warehouse.publish()
    wal = warehouse.published.with_name("market.duckdb.wal")
    wal.write_bytes(b"left by a session that crashed")
    warehouse.publish()
    assert not wal.exists()
    with connect(warehouse.published, read_only=True) as connection:
        assert connection.sql("SELECT count(*) FROM raw.splits").fetchall() == [(0,)]


def test_left_overs_of_a_killed_publication_are_cleared(warehouse):
    _land_all(warehouse)
    left_over = warehouse.folder / "market.duckdb.999999.publishing"
    left_over.write_bytes(b"half a copy")
    warehouse.publish()
    assert not left_over.exists()


def test_the_published_file_opens_in_the_command_line_that_users_have(warehouse):
    _land_all(warehouse)
    _land(warehouse, _splits(("A", 7, 2)))
    warehouse.publish()
    cli = Path(sys.executable).parent / "duckdb"
    version = subprocess.run([cli, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("v1.5")
    asked = subprocess.run(
        [cli, "-readonly", "-csv", "-noheader", warehouse.published,
         "SELECT symbol, ratio FROM raw.splits; "
         "SELECT comment FROM duckdb_columns() WHERE column_name = 'ratio' LIMIT 1"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert asked.stdout.splitlines()[0] == "A,2.0"
    assert "[ratio]" in asked.stdout


def test_a_process_killed_while_it_writes_leaves_the_last_transaction(warehouse):
    _land(warehouse, _splits(("A", 7, 2)))
    writer = _in_another_process(
        """
        import duckdb, sys, time
        connection = duckdb.connect(sys.argv[1])
        connection.execute("BEGIN").fetchall()
        connection.execute("DELETE FROM raw.splits").fetchall()
        print("deleted", flush=True)
        time.sleep(60)
        """,
        warehouse.private,
    )
    assert writer.stdout.readline() == "deleted\n"
    writer.kill()
    writer.communicate(timeout=30)
    assert _ratios(warehouse) == [("A", 7, 2)]


def test_a_process_killed_before_it_made_the_tables_is_recovered_from(warehouse):
    warehouse.folder.mkdir(parents=True)
    duckdb.connect(str(warehouse.private)).close()
    assert warehouse.read("raw.prices").is_empty()


def test_hashes_do_not_depend_on_the_order_of_rows_or_on_when_they_came(tmp_path):
    hashes = []
    for n, rows in enumerate(([("A", 7, 2), ("B", 8, 3)], [("B", 8, 3), ("A", 7, 2)])):
        warehouse = Warehouse(tmp_path / str(n) / "market.duckdb", 0.2)
        for row in rows:
            day = date(2025, 1, row[1])
            _land(warehouse, _splits(row), Window("ex_date", day, day))
            time.sleep(0.01)
        hashes.append(storage.table_hashes(warehouse.private)["raw.splits"])
    assert hashes[0] == hashes[1]


def test_a_file_published_by_another_version_is_refused_with_the_way_out(warehouse, monkeypatch):
    _land_all(warehouse)
    warehouse.publish()
    monkeypatch.setattr(connection_module, "SCHEMA_VERSION", 99)
    with pytest.raises(WarehouseError, match=r"layout \d+, this version reads 99\n.*capshock run"):
        open_published(warehouse.published)


def test_comments_and_macros_of_this_version_are_in_the_published_file(warehouse):
    _land_all(warehouse)
    with warehouse.transaction() as connection:
        run_statement(connection, "COMMENT ON TABLE mart.market_caps IS 'what it said before'")
    warehouse.publish()
    with open_published(warehouse.published) as connection:
        comment, macros = run_statement(
            connection,
            "SELECT (SELECT comment FROM duckdb_tables() WHERE table_name = 'market_caps'), "
            "(SELECT count(*) FROM duckdb_functions() WHERE NOT internal)",
        )[0]
        run_statement(connection, "FROM index_contributions('^X', '2025-01-02', '2025-01-03')")
    assert comment.startswith(mart.MarketCaps.answers())
    assert macros == 7
