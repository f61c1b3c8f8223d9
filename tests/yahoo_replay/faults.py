"""What can go wrong with an answer: how it is sent, and what is in it.

A fault of a chart may have a place (``PLACES``): the bar that it befalls.
"""

import copy
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from tests.yahoo_replay.market import CHICAGO, NEW_YORK, stamp

NOT_FOUND = {"code": "Not Found", "description": "No data found, symbol may be delisted"}


def _chart_error(code: str, description: str) -> dict[str, Any]:
    error = {"code": code, "description": description}
    return {"chart": {"result": None, "error": error}}


def _finance_error(code: str, description: str) -> dict[str, Any]:
    error = {"code": code, "description": description}
    return {"finance": {"result": None, "error": error}}


STATUSES: dict[str, tuple[int, Any]] = {
    "401": (401, _finance_error("Unauthorized", "Invalid Crumb")),
    "404": (404, {"chart": {"result": None, "error": NOT_FOUND}}),
    "400": (400, _chart_error("Bad Request",
                              "Data doesn't exist for startDate = 1, endDate = 2")),
    "422": (422, _chart_error("Unprocessable Entity",
                              "1d data not available for startTime=1 and endTime=2.")),
    "no_data_with_200": (200, _chart_error("Not Found", "No data found for this date range")),
    "451": (451, "<html>Unavailable For Legal Reasons</html>"),
    "500": (500, "<html>Internal Server Error</html>"),
    "503": (503, "Will be right back..."),
    "999": (999, "<html>Unable to process request at this time -- error 999</html>"),
    "429": (429, "Too Many Requests"),
    "too_many_json": (200, _finance_error("Too Many Requests", "Rate limited")),
    "too_many_text": (200, "Too Many Requests\r\n"),
    "too_many_chart": (200, _chart_error("Too Many Requests", "Try after a while.")),
    "too_many_403": (403, "Edge: Too Many Requests"),
    "right_back": (200, "<html>Will be right back...</html>"),
    "html": (200, "<html>blocked</html>"),
    "consent_page": (200, '<html><form action="/v2/collectConsent?sessionId=1" method="post">'
                          '<input name="csrfToken" value="x"></form></html>'),
    "empty_list": (200, {"chart": {"result": [], "error": None},
                          "timeseries": {"result": [], "error": None}}),
    "shares_none": (200, {"timeseries": {"result": [{"meta": {"symbol": ["X"]}}], "error": None}}),
    "shares_key_error": (200, {"timeseries": {}}),
}  # fmt: skip
"""Faults that are another answer altogether: status and body."""


def _ex_date(result: dict[str, Any]) -> int:
    """Return the place of the bar on the last split's date."""
    return int(result["timestamp"].index(_last_split(result)["date"]))


def _last_split(result: dict[str, Any]) -> dict[str, Any]:
    split: dict[str, Any] = max(result["events"]["splits"].values(), key=lambda one: one["date"])
    return split


PLACES: dict[str, Callable[[dict[str, Any]], int]] = {
    "first": lambda _: 0,
    "middle": lambda result: len(result["timestamp"]) // 2,
    "ex_date": _ex_date,
    "last but one": lambda result: len(result["timestamp"]) - 2,
    "last": lambda result: len(result["timestamp"]) - 1,
}
"""Places of a bar in a chart."""


def changed(
    kind: str, payload: dict[str, Any], now: float, place: str | None = None
) -> dict[str, Any]:
    """Return an answer with a fault in it; one without rows has nothing to go wrong.

    Args:
        kind: the fault.
        payload: a chart, or share counts.
        now: the moment that the server takes for now.
        place: of ``PLACES``; None: the last bar but one, or that after which a fault can be.
    """
    told = copy.deepcopy(payload)
    if "timeseries" in told:
        counts = told["timeseries"]["result"][0]
        if "timestamp" in counts:
            _COUNTS[kind](counts, place)
        return told
    result = told["chart"]["result"][0]
    if "timestamp" in result:
        if kind in _OF_A_SPLIT and not (result.get("events") or {}).get("splits"):
            return told
        if kind in OF_A_BAR:
            OF_A_BAR[kind](result, PLACES[place or "last but one"](result))
        else:
            _CHANGES[kind](result, now)
    return told


def _columns(result: dict[str, Any]) -> list[list[Any]]:
    indicators = result["indicators"]
    return [*indicators["quote"][0].values(), indicators["adjclose"][0]["adjclose"]]


# --- faults of one bar ----------------------------------------------------------------------------


def _again(result: dict[str, Any], at: int, moment: int, times: float = 1.1) -> None:
    """Repeat a bar at a moment, with prices that many times as high."""
    result["timestamp"].insert(at + 1, moment)
    for column in _columns(result):
        value = column[at]
        column.insert(at + 1, None if value is None else type(value)(value * times))


