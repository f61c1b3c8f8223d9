"""What a run says of what it changed."""

from datetime import UTC, datetime

import duckdb
import polars as pl
import pytest

from assets.products.restated import _RENAMED, Restated, connective
from assets.products.telling import sentences
from assets.products.telling.answers import Answer
from warehouse.ddl import VIEWS
from warehouse.schemas import TABLES


def restated(leading: dict | None = None, renamed: list[tuple] | None = None, values: int = 0):
    counted = [("changed", "mart.market_caps", values)] if values else []
    return Restated(
        pl.DataFrame(
            counted,
            schema={"change": pl.String, "table_name": pl.String, "rows": pl.Int64},
            orient="row",
        ),
        pl.DataFrame(
            renamed or [],
            schema={"old_symbol": pl.String, "new_symbol": pl.String,
                    "is_taken_back": pl.Boolean, "rows": pl.Int64},
            orient="row",
        ),
        pl.DataFrame(
            schema={"side": pl.String, "old_usd": pl.Float64, "new_usd": pl.Float64,
                    "record": pl.String}
        ),
        leading,
    )  # fmt: skip


def why(table: str | None, key: list | None, what: str | None, others: int = 0) -> str:
    """Ask ``cause_in_words``."""
    with duckdb.connect() as connection:
        connection.execute((VIEWS / "cause_in_words.sql").read_text())
        asked = "SELECT cause_in_words($1::VARCHAR, $2::VARCHAR[], $3::VARCHAR, $4::BIGINT)"
        (said,) = connection.execute(asked, [table, key, what, others]).fetchone() or ()
        return said


@pytest.mark.parametrize(
    ("table", "key", "what", "others", "said"),
    [
        ("raw.prices", ["A", "2025-01-10"], "close 45.0 -> 44.0", 0,
         "the bar of A on 2025-01-10 changed (raw.prices: close 45.0 -> 44.0)"),
        ("raw.prices", ["A", "2025-01-10"], "vanished", 1,
         "the bar of A on 2025-01-10 is gone (raw.prices), and another input with it"),
        ("raw.shares_outstanding", ["A", "2025-01-10"], "appeared", 1234,
         "the share count of A reported on 2025-01-10 came (raw.shares_outstanding), and 1,234 "
         "other inputs with it"),
        ("raw.splits", ["A", "2025-01-10", None], "appeared", 0,
         "the split of A on 2025-01-10 came (raw.splits)"),
        ("ref.index_holdings", ["^X", "2025-01-10", "A"], "vanished", 0,
         "A among the members of ^X from 2025-01-10 on is gone (ref.index_holdings)"),
        ("code", None, None, 0, "another version of capshock computes it"),
        (None, None, None, 0, "no input that changed explains it"),
    ],
)  # fmt: skip
def test_a_cause_is_a_sentence_and_no_bare_key(table, key, what, others, said):
    assert why(table, key, what, others) == said


@pytest.mark.parametrize("table", [name for name in TABLES if name.startswith(("raw.", "ref."))])
def test_every_input_has_a_name_of_its_own(table):
    key = [c.name for c in TABLES[table].columns() if c.is_key]
    assert not why(table, key, "appeared").startswith("the row ")


def test_what_nothing_explains_is_not_said_to_be_because_of_it():
    assert connective(why(None, None, None)) == ", and "
    assert connective(why("code", None, None)) == ", because "


def test_a_cause_whose_key_is_in_part_unknown_is_named():
    """A source that does not say of what kind a split is leaves a null in its key."""
    row = {
        "table_name": "mart.market_caps", "row_key": ["BBB", "2025-01-17"], "change": "changed",
        "column_name": "flags", "old": "[]", "new": "[disputed_price]",
        "because": why("raw.splits", ["BBB", "2025-01-17", None], "appeared"),
    }  # fmt: skip
    said = restated(row, values=1).sentence()
    assert said is not None
    assert "because the split of BBB on 2025-01-17 came (raw.splits)" in said


def test_names_are_told_before_numbers_and_alone_where_none_changed():
    now, again = ("FB", "META", False, 291), ("EEE", "CCC", True, 1031)
    assert restated(renamed=[now, again]).sentence() == (
        "FB is called META now, and 291 published rows with it; EEE is called CCC again, and "
        "1,031 published rows with it (ops.restatements)"
    )
    assert restated().sentence() is None


CAPS, FALLS = "mart.market_caps", "mart.drawdowns"


