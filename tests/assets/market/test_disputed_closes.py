"""Closes that an index, or the session after, speaks against."""

from datetime import date, timedelta

import polars as pl
import pytest

from assets.market.disputed_closes import (
    closes_in_dispute,
    contradicted_jumps,
    disputed_by_index,
    there_and_back,
)

DAYS = [
    day
    for day in (date(2024, 1, 1) + timedelta(days=n) for n in range(200))
    if day.isoweekday() <= 5
]
NOTHING = pl.DataFrame(schema={"symbol": pl.String, "session_date": pl.Date})


def prices(*last: float) -> pl.DataFrame:
    """A hundred sessions that move by one percent, and then these closes."""
    closes = [100.0 + n % 2 for n in range(100)] + list(last)
    return pl.DataFrame(
        {"symbol": ["A"] * len(closes), "session_date": DAYS[: len(closes)], "close": closes}
    ).with_columns(comparable_close=pl.col("close").shift())


def told(found: pl.DataFrame) -> list[int]:
    return [DAYS.index(day) for day in found["session_date"]]


@pytest.mark.parametrize("wrong", [73.8, 140.0, 10.0])
def test_a_jump_there_and_back_is_disputed_on_both_sessions(wrong: float) -> None:
    assert told(there_and_back(prices(wrong, 100.0), NOTHING)) == [100, 101]


def test_a_jump_that_stays_or_that_an_index_confirms_is_not() -> None:
    assert told(there_and_back(prices(73.8, 74.0), NOTHING)) == []
    confirmed = pl.DataFrame({"symbol": ["A"], "session_date": [DAYS[100]]})
    assert told(there_and_back(prices(73.8, 100.0), confirmed)) == []


def test_what_another_line_does_next_takes_nothing_back() -> None:
    of_next = (
        prices(100.0)
        .tail(1)
        .with_columns(symbol=pl.lit("B"), close=pl.lit(100.0), comparable_close=pl.lit(73.8))
    )
    assert told(there_and_back(pl.concat([prices(73.8), of_next]), NOTHING)) == []


def test_an_ordinary_move_that_is_taken_back_is_not() -> None:
    assert told(there_and_back(prices(97.0, 100.0), NOTHING)) == []


def accused(*rows: tuple[int, float, bool | None]) -> pl.DataFrame:
    """Errors of a line: session, error, whether it alone is accused; None: it is not accused."""
    return pl.DataFrame(
        [("A", DAYS[n], error, alone is not None, bool(alone)) for n, error, alone in rows],
        schema={"symbol": pl.String, "session_date": pl.Date, "error": pl.Float64,
                "is_accused": pl.Boolean, "is_alone": pl.Boolean},
        orient="row",
    )  # fmt: skip


def test_two_errors_that_cancel_each_other_dispute_all_between_them() -> None:
    sessions = prices().head(20)

    assert told(closes_in_dispute(accused((5, 0.3, False), (9, -0.29, False)), sessions)) == [
        5, 6, 7, 8, 9,
    ]  # fmt: skip


def test_an_error_that_nothing_takes_back_stays_where_it_stands_alone() -> None:
    sessions = prices().head(8)

    assert told(closes_in_dispute(accused((5, 0.3, True)), sessions)) == [5, 6, 7]
    assert told(closes_in_dispute(accused((5, 0.3, False)), sessions)) == []
    assert told(closes_in_dispute(accused((5, 0.3, False), (6, 0.3, False)), sessions)) == []


def test_an_error_that_news_hides_is_told_by_the_session_that_takes_it_back() -> None:
    sessions = prices().head(30)

    assert told(closes_in_dispute(accused((5, 0.3, None), (6, -0.29, True)), sessions)) == [5, 6]
    # Not accused on either side, or too far apart, the two are a coincidence.
    assert told(closes_in_dispute(accused((5, 0.3, None), (6, -0.29, False)), sessions)) == []
    assert 5 not in told(closes_in_dispute(accused((5, 0.3, None), (25, -0.29, True)), sessions))


def a_market(
    jump: float, residual_bps: float, weight: float = 0.01
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Impacts, reconciliations and prices of a member, of 1 %, that jumps on the last session."""
    of_line = prices(100.0 * (1 + jump)).with_columns(
        return_1d=pl.col("close") / pl.col("comparable_close") - 1
    )
    impacts = of_line.select(
        "symbol", "session_date", "return_1d", index_symbol=pl.lit("^X"),
        weight_previous_close=pl.lit(weight), contribution_return=pl.col("return_1d") * weight,
    )  # fmt: skip
    day = pl.col("session_date") == of_line["session_date"].max()
    reconciliations = of_line.select(
        "session_date",
        index_symbol=pl.lit("^X"),
        residual_bps=pl.when(day).then(residual_bps).otherwise(0.0),
        flags=pl.when(day & pl.lit(residual_bps != 0))
        .then(pl.lit(["unusual_residual"]))
        .otherwise(pl.lit([], dtype=pl.List(pl.String))),
    )
    return impacts, reconciliations, of_line


def test_a_jump_that_its_index_did_not_make_is_disputed() -> None:
    # The member took 20 bps off the index, which did not move.
    assert told(contradicted_jumps(*a_market(-0.20, 20.0))) == [100]
    assert told(contradicted_jumps(*a_market(-0.20, 0.0))) == []
    # An ordinary move, or one that the residual is too small for.
    assert told(contradicted_jumps(*a_market(-0.05, 5.0))) == []
    assert told(contradicted_jumps(*a_market(-0.20, 5.0))) == []


@pytest.mark.parametrize(("residual_bps", "disputed"), [(1.0, []), (1.01, [100])])
def test_a_residual_up_to_one_basis_point_alone_accuses_nobody(
    residual_bps: float, disputed: list[int]
) -> None:
    impacts, reconciliations, of_line = a_market(-0.20, residual_bps, weight=0.0005)

    assert told(disputed_by_index(impacts, reconciliations)) == disputed
    assert told(contradicted_jumps(impacts, reconciliations, of_line)) == disputed
