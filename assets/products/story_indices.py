"""The part of the story that is told in points: what the indices did, and who did it."""

from datetime import date
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from assets.products.console import new_table, section
from assets.products.telling.questions import COVERED
from assets.products.wording import percent, points, short
from warehouse.reader import Reader

MOVERS = 4
"""Members named beside each index."""

INDEX_NAME_LENGTH = 15
"""Characters of an index's name that the table shows: it has to fit into 80."""


def indices(published: Reader, day: date) -> Group:
    """Tell what each index with members did, what its members add up to, and who moved it."""
    rows = published.rows(
        "SELECT r.*, arg_max(i.name, i.effective_from) AS name "
        "FROM mart.index_reconciliations r "
        "JOIN ref.indices i ON i.index_symbol = r.index_symbol "
        "WHERE r.session_date = $day AND r.members_priced > 0 "
        "GROUP BY ALL ORDER BY r.members DESC, r.index_symbol",
        day=day,
    )
    if not rows:
        return section("Indices", Text("no index with members in force on this session"))
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
    bodies = [table, _movers(published, day, rows)]
    without = _without_the_leader(published, day, rows)
    return section("Indices", *bodies, *([without] if without else []))


def _movers(published: Reader, day: date, rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column()
    for row in rows:
        if not _is_covered(row):
            table.add_row(
                escape(row["index_symbol"]),
                f"{row['members_priced']} of {row['members']} members have a price: too few to say "
                "who moved it",
                style="yellow",
            )
            continue
        movers = published.rows(
            "SELECT symbol, contribution_points FROM index_movers($index, $day, n := $n)",
            index=row["index_symbol"],
            day=day,
            n=MOVERS,
        )
        named = ", ".join(
            f"{mover['symbol']} {_known(mover['contribution_points'], points)}" for mover in movers
        )
        table.add_row(f"{escape(row['index_symbol'])} moved by", escape(named))
        if row["members_priced"] < row["members"]:
            table.add_row(
                "",
                f"{row['members_priced']} of {row['members']} members have a price",
                style="yellow",
            )
    return table


def _without_the_leader(published: Reader, day: date, rows: list[dict[str, Any]]) -> Table | None:
    """Tell what the indices did without all lines of the company that lost most."""
    lines = published.rows(
        "SELECT s.symbol, l.company_symbol FROM mart.market_cap_losses l "
        "JOIN ref.securities s USING (company_symbol) "
        "WHERE session_date = $day AND rank_on_session = 1 ORDER BY s.symbol",
        day=day,
    )
    if not lines:
        return None
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    for row in filter(_is_covered, rows):
        found = published.rows(
            "FROM index_without($index, $day, $symbols)",
            index=row["index_symbol"],
            day=day,
            symbols=[line["symbol"] for line in lines],
        )[0]
        if not found["left_out"]:
            continue
        table.add_row(
            f"{escape(row['index_symbol'])} without {escape(lines[0]['company_symbol'])}",
            _known(found["return_without"], percent),
            f"its part {_known(found['points_left_out'], points)} points",
            f"at a weight of {found['weight_left_out'] * 100:.2f} %",
        )
    return table if table.row_count else None


def _is_covered(row: dict[str, Any]) -> bool:
    """Tell whether enough members have a price to say who moved an index."""
    enough = row["members_priced"] >= COVERED * row["members"]
    return bool(row["is_divisor_published"] or enough)


def _basis_points(number: float) -> str:
    return "0.00 bps" if abs(number) < 0.005 else f"{number:+.2f} bps"  # noqa: PLR2004 - rounding


def _known(value: Any, how: Any) -> str:
    """Write a number if there is one."""
    if value is None:
        return "unknown"
    return str(how.format(value) if isinstance(how, str) else how(value))
