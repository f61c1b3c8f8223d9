from datetime import date, timedelta

import polars as pl
import pytest

from assets.market.reported_counts import CountsOfDates, one_a_date

D = [date(2024, 3, 4) + timedelta(days=7 * n) for n in range(6)]


def chosen(*reports: tuple[int, float]) -> CountsOfDates:
    """Weigh reports, each of the n-th week."""
    rows = [(D[week], float(count)) for week, count in reports]
    schema = {"as_of_date": pl.Date, "shares_outstanding": pl.Float64}
    return one_a_date(pl.DataFrame(rows, schema=schema, orient="row"))


def landed(told: CountsOfDates) -> list[tuple[int, float]]:
    return [(D.index(day), count) for day, count in told.rows.iter_rows()]


def held(told: CountsOfDates) -> list[float]:
    return told.held["shares_outstanding"].to_list()


def test_one_count_a_date_is_what_it_was():
    told = chosen((0, 1000), (1, 1001), (2, 1001))
    assert landed(told) == [(0, 1000), (1, 1001), (2, 1001)]
    assert (held(told), told.said, told.is_whole) == ([], [], True)


def test_a_count_that_is_there_twice_is_one():
    told = chosen((0, 1000), (0, 1000), (1, 1000))
    assert landed(told) == [(0, 1000), (1, 1000)]
    assert told.said == []


@pytest.mark.parametrize(
    "reports",
    [((0, 1000), (1, 1001), (1, 1040)), ((1, 1040), (1, 1001), (2, 1000)),
     ((0, 1002), (1, 1040), (1, 1001), (2, 1000)), ((0, 900), (1, 1040), (1, 1001), (2, 1000))],
    ids=["last", "first", "middle", "after a move"],
)  # fmt: skip
def test_the_neighbours_decide_wherever_the_date_is(reports):
    told = chosen(*reports)
    assert (1, 1001) in landed(told)
    assert held(told) == [1040]
    assert told.said == [
        f"2 counts of {D[1]}, 1,001 and 1,040: 1,001 agrees with the reports beside it"
    ]
    assert told.held["reason"].to_list() == told.said
    assert told.is_whole


@pytest.mark.parametrize(
    "reports",
    [((1, 1000), (1, 1040)), ((0, 1000), (1, 1000), (1, 1040), (2, 1040)),
     ((0, 500), (1, 1000), (1, 1040)), ((0, 1020), (1, 1000), (1, 1040)),
     ((1, 1000), (1, 1040), (2, 1000), (2, 1040)), ((0, 1000), (1, -1), (1, 1500))],
    ids=["alone", "each agrees with one side", "neither agrees", "between", "two such dates",
         "a number that is no count"],
)  # fmt: skip
def test_where_nothing_decides_all_are_held(reports):
    told = chosen(*reports)
    doubted = [count for week, count in reports if sum(w == week for w, _ in reports) > 1]
    assert sorted(held(told)) == sorted(doubted)
    assert not {1} & {week for week, _ in landed(told)}
    assert not told.is_whole
    assert all("do not decide" in reason for reason in told.held["reason"])


def test_of_three_counts_one_may_land():
    told = chosen((0, 1000), (1, 1000), (1, 1040), (1, 4000))
    assert landed(told) == [(0, 1000), (1, 1000)]
    assert held(told) == [1040, 4000]
