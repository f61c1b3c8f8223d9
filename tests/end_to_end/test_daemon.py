"""The daemon at work: real processes, a real schedule, a simulated calendar, and kill -9."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.instigation_logger import get_instigation_log_records

from assets.table_asset import asset_key
from pipelines.dead_runs import unfinished_runs
from warehouse.schemas import raw
from warehouse.storage import open_warehouse

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DAEMONS = 2
WORKERS = 2
"""Processes of runs that are killed below each daemon, before it is killed itself."""

RUN_SECONDS = 1.5
"""About what a run of the small market takes, beside the daemon."""


class Site:
    """A deployment on disk: data, warehouse, Dagster's home, and processes that use them."""

    def __init__(self, folder: Path, data: Path):
        self.folder = folder
        self.home = folder / "dagster"
        self.warehouse = folder / "market.duckdb"
        self.environment = {
            **os.environ,
            "DAGSTER_HOME": str(self.home),
            "CAPSHOCK_DATA_DIR": str(data),
            "CAPSHOCK_REFERENCE_DIR": str(data),
            "CAPSHOCK_WAREHOUSE": str(self.warehouse),
            "CAPSHOCK_LOCK_WAIT_SECONDS": "5",
            "CAPSHOCK_FIRST_SESSION": "2025-01-02",
            "PYTHONPATH": str(ROOT),
        }
        self.workspace = folder / "workspace.yaml"
        self.workspace.write_text(
            "load_from:\n  - python_file:\n"
            f"      relative_path: {ROOT / 'tests/end_to_end/daemon_location.py'}\n"
            "      location_name: capshock\n"
        )
        self.home.mkdir()
        shutil.copy(ROOT / ".dagster" / "dagster.yaml", self.home)

    def run(self, now: str) -> None:
        subprocess.run(
            [BIN / "capshock", "run"], env=self.environment | {"CAPSHOCK_NOW": now},
            cwd=self.folder, check=True, capture_output=True,
        )  # fmt: skip

    @contextmanager
    def daemon(self, now: str, **more: str):
        """Run the daemon, and end all its processes without mercy."""
        with (self.folder / "daemon.log").open("a") as log:
            process = subprocess.Popen(
                [BIN / "dagster-daemon", "run", "-w", self.workspace],
                env=self.environment | {"CAPSHOCK_NOW": now} | more,
                cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            yield process
        finally:
            with_children = _descendants(process.pid)
            os.killpg(process.pid, signal.SIGKILL)
            for pid in with_children:
                _kill(pid)
            process.wait()

    @contextmanager
    def instance(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAGSTER_HOME", str(self.home))
            with dg.DagsterInstance.get() as instance:
                yield instance

    def log(self) -> str:
        return (self.folder / "daemon.log").read_text()[-5000:]


def _descendants(pid: int) -> list[int]:
    """Return the processes below one: run workers live in sessions of their own."""
    told = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    parents = [tuple(map(int, line.split())) for line in told.stdout.splitlines()]
    found, new = [], [pid]
    while new:
        new = [child for child, parent in parents if parent in new]
        found += new
    return found


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _wait(what, seconds: float, site: Site):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s; the daemon said:\n{site.log()}")


@pytest.fixture
def site(tmp_path, small_market):
    folder = tmp_path / "site"
    folder.mkdir()
    return Site(folder, small_market)


def _booked(instance) -> Counter:
    """Count how often each session was materialised."""
    records = instance.fetch_materializations(asset_key(raw.Prices), limit=1000).records
    return Counter(record.partition_key for record in records)


def _ticks(instance, name: str):
    state = next(s for s in instance.all_instigator_state() if s.instigator_name == name)
    return instance.get_ticks(state.instigator_origin_id, state.selector_id)


def test_down_for_five_sessions_then_up_each_comes_once_and_holidays_say_why(site):
    site.run("2025-01-07T23:30:00+00:00")
    cron = {"TEST_CRON": "* * * * *"}
    with site.daemon("2025-01-15T23:31:00+00:00", **cron), site.instance() as instance:

        def has_caught_up():
            runs = instance.get_runs()
            return len(runs) == 2 and runs[0].status == dg.DagsterRunStatus.SUCCESS

        _wait(has_caught_up, 150, site)
        booked = _booked(instance)
        assert set(booked.values()) == {1}
        assert sorted(booked) == [
            f"2025-01-{n:02}" for n in (2, 3, 6, 7, 8, 10, 13, 14, 15)
        ]  # fmt: skip
        tags = instance.get_runs()[0].tags
        assert tags["dagster/asset_partition_range_start"] == "2025-01-08"
        assert tags["dagster/asset_partition_range_end"] == "2025-01-15"
        tick = next(tick for tick in _ticks(instance, "after_the_close") if tick.run_ids)
        assert tick.run_keys == ["sessions 2025-01-08 to 2025-01-15"]
        said = [told["msg"] for told in get_instigation_log_records(instance, tick.log_key)]
        assert any("Requests sessions 2025-01-08 to 2025-01-15." in message for message in said)

        def has_nothing_more_to_do():
            ticks = _ticks(instance, "after_the_close")
            return "Nothing is missing" in (ticks[0].skip_reason or "")

        _wait(has_nothing_more_to_do, 150, site)
        assert len(instance.get_runs()) == 2
    for holiday in ("2025-01-09", "2025-01-20"):
        now = f"{holiday}T23:31:00+00:00"
        with site.daemon(now, TEST_TICKS="1"), site.instance() as instance:

            def has_said_why(day=holiday):
                states = [s.instigator_name for s in instance.all_instigator_state()]
                ticks = _ticks(instance, "quick_ticks") if "quick_ticks" in states else []
                return any(f"{day} is no session" in (t.skip_reason or "") for t in ticks)

            _wait(has_said_why, 90, site)
            assert len(instance.get_runs()) == 2


def _workers(daemon: int) -> list[int]:
    """Return the processes of runs: the code server spawns one for each."""
    return [pid for pid in _descendants(daemon) if "multiprocessing.spawn" in _command(pid)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _start_over_if_published(site: Site, instance: dg.DagsterInstance) -> None:
    """Make everything missing again where a kill came too late; nothing is on its way then."""
    if site.warehouse.exists():
        for record in unfinished_runs(instance):
            instance.report_run_canceled(record.dagster_run)
        shutil.rmtree(site.folder / ".build")
        site.warehouse.unlink()


def test_killed_at_any_moment_the_next_tick_completes(site, small):
    """Kill -9 anywhere in a run: its own process, of which the daemon has to hear, or them all."""
    dice = random.Random(20250127)  # noqa: S311 - dice for moments
    now = "2025-01-16T23:31:00+00:00"
    undisturbed = small.hashes()
    ends: Counter[str] = Counter()
    with site.instance() as instance:
        for _ in range(DAEMONS):
            with site.daemon(now, TEST_TICKS="1") as process:

                def at_work(daemon=process.pid):
                    """Return the run that is at work and has a process below this daemon."""
                    runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
                    return runs[0] if runs and _workers(daemon) else None

                for _ in range(WORKERS):
                    run = _wait(at_work, 120, site)
                    time.sleep(dice.uniform(0, RUN_SECONDS))
                    workers = _workers(process.pid)
                    for pid in workers:
                        _kill(pid)

                    def end(run_id=run.run_id):
                        told = instance.get_run_by_id(run_id)
                        return told.status.value if told.is_finished else None

                    ends[_wait(end, 60, site)] += len(workers)
                    if site.warehouse.exists():
                        break
                else:
                    _wait(at_work, 120, site)
                    time.sleep(dice.uniform(0, RUN_SECONDS))
            ends["WITH THE DAEMON"] += len(
                instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
            )
            _start_over_if_published(site, instance)
        # Kills that all came too late, or hit nothing, would prove nothing.
        assert ends["FAILURE"] >= 1, ends
        assert ends["WITH THE DAEMON"] >= 1, ends
        with site.daemon(now, TEST_TICKS="1"):
            _wait(lambda: site.warehouse.exists() and not unfinished_runs(instance), 180, site)
    assert open_warehouse(site.warehouse).hashes() == undisturbed
