from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.core.order_gate import gate_order, landing_of
from assets.core.prices import hold_unexplained_moves
from warehouse.schemas import core, ref
from warehouse.validation import Gated

BARS = {
    "symbol": pl.String,
    "session_date": pl.Date,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Int64,
}


def d(number: int) -> date:
    """The n-th weekday from Monday 2025-01-06 on."""
    weeks, day = divmod(number, 5)
    return date(2025, 1, 6) + timedelta(weeks=weeks, days=day)


def bar(open_: float | None, high: float | None, low: float | None, close: float) -> pl.DataFrame:
    return pl.DataFrame([("A", d(0), open_, high, low, close, 10)], schema=BARS, orient="row")


def closes(*values: float, symbol: str = "A") -> pl.DataFrame:
    """Bars of neighbouring sessions that consist of their close alone."""
    rows = [(symbol, d(n), None, None, None, value, None) for n, value in enumerate(values)]
    return pl.DataFrame(rows, schema=BARS, orient="row")


def adjustments(*rows: tuple[date, float, str], symbol: str = "A") -> pl.DataFrame:
    schema = {"symbol": pl.String, "ex_date": pl.Date, "ratio": pl.Float64, "kind": pl.String}
    return pl.DataFrame([(symbol, *row) for row in rows], schema=schema, orient="row")


NOTHING_CONFIRMED = pl.DataFrame(schema={"symbol": pl.String, "session_date": pl.Date})


def decisions(*rows: tuple[date, str, float]) -> pl.DataFrame:
    full = [("A", *row, "because", "jd") for row in rows]
    return pl.DataFrame(full, schema=ref.SplitDecisions.polars_schema(), orient="row")


def hold(
    prices: pl.DataFrame,
    actions: pl.DataFrame | None = None,
    decided: pl.DataFrame | None = None,
) -> Gated:
    gated = hold_unexplained_moves(
        prices,
        adjustments() if actions is None else actions,
        decisions() if decided is None else decided,
        NOTHING_CONFIRMED,
    )
    assert gated.received == prices.height
    assert gated.passed.height + gated.quarantined["occurrences"].sum() == prices.height
    assert set(gated.quarantined["status"]) <= {"held"}
    assert gated.passed.equals(prices.join(gated.passed, on=["symbol", "session_date"], how="semi"))
    return gated


def held_dates(gated: Gated) -> list[date]:
    return sorted(gated.quarantined["row_date"])


def is_refused(row: pl.DataFrame) -> bool:
    gated = gate_order(row, core.Prices)
    assert gated.passed.height + gated.quarantined.height == gated.received == 1
    return gated.passed.is_empty()


# order: low <= open, close <= high, to half a cent


def test_an_ordered_bar_passes() -> None:
    assert not is_refused(bar(100.0, 102.0, 99.0, 101.0))


@pytest.mark.parametrize(
    ("open_", "high", "low", "close"),
    [
        (98.0, 102.0, 99.0, 101.0),  # open below low
        (103.0, 102.0, 99.0, 101.0),  # open above high
        (100.0, 102.0, 99.0, 98.0),  # close below low
        (100.0, 102.0, 99.0, 103.0),  # close above high
        (None, 99.0, 102.0, 100.5),  # low above high
        (None, None, 99.0, 98.0),  # close below low, the rest unknown
        (None, 102.0, None, 103.0),  # close above high, the rest unknown
    ],
)
def test_a_bar_that_contradicts_itself_is_rejected(
    open_: float | None, high: float | None, low: float | None, close: float
) -> None:
    gated = gate_order(bar(open_, high, low, close), core.Prices)

    assert gated.passed.is_empty()
    line = gated.quarantined.row(0, named=True)
    assert line["rules"] == ["price_order"]
    assert line["status"] == "rejected"
    assert line["source_table"] == "core.prices"
    assert (line["symbol"], line["row_date"]) == ("A", d(0))


