"""Sums of groups: exact, whatever the order of the terms."""

from fractions import Fraction

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from assets.market.exact_sums import starts, sums

terms = st.lists(st.floats(-1e15, 1e15) | st.floats(-1e-9, 1e-9) | st.none(), max_size=30)


@given(st.lists(terms.filter(bool), max_size=5), st.randoms(use_true_random=False))
def test_a_sum_is_the_float_nearest_to_the_exact_one_in_any_order(groups, random):
    values = [value for group in groups for value in group]
    owners = pl.DataFrame(
        {"group": [n for n, group in enumerate(groups) for _ in group]}, schema={"group": pl.Int64}
    )
    exact = [float(sum(map(Fraction, (v for v in group if v is not None)), Fraction(0)))
             for group in groups]  # fmt: skip
    assert sums(pl.Series(values, dtype=pl.Float64), starts(owners)).to_list() == exact
    for group in groups:
        random.shuffle(group)
    shuffled = pl.Series([value for group in groups for value in group], dtype=pl.Float64)
    assert sums(shuffled, starts(owners)).to_list() == exact


def test_what_rounding_would_lose_is_there():
    values = pl.Series([1e16, 1.0, -1e16, 0.1, 0.2, 0.3])
    owners = pl.DataFrame({"group": ["a", "a", "a", "b", "b", "b"]})
    assert sums(values, starts(owners)).to_list() == [1.0, 0.6]
