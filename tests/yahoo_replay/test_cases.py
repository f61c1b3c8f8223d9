"""Recorded answers of Yahoo that went wrong (``cases``), and what is right of each."""

import functools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.market.corporate_actions import classify
from assets.raw.prices import refused_symbols
from assets.sources import Delivery
from assets.sources.yahoo import YahooSource
from assets.sources.yahoo.session import Policy
from tests.yahoo_replay.market import Market
from tests.yahoo_replay.replay import Replay, serving
from warehouse.responses import ResponseStore
from warehouse.schemas import ref

CASES = Path(__file__).parent / "cases"
HASTY = functools.partial(
    Policy, requests_per_second=0, attempts=2, first_wait_seconds=0.01, longest_wait_seconds=0.1
)
EVENING = "2021-11-18T23:30:00"
NOVEMBER = date(2021, 11, 8)
MSFT = {"MSFT": NOVEMBER}


@pytest.fixture(scope="module")
def served() -> Iterator[Replay]:
    with serving(Market(bars={}), EVENING) as replay:
        yield replay


Evening = Callable[..., YahooSource]


@pytest.fixture
def evening(served: Replay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Evening:
    """Return the client of an evening on which a recorded answer is served."""
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)

    def client(
        case: str, symbol: str = "MSFT", now: str = EVENING, endpoint: str = "chart"
    ) -> YahooSource:
        served.clear()
        served.fault(endpoint, symbol, "answer", value=(CASES / f"{case}.json").read_bytes())
        moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
        folder = tmp_path / now
        return YahooSource(
            ResponseStore(folder / "responses"), tmp_path / "state", HASTY(), NOVEMBER, moment
        )

    return client


def _close(delivery: Delivery) -> dict[str, float]:
    return {
        str(day): close for day, close in delivery.rows.select("session_date", "close").iter_rows()
    }


def _account(delivery: Delivery) -> dict[str, Any]:
    return delivery.accounts.row(0, named=True)


def test_the_bar_of_a_splits_ex_date_comes_an_evening_late(evening: Evening) -> None:
    first = date(2022, 8, 22)
    for run, now, sessions in (("run1", "2022-08-26", 4), ("run2", "2022-08-29", 6)):
        source = evening(f"split-exdate-bar-missing-{run}", "TSLA", f"{now}T23:30:00")
        closes = _close(source.prices(["TSLA"], first, date.fromisoformat(now)))
        assert len(closes) == sessions
        assert closes["2022-08-24"] == pytest.approx(891.29, abs=1e-4)
        assert closes["2022-08-26"] == pytest.approx(288.09, abs=1e-4)
        splits = source.splits({"TSLA": first}).rows
        assert splits.select("ex_date", "ratio").rows() == [(date(2022, 8, 25), 3.0)]


def test_the_bar_of_a_dividends_ex_date_comes_an_evening_late(evening: Evening) -> None:
    for run, now in (("run1", EVENING), ("run2", "2021-11-19T23:30:00")):
        source = evening(f"dividend-exdate-bar-missing-{run}", now=now)
        rows = source.dividends(MSFT).rows.filter(pl.col("ex_date") >= NOVEMBER)
        assert rows.select("ex_date", "amount_usd").rows() == [(date(2021, 11, 17), 0.62)]


def test_a_dividend_in_another_currency_is_no_amount_in_dollars(evening: Evening) -> None:
    source = evening("dividend-in-cad")
    dividends = source.dividends(MSFT)
    assert dividends.rows.is_empty()
    assert "0.62 is in CAD, not in USD" in _account(dividends)["message"]
    assert source.prices(["MSFT"], NOVEMBER, date(2021, 11, 18)).rows.height == 9


def test_an_index_of_chicago_is_landed_by_its_own_time(evening: Evening) -> None:
    levels = evening("cboe-index", "^TNX").index_levels({"^TNX": NOVEMBER})
    assert _account(levels)["outcome"] == "ok"
    assert levels.rows["session_date"].to_list() == [
        date(2021, 11, day) for day in (8, 9, 10, 11, 12, 15, 16, 17, 18)
    ]
    assert levels.rows["close"][-1] == pytest.approx(341.27, abs=1e-4)


