"""A comparable close: of the exchange's session before, in the share basis of this one."""

from datetime import date

import polars as pl
import pytest

from assets.market.moves import chained_close, with_comparable_close

SESSIONS = [date(2025, 1, 3), date(2025, 1, 6), date(2025, 1, 7), date(2025, 1, 8)]


def bars(*rows: tuple[str, int, float, float]) -> pl.DataFrame:
    told = [(symbol, SESSIONS[place], close, ratio) for symbol, place, close, ratio in rows]
    return pl.DataFrame(
        told,
        schema={"symbol": pl.String, "session_date": pl.Date, "close": pl.Float64,
                "adjustment_ratio": pl.Float64},
        orient="row",
    )  # fmt: skip


def comparable(*rows: tuple[str, int, float, float]) -> list[float | None]:
    return with_comparable_close(bars(*rows), SESSIONS)["comparable_close"].to_list()


def test_a_weekend_is_no_gap_and_a_session_without_a_bar_is_one() -> None:
    assert comparable(("A", 0, 10.0, 1.0), ("A", 1, 11.0, 1.0), ("A", 3, 12.0, 1.0)) == [
        None,
        10.0,
        None,
    ]


def test_what_goes_ex_is_taken_out_of_the_close_before() -> None:
    found = comparable(("A", 0, 120.0, 1.0), ("A", 1, 12.5, 10.0), ("A", 2, 10.0, 1.25))
    assert found == [None, 12.0, 10.0]


def test_a_symbol_is_not_compared_with_the_one_before_it() -> None:
    assert comparable(("A", 0, 10.0, 1.0), ("B", 1, 11.0, 1.0), ("B", 2, 5.0, 1.0)) == [
        None,
        None,
        11.0,
    ]


def test_the_day_before_the_first_session_known_is_nothing() -> None:
    assert comparable() == []


def test_chained_closes_are_in_one_basis_over_gaps_and_by_symbol() -> None:
    told = bars(
        ("A", 0, 100.0, 1.0), ("A", 1, 50.0, 2.0), ("A", 3, 40.0, 1.25), ("B", 3, 7.0, 1.0)
    ).select(chained_close())
    assert told.to_series().to_list() == pytest.approx([100.0, 100.0, 100.0, 7.0])
