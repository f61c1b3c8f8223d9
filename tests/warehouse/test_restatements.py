"""What a publication changes of what readers had is logged, and taken back by as_published."""

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.market.ranks import rank_to_date
from tests.warehouse.in_memory import day, fill
from tests.warehouse.in_memory import warehouse as in_memory
from tests.warehouse.rows import land_all
from warehouse.connection import SCHEMA_VERSION
from warehouse.landing import Landing
from warehouse.restatements import Differences, unexplained
from warehouse.schemas import TABLES, Table, core, mart, ops, raw
from warehouse.storage import Publication, Warehouse, open_warehouse

NIGHT = datetime(2025, 1, 2, 23, 30, tzinfo=UTC)
OTHER = {
    "loss_return": 0.1, "rank_on_session": 1, "rank_to_date": 1, "is_record": False,
    "previous_record_usd": None, "previous_record_date": None, "history_from": day(0),
    "companies_covered": 3, "flags": [], "witness": "official_index",
}  # fmt: skip


def loss(company: str, number: int, usd: float, **values: object) -> dict:
    return {"company_symbol": company, "session_date": day(number), "loss_usd": usd, **OTHER,
            **values}  # fmt: skip


def bar(symbol: str, number: int, close: float | None = 10.0, **values: object) -> dict:
    return {"symbol": symbol, "session_date": day(number), "close": close, "adjustment_ratio": 1.0,
            "adjustment_kind": "none", "split_ratio": 1.0, **values}  # fmt: skip


def cap(company: str, number: int) -> dict:
    return {"company_symbol": company, "session_date": day(number), "close_usd": 10.0, "flags": []}


def dictionary() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"schema": name.split(".")[0], "table": name.split(".")[1], "column": c.name,
             "position": position, "type": c.duckdb_type, "unit": c.unit, "meaning": c.meaning,
             "is_key": c.is_key, "is_nullable": c.nullable, "rules": [], "made_of": []}
            for name, model in TABLES.items()
            for position, c in enumerate(model.columns(), start=1)
        ],
        schema=ops.DataDictionary.polars_schema(),
    )  # fmt: skip