@pytest.mark.parametrize(
    ("case", "symbol", "now", "kind"),
    [("fund", "0P0000XTS7", "2024-09-14T03:00:00", "MUTUALFUND"),
     ("qqq", "QQQ", "2020-01-03T03:00:00", "ETF")],
)  # fmt: skip
def test_a_fund_is_no_company(evening: Evening, case: str, symbol: str, now: str, kind: str):
    moment = datetime.fromisoformat(now).date()
    source = evening(f"fund-and-etf-as-company-{case}", symbol, now)
    told = source.prices([symbol], date(moment.year, 1, 2), moment)
    assert told.rows.is_empty()
    assert _account(told)["outcome"] == "contract"
    assert f"no share of a company, Yahoo calls it {kind}" in _account(told)["message"]


def test_a_running_price_of_an_earlier_session_is_no_close(evening: Evening) -> None:
    told = evening("running-price-of-an-earlier-session").prices(
        ["MSFT"], NOVEMBER, date(2021, 11, 18)
    )
    assert "2021-11-17" not in _close(told)
    assert _close(told)["2021-11-18"] == pytest.approx(341.27, abs=1e-4)
    assert "bar of 2021-11-17 left out: it is stamped 12:30" in _account(told)["message"]


def test_bars_of_midnight_utc_are_refused(evening: Evening) -> None:
    told = evening("stamps-at-midnight-utc").prices(["MSFT"], NOVEMBER, date(2021, 11, 18))
    assert told.rows.is_empty()
    assert _account(told)["outcome"] == "contract"


def test_too_many_requests_with_200_is_throttling(evening: Evening) -> None:
    told = evening("too-many-requests-with-200").prices(["MSFT"], NOVEMBER, date(2021, 11, 18))
    assert _account(told)["outcome"] == "throttled"


def test_two_splits_of_a_date_are_their_product(evening: Evening) -> None:
    source = evening("two-splits-one-date")
    told = source.prices(["MSFT"], NOVEMBER, date(2021, 11, 18))
    assert _account(told)["outcome"] == "ok"
    assert _close(told)["2021-11-15"] == pytest.approx(3 * 336.07, abs=1e-3)
    assert _close(told)["2021-11-16"] == pytest.approx(339.51, abs=1e-4)
    splits = source.splits(MSFT)
    assert splits.rows.select("ex_date", "ratio", "kind").rows() == [
        (date(2021, 11, 16), 3.0, "split")
    ]
    assert "2 splits of 2021-11-16, 1.5 and 2 for 1" in _account(splits)["message"]


def test_of_two_counts_of_a_date_the_one_that_is_borne_out_lands(evening: Evening) -> None:
    told = evening("two-share-counts-one-date", endpoint="shares").shares_outstanding(MSFT)
    counts = dict(told.rows.select("as_of_date", "shares_outstanding").iter_rows())
    assert counts[date(2021, 11, 12)] == 7432309760
    assert len(counts) == 3
    assert told.held is not None
    assert told.held["shares_outstanding"].to_list() == [7698290176]
    assert "2 counts of 2021-11-12" in _account(told)["message"]


def test_closes_that_a_split_moves_are_refused_until_they_are_right(evening: Evening) -> None:
    """The split is listed an evening before the history is divided by it."""
    first, landed = date(2021, 11, 1), pl.DataFrame()
    for run, day, is_refused in (("run1", 15, False), ("run2", 16, True), ("run3", 17, False)):
        now = f"2021-11-{day}T23:30:00"
        source = evening(f"split-listed-history-not-divided-{run}", "WRB", now)
        told = source.prices(["WRB"], first, date(2021, 11, day)).rows
        no_decision = ref.SplitDecisions.no_rows()
        actions = classify(source.splits({"WRB": first}).rows, no_decision)
        if landed.height:
            assert bool(refused_symbols(landed, told, actions, no_decision)) == is_refused
        landed = landed if is_refused else told
    closes = dict(landed.select("session_date", "close").iter_rows())
    assert closes[date(2021, 11, 9)] == pytest.approx(503.925, abs=1e-3)


def test_every_recorded_answer_is_served_here() -> None:
    code = Path(__file__).read_text()
    for path in CASES.glob("*.json"):
        assert isinstance(json.loads(path.read_text()), dict)
        assert path.stem.rsplit("-", 1)[0] in code, path.name