@pytest.mark.parametrize("off", [0.0, 0.004, 0.0049])
def test_up_to_half_a_cent_of_disorder_is_rounding(off: float) -> None:
    assert not is_refused(bar(10.0 - off, 11.0, 10.0, 11.0 + off))
    assert not is_refused(bar(11.0 + off, 11.0, 10.0, 10.0 - off))


@pytest.mark.parametrize("off", [0.0051, 0.01])
def test_more_than_half_a_cent_of_disorder_is_not(off: float) -> None:
    assert is_refused(bar(10.0 - off, 11.0, 10.0, 10.5))
    assert is_refused(bar(10.5, 11.0, 10.0, 11.0 + off))


def test_a_bar_of_a_close_alone_passes() -> None:
    assert not is_refused(bar(None, None, None, 101.0))


def test_every_rejected_bar_says_why_even_where_a_price_is_unknown() -> None:
    gated = gate_order(bar(None, 102.0, 99.0, 103.0), core.Prices)

    assert "103" in gated.quarantined["reason"].item()


def test_disordered_bars_far_apart_in_a_frame_of_several_chunks_are_rejected() -> None:
    # As DuckDB hands over 260,000 rows: in chunks, of which the middle one has no bad row.
    days = pl.Series([d(n % 500) for n in range(250_001)])
    chunk = pl.DataFrame({"session_date": days}).with_columns(
        symbol=pl.lit("A"), open=100.0, high=102.0, low=99.0, close=101.0, volume=10
    )
    number = pl.int_range(pl.len())
    chunked = pl.concat(
        [
            chunk.select(list(BARS)).with_columns(
                low=pl.when(number == bad).then(103.0).otherwise("low")
            )
            for bad in (5, -1, 250_000)
        ],
        rechunk=False,
    ).cast(BARS)
    assert chunked.n_chunks() == 3

    gated = gate_order(chunked, core.Prices)

    assert gated.quarantined["occurrences"].sum() == 2
    assert set(gated.quarantined["row_date"]) == {d(5), d(0)}
    assert gated.passed.height == chunked.height - 2


# price moves


@pytest.mark.parametrize(("close", "is_held"), [(179.9, False), (180.1, True)])
def test_a_rise_beyond_1_8_is_held(close: float, *, is_held: bool) -> None:
    assert held_dates(hold(closes(100.0, close))) == ([d(1)] if is_held else [])


@pytest.mark.parametrize(("close", "is_held"), [(55.6, False), (55.5, True)])
def test_a_fall_below_one_by_1_8_is_held(close: float, *, is_held: bool) -> None:
    assert held_dates(hold(closes(100.0, close))) == ([d(1)] if is_held else [])


def test_a_rise_from_below_one_dollar_is_held_too() -> None:
    assert held_dates(hold(closes(0.5, 2.0))) == [d(1)]


def test_an_error_of_factor_100_on_one_day_costs_that_day_alone() -> None:
    gated = hold(closes(100.0, 1.01, 102.0, 103.0))

    assert held_dates(gated) == [d(1)]
    line = gated.quarantined.row(0, named=True)
    assert line["rules"] == ["price_move"]
    assert str(d(0)) in line["reason"]
    assert "split_decisions.csv" in line["reason"]


def test_moves_are_measured_against_the_last_accepted_close() -> None:
    assert held_dates(hold(closes(100.0, 1.0, 1.5, 2.5, 101.0))) == [d(1), d(2), d(3)]


def test_a_slow_rise_is_never_held() -> None:
    assert held_dates(hold(closes(*(1.5**n for n in range(12))))) == []


def test_a_split_explains_the_move() -> None:
    gated = hold(closes(1000.0, 101.0, 99.0), adjustments((d(1), 10.0, "split")))

    assert held_dates(gated) == []


def test_a_reverse_split_explains_the_move() -> None:
    assert held_dates(hold(closes(10.0, 80.0), adjustments((d(1), 0.125, "split")))) == []