class Nights:
    """A warehouse that is published night after night, and a copy of each file."""

    def __init__(self, warehouse: Warehouse, folder) -> None:
        self.warehouse, self.folder = warehouse, folder
        self.copies: list = []

    def begin(self) -> None:
        land_all(self.warehouse)
        self.warehouse.rewrite((ops.DataDictionary, dictionary()))

    def land(self, model: type[Table], rows: Iterable[dict]) -> None:
        frame = pl.DataFrame(list(rows), schema=model.polars_schema())
        self.warehouse.land(model, Landing(frame), (), f"run {len(self.copies)}")

    def publish(self, *losses: dict, moment: datetime | None = None, explain=unexplained) -> list:
        """Publish losses, with a market cap for each; return what the log has of it."""
        number = len(self.copies)
        self.land(mart.MarketCapLosses, losses)
        sessions = sorted({one["session_date"] for one in losses})
        self.land(mart.MarketCaps, [cap("A", (session - day(0)).days) for session in sessions])
        moment = moment or NIGHT + timedelta(days=number)
        self.warehouse.publish(Publication(f"run {number}", moment, explain))
        copy = self.folder / f"copy-{number}.duckdb"
        shutil.copyfile(self.warehouse.location, copy)
        self.copies.append((moment, copy))
        return self.log(f"run {number}")

    def log(self, run_id: str) -> list:
        with self.warehouse.open_published() as reader:
            return [
                (row["table_name"].split(".")[1], *row["row_key"], row["column_name"],
                 row["change"], row["old"] if row["column_name"] else None, row["new"], row["rows"])
                for row in reader.rows("FROM ops.restatements WHERE run_id = $run", run=run_id)
            ]  # fmt: skip

    def must_be_given_back(self) -> None:
        for moment, copy in self.copies:
            with duckdb.connect(str(copy), read_only=True) as connection:
                was = connection.sql("FROM mart.market_cap_losses ORDER BY ALL").pl()
            with self.warehouse.open_published() as reader:
                now = reader.frame(
                    "FROM as_published('mart.market_cap_losses', $at) ORDER BY ALL", at=moment
                )
            assert now.equals(was), moment


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A folder with all tables, and no row in them: made once."""
    folder = tmp_path_factory.mktemp("empty")
    Nights(open_warehouse(folder / "market.duckdb", 0.2), folder).begin()
    return folder


@pytest.fixture
def nights(tmp_path, empty) -> Nights:
    shutil.copytree(empty, tmp_path, dirs_exist_ok=True)
    return Nights(open_warehouse(tmp_path / "market.duckdb", 0.2), tmp_path)


def test_values_that_change_are_logged_and_what_is_new_is_growth(nights):
    first = loss("A", 0, 0.1, flags=["gap", "close_only"])
    assert nights.publish(first) == []
    grown = [first, loss("A", 1, 8.0), loss("B", 1, 5.0, rank_on_session=2, rank_to_date=2)]
    assert nights.publish(*grown) == []
    changed = loss("A", 0, 0.1 + 0.2, flags=["gap"], previous_record_usd=1e9)
    later = [loss("A", 1, 8.0, rank_to_date=1, companies_covered=4),
             loss("B", 1, 5.0, rank_on_session=2, rank_to_date=2, companies_covered=4)]  # fmt: skip
    assert sorted(nights.publish(changed, *later), key=str) == [
        ("market_cap_losses", "2025-01-01", "previous_record_usd", "changed", None,
         "1000000000.0", 1),
        ("market_cap_losses", "2025-01-02", "companies_covered", "changed", "3", "4", 2),
        ("market_cap_losses", "A", "2025-01-01", "flags", "changed", "[gap, close_only]",
         "[gap]", 1),
        ("market_cap_losses", "A", "2025-01-01", "loss_usd", "changed", "0.1",
         "0.30000000000000004", 1),
    ]  # fmt: skip
    assert nights.publish(changed, *later) == []
    nights.must_be_given_back()


def test_rows_that_come_late_or_leave_are_logged_and_given_back(nights):
    a, b = loss("A", 0, 9.0), loss("B", 0, 5.0, rank_on_session=2, rank_to_date=2, flags=["gap"])
    nights.publish(a, b)
    ranked = [loss("A", 0, 9.0), loss("C", 0, 7.0, rank_on_session=2, rank_to_date=2)]
    assert sorted(nights.publish(*ranked), key=str) == [
        ("market_cap_losses", "B", "2025-01-01", None, "vanished", None, None, 1),
        ("market_cap_losses", "C", "2025-01-01", None, "appeared", None, None, 1),
    ]
    b_again = loss("B", 0, 6.0, rank_on_session=3, rank_to_date=3)
    assert nights.publish(*ranked, b_again) == [
        ("market_cap_losses", "B", "2025-01-01", None, "appeared", None, None, 1),
    ]
    nine = [row | {"companies_covered": 9} for row in (*ranked, b_again | {"loss_usd": 6.5})]
    nights.publish(*nine)
    ranked = nine[:-1]
    nights.publish(*ranked)
    nights.must_be_given_back()
    # A session without any loss was published all the same: what comes to it comes late.
    nights.land(mart.MarketCaps, [cap("A", 0), cap("A", 3)])
    nights.warehouse.publish(Publication("quiet", NIGHT + timedelta(days=20)))
    assert nights.log("quiet") == []
    late = loss("A", 3, 1.0, rank_to_date=3)
    assert nights.publish(*ranked, late, moment=NIGHT + timedelta(days=21)) == [
        ("market_cap_losses", "A", "2025-01-04", None, "appeared", None, None, 1)
    ]


def test_ranks_that_move_are_counted_and_ranked_anew(nights):
    nights.publish(loss("A", 0, 9.0), loss("B", 0, 5.0, rank_on_session=2, rank_to_date=2))
    found = nights.publish(loss("A", 0, 4.0, rank_on_session=2, rank_to_date=2), loss("B", 0, 5.0))
    assert sorted(found, key=str) == [
        ("market_cap_losses", "A", "2025-01-01", "loss_usd", "changed", "9.0", "4.0", 1),
        ("market_cap_losses", "rank_on_session", "moved", None, None, 2),
        ("market_cap_losses", "rank_to_date", "moved", None, None, 2),
    ]
    nights.must_be_given_back()


def test_what_was_pending_is_settled_unless_its_row_changed_otherwise(nights):
    open_row = {"witness": "pending", "flags": ["unwitnessed"]}
    nights.publish(loss("A", 0, 9.0, **open_row), loss("B", 0, 9.0, **open_row))
    found = nights.publish(loss("A", 0, 9.0, is_record=True), loss("B", 0, 8.0, rank_on_session=2,
                           rank_to_date=2))  # fmt: skip
    words = {(key, column): change for _, key, _, column, change, *_ in found if len(_) == 3}
    assert words == {
        ("A", "flags"): "settled", ("A", "is_record"): "settled", ("A", "witness"): "settled",
        ("B", "flags"): "changed", ("B", "loss_usd"): "changed", ("B", "witness"): "changed",
    }  # fmt: skip
    nights.must_be_given_back()


def test_the_same_change_in_two_rows_of_a_session_is_seen(nights):
    """The digest of a session was the same: the hash of its rows' last column cancelled out."""
    nights.publish(loss("A", 0, 9.0), loss("B", 0, 9.0))
    found = nights.publish(*(loss(c, 0, 9.0, witness="none") for c in "AB"))
    assert [row[1] for row in found] == ["A", "B"]


