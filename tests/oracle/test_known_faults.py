"""Small markets, computed by hand, of what random ones were found to disagree about.

A corporate action belongs to its own date, whether or not a line has a bar on it. In the markets of
indices no price moves but for what goes ex.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest

from tests.oracle import oracle
from tests.oracle.adapter import drawdowns_must_land, frames, row_of
from tests.oracle.market import Bar, Described, Holding, Line, Market, Recorded, Report

DAYS = (
    date(2024, 1, 2),
    date(2024, 1, 3),
    date(2024, 1, 4),
    date(2024, 1, 5),
    date(2024, 1, 8),
    date(2024, 1, 9),
)
LONG_AGO = date(2023, 6, 1)


def market_of(
    closes: Mapping[str, Sequence[float | None]],
    actions: Sequence[tuple[str, int, float] | tuple[str, int, float, str]] = (),
    *,
    as_of: date = DAYS[0],
    weighting: str = "market cap",
    divisor: float | None = None,
    levels: Sequence[float | None] = (100.0,) * 6,
    counts: Mapping[str, int] | None = None,
) -> Market:
    """Make a market of an index ^X with ten units of each line; (symbol, place, ratio) goes ex.

    A fourth word of an action is its kind, where the source says it.
    """
    return Market(
        sessions=DAYS,
        lines=tuple(Line(symbol, symbol) for symbol in closes),
        bars={
            symbol: {d: Bar(c, c, c, c) for d, c in zip(DAYS, of_line, strict=True) if c}
            for symbol, of_line in closes.items()
        },
        recorded=tuple(Recorded(symbol, DAYS[place], *told) for symbol, place, *told in actions),
        reports=tuple(Report(symbol, LONG_AGO, n) for symbol, n in (counts or {}).items()),
        levels={"^X": {d: v for d, v in zip(DAYS, levels, strict=True) if v}},
        indices=(Described("^X", LONG_AGO, weighting, divisor),),
        holdings=tuple(Holding("^X", LONG_AGO, symbol, 10.0, as_of) for symbol in closes),
    )


def both_say(table: str, market: Market, key: Mapping[str, Any], name: str) -> list[Any]:
    """Return what oracle and product say, in this order."""
    return [
        oracle.tables(market)[table][tuple(key.values())][name],
        row_of(frames(market)[table], **key)[name],
    ]


def units(market: Market, symbol: str, place: int) -> list[Any]:
    key = {"index_symbol": "^X", "session_date": DAYS[place], "symbol": symbol}
    return both_say("mart.index_impacts", market, key, "units")


def reconciled(market: Market, place: int, name: str) -> list[Any]:
    key = {"index_symbol": "^X", "session_date": DAYS[place]}
    return both_say("mart.index_reconciliations", market, key, name)


STEADY = (50.0,) * 6


# A split after the set's as_of_date changes units once, wherever it falls.


def test_a_split_before_the_first_bar() -> None:
    market = market_of({"A": STEADY, "B": (None, None, None, 20.0, 20.0, 20.0)}, [("B", 1, 2.0)])
    assert units(market, "B", 0) == [10.0, 10.0]
    assert units(market, "B", 1) == [20.0, 20.0]
    assert units(market, "B", 4) == [20.0, 20.0]


def test_a_split_on_a_date_without_a_bar() -> None:
    market = market_of({"A": STEADY, "B": (40.0, 40.0, None, None, 20.0, 20.0)}, [("B", 2, 2.0)])
    assert units(market, "B", 1) == [10.0, 10.0]
    assert units(market, "B", 2) == [20.0, 20.0]
    assert units(market, "B", 3) == [20.0, 20.0]
    assert units(market, "B", 5) == [20.0, 20.0]


def test_units_dated_in_the_gap_after_a_split_have_it_already() -> None:
    market = market_of(
        {"A": STEADY, "B": (40.0, 40.0, None, None, 20.0, 20.0)}, [("B", 2, 2.0)], as_of=DAYS[3]
    )
    assert units(market, "B", 1) == [5.0, 5.0]
    assert units(market, "B", 3) == [10.0, 10.0]
    assert units(market, "B", 5) == [10.0, 10.0]


def test_a_split_after_the_last_bar_of_units_dated_later() -> None:
    market = market_of(
        {"A": STEADY, "B": (40.0, 40.0, 40.0, None, None, None)}, [("B", 4, 2.0)], as_of=DAYS[5]
    )
    assert units(market, "B", 2) == [5.0, 5.0]
    assert units(market, "B", 3) == [5.0, 5.0]
    assert units(market, "B", 4) == [10.0, 10.0]


def test_a_split_and_a_spin_off_on_one_date() -> None:
    market = market_of(
        {"A": STEADY, "B": (48.0, 48.0, 20.0, 20.0, 20.0, 20.0)},
        [("B", 2, 2.0, "split"), ("B", 2, 1.2)],
    )
    assert units(market, "B", 1) == [10.0, 10.0]
    assert units(market, "B", 2) == [20.0, 20.0]


def test_a_split_and_a_spin_off_between_two_bars() -> None:
    market = market_of(
        {"A": STEADY, "B": (48.0, None, None, 20.0, 20.0, 20.0)}, [("B", 1, 1.2), ("B", 2, 2.0)]
    )
    assert units(market, "B", 1) == [10.0, 10.0]
    assert units(market, "B", 3) == [20.0, 20.0]


def test_units_of_a_price_weighted_index_stay() -> None:
    market = market_of(
        {"A": STEADY, "B": (40.0, 40.0, None, 20.0, 20.0, 20.0)},
        [("B", 2, 2.0)],
        weighting="price",
    )
    for place in range(6):
        assert units(market, "B", place) == [10.0, 10.0]


def test_the_weight_priced_does_not_move_with_a_split_in_a_gap() -> None:
    # B's last known value is 10 x 40 of 400 + 500, in the basis before the split.
    market = market_of({"A": STEADY, "B": (40.0, 40.0, None, None, 20.0, 20.0)}, [("B", 2, 2.0)])
    for place in (2, 3):
        told = reconciled(market, place, "weight_priced")
        assert told == [pytest.approx(5 / 9), pytest.approx(5 / 9)]


# A published divisor ends on the date of an action that changes the value of the units.


def test_a_spin_off_of_a_member_without_a_previous_bar_ends_a_published_divisor() -> None:
    # B has no bar at place 1: on place 2 it has a close and no move. 10 x 40 + 10 x 50 = 9 x 100.
    market = market_of(
        {"A": STEADY, "B": (40.0, None, 25.0, 25.0, 25.0, 25.0)},
        [("B", 2, 1.6)],
        divisor=9.0,
    )
    assert reconciled(market, 1, "divisor") == [9.0, 9.0]
    assert reconciled(market, 1, "is_divisor_published") == [True, True]
    # A alone is priced, and no divisor is implied by two thirds of an index.
    assert reconciled(market, 2, "is_divisor_published") == [None, None]
    assert reconciled(market, 2, "divisor") == [None, None]
    assert reconciled(market, 3, "divisor") == [7.5, 7.5]
    assert reconciled(market, 5, "is_divisor_published") == [False, False]


def test_a_spin_off_on_a_date_without_a_bar_ends_a_published_divisor_on_that_date() -> None:
    market = market_of(
        {"A": STEADY, "B": (40.0, 40.0, None, None, 25.0, 25.0)}, [("B", 2, 1.6)], divisor=9.0
    )
    told = [reconciled(market, place, "is_divisor_published") for place in (1, 2, 3, 4, 5)]
    # Half an index implies no divisor: until B has a move again there is none.
    assert told == [[True, True], *[[None, None]] * 3, [False, False]]


def test_a_spin_off_before_a_members_first_bar_ends_a_published_divisor() -> None:
    market = market_of(
        {"A": STEADY, "B": (None, None, None, 40.0, 40.0, 40.0)}, [("B", 1, 1.2)], divisor=9.0
    )
    # A published one would stay, and half an index implies none.
    assert reconciled(market, 1, "is_divisor_published") == [None, None]
    assert reconciled(market, 5, "divisor") == [9.0, 9.0]  # implied: (500 + 400) / 100
    assert reconciled(market, 5, "is_divisor_published") == [False, False]


def test_a_split_ends_a_published_divisor_under_price_weighting_alone() -> None:
    closes = {"A": STEADY, "B": (40.0, None, 20.0, 20.0, 20.0, 20.0)}
    by_price = market_of(closes, [("B", 2, 2.0)], weighting="price", divisor=9.0)
    assert reconciled(by_price, 2, "is_divisor_published") == [None, None]
    assert reconciled(by_price, 3, "divisor") == [7.0, 7.0]
    by_cap = market_of(closes, [("B", 2, 2.0)], divisor=9.0)
    assert reconciled(by_cap, 2, "is_divisor_published") == [True, True]
    assert reconciled(by_cap, 3, "divisor") == [9.0, 9.0]


# Dollars of a fall with gaps inside.


@pytest.mark.parametrize(
    ("closes", "known"),
    [
        # Two gaps: the falls to 8 and to 5 are unknown, the rise from 8 to 9 is known.
        ((10.0, None, 8.0, 9.0, None, 5.0), -100.0),
        # The fall to 5 is unknown, that from 9 to 8 known.
        ((10.0, 9.0, 8.0, None, 5.0, 5.5), 200.0),
    ],
)
def test_a_fall_with_gaps_lands_and_tells_what_is_known(closes: Any, known: float) -> None:
    market = market_of({"A": closes}, counts={"A": 100})
    key = {"symbol": "A", "peak_date": DAYS[0]}
    assert oracle.tables(market)["mart.drawdowns"][tuple(key.values())]["loss_usd"] == known
    falls = frames(market)["mart.drawdowns"]
    drawdowns_must_land(falls)
    fall = row_of(falls, **key)
    assert fall["drawdown_return"] == pytest.approx(-0.5)
    assert fall["loss_usd"] == (known if known > 0 else None)
    assert "gap" in fall["flags"]


# Found by the oracle.


def test_a_split_and_a_spin_off_on_one_date_change_the_count_by_the_split_alone() -> None:
    # p' = 48 / (2 x 1.2) = 20, N' = 100 x 2; the close of 19 loses 200 x 1 dollar.
    market = market_of(
        {"A": (48.0, 48.0, 19.0, 19.0, 19.0, 19.0)},
        [("A", 2, 2.0, "split"), ("A", 2, 1.2)],
        counts={"A": 100},
    )
    key = {"company_symbol": "A", "session_date": DAYS[2]}
    effects = both_say("mart.market_caps", market, key, "price_effect_usd")
    assert effects == [pytest.approx(-200.0), pytest.approx(-200.0)]


def test_a_missing_level_on_the_last_session_hides_no_divisor() -> None:
    market = market_of({"A": STEADY}, levels=(100.0, 100.0, 100.0, 100.0, 100.0, None))
    assert reconciled(market, 5, "previous_level") == [100.0, 100.0]
    assert reconciled(market, 5, "divisor") == [5.0, 5.0]


def test_a_partly_priced_index_contradicts_no_move() -> None:
    # A falls by a tenth; B, of four ninths of the index, has no bar and rises by as much: the level
    # stays, which under a published divisor would speak against A.
    market = market_of(
        {"A": (50.0, 50.0, 45.0, 45.0, 45.0, 45.0), "B": (40.0, 40.0, None, 45.0, 45.0, 45.0)},
        divisor=9.0,
        counts={"A": 100},
    )
    key = {"company_symbol": "A", "session_date": DAYS[2]}
    assert both_say("mart.market_cap_losses", market, key, "witness") == ["next_session"] * 2
