"""Falls over many sessions: from the last session at a high to the day it is reached again."""

from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.market.moves import with_comparable_close
from assets.mart.drawdowns import drawdowns
from tests.assets.mart.index_market import DAYS, levels, prices
from warehouse.schemas import core, mart
from warehouse.validation import validate

FLAGS = pl.List(pl.String)


def caps(
    effects: dict[str, list[float | None]], flags: dict[tuple[str, int], list[str]] | None = None
) -> pl.DataFrame:
    rows = [
        (company, day, effect, (flags or {}).get((company, place), []))
        for company, series in effects.items()
        for place, (day, effect) in enumerate(zip(DAYS, series, strict=False))
    ]
    return pl.DataFrame(
        rows,
        schema={"company_symbol": pl.String, "session_date": pl.Date,
                "price_effect_usd": pl.Float64, "flags": FLAGS},
        orient="row",
    )  # fmt: skip


def found(bars: pl.DataFrame, told: pl.DataFrame, of_levels: pl.DataFrame | None = None) -> list:
    rows = drawdowns(bars, told, levels([]) if of_levels is None else of_levels, DAYS)
    validate(rows, mart.Drawdowns)
    return rows.to_dicts()


def test_a_fall_and_its_recovery_by_hand() -> None:
    (fall,) = found(prices({"A": [10.0, 8.0, 6.0, 10.0]}), caps({"A": [None, -20.0, -20.0, 40.0]}))
    assert (fall["symbol"], fall["is_index"]) == ("A", False)
    assert (fall["peak_date"], fall["trough_date"]) == (DAYS[0], DAYS[2])
    assert fall["recovery_date"] == DAYS[3]
    assert fall["drawdown_return"] == pytest.approx(-0.4)
    assert fall["loss_usd"] == 40.0
    assert fall["loss_points"] is None
    assert (fall["sessions_to_trough"], fall["sessions_below"]) == (2, 2)
    assert fall["flags"] == ["history_starts"]


def test_a_fall_that_goes_on_has_no_recovery_and_its_rebound_is_no_loss() -> None:
    (fall,) = found(prices({"A": [10.0, 11.0, 9.0, 10.0]}), caps({"A": [None, 1.0, -2.0, 1.0]}))
    assert (fall["peak_date"], fall["trough_date"], fall["recovery_date"]) == (
        DAYS[1], DAYS[2], None,
    )  # fmt: skip
    assert fall["loss_usd"] == 2.0
    assert (fall["sessions_to_trough"], fall["sessions_below"]) == (1, 2)
    assert fall["flags"] == []


def test_an_index_falls_in_points() -> None:
    (fall,) = found(prices({}), caps({}), levels([100.0, 90.0, 95.0, 101.0]))
    assert (fall["symbol"], fall["is_index"]) == ("^X", True)
    assert (fall["loss_points"], fall["loss_usd"]) == (10.0, None)
    assert fall["recovery_date"] == DAYS[3]


def test_a_split_and_a_spin_off_are_no_fall() -> None:
    bars = prices(
        {"A": [10.0, 5.0, 5.0, 4.0]}, {("A", 1): (2.0, "split"), ("A", 3): (1.25, "spin_off")}
    )
    assert found(bars, caps({"A": [None, 0.0, 0.0, 0.0]})) == []


def test_a_gap_does_not_end_a_fall_and_is_said() -> None:
    bars = prices({"A": [10.0, None, 6.0, 7.0]})
    told = caps({"A": [None, None, None, 1.0]}, {("A", 2): ["gap", "close_only"]}).filter(
        pl.col("session_date") != DAYS[1]
    )
    (fall,) = found(bars, told)
    assert fall["trough_date"] == DAYS[2]
    assert fall["sessions_to_trough"] == 2
    assert fall["loss_usd"] is None
    assert fall["flags"] == ["history_starts", "gap"]


def test_a_fall_whose_known_effects_are_a_gain_has_no_dollars() -> None:
    # Two gaps: the falls to 8 and to 5 are unknown, the rise from 8 to 9 is known.
    days = [date(2025, 1, n) for n in (6, 7, 8, 9, 10, 13)]
    closes = dict(zip(days, (10.0, None, 8.0, 9.0, None, 5.0), strict=True))
    bars = with_comparable_close(
        pl.DataFrame(
            [("A", day, close, 1.0, 1.0, "none") for day, close in closes.items() if close],
            schema={"symbol": pl.String, "session_date": pl.Date, "close": pl.Float64,
                    "adjustment_ratio": pl.Float64, "split_ratio": pl.Float64,
                    "adjustment_kind": pl.String},
            orient="row",
        ), days,
    )  # fmt: skip
    effects = bars.select(
        "session_date",
        company_symbol="symbol",
        price_effect_usd=100.0 * (pl.col("close") - pl.col("comparable_close")),
        flags=pl.when(pl.col("comparable_close").is_null())
        .then(pl.lit(["gap"]))
        .otherwise(pl.lit([], dtype=FLAGS)),
    )
    rows = drawdowns(bars, effects, levels([]), days)
    validate(rows, mart.Drawdowns)
    (fall,) = rows.to_dicts()
    assert fall["drawdown_return"] == pytest.approx(-0.5)
    assert fall["loss_usd"] is None
    assert fall["flags"] == ["history_starts", "gap"]


def test_known_losses_beside_a_gap_are_added_up_and_the_gap_is_said() -> None:
    bars = prices({"A": [10.0, 9.0, 6.0, 5.0]})
    told = caps({"A": [None, -1.0, None, -1.0]}, {("A", 2): ["no_previous_share_count"]})
    (fall,) = found(bars, told)
    assert fall["loss_usd"] == 2.0
    assert fall["flags"] == ["history_starts", "no_previous_share_count"]


def test_the_last_session_at_the_high_is_the_peak() -> None:
    (fall,) = found(prices({"A": [10.0, 10.0, 9.0, 9.0]}), caps({"A": [None, 0.0, -1.0, 0.0]}))
    assert (fall["peak_date"], fall["trough_date"]) == (DAYS[1], DAYS[2])


def test_lines_that_stand_for_no_company_are_left_out() -> None:
    assert found(prices({"B": [10.0, 9.0]}), caps({"A": [None, None]})) == []


LONG = [date(2025, 1, 1) + timedelta(days=n) for n in range(30)]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=30))
def test_every_session_below_the_high_is_in_one_fall(closes: list[int]) -> None:
    of_index = pl.DataFrame(
        [("^X", d, None, None, None, float(c)) for d, c in zip(LONG, closes, strict=False)],
        schema=core.IndexLevels.polars_schema(), orient="row",
    )  # fmt: skip
    falls = drawdowns(prices({}), caps({}), of_index, LONG).sort("peak_date").to_dicts()
    below = [n for n in range(len(closes)) if closes[n] < max(closes[: n + 1])]
    covered = [
        n
        for fall in falls
        for n in range(len(closes))
        if fall["peak_date"] < LONG[n] and LONG[n] < (fall["recovery_date"] or date.max)
    ]
    assert covered == below
    for fall in falls:
        inside = [closes[n] for n in covered if LONG[n] > fall["peak_date"]
                  and LONG[n] < (fall["recovery_date"] or date.max)]  # fmt: skip
        peak = closes[LONG.index(fall["peak_date"])]
        assert fall["drawdown_return"] == pytest.approx(min(inside) / peak - 1)
        assert fall["sessions_below"] == len(inside)
    assert all(a["recovery_date"] <= b["peak_date"] for a, b in pairwise(falls))
