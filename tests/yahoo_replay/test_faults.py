"""Every fault of Yahoo or the way to it: what becomes of the symbol, and of the others."""

import copy
import functools
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from assets.market import calendar
from assets.raw.delivery import first_gate
from assets.sources import Delivery
from assets.sources.yahoo import YahooSource
from assets.sources.yahoo.session import Policy
from tests.yahoo_replay.faults import OF_A_BAR, PLACES
from tests.yahoo_replay.market import Market
from tests.yahoo_replay.replay import Replay, serving
from warehouse.responses import ResponseStore
from warehouse.schemas import raw

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "tests" / "small_market"
NOW = "2025-01-16T23:30:00"
SYMBOLS = ["AAA", "BBB", "CCC"]
FIRST, LAST = date(2025, 1, 2), date(2025, 1, 16)
HASTY = functools.partial(
    Policy,
    requests_per_second=0,
    attempts=3,
    first_wait_seconds=0.01,
    longest_wait_seconds=0.5,
    timeout_seconds=0.6,
)

FAULTS = {
    # fault: (as docs/yahoo.md calls it, outcome while it lasts, sessions delivered of 10,
    #         attempts if it happens once)
    "429": ("429, with or without Retry-After", "throttled", 0, 2),
    "too_many_json": ("200 that says Too Many Requests as JSON", "throttled", 0, 2),
    "too_many_chart": ("200 that says so as a chart's error", "throttled", 0, 2),
    "too_many_text": ("200 that says so in plain text", "throttled", 0, 2),
    "too_many_403": ("403 that says so", "throttled", 0, 2),
    "401": ("401", "auth", 0, 2),
    "404": ("404", "not_found", 0, 2),
    "400": ("400, no data for the range", "no_data", 0, 2),
    "422": ("422, no data for the interval", "no_data", 0, 2),
    "no_data_with_200": ("200 that says there is no data for the range", "no_data", 0, 1),
    "451": ("451", "contract", 0, 2),
    "500": ("500", "transient", 0, 2),
    "503": ("503", "transient", 0, 2),
    "right_back": ("200 that says Will be right back", "transient", 0, 2),
    "999": ("999", "transient", 0, 2),
    "empty_list": ("an empty list of results", "contract", 0, 1),
    "metadata_only": ("metadata without bars", "no_data", 0, 1),
    "null_row": ("a bar of nulls", "ok", 9, 1),
    "null_close": ("a bar without a close", "ok", 9, 1),
    "null_volume": ("a bar without a volume", "ok", 10, 1),
    "truncated": ("JSON cut in half", "contract", 0, 2),
    "html": ("HTML instead of JSON", "contract", 0, 2),
    "consent_page": ("the page that asks for consent", "contract", 0, 2),
    "consent_redirect": ("a redirect to that page", "contract", 0, 2),
    "redirect": ("a redirect to another host of Yahoo", "ok", 10, 1),
    "gzip": ("a compressed body", "ok", 10, 1),
    "gzip_cut": ("a compressed body cut in half", "contract", 0, 2),
    "chunked": ("a body in chunks", "ok", 10, 1),
    "chunked_cut": ("a body in chunks without the last", "transient", 0, 2),
    "reset": ("the connection is reset", "transient", 0, 2),
    "reset_in_body": ("reset within the body", "transient", 0, 2),
    "cut_body": ("the body ends early", "transient", 0, 2),
    "duplicate": ("two bars of a session that contradict each other", "ok", 9, 1),
    "equal_duplicate": ("two equal bars of a session", "ok", 10, 1),
    "missing_bar": ("a bar is missing", "ok", 9, 1),
    "midday_bar": ("a bar stamped at 12:30, of any session", "ok", 9, 1),
    "midnight_bar": ("a bar stamped at midnight", "ok", 9, 1),
    "midnight_stamps": ("all bars stamped at midnight UTC", "contract", 0, 1),
    "ghost_bar": ("a flat bar on a holiday", "ok", 10, 1),
    "live_beside_official": ("the running price beside the official bar", "ok", 10, 1),
    "stamped_at_the_close": ("the last bar stamped at the close", "ok", 10, 1),
    "live_after_official": ("the running price after the official bar", "ok", 10, 1),
    "live_bar": ("the running price as a further bar", "ok", 10, 1),
    "wrong_symbol": ("the answer is about another symbol", "contract", 0, 1),
    "other_currency": ("prices in another currency", "contract", 0, 1),
    "no_currency": ("prices in no currency", "contract", 0, 1),
    "fund": ("a fund where a company's share was asked for", "contract", 0, 1),
    "mutual_fund": ("a mutual fund", "contract", 0, 1),
    "index": ("an index", "contract", 0, 1),
    "no_kind": ("an instrument of no kind", "contract", 0, 1),
    "other_zone": ("an exchange in London", "contract", 0, 1),
    "chicago": ("a share of an exchange in Chicago", "contract", 0, 1),
    "hourly": ("bars of an hour", "contract", 0, 1),
    "recycled_ticker": ("first traded later than its bars", "contract", 0, 1),
    "ragged": ("columns of different length", "contract", 0, 1),
    "text_price": ("a price that is no number", "contract", 0, 1),
    "fewer_rows": ("fewer bars than sessions", "ok", 8, 1),
    "split_of_zero": ("a split of 0 shares for 1", "partial", 5, 1),
    "split_by_zero": ("a split of 2 shares for 0", "partial", 5, 1),
    "negative_split": ("a split of less than nothing", "partial", 5, 1),
    "half_a_split": ("a split without its denominator", "partial", 5, 1),
    "absurd_split": ("a split of 1,000,000 shares for 1", "partial", 5, 1),
    "split_beside_its_text": ("a split whose ratio is not that of its text", "partial", 5, 1),
    "the_split_twice": ("the same split twice on a date", "partial", 5, 1),
    "the_split_a_day_early_too": ("a split on its date and a day early", "partial", 5, 1),
    "undated_split": ("a split without any date", "partial", 0, 1),
    "split_dated_by_its_key": ("a split whose date only its key says", "ok", 10, 1),
    "two_splits": ("two splits on a date", "ok", 10, 1),
}
LANDS = {"ok", "partial"}
STALL = ("no answer for 60 seconds", "transient", 0, 2)


