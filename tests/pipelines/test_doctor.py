"""The doctor: what it finds in a good deployment, and in each that needs a hand."""

import subprocess
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from pipelines import dead_runs, definitions, doctor
from pipelines.dead_runs import bury_dead_runs
from pipelines.doctor import examine

UTC = ZoneInfo("UTC")


@pytest.fixture
def own(small):
    """The small market with a Dagster history of its own, which has its sessions and no run."""
    with dg.DagsterInstance.ephemeral() as instance:
        small.instance = instance
        small.book("2025-01-02", "2025-01-16")
        small.overrides["now"] = datetime(2025, 1, 17, 12, tzinfo=UTC)
        yield small


def _found(deployment) -> dict[str, tuple[str, str]]:
    return {f.subject: (f.level, f.said) for f in examine(deployment.instance, deployment.settings)}


@pytest.mark.slow
def test_after_a_good_run_nothing_needs_a_hand_nor_while_one_is_at_work(own):
    own.must_run()
    found = _found(own)
    assert "hand" not in {level for level, _ in found.values()}
    assert found["sessions"] == ("ok", "all that source files has, up to 2025-01-16")
    assert found["schedule"][1].startswith("next tick Friday 2025-01-17 18:30 in New York")
    assert "polars" in found["environment"][1]
    with own.warehouse.writing("run 1234 of refresh"):
        found = _found(own)
    assert "hand" not in {level for level, _ in found.values()}
    assert found["writer"][1].startswith("at work: run 1234 of refresh, process")
    assert {found[s][0] for s in ("sessions", "published", "held rows")} == {"look"}
    assert _found(own)["sessions"][0] == "ok"


def test_before_the_first_run(own, deploy):
    empty = deploy(**own.overrides)
    empty.instance = own.instance
    found = _found(empty)
    assert {subject for subject, (level, _) in found.items() if level == "hand"} == {
        "last run", "sessions", "published",
    }  # fmt: skip


def test_new_sessions_of_the_source_and_a_failed_run(own, small_market):
    prices = small_market / "prices.csv"
    good = prices.read_text()
    prices.write_text(good + "AAA,2025-01-17,50,51,49,50,1000\n")
    own.overrides["now"] = datetime(2025, 1, 17, 23, 30, tzinfo=UTC)
    level, said = _found(own)["sessions"]
    assert level == "hand"
    assert "source files has some that the warehouse lacks" in said
    plan = own.plan()
    prices.unlink()
    from pipelines.run import execute

    execute(own.instance, definitions.build(own.settings), plan, lambda _: None)
    level, said = _found(own)["last run"]
    assert level == "hand"
    assert "failed just now: " in said


def test_a_run_whose_process_died_is_found_and_buried(own, monkeypatch):
    job = definitions.build(own.settings).resolve_job_def("refresh")
    run = own.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert bury_dead_runs(own.instance, own.warehouse) == []
    monkeypatch.setattr(dead_runs, "GRACE_SECONDS", 0)
    # The one that holds the lock may be this one.
    holding = own.warehouse
    holding.lock.acquire("another", 0)
    assert "dead run" not in _found(own)
    holding.lock.release()
    assert _found(own)["dead run"][0] == "hand"
    assert bury_dead_runs(own.instance, own.warehouse) == [run.run_id]
    assert own.instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE


def test_a_database_that_somebody_keeps_open_needs_a_hand(own):
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    session = subprocess.Popen(
        [sys.executable, "-c", hold, own.warehouse.private],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    session.stdout.readline()
    found = _found(own)
    session.communicate("\n", timeout=30)
    level, said = found["sessions"]
    assert level == "hand"
    assert f"PID {session.pid}" in said
    assert "Close that session" in said


def test_a_run_that_waits_for_the_lock_says_so(own):
    with own.warehouse.writing("run 1234 of refresh"):
        outcome = own.run()
    assert not outcome.succeeded
    (warning,) = outcome.warnings
    assert warning.startswith(
        "Waiting up to 0.5 s for another writer: run 1234 of refresh, process"
    )
    assert "another writer works on this warehouse: run 1234" in outcome.reasons[0]


def test_an_older_published_file_and_little_space(own, monkeypatch):
    assert _found(own)["published"][0] == "ok"
    own.settings.warehouse.unlink()
    monkeypatch.setattr(doctor, "LITTLE_SPACE_BYTES", 10**18)
    found = _found(own)
    assert found["published"][0] == found["disk"][0] == "hand"
