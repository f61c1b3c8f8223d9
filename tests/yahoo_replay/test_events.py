"""Splits, dividends and share counts of every kind, wherever they are, through the client."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.market import calendar
from assets.raw.prices import with_histories
from assets.sources import Delivery, KnownLines
from assets.sources.yahoo import YahooSource
from assets.sources.yahoo.session import Policy
from tests.yahoo_replay.market import Market, stamp
from tests.yahoo_replay.replay import Replay, serving
from warehouse.responses import ResponseStore

NOW = "2025-01-17T23:30:00"
DAYS = calendar.sessions(date(2024, 12, 30), date(2025, 1, 17))
FIRST, LAST = DAYS[0], DAYS[-1]
SINCE = {"AAA": FIRST}
HASTY = functools.partial(
    Policy, requests_per_second=0, attempts=2, first_wait_seconds=0.01, longest_wait_seconds=0.1
)
COUNT_DAYS = [DAYS[0] + timedelta(days=3 * n) for n in range(6)]


def _bars(level: float = 100.0) -> list[dict[str, Any]]:
    """Return bars as traded, each a hundredth higher than the one before."""
    return [
        {"session_date": day, "volume": 1000}
        | dict.fromkeys(("open", "high", "low", "close"), round(level + n, 4))
        for n, day in enumerate(DAYS)
    ]


@pytest.fixture(scope="module")
def served() -> Iterator[Replay]:
    with serving(Market(bars={"AAA": _bars(), "^VIX": _bars(20)}), NOW) as replay:
        yield replay


@pytest.fixture
def replay(served: Replay, monkeypatch: pytest.MonkeyPatch) -> Replay:
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    served.clear()
    monkeypatch.setattr(served, "market", replace(served.market, indices=frozenset({"^VIX"})))
    return served


Client = Callable[..., YahooSource]


@pytest.fixture
def client(replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return the client of a market that is what the test says."""

    def of(known: KnownLines | None = None, **market: Any) -> YahooSource:
        monkeypatch.setattr(replay, "market", replace(replay.market, **market))
        return YahooSource(
            ResponseStore(tmp_path / "responses"),
            tmp_path / "state",
            HASTY(),
            FIRST,
            datetime.fromisoformat(NOW).replace(tzinfo=UTC),
            known=lambda: known or KnownLines(),
        )

    return of


def _account(delivery: Delivery) -> dict[str, Any]:
    return delivery.accounts.row(0, named=True)


def _closes(source: YahooSource) -> dict[date, float]:
    rows = source.prices(["AAA"], FIRST, LAST).rows
    return dict(rows.select("session_date", "close").iter_rows())


def _as_traded(*, without: date | None = None) -> dict[date, float]:
    return {bar["session_date"]: bar["close"] for bar in _bars() if bar["session_date"] != without}


@pytest.mark.parametrize("has_bar", [True, False])
@pytest.mark.parametrize("place", [0, 1, 5, len(DAYS) - 2, len(DAYS) - 1])
def test_what_goes_ex_stays_on_its_date_with_or_without_a_bar(client, place, has_bar):
    day = DAYS[place]
    kept = [bar for bar in _bars() if has_bar or bar["session_date"] != day]
    source = client(
        bars={"AAA": kept}, splits={"AAA": [(day, 1.5)]}, dividends={"AAA": [(day, 0.25)]}
    )
    assert _closes(source) == _as_traded(without=None if has_bar else day)
    assert source.splits(SINCE).rows.select("ex_date", "ratio").rows() == [(day, 1.5)]
    assert source.dividends(SINCE).rows.select("ex_date", "amount_usd").rows() == [(day, 0.25)]


@pytest.mark.parametrize("fault", ["duplicate", "midday_bar", "null_row", "missing_bar"])
def test_a_bar_that_is_taken_out_on_an_ex_date_takes_no_event_along(client, replay, fault):
    day = DAYS[5]
    source = client(splits={"AAA": [(day, 3.0)]}, dividends={"AAA": [(day, 0.25)]})
    replay.fault("chart", "AAA", fault, value="ex_date")
    assert _closes(source) == _as_traded(without=day)
    assert source.splits(SINCE).rows["ex_date"].to_list() == [day]
    assert source.dividends(SINCE).rows["ex_date"].to_list() == [day]


@pytest.mark.parametrize(
    ("day", "in_force"),
    [(date(2025, 1, 11), date(2025, 1, 13)), (date(2025, 1, 9), date(2025, 1, 10)),
     (date(2025, 1, 1), date(2025, 1, 2))],
)  # fmt: skip
def test_what_goes_ex_off_the_calendar_takes_effect_on_the_next_session(client, day, in_force):
    source = client(splits={"AAA": [(day, 2.0)]}, dividends={"AAA": [(day, 0.25)]})
    assert _closes(source) == _as_traded()
    assert source.splits(SINCE).rows["ex_date"].to_list() == [in_force]
    assert source.dividends(SINCE).rows["ex_date"].to_list() == [in_force]
    said = _account(source.splits(SINCE))["message"]
    assert f"split of {day}, no session, takes effect on {in_force}" in said


