"""A brief as files: the page, the pictures, the tables, and Markdown for a chat or a commit."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
import polars as pl
from markupsafe import Markup

from assets.products.brief.drawing import Picture, pictures_of
from assets.products.telling.answers import Figure, Sentence
from assets.products.telling.blocks import Block
from assets.products.telling.session import Telling, tell_session
from assets.products.wording import day_in_words
from warehouse.reader import Reader

_TEMPLATES = Path(__file__).parent / "templates"

_MARKUP = ("<", ">", "|", "*", "_", "`", "[", "]", "#", "\\")


@dataclass(frozen=True)
class Brief:
    """A telling with its pictures, by the name of their block."""

    telling: Telling
    pictures: Mapping[str, Picture]

    def faults(self) -> list[str]:
        """Return why pictures could not be drawn."""
        faults = (picture.fault for picture in self.pictures.values())
        return list(dict.fromkeys(fault for fault in faults if fault))


def compose(published: Reader, session: date) -> Brief:
    """Tell a session and draw its pictures."""
    telling = tell_session(published, session)
    return Brief(telling, pictures_of(telling))


@dataclass(frozen=True)
class Judged:
    """A claim as it is shown: a sign and a word for its verdict, never a colour alone."""

    kind: str
    sign: str
    word: str
    statement: Figure
    explanation: Figure
    holds_by: Figure


def html(brief: Brief) -> str:
    """Return the page: self-contained, nothing is fetched."""
    environment = _environment()
    return environment.get_template("page.html.j2").render(
        _shared(brief.telling)
        | {"style": _style(), "units": list(_units(brief.telling)), "pictures": brief.pictures}
    )


def markdown(telling: Telling) -> str:
    """Return a telling as Markdown, without pictures."""
    environment = _environment().overlay(autoescape=False, finalize=_escaped)
    text = environment.get_template("brief.md.j2").render(
        _shared(telling) | {"table": _markdown_table}
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def write(brief: Brief, folder: Path) -> Path:
    """Write a brief into a folder: ``<session>.html``, and ``<session>/`` with all of its parts.

    Each file is put in place in one step. Parts of an earlier brief of the session that this one
    has no more go.

    Returns:
        The page.
    """
    telling = brief.telling
    parts = folder / str(telling.session)
    parts.mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {"brief.md": markdown(telling).encode()}
    for block in telling.blocks():
        files[f"{block.name}.csv"] = _csv(block.answer.table)
    for name, picture in brief.pictures.items():
        if picture.svg:
            files[f"{name}.svg"] = picture.titled_svg.encode()
            files[f"{name}.png"] = picture.png
    for name, content in files.items():
        _put(parts / name, content)
    for stale in set(parts.iterdir()) - {parts / name for name in files}:
        stale.unlink()
    page = folder / f"{telling.session}.html"
    _put(page, html(brief).encode())
    return page


def _put(path: Path, content: bytes) -> None:
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_bytes(content)
    half.replace(path)


def _csv(table: pl.DataFrame) -> bytes:
    lists = [name for name, dtype in table.schema.items() if isinstance(dtype, pl.List)]
    return table.with_columns(pl.col(lists).list.join("; ")).write_csv().encode()


def _shared(telling: Telling) -> dict[str, Any]:
    doubts = list(telling.doubts.figures([("doubt", "text"), ("subjects", "list")]))
    return {
        "telling": telling,
        "day": day_in_words(telling.session),
        "weekday": f"{telling.session:%A}",
        "claims": list(_claims(telling.claims)),
        "found": [(doubt, subjects) for doubt, subjects in doubts if subjects.value],
        "not_found": [doubt for doubt, subjects in doubts if not subjects.value],
    }


def _claims(block: Block) -> Iterator[tuple[Figure, Figure, list[Judged]]]:
    """Yield title, outlet and claims of each article."""
    answer = block.answer
    titles = groupby(range(len(answer)), key=lambda row: answer.value("title", row))
    for _, rows in titles:
        judged = [_judged(block, row) for row in rows]
        first = int(judged[0].statement.place.split("/")[1])
        yield answer.figure("title", "text", first), answer.figure("outlet", "text", first), judged


def _judged(block: Block, row: int) -> Judged:
    answer = block.answer
    verdict = answer.value("verdict", row)
    kind, sign, word = next(
        judgement
        for start, judgement in (
            ("holds only", ("otherwise", "◐", "holds counted otherwise")),
            ("holds", ("holds", "✓", "holds")),
            ("overstated", ("fails", "✗", "overstated")),
            ("understated", ("fails", "✗", "understated")),
            ("", ("open", "?", "not checkable here")),
        )
        if verdict.startswith(start)
    )
    figures = (answer.figure(n, "text", row) for n in ("statement", "explanation", "holds_by"))
    return Judged(kind, sign, word, *figures)


def _units(telling: Telling) -> Iterator[tuple[Figure, Figure]]:
    """Yield name and source of the units of each index with members."""
    answer = telling.indices.answer
    for row in range(len(answer)):
        if answer.value("is_covered", row):
            yield answer.figure("name", "text", row), answer.figure("holdings_source", "text", row)


def _inline(svg: str, name: str) -> Markup:
    """Return a picture for the page: its ids are its own, and it is read as one image."""
    svg = re.sub(r'(id="|url\(#)', rf"\g<1>{name}-", svg[svg.index("<svg") :])
    return Markup(svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1))  # noqa: S704 - drawn here


def _escaped(value: Any) -> Any:
    """Write a value into Markdown; what comes from the tables is text, not markup."""
    if isinstance(value, Sentence):
        return "".join(_escaped(part) for part in value.parts)
    if isinstance(value, Figure):
        return "".join(f"\\{c}" if c in _MARKUP else c for c in value.text.replace("\n", " "))
    return value


def _markdown_table(block: Block) -> str:
    heads = [column.heading for column in block.columns]
    rules = ["---:" if column.is_number else "---" for column in block.columns]
    rows = [
        [
            column.empty if cell.value is None else _escaped(cell)
            for cell, column in zip(row, block.columns, strict=True)
        ]
        for row in block.rows()
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rules, *rows))


def _style() -> Markup:
    return Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - ours


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = _inline
    return environment
