"""Levels beyond belief, each index by its own moves; bars that are the one before once more."""

from datetime import date, timedelta

import polars as pl
import pytest

from assets.market.bars import repeated
from assets.market.levels import largest_move, unbelievable_levels
from warehouse.schemas import ref

DAY = date(2024, 1, 1)


def held(levels: list[float], *real: int) -> list[int]:
    """Numbers of the sessions whose level is held."""
    rows = [("^X", DAY + timedelta(days=n), close) for n, close in enumerate(levels)]
    told = pl.DataFrame(rows, schema=["index_symbol", "session_date", "close"], orient="row")
    decided = pl.DataFrame(
        [("^X", DAY + timedelta(days=n), "none", 1.0, "seen", "jd") for n in real],
        schema=ref.SplitDecisions.polars_schema(),
        orient="row",
    )
    return unbelievable_levels(told, decided)["row"].to_list()


def walk(size: float) -> list[float]:
    return [100 * (1 + size * (n % 2)) for n in range(40)]


@pytest.mark.parametrize(
    ("factor", "is_held"), [(1.24, False), (1.27, True), (0.5, True), (10, True)]
)
def test_a_stock_index_is_held_beyond_a_quarter(factor: float, *, is_held: bool) -> None:
    levels = [*walk(0.005), 100 * factor]

    assert held(levels) == ([40] if is_held else [])


def test_a_volatility_index_may_double_and_no_index_may_quadruple() -> None:
    assert held([*walk(0.06), 220.0]) == []
    assert held([*walk(0.06), 400.0]) == [40]


def test_a_level_at_the_limit_itself_is_let_through_either_way() -> None:
    assert held([100.0, 300.0]) == held([300.0, 100.0]) == []
    assert held([100.0, 300.1]) == held([300.1, 100.0]) == [1]


def test_a_wrong_level_does_not_hold_the_right_ones_after_it() -> None:
    assert held([*walk(0.005), 1000.0, 100.0, 101.0]) == [40]


def test_a_decision_lets_a_level_through() -> None:
    assert held([*walk(0.005), 60.0, 61.0], 40) == []


def test_a_young_index_has_the_widest_limit() -> None:
    assert largest_move([100.0, 101.0]) == 3.0


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("A", 1.0, 3.0, 1.0, 2.0), ("A", 1.0, 3.0, 1.0, 2.0), True),
        (("A", 1.0, 3.0, 1.0, 2.0), ("A", 1.0, 3.0, 1.0, 2.1), False),
        (("A", 1.0, 3.0, 1.0, 2.0), ("A", 1.0, 3.1, 1.0, 2.0), False),
        (("A", 1.0, 3.0, 1.0, 2.0), ("B", 1.0, 3.0, 1.0, 2.0), False),
        (("A", None, None, None, 2.0), ("A", None, None, None, 2.0), False),
        (("A", 2.0, 2.0, 2.0, 2.0), ("A", 2.0, 2.0, 2.0, 2.0), False),
    ],
)
def test_a_bar_with_a_range_that_is_the_one_before_once_more(
    before: tuple, after: tuple, *, expected: bool
) -> None:
    assert repeated(bars((1, *before), (2, *after)), "symbol").to_list() == [False, expected]


def bars(*rows: tuple[int, str, float | None, float | None, float | None, float]) -> pl.DataFrame:
    names = ["day", "symbol", "open", "high", "low", "close"]
    types = dict.fromkeys(names[2:], pl.Float64)
    told = pl.DataFrame(rows, schema=names, schema_overrides=types, orient="row")
    return told.with_columns(session_date=pl.date(2025, 1, pl.col("day")))


def test_where_most_bars_of_a_session_are_repeated_a_close_alone_is_too() -> None:
    whole = [(day, symbol, 1.0, 3.0, 1.0, 2.0) for symbol in "AB" for day in (1, 2)]
    alone = [(day, "C", None, None, None, 2.0) for day in (1, 2)]
    moved = (2, "B", 1.0, 3.0, 1.0, 2.5)

    assert repeated(bars(*whole, *alone), "symbol").to_list() == [False, True] * 3
    few = bars(*whole[:3], moved, *alone)
    assert repeated(few, "symbol").to_list() == [False, True, False, False, False, False]
