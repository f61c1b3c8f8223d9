"""A company is one series through its names: which company a name stands for, and when.

A change gives a company another name from a session on. A name belongs to whoever took it last;
before the first who took it, to them too: a source may tell the whole history under either name.
Chains (A to B to C), swaps, and a name that another company takes later follow from that.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import polars as pl

from warehouse.errors import ReferenceDataError
from warehouse.schemas.raw import DELIVERED

ALWAYS, FOR_EVER = date(1, 1, 1), date(9999, 12, 31)
"""Bounds of what has none."""

SPANS_SCHEMA = pl.Schema(
    {"name": pl.String, "first": pl.Date, "last": pl.Date, "symbol": pl.String}
)
"""A name, the dates between which it stands for a company, and the company's present name."""

_ROW = "__row"


@dataclass(frozen=True)
class Former:
    """A name that a company had.

    Attributes:
        name: the name; nobody else has taken it since.
        until: the first session of the next name.
    """

    name: str
    until: date


@dataclass(frozen=True)
class Names:
    """What names stand for. Without any change every name stands for itself.

    Attributes:
        spans: ``SPANS_SCHEMA``; the spans of a name cover all dates, and do not overlap.
        former: present name -> former ones, the latest first.
        taken_back: the same as spans, of names that a company has no more, because the change that
            gave them to it was taken back: what has landed may stand under them.
    """

    spans: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SPANS_SCHEMA))
    former: Mapping[str, tuple[Former, ...]] = field(default_factory=dict)
    taken_back: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SPANS_SCHEMA))

    def of_landed(self) -> "Names":
        """Return what names stand for in what has landed: those too that were taken back."""
        return replace(self, spans=pl.concat([self.spans, self.taken_back]))

    def present(self, rows: pl.DataFrame, column: str, day: pl.Expr) -> pl.DataFrame:
        """Put rows under the present names of their companies.

        Args:
            rows: any rows.
            column: the column that has the names.
            day: the date on which a row's name was in use; where null, it is left as it is.

        Returns:
            The rows in their order, with delivered_symbol: the name as it was, where it is another.
        """
        no_name = pl.lit(None, pl.String).alias(DELIVERED)
        if self.spans.is_empty():
            return rows.with_columns(no_name)
        told = (
            rows.select(pl.col(column).alias("name"), day.alias("day"))
            .with_row_index(_ROW)
            .join(self.spans, on="name")
            .filter(pl.col("day").is_between("first", "last"), pl.col("name") != pl.col("symbol"))
            .select(_ROW, __present="symbol")
        )
        if told.is_empty():
            return rows.with_columns(no_name)
        is_old = pl.col("__present").is_not_null()
        return (
            rows.with_row_index(_ROW)
            .join(told, on=_ROW, how="left", maintain_order="left")
            .with_columns(
                pl.when(is_old).then(column).alias(DELIVERED),
                pl.coalesce("__present", column).alias(column),
            )
            .drop(_ROW, "__present")
        )

    @cached_property
    def _spans_by_name(self) -> Mapping[str, list[tuple[date, date, str]]]:
        """First and last date and present name, of the spans of each name."""
        found = defaultdict(list)
        for name, first, last, symbol in self.spans.iter_rows():
            found[name].append((first, last, symbol))
        return found

    def on(self, name: str, day: date) -> str:
        """Return the present name of the company that a name stood for on a date."""
        of_name = self._spans_by_name.get(name, ())
        return next((symbol for first, last, symbol in of_name if first <= day <= last), name)

    def now(self, name: str) -> str:
        """Return the present name of the company that a name stands for now."""
        return self.on(name, FOR_EVER)


@dataclass
class _Company:
    """A company as its names follow each other: name, first session under it (ALWAYS: unknown)."""

    names: list[tuple[str, date]]

    @property
    def present(self) -> str:
        return self.names[-1][0]


