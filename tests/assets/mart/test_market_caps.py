from collections.abc import Callable, Mapping
from datetime import date, timedelta
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.core.prices import ready_to_compute_with
from assets.core.shares_outstanding import accept_counts
from assets.market.count_witnesses import company_units
from assets.market.moves import with_comparable_close
from assets.mart.market_caps import market_caps
from warehouse.schemas import core, mart, ref
from warehouse.scratch import in_memory
from warehouse.validation import validate

NO_UNITS = company_units(
    ref.IndexHoldings.no_rows(),
    ref.Indices.no_rows(),
    ref.Securities.no_rows(),
    core.CorporateActions.no_rows(),
)

WEEKDAYS = [
    day
    for day in (date(2024, 1, 1) + timedelta(days=n) for n in range(420))
    if day.isoweekday() <= 5
]
CAPS = ["market_cap_usd", "previous_market_cap_usd", "price_effect_usd", "share_count_effect_usd"]


def s(number: int) -> date:
    """The n-th session of these tests."""
    return WEEKDAYS[number]


def bars(
    closes: Mapping[int, float],
    *,
    symbol: str = "A",
    lows: Mapping[int, float] | None = None,
    ex: Mapping[int, tuple[float, str]] | None = None,
) -> pl.DataFrame:
    """Bars by number of session; without lows, low is the close."""
    lows, ex = lows or {}, ex or {}
    rows = []
    for number, close in sorted(closes.items()):
        low = lows.get(number, close)
        ratio, kind = ex.get(number, (1.0, "none"))
        splits = ratio if kind == "split" else 1.0
        rows.append((symbol, s(number), close, close, low, close, 100, ratio, kind, splits, None))
    told = pl.DataFrame(rows, schema=core.Prices.polars_schema(), orient="row")
    return with_comparable_close(told, WEEKDAYS)


def counts(
    *rows: tuple[date, float],
    symbol: str = "A",
    as_of: date | None = None,
    warned: bool = False,
    disputed: bool = False,
) -> pl.DataFrame:
    full = [
        (symbol, day, None, shares, as_of or day, "reported", "own_date", warned, "reports",
         disputed, "another report" if disputed else None)
        for day, shares in rows
    ]  # fmt: skip
    return pl.DataFrame(full, schema=core.SharesOutstanding.polars_schema(), orient="row")


def lines(*symbols: str, company: str | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"symbol": symbol, "name": symbol, "company_symbol": company or symbol, "sector": "IT",
             "sector_scheme": "test"}
            for symbol in symbols
        ],
        schema=ref.Securities.polars_schema(),
    )  # fmt: skip


def compute(
    prices: pl.DataFrame, known: pl.DataFrame, securities: pl.DataFrame | None = None
) -> pl.DataFrame:
    covered = lines("A") if securities is None else securities
    return market_caps(prices, known, covered)


def on(caps: pl.DataFrame, number: int) -> dict[str, object]:
    found: dict[str, object] = caps.row(
        by_predicate=pl.col("session_date") == s(number), named=True
    )
    return found


def test_an_ordinary_session_by_hand() -> None:
    caps = compute(bars({0: 100.0, 1: 83.0}, lows={1: 80.0}), counts((s(0), 1000.0)))

    validate(caps, mart.MarketCaps)
    row = on(caps, 1)
    assert row["close_usd"] == 83.0
    assert row["market_cap_usd"] == 83_000.0
    assert row["previous_market_cap_usd"] == 100_000.0
    assert row["price_effect_usd"] == -17_000.0
    assert row["share_count_effect_usd"] == 0.0
    assert row["return_1d"] == pytest.approx(-0.17)
    assert row["intraday_low_return"] == pytest.approx(-0.20)
    assert row["intraday_low_effect_usd"] == -20_000.0
    assert row["shares_as_of"] == s(0)
    assert row["share_count_age_days"] == 1
    assert row["flags"] == []


def test_the_first_bar_has_a_market_cap_and_no_change() -> None:
    row = on(compute(bars({0: 100.0}), counts((s(0), 1000.0))), 0)

    assert row["market_cap_usd"] == 100_000.0
    assert [row[name] for name in CAPS[1:]] == [None] * 3
    assert row["return_1d"] is None
    assert row["flags"] == ["first_bar"]


def test_a_share_split_is_no_loss() -> None:
    caps = compute(
        bars({0: 1000.0, 1: 101.0}, lows={1: 99.0}, ex={1: (10.0, "split")}),
        counts((s(0), 50.0), (s(1), 500.0)),
    )

    row = on(caps, 1)
    assert row["price_effect_usd"] == pytest.approx(500.0)
    assert row["share_count_effect_usd"] == pytest.approx(0.0)
    assert row["return_1d"] == pytest.approx(0.01)
    assert row["intraday_low_effect_usd"] == pytest.approx(-500.0)
    assert row["flags"] == ["corporate_action"]