def test_nothing_restates_what_readers_never_had(nights):
    nights.publish(loss("A", 0, 9.0))
    # Written by a run that the gate stopped, then corrected.
    nights.land(mart.MarketCapLosses, [loss("A", 0, 1.0)])
    assert nights.publish(loss("A", 0, 9.0)) == []
    # Logged, and not published: the copy did not get its place.
    nights.land(mart.MarketCapLosses, [loss("A", 0, 2.0)])
    nights.warehouse._log(Publication("killed", NIGHT + timedelta(days=9)))
    assert nights.warehouse.read("ops.restatements")["run_id"].to_list() == ["killed"]
    (entry,) = nights.publish(loss("A", 0, 3.0), moment=NIGHT + timedelta(days=9))
    assert entry[-3:-1] == ("9.0", "3.0")
    assert nights.log("killed") == []


@pytest.mark.slow
def test_the_log_survives_a_private_database_that_is_built_from_nothing(nights, tmp_path):
    nights.publish(loss("A", 0, 9.0))
    nights.publish(loss("A", 0, 8.0))
    (tmp_path / ".build").rename(tmp_path / "aside")
    nights.begin()
    assert nights.publish(loss("A", 0, 8.0)) == []
    assert len(nights.log("run 1")) == 1
    assert nights.publish(loss("A", 0, 7.0))[0][-3:-1] == ("8.0", "7.0")
    nights.must_be_given_back()


def test_two_publications_never_share_a_time_whatever_the_clock_says(nights):
    nights.publish(loss("A", 0, 9.0), moment=NIGHT)
    for usd in (8.0, 7.0):
        nights.publish(loss("A", 0, usd), moment=NIGHT - timedelta(days=usd))
    times = nights.warehouse.read("ops.restatements")["changed_at"].to_list()
    assert times == [NIGHT + timedelta(microseconds=n) for n in (1, 2)]
    with nights.warehouse.open_published() as reader:
        asked = "SELECT loss_usd FROM as_published('mart.market_cap_losses', $at)"
        found = [reader.value(asked, at=time) for time in (NIGHT, *times)]
    assert found == [9.0, 8.0, 7.0]


