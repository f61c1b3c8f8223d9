"""Splits and dividends of a chart, each on the date that Yahoo gave.

They are read from the answer itself: the client moves one whose date has no bar to the bar before,
multiplies nothing where two are on a date, and forgets the currency of a dividend.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from assets.market import calendar
from assets.market.corporate_actions import kind_of
from assets.sources.yahoo.bars import Clock
from assets.sources.yahoo.errors import BrokenPromise
from assets.sources.yahoo.shapes import in_words, is_moment, is_number

CURRENCY = "USD"

LARGEST_RATIO = 1000.0
"""No company listed in New York has split its shares by more, either way."""

REPEATED_WITHIN = timedelta(days=10)
"""Nobody splits twice by one ratio within this: the date was corrected, and both are there."""

SAME_RATIO = 1e-3
"""Relative distance within which a ratio is what its text says: the text may be rounded."""

_SECONDS_A_DAY = 86_400
_SPLITS = pl.Schema({"ex_date": pl.Date, "ratio": pl.Float64, "kind": pl.String})
_DIVIDENDS = pl.Schema({"ex_date": pl.Date, "amount_usd": pl.Float64})


@dataclass(frozen=True)
class Events:
    """What goes ex, as a chart has it.

    Attributes:
        splits: ex_date, ratio, kind; one row a date, or one of each kind; kind is null where there
            is one event and its ratio tells.
        dividends: ex_date, amount_usd; one row a date.
        doubted_on: the latest date of a split that is in doubt: no price up to it is known in the
            basis after it, nor is the move of that date; None: there is none.
        said: what was left out, moved or taken together, in words.
    """

    splits: pl.DataFrame
    dividends: pl.DataFrame
    doubted_on: date | None
    said: list[str]


def read_events(
    result: dict[str, Any], clock: Clock, landed: Sequence[tuple[date, float, str | None]] = ()
) -> Events:
    """Read the events of a chart; a bad one puts itself in doubt, and no other.

    Args:
        result: the result of a chart.
        clock: of its exchange.
        landed: splits that have landed (ex_date, ratio, kind): where one of their dates is in doubt
            now, it is what it was.

    Raises:
        BrokenPromise: if what should hold the events holds none.
    """
    said: list[str] = []
    splits, doubted = _splits(result, clock, landed, said)
    dividends = _dividends(result, clock, said)
    return Events(splits, dividends, max(doubted, default=None), said)


def _told(result: dict[str, Any], name: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the stamp and the event of each event of a kind; a bad event is an empty one."""
    events = result.get("events")
    block = events.get(name) if isinstance(events, dict) else events
    if not block:
        return
    if not isinstance(block, dict):
        raise BrokenPromise(f"{name} of the answer are no events")
    for key, event in block.items():
        told = event if isinstance(event, dict) else {}
        stamp = told.get("date")
        yield (stamp if stamp is not None else _number(key)), told


