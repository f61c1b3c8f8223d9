"""The product and the oracle agree on every number of random markets."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from tests.oracle.adapter import exchange_sessions
from tests.oracle.comparison import must_agree
from tests.oracle.market import Market
from tests.oracle.random_markets import Knobs, census, make, markets

# The same markets on every machine, and no more shrinking than a reader waits for.
HOW = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
ODD = (
    "both on one date",
    "before the first bar",
    "after the last bar",
    "on a date without a bar",
    "sets dated later",
    "published divisors",
    "price weighted",
)


@settings(max_examples=100, **HOW)
@given(markets(exchange_sessions()))
def test_random_markets(market: Market) -> None:
    must_agree(market)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_records_of_a_year(seed: int) -> None:
    must_agree(make(exchange_sessions(), seed, Knobs(sessions=265, symbols=3, indices=1)))


@pytest.mark.slow
@settings(max_examples=2000, **HOW)
@given(markets(exchange_sessions()))
def test_many_random_markets(market: Market) -> None:
    must_agree(market)


def test_random_markets_are_odd_in_every_way() -> None:
    found: Counter[str] = Counter()
    for seed in range(60):
        found += census(make(exchange_sessions(), seed, Knobs()))
    assert all(found[what] >= 5 for what in ODD), found