def test_a_spin_offs_ratio_explains_the_move() -> None:
    assert held_dates(hold(closes(100.0, 52.0), adjustments((d(1), 1.973, "spin_off")))) == []


def test_a_split_does_not_explain_a_move_of_the_session_before() -> None:
    gated = hold(closes(1000.0, 100.0, 100.0), adjustments((d(2), 10.0, "split")))

    assert held_dates(gated) == [d(1)]


def test_a_split_that_the_price_does_not_follow_holds_the_rows_from_its_ex_date_on() -> None:
    gated = hold(closes(100.0, 101.0, 102.0), adjustments((d(1), 10.0, "split")))

    assert held_dates(gated) == [d(1), d(2)]


SMALL_RATIOS = [1.5, 4 / 3, 5 / 4, 1 / 1.5, 0.75, 1.281, 1.137]
"""Below the x1.8 that no price moves by."""


@pytest.mark.parametrize("ratio", SMALL_RATIOS)
def test_a_small_split_that_the_price_does_not_follow_is_held_early_late_or_untrue(
    ratio: float,
) -> None:
    listed = adjustments((d(1), ratio, "split"))
    untrue = hold(closes(100.0, 101.0, 102.0), listed)
    assert held_dates(untrue) == [d(1), d(2)]
    assert f"does not follow the x{ratio:.4g}" in untrue.quarantined["reason"][0]
    # Listed a session early, the close of that session waits; the next one is right.
    early = hold(closes(100.0, 101.0, 101.0 / ratio), listed)
    assert held_dates(early) == [d(1)]
    # Listed a session late, it would be a loss and then a gain: what follows waits.
    late = adjustments((d(2), ratio, "split"))
    assert held_dates(hold(closes(100.0, 100.0 / ratio, 101.0 / ratio), late)) == [d(2)]
    inverted = adjustments((d(1), 1 / ratio, "split"))
    assert held_dates(hold(closes(100.0, 101.0 / ratio), inverted)) == [d(1)]


@pytest.mark.parametrize("ratio", [*SMALL_RATIOS, 2.0, 10.0, 0.1, 1.033])
@pytest.mark.parametrize("news", [-0.08, 0.0, 0.09])
def test_a_price_that_follows_its_split_passes_with_the_news_of_the_session(
    ratio: float, news: float
) -> None:
    followed = closes(100.0, 100.0 / ratio * (1 + news), 101.0 / ratio)
    assert held_dates(hold(followed, adjustments((d(1), ratio, "split")))) == []


def test_a_fall_on_the_session_of_a_small_spin_off_is_news() -> None:
    assert held_dates(hold(closes(100.0, 80.0), adjustments((d(1), 1.033, "spin_off")))) == []
    # Of a ratio near 1 nobody can say whether the price followed it.
    assert held_dates(hold(closes(100.0, 100.0), adjustments((d(1), 1.066, "spin_off")))) == []


def test_who_decides_what_went_ex_decides_the_move_too() -> None:
    prices, listed = closes(100.0, 101.0, 102.0), adjustments((d(1), 1.5, "split"))
    assert held_dates(hold(prices, adjustments(), decisions((d(1), "none", 1.0)))) == []
    assert held_dates(hold(prices, listed, decisions((d(1), "split", 1.5)))) == []


def test_a_split_of_another_symbol_explains_nothing() -> None:
    gated = hold(closes(1000.0, 100.0), adjustments((d(1), 10.0, "split"), symbol="B"))

    assert held_dates(gated) == [d(1)]


def test_a_missing_split_holds_all_later_rows() -> None:
    assert held_dates(hold(closes(1000.0, 101.0, 99.0, 103.0))) == [d(1), d(2), d(3)]


def test_the_move_from_one_symbol_to_the_next_is_no_move() -> None:
    prices = pl.concat([closes(1.0, 1.1), closes(500.0, 510.0, symbol="B")])

    assert held_dates(hold(prices)) == []