@pytest.mark.parametrize("place", [0, 5, len(DAYS) - 1])
@pytest.mark.parametrize("fault", ["split_by_zero", "split_beside_its_text", "half_a_split"])
def test_a_split_in_doubt_holds_the_prices_up_to_it_and_no_other(client, replay, fault, place):
    """Nobody knows what they were divided by, nor what was a loss and what the split."""
    source = client(splits={"AAA": [(DAYS[place], 2.0)]})
    replay.fault("chart", "AAA", fault)
    told = source.prices(["AAA"], FIRST, LAST)
    assert _account(told)["outcome"] == "partial"
    closes = dict(told.rows.select("session_date", "close").iter_rows())
    assert closes == {day: n for day, n in _as_traded().items() if day > DAYS[place]}
    splits = source.splits(SINCE)
    assert DAYS[place] not in splits.rows["ex_date"].to_list()
    assert f"in doubt, prices with it: split of {DAYS[place]}" in (_account(splits)["message"])


def test_a_split_in_doubt_after_what_has_landed_lets_the_line_wait(client, replay):
    """Bars after it would be taken for the continuation of those before it."""
    known = KnownLines(since={"AAA": FIRST})
    source = client(known, splits={"AAA": [(DAYS[5], 2.0)]})
    replay.fault("chart", "AAA", "split_by_zero")
    told = source.prices(["AAA"], FIRST, LAST)
    assert (told.rows.height, _account(told)["outcome"]) == (0, "partial")
    replay.clear()
    assert _closes(source) == {}
    ResponseStore(source._store.folder).close()
    assert _closes(source) == _as_traded()


def test_a_split_in_doubt_that_has_landed_is_what_it_was(client, replay):
    day = DAYS[5]
    known = KnownLines(since={"AAA": FIRST}, splits={"AAA": [(day, 2.0, None)]})
    source = client(known, splits={"AAA": [(day, 2.0)]})
    replay.fault("chart", "AAA", "split_by_zero")
    told = source.prices(["AAA"], FIRST, LAST)
    assert _account(told)["outcome"] == "ok"
    assert f"it is the one that has landed: split of {day}" in _account(told)["message"]
    assert _closes(source) == _as_traded()
    assert source.splits(SINCE).rows.select("ex_date", "ratio").rows() == [(day, 2.0)]


def test_what_is_stamped_at_midnight_utc_goes_ex_on_that_date(client, replay):
    day = DAYS[5]
    source = client(splits={"AAA": [(day, 2.0)]}, dividends={"AAA": [(day, 0.25)]})
    chart = replay.market.chart("AAA", 0, 4e9, replay.now)
    for events in chart["chart"]["result"][0]["events"].values():
        for event in events.values():
            event["date"] = event["date"] // 86_400 * 86_400
    replay.fault("chart", "AAA", "answer", value=chart)
    assert _closes(source) == _as_traded()
    assert source.splits(SINCE).rows["ex_date"].to_list() == [day]
    assert source.dividends(SINCE).rows["ex_date"].to_list() == [day]


def test_the_history_of_a_line_that_moved_comes_whole_and_that_of_others_is_not_asked_for(client):
    source = client(bars={"AAA": _bars(), "BBB": _bars(50.0)})
    landed = source.prices(["AAA", "BBB"], FIRST, LAST).rows
    other = pl.when(symbol="AAA", session_date=DAYS[9]).then(pl.col("close") * 2)
    window = source.prices(["AAA", "BBB"], DAYS[8], LAST)
    told = with_histories(source, window, landed.with_columns(close=other.otherwise("close")), LAST)
    sessions = dict(told.rows.group_by("symbol").len().iter_rows())
    assert sessions == {"AAA": len(DAYS), "BBB": len(DAYS) - 8}
    assert told.accounts is not None
    assert sorted(told.accounts["symbol"]) == ["AAA", "BBB"]
    assert told.covers == ({"AAA": FIRST, "BBB": DAYS[8]}, LAST)
    assert with_histories(source, window, landed, LAST) is window


