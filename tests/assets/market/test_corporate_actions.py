from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.market.corporate_actions import classify, kind_of, split_factors, with_adjustments
from warehouse.schemas import core, raw, ref

SPIN_OFFS = {
    ("BBWI", date(2021, 8, 3)),
    ("BDX", date(2022, 4, 1)),
    ("BWA", date(2023, 7, 5)),
    ("DELL", date(2021, 11, 2)),
    ("DHR", date(2023, 10, 2)),
    ("DTE", date(2021, 7, 1)),
    ("EXC", date(2022, 2, 2)),
    ("FBIN", date(2022, 12, 15)),
    ("GE", date(2023, 1, 4)),
    ("GE", date(2024, 4, 2)),
    ("IBM", date(2021, 11, 4)),
    ("IP", date(2021, 10, 1)),
    ("J", date(2024, 9, 30)),
    ("K", date(2023, 10, 2)),
    ("LEN", date(2025, 1, 21)),
    ("LH", date(2023, 7, 3)),
    ("MMM", date(2024, 4, 1)),
    ("MRK", date(2021, 6, 3)),
    ("O", date(2021, 11, 15)),
    ("T", date(2022, 4, 11)),
    ("ZBH", date(2022, 3, 1)),
}


def splits(*rows: tuple[str, date, float] | tuple[str, date, float, str]) -> pl.DataFrame:
    """Rows of raw.splits: symbol, ex_date, ratio, and kind where the source says it."""
    names = ("symbol", "ex_date", "ratio", "kind")
    full = [(*row, *([None] * (len(names) - len(row)))) for row in rows]
    types = raw.Splits.polars_schema()
    return pl.DataFrame(full, schema={name: types[name] for name in names}, orient="row")


def decisions(*rows: tuple[str, date, str, float]) -> pl.DataFrame:
    full = [(*row, "because", "a person") for row in rows]
    return pl.DataFrame(full, schema=ref.SplitDecisions.polars_schema(), orient="row")


def kind(ratio: float) -> str:
    found: str = pl.DataFrame({"ratio": [ratio]}).select(kind_of(pl.col("ratio"))).item()
    return found


def test_every_recorded_adjustment_of_the_sample_is_told_apart(
    recorded_splits: pl.DataFrame,
) -> None:
    found = classify(recorded_splits, decisions())

    assert found.height == 67
    of_kind = {
        name: set(found.filter(pl.col("kind") == name).select("symbol", "ex_date").iter_rows())
        for name in ("split", "spin_off")
    }
    assert of_kind["spin_off"] == SPIN_OFFS
    assert ("GE", date(2021, 8, 2)) in of_kind["split"]  # x0.125, a reverse split
    assert len(of_kind["split"]) == 46


@pytest.mark.parametrize("ratio", [2, 3, 20, 1000, 1 / 2, 1 / 8, 0.333333, 0.125, 0.01])
def test_whole_ratios_and_their_reciprocals_are_splits(ratio: float) -> None:
    assert kind(ratio) == "split"


@pytest.mark.parametrize("ratio", [3 / 2, 4 / 3, 5 / 4, 5 / 2, 5 / 3, 1.3333])
def test_simple_fractions_are_splits(ratio: float) -> None:
    assert kind(ratio) == "split"


@pytest.mark.parametrize("ratio", [1.0001, 1.0, 0.9999, 1.033, 1.046, 1.048, 1.973, 7 / 5, 0.968])
def test_odd_ratios_and_ratios_near_one_are_spin_offs(ratio: float) -> None:
    assert kind(ratio) == "spin_off"


@pytest.mark.parametrize("simple", [2, 10, 1.5, 4 / 3, 1 / 10])
def test_the_tolerance_ends_at_five_in_ten_thousand(simple: float) -> None:
    assert [kind(simple * (1 + off)) for off in (-4.9e-4, 4.9e-4)] == ["split"] * 2
    assert [kind(simple * (1 + off)) for off in (-5.2e-4, 5.2e-4)] == ["spin_off"] * 2


