"""One partition a session of the New York Stock Exchange."""

from datetime import date, datetime, timedelta

import dagster as dg

from assets.market import calendar

_SATURDAY = 5


def session_partitions(first: date) -> dg.TimeWindowPartitionsDefinition:
    """Return the sessions from ``first`` on: every day but weekends and exchange holidays.

    Holidays are known about a year ahead; Dagster adds a partition when its day is over.
    """
    known = calendar.sessions(first)
    span = (known[-1] - first).days + 1
    closed = {first + timedelta(days=n) for n in range(span)}.difference(known)
    holidays = sorted(day for day in closed if day.weekday() < _SATURDAY)
    return dg.TimeWindowPartitionsDefinition(
        start=first.isoformat(),
        fmt="%Y-%m-%d",
        timezone="America/New_York",
        cron_schedule="0 0 * * *",
        exclusions=[
            "0 0 * * 0,6",
            *(datetime(day.year, day.month, day.day) for day in holidays),  # noqa: DTZ001
        ],
    )