@pytest.mark.parametrize(("bad", "good"), [(3, 8), (8, 3)])
def test_a_split_in_doubt_leaves_the_others_as_they_are(client, replay, bad, good):
    source = client(splits={"AAA": sorted([(DAYS[bad], 2.0), (DAYS[good], 4.0)])})
    chart = replay.market.chart("AAA", 0, 4e9, replay.now)
    chart["chart"]["result"][0]["events"]["splits"][str(stamp(DAYS[bad]))]["numerator"] = 0
    replay.fault("chart", "AAA", "answer", value=chart)
    assert _closes(source) == {day: n for day, n in _as_traded().items() if day > DAYS[bad]}
    assert source.splits(SINCE).rows.select("ex_date", "ratio").rows() == [(DAYS[good], 4.0)]


def test_share_splits_of_a_date_multiply_and_a_spin_off_is_a_row_of_its_own(client):
    day = DAYS[6]
    source = client(splits={"AAA": [(day, 1.5), (day, 1.25), (day, 1.033)]})
    assert _closes(source) == pytest.approx(_as_traded(), abs=1e-4)
    rows = source.splits(SINCE).rows.sort("kind").select("ex_date", "ratio", "kind").rows()
    assert rows == [
        (day, pytest.approx(1.033), "spin_off"), (day, pytest.approx(1.875), "split"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("amounts", "currency", "landed", "says"),
    [([0.25, 1.5], "USD", [1.75], "2 dividends of 2025-01-08, 0.25 and 1.5, are one of 1.75"),
     ([0.25, 0.25], "USD", [], "0.25 is there twice"),
     ([0.25], "CAD", [], "0.25 is in CAD, not in USD"),
     ([0.25], None, [], "in no currency named"),
     ([-0.25], "USD", [], "its amount is -0.25"),
     ([0], "USD", [], "its amount is 0")],
)  # fmt: skip
def test_dividends_are_dollars_one_row_a_date(client, amounts, currency, landed, says):
    day = date(2025, 1, 8)
    source = client(
        dividends={"AAA": [(day, amount) for amount in amounts]}, currencies={"AAA": currency}
    )
    told = source.dividends(SINCE)
    assert told.rows["amount_usd"].to_list() == landed
    assert says in _account(told)["message"]
    assert _closes(source) == _as_traded()


def test_an_index_of_chicago_lands_by_its_own_time(client, replay):
    levels = client().index_levels({"^VIX": FIRST})
    assert replay.market.chart("^VIX", 0, 4e9, replay.now)["chart"]["result"][0]["meta"][
        "exchangeTimezoneName"
    ] == "America/Chicago"  # fmt: skip
    assert levels.rows["session_date"].to_list() == DAYS
    assert _account(levels)["outcome"] == "ok"


def test_what_is_no_index_does_not_land_as_one(client):
    told = client().index_levels(SINCE)
    assert (told.rows.height, _account(told)["outcome"]) == (0, "contract")


@pytest.mark.parametrize(
    ("known", "says"),
    [(KnownLines(since={"AAA": date(2012, 5, 18)}), "bars from 2012-05-18 have landed"),
     (KnownLines(listed_to={"AAA": date(2022, 6, 8)}), "the line has ended on 2022-06-08")],
)  # fmt: skip
def test_a_ticker_that_another_company_has_now_is_refused(client, known, says):
    told = client(known).prices(["AAA"], FIRST, LAST)
    assert (told.rows.height, _account(told)["outcome"]) == (0, "contract")
    assert f"AAA was first traded on {FIRST}, Yahoo says, but {says}" in _account(told)["message"]
    assert "symbol_changes.csv" in _account(told)["message"]


def test_a_ticker_that_is_known_since_its_first_day_is_its_own(client):
    known = KnownLines(since={"AAA": FIRST, "BBB": date(2000, 1, 3)})
    assert _closes(client(known)) == _as_traded()


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_second_count_of_a_date_is_held_wherever_it_is(client, replay, place):
    source = client(counts={"AAA": [(day, 1000 + n) for n, day in enumerate(COUNT_DAYS)]})
    replay.fault("shares", "AAA", "second_count", value=place)
    told = source.shares_outstanding(SINCE)
    assert told.rows["shares_outstanding"].to_list() == [1000.0 + n for n in range(6)]
    assert told.held is not None
    assert told.held["shares_outstanding"].to_list() == [
        round(1.04 * (1000 + {"first": 0, "middle": 3, "last": 5}[place]))
    ]
    assert _account(told)["outcome"] == "ok"
    assert "agrees with the reports beside it" in _account(told)["message"]


def test_two_counts_of_a_date_that_nothing_decides_are_both_held(client, replay):
    source = client(counts={"AAA": [(COUNT_DAYS[0], 1000)]})
    replay.fault("shares", "AAA", "second_count")
    told = source.shares_outstanding(SINCE)
    assert told.rows.is_empty()
    assert told.held is not None
    assert told.held["shares_outstanding"].to_list() == [1000, 1040]
    assert _account(told)["outcome"] == "partial"
    assert told.held.filter(pl.col("reason").str.contains("do not decide")).height == 2
