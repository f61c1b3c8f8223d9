"""What can go wrong with an answer: how it is sent, and what is in it."""

import copy
from collections.abc import Callable
from typing import Any

NOT_FOUND = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
NO_RANGE = {
    "code": "Bad Request",
    "description": "Data doesn't exist for startDate = 1, endDate = 2",
}

STATUSES: dict[str, tuple[int, Any]] = {
    "401": (401, {"finance": {"result": None, "error": {"code": "Unauthorized",
                                                          "description": "Invalid Crumb"}}}),
    "404": (404, {"chart": {"result": None, "error": NOT_FOUND}}),
    "400": (400, {"chart": {"result": None, "error": NO_RANGE}}),
    "500": (500, "<html>Internal Server Error</html>"),
    "503": (503, "Will be right back..."),
    "429": (429, "Too Many Requests"),
    "html": (200, "<html>blocked</html>"),
    "empty_list": (200, {"chart": {"result": [], "error": None},
                          "timeseries": {"result": [], "error": None}}),
    "shares_none": (200, {"timeseries": {"result": [{"meta": {"symbol": ["X"]}}], "error": None}}),
    "shares_key_error": (200, {"timeseries": {}}),
}  # fmt: skip
"""Faults that are another answer altogether: status and body."""


def changed(kind: str, payload: dict[str, Any], now: float) -> dict[str, Any]:
    """Return a chart with a fault in it; a chart without bars has nothing to go wrong."""
    told = copy.deepcopy(payload)
    result = told["chart"]["result"][0]
    if "timestamp" in result:
        _CHANGES[kind](result, now)
    return told


def _columns(result: dict[str, Any]) -> list[list[Any]]:
    indicators = result["indicators"]
    return [*indicators["quote"][0].values(), indicators["adjclose"][0]["adjclose"]]


def _again(result: dict[str, Any], at: int, moment: int) -> None:
    """Repeat a bar at a moment, with other prices."""
    result["timestamp"].insert(at + 1, moment)
    for column in _columns(result):
        value = column[at]
        column.insert(at + 1, None if value is None else type(value)(value * 1.1))


def _metadata_only(result: dict[str, Any], _: float) -> None:
    del result["timestamp"]
    result["indicators"] = {"quote": [{}], "adjclose": [{}]}


def _null_row(result: dict[str, Any], _: float) -> None:
    for column in _columns(result):
        column[-2] = None


def _null_close(result: dict[str, Any], _: float) -> None:
    result["indicators"]["quote"][0]["close"][-2] = None
    result["indicators"]["adjclose"][0]["adjclose"][-2] = None


def _fewer_rows(result: dict[str, Any], _: float) -> None:
    for column in (result["timestamp"], *_columns(result)):
        del column[-2:]


_CHANGES: dict[str, Callable[[dict[str, Any], float], None]] = {
    "metadata_only": _metadata_only,
    "null_row": _null_row,
    "null_close": _null_close,
    "null_volume": lambda r, _: r["indicators"]["quote"][0]["volume"].__setitem__(-2, None),
    "duplicate": lambda r, _: _again(r, len(r["timestamp"]) - 2, r["timestamp"][-2]),
    "live_after_official": lambda r, _: _again(
        r, len(r["timestamp"]) - 1, r["timestamp"][-1] + 3 * 3600
    ),
    "live_bar": lambda r, now: _again(r, len(r["timestamp"]) - 1, int(now)),
    "fewer_rows": _fewer_rows,
    "wrong_symbol": lambda r, _: r["meta"].__setitem__("symbol", "OTHER"),
    "other_currency": lambda r, _: r["meta"].__setitem__("currency", "EUR"),
    "no_currency": lambda r, _: r["meta"].__setitem__("currency", None),
    "fund": lambda r, _: r["meta"].__setitem__("instrumentType", "ETF"),
    "ragged": lambda r, _: r["indicators"]["quote"][0]["close"].pop(),
}