def test_a_reverse_split_is_no_gain() -> None:
    caps = compute(
        bars({0: 10.0, 1: 80.0}, ex={1: (0.125, "split")}),
        counts((s(0), 800.0), (s(1), 100.0)),
    )

    assert on(caps, 1)["price_effect_usd"] == 0.0
    assert on(caps, 1)["share_count_effect_usd"] == 0.0


def test_what_a_spin_off_takes_away_is_a_share_count_effect_and_never_a_loss() -> None:
    # 125 before, of which 25 are distributed; the rest rises from 100 to 102.
    caps = compute(bars({0: 125.0, 1: 102.0}, ex={1: (1.25, "spin_off")}), counts((s(0), 10.0)))

    row = on(caps, 1)
    assert row["price_effect_usd"] == pytest.approx(20.0)
    assert row["share_count_effect_usd"] == pytest.approx(-250.0)
    assert row["return_1d"] == pytest.approx(0.02)
    assert row["flags"] == ["corporate_action"]


def test_a_new_share_count_is_never_a_loss() -> None:
    caps = compute(bars({0: 100.0, 1: 100.0}), counts((s(0), 1000.0), (s(1), 900.0)))

    row = on(caps, 1)
    assert row["price_effect_usd"] == 0.0
    assert row["share_count_effect_usd"] == -10_000.0


def test_the_price_effect_rests_on_the_count_before_the_session() -> None:
    caps = compute(bars({0: 100.0, 1: 90.0}), counts((s(0), 1000.0), (s(1), 1200.0)))

    row = on(caps, 1)
    assert row["price_effect_usd"] == -10_000.0
    assert row["share_count_effect_usd"] == 18_000.0  # 200 new shares at 90
    assert row["shares_outstanding"] == 1200.0


def test_the_count_behind_the_price_effect_is_that_of_the_session_before() -> None:
    caps = compute(bars({0: 100.0, 1: 90.0, 2: 80.0}), counts((s(0), 1000.0), (s(1), 1200.0)))

    assert on(caps, 0)["effect_shares_outstanding"] is None
    assert on(caps, 0)["effect_shares_as_of"] is None
    assert (on(caps, 1)["effect_shares_outstanding"], on(caps, 1)["effect_shares_as_of"]) == (
        1000.0,
        s(0),
    )
    assert (on(caps, 2)["effect_shares_outstanding"], on(caps, 2)["effect_shares_as_of"]) == (
        1200.0,
        s(1),
    )


def test_the_count_behind_the_price_effect_is_in_the_basis_after_a_split() -> None:
    known = counts((s(0), 10.0), (s(1), 20.0), as_of=s(0))
    row = on(compute(bars({0: 100.0, 1: 45.0}, ex={1: (2.0, "split")}), known), 1)

    assert row["effect_shares_outstanding"] == 20.0
    assert row["price_effect_usd"] == -100.0


def test_of_a_split_and_a_spin_off_at_once_the_split_alone_changes_the_count() -> None:
    # p' = 48 / 2.4 = 20, N' = 100 x 2; the close of 19 loses 200 x 1 dollar.
    both = bars({0: 48.0, 1: 19.0}, ex={1: (2.4, "spin_off")}).with_columns(
        split_ratio=pl.Series([1.0, 2.0])
    )
    row = on(compute(both, counts((s(0), 100.0))), 1)

    assert row["effect_shares_outstanding"] == 200.0
    assert row["price_effect_usd"] == pytest.approx(-200.0)


def test_no_bar_on_the_previous_session_gives_no_change_and_a_flag() -> None:
    caps = compute(bars({0: 100.0, 2: 50.0, 3: 49.0}), counts((s(0), 1000.0)))

    row = on(caps, 2)
    assert row["market_cap_usd"] == 50_000.0
    assert [row[name] for name in CAPS[1:]] == [None] * 3
    assert [row["return_1d"], row["intraday_low_return"], row["intraday_low_effect_usd"]] == [
        None
    ] * 3
    assert row["flags"] == ["gap"]
    assert on(caps, 3)["price_effect_usd"] == -1000.0
    assert on(caps, 3)["flags"] == []


def test_a_weekend_or_holiday_is_no_gap() -> None:
    friday = next(n for n in range(5) if s(n).isoweekday() == 5)

    caps = compute(bars({friday: 100.0, friday + 1: 99.0}), counts((s(0), 10.0)))

    assert on(caps, friday + 1)["price_effect_usd"] == -10.0
    assert on(caps, friday + 1)["flags"] == []


