"""Files that are cut short, have other bytes, or are something else: mended, or said in a sentence.

Each fault is made in a real file: what DuckDB says of it is what is relied on.
"""

import random
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.warehouse.rows import in_another_process, land_rest, splits
from warehouse.duckdb_file import DuckDBFile
from warehouse.errors import WarehouseDamaged, WarehouseError
from warehouse.landing import Landing
from warehouse.reader import read_published
from warehouse.responses import ResponseStore
from warehouse.schemas import TABLES, raw

ROWS = 60_000
"""Rows that fill several blocks of a DuckDB file."""


@pytest.fixture(scope="module")
def _landed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    warehouse = DuckDBFile(folder / "market.duckdb", 0.2)
    rnd = random.Random(7)  # noqa: S311, made-up rows
    many = (
        splits(("A", 7, 2))
        .select(pl.all().repeat_by(ROWS).explode())
        .with_columns(
            symbol=pl.Series([f"S{n:06}" for n in range(ROWS)]),
            ex_date=pl.Series([date(2025, 1, 1) + timedelta(days=n % 300) for n in range(ROWS)]),
            ratio=pl.Series([rnd.random() + 1 for _ in range(ROWS)]),
            response_id=pl.Series([f"{rnd.getrandbits(128):x}" for _ in range(ROWS)]),
        )
    )
    warehouse.land(raw.Splits, Landing(many), (), "run")
    land_rest(warehouse)
    warehouse.publish()
    return folder


@pytest.fixture
def warehouse(_landed, tmp_path) -> DuckDBFile:
    """A published warehouse whose file has blocks enough to be damaged in any."""
    shutil.copytree(_landed, tmp_path, dirs_exist_ok=True)
    found = DuckDBFile(tmp_path / "market.duckdb", 0.2)
    assert found.private.stat().st_size > 8 * 262_144
    return found


def _cut(share: float, less: int = 0) -> Callable[[Path], None]:
    return lambda path: _truncate(path, int(path.stat().st_size * share) - less)


def _truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


def _flip(path: Path, offset: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def _flip_one(first: float, last: float, seed: int) -> Callable[[Path], None]:
    """Flip a bit between two shares of the file."""

    def damage(path: Path) -> None:
        rnd = random.Random(seed)  # noqa: S311, a place to break
        size = path.stat().st_size
        _flip(path, rnd.randrange(int(first * size), int(last * size)), rnd.randrange(8))

    return damage


def _place_in_use(path: Path, seed: int) -> tuple[int, int]:
    """Return byte and bit of a block that holds rows: free blocks hold what nobody reads."""
    blocks = "SELECT DISTINCT block_id FROM pragma_storage_info('raw.splits') WHERE block_id >= 0"
    with duckdb.connect(str(path), read_only=True) as connection:
        used = sorted(block for (block,) in connection.sql(blocks).fetchall())
    rnd = random.Random(seed)  # noqa: S311, a place to break
    return 12_288 + rnd.choice(used) * 262_144 + rnd.randrange(8, 4_096), rnd.randrange(8)


FAULTS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: _truncate(path, 0),
    "one byte": lambda path: _truncate(path, 1),
    "killed while it was made": lambda path: _truncate(path, 4096),
    "headers alone": lambda path: _truncate(path, 12_288),
    "a quarter": _cut(1 / 4),
    "half": _cut(1 / 2),
    "all but a byte": _cut(1, less=1),
    "text": lambda path: path.write_text("not a database " * 100),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    **{f"header, byte {offset}": lambda path, offset=offset: _flip(path, offset, 3)
       for offset in (0, 9, 20, 4_100, 8_200)},
    "catalog": lambda path: _flip(path, 12_300, 5),
}  # fmt: skip
"""Faults that one sees when one opens the file."""


def _each(values: Iterable[Any], first: int) -> list[Any]:
    """Return all of them as cases; those but every third, from the first on, are slow."""
    return [
        pytest.param(value, marks=[] if n % 3 == first else pytest.mark.slow)
        for n, value in enumerate(values)
    ]


