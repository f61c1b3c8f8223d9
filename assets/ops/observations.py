"""What the UI shows once readers see a run: a mart's last session, counts of what the gates wrote.

Observations, and not metadata of the marts' own materialisations: they speak of the published file.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from assets.products.previews import preview_of
from assets.table_asset import asset_key
from warehouse.schemas import TABLES, Table, ops
from warehouse.storage import Warehouse


def observations(warehouse: Warehouse, run_id: str) -> Iterator[dg.AssetObservation]:
    """Yield what is to be told of a run that has just been published.

    Args:
        warehouse: as published.
        run_id: the run.
    """
    versions = warehouse.read(ops.TableVersions.table()).rows_by_key("table_name", named=True)
    for name, model in TABLES.items():
        if name.startswith("mart."):
            rows = warehouse.read(name)
            [version] = versions[name]
            told = readers_see(version["version"], version["changed_at"])
            yield _observed(model, rows, told | preview_of(name, rows))
    quarantine = warehouse.read(ops.Quarantine.table())
    yield _observed(ops.Quarantine, quarantine, _counted(quarantine, "status"))
    outcomes = warehouse.read(ops.IngestOutcomes.table())
    of_run = outcomes.filter(pl.col("run_id") == run_id)
    yield _observed(ops.IngestOutcomes, outcomes, _counted(of_run, "outcome"))


def readers_see(version: int, changed_at: datetime) -> dict[str, Any]:
    """Say which state of a table is in the published file."""
    return {"readers see": f"version {version}, of {changed_at:%Y-%m-%d %H:%M} UTC"}


def _counted(rows: pl.DataFrame, column: str) -> dict[str, int]:
    counted = rows.group_by(column).len().sort(column)
    return {str(kind): int(number) for kind, number in counted.iter_rows()}


def _observed(model: type[Table], rows: pl.DataFrame, told: dict[str, Any]) -> dg.AssetObservation:
    metadata = {"dagster/row_count": rows.height, **told}
    return dg.AssetObservation(asset_key(model), metadata=metadata)
