"""The official daily bars of a chart.

A daily bar is stamped with the opening of its session, in the zone of its exchange. Yahoo adds the
running price as another row, stamped with its own time, before or after the official bar of the
same session or instead of it; and a session that has not ended comes without a mark.
"""

import contextlib
import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.sources.yahoo.errors import BrokenPromise
from assets.sources.yahoo.shapes import in_words, is_moment, is_number, part_of

NEW_YORK = ZoneInfo("America/New_York")

PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")

LARGEST_VALUE = 1e15
"""No price and no volume of a session is as large, not even before splits are taken back."""

_NUMBERS = {int, float, type(None)}

_OPENING = time(9, 30)
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Clock:
    """When the sessions of an instrument open, and which of them has ended.

    Attributes:
        zone: time zone of the exchange.
        openings: times of the day, there, with which a daily bar is stamped.
        last_closed_end: end of the last session that counts, in epoch seconds.
    """

    zone: ZoneInfo
    openings: frozenset[time]
    last_closed_end: float

    @property
    def last_session(self) -> date:
        """The last session that counts."""
        return self.day(self.last_closed_end)

    def day(self, stamp: float) -> date:
        """Return the date of a moment, where the exchange is."""
        return datetime.fromtimestamp(stamp, self.zone).date()


def clock_of(meta: dict[str, Any], zone: ZoneInfo, last_closed_end: float) -> Clock:
    """Return the clock of an instrument.

    Args:
        meta: what the chart says of it. Where an index begins earlier or later than shares do, the
            start of its regular session says so.
        zone: time zone of the exchange.
        last_closed_end: end of the last session that counts, in epoch seconds.
    """
    openings = {_there(datetime.combine(date(2025, 1, 2), _OPENING, NEW_YORK), zone)}
    if zone != NEW_YORK:
        start: Any = part_of(part_of(meta, "currentTradingPeriod"), "regular").get("start")
        if is_moment(start):
            openings.add(_there(datetime.fromtimestamp(start, NEW_YORK), zone))
    return Clock(zone, frozenset(openings), last_closed_end)


def _there(moment: datetime, zone: ZoneInfo) -> time:
    return moment.astimezone(zone).time()


@dataclass(frozen=True)
class Bars:
    """Daily bars as a chart has them: adjusted for splits.

    Attributes:
        days: sessions, in the order of the answer.
        columns: open, high, low, close, volume; nan where there is none.
        said: what was left out, in words.
    """

    days: NDArray[np.datetime64]
    columns: dict[str, NDArray[np.float64]]
    said: list[str]


def official_bars(result: dict[str, Any], clock: Clock) -> Bars:
    """Read the official daily bars of ended sessions, and say what else there was.

    After the close the running price is the session's bar until the official one comes; of an
    earlier session it is none. Two official bars of a session that contradict each other are both
    left out: neither is more right.

    Args:
        result: the result of a chart.
        clock: when its sessions open, and which has ended last.

    Raises:
        BrokenPromise: if the columns differ in length or hold no numbers, or if no bar at all is
            stamped with an opening.
    """
    stamps = result.get("timestamp") or []
    if not isinstance(stamps, list):
        raise BrokenPromise(f"the stamps of the bars are {in_words(stamps)}")
    # The types first: to look at each of ten years of bars takes longer.
    is_whole = not set(map(type, stamps)) - {int}
    if stamps and not (is_whole and is_moment(min(stamps)) and is_moment(max(stamps))):
        odd = next(s for s in stamps if type(s) is not int or not is_moment(s))
        raise BrokenPromise(f"the stamp of a bar is {in_words(odd)}: no whole seconds")
    columns = _columns(result, len(stamps))
    moments = (
        pl.from_epoch(pl.Series(stamps, dtype=pl.Int64))
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone(clock.zone.key)
    )
    days, times = moments.dt.date(), moments.dt.time()
    said: list[str] = []
    is_plain = (
        times.is_in(list(clock.openings)).all()
        and days.n_unique() == len(days)
        and not (days > clock.last_session).any()
    )
    if not is_plain:
        rows = _Rows(stamps, days.to_list(), times.to_list(), columns)
        kept = rows.official(clock, said)
        if not kept and not rows.is_all_unfinished(clock):
            raise BrokenPromise(
                f"no bar is stamped with the opening of a session ({_openings(clock)}): the first "
                f"one with {rows.times[0]:%H:%M}"
            )
        columns = {name: column[kept] for name, column in columns.items()}
        days = days.gather(kept)
    return Bars(days.to_numpy().astype("datetime64[D]"), columns, said)


