"""A delivery into the data folder starts one run, once it is complete and not before."""

import os
from pathlib import Path

import dagster as dg
import pytest

from pipelines import data_folder, definitions
from pipelines.data_folder import new_data_files

COUNT = "AAA,2025-01-15,2100000\n"


class Watch:
    """The sensor with its cursor, as the daemon keeps it, and a clock of its own."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.cursor, self.now = None, 1000.0
        self.look()

    def look(self, later: float = 0.0) -> dg.SensorResult | dg.SkipReason:
        self.now += later
        context = dg.build_sensor_context(
            instance=self.deployment.instance, cursor=self.cursor,
            repository_def=definitions.build(self.deployment.settings).get_repository_def(),
        )  # fmt: skip
        told = new_data_files(self.deployment.settings, clock=lambda: self.now)(context)
        if isinstance(told, dg.SensorResult) and told.cursor is not None:
            self.cursor = told.cursor
        return told

    def says(self, later: float = 0.0) -> str:
        told = self.look(later)
        skipped = told if isinstance(told, dg.SkipReason) else told.skip_reason
        assert skipped is not None, told.run_requests
        return str(skipped.skip_message)


def _written(path: Path, text: str, at: float) -> None:
    path.write_text(text)
    os.utime(path, (at, at))


@pytest.mark.slow
def test_a_delivery_that_has_been_still_starts_one_run(small, small_market, monkeypatch):
    watch = Watch(small)
    assert watch.says() == "No file has changed."
    counts = small_market / "shares_outstanding.csv"
    _written(counts, counts.read_text() + COUNT, at=5.0)
    assert watch.says() == "shares_outstanding.csv: still being written? Looks again in 60 s."
    # It grows, and has the date of its original: what counts is when it was seen to change.
    _written(counts, counts.read_text() + "CCC,2025-01-15,5000000\n", at=5.0)
    assert "again in 60 s." in watch.says(later=59)
    assert "again in 1 s." in watch.says(later=59)
    monkeypatch.setattr(data_folder, "LOOK_SECONDS", 0.1)
    with small.warehouse.writing("run 1234 of refresh"):
        assert "shares_outstanding.csv: waits. " in watch.says(later=2)
    (request,) = watch.look().run_requests
    assert request.run_key
    assert request.tags["capshock/changed"] == "shares_outstanding.csv"
    # Nothing is fetched that has landed.
    assert dg.AssetKey(["raw", "shares_outstanding"]) in request.asset_selection
    assert dg.AssetKey(["raw", "prices"]) not in request.asset_selection
    assert watch.says(later=100) == "No file has changed."
    # Looked at twice in one state, as after a crash of the daemon, it is one run by its key.
    again = Watch(small)
    again.cursor = again.cursor.replace(str(counts.stat().st_size), "7", 1)
    assert again.look(later=100).run_requests[0].run_key == request.run_key

    assert small.carry_out(request).success
    of_day = "SELECT count(*) FROM raw.shares_outstanding WHERE as_of_date = DATE '2025-01-15'"
    assert small.one(of_day) == 2


def test_where_a_marker_is_agreed_on_it_alone_says_that_a_delivery_is_complete(small, small_market):
    small.overrides["data_marker"] = "_COMPLETE"
    watch = Watch(small)
    prices, marker = small_market / "prices.csv", small_market / "_COMPLETE"
    _written(prices, prices.read_text() + "DDD,2025-01-16,1,1,1,1,1\n", at=2_000_000_000)
    assert watch.says(later=1000) == "prices.csv: waits for _COMPLETE beside it."
    _written(marker, "", at=1_999_999_999)
    assert watch.says() == "prices.csv: waits for _COMPLETE: prices.csv came after it."
    _written(marker, "", at=2_000_000_000)
    (request,) = watch.look().run_requests
    assert dg.AssetKey(["raw", "prices"]) in request.asset_selection
    # The marker of the last delivery says nothing of the next one.
    _written(prices, prices.read_text() + "EEE,2025-01-16,1,1,1,1,1\n", at=1_999_999_000)
    assert watch.says(later=1000) == "prices.csv: waits for _COMPLETE beside it."


@pytest.mark.parametrize("settings", [{"source": "yahoo"}])
def test_a_live_source_has_no_folder(small, settings):
    small.overrides |= settings
    assert Watch(small).look().skip_message == "The source is yahoo, not files."