def test_without_a_share_count_the_row_stands_and_its_caps_are_null() -> None:
    caps = compute(bars({0: 100.0, 1: 83.0}), counts())

    validate(caps, mart.MarketCaps)
    row = on(caps, 1)
    assert [row[name] for name in CAPS] == [None] * 4
    assert row["shares_outstanding"] is None
    assert row["share_count_age_days"] is None
    assert row["intraday_low_effect_usd"] is None
    assert row["return_1d"] == pytest.approx(-0.17)
    assert row["flags"] == ["no_share_count"]


def test_a_count_is_not_used_before_it_is_valid() -> None:
    caps = compute(bars({0: 100.0, 1: 90.0, 2: 80.0}), counts((s(1), 1000.0)))

    assert on(caps, 0)["flags"] == ["no_share_count", "first_bar"]
    assert on(caps, 1)["market_cap_usd"] == 90_000.0
    assert on(caps, 1)["price_effect_usd"] is None
    assert on(caps, 1)["flags"] == ["no_previous_share_count"]
    assert on(caps, 2)["price_effect_usd"] == -10_000.0
    assert on(caps, 2)["flags"] == []


def test_a_count_of_another_symbol_is_not_used() -> None:
    assert on(compute(bars({0: 1.0}), counts((s(0), 5.0), symbol="B")), 0)["market_cap_usd"] is None


@pytest.mark.parametrize(("days", "is_stale"), [(120, False), (121, True)])
def test_a_count_is_stale_after_120_days(days: int, *, is_stale: bool) -> None:
    reported = s(100) - timedelta(days=days)
    known = counts((s(99), 1000.0), as_of=reported)

    row = on(compute(bars({99: 100.0, 100: 99.0}), known), 100)

    assert row["share_count_age_days"] == days
    assert ("stale_share_count" in row["flags"]) is is_stale  # type: ignore[operator]
    assert row["price_effect_usd"] == -1000.0


def test_a_loss_that_rests_on_a_stale_previous_count_says_so_although_a_new_one_is_there() -> None:
    old = counts((s(99), 1000.0), as_of=s(100) - timedelta(days=185))
    caps = compute(bars({99: 100.0, 100: 99.0, 101: 98.0}), pl.concat([old, counts((s(100), 9e2))]))

    assert on(caps, 100)["flags"] == ["stale_share_count"]
    assert on(caps, 101)["flags"] == []


def test_a_warned_count_is_flagged_as_long_as_a_number_rests_on_it() -> None:
    known = pl.concat(
        [counts((s(0), 1000.0)), counts((s(1), 1300.0), warned=True), counts((s(3), 1310.0))]
    )

    caps = compute(bars(dict.fromkeys(range(5), 100.0)), known)

    warned = caps["flags"].list.contains("share_count_warning").to_list()
    assert warned == [False, True, True, True, False]


def test_a_bar_without_low_or_open_is_flagged_and_has_no_low() -> None:
    prices = bars({0: 100.0, 1: 90.0}).with_columns(low=pl.lit(None, pl.Float64))

    row = on(compute(prices, counts((s(0), 10.0))), 1)

    assert row["flags"] == ["close_only"]
    assert row["intraday_low_return"] is None
    assert row["intraday_low_effect_usd"] is None
    assert row["price_effect_usd"] == -100.0


def test_one_line_stands_for_the_company_and_the_second_class_is_not_added() -> None:
    prices = pl.concat([bars({0: 100.0}, symbol="GOOG"), bars({0: 101.0}, symbol="GOOGL")])
    securities = pl.concat([lines("GOOG", company="GOOGL"), lines("GOOGL")])

    caps = compute(prices, counts((s(0), 10.0), symbol="GOOGL"), securities)

    assert caps["company_symbol"].to_list() == ["GOOGL"]
    assert caps["market_cap_usd"].to_list() == [1010.0]


def test_the_first_bar_of_a_symbol_is_not_compared_with_the_last_of_the_one_before() -> None:
    prices = pl.concat([bars({0: 100.0}, symbol="A"), bars({1: 7.0}, symbol="B")])
    known = pl.concat([counts((s(0), 10.0)), counts((s(0), 10.0), symbol="B")])

    caps = compute(prices, known, lines("A", "B"))

    assert caps["price_effect_usd"].to_list() == [None, None]
    assert caps["flags"].to_list() == [["first_bar"], ["first_bar"]]


def test_no_bars_give_no_rows_of_the_right_shape() -> None:
    caps = compute(bars({}), counts())

    validate(caps, mart.MarketCaps)
    assert caps.is_empty()


