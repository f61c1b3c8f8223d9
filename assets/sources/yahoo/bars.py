"""Yahoo's chart, held against what it promises; and prices as traded, made of it.

Yahoo adjusts all prices for the splits it knows of at the moment of the answer. As traded, a price
is the adjusted one times the ratios of all splits after its session.
"""

import bisect
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
    taken out: neither is more right. A split of a session that has not ended stays, on a bar of
    nulls: the bars before it come divided by its ratio. So does a split or dividend of any session
    without a bar: the client would move it to the bar before.

    Args:
        payload: a parsed answer of the chart endpoint; anything else is left alone.
        last_closed_end: end of the last session that counts, in epoch seconds.

    Returns:
        What was taken out, in words; empty: nothing.
    """
    result = _result(payload)
    stamps = _stamps(result)
    last_day = _moment(last_closed_end).date()
    if stamps is None or any(len(column) != len(stamps) for column in _columns(result)):
        return []
    said = _leave_out_unfinished(result, stamps, last_closed_end)
    if not _are_official(stamps, last_day):
        said += _leave_out_unofficial(result, stamps, last_closed_end)
    return list(dict.fromkeys([*said, *_with_bars_of_events(result, stamps)]))


def _leave_out_unofficial(
    result: dict[str, Any], stamps: list[int], last_closed_end: float
) -> list[str]:
    """Take out running prices, repeated bars and those that contradict each other, in place."""
    said = []
    last_day = _moment(last_closed_end).date()
    days = [_moment(stamp).date() for stamp in stamps]
    columns = _columns(result)
    keep = []
    seen: dict[date, int] = {}
    official = [place for place in range(len(stamps)) if _moment(stamps[place]).time() == _OPENING]
    per_day = Counter(days[place] for place in official)
    for place, day in enumerate(days):
        if _moment(stamps[place]).time() != _OPENING and (
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
    if len(keep) < len(stamps):
        for column in (stamps, *columns):
            column[:] = [column[place] for place in keep]
    return said


def _with_bars_of_events(result: dict[str, Any], stamps: list[int]) -> list[str]:
    """Give splits and dividends of sessions without a bar one of nulls, in place."""
    said = []
    days = {_moment(stamp).date() for stamp in stamps}
    events = result.get("events") or {}
    dated = {
        _moment(event["date"]).date(): name.removesuffix("s")
        for name in ("dividends", "splits")
        for event in (events.get(name) or {}).values()
    }
    for day in sorted(dated.keys() - days):
        said.append(f"{dated[day]} of {day} kept on its date, which has no bar")
        stamp = int(datetime.combine(day, _OPENING, EXCHANGE).timestamp())
        place = bisect.bisect_left(stamps, stamp)
        for column in _columns(result):
            column.insert(place, None)
        stamps.insert(place, stamp)
    return said


def _leave_out_unfinished(
    result: dict[str, Any], stamps: list[int], last_closed_end: float
) -> list[str]:
    """Take out the bars of sessions that have not ended, but for their splits, in place."""
    last_day = _moment(last_closed_end).date()
    said = []
    for place in reversed(range(len(stamps))):
        if stamps[place] > last_closed_end and _moment(stamps[place]).date() > last_day:
            said.append(f"unfinished session {_moment(stamps[place]).date()} left out")
            for column in (stamps, *_columns(result)):
                del column[place]
    for split in ((result.get("events") or {}).get("splits") or {}).values():
        day = _moment(split["date"]).date()
        if day > last_day:
            said.append(f"split of the unfinished session {day} taken into account")
            stamps.append(int(datetime.combine(day, _OPENING, EXCHANGE).timestamp()))
            for column in _columns(result):
                column.append(None)
    return said


def _stamps(result: dict[str, Any]) -> list[int] | None:
    stamps = result.get("timestamp")
    is_good = isinstance(stamps, list) and all(isinstance(stamp, int) for stamp in stamps)
    return stamps if is_good else None


def _are_official(stamps: list[int], last_day: date) -> bool:
    """Tell whether each stamp is the opening of another session, none after the last day."""
    moments = (
        pl.from_epoch(pl.Series(stamps, dtype=pl.Int64))
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone(EXCHANGE.key)
    )
    days = moments.dt.date()
    last = days.max()
    return (
        bool((moments.dt.time() == _OPENING).all())
        and not days.is_duplicated().any()
        and (last is None or cast("date", last) <= last_day)
    )


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


def broken_promise(payload: Any, symbol: str, *, is_index: bool = False) -> str | None:
    """Return what a chart breaks of its promises, in words; None: nothing.

    Args:
        payload: a parsed answer of the chart endpoint with status 200.
        symbol: the symbol asked for.
        is_index: whether it is asked for as an index, whose levels are points and no dollars.
    """
    result = _result(payload)
    if not result:
        return "the answer has no result"
    meta = result.get("meta") or {}
    said = None
    if meta.get("symbol") != symbol:
        said = f"the answer is about {meta.get('symbol')}"
    elif meta.get("currency") not in ({"USD", None} if is_index else {"USD"}):
        said = f"prices are in {meta.get('currency') or 'a currency not named'}, not in USD"
    elif not is_index and meta.get("instrumentType") not in {"EQUITY", None}:
        said = f"it is no share of a company, Yahoo calls it {meta['instrumentType']}"
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


def as_traded(columns: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Undo Yahoo's split adjustment of one chart.

    As traded = adjusted * product of the ratios of all splits with ex_date after the session; the
    volume is divided by it.

    Args:
        columns: open, high, low, close, volume, adjusted, and ratio (0 where there is no split), of
            all sessions in order up to the last split that Yahoo knows of.

    Returns:
        The same columns, prices rounded to ``PRICE_DECIMALS``, volumes to whole shares.
    """
    ratios = np.where(columns["ratio"] > 0, columns["ratio"], 1.0)
    later = np.append(np.cumprod(ratios[::-1])[::-1][1:], 1.0)[: len(ratios)]
    prices = {name: np.round(columns[name] * later, PRICE_DECIMALS) for name in _BARS}
    return columns | prices | {"volume": np.round(columns["volume"] / later)}
