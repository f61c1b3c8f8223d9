"""``ops.shock_brief``: after each run, the page that tells its last session."""

from typing import cast

import dagster as dg

from assets.catalogue import place_of
from assets.ops.published_file import PUBLISHED
from assets.products.brief import pages
from assets.products.brief.writing import FOLDER, is_written, sessions_to_tell, write_brief
from assets.resources import Inputs
from warehouse.io_manager import STANDS
from warehouse.storage import Warehouse

BRIEF = dg.AssetKey(["ops", "shock_brief"])
"""The page of the last session."""


@dg.asset(
    key=BRIEF,
    deps=[PUBLISHED],
    **place_of("ops.shock_brief"),
    kinds={"html", "duckdb"},
    required_resource_keys={"inputs", "io_manager"},
    description="The page that tells a session to people: what fell most and whether that is a "
    "record, who moved the indices, the market map, the claims, and what is missing. "
    "One file that needs nothing else; its pictures, tables and Markdown lie beside it.",
)
def shock_brief(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Write the brief of the run's last session, or of each one where the settings say so.

    A page that was written from what readers have still stays as it is.
    """
    inputs = cast("Inputs", context.resources.inputs)
    warehouse = cast("Warehouse", context.resources.io_manager.open())
    published = inputs.settings.warehouse.resolve()
    days = sessions_to_tell(published, inputs.sessions, inputs.settings.briefs)
    if not days:
        said = "none asked for" if inputs.settings.briefs == "none" else "no session to tell"
        return dg.MaterializeResult(metadata={"brief": dg.MetadataValue.text(said)})
    last = warehouse.last_publication()
    if last is not None and last["run_id"] != inputs.run_id and not inputs.is_rebuilt:
        days = [day for day in days if not is_written(published, day)]
        if not days:
            return dg.MaterializeResult(metadata={STANDS: "told already of what readers have"})
    for day in days:
        brief, page = write_brief(published, day)
        for fault in brief.faults():
            context.log.warning("brief of %s: tables instead of pictures: %s", day, fault)
    return dg.MaterializeResult(
        metadata={
            "headline": dg.MetadataValue.text(str(brief.telling.headline)),
            "brief": dg.MetadataValue.path(f"{FOLDER}/{page.name}"),
            "as_markdown": dg.MetadataValue.md(pages.markdown(brief.telling)),
            "size_bytes": page.stat().st_size,
            "briefs_written": len(days),
        }
    )
