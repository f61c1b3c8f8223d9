"""Sessions of the New York Stock Exchange, from exchange_calendars (XNYS)."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import polars as pl

FIRST_KNOWN_SESSION = "1990-01-02"

A_YEAR = 252
"""Sessions of a year, roughly."""


@cache
def _calendar() -> Any:
    # A slow import (pandas) that a command without sessions does not need.
    import exchange_calendars

    return exchange_calendars.get_calendar("XNYS", start=FIRST_KNOWN_SESSION)


@cache
def _known() -> tuple[date, ...]:
    return tuple(stamp.date() for stamp in _calendar().sessions)


def sessions(first: date | None = None, last: date | None = None) -> list[date]:
    """Return the sessions between two dates, both included; by default all that are known.

    Known are the sessions from 1990 to about a year from now.
    """
    known = _known()
    start = 0 if first is None else bisect_left(known, first)
    return list(known[start : None if last is None else bisect_right(known, last)])


def session_from(day: date) -> date:
    """Return the first session on a date or after it; the date itself beyond what is known."""
    known = _known()
    at = bisect_left(known, day)
    return known[at] if at < len(known) and day >= known[0] else day


def last_closed_session(now: datetime) -> date:
    """Return the last session whose close lies at or before ``now`` (timezone-aware)."""
    closes = _calendar().closes
    closed = closes[closes <= now.astimezone(UTC)]
    found: date = closed.index[-1].date()
    return found


def end_of(session: date) -> datetime:
    """Return when a session ends (UTC): at 16:00 in New York, earlier on half days."""
    ended: datetime = _calendar().session_close(session.isoformat()).to_pydatetime()
    return ended


def numbered(days: Sequence[date]) -> pl.DataFrame:
    """Number sessions so that neighbours differ by one: session_date, session_number (Int32)."""
    return pl.DataFrame({"session_date": days}, schema={"session_date": pl.Date}).with_columns(
        session_number=pl.int_range(pl.len(), dtype=pl.Int32)
    )