def _line(name: str, outcome: str, sessions: int, attempts: int) -> str:
    """Say what becomes of a fault, as docs/yahoo.md has it."""
    lasting = {0: f"`{outcome}`, nothing lands of the symbol", 10: "landed whole"}.get(
        sessions, "`partial`: the sessions that are missing are asked for again, the others land"
    )
    once = {10: "landed whole"}.get(
        sessions, "asked again, landed whole" if attempts > 1 else "landed whole by the next run"
    )
    return f"| {name} | {lasting} | {once} |"


def test_the_table_in_the_docs_says_what_is_tested_here():
    written = (ROOT / "docs" / "yahoo.md").read_text().splitlines()
    assert [line for line in written if line.startswith("| ")][1:] == [
        _line(*told) for told in [*FAULTS.values(), STALL]
    ]


@pytest.fixture(scope="module")
def served():
    with serving(Market.read(SMALL), NOW) as replay:
        yield replay


@pytest.fixture
def replay(served: Replay, monkeypatch: pytest.MonkeyPatch) -> Replay:
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    served.clear()
    served.now = datetime.fromisoformat(NOW).replace(tzinfo=UTC)
    return served


@pytest.fixture
def source(replay: Replay, tmp_path: Path) -> YahooSource:
    return _source(tmp_path)


def _source(folder: Path, now: str = NOW, **policy: object) -> YahooSource:
    return YahooSource(
        ResponseStore(folder / "responses"),
        folder / "state",
        HASTY(**policy),
        FIRST,
        datetime.fromisoformat(now).replace(tzinfo=UTC),
    )


def _account(delivery: Delivery, symbol: str = "AAA") -> dict:
    return delivery.accounts.filter(pl.col("symbol") == symbol).row(0, named=True)


def _closes(delivery: Delivery, symbol: str) -> list[float]:
    """Return the closes that are delivered of sessions."""
    is_session = pl.col("session_date").is_in(calendar.sessions(FIRST, LAST))
    rows = delivery.rows.filter((pl.col("symbol") == symbol) & is_session)
    return rows.sort("session_date")["close"].to_list()


