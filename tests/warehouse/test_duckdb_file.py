"""The DuckDB file: other processes, files of other versions, what the published file is."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.rows import in_another_process, land, land_all, ratios, splits
from warehouse import connection as connection_module
from warehouse import duckdb_file
from warehouse.connection import connect, open_published
from warehouse.duckdb_file import DuckDBFile
from warehouse.errors import WarehouseError, WarehouseLocked
from warehouse.schemas import TABLES


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBFile:
    return DuckDBFile(tmp_path / "market.duckdb", wait_seconds=0.2)


def test_every_table_and_column_has_a_comment_with_its_unit(warehouse):
    land_all(warehouse)
    warehouse.publish()
    with connect(warehouse.published, read_only=True) as connection:
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


HOLD_THE_FILE = """
    import duckdb, sys
    connection = duckdb.connect(sys.argv[1])
    print("open", flush=True)
    sys.stdin.readline()
"""


def test_a_database_that_another_process_has_open_is_named(warehouse):
    warehouse.read("raw.prices")
    other = in_another_process(HOLD_THE_FILE, warehouse.private)
    assert other.stdout.readline() == "open\n"
    try:
        with pytest.raises(WarehouseLocked, match=f"PID {other.pid}"):
            warehouse.read("raw.prices")
    finally:
        other.communicate("\n", timeout=30)
    assert warehouse.read("raw.prices").is_empty()


def test_a_lock_that_is_let_go_in_time_is_waited_for(warehouse):
    warehouse.read("raw.prices")
    other = in_another_process(
        HOLD_THE_FILE.replace("sys.stdin.readline()", "import time; time.sleep(0.5)"),
        warehouse.private,
    )
    assert other.stdout.readline() == "open\n"
    patient = DuckDBFile(warehouse.published, wait_seconds=20)
    assert patient.read("raw.prices").is_empty()
    other.communicate(timeout=30)


def test_a_second_writer_is_told_who_holds_the_lock(warehouse):
    other = in_another_process(
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
    warehouse = DuckDBFile(tmp_path / "file" / "market.duckdb", 0.1)
    with pytest.raises(WarehouseError, match="cannot write the warehouse folder"):
        warehouse.lock.acquire("me", 0.1)
    with pytest.raises(WarehouseError, match="cannot write the warehouse folder"):
        warehouse.read("raw.prices")


def test_a_database_of_another_layout_is_refused_with_the_way_out(warehouse, monkeypatch):
    warehouse.read("raw.prices")
    monkeypatch.setattr(duckdb_file, "GROWS_FROM", 98)
    monkeypatch.setattr(duckdb_file, "SCHEMA_VERSION", 99)
    monkeypatch.setattr(duckdb_file, "GROWS_FROM", 98)
    with pytest.raises(WarehouseError, match=r"layout \d+, this version writes 99\n.*Move"):
        warehouse.read("raw.prices")


def test_an_open_session_keeps_its_data_and_a_new_one_sees_the_new(warehouse):
    land_all(warehouse)
    land(warehouse, splits(("A", 7, 2)))
    warehouse.publish()
    reader = in_another_process(
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
    land(warehouse, splits(("A", 7, 2), ("B", 8, 3)))
    warehouse.publish()
    reader.stdin.write("\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "1\n"
    with connect(warehouse.published, read_only=True) as connection:
        assert connection.sql("SELECT count(*) FROM raw.splits").fetchall() == [(2,)]
    reader.communicate("\n", timeout=30)


def test_a_stale_wal_beside_the_published_file_does_no_harm(warehouse):
    land_all(warehouse)
    warehouse.publish()
    wal = warehouse.published.with_name("market.duckdb.wal")
    wal.write_bytes(b"left by a session that crashed")
    warehouse.publish()
    assert not wal.exists()
    with connect(warehouse.published, read_only=True) as connection:
        assert connection.sql("SELECT count(*) FROM raw.splits").fetchall() == [(0,)]


def test_left_overs_of_a_killed_publication_are_cleared(warehouse):
    land_all(warehouse)
    left_over = warehouse.folder / "market.duckdb.999999.publishing"
    left_over.write_bytes(b"half a copy")
    warehouse.publish()
    assert not left_over.exists()


def test_the_published_file_opens_in_the_command_line_that_users_have(warehouse):
    land_all(warehouse)
    land(warehouse, splits(("A", 7, 2)))
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
    land(warehouse, splits(("A", 7, 2)))
    writer = in_another_process(
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
    assert ratios(warehouse) == [("A", 7, 2)]


def test_a_process_killed_before_it_made_the_tables_is_recovered_from(warehouse):
    warehouse.folder.mkdir(parents=True)
    duckdb.connect(str(warehouse.private)).close()
    assert warehouse.read("raw.prices").is_empty()


def test_a_file_published_by_another_version_is_refused_with_the_way_out(warehouse, monkeypatch):
    land_all(warehouse)
    warehouse.publish()
    monkeypatch.setattr(connection_module, "SCHEMA_VERSION", 99)
    with pytest.raises(WarehouseError, match=r"layout \d+, this version reads 99\n.*capshock run"):
        open_published(warehouse.published)
