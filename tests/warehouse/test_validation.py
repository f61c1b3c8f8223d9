import json
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar

import pandera.polars as pa
import polars as pl
import pytest

from warehouse.errors import SourceError, TableInvalid
from warehouse.schemas.table import Table, column, positive, word, words
from warehouse.validation import QUARANTINE_SCHEMA, Gated, pass_gate, validate


class Trades(Table):
    symbol: str = column("Ticker")
    day: pl.Date = column("Day")
    price: float = positive("Price", unit="USD", nullable=True)
    size: int = column("Size", unit="shares", nullable=True, ge=0)
    is_late: bool = column("Late", nullable=True)
    fetched_at: Annotated[pl.Datetime, "us", "UTC"] = column("When", provenance=True)

    class Config(Table.Config):
        name = "raw.trades"
        description = "A small table."
        metadata: ClassVar = {"key": ("symbol", "day")}


class Names(Table):
    symbol: str = column("Ticker")
    name: str = column("Name")

    class Config(Table.Config):
        name = "ref.names"
        description = "A table without a date."
        metadata: ClassVar = {"key": ("symbol",)}


NOW = datetime(2025, 2, 15, tzinfo=UTC)


def trades(rows: int = 1, **columns: pl.Series) -> pl.DataFrame:
    """That many rows on one day and of symbols A, B, ..., some columns replaced."""
    base = pl.DataFrame(
        {
            "symbol": [chr(ord("A") + n) for n in range(rows)],
            "day": [date(2025, 1, 27)] * rows,
            "price": [10.0] * rows,
            "size": [5] * rows,
            "is_late": [False] * rows,
            "fetched_at": [NOW] * rows,
        },
        schema=Trades.polars_schema(),
    )
    return base.with_columns(**columns)


def gate(frame: pl.DataFrame) -> Gated:
    gated = pass_gate(frame, Trades)
    quarantined = gated.quarantined["occurrences"].sum()
    assert gated.received == frame.height
    assert gated.received == gated.passed.height + quarantined + gated.collapsed
    assert gated.passed.schema == Trades.polars_schema()
    assert gated.quarantined.schema == QUARANTINE_SCHEMA
    return gated


def one_by_one(name: str, given: pl.Series) -> tuple[list[object], list[str]]:
    """Send a column through the gate: the values that passed, the symbols that did not."""
    gated = gate(trades(len(given), **{name: given}))
    assert set(gated.quarantined["rules"].explode()) <= {f"{name}: type"}
    return gated.passed.sort("symbol")[name].to_list(), sorted(gated.quarantined["symbol"])


# casts without loss


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("price", pl.Series(["1.5", " 2 ", "3e2", "", "  ", None]), [1.5, 2.0, 300.0, *[None] * 3]),
        ("size", pl.Series(["7", " 8 ", "9.0", "", None]), [7, 8, 9, None, None]),
        ("size", pl.Series(["9007199254740993"]), [9007199254740993]),
        ("day", pl.Series(["2025-01-27", " 2025-01-28 "]), [date(2025, 1, 27), date(2025, 1, 28)]),
        ("is_late", pl.Series(["true", "False", "TRUE", ""]), [True, False, True, None]),
        ("price", pl.Series([1, 2], dtype=pl.Int32), [1.0, 2.0]),
        ("price", pl.Series([1.5], dtype=pl.Float32), [1.5]),
        ("price", pl.Series([None, None], dtype=pl.Null), [None, None]),
        ("size", pl.Series([1, 2], dtype=pl.UInt8), [1, 2]),
        ("size", pl.Series([7.0, None, float("nan")]), [7, None, None]),
        ("day", pl.Series([datetime(2025, 1, 27)]), [date(2025, 1, 27)]),  # noqa: DTZ001
    ],
)
def test_a_value_is_cast_where_nothing_is_lost(
    name: str, given: pl.Series, wanted: list[object]
) -> None:
    assert one_by_one(name, given) == (wanted, [])


# casts with loss


@pytest.mark.parametrize(
    ("name", "given", "refused"),
    [
        ("price", pl.Series(["1.5", "n/a", "1,000.00", "$5"]), ["B", "C", "D"]),
        ("size", pl.Series(["7", "7.5", "many", "nan", "1e30"]), ["B", "C", "D", "E"]),
        ("day", pl.Series(["2025-01-27", "2025-02-30", "27.01.2025", "20250127"]), ["B", "C", "D"]),
        ("is_late", pl.Series(["true", "yes", "1"]), ["B", "C"]),
        ("size", pl.Series([7.0, 7.5, float("inf"), 1e30]), ["B", "C", "D"]),
        ("size", pl.Series([7, 2**64 - 1], dtype=pl.UInt64), ["B"]),
        (
            "day",
            pl.Series([datetime(2025, 1, 27), datetime(2025, 1, 27, 16)]),  # noqa: DTZ001
            ["B"],
        ),
    ],
)
def test_a_value_that_would_lose_something_costs_its_row_alone(
    name: str, given: pl.Series, refused: list[str]
) -> None:
    passed, symbols = one_by_one(name, given)

    assert symbols == refused
    assert len(passed) == len(given) - len(refused)


