"""``capshock brief``: the page of a session, written from the published file."""

import webbrowser
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from assets.products.brief.writing import write_brief
from assets.products.console import short_path
from assets.products.sessions import last_session, require_session
from warehouse.errors import SessionNotCovered
from warehouse.reader import Reader, read_published


def report_brief(console: Console, path: Path, session: date | None, *, open_it: bool) -> None:
    """Write the brief of a session, by default the last one, and say where it lies.

    Raises:
        WarehouseError: if there is no published file, or the folder cannot be written.
        SessionNotCovered: if the file does not hold the session.
    """
    with read_published(path) as published:
        day = _session(published, session)
    brief, page = write_brief(path, day)
    parts = short_path(page.with_suffix(""))

    def say(text: str, style: str = "") -> None:
        console.print(escape(text), style=style, highlight=False, soft_wrap=True)

    say(f"{brief.telling.headline}", "bold")
    say(f"  the page      {short_path(page)}")
    say(f"  for a chat    {parts}/brief.md")
    drawn = [name for name, picture in brief.pictures.items() if picture.svg]
    if drawn:
        say(f"  pictures      {parts}/*.svg, *.png: {', '.join(drawn)}")
    tables = [block.name for block in brief.telling.blocks()]
    say(f"  tables        {parts}/*.csv: {', '.join(tables)}")
    for fault in brief.faults():
        say(f"The page has tables instead of pictures: {fault}", "yellow")
    if open_it:
        webbrowser.open(page.as_uri())


def _session(published: Reader, session: date | None) -> date:
    if session is not None:
        return require_session(published, session)
    last = last_session(published)
    if last is None:
        raise SessionNotCovered("the published file holds no session", "Run `capshock run` first.")
    return last
