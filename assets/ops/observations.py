"""What the UI shows once readers see a run: a mart's last session, counts of what the gates wrote.

Observations, and not metadata of the marts' own materialisations: they speak of the published file.
What the gates wrote has no step of its own: its materialisation is told here.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from assets.products.previews import previews
from assets.table_asset import asset_key
from warehouse.schemas import TABLES, ops
from warehouse.storage import Warehouse


def observations(
    warehouse: Warehouse, run_id: str
) -> Iterator[dg.AssetObservation | dg.AssetMaterialization]:
    """Yield what is to be told of a run that has just been published.

    Args:
        warehouse: as published.
        run_id: the run.
    """
    versions = warehouse.read(ops.TableVersions.table())
    with warehouse.open_published() as reader:
        shown = previews(reader)
        rows_of = {
            name: reader.count(name) for name in versions["table_name"] if name.startswith("mart.")
        }
    for name, version, changed_at in versions.select(
        "table_name", "version", "changed_at"
    ).iter_rows():
        if name.startswith("mart."):
            seen: dict[str, Any] = {
                "dagster/row_count": rows_of[name],
                "readers see": f"version {version}, of {changed_at:%Y-%m-%d %H:%M} UTC",
            }
            yield dg.AssetObservation(asset_key(TABLES[name]), metadata=seen | shown.get(name, {}))
    quarantine = warehouse.read(ops.Quarantine.table())
    yield dg.AssetMaterialization(
        asset_key(ops.Quarantine), metadata=_counted(quarantine) | _by_kind(quarantine, "status")
    )
    overrides = warehouse.read(ops.PublishOverrides.table())
    in_force = {"in force": int(overrides["is_in_force"].sum())}
    yield dg.AssetMaterialization(
        asset_key(ops.PublishOverrides), metadata=_counted(overrides) | in_force
    )
    forgotten = warehouse.read(ops.Forgotten.table())
    yield dg.AssetMaterialization(asset_key(ops.Forgotten), metadata=_counted(forgotten))
    publications = warehouse.read(ops.Publications.table())
    yield dg.AssetMaterialization(asset_key(ops.Publications), metadata=_counted(publications))
    with warehouse.open_published() as reader:
        for model in (ops.PublishedSessions, ops.Restatements):
            rows = {"dagster/row_count": reader.count(model.table())}
            yield dg.AssetMaterialization(asset_key(model), metadata=rows)
    outcomes = warehouse.read(ops.IngestOutcomes.table())
    of_run = outcomes.filter(pl.col("run_id") == run_id)
    yield dg.AssetMaterialization(
        asset_key(ops.IngestOutcomes), metadata=_counted(outcomes) | _by_kind(of_run, "outcome")
    )


def _counted(rows: pl.DataFrame) -> dict[str, Any]:
    return {"dagster/row_count": rows.height}


def _by_kind(rows: pl.DataFrame, column: str) -> dict[str, int]:
    counted = rows.group_by(column).len().sort(column)
    return {str(kind): int(number) for kind, number in counted.iter_rows()}