def _recovered(warehouse: DuckDBFile, expected: dict[str, pl.DataFrame]) -> str:
    """Write again as a run does, and return what was said; the tables are those of before."""
    said: list[str] = []
    with warehouse.writing("a run", said.append):
        assert {name: warehouse.read(name) for name in TABLES}.keys() == expected.keys()
        for name, rows in expected.items():
            assert warehouse.read(name).equals(rows), name
    with warehouse.writing("the next run", said.append):
        assert warehouse.is_published()
    (told,) = said
    return told


def _all(warehouse: DuckDBFile) -> dict[str, pl.DataFrame]:
    with warehouse.writing("a test"):
        return {name: warehouse.read(name) for name in TABLES}


@pytest.mark.parametrize("fault", _each(FAULTS, 0))
def test_a_damaged_private_database_is_built_anew_from_the_published_file(warehouse, fault):
    expected = _all(warehouse)
    FAULTS[fault](warehouse.private)
    bytes_found = warehouse.private.read_bytes()
    told = _recovered(warehouse, expected)
    (aside,) = warehouse.folder.glob("market.duckdb.damaged-*")
    assert aside.read_bytes() == bytes_found
    assert "the file is damaged" in told
    assert f"moved aside, to {aside}" in told
    assert f"built anew from {warehouse.published}" in told


@pytest.mark.parametrize("seed", _each(range(6), 0))
def test_a_bit_that_flips_in_a_block_ends_a_run_in_a_sentence_and_the_next_recovers(
    warehouse, seed
):
    """DuckDB finds it when it reads the block, which may be in the middle of a run."""
    expected = _all(warehouse)
    _flip(warehouse.private, *_place_in_use(warehouse.private, seed))
    refused = pytest.raises(
        WarehouseDamaged, match=r"computed checksum.*\n.*Run again: it is moved"
    )
    with warehouse.writing("a run"), refused:
        for name in TABLES:
            warehouse.read(name)
    assert "computed checksum" in _recovered(warehouse, expected)


def test_planning_mends_and_the_run_that_follows_tells_of_it(warehouse):
    expected = _all(warehouse)
    _cut(1 / 2)(warehouse.private)
    said: list[str] = []
    with warehouse.planning("a plan", 0, said.append):
        assert warehouse.read("raw.splits").equals(expected["raw.splits"])
    assert not said
    assert "built anew" in _recovered(warehouse, expected)


def test_who_only_looks_mends_nothing(warehouse):
    _cut(1 / 2)(warehouse.private)
    size = warehouse.private.stat().st_size
    with warehouse.holding("a look", 0), pytest.raises(WarehouseDamaged, match="Run again"):
        warehouse.read("raw.splits")
    assert warehouse.private.stat().st_size == size


def test_what_landed_after_the_last_publication_is_in_the_file_that_was_moved_aside(warehouse):
    new = Landing(splits(("NEW", 7, 2)), keeps_absent=True)
    warehouse.land(raw.Splits, new, (), "run")
    _flip(warehouse.private, 4_100, 1)
    said: list[str] = []
    with warehouse.writing("a run", said.append):
        assert "NEW" not in warehouse.read("raw.splits")["symbol"]
    assert len(said) == 1
    assert warehouse.is_published()


@pytest.mark.parametrize("published", ["missing", "damaged"])
def test_without_a_published_file_the_source_is_what_it_is_built_from(warehouse, published):
    if published == "missing":
        warehouse.published.unlink()
    else:
        _cut(1 / 2)(warehouse.published)
    _cut(1 / 2)(warehouse.private)
    said: list[str] = []
    with warehouse.writing("a run", said.append):
        assert warehouse.read("raw.splits").is_empty()
    assert "from the source, as there is nothing else to build it from" in said[0]
    why = said[0].split("nothing else to build it from")[1]
    assert ("no published file" if published == "missing" else "the file is damaged") in why


