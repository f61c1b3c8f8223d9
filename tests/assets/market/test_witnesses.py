"""What speaks for a move beside its own price."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.core.prices import ready_to_compute_with
from assets.market import calendar
from assets.market.corporate_actions import classify
from assets.market.witnesses import (
    confirmed_by_next,
    confirmed_moves,
    counts_stay,
    said_by_index,
)
from assets.ref.reference_files import read_reference
from warehouse.schemas import core, raw, ref

SESSIONS = [
    day
    for day in (date(2024, 1, 1) + timedelta(days=n) for n in range(420))
    if day.isoweekday() <= 5
]


def frame(model: type, rows: list[dict]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=model.polars_schema())


# an index


def by_index(move: float, weight: float, residual_bps: float | None) -> str | None:
    impacts = pl.DataFrame(
        {"index_symbol": ["^X"], "session_date": [SESSIONS[0]], "symbol": ["A"],
         "return_1d": [move], "weight_previous_close": [weight],
         "contribution_return": [move * weight]},
    )  # fmt: skip
    residuals = pl.DataFrame(
        {"index_symbol": ["^X"], "session_date": [SESSIONS[0]], "residual_bps": [residual_bps]},
        schema_overrides={"residual_bps": pl.Float64},
    )
    said = said_by_index(impacts, residuals)["witness"].to_list()
    return said[0] if said else None


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("residual_bps", "said"),
    [(0.0, "official_index"), (4.9, "official_index"), (-4.9, "official_index"), (5.1, None),
     (49.0, None), (51.0, "contradicted"), (100.0, "contradicted"), (149.0, "contradicted"),
     (151.0, None), (-100.0, None)],
)  # fmt: skip
def test_an_index_confirms_or_contradicts_a_move_by_its_residual(
    residual_bps: float, sign: int, said: str | None
) -> None:
    # At a weight of a tenth, a hundred basis points are the whole fall of ten percent.
    assert by_index(-0.1 * sign, 0.1, residual_bps * sign) == said


def test_an_index_without_a_level_says_nothing() -> None:
    assert by_index(-0.1, 0.1, None) is None


@given(st.floats(0.01, 0.5), st.floats(0.001, 0.2), st.floats(0.05, 0.9), st.floats(0.0, 0.004))
def test_no_index_confirms_a_close_that_is_wrong_by_more_than_a_twentieth_of_its_move(
    true: float, weight: float, wrong: float, others: float
) -> None:
    """The residual of a wrong close is its error times its weight, whatever the others did."""
    told = true + wrong
    actual = weight * true + others
    replicated = weight * told + others

    assert by_index(told, weight, (actual - replicated) * 1e4) != "official_index"


# the next session


def bars(closes: dict[int, float], *actions: tuple[int, float, str]) -> pl.DataFrame:
    rows = [{"symbol": "A", "session_date": SESSIONS[n], "close": c} for n, c in closes.items()]
    went_ex = [
        {"symbol": "A", "ex_date": SESSIONS[n], "ratio": ratio, "kind": kind}
        for n, ratio, kind in actions
    ]
    return ready_to_compute_with(
        frame(raw.Prices, rows).drop("source", "fetched_at", "response_id"),
        frame(core.CorporateActions, went_ex),
        SESSIONS,
    )


def reports(*rows: tuple[int, int]) -> pl.DataFrame:
    told = [("A", SESSIONS[0] + timedelta(days=n), shares) for n, shares in rows]
    schema = {"symbol": pl.String, "as_of_date": pl.Date, "shares_outstanding": pl.Int64}
    return pl.DataFrame(told, schema=schema, orient="row")


def witness(closes: dict[int, float], told: pl.DataFrame | None = None, of: int = 1) -> str:
    said = confirmed_by_next(bars(closes), reports() if told is None else told)
    return said.row(by_predicate=pl.col("session_date") == SESSIONS[of], named=True)["witness"]


@pytest.mark.parametrize(
    ("then", "said"),
    [(89.0, "next_session"), (80.0, "next_session"), (94.0, "next_session"), (96.0, "none"),
     (100.0, "none")],
)  # fmt: skip
def test_the_next_session_confirms_a_move_that_it_does_not_take_back(
    then: float, said: str
) -> None:
    assert witness({0: 100, 1: 90, 2: then}) == said


def test_on_the_night_itself_the_witness_is_awaited() -> None:
    assert witness({0: 100, 1: 90}) == "pending"


def test_of_no_bar_nothing_is_said() -> None:
    assert confirmed_by_next(bars({0: 100}).clear(), reports()).is_empty()


def test_after_a_gap_nothing_confirms() -> None:
    assert witness({0: 100, 1: 90, 3: 90}) == "none"


@pytest.mark.parametrize("close", [200, 50, 66, 150, 125, 80, 33, 10.4, 74, 1000])
def test_near_a_splits_ratio_the_next_session_alone_confirms_nothing(close: float) -> None:
    closes = {0: 100, 1: close, 2: close}

    assert witness(closes) == "none"
    assert witness(closes, reports((-60, 1000), (45, 1010))) == "next_session"
    # The count followed: a split that nobody recorded.
    assert witness(closes, reports((-60, 1000), (45, round(1000 * 100 / close)))) == "none"


@pytest.mark.parametrize(("days", "stays"), [(20, False), (22, True), (91, True), (92, False)])
def test_a_count_speaks_three_weeks_to_three_months_later(days: int, *, stays: bool) -> None:
    rows = pl.DataFrame({"symbol": ["A"], "session_date": [SESSIONS[0] + timedelta(days=1)]})

    assert (counts_stay(rows, reports((0, 1000), (days, 1000))).height == 1) is stays


# moves beyond belief


def market(closes: dict[str, list[float]], level: list[float]) -> dict[str, pl.DataFrame]:
    """An index of all companies, one unit each, and its official level."""
    days = SESSIONS[: len(level)]
    return {
        "prices": frame(
            raw.Prices,
            [{"symbol": s, "session_date": d, "close": c}
             for s, of in closes.items() for d, c in zip(days, of, strict=True)],
        ).drop("source", "fetched_at", "response_id"),
        "actions": core.CorporateActions.no_rows(),
        "holdings": frame(
            ref.IndexHoldings,
            [{"index_symbol": "^X", "effective_from": days[0], "symbol": s, "units": 1.0,
              "as_of_date": days[0], "is_estimate": False, "source": "made up"} for s in closes],
        ),
        "indices": frame(
            ref.Indices,
            [{"index_symbol": "^X", "effective_from": days[0], "name": "X",
              "weighting": "float-adjusted market cap", "divisor": None}],
        ),
        "levels": frame(
            core.IndexLevels,
            [{"index_symbol": "^X", "session_date": d, "close": points}
             for d, points in zip(days, level, strict=True)],
        ),
        "reports": raw.SharesOutstanding.no_rows(),
        "sessions": SESSIONS,
    }  # fmt: skip


QUIET = {f"Q{n:02}": [100.0, 101.0, 100.0] for n in range(20)}


def confirmed(closes: dict[str, list[float]], true: dict[str, list[float]]) -> set[str]:
    """Who is confirmed on the second session, the index having moved by the true closes."""
    level = [sum(of[n] for of in true.values()) / 10 for n in range(3)]
    return set(confirmed_moves(**market(closes, level)).filter(
        pl.col("session_date") == SESSIONS[1])["symbol"])  # fmt: skip


def test_a_crash_that_the_index_shows_is_real_and_a_mistyped_close_is_not() -> None:
    crash = QUIET | {"A": [100.0, 40.0, 35.0], "B": [100.0, 99.0, 98.0]}
    mistyped = crash | {"B": [100.0, 9.9, 98.0]}

    assert confirmed(crash, crash) == {"A"}
    assert confirmed(QUIET | {"A": [100.0, 40.0, 100.0]}, QUIET | {"A": [100.0] * 3}) == set()
    # Both on one session: the index tells them apart.
    assert confirmed(mistyped, crash) == {"A"}


def test_two_crashes_of_one_session_are_both_real() -> None:
    crash = QUIET | {"A": [100.0, 40.0, 35.0], "B": [100.0, 30.0, 35.0]}

    assert confirmed(crash, crash) == {"A", "B"}


def test_where_many_members_lack_a_price_an_index_confirms_nothing() -> None:
    crash = QUIET | {"A": [100.0, 40.0, 35.0]}
    told = market(crash, [sum(of[n] for of in crash.values()) / 10 for n in range(3)])
    few = told["prices"].filter(~pl.col("symbol").is_in(["Q01", "Q02", "Q03"]))

    assert confirmed_moves(**told).height == 1
    assert confirmed_moves(**told | {"prices": few}).is_empty()


def test_without_any_level_no_index_confirms_anything() -> None:
    crash = QUIET | {"A": [100.0, 40.0, 35.0]}
    told = market(crash, [1.0, 1.0, 1.0])

    assert confirmed_moves(**told | {"levels": core.IndexLevels.no_rows()}).is_empty()
    nothing = {"holdings": ref.IndexHoldings.no_rows(), "indices": ref.Indices.no_rows()}
    assert confirmed_moves(**told | nothing | {"levels": core.IndexLevels.no_rows()}).is_empty()


# the sample

REFERENCE = Path(__file__).parents[3] / "warehouse" / "reference"


def test_the_eight_moves_of_the_sample_beyond_belief_are_confirmed_and_no_other() -> None:
    """Two failed banks, guidance, a short seller's report; two by later counts alone."""
    sample = REFERENCE.parent / "sample"
    bars_ = pl.read_parquet(sample / "prices.parquet").sort("symbol", "session_date")
    actions = classify(
        pl.read_parquet(sample / "splits.parquet").with_columns(kind=pl.lit(None, pl.String)),
        ref.SplitDecisions.no_rows(),
    )
    found = confirmed_moves(
        bars_,
        actions,
        read_reference(REFERENCE, "index_holdings", ref.IndexHoldings, optional=False),
        read_reference(REFERENCE, "indices", ref.Indices, optional=False),
        pl.read_parquet(sample / "index_levels.parquet"),
        pl.read_parquet(sample / "shares_outstanding.parquet"),
        calendar.sessions(),
    )

    assert found.select("symbol", pl.col("session_date").cast(pl.String)).rows() == [
        ("CRDO", "2023-02-15"),
        ("EPAM", "2022-02-28"),
        ("FRC", "2023-03-13"),
        ("FRC", "2023-03-20"),
        ("FRC", "2023-04-25"),
        ("GL", "2024-04-11"),
        ("LUMN", "2024-08-06"),
        ("SIVB", "2023-03-09"),
    ]