def told_names(*entries: tuple) -> list[tuple]:
    """Return who is told to be called what: of entries table, key, change, changed name, cause."""
    with duckdb.connect() as log:
        log.execute(
            "CREATE SCHEMA ops; CREATE TABLE ops.restatements (run_id VARCHAR, table_name VARCHAR, "
            "row_key VARCHAR[], session_date DATE, change VARCHAR, cause_table VARCHAR, "
            "cause_key VARCHAR[], cause VARCHAR)"
        )
        log.executemany(
            "INSERT INTO ops.restatements "
            "VALUES ('this', ?, ?, NULL, ?, 'ref.symbol_changes', [?, '2025-01-07'], ?)",
            [list(entry) for entry in entries],
        )
        return log.execute(_RENAMED, {"run": "this"}).fetchall()


def test_two_changes_of_name_in_one_run_are_told_apart():
    day = "2025-01-08"
    assert told_names(
        (CAPS, ["BBB", day], "vanished", "BBB", "appeared"),
        (CAPS, ["BBX", day], "appeared", "BBB", "appeared"),
        (CAPS, ["EEE", day], "vanished", "EEE", "vanished"),
        (CAPS, ["FFF", day], "appeared", "EEE", "vanished"),
    ) == [("BBB", "BBX", False, 1), ("EEE", "FFF", True, 1)]


def test_a_chain_of_names_is_one_change_though_two_lines_say_it():
    assert told_names(
        (CAPS, ["CCC", "2025-01-08"], "vanished", "CCC", "appeared"),
        (CAPS, ["EEE", "2025-01-08"], "appeared", "DDD", "appeared"),
    ) == [("CCC", "EEE", False, 1)]


def test_a_fall_that_begins_on_another_day_has_no_other_name():
    assert told_names(
        (FALLS, ["BBB", "2025-01-02"], "vanished", "BBB", "appeared"),
        (FALLS, ["BBB", "2025-01-03"], "appeared", "BBB", "appeared"),
    ) == []  # fmt: skip


FIRST, SECOND = datetime(2025, 2, 3, 23, tzinfo=UTC), datetime(2025, 2, 5, 23, tzinfo=UTC)


def told_of_acme(*changes: tuple) -> list[str]:
    """Return the sentences of changes: side, changed_at, change, old_usd, new_usd, record, because.

    All are of one company.
    """
    schema = {"side": pl.String, "changed_at": pl.Datetime("us", "UTC"), "change": pl.String,
              "old_usd": pl.Float64, "new_usd": pl.Float64, "record": pl.String,
              "because": pl.String}  # fmt: skip
    rows = pl.DataFrame(changes, schema=schema, orient="row").with_columns(
        company_symbol=pl.lit("ACME"), name=pl.lit("Acme")
    )
    return [str(one) for one in sentences.restated(Answer("restated", "", rows))]


@pytest.mark.parametrize(
    ("change", "old", "new", "record", "said"),
    [
        ("appeared", None, 5e9, None, " of 5.00 billion was published first on 3 February 2025"),
        ("vanished", 5e9, None, None, " was published as 5.00 billion until 3 February 2025, and "
                                      "is none since"),
        ("changed", 5e9, 4e9, "lost", " was published as 5.00 billion until 3 February 2025; since "
                                      "then 4.00 billion; it was a record, and is none"),
        ("changed", None, None, "won", " was published as no record until 3 February 2025"),
    ],
)  # fmt: skip
def test_a_loss_that_came_left_or_changed_is_told_as_that(change, old, new, record, said):
    (sentence,) = told_of_acme(("loss", FIRST, change, old, new, record, "a close"))
    assert sentence == f"Acme's loss{said}, because a close."


def test_a_loss_that_left_and_came_back_is_there_again():
    gone, again = told_of_acme(
        ("loss", FIRST, "vanished", 2.1e6, None, None, "x"),
        ("loss", SECOND, "appeared", None, 2.1e6, None, "y"),
    )
    assert "until 3 February 2025, and was none then, because x" in gone
    assert "was published again on 5 February 2025, because y" in again


def test_what_changed_twice_is_not_said_to_be_so_since_the_first_time():
    back, away, other = told_of_acme(
        ("loss", SECOND, "changed", 4e9, 5e9, "won", "x"),
        ("loss", FIRST, "changed", 5e9, 4e9, "lost", "y"),
        ("gain", SECOND, "changed", 1e9, 2e9, None, "z"),
    )
    assert "as 4.00 billion until 5 February 2025; since then 5.00 billion; it is a record" in back
    assert "as 5.00 billion until 3 February 2025; then 4.00 billion; it was a record, and" in away
    assert "and was none then, because y" in away
    assert "; since then 2.00 billion, because z" in other