def _null_row(result: dict[str, Any], at: int) -> None:
    for column in _columns(result):
        column[at] = None


def _null_close(result: dict[str, Any], at: int) -> None:
    result["indicators"]["quote"][0]["close"][at] = None
    result["indicators"]["adjclose"][0]["adjclose"][at] = None


def _missing_bar(result: dict[str, Any], at: int) -> None:
    for column in (result["timestamp"], *_columns(result)):
        del column[at]


def _stamped(at_time: time) -> Callable[[dict[str, Any], int], None]:
    """Stamp a bar with another moment of its day, with prices that were no close."""

    def change(result: dict[str, Any], at: int) -> None:
        day = _day(result["timestamp"][at])
        result["timestamp"][at] = stamp(day, at_time)
        for column in _columns(result):
            column[at] = type(column[at])(column[at] * 1.01)

    return change


def _day(moment: int) -> date:
    return datetime.fromtimestamp(moment, NEW_YORK).date()


OF_A_BAR: dict[str, Callable[[dict[str, Any], int], None]] = {
    "null_row": _null_row,
    "null_close": _null_close,
    "null_volume": lambda r, at: r["indicators"]["quote"][0]["volume"].__setitem__(at, None),
    "duplicate": lambda r, at: _again(r, at, r["timestamp"][at]),
    "equal_duplicate": lambda r, at: _again(r, at, r["timestamp"][at], 1),
    "live_beside_official": lambda r, at: _again(r, at, r["timestamp"][at] + 3 * 3600),
    "missing_bar": _missing_bar,
    "midday_bar": _stamped(time(12, 30)),
    "midnight_bar": _stamped(time(0)),
}
"""Faults that befall one bar, wherever it is."""


# --- faults of a chart ----------------------------------------------------------------------------


def _metadata_only(result: dict[str, Any], _: float) -> None:
    del result["timestamp"]
    result["indicators"] = {"quote": [{}], "adjclose": [{}]}


def _fewer_rows(result: dict[str, Any], _: float) -> None:
    for column in (result["timestamp"], *_columns(result)):
        del column[-2:]


def _undivided(result: dict[str, Any], _: float) -> None:
    """Leave the bars before the last split as they were, though it is listed."""
    split = _last_split(result)
    ratio = split["numerator"] / split["denominator"]
    for column in (*list(result["indicators"]["quote"][0].values())[:4],
                   result["indicators"]["adjclose"][0]["adjclose"]):  # fmt: skip
        for place, moment in enumerate(result["timestamp"]):
            if moment < split["date"] and column[place] is not None:
                column[place] *= ratio


