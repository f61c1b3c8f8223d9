"""What a run says of what it changed."""

from datetime import UTC, datetime

import duckdb
import polars as pl
import pytest

from assets.products.restated import _RENAMED, Restated
from assets.products.telling import sentences
from assets.products.telling.answers import Answer


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


def test_a_cause_whose_key_is_in_part_unknown_is_named():
    """A source that does not say of what kind a split is leaves a null in its key."""
    row = {
        "table_name": "mart.market_caps", "row_key": ["BBB", "2025-01-17"], "change": "changed",
        "column_name": "flags", "old": "[]", "new": "[disputed_price]",
        "cause_table": "raw.splits", "cause_key": ["BBB", "2025-01-17", None], "cause": "appeared",
    }  # fmt: skip
    said = restated(row, values=1).sentence()
    assert said is not None
    assert "because of raw.splits BBB 2025-01-17: appeared" in said


def test_names_are_told_before_numbers_and_alone_where_none_changed():
    now, again = ("FB", "META", False, 291), ("EEE", "CCC", True, 1031)
    assert restated(renamed=[now, again]).sentence() == (
        "FB is called META now, and 291 published rows with it; EEE is called CCC again, and "
        "1,031 published rows with it (ops.restatements)"
    )
    assert restated().sentence() is None


CAPS, FALLS = "mart.market_caps", "mart.drawdowns"


def renamed(*entries: tuple) -> list[tuple]:
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
    assert renamed(
        (CAPS, ["BBB", day], "vanished", "BBB", "appeared"),
        (CAPS, ["BBX", day], "appeared", "BBB", "appeared"),
        (CAPS, ["EEE", day], "vanished", "EEE", "vanished"),
        (CAPS, ["FFF", day], "appeared", "EEE", "vanished"),
    ) == [("BBB", "BBX", False, 1), ("EEE", "FFF", True, 1)]


def test_a_chain_of_names_is_one_change_though_two_lines_say_it():
    assert renamed(
        (CAPS, ["CCC", "2025-01-08"], "vanished", "CCC", "appeared"),
        (CAPS, ["EEE", "2025-01-08"], "appeared", "DDD", "appeared"),
    ) == [("CCC", "EEE", False, 1)]


def test_a_fall_that_begins_on_another_day_has_no_other_name():
    assert renamed(
        (FALLS, ["BBB", "2025-01-02"], "vanished", "BBB", "appeared"),
        (FALLS, ["BBB", "2025-01-03"], "appeared", "BBB", "appeared"),
    ) == []  # fmt: skip


@pytest.mark.parametrize(
    ("change", "old", "new", "record", "said"),
    [
        ("appeared", None, 5e9, None, "loss of 5.00 billion was first published on 3 February"),
        ("vanished", 5e9, None, None, "was published as 5.00 billion until 3 February 2025, and is "
                                      "none since"),
        ("changed", 5e9, 4e9, "lost", "until 3 February 2025; since then 4.00 billion; it was a "
                                      "record, and is none"),
        ("changed", None, None, "won", "was published as no record until 3 February 2025, because"),
    ],
)  # fmt: skip
def test_a_loss_that_came_left_or_changed_is_told_as_that(change, old, new, record, said):
    told = pl.DataFrame(
        {"side": ["loss"], "name": ["Acme"], "changed_at": [datetime(2025, 2, 3, 23, tzinfo=UTC)],
         "old_usd": [old], "new_usd": [new], "record": [record], "change": [change],
         "because": ["raw.prices ACME 2025-01-27: close 5 -> 4"]},
        schema_overrides={"old_usd": pl.Float64, "new_usd": pl.Float64, "record": pl.String},
    )  # fmt: skip
    (sentence,) = sentences.restated(Answer("restated", "", told))
    assert said in str(sentence), str(sentence)
    assert str(sentence).startswith("Acme's loss")
    assert "because of raw.prices ACME" in str(sentence)


def test_a_loss_that_left_and_came_back_is_there_again():
    left, came = datetime(2025, 2, 3, 23, tzinfo=UTC), datetime(2025, 2, 5, 23, tzinfo=UTC)
    told = pl.DataFrame(
        {"side": ["loss", "loss"], "name": ["Acme", "Acme"], "changed_at": [left, came],
         "old_usd": [2.1e6, None], "new_usd": [None, 2.1e6], "record": [None, None],
         "change": ["vanished", "appeared"], "because": ["x", "y"]},
        schema_overrides={"record": pl.String},
    )  # fmt: skip
    gone, again = (str(one) for one in sentences.restated(Answer("restated", "", told)))
    assert "until 3 February 2025, and was none then, because of x" in gone
    assert "was published again on 5 February 2025, because of y" in again
