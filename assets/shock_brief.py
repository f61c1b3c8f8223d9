"""``ops.shock_brief``: after each run, the page that tells its last session."""

from datetime import date
from pathlib import Path
from typing import cast

import dagster as dg

from assets.brief import pages
from assets.brief.content import Brief, compose
from assets.publication import PUBLISHED
from assets.resources import Inputs, session_bounds
from warehouse.connection import open_published
from warehouse.errors import WarehouseError
from warehouse.storage import Warehouse

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
    with open_published(published) as connection:
        brief = compose(connection, session)
    folder = briefs_beside(published)
    try:
        return brief, pages.write(brief, folder)
    except OSError as error:
        raise WarehouseError(
            f"{folder}: cannot write the brief of {session}: {error}",
            "Make room or the folder writable, then `capshock brief` writes it; "
            "the published file is not touched by it.",
        ) from error


def sessions_to_tell(published: Path, bounds: tuple[date, date] | None, which: str) -> list[date]:
    """Return the sessions that a run writes briefs of.

    Args:
        published: the published file.
        bounds: first and last session that the run fetched; None: it fetched none.
        which: ``last`` of them (of all, where it fetched none), ``all`` of them, or ``none``.
    """
    if which == "none":
        return []
    with open_published(published) as connection:
        days = [
            row[0]
            for row in connection.execute(
                "SELECT DISTINCT session_date FROM mart.market_caps ORDER BY session_date"
            ).fetchall()
        ]
    fetched = [day for day in days if bounds is None or bounds[0] <= day <= bounds[1]]
    return fetched if which == "all" and bounds is not None else fetched[-1:]


@dg.asset(
    key=["ops", "shock_brief"],
    deps=[PUBLISHED],
    group_name="ops",
    kinds={"html", "duckdb"},
    required_resource_keys={"io_manager", "inputs"},
    description="The page that tells a session to people: what fell most and whether that is a "
    "record, who moved the indices, the market map, the claims, and what is missing. "
    "One file that needs nothing else; its pictures, tables and Markdown lie beside it.",
)
def shock_brief(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Write the brief of the run's last session, or of each one where the settings say so."""
    warehouse = cast("Warehouse", context.resources.io_manager.open())
    inputs = cast("Inputs", context.resources.inputs)
    days = sessions_to_tell(warehouse.published, session_bounds(context.run), inputs.briefs)
    if not days:
        said = "none asked for" if inputs.briefs == "none" else "no session to tell"
        return dg.MaterializeResult(metadata={"brief": dg.MetadataValue.text(said)})
    for day in days:
        brief, page = write_brief(warehouse.published, day)
        for fault in brief.faults():
            context.log.warning("brief of %s: tables instead of pictures: %s", day, fault)
    return dg.MaterializeResult(
        metadata={
            "headline": dg.MetadataValue.text(str(brief.headline)),
            "brief": dg.MetadataValue.path(f"{FOLDER}/{page.name}"),
            "as_markdown": dg.MetadataValue.md(pages.markdown(brief)),
            "size_bytes": page.stat().st_size,
            "briefs_written": len(days),
        }
    )
