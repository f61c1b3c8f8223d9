"""``capshock story``: a session told from the published file."""

import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from assets.products.console import (
    Unit,
    new_table,
    require_session,
    section,
    short_path,
)
from assets.products.doubts import DOUBTS
from assets.products.story_indices import indices
from assets.products.wording import flags_in_words, in_words, listed, percent, short
from warehouse.errors import SessionNotCovered
from warehouse.reader import Reader, read_published

SHOWN = 10
"""Rows of each ranking of the story."""


def tell(console: Console, path: Path, session: date | None) -> None:
    """Print the story of a session; by default the one with the largest loss in the file.

    Raises:
        WarehouseError: if there is no published file, or it is none of capshock's.
        SessionNotCovered: if the file does not hold the session, naming the ones around it.
    """
    with read_published(path) as published:
        day = _session(published, session)
        console.print(_headline(published, day))
        console.print(_ranked(published, day, "losses", "loss"))
        console.print(_ranked(published, day, "gains", "gain"))
        console.print(_sectors(published, day))
        console.print(indices(published, day))
        console.print(_missing(published, day))
        console.print(Text("\nWhere to look next", style="bold"))
        for command in _next(path, day):
            console.print(f"  {escape(command)}", style="cyan", soft_wrap=True, highlight=False)


def _session(published: Reader, session: date | None) -> date:
    if session is None:
        found = published.rows(
            "SELECT session_date FROM mart.market_cap_losses ORDER BY loss_usd DESC LIMIT 1"
        )
        if not found:
            raise SessionNotCovered(
                "the published file holds no loss of any session", "Run `capshock run` first."
            )
        day: date = found[0]["session_date"]
        return day
    return require_session(published, session)


def _headline(published: Reader, day: date) -> Group:
    top = published.rows(
        "SELECT l.*, s.name, c.intraday_low_effect_usd, c.intraday_low_return, c.close_usd, "
        "c.effect_shares_outstanding, c.effect_shares_as_of, "
        "session_date - c.effect_shares_as_of AS effect_shares_age_days "
        "FROM mart.market_cap_losses l JOIN mart.market_caps c USING (company_symbol, session_date)"
        " JOIN ref.securities s ON s.symbol = l.company_symbol "
        "WHERE session_date = $day AND rank_on_session = 1",
        day=day,
    )
    title = Text(f"\n{day:%A}, {day.day} {day:%B %Y}", style="bold")
    if not top:
        return Group(title, Text("No loss of market value of any company is known."))
    t = top[0]
    lines = [
        Text.assemble(
            (f"{t['company_symbol']} lost {in_words(t['loss_usd'])} dollars", "bold red"),
            f" of market value ({percent(-t['loss_return'])}) at the close: {_standing(t)}",
        )
    ]
    if t["previous_record_usd"] is not None:
        earlier = published.rows(
            "SELECT company_symbol FROM mart.market_cap_losses "
            "WHERE session_date = $day AND rank_on_session = 1",
            day=t["previous_record_date"],
        )[0]["company_symbol"]
        lines.append(
            Text(
                f"Largest before: {earlier} on {t['previous_record_date']}, "
                f"{in_words(t['previous_record_usd'])}."
            )
        )
    if t["intraday_low_effect_usd"] is not None:
        lines.append(
            Text(
                f"At the session's low: {in_words(-t['intraday_low_effect_usd'])} "
                f"({percent(t['intraday_low_return'])})."
            )
        )
    lines.append(
        Text(
            f"Counted with {t['effect_shares_outstanding'] / 1e6:,.0f} million shares, first seen "
            f"{t['effect_shares_as_of']}. Price alone: dividends are not added back.",
            style="dim",
        )
    )
    if t["flags"]:
        age = f" (the count is {t['effect_shares_age_days']} days old)"
        stale = age if "stale_share_count" in t["flags"] else ""
        lines.append(
            Text(f"Before you quote it: {flags_in_words(t['flags'])}{stale}.", style="yellow")
        )
    return Group(title, *lines)


