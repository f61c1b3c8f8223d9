"""A brief written beside the published file; light to import, for the command line."""

from datetime import date
from pathlib import Path

from assets.products.brief import pages
from assets.products.brief.pages import Brief, compose
from warehouse.errors import WarehouseError
from warehouse.reader import read_published

FOLDER = "briefs"
"""Folder of the pages, beside the published file."""


def briefs_beside(published: Path) -> Path:
    """Return the folder of the briefs of a published file."""
    return published.parent / FOLDER


def write_brief(published: Path, session: date) -> tuple[Brief, Path]:
    """Write the brief of a session beside the published file, from its tables alone.

    Returns:
        What it says, and the page.

    Raises:
        WarehouseError: if there is no published file, or the folder cannot be written.
    """
    with read_published(published) as reader:
        brief = compose(reader, session)
    folder = briefs_beside(published)
    try:
        return brief, pages.write(brief, folder)
    except OSError as error:
        raise WarehouseError(
            f"{folder}: cannot write the brief of {session}: {error}",
            "Make room or the folder writable, then `capshock brief` writes it; "
            "the published file is not touched by it.",
        ) from error


def is_written(published: Path, session: date) -> bool:
    """Tell whether there is a page of a session that is no older than the published file."""
    page = briefs_beside(published) / f"{session}.html"
    return page.exists() and page.stat().st_mtime >= published.stat().st_mtime


def sessions_to_tell(published: Path, bounds: tuple[date, date] | None, which: str) -> list[date]:
    """Return the sessions that a run writes briefs of.

    Args:
        published: the published file.
        bounds: first and last session that the run fetched; None: it fetched none.
        which: ``last`` of them (of all, where it fetched none), ``all`` of them, or ``none``.
    """
    if which == "none":
        return []
    with read_published(published) as reader:
        days = [
            row["session_date"]
            for row in reader.rows(
                "SELECT DISTINCT session_date FROM mart.market_caps ORDER BY session_date"
            )
        ]
    fetched = [day for day in days if bounds is None or bounds[0] <= day <= bounds[1]]
    return fetched if which == "all" and bounds is not None else fetched[-1:]