# the macro share_counts tells the same count


def told(
    prices: pl.DataFrame, reported: dict[date, int], went_ex: list[tuple[date, float]]
) -> tuple[pl.DataFrame, Callable[[date], dict[int, tuple[date, float]]]]:
    """Market caps of A, and its reports around a session: place -> report's date, shares."""
    actions = pl.DataFrame(
        [("A", day, ratio, "split") for day, ratio in went_ex],
        schema=core.CorporateActions.polars_schema(),
        orient="row",
    )
    reports = pl.DataFrame(
        [("A", day, shares) for day, shares in reported.items()],
        schema={"symbol": pl.String, "as_of_date": pl.Date, "shares_outstanding": pl.Int64},
        orient="row",
    )
    known = accept_counts(
        reports, actions, ref.ShareCountDecisions.no_rows(), NO_UNITS, WEEKDAYS
    ).counts
    columns = ["adjustment_ratio", "split_ratio", "adjustment_kind", "comparable_close"]
    ready = ready_to_compute_with(prices.drop(columns), actions, WEEKDAYS)
    caps = compute(ready, known)
    tables = {
        "ref.securities": lines("A"),
        "core.corporate_actions": actions,
        "core.shares_outstanding": known,
        "mart.market_caps": caps,
    }

    def around(day: date) -> dict[int, tuple[date, float]]:
        with in_memory(tables) as reader:
            rows = reader.rows(f"FROM share_counts('A', DATE '{day}')")
        return {row["place"]: (row["reported_as_of"], row["shares_outstanding"]) for row in rows}

    return caps, around


def test_a_report_on_a_weekend_is_not_what_mondays_loss_rests_on() -> None:
    monday = next(n for n in range(5, 12) if s(n).isoweekday() == 1)
    saturday = s(monday) - timedelta(days=2)
    caps, around = told(
        bars({monday - 1: 100.0, monday: 90.0, monday + 1: 89.0}), {s(0): 1000, saturday: 1100}, []
    )

    row = on(caps, monday)
    assert (row["effect_shares_outstanding"], row["effect_shares_as_of"]) == (1000.0, s(0))
    assert around(s(monday)) == {0: (s(0), 1000.0), 1: (saturday, 1100.0)}
    assert around(s(monday + 1)) == {-1: (s(0), 1000.0), 0: (saturday, 1100.0)}


def test_a_count_that_is_reported_again_is_no_other_count() -> None:
    reported = {
        s(0): 1000,
        s(3): 1000,
        s(6): 1100,
        s(9): 1100,
        s(12): 1100,
        s(15): 1200,
        s(18): 1200,
    }
    caps, around = told(bars({11: 100.0, 12: 90.0, 13: 89.0}), reported, [])

    assert on(caps, 12)["effect_shares_as_of"] == s(9)
    assert around(s(12)) == {-1: (s(0), 1000.0), 0: (s(9), 1100.0), 1: (s(15), 1200.0)}


def test_a_split_before_the_first_bar_is_in_every_count() -> None:
    caps, around = told(
        bars({4: 50.0, 5: 45.0}), {s(0): 1000, s(3): 2020, s(5): 2040}, [(s(2), 2.0)]
    )

    row = on(caps, 5)
    assert (row["effect_shares_outstanding"], row["effect_shares_as_of"]) == (2020.0, s(3))
    assert around(s(5)) == {-1: (s(0), 2000.0), 0: (s(3), 2020.0), 1: (s(5), 2040.0)}


def test_a_count_after_a_later_split_is_told_in_the_basis_of_the_session() -> None:
    caps, around = told(bars({4: 50.0, 5: 45.0}), {s(0): 1000, s(8): 2040}, [(s(7), 2.0)])

    assert on(caps, 5)["effect_shares_outstanding"] == 1000.0
    assert around(s(5)) == {0: (s(0), 1000.0), 1: (s(8), 1020.0)}


def test_on_the_ex_date_the_count_is_in_the_new_basis() -> None:
    caps, around = told(bars({4: 100.0, 5: 45.0}), {s(0): 1000}, [(s(5), 2.0)])

    assert on(caps, 5)["effect_shares_outstanding"] == 2000.0
    assert around(s(5)) == {0: (s(0), 2000.0)}


def test_without_a_price_effect_no_count_is_what_it_rests_on() -> None:
    caps, around = told(bars({2: 100.0, 4: 90.0}), {s(0): 1000, s(3): 1001, s(4): 1002}, [])

    assert on(caps, 4)["effect_shares_outstanding"] is None
    assert around(s(4)) == {-2: (s(0), 1000.0), -1: (s(3), 1001.0), 1: (s(4), 1002.0)}