def _as_recorded(symbol: str) -> list[float]:
    recorded = pl.read_csv(SMALL / "prices.csv", schema_overrides={"close": pl.Float64})
    return recorded.filter(pl.col("symbol") == symbol)["close"].to_list()


def test_prices_splits_counts_and_levels_are_those_served(source):
    prices = source.prices(SYMBOLS, FIRST, LAST)
    for symbol in SYMBOLS:
        # AAA is split 2:1 within the window: the prices before it are as traded all the same.
        assert _closes(prices, symbol) == _as_recorded(symbol)
        assert _account(prices, symbol)["outcome"] == "ok"
    assert source.splits(dict.fromkeys(SYMBOLS, FIRST)).rows.select(
        "symbol", "ex_date", "ratio"
    ).rows() == [("AAA", date(2025, 1, 8), 2.0)]
    counts = source.shares_outstanding(SYMBOLS)
    assert dict(counts.rows.select("symbol", "shares_outstanding").rows()) == {
        "AAA": 1e6, "CCC": 5e6,
    }  # fmt: skip
    assert _account(counts, "BBB")["outcome"] == "no_data"
    levels = source.index_levels(dict.fromkeys(["^IDX"], FIRST))
    assert levels.rows["close"].to_list()[-1] == 94.0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_lasts(source, replay, fault, tmp_path):
    _, outcome, sessions, _ = FAULTS[fault]
    replay.fault("chart", "AAA", fault)
    delivery = source.prices(SYMBOLS, FIRST, LAST)
    account = _account(delivery)
    assert account["outcome"] == outcome
    assert outcome == "ok" or account["message"]
    told = _closes(delivery, "AAA")
    assert len(told) == sessions
    # No bar that was never traded, and the others are whole.
    assert set(told) <= set(_as_recorded("AAA"))
    for symbol in ("BBB", "CCC"):
        assert _closes(delivery, symbol) == _as_recorded(symbol)
    # Gone, it leaves nothing behind: the next run of the same process has all.
    replay.clear()
    if outcome in LANDS:
        ResponseStore(tmp_path / "responses").close()
    assert _closes(_source(tmp_path).prices(SYMBOLS, FIRST, LAST), "AAA") == _as_recorded("AAA")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_is_mended_by_asking_again_or_by_the_next_run(
    source, replay, fault, tmp_path
):
    _, outcome, sessions, attempts = FAULTS[fault]
    replay.fault("chart", "AAA", fault, times=1)
    delivery = source.prices(SYMBOLS, FIRST, LAST)
    account = _account(delivery)
    assert account["attempts"] == attempts
    if attempts > 1:
        assert (account["outcome"], _closes(delivery, "AAA")) == ("ok", _as_recorded("AAA"))
        return
    assert (account["outcome"], len(_closes(delivery, "AAA"))) == (outcome, sessions)
    if outcome in LANDS:
        ResponseStore(tmp_path / "responses").close()
    assert _closes(source.prices(SYMBOLS, FIRST, LAST), "AAA") == _as_recorded("AAA")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", OF_A_BAR)
def test_a_fault_of_a_bar_is_the_same_at_every_place(source, replay, fault, place):
    _, outcome, sessions, _ = FAULTS[fault]
    replay.fault("chart", "AAA", fault, value=place)
    delivery = source.prices(SYMBOLS, FIRST, LAST)
    account = _account(delivery)
    assert (account["outcome"], len(_closes(delivery, "AAA"))) == (outcome, sessions)
    assert set(_closes(delivery, "AAA")) <= set(_as_recorded("AAA"))
    # What is taken out is said; that a bar has not come, the outcomes say by counting.
    assert account["message"] or fault in {"missing_bar", "null_volume"}
    # Whatever becomes of the bar, the split stays on its date.
    told = source.splits({"AAA": FIRST}).rows
    assert told.select("ex_date", "ratio").rows() == [(date(2025, 1, 8), 2.0)]