def test_a_held_symbol_does_not_touch_its_neighbours() -> None:
    prices = pl.concat([closes(1.0, 500.0), closes(500.0, 510.0, symbol="B")])

    assert hold(prices).passed.select("symbol", "session_date").rows() == [
        ("A", d(0)),
        ("B", d(0)),
        ("B", d(1)),
    ]


def test_a_decision_of_kind_none_lets_a_real_crash_and_what_follows_through() -> None:
    gated = hold(closes(100.0, 20.0, 21.0), decided=decisions((d(1), "none", 1.0)))

    assert held_dates(gated) == []


def test_a_decision_of_kind_none_holds_for_its_session_alone() -> None:
    gated = hold(closes(100.0, 20.0, 101.0), decided=decisions((d(1), "none", 1.0)))

    assert held_dates(gated) == [d(2)]


def test_a_decision_of_kind_split_adds_the_missing_one() -> None:
    actions = adjustments((d(1), 10.0, "split"))

    gated = hold(closes(1000.0, 101.0), actions, decisions((d(1), "split", 10.0)))

    assert held_dates(gated) == []


def test_no_bars_are_held_of_none() -> None:
    assert hold(closes()).passed.is_empty()


# properties

MOVES = [1.0, 1.01, 0.97, 1.5, 0.6, 1.79, 1.81, 100.0, 0.01, 2.0, 0.5]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(MOVES), min_size=1, max_size=15),
    st.lists(st.tuples(st.integers(0, 15), st.sampled_from([2.0, 0.5, 1.973])), max_size=2),
)
def test_rows_are_conserved_and_accepted_neighbours_never_jump(
    moves: list[float], splits: list[tuple[int, float]]
) -> None:
    values = [100.0]
    for move in moves:
        values.append(values[-1] * move)
    ratios = dict(splits)
    actions = adjustments(*((d(n), ratio, "split") for n, ratio in sorted(ratios.items())))

    passed = hold(closes(*values), actions).passed

    accepted = list(passed.select("session_date", "close").iter_rows())
    for (day, close), (next_day, next_close) in pairwise(accepted):
        explained = 1.0
        for n, ratio in ratios.items():
            if day < d(n) <= next_day:
                explained *= ratio
        assert 1 / 1.8 - 1e-9 <= next_close * explained / close <= 1.8 + 1e-9


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(*(st.one_of(st.none(), st.integers(1, 40)),) * 3, st.integers(1, 40)),
        min_size=1,
        max_size=20,
    )
)
def test_the_order_rule_conserves_rows_and_lets_through_ordered_bars_alone(
    found: list[tuple[int | None, int | None, int | None, int]],
) -> None:
    rows = [("A", d(n), *prices, 1) for n, prices in enumerate(found)]
    bars = pl.DataFrame(rows, schema=BARS, orient="row", strict=False)

    gated = gate_order(bars, core.Prices)

    ordered = {
        d(n)
        for n, (open_, high, low, close) in enumerate(found)
        for inside in ([close] if open_ is None else [close, open_],)
        if (low is None or all(low <= p for p in inside))
        and (high is None or all(p <= high for p in inside))
        and (low is None or high is None or low <= high)
    }
    assert set(gated.passed["session_date"]) == ordered
    assert gated.received == gated.passed.height + gated.quarantined["occurrences"].sum()


def test_a_landing_says_how_many_rows_were_held_and_how_many_rejected() -> None:
    ordered = gate_order(
        pl.concat([bar(100.0, 101.0, 99.0, 100.0), bar(None, 102.0, 99.0, 103.0)]), core.Prices
    )
    jumped = hold(closes(100.0, 300.0, 310.0))

    landing = landing_of(core.Prices.no_rows(), [ordered, jumped], core.Prices)

    assert landing.metadata == {"received": 2, "held": 2, "rejected": 1}
    assert landing.quarantined is not None
    assert landing.quarantined["status"].to_list() == ["rejected", "held", "held"]