def test_a_whole_number_too_large_for_a_float_is_refused() -> None:
    assert one_by_one("price", pl.Series([5, 2**53 + 1]))[1] == ["B"]


@pytest.mark.parametrize(
    ("name", "given", "found"),
    [
        ("price", pl.Series([True]), "Boolean"),
        ("symbol", pl.Series([5]), "Int64"),
        ("day", pl.Series([20250127]), "Int64"),
    ],
)
def test_a_column_whose_type_cannot_hold_its_values_is_named(
    name: str, given: pl.Series, found: str
) -> None:
    with pytest.raises(SourceError, match=rf"raw\.trades: column {name} is {found}") as caught:
        pass_gate(trades(1, **{name: given}), Trades)

    assert caught.value.next_step


def test_columns_beyond_the_model_are_ignored() -> None:
    assert gate(trades().with_columns(note=pl.lit("x"))).passed.equals(trades())


def test_a_frame_without_rows_passes() -> None:
    assert gate(trades(0)).passed.is_empty()


# refused rows


def test_a_refused_row_is_kept_as_it_was_delivered_without_its_provenance() -> None:
    gated = gate(trades(1, price=pl.Series([" n/a "]), size=pl.Series(["7.0"])))

    assert gated.quarantined.row(0, named=True) == {
        "source_table": "raw.trades",
        "rejected_row": (
            '{"symbol": "A", "day": "2025-01-27", "price": " n/a ", "size": "7.0", '
            '"is_late": false}'
        ),
        "symbol": "A",
        "row_date": date(2025, 1, 27),
        "rules": ["price: type"],
        "reason": "price: ' n/a ' is not a Float64",
        "occurrences": 1,
        "status": "rejected",
    }


@pytest.mark.parametrize(
    ("price", "written"), [("NaN", "nan"), ("inf", "inf"), ("-inf", "-inf"), ("0", 0.0)]
)
def test_refused_numbers_are_written_as_valid_json(price: str, written: str | float) -> None:
    gated = gate(trades(1, price=pl.Series([float(price)])))

    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    kept = json.loads(gated.quarantined["rejected_row"].item(), parse_constant=no_constant)
    assert kept["price"] == written


def test_text_of_any_script_is_kept_readable() -> None:
    gated = gate(trades(1, symbol=pl.Series(['"é\n株']), price=pl.Series([-1.0])))

    text = gated.quarantined["rejected_row"].item()
    assert "株" in text
    assert json.loads(text)["symbol"] == '"é\n株'


def test_all_broken_rules_of_a_row_are_told() -> None:
    gated = gate(trades(1, price=pl.Series([-1.0]), size=pl.Series([-2])))

    assert gated.quarantined["rules"].item().to_list() == [
        "price: greater_than(0)",
        "size: greater_than_or_equal_to(0)",
    ]
    assert "'-1.0'" in gated.quarantined["reason"].item()
    assert "'-2'" in gated.quarantined["reason"].item()


@pytest.mark.parametrize(
    ("day", "found"),
    [("2025-01-27 (est.)", date(2025, 1, 27)), ("tomorrow", None), ("", None), (None, None)],
)
def test_a_refused_row_is_found_by_its_date_where_it_has_one(
    day: str | None, found: date | None
) -> None:
    gated = gate(trades(1, day=pl.Series([day], dtype=pl.String)))

    assert gated.passed.is_empty()
    assert gated.quarantined["row_date"].to_list() == [found]


def test_a_row_without_a_symbol_is_refused_and_has_none() -> None:
    gated = gate(trades(1, symbol=pl.Series([None], dtype=pl.String)))

    assert gated.quarantined["symbol"].to_list() == [None]
    assert gated.quarantined["rules"].to_list() == [["symbol: not_nullable"]]


def test_a_table_without_a_date_in_its_key_quarantines_too() -> None:
    gated = pass_gate(pl.DataFrame({"symbol": ["A"], "name": [None]}), Names)

    assert gated.passed.is_empty()
    assert gated.quarantined.select("symbol", "row_date").rows() == [("A", None)]


def test_further_checks_are_added_to_those_of_the_model() -> None:
    checks = {"size": [pa.Check.less_than(100, error="small")]}
    frame = trades(3, size=pl.Series([5, 100, -1]))

    gated = pass_gate(frame, Trades, checks)

    assert gated.passed["symbol"].to_list() == ["A"]
    assert dict(gated.quarantined.select("symbol", "rules").iter_rows()) == {
        "B": ["size: small"],
        "C": ["size: greater_than_or_equal_to(0)"],
    }
    assert pass_gate(frame, Trades).passed["symbol"].to_list() == ["A", "B"]


# duplicates


def test_equal_rows_collapse_and_conflicting_ones_are_all_refused() -> None:
    frame = pl.concat(
        [
            trades(2),
            trades(1),
            trades(2, price=pl.Series([10.0, 11.0])),
        ]
    )

    gated = gate(frame)

    assert gated.passed["symbol"].to_list() == ["A"]
    assert gated.collapsed == 2
    assert gated.quarantined["rules"].to_list() == [["conflicting_duplicate"]] * 2


