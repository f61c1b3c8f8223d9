"""Several share counts that a source reports for one date: which of them is the company's.

The reports before and after the date decide, where they agree with one alone. The last of several
is no better than the first.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

import polars as pl

AGREES = 0.02
"""A count that is within this part of a neighbouring report agrees with it."""

CLEARLY = 2.0
"""The others are this many times as far from the neighbours as the one that agrees."""

_COUNT = "shares_outstanding"


@dataclass(frozen=True)
class CountsOfDates:
    """Share counts of one company, one a date.

    Attributes:
        rows: as_of_date, shares_outstanding; sorted.
        held: the counts that are not among them: as_of_date, shares_outstanding, reason.
        said: a sentence for each date with several counts.
    """

    rows: pl.DataFrame
    held: pl.DataFrame
    said: Sequence[str]

    @property
    def is_whole(self) -> bool:
        """Whether each date has a count."""
        return bool(self.held["as_of_date"].is_in(self.rows["as_of_date"].implode()).all())


def one_a_date(reports: pl.DataFrame) -> CountsOfDates:
    """Choose among the counts of a date; a count that is there twice is one.

    The count that is nearest to the last report before the date or to the next one after it is the
    date's, if it is within ``AGREES`` of it and the others are ``CLEARLY`` further from both.
    Reports of dates that have several counts themselves say nothing. Where nothing decides, the
    date has no count: the one before stays in force.

    Args:
        reports: as_of_date, shares_outstanding.
    """
    distinct = reports.unique(["as_of_date", _COUNT], keep="first").sort("as_of_date", _COUNT)
    is_several = pl.col("as_of_date").is_duplicated()
    rows = distinct.filter(~is_several)
    several = distinct.filter(is_several)
    known = cast("dict[date, float]", dict(rows.iter_rows()))
    kept: list[tuple[date, float]] = []
    held: list[tuple[date, float, str]] = []
    said: list[str] = []
    for (day,), of_day in several.group_by("as_of_date", maintain_order=True):
        counts = of_day[_COUNT].to_list()
        chosen = _chosen(cast("date", day), counts, known)
        told = f"{len(counts)} counts of {day}, {' and '.join(f'{n:,.0f}' for n in counts)}"
        if chosen is None:
            reason = f"{told}: the reports beside it do not decide"
        else:
            reason = f"{told}: {chosen:,.0f} agrees with the reports beside it"
            kept.append((cast("date", day), chosen))
        said.append(reason)
        held += [(cast("date", day), n, reason) for n in counts if n != chosen]
    schema = dict(distinct.schema)
    chosen_rows = pl.DataFrame(kept, schema=schema, orient="row")
    return CountsOfDates(
        rows=pl.concat([rows, chosen_rows]).sort("as_of_date"),
        held=pl.DataFrame(held, schema=schema | {"reason": pl.String}, orient="row"),
        said=said,
    )


def _chosen(day: date, counts: Sequence[float], known: Mapping[date, float]) -> float | None:
    """Return the count of a date that its neighbours bear out; None: they do not decide."""
    days = list(known)
    at = bisect_left(days, day)
    beside = [known[d] for d in days[max(at - 1, 0) : at + 1] if known[d] > 0]

    def distance(count: float) -> float:
        if not count > 0:
            return math.inf
        return min((abs(math.log(count / other)) for other in beside), default=math.inf)

    nearest, second = sorted(counts, key=distance)[:2]
    is_clear = distance(second) > 0 and distance(second) >= CLEARLY * distance(nearest)
    return nearest if distance(nearest) <= AGREES and is_clear else None