@pytest.mark.parametrize(
    ("fault", "says"),
    [("consent_redirect", "consent"), ("consent_page", "consent"), ("422", "not available"),
     ("midnight_stamps", "opening of a session (09:30 America/New_York)"),
     ("mutual_fund", "no share of a company, Yahoo calls it MUTUALFUND"),
     ("other_currency", "prices are in EUR, not in USD"),
     ("no_currency", "prices are in a currency not named, not in USD"),
     ("no_kind", "no share of a company, Yahoo calls it nothing"),
     ("wrong_symbol", "the answer is about OTHER"),
     ("other_zone", "the exchange's time zone is Europe/London"),
     ("hourly", "bars are of 1h, not of a day"),
     ("chicago", "America/Chicago"), ("recycled_ticker", "first traded on 2025-01-10"),
     ("split_of_zero", "in doubt, prices with it: split of 2025-01-08: numerator 0"),
     ("split_beside_its_text", "numerator 3, denominator 1 beside '2:1'"),
     ("two_splits", "2 splits of 2025-01-08, 4 and 0.5 for 1, are a split of 2"),
     ("midday_bar", "bar of 2025-01-15 left out: it is stamped 12:30")],
)  # fmt: skip
def test_a_fault_says_what_it_is(source, replay, fault, says):
    replay.fault("chart", "AAA", fault)
    assert says in _account(source.prices(["AAA"], FIRST, LAST))["message"]


def test_a_bar_of_a_holiday_is_delivered_and_the_first_gate_refuses_it(source, replay):
    replay.fault("chart", "*", "ghost_bar")
    delivery = source.prices(SYMBOLS, FIRST, LAST)
    gated = first_gate(delivery.rows, raw.Prices, SYMBOLS, LAST)
    assert (gated.passed.height, gated.quarantined.height) == (30, 3)
    assert gated.quarantined["row_date"].unique().to_list() == [date(2025, 1, 9)]


def test_a_refusal_with_status_200_pauses_as_any_other(replay, tmp_path):
    source = _source(tmp_path, throttled_in_a_row=2)
    replay.fault("chart", "*", "too_many_json")
    outcomes = source.prices(SYMBOLS, FIRST, LAST).accounts["outcome"].to_list()
    assert outcomes == ["throttled", "throttled", "skipped"]


def test_what_was_left_out_of_an_answer_is_said(source, replay):
    for symbol, fault in zip(
        SYMBOLS, ("duplicate", "live_after_official", "null_row"), strict=True
    ):
        replay.fault("chart", symbol, fault)
    delivery = source.prices(SYMBOLS, FIRST, LAST)
    assert [_account(delivery, symbol)["message"] for symbol in SYMBOLS] == [
        "contradicting bars of 2025-01-15 left out", "running price of 2025-01-16 left out",
        "1 bars without a close left out",
    ]  # fmt: skip


def test_a_volume_that_is_not_known_is_no_zero(source, replay):
    replay.fault("chart", "CCC", "null_volume")
    rows = source.prices(SYMBOLS, FIRST, LAST).rows.filter(pl.col("symbol") == "CCC")
    assert rows.sort("session_date")["volume"].to_list()[-2:] == [None, 1000]


def test_an_unfinished_session_is_left_out(replay, tmp_path):
    # 16 January at noon in New York: the bar of the day is there, and grows.
    delivery = _source(tmp_path, "2025-01-16T17:00:00").prices(SYMBOLS, FIRST, LAST)
    assert delivery.rows["session_date"].max() == date(2025, 1, 15)
    assert _account(delivery)["outcome"] == "ok"


def test_a_stall_is_given_up_and_asked_again(source, replay):
    replay.fault("chart", "AAA", "stall", times=1, value=60)
    assert _account(source.prices(SYMBOLS, FIRST, LAST))["attempts"] == 2
    replay.fault("chart", "BBB", "stall", value=60)
    lasting = _account(source.index_levels(dict.fromkeys(["BBB"], FIRST)), "BBB")
    assert (lasting["outcome"], lasting["attempts"]) == (STALL[1], 3)


