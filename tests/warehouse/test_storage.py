"""What every engine does: windows are replaced whole or not at all, and readers see one state.

The tests ask through the interface alone; a second engine joins ``ENGINES``.
"""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.warehouse.rows import WEEK, land, land_all, land_rest, ratios, splits
from warehouse import ddl
from warehouse.errors import InconsistentChain, TableInvalid, WarehouseError, WriterAtWork
from warehouse.landing import Landing, Window, run_statement
from warehouse.schemas import TABLES, mart, ops, raw
from warehouse.storage import Warehouse, open_warehouse
from warehouse.validation import QUARANTINE_SCHEMA

ENGINES: dict[str, Callable[[Path], Warehouse]] = {
    "duckdb file": lambda folder: open_warehouse(folder / "market.duckdb", 0.2),
}


@pytest.fixture(params=ENGINES)
def make(request) -> Callable[[Path], Warehouse]:
    """Make a warehouse in a folder, by each engine."""
    return ENGINES[request.param]


@pytest.fixture
def warehouse(make, tmp_path: Path) -> Warehouse:
    return make(tmp_path)


def test_a_window_is_replaced_and_the_rest_stays(warehouse):
    land(warehouse, splits(("A", 3, 2), ("A", 7, 2), ("B", 8, 3)))
    changes = land(warehouse, splits(("A", 7, 4), ("C", 9, 2)), WEEK)
    assert (changes.inserted, changes.updated, changes.deleted, changes.rows) == (1, 1, 1, 3)
    assert ratios(warehouse) == [("A", 3, 2), ("A", 7, 4), ("C", 9, 2)]


def test_an_empty_window_empties_only_itself(warehouse):
    land(warehouse, splits(("A", 3, 2), ("A", 7, 2)))
    land(warehouse, splits(), WEEK)
    assert ratios(warehouse) == [("A", 3, 2)]


def test_equal_values_keep_their_provenance(warehouse):
    land(warehouse, splits(("A", 7, 2), ("B", 8, 3), response_id="first"))
    changes = land(warehouse, splits(("A", 7, 2), ("B", 8, 5), response_id="second"))
    assert (changes.inserted, changes.updated, changes.deleted) == (0, 1, 0)
    assert warehouse.read("raw.splits")["response_id"].to_list() == ["first", "second"]


def test_rows_outside_the_window_are_refused(warehouse):
    with pytest.raises(ValueError, match="1 rows outside"):
        land(warehouse, splits(("A", 20, 2)), WEEK)


def test_a_failing_write_rolls_everything_back(warehouse):
    land(warehouse, splits(("A", 7, 2)))
    broken = splits(("A", 7, 9), ("B", 8, 3)).with_columns(
        ratio=pl.when(pl.col("symbol") == "A").then("ratio")
    )
    with pytest.raises(duckdb.ConstraintException, match="NOT NULL"):
        land(warehouse, broken)
    assert ratios(warehouse) == [("A", 7, 2)]


def test_columns_are_matched_by_name(warehouse):
    rows = splits(("A", 7, 2))
    land(warehouse, rows.select(reversed(rows.columns)))
    assert ratios(warehouse) == [("A", 7, 2)]


def test_a_symbol_is_data_never_sql(warehouse):
    name = "x'; drop table raw.prices; --"
    land(warehouse, splits((name, 7, 2)))
    assert ratios(warehouse) == [(name, 7, 2)]
    assert warehouse.read("raw.prices").is_empty()


def test_an_incomplete_chain_is_not_published(warehouse):
    land(warehouse, splits(("A", 7, 2)))
    with pytest.raises(InconsistentChain, match=r"never materialised: .*mart\.market_caps"):
        warehouse.publish()
    with pytest.raises(WarehouseError, match="there is no published file"):
        warehouse.hashes()


def test_a_table_older_than_its_inputs_is_not_published(warehouse):
    land_all(warehouse)
    core = TABLES["core.prices"]
    warehouse.land(core, Landing(core.no_rows()), ("raw.splits",), "run")
    warehouse.publish()
    land(warehouse, splits(("A", 7, 2)))
    with pytest.raises(
        InconsistentChain, match=r"core\.prices was built from raw\.splits@1, now raw\.splits@2"
    ):
        warehouse.publish()
    warehouse.land(core, Landing(core.no_rows()), ("raw.splits",), "run")
    warehouse.publish()


# --- reading from a date on -------------------------------------------------------------------


