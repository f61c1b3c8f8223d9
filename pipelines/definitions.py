"""The code location: every table as an asset, the job that refreshes them, what they are given."""

from typing import cast

import dagster as dg

import assets
from assets.resources import Inputs
from assets.table_asset import asset_key
from pipelines.partitions import session_partitions
from pipelines.settings import Settings
from warehouse.io_manager import WarehouseIOManager
from warehouse.schemas import raw

REFRESH = "refresh"
"""The job that fetches sessions and brings every table up to date."""

OWNERS = ("team:capshock",)


def inputs_of(settings: Settings) -> Inputs:
    """Return where raw and reference data come from."""
    return Inputs(
        source=settings.source,
        data_dir=str(settings.data_dir.resolve()),
        reference_dir=str(settings.reference_dir.resolve()),
        warehouse=str(settings.warehouse.resolve()),
        responses_dir=str(settings.warehouse.resolve().parent / "responses"),
        state_dir=str(settings.warehouse.resolve().parent / ".build" / "yahoo"),
        first_session=settings.first_session.isoformat(),
        now=settings.now.isoformat() if settings.now else "",
        requests_per_second=settings.requests_per_second,
        min_ok_share=settings.min_ok_share,
        keep_responses_days=settings.keep_responses_days,
        max_rejected_share=settings.max_rejected_share,
        max_rejected_rows=settings.max_rejected_rows,
    )


def build(settings: Settings) -> dg.Definitions:
    """Return the code location for some settings."""
    sessions = session_partitions(settings.first_session)

    def with_policies(spec: dg.AssetSpec) -> dg.AssetSpec:
        spec = spec.replace_attributes(owners=OWNERS)
        if spec.key == asset_key(raw.Prices):
            return spec.replace_attributes(partitions_def=sessions)
        return spec

    loaded = cast(
        "list[dg.AssetsDefinition | dg.AssetSpec]",
        dg.load_assets_from_package_module(assets, include_specs=True),
    )
    return dg.Definitions(
        assets=[
            asset.with_attributes(backfill_policy=dg.BackfillPolicy.single_run())
            if isinstance(asset, dg.AssetsDefinition)
            else asset
            for asset in dg.map_asset_specs(with_policies, loaded)
        ],
        asset_checks=dg.load_asset_checks_from_package_module(assets),
        jobs=[
            dg.define_asset_job(
                REFRESH, description="Fetch sessions, bring every table up to date, publish."
            )
        ],
        resources={
            "inputs": inputs_of(settings),
            "io_manager": WarehouseIOManager(
                path=str(settings.warehouse.resolve()), wait_seconds=settings.lock_wait_seconds
            ),
        },
        executor=dg.in_process_executor,
    )


defs = build(Settings.load())