@pytest.mark.parametrize("value", ["0.3", "seconds from now"])
def test_retry_after_is_waited_for(source, replay, value):
    if value != "0.3":
        value = "Wed, 01 Jan 2020 00:00:00 GMT"
    replay.fault("chart", "AAA", "429", times=1, value=value)
    assert _account(source.prices(["AAA"], FIRST, LAST))["attempts"] == 2
    first, second = (r.at for r in replay.log if r.endpoint == "chart")
    assert second - first >= (0.3 if value == "0.3" else 0)


def test_a_retry_after_that_no_run_waits_for_ends_the_attempts(source, replay):
    replay.fault("chart", "AAA", "429", value=3600)
    account = _account(source.prices(["AAA"], FIRST, LAST))
    assert (account["outcome"], account["attempts"]) == ("throttled", 1)
    assert "asked again in 3600 s" in account["message"]


def test_after_some_refusals_no_more_is_asked_and_later_it_is(replay, tmp_path):
    source = _source(tmp_path, throttled_in_a_row=2, pause_seconds=0.5)
    replay.fault("chart", "*", "429")
    outcomes = source.prices(SYMBOLS, FIRST, LAST).accounts["outcome"].to_list()
    assert outcomes == ["throttled", "throttled", "skipped"]
    assert replay.asked("chart", "CCC") == 0
    replay.clear()
    import time

    time.sleep(0.5)
    assert source.prices(SYMBOLS, FIRST, LAST).accounts["outcome"].to_list() == ["ok"] * 3


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("shares_none", "no_data"), ("shares_key_error", "contract"), ("empty_list", "contract"),
     ("429", "throttled"), ("404", "not_found"), ("500", "transient"), ("html", "contract")],
)  # fmt: skip
def test_share_counts_that_do_not_come(source, replay, fault, outcome):
    replay.fault("shares", "AAA", fault)
    delivery = source.shares_outstanding(SYMBOLS)
    assert _account(delivery)["outcome"] == outcome
    assert delivery.rows["symbol"].to_list() == ["CCC"]
    replay.clear()
    assert "AAA" in source.shares_outstanding(SYMBOLS).rows["symbol"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [("counts_of_another", "the share counts are about OTHER"),
     ("counts_of_another_alone", "the share counts are about OTHER"),
     ("counts_of_several", "the share counts are about AAA, OTHER"),
     ("counts_of_another_kind", "the counts are of quarterlyFloatShares")],
)  # fmt: skip
def test_share_counts_of_another_do_not_land(source, replay, fault, message):
    replay.fault("shares", "AAA", fault)
    delivery = source.shares_outstanding(SYMBOLS)
    assert delivery.rows["symbol"].to_list() == ["CCC"]
    account = _account(delivery)
    assert (account["outcome"], account["message"]) == ("contract", message)


@pytest.mark.parametrize("fault", ["counts_of_nobody", "counts_in_small_letters"])
def test_share_counts_that_are_not_said_to_be_anothers_land(source, replay, fault):
    replay.fault("shares", "AAA", fault)
    assert _account(source.shares_outstanding(SYMBOLS))["outcome"] == "ok"


NO_SENTENCE = re.compile(
    r"Error|Exception|Traceback|NoneType|object has|Timestamp|dtype|subscript|out of range|None"
)
"""What a message has where Python wrote it."""

GONE = object()
MILLISECONDS = 1_736_173_800_000


def _chart(path: str = "", value: object = None) -> object:
    """Return AAA's chart, with another value at a path below its result."""
    told = Market.read(SMALL).chart("AAA", 0, 4e9, datetime.fromisoformat(NOW).replace(tzinfo=UTC))
    return _with(told, f"chart/result/0/{path}", value) if path else told


def _counts(path: str = "", value: object = None) -> object:
    told = Market.read(SMALL).shares("AAA", 0, 4e9)
    return _with(told, f"timeseries/result/0/{path}", value) if path else told


def _with(told: object, path: str, value: object) -> object:
    *above, name = (int(part) if part.isdigit() else part for part in path.split("/"))
    part = told = copy.deepcopy(told)
    for step in above:
        part = part[step]
    if value is GONE:
        del part[name]
    else:
        part[name] = value
    return told


