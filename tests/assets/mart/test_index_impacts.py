"""One formula for all weightings: by hand, and by what must hold whatever the numbers are."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.mart.index_impacts import unused_holdings
from tests.assets.mart.index_market import (
    DAYS,
    counts,
    holdings,
    impacts,
    indices,
    levels,
    prices,
    securities,
    went_ex,
)


def on(found: pl.DataFrame, place: int) -> dict[str, dict]:
    of_day = found.filter(pl.col("session_date") == DAYS[place])
    return {row["symbol"]: row for row in of_day.to_dicts()}


MANY = [f"S{n:02}" for n in range(40)]
"""Members that have a price, where three without one are less than a tenth."""


# --- by hand ----------------------------------------------------------------------------------


def test_a_cap_weighted_index_by_hand() -> None:
    found = on(
        impacts(
            holdings({"A": 10.0, "B": 30.0}), prices({"A": [6.0, 9.0], "B": [2.0, 1.0]}),
            levels([100.0, 100.0]),
        ), 1,
    )  # fmt: skip
    # B = 60 + 60 = 120, D = 1.2; A +30, B -30.
    assert found["A"]["weight_previous_close"] == 0.5
    assert found["A"]["divisor"] == pytest.approx(1.2)
    assert found["A"]["contribution_points"] == pytest.approx(25.0)
    assert found["B"]["contribution_points"] == pytest.approx(-25.0)
    assert found["A"]["contribution_return"] == pytest.approx(0.25)
    assert found["A"]["index_return_without"] == pytest.approx(-0.5)
    assert found["B"]["index_return_without"] == pytest.approx(0.5)


def test_a_price_weighted_index_uses_its_published_divisor() -> None:
    found = on(
        impacts(
            holdings({"A": 1.0, "B": 1.0}), prices({"A": [60.0, 54.0], "B": [40.0, 42.0]}),
            levels([1000.0, 960.0]), indices("price", 0.1),
        ), 1,
    )  # fmt: skip
    assert found["A"]["contribution_points"] == pytest.approx(-60.0)
    assert found["B"]["contribution_points"] == pytest.approx(20.0)
    assert found["A"]["divisor"] == 0.1


def test_the_first_session_has_no_previous_close_and_no_impact() -> None:
    first = on(impacts(holdings({"A": 1.0}), prices({"A": [6.0, 9.0]}), levels([1.0, 2.0])), 0)
    assert first["A"]["return_1d"] is None
    assert first["A"]["contribution_points"] is None
    assert first["A"]["units"] == 1.0


def test_the_only_member_leaves_nothing_without_it() -> None:
    found = on(impacts(holdings({"A": 1.0}), prices({"A": [6.0, 9.0]}), levels([1.0, 1.5])), 1)
    assert found["A"]["contribution_return"] == 0.5
    assert found["A"]["index_return_without"] is None


def test_without_a_previous_level_there_are_parts_and_no_points() -> None:
    found = on(
        impacts(holdings({"A": 1.0, "B": 1.0}), prices({"A": [6.0, 9.0], "B": [6.0, 6.0]}),
                levels([None, 100.0])), 1,
    )  # fmt: skip
    assert found["A"]["contribution_return"] == 0.25
    assert found["A"]["contribution_points"] is None


# --- splits, spin-offs, the divisor -----------------------------------------------------------


def test_a_split_multiplies_units_and_moves_nothing() -> None:
    found = impacts(
        holdings({"A": 10.0, "B": 10.0}),
        prices({"A": [60.0, 60.0, 20.0, 20.0], "B": [10.0] * 4}, {("A", 2): (3.0, "split")}),
        levels([100.0] * 4),
    )
    assert on(found, 1)["A"]["units"] == 10.0
    assert on(found, 2)["A"]["units"] == 30.0
    assert on(found, 3)["A"]["units"] == 30.0
    assert on(found, 2)["A"]["contribution_points"] == 0.0
    assert on(found, 2)["A"]["weight_previous_close"] == pytest.approx(6 / 7)


def test_units_dated_after_a_split_are_divided_before_it() -> None:
    found = impacts(
        holdings({"A": 30.0, "B": 10.0}, as_of=DAYS[3]),
        prices({"A": [60.0, 60.0, 20.0, 20.0], "B": [10.0] * 4}, {("A", 2): (3.0, "split")}),
        levels([100.0] * 4),
    )
    assert on(found, 1)["A"]["units"] == 10.0
    assert on(found, 2)["A"]["units"] == 30.0


def test_a_spin_off_leaves_units_and_is_no_move() -> None:
    found = on(
        impacts(
            holdings({"A": 10.0, "B": 10.0}),
            prices({"A": [50.0, 40.0], "B": [10.0, 10.0]}, {("A", 1): (1.25, "spin_off")}),
            levels([100.0, 100.0]),
        ), 1,
    )  # fmt: skip
    assert found["A"]["units"] == 10.0
    assert found["A"]["return_1d"] == 0.0


def test_a_split_in_a_price_weighted_index_changes_the_divisor_from_then_on() -> None:
    found = impacts(
        holdings({"A": 1.0, "B": 1.0}),
        prices({"A": [60.0, 60.0, 30.0, 33.0], "B": [40.0] * 4}, {("A", 2): (2.0, "split")}),
        levels([1000.0, 1000.0, 1000.0, 1042.857142857]),
        indices("price", 0.1),
    )
    assert on(found, 1)["A"]["divisor"] == 0.1
    # (30 + 40) / 1000: the published one is worth nothing until a new one is published.
    assert on(found, 2)["A"]["divisor"] == pytest.approx(0.07)
    assert on(found, 3)["A"]["units"] == 1.0
    assert on(found, 3)["A"]["contribution_points"] == pytest.approx(3 / 0.07)


def test_a_divisor_published_for_the_split_is_used() -> None:
    newer = indices("price", 0.07).with_columns(effective_from=pl.lit(DAYS[2]))
    found = impacts(
        holdings({"A": 1.0, "B": 1.0}),
        prices({"A": [60.0, 60.0, 30.0, 33.0], "B": [40.0] * 4}, {("A", 2): (2.0, "split")}),
        levels([1000.0, 1000.0, 1000.5, 1043.0]),
        pl.concat([indices("price", 0.1), newer]),
    )
    assert on(found, 2)["A"]["divisor"] == 0.07
    assert on(found, 3)["A"]["divisor"] == 0.07


# An action belongs to its own date, with or without a bar on it.


def test_a_split_before_the_first_bar_changes_units_on_its_date() -> None:
    found = impacts(
        holdings({"A": 10.0, "B": 10.0}),
        prices({"A": [50.0] * 4, "B": [None, None, None, 20.0]}), levels([100.0] * 4),
        told_actions=went_ex(("B", DAYS[1], 2.0, "split")),
    )  # fmt: skip
    assert [on(found, place)["B"]["units"] for place in range(4)] == [10.0, 20.0, 20.0, 20.0]


def test_a_split_on_a_date_without_a_bar_changes_units_once_and_on_its_date() -> None:
    bars = prices({"A": [50.0] * 4, "B": [40.0, None, None, 20.0]}, {("B", 3): (2.0, "split")})
    split = went_ex(("B", DAYS[1], 2.0, "split"))
    held, at = holdings({"A": 10.0, "B": 10.0}), levels([100.0] * 4)
    found = impacts(held, bars, at, told_actions=split)
    assert [on(found, place)["B"]["units"] for place in range(4)] == [10.0, 20.0, 20.0, 20.0]
    # Units of a date in the gap have the split already.
    later = holdings({"A": 10.0, "B": 10.0}, as_of=DAYS[2])
    found = impacts(later, bars, at, told_actions=split)
    assert [on(found, place)["B"]["units"] for place in range(4)] == [5.0, 10.0, 10.0, 10.0]


def test_a_split_after_the_last_bar_counts_in_units_dated_after_it() -> None:
    found = impacts(
        holdings({"A": 10.0, "B": 10.0}, as_of=DAYS[3]),
        prices({"A": [50.0] * 4, "B": [40.0, 40.0]}), levels([100.0] * 4),
        told_actions=went_ex(("B", DAYS[2], 2.0, "split")),
    )  # fmt: skip
    assert [on(found, place)["B"]["units"] for place in range(4)] == [5.0, 5.0, 10.0, 10.0]


def test_of_a_split_together_with_a_spin_off_the_split_alone_changes_units() -> None:
    both = went_ex(("B", DAYS[1], 2.0, "split"), ("B", DAYS[1], 1.2, "spin_off"))
    found = impacts(
        holdings({"A": 10.0, "B": 10.0}),
        prices({"A": [50.0] * 4, "B": [48.0, 20.0, 20.0, 20.0]}, {("B", 1): (2.4, "spin_off")}),
        levels([100.0] * 4), told_actions=both,
    )  # fmt: skip
    assert [on(found, place)["B"]["units"] for place in range(4)] == [10.0, 20.0, 20.0, 20.0]
    assert on(found, 1)["B"]["contribution_points"] == pytest.approx(0.0, abs=1e-9)


def test_an_action_off_the_calendar_takes_effect_on_the_next_session() -> None:
    saturday = date(2025, 1, 9)
    found = impacts(
        holdings({"A": 10.0, "B": 10.0}), prices({"A": [50.0] * 4, "B": [40.0] * 4}),
        levels([100.0] * 4), indices(divisor=9.0),
        told_actions=went_ex(("B", saturday, 2.0, "split"), ("A", saturday, 1.1, "spin_off")),
    )  # fmt: skip
    assert [on(found, place)["B"]["units"] for place in range(4)] == [10.0, 10.0, 10.0, 20.0]
    assert on(found, 2)["A"]["divisor"] == 9.0
    assert on(found, 3)["A"]["divisor"] == pytest.approx(13.0)  # (500 + 800) / 100


@pytest.mark.parametrize(
    ("closes", "at"),
    [
        ([40.0, None, 32.0, 32.0], 2),  # no bar on the session before
        ([40.0, 40.0, None, 32.0], 2),  # no bar on the date
        ([None, None, None, 32.0], 1),  # before the first bar
        ([40.0, 40.0, None, None], 2),  # after the last one
    ],
)
def test_a_spin_off_of_a_member_without_a_bar_ends_a_published_divisor(closes, at) -> None:
    found = impacts(
        holdings({"A": 10.0, "B": 10.0}), prices({"A": [50.0] * 4, "B": closes}),
        levels([100.0] * 4), indices(divisor=9.0),
        told_actions=went_ex(("B", DAYS[at], 1.2625, "spin_off")),
    )  # fmt: skip
    told = [on(found, place)["A"]["divisor"] for place in range(1, 4)]
    assert all(divisor == 9.0 for divisor in told[: at - 1])
    assert all(divisor != 9.0 for divisor in told[at - 1 :])


def test_a_spin_off_of_a_member_to_come_ends_no_divisor() -> None:
    held = pl.concat([holdings({"A": 10.0}), holdings({"A": 10.0, "B": 1.0}, DAYS[2])])
    found = impacts(
        held, prices({"A": [50.0] * 4, "B": [40.0, 32.0, 32.0, 32.0]}), levels([100.0] * 4),
        indices(divisor=9.0), told_actions=went_ex(("B", DAYS[1], 1.25, "spin_off")),
    )  # fmt: skip
    assert [on(found, place)["A"]["divisor"] for place in range(1, 4)] == [9.0, 9.0, 9.0]


def test_a_split_of_a_member_without_a_bar_ends_a_divisor_under_price_weighting_alone() -> None:
    bars = prices({"A": [50.0] * 4, "B": [40.0, None, 20.0, 20.0]}, {("B", 2): (2.0, "split")})
    held, at = holdings({"A": 10.0, "B": 10.0}), levels([100.0] * 4)
    by_price = impacts(held, bars, at, indices("price", 9.0))
    assert on(by_price, 3)["A"]["divisor"] == pytest.approx(7.0)
    by_cap = impacts(held, bars, at, indices(divisor=9.0))
    assert on(by_cap, 3)["A"]["divisor"] == 9.0


# --- who is in it, and when -------------------------------------------------------------------


def test_a_later_set_replaces_the_whole_set_from_its_date_on_and_never_before() -> None:
    held = pl.concat(
        [holdings({"A": 1.0, "B": 1.0}), holdings({"B": 1.0, "C": 1.0}, effective_from=DAYS[2])]
    )
    found = impacts(
        held, prices({s: [10.0, 11.0, 12.0, 13.0] for s in "ABC"}), levels([10.0, 11.0, 12.0, 13.0])
    )
    assert [sorted(on(found, place)) for place in range(4)] == [
        ["A", "B"], ["A", "B"], ["B", "C"], ["B", "C"],
    ]  # fmt: skip


def test_a_member_without_a_price_is_a_row_of_nulls_and_out_of_the_sums() -> None:
    found = on(
        impacts(
            holdings({"A": 1.0, "B": 1.0, "E": 1.0, "D": None} | dict.fromkeys(MANY, 1.0)),
            prices({"A": [10.0, 11.0], "B": [None, 20.0], "D": [10.0, 10.0]}
                   | {s: [10.0, 10.0] for s in MANY}),
            levels([100.0, 110.0]),
        ), 1,
    )  # fmt: skip
    assert found["A"]["flags"] == []
    assert found["A"]["weight_previous_close"] == pytest.approx(1 / 41)
    assert [found[symbol]["flags"] for symbol in "BED"] == [
        ["no_return"], ["no_return"], ["no_units"],
    ]  # fmt: skip
    for symbol in "BED":
        assert found[symbol]["weight_previous_close"] is None
        assert found[symbol]["contribution_points"] is None
    assert found["E"]["return_1d"] is None


def test_a_gap_in_the_calendar_is_no_one_day_move() -> None:
    bars = prices({"A": [10.0, None, 12.0, 13.0]})
    assert bars["comparable_close"].to_list() == [None, None, 12.0]


def test_an_index_that_nobody_described_is_left_out_and_said() -> None:
    held = pl.concat([holdings({"A": 1.0}), holdings({"A": 1.0, "Z": 2.0}, index="^Y")])
    later = holdings({"A": 1.0}, effective_from=date(2025, 2, 3))
    assert set(impacts(held, prices({"A": [1.0, 2.0]}), levels([1.0, 2.0]))["index_symbol"]) == {
        "^X"
    }
    said = unused_holdings(pl.concat([held, later]), indices(), securities("A"), DAYS)
    assert said == (
        "index_holdings: ^Y is not in indices.csv: not used.",
        "index_holdings: the set of ^X effective from 2025-02-03 lies after the last session "
        "2025-01-10: not used yet.",
        "index_holdings: 1 member of ^Y not in securities.csv: counted, without a price: Z.",
    )
    assert unused_holdings(holdings({"A": 1.0}), indices(), securities("A"), DAYS) == ()


# --- where too little has a price -------------------------------------------------------------


UNKNOWN = ("weight_previous_close", "contribution_points", "contribution_return",
           "index_return_without", "divisor")  # fmt: skip


def partly(
    units: dict[str, float | None],
    *without: str,
    close: float = 10.0,
    rise: float = 1.1,
    **how: object,
) -> dict[str, dict]:
    """The second session of an index; members rise, some have no close on it."""
    bars = {s: [close, None if s in without else close * rise] for s in units}
    return on(impacts(holdings(units), prices(bars), levels([100.0, 110.0]), **how), 1)


EQUAL = {f"S{n}": 1.0 for n in range(10)}


def test_where_nine_tenths_have_a_price_there_are_contributions() -> None:
    found = partly(EQUAL, "S0")
    assert found["S1"]["weight_previous_close"] == pytest.approx(1 / 9)
    assert found["S1"]["contribution_points"] == pytest.approx(10 / 9)
    assert (found["S1"]["flags"], found["S0"]["flags"]) == ([], ["no_return"])
    # Sums of tenths are no tenths: exactly nine of them are enough all the same.
    for close in (0.1, 0.3, 123.45):
        found = partly(EQUAL, "S0", close=close, rise=1.0)
        assert found["S1"]["contribution_points"] == 0.0


def test_where_less_has_a_price_nobody_has_a_contribution_and_each_row_says_so() -> None:
    for units, without in ((EQUAL, ("S0", "S1")), (EQUAL | {"S0": 1.11}, ("S0",))):
        found = partly(units, *without)
        for symbol, row in found.items():
            assert [row[name] for name in UNKNOWN] == [None] * len(UNKNOWN)
            assert "too_little_priced" in row["flags"], symbol
        # What the member did is known all the same.
        assert found["S9"]["return_1d"] == pytest.approx(0.1)
        assert found["S9"]["units"] == 1.0
        assert found["S0"]["flags"] == ["no_return", "too_little_priced"]


def test_few_members_without_a_price_may_be_too_much_of_the_weight() -> None:
    heavy = {f"S{n:02}": 1.0 for n in range(40)} | {"S00": 10.0}
    assert partly(heavy, "S00")["S01"]["contribution_points"] is None
    assert partly(heavy, "S01")["S02"]["contribution_points"] is not None


def test_a_member_that_never_had_a_close_weighs_as_much_as_the_average() -> None:
    nine = dict.fromkeys(list(EQUAL)[:9], 1.0)
    told = prices({s: [10.0, 11.0] for s in nine})
    held = holdings(nine | {"Z": 500.0})
    assert on(impacts(held, told, levels([1.0, 1.1])), 1)["S1"]["contribution_points"] is not None
    held = holdings(nine | {"Y": 1.0, "Z": 1.0})
    assert on(impacts(held, told, levels([1.0, 1.1])), 1)["S1"]["contribution_points"] is None


def test_under_a_published_divisor_contributions_stay_and_the_rest_is_not_known() -> None:
    found = partly(EQUAL, "S0", "S1", told_indices=indices("price", 0.5))
    assert found["S2"]["contribution_points"] == pytest.approx(1.0 / 0.5)
    assert found["S2"]["weight_previous_close"] == pytest.approx(10.0 / (0.5 * 100))
    assert found["S2"]["index_return_without"] is None
    assert found["S2"]["flags"] == ["too_little_priced"]


def test_without_a_previous_level_a_published_divisor_makes_no_whole() -> None:
    bars = {s: [10.0, None if s in {"S0", "S1"} else 11.0] for s in EQUAL}
    found = on(
        impacts(holdings(EQUAL), prices(bars), levels([None, 110.0]), indices("price", 0.5)), 1
    )
    assert [found["S2"][name] for name in UNKNOWN] == [None] * len(UNKNOWN)


def test_under_price_weighting_weights_are_closes() -> None:
    closes = {s: [10.0, 11.0] for s in EQUAL} | {"S0": [100.0, None]}
    for weighting, units in (("price", dict.fromkeys(EQUAL)), ("market cap", EQUAL)):
        found = on(
            impacts(holdings(units), prices(closes), levels([100.0, 110.0]), indices(weighting)), 1
        )
        assert found["S1"]["contribution_points"] is None


def test_a_set_without_units_is_weighed_by_share_counts() -> None:
    members = dict.fromkeys(EQUAL)
    told = counts(dict.fromkeys(EQUAL, 9.0) | {"S0": 1.0})
    lines = securities([*EQUAL])
    known = partly(members, "S0", told_counts=told, lines=lines)
    assert known["S1"]["contribution_points"] is not None
    known = partly(members, "S1", told_counts=told, lines=lines)
    assert known["S2"]["contribution_points"] is None
    # A member without a count is a tenth of ten.
    uncounted = counts({s: 9.0 for s in EQUAL if s != "S0"})
    found = partly(members, told_counts=uncounted, lines=lines)
    assert (found["S0"]["flags"], found["S1"]["flags"]) == (["no_units"], [])
    found = partly(members, "S1", told_counts=uncounted, lines=lines)
    assert found["S1"]["flags"] == ["no_return", "too_little_priced"]
    assert found["S2"]["contribution_points"] is None


def test_a_set_of_one_member_is_priced_or_not() -> None:
    assert partly({"A": 1.0})["A"]["contribution_points"] == pytest.approx(10.0)
    assert partly({"A": 1.0}, "A")["A"]["flags"] == ["no_return", "too_little_priced"]


# --- where only the members are known ---------------------------------------------------------


def test_share_counts_serve_as_units_and_are_divided_among_a_companys_lines() -> None:
    found = on(
        impacts(
            holdings({"A": None, "B": None, "C": None}),
            prices({"A": [10.0, 11.0], "B": [10.0, 11.0], "C": [5.0, 5.0]}),
            levels([100.0, 110.0]),
            told_counts=counts({"A": 1000.0, "C": 400.0}),
            lines=securities("ABC", {"B": "A"}),
        ), 1,
    )  # fmt: skip
    assert [found[s]["units"] for s in "ABC"] == [500.0, 500.0, 400.0]
    assert found["C"]["weight_previous_close"] == pytest.approx(2000 / 12000)


def test_a_member_list_of_a_price_weighted_index_counts_one_each() -> None:
    found = on(
        impacts(holdings({"A": None, "B": None}), prices({"A": [10.0, 11.0], "B": [30.0, 30.0]}),
                levels([100.0, 102.5]), indices("price")), 1,
    )  # fmt: skip
    assert [found[s]["units"] for s in "AB"] == [1.0, 1.0]
    assert found["A"]["contribution_points"] == pytest.approx(2.5)


# --- whatever the numbers are -----------------------------------------------------------------

CLOSE = st.floats(0.5, 5000.0)
UNITS = st.floats(1.0, 1e10)
MEMBER = st.tuples(UNITS, CLOSE, CLOSE)
MARKETS = st.lists(MEMBER, min_size=2, max_size=5)
LEVEL = st.floats(10.0, 50000.0)


def of_market(
    market: list[tuple[float, float, float]], level: float, scale: float = 1.0, **how: object
) -> pl.DataFrame:
    named = dict(zip("ABCDE", market, strict=False))
    return impacts(
        holdings({s: units * scale for s, (units, _, _) in named.items()}),
        prices({s: [before, after] for s, (_, before, after) in named.items()}),
        levels([level, level]),
        **how,
    ).filter(pl.col("session_date") == DAYS[1])


@settings(deadline=None, max_examples=20)
@given(MARKETS, LEVEL)
def test_weights_sum_to_one_and_contributions_to_the_move(market, level) -> None:
    found = of_market(market, level)
    before = sum(units * close for units, close, _ in market)
    after = sum(units * close for units, _, close in market)
    assert found["weight_previous_close"].sum() == pytest.approx(1.0)
    assert found["contribution_return"].sum() == pytest.approx(after / before - 1, abs=1e-9)
    assert found["contribution_points"].sum() == pytest.approx(
        level * (after / before - 1), abs=1e-9 * level * max(1, after / before)
    )
    for row in found.to_dicts():
        assert row["contribution_return"] == pytest.approx(
            row["weight_previous_close"] * row["return_1d"], abs=1e-9
        )


@settings(deadline=None, max_examples=14)
@given(st.tuples(MEMBER, MEMBER), LEVEL)
def test_leaving_out_all_but_one_gives_that_members_return(pair, level) -> None:
    a, b = of_market(list(pair), level).to_dicts()
    # Leaving out what is almost everything cancels digits: hence relative to its weight.
    for left_out, stays in ((a, b), (b, a)):
        share = stays["weight_previous_close"]
        assert left_out["index_return_without"] * share == pytest.approx(
            stays["return_1d"] * share, abs=1e-9
        )


@settings(deadline=None, max_examples=14)
@given(MARKETS, LEVEL, st.floats(1e-6, 1e6))
def test_scaling_all_units_changes_nothing(market, level, scale) -> None:
    told = ["weight_previous_close", "contribution_points", "contribution_return"]
    plain, scaled = of_market(market, level), of_market(market, level, scale)
    for name in told:
        for x, y in zip(plain[name], scaled[name], strict=True):
            assert x == pytest.approx(y, rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=14)
@given(MARKETS, LEVEL, st.sampled_from([2.0, 3.0, 10.0, 0.5, 1.5]))
def test_a_split_changes_no_contribution(market, level, ratio) -> None:
    named = dict(zip("ABCDE", market, strict=False))
    closes = {s: [before, after] for s, (_, before, after) in named.items()}
    held = holdings({s: units for s, (units, _, _) in named.items()})
    plain = impacts(held, prices(closes), levels([level, level]))
    closes["A"][1] /= ratio
    split = impacts(held, prices(closes, {("A", 1): (ratio, "split")}), levels([level, level]))
    for name in ("weight_previous_close", "contribution_points", "index_return_without"):
        for x, y in zip(plain[name], split[name], strict=True):
            assert (x is None) == (y is None)
            assert x is None or x == pytest.approx(y, rel=1e-6, abs=1e-6)


@settings(deadline=None, max_examples=14)
@given(MARKETS, LEVEL)
def test_a_price_weighted_index_is_cap_weighted_with_units_one(market, level) -> None:
    ones = [(1.0, before, after) for _, before, after in market]
    by_price = of_market(ones, level, told_indices=indices("price"))
    assert by_price.equals(of_market(ones, level))


@settings(deadline=None, max_examples=10)
@given(st.lists(MARKETS, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_several_indices_at_once_do_not_touch_each_other(markets, random) -> None:
    every, alone = [], []
    bars = prices({s: [10.0 + n, 11.0 + 2 * n] for n, s in enumerate("ABCDE")})
    for number, market in enumerate(markets):
        index = f"^{number}"
        held = holdings({s: m[0] for s, m in zip("ABCDE", market, strict=False)}, index=index)
        every.append((held, levels([100.0, 101.0], index), indices(index=index)))
        alone.append(impacts(held, bars, every[-1][1], every[-1][2]))
    random.shuffle(every)
    together = impacts(*(pl.concat([e[0] for e in every]), bars), *(
        pl.concat([e[place] for e in every]) for place in (1, 2)
    ))  # fmt: skip
    assert together.equals(pl.concat(alone))


def test_a_share_count_that_is_disputed_shows_where_it_serves_as_units() -> None:
    bars, told = prices({s: [10.0] * 4 for s in "AB"}), counts({"A": 100.0, "B": 50.0})
    disputed = told.with_columns(is_disputed=pl.col("symbol") == "A", dispute=pl.lit("why"))
    listed, level = holdings(dict.fromkeys("AB")), levels([100.0] * 4)

    found = on(impacts(listed, bars, level, told_counts=disputed), 1)
    assert (found["A"]["flags"], found["B"]["flags"]) == (["disputed_share_count"], [])
    for held, told_indices in (
        (holdings({"A": 1.0, "B": 1.0}), None),
        (listed, indices("price")),
    ):
        clean = on(impacts(held, bars, level, told_indices, told_counts=disputed), 1)
        assert clean["A"]["flags"] == []


def test_units_that_the_sets_beside_theirs_contradict_show_while_their_set_is_in_force() -> None:
    many = {f"S{n}": 10.0 for n in range(12)}
    sets = [
        holdings(many),
        holdings(many | {"S0": 11.0}, effective_from=DAYS[1]),
        holdings(many, effective_from=DAYS[2]),
    ]
    bars = prices({s: [10.0] * 4 for s in many})
    found = impacts(pl.concat(sets), bars, levels([100.0] * 4), lines=securities(many))

    flagged = found.filter(pl.col("flags").list.contains("disputed_units"))
    assert flagged.select("session_date", "symbol").rows() == [(DAYS[1], "S0")]
