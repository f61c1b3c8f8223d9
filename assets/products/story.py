"""``capshock story``: a session, told on the console."""

import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from assets.products.console import Unit, new_table, section, short_path
from assets.products.sessions import (
    require_session,
    session_of_largest_loss,
)
from assets.products.story_indices import indices
from assets.products.telling.answers import Answer
from assets.products.telling.sentences import Standing
from assets.products.telling.session import Telling, tell_session
from assets.products.wording import (
    flags_in_words,
    in_words,
    listed,
    percent,
    short,
    unconfirmed,
)
from warehouse.errors import SessionNotCovered
from warehouse.reader import Reader, read_published

_MOVED = {"loss": ("lost", "bold red"), "gain": ("gained", "bold blue")}


def report_story(console: Console, path: Path, session: date | None) -> None:
    """Print the story of a session; by default the one with the largest loss in the file.

    Raises:
        WarehouseError: if there is no published file, or it is none of capshock's.
        SessionNotCovered: if the file does not hold the session, naming the ones around it.
    """
    with read_published(path) as published:
        telling = tell_session(published, _session(published, session))
    for part in story(telling):
        console.print(part)
    console.print(Text("\nWhere to look next", style="bold"))
    for command in _next(path, telling.session):
        console.print(f"  {escape(command)}", style="cyan", soft_wrap=True, highlight=False)


def story(telling: Telling) -> Iterator[Group]:
    """Yield the parts of a telling as the console shows them."""
    yield _headline(telling)
    yield _ranked(telling.losses.answer, "losses", "loss")
    yield _ranked(telling.gains.answer, "gains", "gain")
    yield _sectors(telling)
    yield indices(telling)
    yield _doubts(telling)


def _session(published: Reader, session: date | None) -> date:
    if session is not None:
        return require_session(published, session)
    largest = session_of_largest_loss(published)
    if largest is None:
        raise SessionNotCovered(
            "the published file holds no loss of any session", "Run `capshock run` first."
        )
    return largest


def _headline(telling: Telling) -> Group:
    day = telling.session
    title = Text(f"\n{day:%A}, {day.day} {day:%B %Y}", style="bold")
    lead = telling.lead
    restated = [Text(str(sentence), style="yellow") for sentence in telling.restated]
    if lead is None:
        return Group(title, Text(f"{telling.headline}."), *restated)
    # Where the lead is the news, the sentence about it is the headline.
    headline = [] if lead.is_news or not lead.is_known else [Text(f"{telling.headline}.")]
    return Group(title, *headline, *_about(lead), *restated)


def _about(lead: Standing) -> Iterator[Text]:
    moved, style = _MOVED[lead.side]
    row = next(_rows(lead.leading))
    yield Text.assemble(
        (f"{row['company_symbol']} {moved} {in_words(row['size_usd'])} dollars", style),
        f" of market value ({percent(row['return_1d'])}) at the close: {_standing(row)}",
    )
    if row["previous_record_usd"] is not None:
        yield Text(
            f"Largest before: {row['previous_record_symbol']} on {row['previous_record_date']}, "
            f"{in_words(row['previous_record_usd'])}."
        )
    if lead.side == "loss" and row["intraday_low_effect_usd"] is not None:
        yield Text(
            f"At the session's low: {in_words(-row['intraday_low_effect_usd'])} "
            f"({percent(row['intraday_low_return'])})."
        )
    yield Text(
        f"Counted with {row['effect_shares_outstanding'] / 1e6:,.0f} million shares, reported "
        f"{row['effect_shares_as_of']}. Price alone: dividends are not added back.",
        style="dim",
    )
    if row["flags"]:
        age = f" (the count is {row['effect_shares_age_days']} days old)"
        stale = age if "stale_share_count" in row["flags"] else ""
        dispute = f" ({row['share_count_dispute']})" if row["share_count_dispute"] else ""
        yield Text(
            f"Before you quote it: {flags_in_words(row['flags'])}{stale}{dispute}.", style="yellow"
        )


def _standing(row: dict[str, Any]) -> str:
    since = f"since {row['history_from']} among {row['companies_covered']} companies"
    if row["is_record"]:
        return f"the largest one-day {row['side']} of any company {since} with a history."
    if row["companies_covered"] == 0:
        return f"the history, from {row['history_from']} on, is too short to call records."
    if row["rank_to_date"] == 1 and (why := unconfirmed(row["flags"], row["witness"])):
        return f"it would be the largest one-day {row['side']} {since} with a history; {why}."
    plural = {"loss": "losses", "gain": "gains"}[row["side"]]
    return f"number {row['rank_to_date']:,} of all one-day {plural} {since} with a history."


def _rows(answer: Answer) -> Iterator[dict[str, Any]]:
    return answer.table.iter_rows(named=True)


def _ranked(answer: Answer, plural: str, side: str) -> Group:
    if not len(answer):
        return section(f"Largest {plural}", Text("none"))
    unit = Unit.fitting(answer.table[f"{side}_usd"])
    table = new_table("", "company", f"{side}, {unit.name}", "return", "rank", "flags")
    sign = -1 if side == "loss" else 1
    for row in _rows(answer):
        table.add_row(
            escape(row["company_symbol"]),
            escape(short(row["name"])),
            unit.write(row[f"{side}_usd"]),
            percent(sign * row[f"{side}_return"]),
            f"{row['rank_to_date']:,}",
            flags_in_words(row["flags"]),
        )
    since = answer.value("history_from")
    return section(f"Largest {plural} (rank: among all since {since})", table)


def _sectors(telling: Telling) -> Group:
    sectors, market = telling.sectors.answer, telling.market
    if not len(sectors):
        return section("Sectors", Text("none"))
    unit = Unit.fitting(
        row["losers_usd"] + row["gainers_usd"] for row in sectors.table.iter_rows(named=True)
    )
    headers = ("sector", f"net, {unit.name}", "losers", "gainers", "fell", "rose")
    table = new_table(*headers, text_columns=1)
    for row in _rows(sectors):
        table.add_row(escape(row["sector"]), *_sector_numbers(row, unit))
    table.add_section()
    table.add_row("All", *_sector_numbers(next(_rows(market)), unit))
    return section("Sectors", table)


def _sector_numbers(row: dict[str, Any], unit: Unit) -> tuple[str, ...]:
    return (
        unit.write(row["net_change_usd"], signed=True),
        unit.write(-row["losers_usd"], signed=True),
        unit.write(row["gainers_usd"], signed=True),
        str(row["losers"]),
        str(row["gainers"]),
    )


def _doubts(telling: Telling) -> Group:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for row in _rows(telling.doubts):
        table.add_row(row["doubt"], escape(listed(row["subjects"])))
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