def test_two_ways_to_write_one_value_are_one_row() -> None:
    frame = pl.concat([trades(1, price=pl.Series([text])) for text in ("10", "10.0", " 1e1 ")])

    gated = gate(frame)

    assert gated.passed.height == 1
    assert gated.collapsed == 2


# validate


def test_a_frame_that_conforms_is_valid() -> None:
    validate(trades(3), Trades)
    validate(trades(0), Trades)


def test_a_broken_rule_is_named_with_table_number_and_example() -> None:
    with pytest.raises(TableInvalid) as caught:
        validate(trades(3, price=pl.Series([1.0, -7.0, -8.0])), Trades)

    assert "raw.trades" in caught.value.what
    assert "price: greater_than(0) (2 rows, e.g. '-7.0')" in caught.value.what
    assert "Nothing was written" in caught.value.next_step


def test_every_broken_rule_is_named() -> None:
    with pytest.raises(TableInvalid) as caught:
        validate(trades(1, price=pl.Series([-7.0]), size=pl.Series([-1])), Trades)

    assert "price: greater_than(0)" in caught.value.what
    assert "size: greater_than_or_equal_to(0)" in caught.value.what


@pytest.mark.parametrize("price", [float("nan"), float("inf")])
def test_a_frame_with_a_number_that_is_none_is_invalid(price: float) -> None:
    with pytest.raises(TableInvalid, match="price"):
        validate(trades(1, price=pl.Series([price])), Trades)


def test_duplicate_keys_are_named_with_their_number() -> None:
    frame = pl.concat([trades(2), trades(1, price=pl.Series([11.0])), trades(1)])

    with pytest.raises(TableInvalid, match=r"key \(symbol, day\): 2 duplicated rows"):
        validate(frame, Trades)


def test_nothing_is_cast_silently() -> None:
    with pytest.raises(TableInvalid, match="size"):
        validate(trades(1, size=pl.Series([5.0])), Trades)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(TableInvalid, match="size"):
        validate(trades().drop("size"), Trades)


def test_a_column_too_many_is_named() -> None:
    with pytest.raises(TableInvalid, match="note"):
        validate(trades().with_columns(note=pl.lit("x")), Trades)


def test_a_null_in_a_column_that_has_none_is_named() -> None:
    with pytest.raises(TableInvalid, match="symbol: not_nullable"):
        validate(trades(1, symbol=pl.Series([None], dtype=pl.String)), Trades)


def test_unreadable_rows_far_apart_in_a_frame_of_several_chunks_are_refused() -> None:
    chunk = trades()[[0] * 130_000]
    as_text = chunk.with_columns(pl.col("price").cast(pl.String)).with_columns(
        symbol=pl.format("S{}", pl.int_range(pl.len()))
    )
    number = pl.int_range(pl.len())
    chunked = pl.concat(
        [
            as_text.with_columns(
                day=pl.col("day").dt.offset_by(f"{place}d"),
                price=pl.when(number == bad).then(pl.lit("dear")).otherwise("price"),
            )
            for place, bad in enumerate((5, -1, 100_000))
        ],
        rechunk=False,
    )
    assert chunked.n_chunks() == 3

    gated = gate(chunked)

    assert set(gated.quarantined["symbol"]) == {"S5", "S100000"}


class Doubt(StrEnum):
    LATE = "late"
    ODD = "odd"


class Doubts(Table):
    symbol: str = column("Ticker")
    kind: str = word("One", Doubt, nullable=True)
    flags: Annotated[pl.List, pl.String] = words("Several", Doubt)

    class Config(Table.Config):
        name = "mart.doubts"
        description = "A table of words."
        metadata: ClassVar = {"key": ("symbol",)}


def doubts(kind: str | None, *flags: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        [(str(n), kind, of_row) for n, of_row in enumerate(flags)],
        schema=Doubts.polars_schema(),
        orient="row",
    )


def test_words_of_a_vocabulary_conform_and_so_does_none() -> None:
    validate(doubts("late", [], ["odd"], ["late", "odd"]), Doubts)
    validate(doubts(None, []), Doubts)


def test_a_word_of_no_vocabulary_is_named_with_those_allowed() -> None:
    with pytest.raises(TableInvalid, match=r"kind: isin\(\['late', 'odd'\]\).*'strange'"):
        validate(doubts("strange", []), Doubts)
    with pytest.raises(TableInvalid, match=r"flags: each_in.*'late', 'odd'.*1 rows.*strange"):
        validate(doubts("odd", [], ["late", "strange"]), Doubts)


def test_the_rules_of_a_vocabulary_are_read_as_such() -> None:
    rules = {c.name: c.rules for c in Doubts.columns()}
    assert rules["kind"] == ("isin(['late', 'odd'])",)
    assert rules["flags"] == ("each_in(['late', 'odd'])",)
