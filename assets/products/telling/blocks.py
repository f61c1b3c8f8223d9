"""The parts of a telling: a title, and a table of figures."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from assets.products.telling import questions
from assets.products.telling.answers import Answer, Figure, say


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: above it.
        name: the column of the answer.
        style: how its values are written, a name of ``STYLES``.
        empty: what stands where there is no value.
    """

    heading: str
    name: str
    style: str
    empty: str = ""

    @property
    def is_number(self) -> bool:
        """Tell whether the column is set to the right."""
        return self.style not in {"text", "name", "flags", "list", "day", "weekday"}


@dataclass(frozen=True)
class Block:
    """A part of a telling: a title, a note, and a table."""

    name: str
    title: Any
    note: Any
    answer: Answer
    columns: Sequence[Column]

    def rows(self) -> Iterator[tuple[Figure, ...]]:
        """Yield the rows of the table, as written."""
        return self.answer.figures([(column.name, column.style) for column in self.columns])


def file_name(index: str) -> str:
    """Name the points of an index as a file and a place on the page: ^GSPC is points-gspc."""
    return f"points-{re.sub('[^a-z0-9]+', '-', index.lower()).strip('-')}"


def indices_block(answer: Answer, company: str | None) -> Block:
    """What the indices did, with and without the company that leads."""
    columns = [
        Column("index", "name", "text"),
        Column("close", "level", "level"),
        Column("change", "actual_return", "percent"),
        Column("points", "actual_points", "points"),
    ]
    if company and answer.table["points_left_out"].null_count() < len(answer):
        columns += [
            Column(f"by {company}", "points_left_out", "points"),
            Column(f"without {company}", "return_without", "percent"),
        ]
    columns += [Column("last moved as far", "last_as_large_on", "day", "not before")]
    return Block("indices", "The indices", "", answer, columns)


def bars_block(answer: Answer, leading: Answer) -> Block:
    """The last sessions of the company that leads."""
    columns = (
        Column("session", "session_date", "day"),
        Column("open", "open", "price"),
        Column("high", "high", "price"),
        Column("low", "low", "price"),
        Column("close", "close", "price"),
        Column("volume", "volume", "shares"),
    )
    is_whole = len(answer) == questions.BARS
    has_bars = answer.table["open"].null_count() < len(answer)
    note = "A bar from open to close, a line from low to high, the close, and the shares traded"
    return Block(
        "bars",
        say(
            leading.figure("name", "name"),
            " over five sessions" if is_whole else ", session by session",
        ),
        note if has_bars else "Closes alone: the source has no open, high and low",
        answer,
        columns,
    )


def losses_block(answer: Answer) -> Block:
    """The largest losses, with their place among all."""
    return _ranked("losses", answer, "loss", "percent lost")


def gains_block(answer: Answer) -> Block:
    """The largest gains, with their place among all."""
    return _ranked("gains", answer, "gain", "percent")


def _ranked(plural: str, answer: Answer, side: str, style: str) -> Block:
    columns = (
        Column("", "company_symbol", "text"),
        Column("company", "name", "name"),
        Column(side, f"{side}_usd", "usd"),
        Column("return", f"{side}_return", style),
        Column("place", "rank_to_date", "count"),
        Column("to know", "flags", "flags"),
    )
    since = answer.figure("history_from", "day") if len(answer) else "the start"
    return Block(
        plural,
        f"The largest {plural} of market value",
        say(f"At the close, by price alone; place among all one-day {plural} since ", since),
        answer,
        columns,
    )


def steps_block(answer: Answer, indices: Answer, row: int) -> Block:
    """How the parts of an index add up to its move."""
    estimate = ". Units are an estimate" if indices.value("is_estimate", row) else ""
    members, priced = (
        indices.figure(column, "count", row) for column in ("members", "members_priced")
    )
    missing = (". ", priced, " of ", members, " members have a price")
    partly = missing if members.value > priced.value else ()
    residual = indices.figure("residual_bps", "bps", row)
    return Block(
        answer.question,
        indices.figure("name", "text", row),
        say("Points; ", residual, " of the move not explained", estimate, *partly),
        answer,
        (
            Column("", "step", "text"),
            Column("company", "company", "text"),
            Column("companies", "companies", "count"),
            Column("points", "points", "points"),
        ),
    )


def market_map_block(answer: Answer) -> Block:
    """Every company by market cap, sector and return."""
    columns = (
        Column("sector", "sector", "text"),
        Column("", "company_symbol", "text"),
        Column("company", "name", "name"),
        Column("market cap", "market_cap_usd", "usd"),
        Column("return", "return_1d", "percent"),
    )
    return Block(
        "map",
        "The market map",
        "Each field is a company, as large as its market cap, by sector. Orange fell, blue rose, "
        "full colour at five percent; grey: no move is known",
        answer,
        columns,
    )


def sectors_block(answer: Answer) -> Block:
    """What the sectors did."""
    columns = (
        Column("sector", "sector", "text"),
        Column("net", "net_change_usd", "signed usd"),
        Column("losers", "losers_usd", "loss"),
        Column("gainers", "gainers_usd", "signed usd"),
        Column("fell", "losers", "count"),
        Column("rose", "gainers", "count"),
    )
    return Block("sectors", "The sectors", "", answer, columns)


def claims_block(answer: Answer) -> Block:
    """The claims about the session."""
    columns = (
        Column("claim", "statement", "text"),
        Column("verdict", "verdict", "text"),
        Column("measured", "explanation", "text"),
    )
    return Block("claims", "What was claimed, and whether it holds", "", answer, columns)


def sources_block(answer: Answer) -> Block:
    """Where the prices come from."""
    columns = (
        Column("source of the prices", "source", "text"),
        Column("bars", "bars", "count"),
        Column("answers or files", "responses", "count"),
        Column("sha-256 of the first", "response_id", "digest"),
    )
    return Block("sources", "Where the prices come from", "", answer, columns)
