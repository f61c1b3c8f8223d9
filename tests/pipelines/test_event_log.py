"""The batched event log stores what Dagster's own would, in far fewer transactions."""

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


@dg.asset(deps=[bars])
def summary() -> None: ...


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
        jobs=[dg.define_asset_job("both")],
        executor=dg.in_process_executor,
    ).resolve_job_def("both")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = job.execute_in_process(instance=instance, tags=RANGE, run_config=quiet)
    assert result.success
    records = instance.get_records_for_run(result.run_id, limit=1000).records
    fetched = instance.fetch_materializations(bars.key, limit=100).records
    return {
        "events": [
            (e.event_log_entry.dagster_event_type, e.event_log_entry.dagster_event.partition)
            for e in records
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