def test_what_the_source_calls_an_action_it_is_whatever_its_ratio() -> None:
    day = date(2024, 4, 2)
    recorded = splits(("A", day, 2.0, "spin_off"), ("B", day, 1.4, "split"))

    assert classify(recorded, decisions())["kind"].to_list() == ["spin_off", "split"]


def test_a_spin_off_and_a_reverse_split_of_one_date_are_two_actions() -> None:
    # As HON on 2026-06-29: the price moved by x0.9535, the number of shares halved.
    day = DAYS[1]
    recorded = splits(("A", day, 1.907, "spin_off"), ("A", day, 0.5, "split"))
    found = classify(recorded, decisions())

    assert found.rows() == [("A", day, 1.907, "spin_off"), ("A", day, 0.5, "split")]
    assert adjusted(bars(A=[0, 1]), found) == [NOTHING, (0.9535, 0.5, "spin_off")]
    assert split_factors(found).rows() == [("A", day, 0.5)]


def test_two_decisions_of_a_date_replace_the_one_ratio_that_was_recorded() -> None:
    day = date(2026, 6, 29)
    decided = decisions(("A", day, "spin_off", 1.907), ("A", day, "split", 0.5))

    assert classify(splits(("A", day, 0.9535)), decided).rows() == [
        ("A", day, 1.907, "spin_off"),
        ("A", day, 0.5, "split"),
    ]


def test_one_decision_of_a_date_replaces_both_actions_that_were_recorded() -> None:
    day = date(2026, 6, 29)
    recorded = splits(("A", day, 1.907, "spin_off"), ("A", day, 0.5, "split"))

    decided = decisions(("A", day, "split", 0.5))
    assert classify(recorded, decided).rows() == [("A", day, 0.5, "split")]
    assert classify(recorded, decisions(("A", day, "none", 1.0))).is_empty()


def test_a_decision_overrides_kind_and_ratio_of_a_recorded_split() -> None:
    recorded = splits(("A", date(2024, 4, 2), 1.253), ("B", date(2024, 4, 2), 2.0))
    decided = decisions(("A", date(2024, 4, 2), "split", 1.25))

    assert classify(recorded, decided).rows() == [
        ("A", date(2024, 4, 2), 1.25, "split"),
        ("B", date(2024, 4, 2), 2.0, "split"),
    ]


def test_a_decision_can_make_a_whole_ratio_a_spin_off() -> None:
    recorded = splits(("A", date(2024, 4, 2), 2.0))
    decided = decisions(("A", date(2024, 4, 2), "spin_off", 2.0))

    assert classify(recorded, decided)["kind"].to_list() == ["spin_off"]


def test_a_decision_adds_an_adjustment_that_nobody_recorded_in_order() -> None:
    recorded = splits(("B", date(2024, 4, 2), 2.0))
    decided = decisions(("A", date(2024, 9, 3), "split", 10.0), ("B", date(2023, 1, 3), "split", 3))

    assert classify(recorded, decided).rows() == [
        ("A", date(2024, 9, 3), 10.0, "split"),
        ("B", date(2023, 1, 3), 3.0, "split"),
        ("B", date(2024, 4, 2), 2.0, "split"),
    ]


def test_a_decision_of_kind_none_removes_a_recorded_split_of_that_date_alone() -> None:
    recorded = splits(("A", date(2024, 4, 2), 2.0), ("A", date(2024, 9, 3), 3.0))
    decided = decisions(("A", date(2024, 4, 2), "none", 1.0))

    assert classify(recorded, decided)["ex_date"].to_list() == [date(2024, 9, 3)]


def test_nothing_recorded_and_nothing_decided_gives_no_adjustment() -> None:
    assert classify(splits(), decisions()).is_empty()


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 500), st.floats(-4e-4, 4e-4))
def test_a_split_and_the_reverse_split_that_undoes_it_are_of_one_kind(k: int, off: float) -> None:
    ratio = k * (1 + off)

    assert kind(ratio) == kind(1 / ratio) == "split"


