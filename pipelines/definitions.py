"""The code location: every table as an asset, the job that refreshes them, what they are given."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import cast

import dagster as dg

import assets
from assets.market import calendar
from assets.ops import published_check
from assets.ops.published_file import PUBLISHED
from assets.table_asset import asset_key
from pipelines.data_folder import new_data_files
from pipelines.partitions import end_of_data, session_partitions
from pipelines.run_inputs import DESPITE, REASON, inputs_resource
from pipelines.run_requests import PUBLISH, REFRESH
from pipelines.schedule import AFTER_THE_CLOSE, after_the_close
from pipelines.sensors import data_quality, new_reference_file, run_failed, session_told
from pipelines.settings import Settings
from warehouse.io_manager import WarehouseIOManager
from warehouse.schemas import raw

GRACE = timedelta(hours=2)
"""What a run may take after the close, with retries."""


def freshness() -> dg.FreshnessPolicy:
    """Return the policy of a live source: no older than the longest pause of the exchange.

    The policies of Dagster count hours, whether the exchange is open or not, so this one allows for
    the longest stretch of days without a session. The check ``fresh`` is exact, by the calendar.
    """
    days = calendar.sessions()[-calendar.A_YEAR :]
    pause = max(after - before for before, after in pairwise(days))
    return dg.FreshnessPolicy.time_window(fail_window=pause + GRACE)


def build(
    settings: Settings,
    cron: str = AFTER_THE_CLOSE,
    watch_every_seconds: int = 30,
    on_progress: Callable[[str, int, int], None] = lambda *_: None,
) -> dg.Definitions:
    """Return the code location for some settings.

    Args:
        settings: where data come from and go to.
        cron: when the schedule looks for missing sessions, in New York.
        watch_every_seconds: how often the sensors look.
        on_progress: told how many symbols of a dataset a live source has been asked for.
    """
    sessions = session_partitions(settings.first_session, end_of_data(settings))

    def with_policies(spec: dg.AssetSpec) -> dg.AssetSpec:
        if settings.source != "files" and spec.key == PUBLISHED:
            # What files hold ends where the files end.
            spec = spec.replace_attributes(freshness_policy=freshness())
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
            ),
            dg.define_asset_job(
                PUBLISH,
                dg.AssetSelection.assets(PUBLISHED).downstream()
                | dg.AssetSelection.checks_for_assets(PUBLISHED)
                | dg.AssetSelection.checks(published_check.published_checks),
                description="Publish what has been written, if it passes the gate. The tags "
                f"{DESPITE} and {REASON} say past which checks, and why.",
            ),
        ],
        schedules=[after_the_close(settings, cron)],
        sensors=[
            run_failed(settings, watch_every_seconds),
            data_quality(settings, watch_every_seconds),
            session_told(settings, watch_every_seconds),
            new_reference_file(settings, watch_every_seconds),
            new_data_files(settings, watch_every_seconds),
        ],
        resources={
            "inputs": inputs_resource(settings, on_progress),
            "io_manager": WarehouseIOManager(
                path=str(settings.warehouse.resolve()), wait_seconds=settings.lock_wait_seconds
            ),
        },
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the code location of this environment, when Dagster asks for it."""
    return build(Settings.load())
