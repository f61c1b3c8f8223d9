"""The pictures of a telling, each with its text alternative, drawn from its blocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from assets.products import charts
from assets.products.brief import pictures
from assets.products.telling.answers import Answer, Sentence, say
from assets.products.telling.blocks import Block
from assets.products.telling.session import Telling
from assets.products.wording import day_in_words, plain_name
from warehouse.errors import CannotDraw

MAP_SIZES = {"wide": (1040, 560), "narrow": (350, 640)}
"""Width and height of the market map, in pixels."""

BAR_NAME_LENGTH = 16
"""Characters of a name beside its bar."""


@dataclass(frozen=True)
class Picture:
    """A picture with its text alternative.

    Attributes:
        says: what it shows, for those who do not see it.
        svg: drawn for a wide page; empty: it could not be drawn.
        narrow_svg: drawn for a phone; empty: the wide one serves.
        titled_svg: drawn to stand alone.
        png: likewise.
        fault: why it could not be drawn.
    """

    says: Sentence
    svg: str = ""
    narrow_svg: str = ""
    titled_svg: str = ""
    png: bytes = b""
    fault: str = ""


def pictures_of(telling: Telling) -> dict[str, Picture]:
    """Draw a telling; by the name of the block."""
    day = day_in_words(telling.session)
    drawn = {}
    if telling.bars is not None and telling.lead is not None:
        name = telling.lead.leading.figure("name", "name")
        drawn[telling.bars.name] = _candles(telling.bars.answer, str(name), day)
    ranked, _ = telling.ranked()
    if len(ranked.answer):
        drawn[ranked.name] = _ranked(ranked, day)
    for block in telling.steps.values():
        drawn[block.name] = _waterfall(block, day)
    if len(telling.market_map.answer):
        drawn[telling.market_map.name] = _market_map(telling.market_map.answer, day)
    return drawn


def _drawn(
    title: str, says: Sentence, draw: Callable[[bool], charts.Drawable], *, narrow: bool
) -> Picture:
    """Draw a picture, for a phone too; where it cannot be drawn, say why.

    Args:
        title: what is shown, for where the picture stands alone.
        says: its text alternative.
        draw: returns the chart, given whether it is for a phone.
        narrow: whether a phone gets a drawing of its own.
    """
    try:
        wide = draw(False)
        alone = charts.titled(wide, title)
        return Picture(
            says,
            svg=charts.svg(wide),
            narrow_svg=charts.svg(draw(True)) if narrow else "",
            titled_svg=charts.svg(alone),
            png=charts.png(alone),
        )
    except CannotDraw as error:
        return Picture(says, fault=error.what)


def _texts(answer: Answer, column: str, style: str) -> pl.Series:
    return pl.Series([str(f) for (f,) in answer.figures([(column, style)])], dtype=pl.String)


def _enumerated(rows: Sequence[Sequence[Any]]) -> Sentence:
    """Join the rows of a picture to a sentence."""
    parts: list[Any] = []
    for row in rows:
        parts += [*row, "; "]
    return say(*parts[:-1], ".")


def _candles(answer: Answer, name: str, day: str) -> Picture:
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
    return _drawn(
        f"{name}, USD per share, {day}",
        say("Closes of ", name, ": ", says),
        lambda _: pictures.candles(rows),
        narrow=False,
    )


def _ranked(block: Block, day: str) -> Picture:
    answer, side = block.answer, {"losses": "loss", "gains": "gain"}[block.name]
    percent = "percent lost" if side == "loss" else "percent"
    rows = pl.DataFrame(
        {
            "symbol": answer.table["company_symbol"],
            "name": [plain_name(name, BAR_NAME_LENGTH) for name in answer.table["name"]],
            "value": answer.table[f"{side}_usd"],
            "usd_said": _texts(answer, f"{side}_usd", "usd"),
            "return_said": _texts(answer, f"{side}_return", percent),
            "place_said": "no. " + _texts(answer, "rank_to_date", "count"),
        }
    )
    says = _enumerated(
        [
            (answer.figure("company_symbol", "text", row), " ",
             answer.figure(f"{side}_usd", "usd", row), " (",
             answer.figure(f"{side}_return", percent, row), ")")
            for row in range(len(answer))
        ]
    )  # fmt: skip
    color = charts.LOSS if side == "loss" else charts.GAIN
    return _drawn(
        f"Largest {block.name} of market value, {day}",
        say(f"{block.name.capitalize()} of market value: ", says),
        lambda narrow: pictures.ranked_bars(rows, color, narrow=narrow),
        narrow=True,
    )


def _waterfall(block: Block, day: str) -> Picture:
    answer = block.answer
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
    says = _enumerated(
        [(label, " ", answer.figure("points", "points", step)) for step, label in enumerate(labels)]
    )
    return _drawn(
        f"{block.title}, points, {day}",
        say("Points of the ", block.title, ": ", says),
        lambda _: pictures.waterfall(steps.drop_nulls("points")),
        narrow=False,
    )


def _market_map(answer: Answer, day: str) -> Picture:
    rows = answer.table.select(
        "sector",
        symbol="company_symbol",
        cap="market_cap_usd",
        said=_texts(answer, "return_1d", "percent"),
    ).with_columns(answer.table["return_1d"].alias("return"))
    return _drawn(
        f"Market map, {day}",
        say("A map of companies by market cap and return; the table below it has all of them."),
        lambda narrow: pictures.market_map(rows, *MAP_SIZES["narrow" if narrow else "wide"]),
        narrow=True,
    )
