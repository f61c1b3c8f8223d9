"""Yahoo's chart, held against what it promises; and prices as traded, made of it.

Yahoo adjusts all prices for the splits it knows of at the moment of the answer. As traded, a price
is the adjusted one times the ratios of all splits after its session.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

EXCHANGE = ZoneInfo("America/New_York")

PRICE_DECIMALS = 4
"""Prices as traded are rounded to a hundredth of a cent: un-adjusting leaves noise below that."""

_BARS = ("open", "high", "low", "close")
_OPENING = time(9, 30)


def official_only(payload: Any, last_closed_end: float) -> list[str]:
    """Take bars out of a chart that are no official daily bars, in place.

    A daily bar is stamped with the opening of its session. Yahoo adds the running price as another
    row, stamped with its own time, sometimes after the official bar of the same session; and a
    session that has not ended comes without a mark. After the close, that row is the session's bar
    until the official one comes. Two official bars of a session that contradict each other are both
    taken out: neither is more right.

    Args:
        payload: a parsed answer of the chart endpoint; anything else is left alone.
        last_closed_end: end of the last session that counts, in epoch seconds.

    Returns:
        What was taken out, in words; empty: nothing.
    """
    result = _result(payload)
    stamps = result.get("timestamp") if result else None
    if not isinstance(stamps, list) or not all(isinstance(s, int) for s in stamps):
        return []
    days = [_moment(stamp).date() for stamp in stamps]
    last_day = _moment(last_closed_end).date()
    columns = _columns(result)
    if any(len(column) != len(stamps) for column in columns):
        return []
    said = []
    keep = []
    seen: dict[date, int] = {}
    official = [place for place in range(len(stamps)) if _moment(stamps[place]).time() == _OPENING]
    per_day = Counter(days[place] for place in official)
    for place, day in enumerate(days):
        if day > last_day:
            said.append(f"unfinished session {day} left out")
        elif _moment(stamps[place]).time() != _OPENING and (
            per_day[day] or (day == last_day and stamps[place] < last_closed_end)
        ):
            said.append(f"running price of {day} left out")
        elif day in seen and all(c[seen[day]] == c[place] for c in columns):
            said.append(f"second equal bar of {day} left out")
        elif per_day[day] > 1 and _differ(columns, [p for p in official if days[p] == day]):
            said.append(f"contradicting bars of {day} left out")
        else:
            seen[day] = place
            keep.append(place)
    if said:
        result["timestamp"] = [stamps[place] for place in keep]
        for column in columns:
            column[:] = [column[place] for place in keep]
    return list(dict.fromkeys(said))


def _differ(columns: Sequence[list[Any]], places: Sequence[int]) -> bool:
    return any(len({column[place] for place in places}) > 1 for column in columns)


def _result(payload: Any) -> dict[str, Any]:
    try:
        result = payload["chart"]["result"][0]
    except (KeyError, IndexError, TypeError):
        return {}
    return result if isinstance(result, dict) else {}


def _columns(result: dict[str, Any]) -> list[list[Any]]:
    indicators = result.get("indicators") or {}
    found = [*(indicators.get("quote") or []), *(indicators.get("adjclose") or [])]
    return [column for block in found if block for column in block.values() if column is not None]


def _moment(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, EXCHANGE)


def broken_promise(payload: Any, symbol: str) -> str | None:
    """Return what a chart breaks of its promises, in words; None: nothing.

    Args:
        payload: a parsed answer of the chart endpoint with status 200.
        symbol: the symbol asked for.
    """
    result = _result(payload)
    if not result:
        return "the answer has no result"
    meta = result.get("meta") or {}
    said = None
    if meta.get("symbol") != symbol:
        said = f"the answer is about {meta.get('symbol')}"
    elif meta.get("currency") not in {"USD", None}:
        said = f"prices are in {meta['currency']}, not in USD"
    elif meta.get("exchangeTimezoneName") != EXCHANGE.key:
        said = f"the exchange's time zone is {meta.get('exchangeTimezoneName')}"
    elif meta.get("dataGranularity") not in {"1d", None}:
        said = f"bars are of {meta['dataGranularity']}, not of a day"
    stamps = result.get("timestamp") or []
    if said is None and any(len(column) != len(stamps) for column in _columns(result)):
        said = "columns of the answer differ in length"
    return said


def split_count(payload: Any) -> int:
    """Return how many splits an answer names."""
    return len((_result(payload).get("events") or {}).get("splits") or {})


def is_empty(payload: Any) -> bool:
    """Tell whether an answer has a result without any bar: there is nothing to be had."""
    result = _result(payload)
    return bool(result) and not result.get("timestamp")


def null_volumes(payload: Any) -> set[date]:
    """Return the sessions without a volume: yfinance makes zeros of them."""
    result = _result(payload)
    stamps = result.get("timestamp") or []
    quotes = ((result.get("indicators") or {}).get("quote") or [{}])[0]
    volumes = quotes.get("volume") or [None] * len(stamps)
    if None not in volumes:
        return set()
    return {
        _moment(stamp).date()
        for stamp, volume in zip(stamps, volumes, strict=False)
        if volume is None
    }


def as_traded(bars: pl.DataFrame, splits: pl.DataFrame, symbol: str = "symbol") -> pl.DataFrame:
    """Undo Yahoo's split adjustment.

    As traded = adjusted * product of the ratios of all splits with ex_date after the session; the
    volume is divided by it.

    Args:
        bars: symbol, session_date, open, high, low, close, volume, adjusted.
        splits: symbol, ex_date, ratio of all their splits after the first of these sessions.
        symbol: name of the symbol's column.

    Returns:
        bars, prices rounded to ``PRICE_DECIMALS``.
    """
    later = splits.sort(symbol, "ex_date", descending=[False, True]).select(
        symbol, before="ex_date", factor=pl.col("ratio").cum_prod().over(symbol)
    )
    # The first split strictly after the session has the product of all later ones.
    return (
        bars.with_columns(after=pl.col("session_date") + pl.duration(days=1))
        .sort("after")
        .join_asof(
            later.sort("before"),
            left_on="after",
            right_on="before",
            by=symbol,
            strategy="forward",
            check_sortedness=False,
        )
        .with_columns(pl.col("factor").fill_null(1.0))
        .with_columns(
            *((pl.col(name) * pl.col("factor")).round(PRICE_DECIMALS) for name in _BARS),
            volume=(pl.col("volume") / pl.col("factor")).round().cast(pl.Int64),
        )
        .drop("factor", "after", "before")
        .sort(symbol, "session_date")
    )