# what went ex, beside the bars

DAYS = [date(2025, 1, 6), date(2025, 1, 7), date(2025, 1, 8), date(2025, 1, 9), date(2025, 1, 10)]


def actions(*rows: tuple[str, date, float, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=core.CorporateActions.polars_schema(), orient="row")


def bars(**places: list[int]) -> pl.DataFrame:
    rows = [(symbol, DAYS[place]) for symbol, of in places.items() for place in of]
    return pl.DataFrame(rows, schema={"symbol": pl.String, "session_date": pl.Date}, orient="row")


def adjusted(prices: pl.DataFrame, went_ex: pl.DataFrame) -> list[tuple[float, float, str]]:
    told = with_adjustments(prices, went_ex)
    assert told.select(prices.columns).equals(prices)
    return told.select("adjustment_ratio", "split_ratio", "adjustment_kind").rows()


NOTHING = (1.0, 1.0, "none")


def test_the_bar_of_the_ex_date_carries_the_adjustment_and_the_others_none() -> None:
    went_ex = actions(("A", DAYS[1], 10.0, "split"), ("A", DAYS[3], 1.033, "spin_off"))

    assert adjusted(bars(A=[0, 1, 2, 3]), went_ex) == [
        NOTHING, (10.0, 10.0, "split"), NOTHING, (1.033, 1.0, "spin_off"),
    ]  # fmt: skip


def test_an_action_shows_on_the_next_bar_of_its_own_symbol() -> None:
    went_ex = actions(("A", DAYS[1], 2.0, "split"), ("B", DAYS[4], 2.0, "split"))

    assert adjusted(bars(A=[0, 2, 3], B=[0, 1, 2, 3]), went_ex) == [
        NOTHING, (2.0, 2.0, "split"), NOTHING, *[NOTHING] * 4,
    ]  # fmt: skip


def test_an_action_on_the_first_bar_shows_and_one_before_it_does_not() -> None:
    assert adjusted(bars(A=[2, 3]), actions(("A", DAYS[2], 2.0, "split"))) == [
        (2.0, 2.0, "split"),
        NOTHING,
    ]
    assert adjusted(bars(A=[2, 3]), actions(("A", DAYS[1], 2.0, "split"))) == [NOTHING, NOTHING]


def test_several_between_two_bars_multiply_and_are_a_split_only_if_all_are() -> None:
    split, spin_off = ("A", DAYS[1], 2.0, "split"), ("A", DAYS[2], 1.25, "spin_off")
    both = adjusted(bars(A=[0, 3]), actions(split, spin_off))
    assert both == [NOTHING, (2.5, 2.0, "spin_off")]
    two_splits = adjusted(bars(A=[0, 3]), actions(split, ("A", DAYS[2], 3.0, "split")))
    assert two_splits == [NOTHING, (6.0, 6.0, "split")]


def test_a_spin_off_and_a_reverse_split_on_one_date_are_two_actions() -> None:
    went_ex = actions(("A", DAYS[1], 1.907, "spin_off"), ("A", DAYS[1], 0.5, "split"))

    assert adjusted(bars(A=[0, 1]), went_ex) == [NOTHING, (0.9535, 0.5, "spin_off")]


def test_splits_multiply_shares_by_their_own_dates_and_spin_offs_do_not() -> None:
    went_ex = actions(
        ("A", DAYS[1], 2.0, "split"),
        ("A", DAYS[1], 3.0, "split"),
        ("A", DAYS[2], 1.25, "spin_off"),
        ("A", DAYS[3], 0.5, "split"),
        ("B", DAYS[2], 4.0, "split"),
    )
    assert split_factors(went_ex).rows() == [
        ("A", DAYS[1], 6.0),
        ("A", DAYS[3], 3.0),
        ("B", DAYS[2], 4.0),
    ]
