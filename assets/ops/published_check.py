"""The check ``published`` of every table: whether readers see the state that was written last."""

from collections.abc import Iterator
from typing import cast

import dagster as dg

from assets.ops.published_file import PUBLISHED
from assets.table_asset import asset_key
from warehouse.errors import WarehouseError
from warehouse.io_manager import WarehouseIOManager
from warehouse.schemas import TABLES, ops
from warehouse.storage import Warehouse

NAME = "published"

_TABLES = {
    asset_key(model): name
    for name, model in TABLES.items()
    if not name.startswith("ops.") or model is ops.DataDictionary
}


@dg.multi_asset_check(
    name=NAME,
    specs=[
        dg.AssetCheckSpec(
            NAME,
            asset=key,
            additional_deps=[PUBLISHED],
            description="Whether readers of the published file see this state of the table. Where "
            "it has not run, the run ended before it could publish: they do not.",
        )
        for key in _TABLES
    ],
    can_subset=True,
    required_resource_keys={"io_manager"},
)
def published_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Compare the version of each table that this run made with the one that readers see."""
    warehouse = cast("WarehouseIOManager", context.resources.io_manager).open()
    written = versions_written(warehouse)
    seen = versions_seen(warehouse)
    for key in sorted({check.asset_key for check in context.selected_asset_check_keys}):
        table = _TABLES[key]
        is_seen = written[table] == seen.get(table)
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=NAME,
            passed=is_seen,
            severity=dg.AssetCheckSeverity.WARN,
            description=told(written[table], seen.get(table)),
        )


def told(written: int, seen: int | None) -> str:
    """Say which version of a table readers see."""
    if written == seen:
        return f"readers see this state, version {written}"
    shown = "none of it" if seen is None else f"version {seen}"
    return (
        f"readers see {shown}, and this is version {written}: materialise ops/published_file, or "
        "run `capshock run`"
    )


def versions_written(warehouse: Warehouse) -> dict[str, int]:
    """Return the version of each table that runs have written."""
    versions = warehouse.read(ops.TableVersions.table())
    return dict(versions.select("table_name", "version").iter_rows())


def versions_seen(warehouse: Warehouse) -> dict[str, int]:
    """Return the version of each table in the published file; none where there is no such file."""
    try:
        with warehouse.open_published() as reader:
            found = reader.rows("SELECT table_name, version FROM ops.table_versions")
    except WarehouseError:
        return {}
    return {row["table_name"]: row["version"] for row in found}
