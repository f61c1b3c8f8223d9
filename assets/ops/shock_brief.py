"""``ops.shock_brief``: after each run, the page that tells its last session."""

from typing import cast

import dagster as dg

from assets.catalogue import place_of
from assets.ops.published_file import PUBLISHED
from assets.products.brief import pages
from assets.products.brief.writing import FOLDER, sessions_to_tell, write_brief
from assets.resources import Inputs

BRIEF = dg.AssetKey(["ops", "shock_brief"])
"""The page of the last session."""


@dg.asset(
    key=BRIEF,
    deps=[PUBLISHED],
    **place_of("ops.shock_brief"),
    kinds={"html", "duckdb"},
    required_resource_keys={"inputs"},
    description="The page that tells a session to people: what fell most and whether that is a "
    "record, who moved the indices, the market map, the claims, and what is missing. "
    "One file that needs nothing else; its pictures, tables and Markdown lie beside it.",
)
def shock_brief(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Write the brief of the run's last session, or of each one where the settings say so."""
    inputs = cast("Inputs", context.resources.inputs)
    published = inputs.settings.warehouse.resolve()
    days = sessions_to_tell(published, inputs.sessions, inputs.settings.briefs)
    if not days:
        said = "none asked for" if inputs.settings.briefs == "none" else "no session to tell"
        return dg.MaterializeResult(metadata={"brief": dg.MetadataValue.text(said)})
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
