"""Actions that the closes around them contradict."""

from datetime import date, timedelta

import polars as pl
import pytest

from assets.market.disputed_actions import closes_of_disputed_actions
from warehouse.schemas import core, ops, ref

DAYS = [
    day
    for day in (date(2024, 1, 1) + timedelta(days=n) for n in range(60))
    if day.isoweekday() <= 5
]
EX = 20
"""The session on which the split is said to go ex."""


def bars(*closes: float) -> pl.DataFrame:
    rows = [(symbol, day, close) for symbol in "AB" for day, close in zip(DAYS, closes)]  # noqa: B905
    return pl.DataFrame(rows, schema=["symbol", "session_date", "close"], orient="row")


def disputed(
    closes: list[float], ratio: float, *decided: tuple[str, float], held: int = 0
) -> list[str]:
    """Return the lines of which each bar is disputed.

    Line A has a split on record, and the last so many of its bars are held.
    """
    actions = pl.DataFrame(
        [("A", DAYS[EX], ratio, "split")], schema=core.CorporateActions.polars_schema(),
        orient="row",
    )  # fmt: skip
    decisions = pl.DataFrame(
        [("A", DAYS[EX], kind, k, "", "") for kind, k in decided],
        schema=ref.SplitDecisions.polars_schema(),
        orient="row",
    )
    delivered = bars(*closes)
    is_held = (pl.col("symbol") == "A") & pl.col("session_date").is_in(
        DAYS[len(closes) - held : len(closes)]
    )
    found = closes_of_disputed_actions(
        delivered, delivered.filter(~is_held), actions, decisions, ops.Quarantine.no_rows()
    )
    by_line = found.group_by("symbol").len().sort("symbol")
    assert set(by_line["len"]) <= {len(closes)}, "a line is disputed as a whole"
    return by_line["symbol"].to_list()


@pytest.mark.parametrize("ratio", [2.0, 10.0, 1.5, 1.25, 0.1])
def test_a_split_that_the_price_follows_is_not_disputed(ratio: float) -> None:
    assert disputed([100.0] * EX + [97.0 / ratio] * 20, ratio) == []


@pytest.mark.parametrize("ratio", [2.0, 10.0, 1.5, 1.25, 0.1])
def test_one_that_it_does_not_follow_is(ratio: float) -> None:
    """It never was, or what lies before it has come divided."""
    assert disputed([100.0] * 40, ratio) == ["A"]


@pytest.mark.parametrize("ratio", [2.0, 1.5])
def test_one_that_is_inverted_is(ratio: float) -> None:
    assert disputed([100.0] * EX + [100.0 / ratio] * 20, 1 / ratio) == ["A"]


@pytest.mark.parametrize(("late", "found"), [(1, []), (9, []), (15, ["A"]), (-5, ["A"])])
def test_one_that_the_price_follows_soon_is_dated_early(late: int, found: list[str]) -> None:
    assert disputed([100.0] * (EX + late) + [50.0] * (20 - late), 2.0) == found


def test_news_beside_a_split_or_a_ratio_as_small_as_news_disputes_nothing() -> None:
    assert disputed([100.0] * EX + [40.0] * 20, 2.0) == []
    assert disputed([100.0] * 40, 1.03) == []


def test_a_person_settles_it() -> None:
    assert disputed([100.0] * 40, 2.0, ("split", 2.0)) == []


def test_a_line_that_is_held_to_the_end_is_disputed() -> None:
    follows = [100.0] * EX + [50.0] * 20
    assert disputed(follows, 2.0, held=10) == ["A"]
    assert disputed(follows, 2.0, held=9) == []


def test_closes_that_come_in_another_basis_are_disputed_while_they_do() -> None:
    """What has landed of them stays; of the others nothing is said."""
    delivered = bars(*[100.0] * 30)
    refused = pl.DataFrame(
        [
            ("raw.prices", "A", DAYS[5], ["prices_and_splits"], "held"),
            ("raw.prices", "A", DAYS[6], ["prices_and_splits"], "resolved"),
            ("raw.prices", "A", DAYS[7], ["listed"], "held"),
            ("raw.splits", "A", DAYS[8], ["prices_and_splits"], "held"),
        ],
        schema={"source_table": pl.String, "symbol": pl.String, "row_date": pl.Date,
                "rules": pl.List(pl.String), "status": pl.String},
        orient="row",
    )  # fmt: skip
    found = closes_of_disputed_actions(
        delivered, delivered, core.CorporateActions.no_rows(), ref.SplitDecisions.no_rows(), refused
    )
    assert found.rows() == [("A", DAYS[5])]
