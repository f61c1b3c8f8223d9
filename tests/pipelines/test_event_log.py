"""The batched event log stores what Dagster's own would, in far fewer transactions."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from pipelines.event_log import BatchedSqliteEventLogStorage

DAYS = dg.StaticPartitionsDefinition([f"day-{n:02}" for n in range(12)])
RANGE = {
    "dagster/asset_partition_range_start": "day-02",
    "dagster/asset_partition_range_end": "day-10",
}


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def bars() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 3}, tags={"colour": "blue"})


@dg.asset(deps=[bars], check_specs=[dg.AssetCheckSpec("full", asset="summary")])
def summary(context: dg.AssetExecutionContext) -> Iterator[Any]:
    yield dg.AssetObservation("elsewhere", metadata={"rows": 2})
    yield dg.AssetCheckResult(check_name="full", passed=False, metadata={"missing": 3})
    yield dg.Output(None)


@dg.asset_check(asset=bars)
def sound() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def _instance(folder, monkeypatch, storage: type) -> dg.DagsterInstance:
    folder.mkdir()
    module = storage.__module__
    config = "" if storage is BatchedSqliteEventLogStorage else (
        f"  config:\n    base_dir: {folder / 'history' / 'runs'}\n"
    )  # fmt: skip
    (folder / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\n"
        f"event_log_storage:\n  module: {module}\n  class: {storage.__name__}\n{config}"
    )
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return dg.DagsterInstance.get()


def _what_is_stored(instance: dg.DagsterInstance) -> dict:
    job = dg.Definitions(
        assets=[bars, summary],
        asset_checks=[sound],
        jobs=[dg.define_asset_job("both")],
        executor=dg.in_process_executor,
    ).resolve_job_def("both")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = job.execute_in_process(instance=instance, tags=RANGE, run_config=quiet)
    assert result.success
    records = instance.get_records_for_run(result.run_id, limit=1000).records
    fetched = instance.fetch_materializations(bars.key, limit=100).records
    checks = [dg.AssetCheckKey(summary.key, "full"), dg.AssetCheckKey(bars.key, "sound")]
    storage, ended = instance.event_log_storage, dg.DagsterEventType.RUN_SUCCESS
    return {
        "checks": [
            (key, str(record.status), record.event.dagster_event_type, _verdict(record.event))
            for key in checks
            for record in storage.get_asset_check_execution_history(key, limit=10)
        ],
        "observed": [
            o.asset_observation.metadata["rows"].value
            for o in instance.fetch_observations(dg.AssetKey("elsewhere"), limit=9).records
        ],
        "statuses": [
            r.event_log_entry.dagster_event_type
            for r in instance.fetch_run_status_changes(ended, limit=9).records
        ],
        "events": [
            (e.dagster_event_type, e.dagster_event and e.dagster_event.partition)
            for e in (record.event_log_entry for record in records)
        ],
        "partitions": instance.get_materialized_partitions(bars.key),
        "materializations": [
            (m.partition_key, made.metadata["rows"].value, made.tags["colour"])
            for m in fetched
            if (made := m.asset_materialization)
        ],
        "latest": instance.get_latest_materialization_event(bars.key).dagster_event.partition,
        "planned": instance.get_latest_planned_materialization_info(bars.key).run_id
        == result.run_id,
    }  # fmt: skip


def _verdict(event: dg.EventLogEntry) -> tuple[bool, Any, bool]:
    evaluation = event.dagster_event.asset_check_evaluation_data
    target = evaluation.target_materialization_data
    return evaluation.passed, evaluation.metadata.get("missing"), target is not None


@pytest.mark.parametrize("batch_size", ["0", "4", "500"])
def test_the_same_events_are_stored(tmp_path, monkeypatch, batch_size):
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    with _instance(tmp_path / "plain", monkeypatch, SqliteEventLogStorage) as instance:
        expected = _what_is_stored(instance)
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch_size)
    with _instance(tmp_path / "batched", monkeypatch, BatchedSqliteEventLogStorage) as instance:
        assert isinstance(instance.event_log_storage, BatchedSqliteEventLogStorage)
        stored = _what_is_stored(instance)
    assert sorted(stored.pop("events"), key=str) == sorted(expected.pop("events"), key=str)
    assert stored == expected
    assert len(stored["partitions"]) == 9


def test_a_step_that_begins_and_whoever_asks_finds_what_was_said_before(tmp_path, monkeypatch):
    seen = {}

    def types_stored(run_id: str) -> list[str]:
        """Ask as the UI does, which is another process."""
        other = SqliteEventLogStorage(str(tmp_path / "home" / "history" / "runs"))
        return [str(e.dagster_event_type) for e in other.get_logs_for_run(run_id)]

    @dg.asset
    def first(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield dg.AssetMaterialization("elsewhere")
        seen["waiting"] = types_stored(context.run.run_id)
        context.instance.get_latest_materialization_event(dg.AssetKey("elsewhere"))
        seen["asked"] = types_stored(context.run.run_id)
        yield dg.Output(None)

    @dg.asset(deps=[first])
    def second(context: dg.AssetExecutionContext) -> None:
        seen["next step"] = types_stored(context.run.run_id)

    with _instance(tmp_path / "home", monkeypatch, BatchedSqliteEventLogStorage) as instance:
        assert dg.materialize([first, second], instance=instance).success
    of_first = [kind.split(".")[1] for kind in seen["next step"] if "STEP_S" in kind]
    assert of_first == ["STEP_START", "STEP_SUCCESS", "STEP_START"]
    assert not any("ASSET_MATERIALIZATION" in kind[-21:] for kind in seen["waiting"])
    assert "DagsterEventType.ASSET_MATERIALIZATION" in seen["asked"]