@pytest.mark.slow
def test_open_rows_are_moved_on_by_new_sessions_and_restated_by_nothing_else(nights):
    def fall(trough: int, recovery: int | None, below: int, fell: float) -> dict:
        return {"symbol": "A", "peak_date": day(0), "is_index": False, "trough_date": day(trough),
                "recovery_date": recovery and day(recovery), "drawdown_return": fell,
                "loss_usd": 1.0, "sessions_to_trough": trough, "sessions_below": below,
                "flags": []}  # fmt: skip

    def night(fall: dict, sessions: int, counted_to: int | None) -> list:
        nights.land(core.Prices, [bar("A", n) for n in range(sessions)])
        nights.land(mart.Drawdowns, [fall])
        count = {"symbol": "A", "valid_from": day(0), "shares_outstanding": 5.0,
                 "valid_to": None if counted_to is None else day(counted_to),
                 "reported_as_of": day(0), "basis": "reported", "split_basis": "own_date",
                 "has_warning": False, "evidence": "reports", "is_disputed": False}  # fmt: skip
        nights.land(core.SharesOutstanding, [count])
        found = nights.publish()
        return sorted((row[-5], row[-4]) for row in found)

    assert night(fall(1, None, 1, -0.1), 2, None) == []
    # A new session moves the trough and the number of sessions; a report dated after the last.
    assert night(fall(2, None, 2, -0.2), 3, 1) == [
        (column, "moved")
        for column in ("drawdown_return", "sessions_below", "sessions_to_trough", "trough_date",
                       "valid_to")
    ]  # fmt: skip
    # The same trough, deeper: a close that was published is another one.
    assert night(fall(2, None, 3, -0.3), 4, 0) == [
        ("drawdown_return", "changed"), ("sessions_below", "moved"), ("valid_to", "changed"),
    ]  # fmt: skip
    # Nothing comes, and the number of sessions changes.
    assert night(fall(2, None, 2, -0.3), 4, 0) == [("sessions_below", "changed")]
    assert night(fall(2, 4, 3, -0.3), 5, 0) == [
        ("recovery_date", "moved"), ("sessions_below", "moved"),
    ]  # fmt: skip
    with nights.warehouse.open_published() as reader:
        for table in ("mart.drawdowns", "core.shares_outstanding", "raw.prices", "mart.nothing"):
            with pytest.raises(duckdb.Error, match=table.split(".")[1]):
                reader.rows("FROM as_published($table, now())", table=table)


def test_inputs_that_changed_are_handed_to_whoever_names_causes(nights):
    seen: list[Differences] = []

    def explain(found: Differences) -> pl.DataFrame:
        seen.append(found)
        return unexplained(found)

    def night(close: float, last: int, usd: float) -> None:
        bars = [
            {"symbol": "A", "session_date": day(n), "close": close, "volume": None, "source": "s",
             "fetched_at": NIGHT, "response_id": str(close)}
            for n in range(last + 1)
        ]  # fmt: skip
        nights.land(raw.Prices, bars)
        nights.publish(loss("A", 0, usd), explain=explain)

    night(10.0, 0, 9.0)
    night(10.5, 1, 9.5)
    (found,) = seen
    assert found.entries.select("subjects", "day").rows() == [(["A"], day(0))]
    assert found.inputs.drop("subjects").rows() == [
        ("raw.prices", ["A", "2025-01-01"], day(0), "close 10.0 -> 10.5"),
        ("raw.prices", ["A", "2025-01-02"], day(1), "appeared"),
    ]


def test_a_file_and_a_database_of_the_layout_before_go_on(nights, tmp_path):
    nights.publish(loss("A", 0, 9.0), loss("B", 0, 5.0, rank_on_session=2, rank_to_date=2))
    for path in (tmp_path / "market.duckdb", tmp_path / ".build" / "market.duckdb"):
        with duckdb.connect(str(path)) as connection:
            for statement in (
                "DROP TABLE ops.restatements", "DROP TABLE ops.published_sessions",
                "ALTER TABLE ops.publications DROP COLUMN code_version",
                "INSERT INTO ops.publications VALUES ('before', '2025-01-02 12:00+00')",
                "UPDATE ops.schema_version SET schema_version = 7",
                # A column that is new restates nothing.
                *(["ALTER TABLE mart.market_cap_losses DROP COLUMN witness"]
                  if ".build" not in path.parts else []),
            ):  # fmt: skip
                connection.execute(statement).fetchall()
    (entry,) = nights.publish(
        loss("A", 0, 8.0), loss("B", 0, 5.0, rank_on_session=2, rank_to_date=2)
    )
    assert entry[1:6] == ("A", "2025-01-01", "loss_usd", "changed", "9.0")
    sessions = nights.warehouse.read("ops.published_sessions").filter(
        pl.col("table_name") == "mart.market_cap_losses"
    )
    assert sessions.drop("table_name").rows() == [
        (day(0), datetime(2025, 1, 2, 12, tzinfo=UTC), "before")
    ]
    assert nights.warehouse.read("ops.schema_version").item() == SCHEMA_VERSION
    assert nights.warehouse.read("ops.publications")["code_version"].to_list() == [None]


