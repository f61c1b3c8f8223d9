"""How the command line writes numbers, names and tables."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

NAME_LENGTH = 26
"""Characters of a company's name that the tables show."""

_LEGAL_TAIL = re.compile(r" (?:Common Stock|Class [A-C]|Ordinary Shares|Capital Stock|\()")

_BILLION = 1e9

LISTED = 8
"""Symbols that a list names before it counts the rest."""


@dataclass(frozen=True)
class Published:
    """A published file, open for reading."""

    connection: duckdb.DuckDBPyConnection

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a query and return its rows by column name."""
        found = self.connection.execute(query, parameters)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@dataclass(frozen=True)
class Unit:
    """The unit of a column of dollars: billions, or millions where nothing is larger."""

    name: str
    usd: float

    @classmethod
    def fitting(cls, dollars: Iterable[float]) -> "Unit":
        """Return the unit that fits the largest of some amounts."""
        largest = max((abs(usd) for usd in dollars), default=0.0)
        return cls("bn USD", _BILLION) if largest >= _BILLION else cls("m USD", 1e6)

    def write(self, usd: float, *, signed: bool = False) -> str:
        """Write dollars in this unit, with two decimals."""
        number = f"{usd / self.usd:+,.2f}" if signed else f"{usd / self.usd:,.2f}"
        return "0.00" if number in {"+0.00", "-0.00"} else number


def in_words(usd: float) -> str:
    """Write dollars with the word for their size: 592.66 billion, 15.00 million."""
    word, unit = ("billion", _BILLION) if abs(usd) >= _BILLION else ("million", 1e6)
    return f"{usd / unit:,.2f} {word}"


def percent(fraction: float) -> str:
    """Write a signed fraction in percent: -16.97 %."""
    return f"{fraction * 100:+.2f} %"


def points(number: float) -> str:
    """Write signed index points: -88.98."""
    return f"{number:+,.2f}"


def new_table(*headers: str, text_columns: int = 2) -> Table:
    """Make a table: text on the left, numbers on the right, flags may wrap."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, header in enumerate(headers):
        is_text = place < text_columns or header == "flags"
        table.add_column(header, justify="left" if is_text else "right", no_wrap=header != "flags")
    return table


def section(title: str, *bodies: Any) -> Group:
    """Put tables or lines below a title."""
    return Group(
        Text(f"\n{title}", style="bold"), *(Padding(body, (0, 0, 0, 2)) for body in bodies)
    )


def short(name: str, length: int = NAME_LENGTH) -> str:
    """Cut the legal tail of a line's name: 'Apple Inc. Common Stock' -> 'Apple Inc.'."""
    name = _LEGAL_TAIL.split(name, maxsplit=1)[0]
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


def flags_in_words(flags: list[str]) -> str:
    """Write flags as words."""
    return ", ".join(flag.replace("_", " ") for flag in flags)


def listed(found: list[str]) -> str:
    """Count things and name the first of them."""
    if not found:
        return "none"
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return f"{len(found)}: {', '.join(found[:LISTED])}{more}"