NO_CHARTS = [
    (b"null", "the answer is nothing, and no chart"),
    (b"[]", "the answer is a list with nothing in it, and no chart"),
    (b'""', "the answer is '', and no chart"),
    (b"7", "the answer is 7, and no chart"),
    (b"true", "the answer is true, and no chart"),
    (b"{}", "the answer has no chart"),
    (b"", "no whole JSON: the body is empty"),
    (b'{"chart": [1', "no whole JSON: 12 bytes, which cannot be read from character 13 on"),
    ({"chart": None}, "the chart of the answer is nothing"),
    ({"chart": "x"}, "the chart of the answer is 'x'"),
    ({"chart": {}}, "the result of the answer is nothing"),
    ({"chart": {"result": None, "error": None}}, "the result of the answer is nothing"),
    ({"chart": {"result": None, "error": {}}}, "the result of the answer is nothing"),
    ({"chart": {"result": None, "error": "closed"}}, "closed"),
    ({"chart": {"result": [None]}}, "the result of the answer is nothing"),
    ({"chart": {"result": {}}}, "the result of the answer is an object with nothing in it"),
]


@pytest.mark.parametrize(("body", "says"), NO_CHARTS)
def test_a_body_that_is_no_chart_is_said_in_words(source, replay, body, says):
    replay.fault("chart", "AAA", "answer", value=body)
    account = _account(source.prices(["AAA"], FIRST, LAST))
    assert account["outcome"] == "contract"
    assert says in account["message"]
    assert not NO_SENTENCE.search(account["message"])


BROKEN = [
    ("meta", GONE, "the answer is about nothing"),
    ("meta", None, "the answer is about nothing"),
    ("meta", 5, "the meta of the answer is 5"),
    ("meta/symbol", GONE, "the answer is about nothing"),
    ("meta/firstTradeDate", MILLISECONDS, "first traded at 1736173800000, Yahoo says, which is no"),
    ("meta/firstTradeDate", 10**18, "which is no moment in seconds"),
    ("meta/firstTradeDate", -(10**18), "which is no moment in seconds"),
    ("meta/firstTradeDate", float("inf"), "which is no moment in seconds"),
    ("meta/firstTradeDate", "1735828200", "which is no moment in seconds"),
    ("meta/firstTradeDate", True, "first traded at true"),
    ("meta/firstTradeDate", [1], "first traded at a list"),
    ("meta/firstTradeDate", 1_736_173_800.5, "it has bars from 2025-01-02"),
    ("meta/exchangeTimezoneName", [], "the exchange's time zone is a list with nothing in it"),
    ("meta/exchangeTimezoneName", None, "the exchange's time zone is nothing"),
    ("meta/dataGranularity", {}, "bars are of an object with nothing in it, not of a day"),
    ("meta/currency", 5, "prices are in 5, not in USD"),
    ("timestamp", "x", "the stamps of the bars are 'x'"),
    ("timestamp", [None] * 10, "the stamp of a bar is nothing: no whole seconds"),
    ("timestamp", [MILLISECONDS] * 10, "the stamp of a bar is 1736173800000: no whole seconds"),
    ("timestamp/3", None, "the stamp of a bar is nothing: no whole seconds"),
    ("timestamp/3", 10**18, "the stamp of a bar is 1000000000000000000: no whole seconds"),
    ("timestamp/3", GONE, "differ in length: 10 values of open for 9 bars"),
    ("indicators", GONE, "column open of the bars is nothing"),
    ("indicators", "x", "the indicators of the answer is 'x'"),
    ("indicators/quote", 5, "the quotes of the answer are 5"),
    ("indicators/quote", ["x"], "the quotes of the answer are 'x'"),
    ("indicators/quote", [None], "column open of the bars is nothing"),
    ("indicators/quote/0/close", GONE, "column close of the bars is nothing"),
    ("indicators/quote/0/close", [1.0], "differ in length: 1 values of close for 10 bars"),
    ("indicators/quote/0/close/3", "102", "a value of close is no number that it can be: '102'"),
    ("indicators/quote/0/close/3", True, "a value of close is no number that it can be: true"),
    ("indicators/quote/0/volume/3", 1e300, "a value of volume is no number that it can be: 1e+300"),
    ("indicators/quote/0/volume/3", 10**400, "a value of volume is no number that it can be: 1000"),
    ("indicators/quote/0/volume/3", float("inf"), "a value of volume is no number that it can be"),
    ("events", {"splits": 5}, "splits of the answer are no events"),
]