def test_a_damaged_published_file_is_replaced_and_it_is_said_that_it_was_not_compared(
    nights, tmp_path
):
    nights.publish(loss("A", 0, 9.0))
    nights.publish(loss("A", 0, 8.0))
    published = tmp_path / "market.duckdb"
    published.write_bytes(published.read_bytes()[:30_000])
    said: list[str] = []
    nights.land(mart.MarketCapLosses, [loss("A", 0, 7.0)])
    nights.warehouse.publish(Publication("mends", NIGHT + timedelta(days=9), say=said.append))
    assert len(nights.log("run 1")) == 1
    assert nights.log("mends") == []
    (sentence,) = said
    assert "what changes of it is not known" in sentence


def test_records_won_and_lost_and_what_was_published_before_are_one_question(nights):
    nights.publish(loss("A", 0, 9e9, is_record=True), loss("B", 0, 1e9, rank_on_session=2,
                   rank_to_date=2))  # fmt: skip

    def explain(found: Differences) -> pl.DataFrame:
        return unexplained(found).with_columns(
            cause_table=pl.lit("raw.prices"),
            cause_key=pl.lit(["A", "2025-01-01"]),
            cause=pl.lit("close 10.0 -> 10.5"),
            other_causes=pl.lit(1, dtype=pl.Int64),
        )

    nights.publish(loss("A", 0, 8e9), loss("B", 0, 1e9, rank_on_session=2, rank_to_date=2))
    nights.publish(loss("A", 0, 8e9, is_record=True), explain=explain)
    nights.publish(loss("A", 0, 8e9, is_record=True), loss("C", 0, 2e9, rank_on_session=2,
                   rank_to_date=2))  # fmt: skip
    with nights.warehouse.open_published() as reader:
        rows = reader.rows("FROM session_restatements($day) ORDER BY changed_at, company_symbol",
                           day=day(0))  # fmt: skip
        of_run = reader.rows("FROM session_restatements(NULL, run := 'run 1')")
    told = [(r["company_symbol"], r["change"], r["old_usd"], r["new_usd"], r["record"],
             r["because"]) for r in rows]  # fmt: skip
    nothing = "no input that changed explains it"
    because = (
        "the bar of A on 2025-01-01 changed (raw.prices: close 10.0 -> 10.5), "
        "and another input with it"
    )
    assert told == [
        ("A", "changed", 9e9, 8e9, "lost", nothing),
        ("A", "changed", None, None, "won", because),
        ("B", "vanished", 1e9, None, None, because),
        ("C", "appeared", None, 2e9, None, nothing),
    ]
    assert [r["company_symbol"] for r in of_run] == ["A"]


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABCDEF"),
            st.integers(0, 4),
            st.sampled_from([1.0, 2.0, 2.5, 1e9]),
        ),
        unique_by=lambda one: one[:2],
        min_size=1,
    )
)
def test_ranks_of_as_published_are_those_of_the_product(rows):
    connection = in_memory()
    fill(connection, mart.MarketCapLosses, [loss(*one) for one in rows])
    fill(connection, ops.DataDictionary, dictionary().to_dicts())
    fill(
        connection,
        ops.PublishedSessions,
        [{"table_name": "mart.market_cap_losses", "session_date": day(n),
          "first_published_at": NIGHT, "run_id": "r"} for n in range(5)],
    )  # fmt: skip
    asked = (
        "FROM as_published('mart.market_cap_losses', '2025-02-01') "
        "ORDER BY session_date, loss_usd DESC, company_symbol"
    )
    found = connection.sql(asked).pl()
    assert found.height == len(rows)
    assert found["rank_to_date"].equals(
        rank_to_date(found["loss_usd"], found["session_date"]).alias("rank_to_date")
    )
    on_session = pl.col("loss_usd").rank("min", descending=True).over("session_date")
    assert found["rank_on_session"].to_list() == found.select(on_session).to_series().to_list()


def test_every_word_of_a_models_life_is_a_column_of_it():
    for name, model in TABLES.items():
        life = model.life()
        pending = () if life.pending is None else (life.pending[0], *life.pending[2])
        words = {
            *life.positional,
            *life.of_session,
            *pending,
            *(c for cs in life.grows.values() for c in cs),
        }
        words |= {date.split()[0] for date in (*life.grows, life.begins or model.names()[0])}
        words |= {life.open} - {None}
        assert words <= set(model.names()), name
        assert life.sessions_of is None or "session_date" in TABLES[life.sessions_of].key()