def test_a_table_is_read_from_a_date_on_in_the_order_of_its_key(warehouse):
    land(warehouse, splits(("B", 8, 3), ("A", 9, 2), ("A", 3, 2), ("B", 7, 4)))
    read = warehouse.read("raw.splits", since=date(2025, 1, 8))
    assert read.select("symbol", "ratio").rows() == [("A", 2), ("B", 3)]
    assert read.schema == raw.Splits.polars_schema()
    assert read.equals(warehouse.read("raw.splits").filter(pl.col("ex_date") >= date(2025, 1, 8)))
    assert warehouse.read("raw.splits", since=date(2025, 1, 10)).is_empty()


def test_a_table_whose_key_has_no_date_is_not_read_from_one_on(warehouse):
    with pytest.raises(ValueError, match=r"ops\.quarantine: its key has no date"):
        warehouse.read("ops.quarantine", since=date(2025, 1, 8))


def test_what_runs_wrote_and_what_is_published_are_asked_apart(warehouse):
    land_all(warehouse)
    warehouse.publish()
    land(warehouse, splits(("A", 7, 2)))
    count = "SELECT count(*) FROM raw.splits WHERE symbol = $symbol"
    with warehouse.open_written() as written, warehouse.open_published() as published:
        assert (written.value(count, symbol="A"), published.value(count, symbol="A")) == (1, 0)


def test_responses_that_raw_rows_rest_on_are_known(warehouse):
    land(warehouse, splits(("A", 7, 2), response_id="abc"))
    assert warehouse.response_ids() == {"abc"}


# --- existing, publishing ---------------------------------------------------------------------


def test_a_warehouse_exists_from_the_first_write_on(warehouse):
    assert not warehouse.exists()
    with pytest.raises(WarehouseError, match="there is no published file"):
        warehouse.hashes()
    land(warehouse, splits())
    assert warehouse.exists()
    assert warehouse.size_bytes() > 0
    assert warehouse.free_bytes() is None or warehouse.free_bytes() > 0


def test_what_is_published_is_what_was_written_until_the_next_change(warehouse):
    assert not warehouse.is_published()
    land_all(warehouse)
    assert not warehouse.is_published()
    assert warehouse.publish() > 0
    assert warehouse.is_published()
    land(warehouse, splits(("A", 7, 2)))
    assert not warehouse.is_published()


NEWS = {
    "a value": lambda w: land(w, splits(("A", 7, 4))),
    "a row that is refused": lambda w: w.land(
        raw.Splits, Landing(splits(("A", 7, 2)), quarantined=_refused("rejected")), (), "second"
    ),
    "another outcome": lambda w: w.book(_came("throttled"), "second"),
    "what was not asked before": lambda w: w.book(
        _came("ok").with_columns(symbol=pl.lit("BBB")), "second"
    ),
    "a table without a version": lambda w: w.rewrite((ops.Scans, _scanned())),
    "no file": lambda w: w.published.unlink(),
}


@pytest.mark.parametrize("what", NEWS)
def test_what_readers_lack_is_news_and_what_they_have_been_told_is_none(warehouse, what):
    land_all(warehouse)
    land(warehouse, splits(("A", 7, 2)))
    assert warehouse.has_news("first")
    warehouse.book(_came("ok"), "first")
    passed = {"run_id": "first", "passed_at": datetime(2025, 1, 7, tzinfo=UTC), "code_version": "1"}
    warehouse.rewrite(
        (ops.Publications, pl.DataFrame([passed], schema=ops.Publications.polars_schema()))
    )
    warehouse.publish()
    assert warehouse.last_publication() == passed
    land(warehouse, splits(("A", 7, 2)))
    # Asked again, with the same answer after another try.
    warehouse.book(_came("ok").with_columns(attempts=pl.lit(2, pl.Int64)), "second")
    assert not warehouse.has_news("first")
    assert not warehouse.has_news("second")
    NEWS[what](warehouse)
    assert warehouse.has_news("second")


def _scanned() -> pl.DataFrame:
    row = {"dataset": "prices", "response_id": "a", "first_session": date(2025, 1, 6),
           "last_session": date(2025, 1, 7)}  # fmt: skip
    return pl.DataFrame([row]).cast(ops.Scans.polars_schema())


def test_hashes_do_not_depend_on_the_order_of_rows_or_on_when_they_came(make, tmp_path):
    hashes = []
    for n, rows in enumerate(([("A", 7, 2), ("B", 8, 3)], [("B", 8, 3), ("A", 7, 2)])):
        (tmp_path / str(n)).mkdir()
        warehouse = make(tmp_path / str(n))
        for row in rows:
            day = date(2025, 1, row[1])
            land(warehouse, splits(row), Window("ex_date", day, day))
            time.sleep(0.01)
        land_rest(warehouse)
        warehouse.publish()
        hashes.append(warehouse.hashes()["raw.splits"])
    assert hashes[0] == hashes[1]