def _standing(loss: dict[str, Any]) -> str:
    since = f"since {loss['history_from']} among {loss['companies_covered']} companies"
    if loss["is_record"]:
        return f"the largest one-day loss of any company {since} with a history."
    if loss["companies_covered"] == 0:
        return f"the history, from {loss['history_from']} on, is too short to call records."
    return f"number {loss['rank_to_date']:,} of all one-day losses {since} with a history."


def _ranked(published: Reader, day: date, what: str, size: str) -> Group:
    rows = published.rows(
        f"SELECT m.*, s.name FROM mart.market_cap_{what} m "
        "JOIN ref.securities s ON s.symbol = m.company_symbol "
        "WHERE session_date = $day ORDER BY rank_on_session LIMIT $shown",
        day=day,
        shown=SHOWN,
    )
    if not rows:
        return section(f"Largest {what}", Text("none"))
    unit = Unit.fitting(row[f"{size}_usd"] for row in rows)
    table = new_table("", "company", f"{size}, {unit.name}", "return", "rank", "flags")
    sign = -1 if size == "loss" else 1
    for row in rows:
        table.add_row(
            escape(row["company_symbol"]),
            escape(short(row["name"])),
            unit.write(row[f"{size}_usd"]),
            percent(sign * row[f"{size}_return"]),
            f"{row['rank_to_date']:,}",
            flags_in_words(row["flags"]),
        )
    since = rows[0]["history_from"]
    return section(f"Largest {what} (rank: among all since {since})", table)


def _sectors(published: Reader, day: date) -> Group:
    rows = published.rows(
        "SELECT * FROM mart.sector_moves WHERE session_date = $day ORDER BY net_change_usd",
        day=day,
    )
    unit = Unit.fitting(row["losers_usd"] + row["gainers_usd"] for row in rows)
    headers = ("sector", f"net, {unit.name}", "losers", "gainers", "fell", "rose")
    table = new_table(*headers, text_columns=1)
    total = dict.fromkeys(("net_change_usd", "losers_usd", "gainers_usd", "losers", "gainers"), 0)
    for row in rows:
        table.add_row(escape(row["sector"]), *_sector_numbers(row, unit))
        for name in total:
            total[name] += row[name]
    table.add_section()
    table.add_row("All", *_sector_numbers(total, unit))
    return section("Sectors", table)


def _sector_numbers(row: dict[str, Any], unit: Unit) -> tuple[str, ...]:
    return (
        unit.write(row["net_change_usd"], signed=True),
        unit.write(-row["losers_usd"], signed=True),
        unit.write(row["gainers_usd"], signed=True),
        str(row["losers"]),
        str(row["gainers"]),
    )


def _missing(published: Reader, day: date) -> Group:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for label, query in DOUBTS.items():
        found = [row["subject"] for row in published.rows(query, day=day)]
        table.add_row(label, escape(listed(found)))
    return section("What is missing or doubtful", table)


def _next(path: Path, day: date) -> tuple[str, ...]:
    """Name three commands to try, as they are typed in this folder."""
    duckdb_cli, capshock = _command("duckdb"), _command("capshock")
    largest = "FROM mart.market_cap_losses ORDER BY loss_usd DESC LIMIT 20"
    return (
        f'{duckdb_cli} -readonly {short_path(path)} "{largest}"',
        f"{capshock} claims",
        f"{capshock} brief --session {day} --open",
    )


def _command(name: str) -> str:
    """Return how a command of this environment is called from the current folder."""
    installed = Path(sys.prefix) / "bin" / name
    is_active = os.environ.get("VIRTUAL_ENV") == sys.prefix
    if is_active or not installed.is_relative_to(Path.cwd()):
        return name
    return str(installed.relative_to(Path.cwd()))
