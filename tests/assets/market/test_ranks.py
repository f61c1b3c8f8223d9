from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.market.ranks import rank_to_date


def ranks(values: list[float], groups: list[date]) -> list[int]:
    ranked = rank_to_date(
        pl.Series("value", values, dtype=pl.Float64), pl.Series("group", groups, dtype=pl.Date)
    )
    assert ranked.dtype == pl.Int64
    return ranked.to_list()


def by_comparing_all(values: list[float], groups: list[date]) -> list[int]:
    return [
        1 + sum(other > value for other, day in zip(values, groups, strict=True) if day <= today)
        for value, today in zip(values, groups, strict=True)
    ]


def day(number: int) -> date:
    return date(2020, 1, 1) + timedelta(days=number)


def test_a_value_is_ranked_among_its_own_and_all_earlier_days() -> None:
    days = [day(0), day(0), day(1), day(2), day(2)]

    assert ranks([5.0, 7.0, 6.0, 9.0, 1.0], days) == [2, 1, 2, 1, 5]


def test_equal_values_share_the_best_rank_within_a_day_and_across_days() -> None:
    days = [day(0), day(0), day(0), day(1), day(1)]

    assert ranks([3.0, 3.0, 1.0, 3.0, 2.0], days) == [1, 1, 3, 1, 4]


def test_a_rank_is_never_changed_by_a_later_day() -> None:
    values, days = [4.0, 2.0, 8.0], [day(0), day(1), day(2)]

    assert ranks(values, days)[:2] == ranks(values[:2], days[:2])


def test_order_within_a_day_is_kept() -> None:
    assert ranks([1.0, 3.0, 2.0], [day(0)] * 3) == [3, 1, 2]


@pytest.mark.parametrize("days", [8, 9, 64, 65, 129])
def test_ranks_are_right_over_long_histories_of_one_value_a_day(days: int) -> None:
    values = [float(n * 37 % 101) for n in range(days)]
    groups = [day(n) for n in range(days)]

    assert ranks(values, groups) == by_comparing_all(values, groups)


def test_no_values_have_no_ranks() -> None:
    assert ranks([], []) == []


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 150), st.integers(1, 12)), min_size=1, max_size=250))
def test_ranks_with_many_ties_equal_those_of_comparing_every_pair(
    found: list[tuple[int, int]],
) -> None:
    found = sorted(found, key=lambda pair: pair[0])
    values = [float(value) for _, value in found]
    groups = [day(number) for number, _ in found]

    assert ranks(values, groups) == by_comparing_all(values, groups)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 30), st.floats(1e-300, 1e300, allow_nan=False, allow_infinity=False)
        ),
        min_size=1,
        max_size=80,
    )
)
def test_ranks_of_any_floats_equal_those_of_comparing_every_pair(
    found: list[tuple[int, float]],
) -> None:
    found = sorted(found, key=lambda pair: pair[0])
    values = [value for _, value in found]
    groups = [day(number) for number, _ in found]

    assert ranks(values, groups) == by_comparing_all(values, groups)