# properties

PRICES = st.integers(100, 100_000).map(lambda cents: cents / 100)
RATIOS = st.sampled_from([2.0, 3.0, 4.0, 10.0, 20.0, 0.125, 1.5])


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[int, float], dict[int, float]]:
    """Closes and share counts of a company by session, with gaps."""
    sessions = draw(st.lists(st.integers(0, 25), min_size=1, max_size=20, unique=True))
    reported = draw(st.lists(st.integers(0, 25), max_size=4, unique=True))
    return (
        {n: draw(PRICES) for n in sorted(sessions)},
        {n: float(draw(st.integers(10**6, 10**10))) for n in sorted(reported)},
    )


def known(reported: Mapping[int, float]) -> pl.DataFrame:
    return counts(*((s(n), shares) for n, shares in sorted(reported.items())))


@settings(deadline=None, max_examples=40)
@given(
    histories(),
    st.dictionaries(st.integers(0, 25), RATIOS, max_size=2),
    st.sampled_from(["split", "spin_off"]),
)
def test_price_effect_and_share_count_effect_add_up_to_the_change_of_market_cap(
    history: tuple[dict[int, float], dict[int, float]], ex: dict[int, float], kind: str
) -> None:
    closes, reported = history

    caps = compute(bars(closes, ex={n: (k, kind) for n, k in ex.items()}), known(reported))

    both = pl.col("market_cap_usd").is_not_null() & pl.col("previous_market_cap_usd").is_not_null()
    with_change = caps.filter(both)
    assert caps.filter(~both)["price_effect_usd"].null_count() == caps.filter(~both).height
    for row in with_change.iter_rows(named=True):
        change = row["market_cap_usd"] - row["previous_market_cap_usd"]
        parts = row["price_effect_usd"] + row["share_count_effect_usd"]
        assert parts == pytest.approx(change, rel=1e-9, abs=1e-9 * row["market_cap_usd"])
        assert (row["return_1d"] < 0) == (row["price_effect_usd"] < 0)


@settings(deadline=None, max_examples=40)
@given(histories(), st.integers(0, 25), RATIOS)
def test_splitting_a_share_changes_no_loss_and_no_gain(
    history: tuple[dict[int, float], dict[int, float]], ex_number: int, k: float
) -> None:
    closes, reported = history
    split_closes = {n: p / k if n >= ex_number else p for n, p in closes.items()}
    earlier = [shares for n, shares in reported.items() if n <= ex_number]
    split_counts = {n: c * k if n >= ex_number else c for n, c in reported.items()}
    if earlier:
        split_counts[ex_number] = earlier[-1] * k

    plain = compute(bars(closes), known(reported))
    split = compute(bars(split_closes, ex={ex_number: (k, "split")}), known(split_counts))

    for name in ("price_effect_usd", "market_cap_usd"):
        assert split[name].is_null().equals(plain[name].is_null())
        assert split[name].drop_nulls().to_list() == pytest.approx(
            plain[name].drop_nulls().to_list(), rel=1e-9, abs=0
        )
    assert (split["price_effect_usd"] < 0).equals(plain["price_effect_usd"] < 0)


@settings(deadline=None, max_examples=25)
@given(histories(), histories(), st.randoms(use_true_random=False))
def test_the_order_in_which_rows_were_delivered_does_not_matter(
    one: tuple[dict[int, float], dict[int, float]],
    other: tuple[dict[int, float], dict[int, float]],
    random: Random,
) -> None:
    prices = pl.concat([bars(one[0]), bars(other[0], symbol="B")])
    shares = pl.concat([known(one[1]), known(other[1]).with_columns(symbol=pl.lit("B", pl.String))])
    order = list(range(prices.height))
    random.shuffle(order)

    in_order = compute(prices, shares, lines("A", "B"))
    shuffled = compute(
        prices[order].sort("symbol", "session_date"),
        shares[::-1].sort("symbol", "valid_from"),
        lines("B", "A"),
    )

    assert shuffled.equals(in_order)


@settings(deadline=None, max_examples=25)
@given(histories(), st.integers(0, 25))
def test_a_row_is_not_changed_by_later_bars_and_reports(
    history: tuple[dict[int, float], dict[int, float]], today: int
) -> None:
    closes, reported = history

    full = compute(bars(closes), known(reported)).filter(pl.col("session_date") <= s(today))
    then = compute(
        bars({n: p for n, p in closes.items() if n <= today}),
        known({n: c for n, c in reported.items() if n <= today}),
    )

    assert then.equals(full)