@pytest.mark.parametrize(("path", "value", "says"), BROKEN)
def test_a_chart_of_another_shape_is_said_in_words(source, replay, path, value, says):
    replay.fault("chart", "AAA", "answer", value=_chart(path, value))
    account = _account(source.prices(["AAA"], FIRST, LAST))
    assert account["outcome"] == "contract"
    assert says in account["message"]
    assert not NO_SENTENCE.search(account["message"])


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [("events", {"splits": {"": None}}, "a split of nothing for nothing without a date"),
     ("events", {"splits": {"": {"date": 0, "numerator": 2, "denominator": 1}}},
      "a split of 2 for 1 without a date"),
     ("events", {"splits": {"": {"date": MILLISECONDS, "splitRatio": "2:1"}}},
      "a split of 2:1 without a date"),
     ("events", {"splits": {"": {"date": 1736346600, "numerator": None, "denominator": 1}}},
      "numerator nothing, denominator 1 make no ratio"),
     ("events", {"dividends": {"": None}}, "dividend of nothing left out: it has no date"),
     ("events", {"dividends": {"": {"date": MILLISECONDS, "amount": 1}}},
      "dividend of 1 left out: it has no date")],
)  # fmt: skip
def test_an_event_of_another_shape_is_said_in_words(source, replay, path, value, says):
    replay.fault("chart", "AAA", "answer", value=_chart(path, value))
    account = _account(source.prices(["AAA"], FIRST, LAST))
    assert account["outcome"] == ("partial" if "splits" in value else "ok")
    assert says in account["message"]
    assert not NO_SENTENCE.search(account["message"])


@pytest.mark.parametrize(
    "value", [None, 5, "x", {"regular": 5}, {"regular": {"start": MILLISECONDS}}]
)
def test_an_index_whose_session_is_told_in_another_shape_lands_or_says_so(source, replay, value):
    told = _with(_chart("meta/currentTradingPeriod", value), "chart/result/0/meta/currency", None)
    told["chart"]["result"][0]["meta"] |= {
        "instrumentType": "INDEX",
        "exchangeTimezoneName": "America/Chicago",
    }
    replay.fault("chart", "AAA", "answer", value=told)
    delivery = source.index_levels({"AAA": FIRST})
    account = _account(delivery)
    if account["outcome"] == "ok":
        assert delivery.rows.height == 10
    else:
        assert account["outcome"] == "contract"
        assert account["message"] in {
            f"the currentTradingPeriod of the answer is {value!r}",
            "the regular of the answer is 5",
        }


@pytest.mark.parametrize(
    ("told", "says"),
    [(b"null", "the answer is nothing, and no timeseries"),
     (b"[]", "the answer is a list with nothing in it, and no timeseries"),
     (b"{}", "the answer has no timeseries"),
     ({"timeseries": {"result": None}}, "the result of the answer is nothing"),
     ({"timeseries": {"result": [None]}}, "the result of the answer is nothing"),
     (_counts("timestamp", GONE), "the dates of the share counts are nothing"),
     (_counts("timestamp", []), "1 share counts have 0 dates"),
     (_counts("timestamp/0", MILLISECONDS), "a share count is dated 1736173800000: no moment"),
     (_counts("timestamp/0", None), "a share count is dated nothing: no moment in seconds"),
     (_counts("timestamp/0", "x"), "a share count is dated 'x': no moment in seconds"),
     (_counts("shares_out", None), "the share counts are nothing"),
     (_counts("shares_out", 5), "the share counts are 5"),
     (_counts("shares_out", []), "0 share counts have 1 dates"),
     (_counts("shares_out/0", None), "a share count is nothing"),
     (_counts("shares_out/0", "1000"), "a share count is '1000'"),
     (_counts("shares_out/0", float("nan")), "a share count is nan")],
)  # fmt: skip
def test_share_counts_of_another_shape_are_said_in_words(source, replay, told, says):
    replay.fault("shares", "AAA", "answer", value=told)
    delivery = source.shares_outstanding(SYMBOLS)
    account = _account(delivery)
    assert account["outcome"] == "contract"
    assert says in account["message"]
    assert not NO_SENTENCE.search(account["message"])
    assert delivery.rows["symbol"].to_list() == ["CCC"]