def test_comments_and_macros_of_this_version_are_in_what_is_published(warehouse):
    land_all(warehouse)
    with warehouse.transaction() as connection:
        run_statement(connection, "COMMENT ON TABLE mart.market_caps IS 'what it said before'")
    warehouse.publish()
    with warehouse.open_published() as reader:
        (found,) = reader.rows(
            "SELECT (SELECT comment FROM duckdb_tables() WHERE table_name = 'market_caps') "
            "AS comment, (SELECT count(*) FROM duckdb_functions() WHERE NOT internal) AS macros"
        )
        reader.rows("FROM index_contributions('^X', '2025-01-02', '2025-01-03')")
    assert found["comment"].startswith(mart.MarketCaps.answers())
    assert found["macros"] == len(list(ddl.VIEWS.glob("*.sql")))


# --- one writer -------------------------------------------------------------------------------


def test_one_holds_the_lock_and_the_others_are_told_who(warehouse, make, tmp_path):
    assert not warehouse.is_held()
    with warehouse.writing("run 1234 of refresh"):
        assert warehouse.is_held()
        assert warehouse.holder().startswith("run 1234 of refresh, process")
        land(warehouse, splits(("A", 7, 2)))
        said: list[str] = []
        other = make(tmp_path)
        with (
            pytest.raises(WriterAtWork, match="run 1234"),
            other.planning("a plan", 0.3, said.append),
        ):
            pytest.fail("two at once")
        with pytest.raises(WriterAtWork, match="run 1234"), other.holding("a look", 0):
            pytest.fail("two at once")
    assert said[0].startswith("Waiting up to 0.3 s for another writer: run 1234 of refresh")
    assert not warehouse.is_held()
    with warehouse.planning("a plan", 0):
        assert ratios(warehouse) == [("A", 7, 2)]


def test_planning_makes_no_tables(warehouse):
    with warehouse.planning("a plan", 0):
        assert not warehouse.exists()


def _refused(status: str) -> pl.DataFrame:
    row = dict.fromkeys(QUARANTINE_SCHEMA.names()) | {
        "source_table": "raw.splits", "rejected_row": "{}", "rules": ["ratio: type"],
        "reason": "made up", "occurrences": 1, "status": status,
    }  # fmt: skip
    return pl.DataFrame([row], schema=QUARANTINE_SCHEMA)


def _came(outcome: str) -> pl.DataFrame:
    row = dict.fromkeys(ops.IngestOutcomes.names()) | {
        "dataset": "splits", "symbol": "AAA", "outcome": outcome, "rows": 0, "attempts": 1,
    }  # fmt: skip
    rows = pl.DataFrame([row], schema=ops.IngestOutcomes.polars_schema())
    return rows.drop("run_id")


def test_what_the_gates_say_has_words_of_the_vocabulary_alone(warehouse):
    for status, outcome, wrong in (("hold", "ok", "status"), ("held", "okay", "outcome")):
        landing = Landing(
            splits(("AAA", 6, 2.0)), quarantined=_refused(status), outcomes=_came(outcome)
        )
        with pytest.raises(TableInvalid, match=wrong):
            warehouse.land(raw.Splits, landing, (), "run")
        assert ratios(warehouse) == [], "nothing of the landing is written"
    landing = Landing(splits(("AAA", 6, 2.0)), quarantined=_refused("held"), outcomes=_came("ok"))
    warehouse.land(raw.Splits, landing, (), "run")
    assert warehouse.read("ops.quarantine")["status"].to_list() == ["held"]
    assert warehouse.read("ops.ingest_outcomes")["outcome"].to_list() == ["ok"]


def test_what_a_source_states_anew_of_a_date_replaces_all_that_was_stated_of_it(warehouse):
    # Two rows said that a spin-off and a reverse split went ex; another source says one ratio.
    land(warehouse, splits(("A", 8, 1.907, "spin_off"), ("A", 8, 0.5, "split"), ("A", 9, 2.0)))
    told = Landing(splits(("A", 8, 0.9535)), keeps_absent=True)
    changes = warehouse.land(raw.Splits, told, (), "run")
    assert ratios(warehouse) == [("A", 8, 0.9535), ("A", 9, 2.0)]
    assert (changes.inserted, changes.deleted + changes.updated) == (1, 2)
    back = Landing(splits(("A", 8, 1.907, "spin_off"), ("A", 8, 0.5, "split")), keeps_absent=True)
    warehouse.land(raw.Splits, back, (), "run")
    assert ratios(warehouse) == [("A", 8, 1.907), ("A", 8, 0.5), ("A", 9, 2.0)]
    assert not warehouse.land(raw.Splits, back, (), "run").any