def _openings(clock: Clock) -> str:
    return f"{' or '.join(f'{t:%H:%M}' for t in sorted(clock.openings))} {clock.zone.key}"


def _columns(result: dict[str, Any], length: int) -> dict[str, NDArray[np.float64]]:
    """Return the columns of a chart as numbers; nan where there is none."""
    told = part_of(result, "indicators").get("quote") or [{}]
    quotes = told[0] if isinstance(told, list) else told
    if quotes is None:
        quotes = {}
    if not isinstance(quotes, dict):
        raise BrokenPromise(f"the quotes of the answer are {in_words(quotes)}")
    if not length and not quotes:
        return {name: np.empty(0) for name in COLUMNS}
    columns = {}
    for name in COLUMNS:
        values = quotes.get(name)
        if not isinstance(values, list):
            raise BrokenPromise(f"column {name} of the bars is {in_words(values)}")
        if len(values) != length:
            raise BrokenPromise(
                f"columns of the answer differ in length: {len(values)} values of {name} for "
                f"{length} bars"
            )
        columns[name] = _numbers(name, values)
    return columns


def _numbers(name: str, values: list[Any]) -> NDArray[np.float64]:
    """Return a column as numbers; nan where there is none."""
    # The types first: to look at each of ten years of bars takes longer.
    if not set(map(type, values)) - _NUMBERS:
        with contextlib.suppress(OverflowError):
            numbers = np.array(values, dtype="float64")
            if not (np.abs(numbers) >= LARGEST_VALUE).any():
                return numbers
    odd = next(v for v in values if v is not None and not _can_be(v))
    raise BrokenPromise(f"a value of {name} is no number that it can be: {in_words(odd)}")


def _can_be(value: Any) -> bool:
    """Tell whether a value may be a price or a volume; NaN stands for none."""
    is_none = isinstance(value, float) and math.isnan(value)
    return is_none or (is_number(value) and abs(value) < LARGEST_VALUE)


@dataclass(frozen=True)
class _Rows:
    """The rows of a chart, of which some are no official daily bars."""

    stamps: list[int]
    days: list[date]
    times: list[time]
    columns: dict[str, NDArray[np.float64]]

    def is_all_unfinished(self, clock: Clock) -> bool:
        return all(day > clock.last_session for day in self.days)

    def official(self, clock: Clock, said: list[str]) -> list[int]:
        """Return the places of the official bars, and say what the others are."""
        of_day: dict[date, list[int]] = {}
        for place, day in enumerate(self.days):
            of_day.setdefault(day, []).append(place)
        kept = []
        for day, places in of_day.items():
            if day > clock.last_session:
                said.append(f"unfinished session {day} left out")
                continue
            opening = [place for place in places if self.times[place] in clock.openings]
            candidates = opening or [p for p in places if self._is_after_the_close(p, clock)]
            others = [place for place in places if place not in candidates]
            if others and (opening or day == clock.last_session):
                said.append(f"running price of {day} left out")
            elif others:
                said.append(
                    f"bar of {day} left out: it is stamped {self.times[others[0]]:%H:%M}, not "
                    f"{_openings(clock)}"
                )
            if len(candidates) > 1:
                is_one = self._are_equal(candidates)
                said.append(f"{'second equal bar' if is_one else 'contradicting bars'} of {day} "
                            "left out")  # fmt: skip
                candidates = candidates[:1] if is_one else []
            kept += candidates
        return sorted(kept)

    def _is_after_the_close(self, place: int, clock: Clock) -> bool:
        """Tell whether a row is the running price of the last session, taken after its end."""
        stamp = self.stamps[place]
        is_midnight = stamp % _SECONDS_A_DAY == 0
        is_last = self.days[place] == clock.last_session
        return is_last and stamp >= clock.last_closed_end and not is_midnight

    def _are_equal(self, places: Collection[int]) -> bool:
        return all(
            len({repr(column[place]) for place in places}) == 1 for column in self.columns.values()
        )
