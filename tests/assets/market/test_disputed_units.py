"""Units of a set that the sets beside it contradict."""

from datetime import date

import polars as pl
import pytest

from assets.market.disputed_units import disputed_units
from warehouse.schemas import core, ref

MONTHS = [date(2024, month, 1) for month in (1, 2, 3, 4)]
OTHERS = {f"S{n}": 100.0 for n in range(12)}


def disputed(
    units: list[float],
    *actions: tuple[date, float, str],
    growth: float = 1.0,
    weighting: str = "market cap",
) -> list[tuple[int, str]]:
    """Return month and member; member A has these units in four sets, of a fund that grows."""
    rows = [
        ("^X", month, symbol, own * growth**n, month, False, "test")
        for n, month in enumerate(MONTHS)
        for symbol, own in {**OTHERS, "A": units[n]}.items()
    ]
    holdings = pl.DataFrame(rows, schema=ref.IndexHoldings.polars_schema(), orient="row")
    indices = pl.DataFrame(
        [("^X", MONTHS[0], "X", weighting, None)], schema=ref.Indices.polars_schema(), orient="row"
    )
    went_ex = pl.DataFrame(
        [("A", *action) for action in actions],
        schema=core.CorporateActions.polars_schema(),
        orient="row",
    )
    found = disputed_units(holdings, indices, went_ex)
    return [(day.month, symbol) for _, day, symbol in found.rows()]


@pytest.mark.parametrize("factor", [0.1, 1.1, 10.0])
def test_units_that_the_next_set_takes_back_are_disputed(factor: float) -> None:
    assert disputed([50.0, 50.0 * factor, 50.0, 50.0], growth=1.5) == [(2, "A")]


@pytest.mark.parametrize("units", [[50.0] * 4, [50.0, 52.0, 50.0, 50.0], [50.0, 90.0, 90.0, 90.0]])
def test_units_that_hardly_change_or_that_stay_are_not(units: list[float]) -> None:
    assert disputed(units) == []


def test_units_follow_a_split() -> None:
    split = (date(2024, 2, 15), 2.0, "split")
    assert disputed([50.0, 50.0, 100.0, 100.0], split) == []
    # A split that never was, or that is dated after the units already have it.
    assert disputed([50.0] * 4, split) == [(2, "A")]
    assert disputed([50.0, 100.0, 100.0, 100.0], split) == [(1, "A"), (2, "A")]


def test_under_price_weighting_units_that_follow_a_split_say_that_it_is_none() -> None:
    split = (date(2024, 2, 15), 2.0, "split")
    assert disputed([50.0] * 4, split, weighting="price") == []
    assert disputed([50.0, 50.0, 100.0, 100.0], split, weighting="price") == [(2, "A")]


def test_a_few_members_have_no_median_that_says_how_the_fund_grew() -> None:
    few = pl.DataFrame(
        [("^X", month, "A", units, month, False, "test")
         for month, units in zip(MONTHS, (5.0, 50.0, 5.0, 5.0), strict=True)],
        schema=ref.IndexHoldings.polars_schema(), orient="row",
    )  # fmt: skip
    indices = pl.DataFrame(
        [("^X", MONTHS[0], "X", "market cap", None)],
        schema=ref.Indices.polars_schema(),
        orient="row",
    )
    assert disputed_units(few, indices, core.CorporateActions.no_rows()).is_empty()
