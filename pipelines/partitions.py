"""One partition a session of the New York Stock Exchange."""

from datetime import date, datetime, timedelta

import dagster as dg

from assets.market import calendar
from assets.resources import DataSettings
from assets.sources.files import FilesSource
from warehouse.errors import SourceError, WarehouseError
from warehouse.reader import read_published

_SATURDAY = 5


def session_partitions(first: date, last: date | None = None) -> dg.TimeWindowPartitionsDefinition:
    """Return the sessions from ``first`` on: every day but weekends and exchange holidays.

    Holidays are known about a year ahead; Dagster adds a partition when its day is over.

    Args:
        first: first session of the pipeline.
        last: last session; None: as time goes on.
    """
    known = calendar.sessions(first)
    span = (known[-1] - first).days + 1
    closed = {first + timedelta(days=n) for n in range(span)}.difference(known)
    holidays = sorted(day for day in closed if day.weekday() < _SATURDAY)
    later = [day for day in known if last is not None and day > last]
    return dg.TimeWindowPartitionsDefinition(
        start=first.isoformat(),
        # A session's window reaches to the next session.
        end=later[0].isoformat() if later else None,
        fmt="%Y-%m-%d",
        timezone="America/New_York",
        cron_schedule="0 0 * * *",
        exclusions=[
            "0 0 * * 0,6",
            *(datetime(day.year, day.month, day.day) for day in holidays),  # noqa: DTZ001
        ],
    )


def end_of_data(settings: DataSettings) -> date | None:
    """Return the last session that can have data; None where time alone ends them.

    Files end where they end, or where what was read of them ended before: a session that has gone
    from a file is read once more, so that it goes from the tables. Asked when the code location
    loads; a file that cannot be read says so in the run that reads it.
    """
    if settings.source != FilesSource.name:
        return None
    try:
        last = FilesSource(settings.data_dir.resolve()).last_session()
    except SourceError:
        return None
    try:
        with read_published(settings.warehouse.resolve()) as reader:
            landed = reader.value("SELECT max(session_date) FROM raw.prices")
    except WarehouseError:
        landed = None
    return max((day for day in (last, landed) if day is not None), default=None)