def _number(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.lstrip("-").isdigit() else None


def _date(stamp: Any, clock: Clock) -> date | None:
    """Return the date of an event; one stamped at midnight UTC means that date, and 0 none."""
    if not is_moment(stamp) or stamp == 0:
        return None
    if stamp % _SECONDS_A_DAY == 0:
        return datetime.fromtimestamp(stamp, UTC).date()
    return clock.day(stamp)


def _in_force(day: date, what: str, said: list[str]) -> date:
    """Return the session on which an event takes effect, and say it where that is another date."""
    session = calendar.session_from(day)
    if session != day:
        said.append(f"{what} of {day}, no session, takes effect on {session}")
    return session


# --- splits ---------------------------------------------------------------------------------------


def _splits(
    result: dict[str, Any],
    clock: Clock,
    landed: Sequence[tuple[date, float, str | None]],
    said: list[str],
) -> tuple[pl.DataFrame, list[date]]:
    """Return the splits, and the dates of those in doubt."""
    ratios: dict[date, list[float]] = defaultdict(list)
    reasons: dict[date, str] = {}
    for stamp, event in _told(result, "splits"):
        ratio, doubt = _ratio(event)
        day = _date(stamp, clock)
        if day is None:
            # Nobody knows which prices are divided by it: all may be.
            reasons[date.max] = f"a split of {_as_text(event)} without a date"
            continue
        if ratio == 1:
            said.append(f"split of {day} left out: 1 share for 1 is none")
            continue
        day = _in_force(day, "split", said)
        if doubt is not None:
            reasons[day] = f"split of {day}: {doubt}"
        ratios[day].append(ratio)
    reasons |= _repeated(ratios, reasons)
    stands = [row for row in landed if row[0] in reasons]
    settled = {day for day, _, _ in stands}
    said += [
        f"in doubt, {'so it is the one that has landed' if day in settled else 'prices with it'}: "
        f"{reason}"
        for day, reason in reasons.items()
    ]
    rows = [
        row
        for day, of_day in sorted(ratios.items())
        if day not in reasons
        for row in _rows(day, of_day, said)
    ]
    doubted = [day for day in reasons if day not in settled]
    return pl.DataFrame([*rows, *stands], schema=_SPLITS, orient="row"), doubted


def _repeated(ratios: Mapping[date, Sequence[float]], doubted: Collection[date]) -> dict[date, str]:
    """Return the splits that are there twice, on a date or a few days apart: one is no split."""
    told = sorted((day, ratio) for day in ratios.keys() - doubted for ratio in ratios[day])
    found: dict[date, str] = {}
    for place, (day, ratio) in enumerate(told):
        for other, of_other in told[place + 1 :]:
            if other - day <= REPEATED_WITHIN and of_other == ratio:
                reason = f"{ratio:g} for 1 is there twice, on {day} and {other}"
                found |= {day: f"split of {day}: {reason}", other: f"split of {other}: {reason}"}
    return found


def _ratio(event: dict[str, Any]) -> tuple[float, str | None]:
    """Return new shares per old share, and why that is in doubt; nan where there is no ratio."""
    new: Any = event.get("numerator")
    old: Any = event.get("denominator")
    said = f"numerator {in_words(new)}, denominator {in_words(old)}"
    if not all(is_number(n) and n > 0 for n in (new, old)):
        return math.nan, f"{said} make no ratio"
    ratio = float(new / old)
    if not 1 / LARGEST_RATIO <= ratio <= LARGEST_RATIO:
        return ratio, f"{said}: nobody splits by that"
    text = event.get("splitRatio")
    if text and not _says(text, ratio):
        return ratio, f"{said} beside {in_words(text)}"
    return ratio, None


def _says(text: Any, ratio: float) -> bool:
    """Tell whether a text such as 3:2 or 3/2 says a ratio."""
    parts = str(text).replace("/", ":").split(":")
    try:
        new, old = map(float, parts)
        return abs(new / old / ratio - 1) <= SAME_RATIO
    except (ValueError, ZeroDivisionError):
        return False


def _as_text(event: dict[str, Any]) -> str:
    text, *of = (event.get(name) for name in ("splitRatio", "numerator", "denominator"))
    return str(text) if text else " for ".join(in_words(number) for number in of)


def _rows(day: date, ratios: list[float], said: list[str]) -> Iterator[tuple[date, float, Any]]:
    """Yield the rows of a date: share splits multiply, and so do spin-offs; both are two rows."""
    if len(ratios) == 1:
        yield day, ratios[0], None
        return
    told = pl.DataFrame({"ratio": ratios}).with_columns(kind=kind_of(pl.col("ratio")))
    by_kind = told.group_by("kind", maintain_order=True).agg(pl.col("ratio").product())
    named = " and ".join(f"{ratio:.6g}" for ratio in ratios)
    products = " and ".join(f"a {kind} of {ratio:.6g}" for kind, ratio in by_kind.rows())
    said.append(f"{len(ratios)} splits of {day}, {named} for 1, are {products}")
    for kind, ratio in by_kind.rows():
        yield day, ratio, kind


# --- dividends ------------------------------------------------------------------------------------


def _dividends(result: dict[str, Any], clock: Clock, said: list[str]) -> pl.DataFrame:
    amounts: dict[date, list[float]] = defaultdict(list)
    for stamp, event in _told(result, "dividends"):
        amount: Any = event.get("amount")
        day = _date(stamp, clock)
        if day is None:
            said.append(f"dividend of {in_words(amount)} left out: it has no date")
            continue
        if not is_number(amount) or amount <= 0:
            said.append(f"dividend of {day} left out: its amount is {in_words(amount)}")
            continue
        currency = event.get("currency", CURRENCY)
        if currency != CURRENCY:
            said.append(
                f"dividend of {day} left out: {amount:g} is in {currency or 'no currency named'}, "
                f"not in {CURRENCY}"
            )
            continue
        amounts[_in_force(day, "dividend", said)].append(float(amount))
    rows = []
    for day, of_day in sorted(amounts.items()):
        if len(set(of_day)) < len(of_day):
            said.append(f"dividend of {day} left out: {of_day[0]:g} is there twice")
            continue
        if len(of_day) > 1:
            named = " and ".join(f"{amount:g}" for amount in of_day)
            said.append(f"{len(of_day)} dividends of {day}, {named}, are one of {sum(of_day):g}")
        rows.append((day, sum(of_day)))
    return pl.DataFrame(rows, schema=_DIVIDENDS, orient="row")
