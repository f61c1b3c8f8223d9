"""The product and the oracle agree on every number of random markets."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.oracle import oracle
from tests.oracle.adapter import exchange_sessions
from tests.oracle.comparison import must_agree
from tests.oracle.random_markets import KNOBS, SEEDS, Knobs, census, make, make_reports

# The same markets on every machine. A failure shrinks by its knobs; what hypothesis explains beyond
# that are lines of the comparison, and takes as long again.
HOW = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "report_multiple_bugs": False,
    "phases": [Phase.explicit, Phase.generate, Phase.shrink],
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
ODD = (
    # what goes ex, and indices
    "both on one date",
    "a kind that the ratio does not tell",
    "before the first bar",
    "after the last bar",
    "on a date without a bar",
    "a bar before its listing",
    "a bar after its listing",
    "a change of members: None",
    "a change of members: delisted",
    "sets dated later",
    "published divisors",
    "price weighted",
    # reports that hold nowhere
    "share_count_decision",
    "share_count_jump",
    "share_count_refuted",
    "share_count_spin_off",
    "share_count_unconfirmed",
    "share_count_undone",
    # reports that hold
    "read in the basis after_split",
    "read in the basis before_split",
    "rests on decision",
    "rests on index_units",
    "rests on repetition",
    "rests on reports",
    "rests on single_report",
    # what units say
    "units followed a jump",
    "units went ahead of a jump",
    "units did not follow a jump",
    "units contradict some",
    "units contradict all",
    # what bars say
    "no company is so",
)


def test_random_markets() -> None:
    """They agree on a hundred markets, and all that may be odd in one is odd in some of them."""
    found: Counter[str] = Counter()

    @settings(max_examples=100, **HOW)
    @given(seed=SEEDS, knobs=KNOBS)
    def agree(seed: int, knobs: Knobs) -> None:
        market = make(exchange_sessions(), seed, knobs)
        must_agree(market)
        found.update(census(market))

    agree()
    assert all(found[what] for what in ODD), found


@pytest.mark.parametrize("seed", range(4))
def test_random_reports(seed: int) -> None:
    must_agree(make_reports(exchange_sessions(), seed))


@pytest.mark.parametrize("seed", [10, 45])
def test_records_of_a_year(seed: int) -> None:
    market = make(exchange_sessions(), seed, Knobs(sessions=275, symbols=3, indices=1))
    must_agree(market)
    expected = oracle.tables(market)
    sides = ("mart.market_cap_losses", "mart.market_cap_gains")
    assert any(row["is_record"] for side in sides for row in expected[side].values())


MANY = int(os.environ.get("CAPSHOCK_MANY_MARKETS", "2000"))
"""Markets of the long test; a check that has little time takes fewer."""


@pytest.mark.slow
@settings(max_examples=MANY, **HOW)
@given(seed=SEEDS, knobs=KNOBS)
def test_many_random_markets(seed: int, knobs: Knobs) -> None:
    must_agree(make(exchange_sessions(), seed, knobs))


PARTLY = (
    "enough has a price, not all",
    "too little has a price, implied divisor",
    "too little has a price, published divisor",
    "a member cannot be weighed",
    "nobody has a price",
)


def test_random_markets_have_indices_that_are_partly_priced() -> None:
    found: Counter[str] = Counter()
    for seed in range(30):
        tables = oracle.tables(make(exchange_sessions(), seed, Knobs(gaps=0.1, symbols=13)))
        for row in tables["mart.index_reconciliations"].values():
            if not row["members"]:
                continue
            is_too_little = "too_little_priced" in row["flags"]
            is_told = row["replicated_return"] is not None
            for what, is_there in zip(
                PARTLY,
                (
                    not is_too_little and row["members_priced"] < row["members"],
                    is_too_little and row["members_priced"] and not is_told,
                    is_too_little and is_told,
                    row["weight_priced"] is None,
                    not row["members_priced"],
                ),
                strict=True,
            ):
                found[what] += bool(is_there)
    assert all(found[what] >= 20 for what in PARTLY), found
