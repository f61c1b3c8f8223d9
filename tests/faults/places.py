"""Where a fault is put: lines, companies and sessions of the cut, chosen by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from random import Random

import polars as pl

from tests.faults.run import Files

QUIET = 6
"""Sessions around a corporate action, or before the end, where no fault is put."""

HISTORY = 72
"""Sessions before the first fault: what is usual of a line is known then."""

LARGE, SMALL = 90, 250
"""The so many heaviest members are large; those after so many are small."""


@dataclass(frozen=True)
class Places:
    """What of the clean cut faults are put into.

    Attributes:
        files: the cut.
    """

    files: Files

    @cached_property
    def sessions(self) -> list[date]:
        return sorted(self.files.prices["session_date"].unique())

    @cached_property
    def whole(self) -> set[str]:
        """Lines of one line each company, with whole bars on all sessions and several counts."""
        bars = self.files.prices.drop_nulls(["open", "low"]).group_by("symbol").len()
        all_there = bars.filter(pl.col("len") == len(self.sessions))["symbol"].to_list()
        lines = self.files.securities.filter(pl.len().over("company_symbol") == 1)["symbol"]
        counted = self.files.shares_outstanding.group_by("symbol").agg(
            pl.len(), jump=pl.col("shares_outstanding").max() / pl.col("shares_outstanding").min()
        )
        steady = counted.filter((pl.col("len") >= 8) & (pl.col("jump") < 1.15))["symbol"]
        return set(all_there) & set(lines) & set(steady)

    @cached_property
    def quiet(self) -> set[str]:
        """Whole lines without a corporate action since half a year before the cut."""
        recent = self.files.splits.filter(pl.col("ex_date") > date(2024, 1, 1))["symbol"]
        return self.whole - set(recent)

    @cached_property
    def members(self) -> list[str]:
        """Quiet members of the S&P 500 in every set of the cut, the heaviest first."""
        sets = self.files.index_holdings.filter(pl.col("index_symbol") == "^GSPC")
        often = sets.group_by("symbol").agg(pl.len(), pl.col("units").last())
        number = sets["effective_from"].n_unique()
        last = self.files.prices.filter(pl.col("session_date") == self.sessions[-1])
        weighed = often.filter(pl.col("len") == number).join(last, on="symbol")
        heavy = weighed.sort(pl.col("units") * pl.col("close"), descending=True)["symbol"]
        return [symbol for symbol in heavy if symbol in self.quiet]

    @cached_property
    def strangers(self) -> list[str]:
        """Quiet lines above a billion dollars that are in no set of an index."""
        within = set(self.files.index_holdings["symbol"])
        return sorted(self.quiet - within)

    @cached_property
    def split(self) -> list[tuple[str, date, float]]:
        """Splits of whole members, far enough inside the cut."""
        inside = self.files.splits.filter(
            pl.col("ex_date").is_between(self.sessions[QUIET + 10], self.sessions[-30])
        ).sort("symbol")
        return [row for row in inside.rows() if row[0] in self.with_action]

    @cached_property
    def with_action(self) -> set[str]:
        """Lines with a bar on every session."""
        bars = self.files.prices.group_by("symbol").len()
        return set(bars.filter(pl.col("len") == len(self.sessions))["symbol"])

    def large(self, rng: Random) -> str:
        return rng.choice(self.members[:LARGE])

    def giant(self, rng: Random) -> str:
        return rng.choice(self.members[:15])

    def small(self, rng: Random) -> str:
        return rng.choice(self.members[SMALL:])

    def member(self, rng: Random) -> str:
        return rng.choice(self.members[: 2 * LARGE])

    def stranger(self, rng: Random) -> str:
        return rng.choice(self.strangers)

    def session(self, rng: Random) -> date:
        return self.sessions[rng.randrange(HISTORY, len(self.sessions) - 3 * QUIET)]

    def from_session(self, day: date, number: int | None) -> Sequence[date]:
        """Return so many sessions from one on; None: all."""
        place = self.sessions.index(day)
        return self.sessions[place : None if number is None else place + number]

    def beside(self, day: date, step: int) -> date:
        """Return the session so many later, or earlier."""
        return self.sessions[self.sessions.index(day) + step]
