"""What a table's page says of readers, and what is observed when a run is published."""

import asyncio

import dagster as dg
import pytest
from dagster import AssetCheckKey, DagsterEventType
from dagster._core.loader import LoadingContextForTest
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionResolvedStatus as Status,
)

from assets.ops.published_check import told
from assets.table_asset import asset_key
from pipelines.definitions import build
from pipelines.run import evaluations
from pipelines.run_requests import REFRESH
from warehouse.schemas import mart, ops, ref

LOSSES = AssetCheckKey(asset_key(mart.MarketCapLosses), "published")


def status(deployment) -> tuple[str, Status]:
    storage = deployment.instance.event_log_storage
    record = storage.get_latest_asset_check_execution_by_key([LOSSES])[LOSSES]
    context = LoadingContextForTest(deployment.instance)
    return record.run_id, asyncio.run(record.resolve_status(context))


@pytest.mark.slow
def test_a_run_that_cannot_publish_says_so_on_the_page_of_each_table(small):
    published = small.settings.warehouse
    published.unlink()
    published.mkdir()
    failed = small.run()
    assert not failed.succeeded
    # The table has been written, and the page says that readers do not see it.
    assert "mart.market_cap_losses" in {step.table for step in failed.steps if not step.failed}
    assert status(small) == (failed.run_id, Status.EXECUTION_FAILED)

    published.rmdir()
    landed = small.must_run()
    assert status(small) == (landed.run_id, Status.SUCCEEDED)
    logs = small.instance.all_logs(
        landed.run_id,
        of_type={DagsterEventType.ASSET_OBSERVATION, DagsterEventType.ASSET_MATERIALIZATION},
    )
    told_of = {e.dagster_event.asset_key: e.dagster_event for e in logs}
    losses = told_of[asset_key(mart.MarketCapLosses)].asset_observation_data.asset_observation
    assert losses.metadata["readers see"].value.startswith("version 1, of ")
    assert {"preview", "plot", "dagster/row_count"} <= losses.metadata.keys()
    outcomes = told_of[asset_key(ops.IngestOutcomes)].step_materialization_data.materialization
    of_run = small.sql("FROM ops.ingest_outcomes WHERE run_id = ?", landed.run_id)
    assert outcomes.metadata["ok"].value == of_run["outcome"].to_list().count("ok") > 0
    quarantine = told_of[asset_key(ops.Quarantine)].step_materialization_data.materialization
    assert quarantine.metadata["dagster/row_count"].value == 0


def test_a_table_that_ran_alone_is_not_yet_what_readers_see(small):
    path = small.overrides["reference_dir"] / "securities.csv"
    path.write_text(path.read_text() + "DDD,D,DDD,Made up,made up,\n")
    result = (
        build(small.settings)
        .resolve_job_def(REFRESH)
        .execute_in_process(
            instance=small.instance,
            asset_selection=[asset_key(ref.Securities)],
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    )
    [said] = [e for e in evaluations(small.instance, result.run_id) if e.check_name == "published"]
    assert (said.passed, said.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert said.description.startswith("readers see version 1, and this is version 2")


def test_without_a_published_file_readers_see_nothing():
    assert told(3, None).startswith("readers see none of it, and this is version 3")
