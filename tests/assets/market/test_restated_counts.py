"""Share counts of dates gone by do not change all by one factor."""

from datetime import date, timedelta

import polars as pl
import pytest

from assets.market.restated_counts import disputed_while_restated, restated_counts

DAY = date(2024, 1, 2)


def counts(*shares: float, symbol: str = "A") -> pl.DataFrame:
    rows = [(symbol, DAY + timedelta(days=90 * n), float(s)) for n, s in enumerate(shares)]
    return pl.DataFrame(rows, schema=["symbol", "as_of_date", "shares_outstanding"], orient="row")


LANDED = (1000.0, 990.0, 985.0)


@pytest.mark.parametrize("factor", [1000.0, 0.001, 2.0, 0.5, 1.25, 1.2, 0.97])
def test_all_by_one_factor_are_no_corrections(factor: float) -> None:
    came = counts(*[n * factor for n in LANDED], 980 * factor)
    (found,) = restated_counts(counts(*LANDED), came).rows()
    assert found == ("A", pytest.approx(factor), 3, DAY + timedelta(days=180))


@pytest.mark.parametrize(
    "came",
    [
        pytest.param(LANDED, id="the same"),
        pytest.param((1000, 990, 1200), id="one of them corrected"),
        pytest.param((1100, 1050, 985), id="two corrected, by factors of their own"),
        pytest.param((1001, 991, 986), id="rounded otherwise"),
        pytest.param((1000,), id="fewer"),
    ],
)
def test_corrections_are_not_held(came: tuple[float, ...]) -> None:
    assert restated_counts(counts(*LANDED), counts(*came)).is_empty()


def test_one_count_alone_is_a_correction_and_others_are_not_touched() -> None:
    landed = pl.concat([counts(1000), counts(*LANDED, symbol="B")])
    came = pl.concat([counts(2000), counts(*LANDED, symbol="B")])
    assert restated_counts(landed, came).is_empty()
    assert restated_counts(landed.clear(), came).is_empty()


def test_while_they_come_anew_all_counts_of_the_symbol_are_disputed() -> None:
    stands = pl.DataFrame(
        [("A", False, None), ("A", True, "seen before"), ("B", False, None)],
        schema={"symbol": pl.String, "is_disputed": pl.Boolean, "dispute": pl.String},
        orient="row",
    )
    refused = pl.DataFrame(
        [("raw.shares_outstanding", "A", DAY, ["restated_counts"], "held"),
         ("raw.shares_outstanding", "B", DAY, ["restated_counts"], "resolved"),
         ("core.shares_outstanding", "B", DAY, ["restated_counts"], "held"),
         ("raw.shares_outstanding", "B", DAY, ["share_count_jump"], "held")],
        schema={"source_table": pl.String, "symbol": pl.String, "row_date": pl.Date,
                "rules": pl.List(pl.String), "status": pl.String},
        orient="row",
    )  # fmt: skip
    told = "the source tells other counts of the same dates now"
    assert disputed_while_restated(stands, refused).rows() == [
        ("A", True, told), ("A", True, "seen before"), ("B", False, None),
    ]  # fmt: skip