def test_prices_that_yahoo_rounded_are_off_by_that_times_the_ratio(source, replay, monkeypatch):
    """Yahoo rounds the adjusted price to a cent: half a cent, twice as much before a 2:1 split."""
    odd = [{**bar, "close": bar["close"] + 0.013} for bar in replay.market.bars["AAA"]]
    rounding = replace(replay.market, bars={"AAA": odd}, round_to=2)
    monkeypatch.setattr(replay, "market", rounding)
    closes = _closes(source.prices(["AAA"], FIRST, LAST), "AAA")
    ex_date = date(2025, 1, 8)
    off = [abs(bar["close"] - close) for bar, close in zip(odd, closes, strict=True)]
    allowed = [0.005 * (2 if bar["session_date"] < ex_date else 1) + 1e-9 for bar in odd]
    assert all(o <= a for o, a in zip(off, allowed, strict=True))
    assert max(off) > 0.002


def test_an_event_whose_bar_is_missing_for_an_evening_stays_on_its_date(
    source, replay, monkeypatch
):
    """The client moves it to the bar before, which would then be taken for one in the new basis."""
    ex_date = date(2025, 1, 8)
    bars = [bar for bar in replay.market.bars["AAA"] if bar["session_date"] != ex_date]
    without = replace(replay.market, bars={"AAA": bars}, dividends={"AAA": [(ex_date, 0.5)]})
    monkeypatch.setattr(replay, "market", without)
    prices = source.prices(["AAA"], FIRST, LAST)
    assert _closes(prices, "AAA") == [bar["close"] for bar in bars]
    assert f"split of {ex_date} kept on its date, which has no bar" in _account(prices)["message"]
    since = {"AAA": FIRST}
    assert source.splits(since).rows.select("ex_date", "ratio").rows() == [(ex_date, 2.0)]
    assert source.dividends(since).rows.select("ex_date", "amount_usd").rows() == [(ex_date, 0.5)]


def test_an_unknown_symbol_is_not_found(source):
    assert _account(source.prices(["NOBODY"], FIRST, LAST), "NOBODY")["outcome"] == "not_found"


def test_a_stopped_fetch_goes_on_where_it_stopped(replay, tmp_path):
    replay.fault("chart", "CCC", "reset")
    _source(tmp_path).prices(SYMBOLS, FIRST, LAST)
    replay.clear()
    again = _source(tmp_path).prices(SYMBOLS, FIRST, LAST)
    assert again.accounts["outcome"].to_list() == ["ok"] * 3
    assert [replay.asked("chart", symbol) for symbol in SYMBOLS] == [0, 0, 1]


def test_splits_and_dividends_come_with_the_prices_and_ask_nothing(source, replay):
    source.prices(SYMBOLS, FIRST, LAST)
    asked = replay.asked("chart")
    source.splits(dict.fromkeys(SYMBOLS, FIRST))
    source.dividends(dict.fromkeys(SYMBOLS, FIRST))
    assert replay.asked("chart") == asked == 3


def test_answers_are_stored_once_and_are_the_bytes_that_came(source, replay, tmp_path):
    delivery = source.prices(SYMBOLS, FIRST, LAST)
    store = ResponseStore(tmp_path / "responses")
    ids = delivery.rows["response_id"].unique()
    assert len(ids) == 3
    for response_id in ids:
        assert b'"chart"' in store.body(response_id)
        (fetch,) = store.fetches(response_id)
        assert "crumb" not in fetch.url
        assert fetch.status == 200


def test_only_yahoo_is_asked_and_the_home_folder_is_left_alone(
    source, replay, tmp_path, monkeypatch
):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    source.prices(SYMBOLS, FIRST, LAST)
    assert replay.refused == []
    assert list(home.iterdir()) == []
    assert (tmp_path / "state").exists()
