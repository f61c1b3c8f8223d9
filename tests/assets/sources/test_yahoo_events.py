"""What goes ex, as a chart says it."""

from datetime import date, datetime, time

import pytest

from assets.sources.yahoo.bars import NEW_YORK, Clock
from assets.sources.yahoo.events import read_events


def _stamp(day: date, at: time) -> int:
    return int(datetime.combine(day, at, NEW_YORK).timestamp())


CLOCK = Clock(NEW_YORK, frozenset({time(9, 30)}), _stamp(date(2025, 1, 16), time(16)))


def _of_splits(*days: date) -> dict[str, object]:
    """A chart with splits of nothing."""
    stamps = [_stamp(day, time(9, 30)) for day in days]
    splits = {str(at): {"date": at, "numerator": 0, "denominator": 1} for at in stamps}
    return {"events": {"splits": splits}}


@pytest.mark.parametrize("days", [(7, 13), (13, 7), (13,)])
def test_prices_are_in_doubt_up_to_the_last_split_that_is(days):
    events = read_events(_of_splits(*(date(2025, 1, day) for day in days)), CLOCK)

    assert events.doubted_on == date(2025, 1, 13)
    assert len(events.said) == len(days)


def test_without_a_split_none_is_in_doubt():
    events = read_events(_of_splits(), CLOCK)

    assert (events.doubted_on, events.said) == (None, [])