def _midnight_stamps(result: dict[str, Any], _: float) -> None:
    result["timestamp"] = [moment // 86400 * 86400 for moment in result["timestamp"]]


def _ghost_bar(result: dict[str, Any], _: float) -> None:
    """Add a flat bar without volume on the holiday of 2025-01-09."""
    moment = stamp(date(2025, 1, 9))
    if not result["timestamp"][0] < moment < result["timestamp"][-1]:
        return
    at = sum(other < moment for other in result["timestamp"]) - 1
    close = result["indicators"]["quote"][0]["close"][at]
    result["timestamp"].insert(at + 1, moment)
    for column in _columns(result):
        column.insert(at + 1, close)
    result["indicators"]["quote"][0]["volume"][at + 1] = 0


def _meta(**told: Any) -> Callable[[dict[str, Any], float], None]:
    return lambda result, _: result["meta"].update(told)


def _split(**told: Any) -> Callable[[dict[str, Any], float], None]:
    """Let the last split say something else; what is None, it does not say."""

    def change(result: dict[str, Any], _: float) -> None:
        split = _last_split(result)
        split.update(told)
        for name, value in told.items():
            if value is None:
                del split[name]

    return change


def _undated_split(result: dict[str, Any], _: float) -> None:
    split = _last_split(result)
    del split["date"]
    result["events"]["splits"] = {"": split}


def _listed_twice(result: dict[str, Any], _: float) -> None:
    """List the last split on the day before as well."""
    split = _last_split(result)
    day = split["date"] - 86_400
    result["events"]["splits"][str(day)] = {**split, "date": day}


def _told_as(
    shares: Callable[[int, int], list[tuple[int, int]]],
) -> Callable[[dict[str, Any], float], None]:
    """List several splits on the date of the last one, instead of it."""

    def change(result: dict[str, Any], _: float) -> None:
        split = _last_split(result)
        result["events"]["splits"] = {
            str(split["date"] + 60 * n): {
                "date": split["date"] + 60 * n,
                "numerator": new,
                "denominator": old,
                "splitRatio": f"{new}:{old}",
            }
            for n, (new, old) in enumerate(shares(split["numerator"], split["denominator"]))
        }

    return change


def _beside_its_text(result: dict[str, Any], _: float) -> None:
    _last_split(result)["numerator"] += 1


_CHANGES: dict[str, Callable[[dict[str, Any], float], None]] = {
    "metadata_only": _metadata_only,
    "fewer_rows": _fewer_rows,
    "live_after_official": lambda r, _: _again(
        r, len(r["timestamp"]) - 1, r["timestamp"][-1] + 3 * 3600
    ),
    "live_bar": lambda r, now: _again(r, len(r["timestamp"]) - 1, int(now)),
    "stamped_at_the_close": lambda r, _: r["timestamp"].__setitem__(
        -1, stamp(_day(r["timestamp"][-1]), time(16, 0))
    ),
    "midnight_stamps": _midnight_stamps,
    "ghost_bar": _ghost_bar,
    "ragged": lambda r, _: r["indicators"]["quote"][0]["close"].pop(),
    "text_price": lambda r, _: r["indicators"]["quote"][0]["close"].__setitem__(0, "n/a"),
    # splits
    "undivided": _undivided,
    "unlisted": lambda r, _: r["events"].pop("splits"),
    "split_of_zero": _split(numerator=0, splitRatio="0:1"),
    "split_by_zero": _split(denominator=0, splitRatio="2:0"),
    "negative_split": _split(numerator=-2, splitRatio="-2:1"),
    "half_a_split": _split(denominator=None),
    "absurd_split": _split(numerator=1_000_000, splitRatio="1000000:1"),
    "split_beside_its_text": _beside_its_text,
    "split_dated_by_its_key": _split(date=None),
    "undated_split": _undated_split,
    "two_splits": _told_as(lambda new, old: [(2 * new, old), (1, 2)]),
    "the_split_a_day_early_too": _listed_twice,
    "the_split_twice": _told_as(lambda new, old: [(new, old), (new, old)]),
    # what the answer is about
    "wrong_symbol": _meta(symbol="OTHER"),
    "other_currency": _meta(currency="EUR"),
    "no_currency": _meta(currency=None),
    "fund": _meta(instrumentType="ETF"),
    "mutual_fund": _meta(instrumentType="MUTUALFUND"),
    "index": _meta(instrumentType="INDEX"),
    "no_kind": _meta(instrumentType=None),
    "other_zone": _meta(exchangeTimezoneName="Europe/London"),
    "chicago": _meta(exchangeTimezoneName=CHICAGO.key),
    "hourly": _meta(dataGranularity="1h"),
    "recycled_ticker": lambda r, _: r["meta"].update(
        firstTradeDate=r["timestamp"][len(r["timestamp"]) // 2]
    ),
}
"""Faults of a chart as a whole."""

_OF_A_SPLIT = {
    "undivided", "unlisted", "split_of_zero", "split_by_zero", "negative_split", "half_a_split",
    "absurd_split", "split_beside_its_text", "split_dated_by_its_key", "undated_split",
    "two_splits", "the_split_a_day_early_too", "the_split_twice",
}  # fmt: skip
"""Faults that a chart without a split cannot have."""


# --- faults of share counts -----------------------------------------------------------------------


def _second_count(counts: dict[str, Any], place: str | None) -> None:
    """Report a date twice, the second time 4 % more."""
    at = {"first": 0, "middle": len(counts["timestamp"]) // 2}.get(
        place or "last", len(counts["timestamp"]) - 1
    )
    counts["timestamp"].insert(at + 1, counts["timestamp"][at] + 1)
    counts["shares_out"].insert(at + 1, round(counts["shares_out"][at] * 1.04))


def _alternating(counts: dict[str, Any], _: str | None) -> None:
    counts["shares_out"] = [
        round(n * (1.04 if place % 2 else 1)) for place, n in enumerate(counts["shares_out"])
    ]


def _saying(name: str, value: Any) -> Callable[[dict[str, Any], str | None], None]:
    def say(counts: dict[str, Any], _: str | None) -> None:
        counts["meta"][name] = value

    return say


_COUNTS: dict[str, Callable[[dict[str, Any], str | None], None]] = {
    "second_count": _second_count,
    "alternating_counts": _alternating,
    "counts_of_another": _saying("symbol", ["OTHER"]),
    "counts_of_another_alone": _saying("symbol", "OTHER"),
    "counts_of_several": _saying("symbol", ["AAA", "OTHER"]),
    "counts_of_another_kind": _saying("type", ["quarterlyFloatShares"]),
    "counts_of_nobody": _saying("symbol", None),
    "counts_in_small_letters": _saying("symbol", "aaa"),
}
