"""The parts of a brief: a title, a picture, and the table behind it."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from assets.products import charts
from assets.products.brief import pictures
from assets.products.telling import questions
from assets.products.telling.answers import Answer, Figure, Said, say
from assets.products.wording import day_in_words, plain_name
from warehouse.errors import CannotDraw

MAP_SIZES = {"wide": (1040, 560), "narrow": (350, 640)}
"""Width and height of the market map, in pixels."""


BAR_NAME_LENGTH = 16
"""Characters of a name beside its bar."""


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
class Picture:
    """A picture with its text alternative.

    Attributes:
        name: of its files.
        says: what it shows, for those who do not see it.
        svg: drawn for a wide page; empty: it could not be drawn.
        narrow_svg: drawn for a phone; empty: the wide one serves.
        titled_svg: drawn to stand alone.
        png: likewise.
        fault: why it could not be drawn.
    """

    name: str
    says: Said
    svg: str = ""
    narrow_svg: str = ""
    titled_svg: str = ""
    png: bytes = b""
    fault: str = ""


@dataclass(frozen=True)
class Block:
    """A part of the page: a title, a picture, and the table behind it."""

    name: str
    title: Any
    note: Any
    answer: Answer
    columns: Sequence[Column]
    picture: Picture | None = None

    def rows(self) -> Iterator[tuple[Figure, ...]]:
        """Yield the rows of the table, as written."""
        return self.answer.figures([(column.name, column.style) for column in self.columns])


def file_name(index: str) -> str:
    """Name the points of an index as a file and a place on the page: ^GSPC is points-gspc."""
    return f"points-{re.sub('[^a-z0-9]+', '-', index.lower()).strip('-')}"


def _drawn(
    name: str, title: str, says: Said, draw: Callable[[bool], charts.Drawable], *, narrow: bool
) -> Picture:
    """Draw a picture, for a phone too; where it cannot be drawn, say why.

    Args:
        name: of its files.
        title: what is shown, for where the picture stands alone.
        says: its text alternative.
        draw: returns the chart, given whether it is for a phone.
        narrow: whether a phone gets a drawing of its own.
    """
    try:
        wide = draw(False)
        alone = charts.titled(wide, title)
        return Picture(
            name,
            says,
            svg=charts.svg(wide),
            narrow_svg=charts.svg(draw(True)) if narrow else "",
            titled_svg=charts.svg(alone),
            png=charts.png(alone),
        )
    except CannotDraw as error:
        return Picture(name, says, fault=error.what)


def _texts(answer: Answer, column: str, style: str) -> pl.Series:
    return pl.Series([str(f) for (f,) in answer.figures([(column, style)])], dtype=pl.String)


def _enumerated(parts: Sequence[Sequence[Any]]) -> Said:
    """Join the rows of a picture to a sentence."""
    said: list[Any] = []
    for part in parts:
        said += [*part, "; "]
    return say(*said[:-1], ".")


def indices_block(answer: Answer, company: str | None) -> Block:
    """What the indices did, with and without the leading loser."""
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


def bars_block(answer: Answer, loss: Answer, session: date) -> Block:
    """The last sessions of the leading loser."""
    columns = (
        Column("session", "session_date", "day"),
        Column("open", "open", "price"),
        Column("high", "high", "price"),
        Column("low", "low", "price"),
        Column("close", "close", "price"),
        Column("volume", "volume", "shares"),
    )
    rows = answer.table.with_columns(
        day=_texts(answer, "session_date", "weekday"),
        close_said=_texts(answer, "close", "price"),
        volume_said=_texts(answer, "volume", "shares"),
    ).with_columns(volume_said=pl.when(pl.col("volume").is_not_null()).then("volume_said"))
    says = _enumerated(
        [
            (answer.figure("session_date", "day", row), " ", answer.figure("close", "price", row))
            for row in range(len(answer))
        ]
    )
    name = loss.figure("name", "name")
    is_whole = len(answer) == questions.CANDLES
    has_bars = rows["open"].null_count() < rows.height
    note = "A bar from open to close, a line from low to high, the close, and the shares traded"
    return Block(
        "bars",
        say(
            name,
            " over five sessions" if is_whole else ", session by session",
        ),
        note if has_bars else "Closes alone: the source has no open, high and low",
        answer,
        columns,
        _drawn(
            "bars",
            f"{name}, USD per share, {day_in_words(session)}",
            say("Closes of ", name, ": ", says),
            lambda _: pictures.candles(rows),
            narrow=False,
        ),
    )


def losses_block(answer: Answer, session: date) -> Block:
    """The largest losses, with their place among all."""
    columns = (
        Column("", "company_symbol", "text"),
        Column("company", "name", "name"),
        Column("loss", "loss_usd", "usd"),
        Column("return", "loss_return", "percent lost"),
        Column("place", "rank_to_date", "count"),
        Column("to know", "flags", "flags"),
    )
    since = answer.figure("history_from", "day") if len(answer) else "the start"
    rows = pl.DataFrame(
        {
            "symbol": answer.table["company_symbol"],
            "name": [plain_name(name, BAR_NAME_LENGTH) for name in answer.table["name"]],
            "value": answer.table["loss_usd"],
            "usd_said": _texts(answer, "loss_usd", "usd"),
            "return_said": _texts(answer, "loss_return", "percent lost"),
            "place_said": "no. " + _texts(answer, "rank_to_date", "count"),
        }
    )
    says = _enumerated(
        [
            (answer.figure("company_symbol", "text", row), " ",
             answer.figure("loss_usd", "usd", row), " (",
             answer.figure("loss_return", "percent lost", row), ")")
            for row in range(len(answer))
        ]
    )  # fmt: skip
    return Block(
        "losses",
        "The largest losses of market value",
        say("At the close, by price alone; place among all one-day losses since ", since),
        answer,
        columns,
        _drawn(
            "losses",
            f"Largest losses of market value, {day_in_words(session)}",
            say("Losses of market value: ", says),
            lambda narrow: pictures.ranked_bars(rows, narrow=narrow),
            narrow=True,
        )
        if len(answer)
        else None,
    )


def waterfall_block(answer: Answer, indices: Answer, row: int, session: date) -> Block:
    """How the parts of an index add up to its move."""
    labels = []
    for step in range(len(answer)):
        company = answer.value("company", step)
        labels.append(
            {
                "company": company,
                "others": f"{answer.value('companies', step)} others",
                "residual": "not explained",
                "index": "the index",
                "without": f"without {company}",
            }[answer.value("step", step)]
        )
    steps = answer.table.select("step", "points").with_columns(
        label=pl.Series(labels, dtype=pl.String), said=_texts(answer, "points", "points")
    )
    name = indices.figure("name", "text", row)
    says = _enumerated(
        [(label, " ", answer.figure("points", "points", step)) for step, label in enumerate(labels)]
    )
    estimate = ". Units are an estimate" if indices.value("is_estimate", row) else ""
    members, priced = (
        indices.figure(column, "count", row) for column in ("members", "members_priced")
    )
    missing = (". ", priced, " of ", members, " members have a price")
    partly = missing if members.value > priced.value else ()
    return Block(
        answer.question,
        name,
        say(
            "Points; ", indices.figure("residual_bps", "bps", row), " of the move not explained",
            estimate, *partly,
        ),
        answer,
        (
            Column("", "step", "text"),
            Column("company", "company", "text"),
            Column("companies", "companies", "count"),
            Column("points", "points", "points"),
        ),
        _drawn(
            answer.question,
            f"{name}, points, {day_in_words(session)}",
            say("Points of the ", name, ": ", says),
            lambda _: pictures.waterfall(steps.drop_nulls("points")),
            narrow=False,
        ),
    )  # fmt: skip


def market_map_block(answer: Answer, session: date) -> Block:
    """Every company by market cap, sector and return."""
    columns = (
        Column("sector", "sector", "text"),
        Column("", "company_symbol", "text"),
        Column("company", "name", "name"),
        Column("market cap", "market_cap_usd", "usd"),
        Column("return", "return_1d", "percent"),
    )
    rows = answer.table.select(
        "sector",
        symbol="company_symbol",
        cap="market_cap_usd",
        said=_texts(answer, "return_1d", "percent"),
    ).with_columns(answer.table["return_1d"].alias("return"))
    return Block(
        "map",
        "The market map",
        "Each field is a company, as large as its market cap, by sector. Orange fell, blue rose, "
        "full colour at five percent; grey: no move is known",
        answer,
        columns,
        _drawn(
            "map",
            f"Market map, {day_in_words(session)}",
            say("A map of companies by market cap and return; the table below it has all of them."),
            lambda narrow: pictures.market_map(rows, *MAP_SIZES["narrow" if narrow else "wide"]),
            narrow=True,
        )
        if len(answer)
        else None,
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