def test_where_there_is_no_room_to_build_it_anew_nothing_is_moved(warehouse):
    _cut(1 / 2)(warehouse.private)
    process = in_another_process(
        """
        import pathlib, resource, sys
        from warehouse.duckdb_file import DuckDBFile
        from warehouse.errors import WarehouseError
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        try:
            with DuckDBFile(pathlib.Path(sys.argv[1]), 0.2).writing("a run"):
                print("opened", flush=True)
        except WarehouseError as error:
            print(error, flush=True)
        """,
        warehouse.published,
    )
    told, _ = process.communicate(timeout=120)
    assert "Make room" in told
    assert not list(warehouse.folder.glob("*.damaged*"))


@pytest.mark.parametrize("rubbish", [b"garbage " * 1000, bytes(1000)], ids=["garbage", "zeros"])
def test_rubbish_beside_the_private_database_does_no_harm(warehouse, rubbish):
    expected = _all(warehouse)
    warehouse.private.with_name("market.duckdb.wal").write_bytes(rubbish)
    with warehouse.writing("a run"):
        assert all(warehouse.read(name).equals(rows) for name, rows in expected.items())


def test_a_process_killed_while_it_makes_the_tables_leaves_no_file(tmp_path):
    warehouse = DuckDBFile(tmp_path / "market.duckdb", 0.2)
    killed = in_another_process(
        """
        import os, pathlib, signal, sys
        from warehouse import ddl, duckdb_file
        made = iter(range(1000))
        statements = ddl.statements

        def until_killed(model):
            if next(made) == 10:
                os.kill(os.getpid(), signal.SIGKILL)
            return statements(model)

        ddl.statements = until_killed
        duckdb_file.DuckDBFile(pathlib.Path(sys.argv[1])).read("raw.prices")
        """,
        warehouse.published,
    )
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert not warehouse.private.exists()
    assert list(warehouse.folder.glob("*.making*"))
    assert warehouse.read("raw.prices").is_empty()
    assert not list(warehouse.folder.glob("*.making*"))


# --- files that are something else ---------------------------------------------------------------


def test_a_database_of_another_application_is_left_alone(tmp_path):
    warehouse = DuckDBFile(tmp_path / "market.duckdb", 0.2)
    warehouse.folder.mkdir()
    with duckdb.connect(str(warehouse.private)) as other:
        other.execute("CREATE TABLE theirs AS SELECT 42 AS answer")
    with pytest.raises(WarehouseError, match="no database of capshock"), warehouse.writing("a run"):
        pytest.fail("opened")
    with duckdb.connect(str(warehouse.private)) as other:
        assert other.sql("FROM theirs").fetchall() == [(42,)]


def test_a_database_of_sqlite_is_left_alone(warehouse):
    for path in (warehouse.private, warehouse.published):
        path.unlink()
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE theirs (answer INTEGER)")
        other.close()
    with pytest.raises(WarehouseError, match="a database of SQLite"), warehouse.writing("a run"):
        pytest.fail("opened")
    with pytest.raises(WarehouseError, match="a database of SQLite"):
        warehouse.hashes()


def test_a_folder_under_the_name_of_a_file_is_named(tmp_path):
    warehouse = DuckDBFile(tmp_path / "market.duckdb", 0.2)
    warehouse.private.mkdir(parents=True)
    warehouse.published.mkdir()
    with pytest.raises(WarehouseError, match="Is a directory"), warehouse.writing("a run"):
        pytest.fail("opened")
    with pytest.raises(WarehouseError, match="Is a directory"):
        warehouse.hashes()


# --- no room, no right to write -------------------------------------------------------------------


def test_a_full_disk_ends_a_step_in_a_sentence_and_leaves_what_was_there(warehouse):
    before = warehouse.read("raw.splits")
    size = warehouse.private.stat().st_size
    process = in_another_process(
        """
        import pathlib, resource, sys
        import polars as pl
        from warehouse.duckdb_file import DuckDBFile
        from warehouse.errors import WarehouseError
        from warehouse.landing import Landing
        from warehouse.schemas import raw
        warehouse = DuckDBFile(pathlib.Path(sys.argv[1]), 0.2)
        rows = warehouse.read("raw.splits")
        more = pl.concat(
            rows.with_columns(symbol=pl.col("symbol") + f"-{n}", ratio=pl.col("ratio") + n)
            for n in range(5)
        )
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
        try:
            with warehouse.writing("a run"):
                warehouse.land(raw.Splits, Landing(more), (), "run")
                warehouse.publish()
        except WarehouseError as error:
            print(error, flush=True)
        """,
        warehouse.published,
        size + 100_000,
    )
    told, _ = process.communicate(timeout=120)
    assert "Make room" in told, told
    said: list[str] = []
    with warehouse.writing("the next run", said.append):
        assert warehouse.read("raw.splits").equals(before)
    assert not said