def names_of(changes: pl.DataFrame, lines: pl.DataFrame) -> Names:
    """Follow companies through their changes of name.

    Args:
        changes: ``ref.symbol_changes``.
        lines: symbol, listed_from of the lines of securities.csv, covered or not. A line whose name
            was left by a company that is there too, or which is listed only since, is another
            company: it has the name from then on.

    Raises:
        ReferenceDataError: if a company takes a name that another one has.
    """
    if changes.is_empty():
        return Names()
    companies: list[_Company] = []
    holder: dict[str, _Company] = {}
    left: dict[str, tuple[_Company, date]] = {}
    for (day,), of_day in changes.sort("first_session", "old_symbol").group_by(
        "first_session", maintain_order=True
    ):
        moved = []
        # All leave before one of them arrives: two companies may swap their names.
        for old, new in of_day.select("old_symbol", "new_symbol").rows():
            company = holder.pop(old, None)
            if company is None:
                company = _Company([(old, left[old][1] if old in left else ALWAYS)])
                companies.append(company)
            left[old] = (company, day)
            moved.append((new, company))
        for new, company in moved:
            if new in holder:
                raise ReferenceDataError(
                    f"symbol_changes: {company.present} takes the name {new} on {day}, and another "
                    "company has it",
                    "Add the line with which that one leaves the name; one that has ended may take "
                    f"a name of its own: {new},{new}.1,{day}.",
                )
            company.names.append((new, day))
            holder[new] = company
    companies += _later_lines(lines, holder, left)
    return Names(_spans(companies), _former(companies))


def with_taken_back(
    names: Names, before: pl.DataFrame, now: pl.DataFrame, lines: pl.DataFrame
) -> Names:
    """Add the names that companies have no more, because their changes were taken back.

    A change that is corrected is taken back too, whichever of its names was wrong.

    Args:
        names: what names stand for.
        before: ``ref.symbol_changes`` as readers have it.
        now: the same, as it is now.
        lines: symbol of the lines that are there.
    """
    gone = before.join(now, on=["old_symbol", "new_symbol"], how="anti")
    came_from = dict(gone.select("new_symbol", "old_symbol").iter_rows())
    covered, known = set(lines["symbol"]), set(names.spans["name"])

    def holder(name: str) -> str | None:
        """Return the line that had a name, by the names that it had before."""
        had: str | None = name
        for _ in range(len(came_from) + 1):
            if had is None or names.now(had) in covered:
                break
            had = came_from.get(had)
        return had and (names.now(had) if names.now(had) in covered else None)

    told = sorted({name for change in came_from.items() for name in change} - known)
    found = [(name, ALWAYS, FOR_EVER, line) for name in told if (line := holder(name))]
    return replace(names, taken_back=pl.DataFrame(found, schema=SPANS_SCHEMA, orient="row"))


def _later_lines(
    lines: pl.DataFrame, holder: Mapping[str, _Company], left: Mapping[str, tuple[_Company, date]]
) -> list[_Company]:
    """Return the lines that have taken a name which a company had left, without a change."""
    covered = set(lines["symbol"])
    return [
        _Company([(symbol, left[symbol][1])])
        for symbol, listed_from in lines.select("symbol", "listed_from").rows()
        if symbol in left
        and symbol not in holder
        and (
            left[symbol][0].present in covered
            or (listed_from is not None and listed_from >= left[symbol][1])
        )
    ]


def _spans(companies: list[_Company]) -> pl.DataFrame:
    taken: dict[str, list[tuple[date, str]]] = {}
    for company in companies:
        for name, first in company.names:
            taken.setdefault(name, []).append((first, company.present))
    return (
        pl.DataFrame(
            [(name, first, symbol) for name, times in taken.items() for first, symbol in times],
            schema={"name": pl.String, "taken": pl.Date, "symbol": pl.String},
            orient="row",
        )
        .sort("name", "taken")
        .with_columns(
            first=pl.when(pl.int_range(pl.len()).over("name") == 0)
            .then(pl.lit(ALWAYS))
            .otherwise("taken"),
            last=pl.col("taken").shift(-1).over("name").dt.offset_by("-1d").fill_null(FOR_EVER),
        )
        .select(SPANS_SCHEMA.names())
    )


def _former(companies: list[_Company]) -> dict[str, tuple[Former, ...]]:
    last_taken: dict[str, tuple[date, str]] = {}
    for company in companies:
        for name, first in company.names:
            last_taken[name] = max(last_taken.get(name, (ALWAYS, "")), (first, company.present))
    found = {}
    for company in companies:
        had = [
            Former(name, until)
            for (name, _), (_, until) in zip(company.names, company.names[1:], strict=False)
            if last_taken[name][1] == company.present and name != company.present
        ]
        if had:
            found[company.present] = tuple(reversed(had))
    return found
