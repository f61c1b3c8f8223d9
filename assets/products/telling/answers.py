"""What the published file answers, each value with the place it comes from.

A page is made of figures: a value as it is written, and the query, row and column that gave it. So
every number of a page can be unfolded to its SQL, and a test can hold it against its table.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from textwrap import dedent
from typing import Any

import polars as pl
from markupsafe import Markup, escape

from assets.products.wording import (
    day_in_words,
    dollars,
    flags_in_words,
    in_words,
    listed,
    ordinal,
    percent,
    plain_name,
)
from warehouse.ddl import literal
from warehouse.reader import Reader

UNKNOWN = "not known"

LONG_NAME_LENGTH = 44
"""Characters of a company's name in a sentence."""


def _size_of(write: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: write(abs(value)).lstrip("+")


def _points(number: float) -> str:
    """Write signed points: -70.1; where they are small, so that they are not +0.0."""
    text = f"{number:+,.1f}" if abs(number) >= 1 else f"{number:+.2f}"
    return "0.00" if text in {"+0.00", "-0.00"} else text


STYLES: Mapping[str, Callable[[Any], str]] = {
    "text": str,
    "name": plain_name,
    "long name": lambda name: plain_name(name, LONG_NAME_LENGTH),
    "usd": dollars,
    "signed usd": lambda usd: f"+{dollars(usd)}" if usd > 0 else dollars(usd),
    "usd in words": in_words,
    "usd exactly": lambda usd: f"{usd:,.0f} dollars",
    "usd size": _size_of(dollars),
    "loss": lambda usd: dollars(-usd),
    "percent": percent,
    "percent lost": lambda fraction: percent(-fraction),
    "percent size": _size_of(percent),
    "points": _points,
    "bps": lambda bps: "0.00 bps" if abs(bps) < 0.005 else f"{bps:+.2f} bps",  # noqa: PLR2004
    "level": lambda level: f"{level:,.2f}",
    "price": lambda usd: f"${usd:,.2f}",
    "count": lambda number: f"{number:,.0f}",
    "shares": lambda number: f"{number / 1e6:,.1f}m" if number >= 1e6 else f"{number:,.0f}",  # noqa: PLR2004
    "million": lambda number: f"{number / 1e6:,.0f} million",
    "ordinal": ordinal,
    "day": day_in_words,
    "weekday": lambda day: f"{day:%a} {day.day} {day:%b}",
    "flags": flags_in_words,
    "list": listed,
    "digest": lambda sha_256: sha_256[:16],
}
"""How values are written: name -> function."""


@dataclass(frozen=True)
class Figure:
    """A value as it is written, with the place it comes from.

    Attributes:
        value: what the query gave.
        text: how it is written.
        place: question/row/column.
        is_text: whether it is a name or a sentence rather than a number.
    """

    value: Any
    text: str
    place: str
    is_text: bool

    def __str__(self) -> str:
        """Return what is written."""
        return self.text

    def __html__(self) -> Markup:
        """Return what is written, marked with its place; names keep their own direction."""
        if isinstance(self.value, date):
            tag = Markup('<time datetime="{}" data-from="{}">{}</time>')
            return tag.format(self.value, self.place, self.text)
        if self.is_text or self.value is None:
            return Markup('<bdi data-from="{}">{}</bdi>').format(self.place, self.text)
        tag = Markup('<data value="{}" data-from="{}">{}</data>')
        return tag.format(self.value, self.place, self.text)


@dataclass(frozen=True)
class Sentence:
    """A sentence of words and figures; as text it is plain, as HTML its figures are marked."""

    parts: tuple[Any, ...]

    def __str__(self) -> str:
        """Return the sentence."""
        return "".join(str(part) for part in self.parts)

    def __html__(self) -> Markup:
        """Return the sentence with its figures marked."""
        return Markup("").join(escape(part) for part in self.parts)


def say(*parts: Any) -> Sentence:
    """Make a sentence of words and figures."""
    return Sentence(parts)


@dataclass(frozen=True)
class Answer:
    """A question to the published file and what it answers.

    Attributes:
        question: its name on the page.
        sql: the query.
        table: what it gave.
    """

    question: str
    sql: str
    table: pl.DataFrame

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self.table.height

    def value(self, column: str, row: int = 0) -> Any:
        """Return a value as the query gave it."""
        value = self.table[row, column]
        return value.to_list() if isinstance(value, pl.Series) else value

    def figure(self, column: str, style: str, row: int = 0) -> Figure:
        """Return a value as it is written.

        Args:
            column: column of the answer.
            style: a name of ``STYLES``.
            row: row of the answer.
        """
        value = self.value(column, row)
        text = UNKNOWN if value is None else STYLES[style](value)
        is_text = isinstance(value, str | list | bool)
        return Figure(value, text, f"{self.question}/{row}/{column}", is_text)

    def figures(self, columns: Sequence[tuple[str, str]]) -> Iterator[tuple[Figure, ...]]:
        """Yield the rows, as written: column and style of each cell."""
        for row in range(len(self)):
            yield tuple(self.figure(column, style, row) for column, style in columns)


def ask(published: Reader, question: str, query: str, **parameters: Any) -> Answer:
    """Ask the published file.

    Args:
        published: the published file.
        question: its name on the page.
        query: SQL; ``$name`` stands for the parameter of that name.
        **parameters: their values.
    """
    query = dedent(query).strip()
    return Answer(question, to_paste(query, parameters), published.frame(query, **parameters))


def to_paste(query: str, parameters: Mapping[str, Any]) -> str:
    """Write a query with its parameters as literals: SQL for the DuckDB command line as it stands.

    For people to read and paste; what is asked here is asked with parameters.
    """
    return re.sub(r"\$(\w+)", lambda name: _literal(parameters[name[1]]), query)


def _literal(value: date | str | int | None) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else literal(str(value))
