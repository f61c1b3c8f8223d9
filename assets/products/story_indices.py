"""The part of the story that is told in points: what the indices did, and who did it."""

from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from assets.products.console import new_table, section
from assets.products.telling.session import Telling
from assets.products.wording import percent, points, short

INDEX_NAME_LENGTH = 15
"""Characters of an index's name that the table shows: it has to fit into 80."""


def indices(telling: Telling) -> Group:
    """Tell what the indices with members did, what these add up to, and who moved them.

    The index that leads is told of also where none of its members is known.
    """
    rows = [
        row
        for place, row in enumerate(telling.indices.answer.table.iter_rows(named=True))
        if place == 0 or row["members_priced"] > 0
    ]
    if not rows:
        return section("Indices", Text("no index has a level on this session"))
    table = new_table("", "index", "close", "return", "points", "by members", "residual")
    for row in rows:
        table.add_row(
            escape(row["index_symbol"]),
            escape(short(row["name"], INDEX_NAME_LENGTH)),
            _known(row["level"], "{:,.2f}"),
            _known(row["actual_return"], percent),
            _known(row["actual_points"], points),
            _known(row["replicated_points"], points),
            _known(row["residual_bps"], _basis_points),
        )
    if not any(row["members"] for row in rows):
        return section("Indices", table, Text("no index with members in force on this session"))
    parts = [table, _movers(telling, rows), _without_the_lead(telling, rows)]
    return section("Indices", *(part for part in parts if part.row_count))


def _movers(telling: Telling, rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(no_wrap=True)
    table.add_column("moved by")
    for row in rows:
        index, members, priced = row["index_symbol"], row["members"], row["members_priced"]
        if members == 0:
            continue
        if not row["is_covered"]:
            table.add_row(
                escape(index),
                f"{priced} of {members} members have a price: too few to say who moved it",
                style="yellow",
            )
            continue
        if index not in telling.steps:
            table.add_row(escape(index), "no official move is known: no points", style="yellow")
            continue
        movers = ", ".join(
            f"{company} {_known(moved.value, points)}" for company, moved in telling.movers(index)
        )
        table.add_row(escape(index), escape(movers))
        if priced < members:
            table.add_row("", f"{priced} of {members} members have a price", style="yellow")
    return table


def _without_the_lead(telling: Telling, rows: list[dict[str, Any]]) -> Table:
    """Tell what the indices did without all lines of the company that leads the session."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    if telling.lead is None:
        return table
    company = telling.lead.leading.value("company_symbol")
    for row in rows:
        if row["points_left_out"] is None:
            continue
        table.add_row(
            f"{escape(row['index_symbol'])} without {escape(company)}",
            _known(row["return_without"], percent),
            f"its part {points(row['points_left_out'])} points",
            f"at a weight of {row['weight_left_out'] * 100:.2f} %",
        )
    return table


def _basis_points(number: float) -> str:
    written = f"{number:+.2f}"
    return f"{'0.00' if written in {'+0.00', '-0.00'} else written} bps"


def _known(value: Any, how: Any) -> str:
    """Write a number if there is one."""
    if value is None:
        return "unknown"
    return str(how.format(value) if isinstance(how, str) else how(value))