def test_a_lock_that_cannot_be_had_is_a_sentence(tmp_path):
    warehouse = DuckDBFile(tmp_path / "market.duckdb", 0.1)
    (warehouse.folder / "writer.lock").mkdir(parents=True)
    with pytest.raises(WarehouseError, match="cannot write the warehouse folder"):
        warehouse.is_held()
    with pytest.raises(WarehouseError, match="cannot write"), warehouse.writing("a run"):
        pytest.fail("held")
    with pytest.raises(WarehouseError, match="published file"):
        warehouse.hashes()


@pytest.mark.parametrize("left", ["", "{", "[]", '{"holder": "x"}', "\x00\x01"])
def test_a_garbled_word_of_who_holds_the_lock_is_no_obstacle(tmp_path, left):
    warehouse = DuckDBFile(tmp_path / "market.duckdb", 0.2)
    warehouse.folder.mkdir()
    (warehouse.folder / "writer.json").write_text(left)
    assert warehouse.holder() == "a process that did not leave its name"
    with warehouse.writing("a run"):
        assert warehouse.holder().startswith("a run, process")


# --- the published file ---------------------------------------------------------------------------


@pytest.mark.parametrize("fault", _each(FAULTS, 1))
def test_a_damaged_published_file_says_so_and_is_published_anew(warehouse, fault):
    expected = warehouse.hashes()
    FAULTS[fault](warehouse.published)
    assert not warehouse.is_published()
    with pytest.raises(WarehouseDamaged, match=r"the file is damaged[^\n]*\n.*`capshock run`"):
        warehouse.hashes()
    warehouse.publish()
    assert warehouse.hashes() == expected


def test_a_damaged_block_of_the_published_file_is_said_by_the_query_that_meets_it(warehouse):
    assert not warehouse.has_news("")
    size = warehouse.published.stat().st_size
    for offset in range(300_000, size, 262_144):
        _flip(warehouse.published, offset, 2)
    query = "SELECT sum(hash(s)) FROM raw.splits s"
    way_out = r"damaged[^\n]*checksum[^\n]*\n.*`capshock run`"
    for ask in ("rows", "frame", "value"):
        with (
            pytest.raises(WarehouseDamaged, match=way_out),
            read_published(warehouse.published) as reader,
        ):
            getattr(reader, ask)(query)
    # The way out is one: a run finds that it has to publish the file anew.
    assert warehouse.has_news("")
    warehouse.publish()
    assert not warehouse.has_news("")


# --- stored responses -----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut", "garbage"])
def test_a_damaged_index_of_responses_is_named_with_what_is_lost(tmp_path, fault):
    store = ResponseStore(tmp_path / "responses")
    now = datetime(2025, 1, 7, tzinfo=UTC)
    for n in range(200):
        store.put(f"https://example.com/{n}", 200, {}, f"{n}".encode(), now)
    store._open.close()
    index = tmp_path / "responses" / "index.sqlite"
    if fault == "cut":
        _cut(1 / 2)(index)
    else:
        index.write_bytes(b"garbage " * 1000)
    again = ResponseStore(tmp_path / "responses")
    for ask in (
        lambda: again.put("https://example.com/x", 200, {}, b"x", now),
        lambda: again.prune(set(), now + timedelta(days=1)),
        again.close,
    ):
        with pytest.raises(WarehouseError, match=rf"{index}.*\n.*Move it aside"):
            ask()
    aside = index.with_name("index.sqlite.aside")
    index.rename(aside)
    assert ResponseStore(tmp_path / "responses").put("https://example.com/x", 200, {}, b"x", now)
