"""The command line as a newcomer meets it: real processes, real files, real locks."""

import contextlib
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.cli import main

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]

WRITE = """
import pathlib, sys
from warehouse.storage import open_warehouse
with open_warehouse(sys.argv[1]).writing("run 1234 of refresh"):
    print("writing", flush=True)
    sys.stdin.readline()
"""
"""What a run does to others: it has the lock, and the private database open."""


@pytest.fixture
def home(tmp_path: Path, small_market: Path) -> Path:
    """An empty folder from which commands are run; settings come from its .env file."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / ".env").write_text(
        f"CAPSHOCK_DATA_DIR={small_market}\n"
        f"CAPSHOCK_REFERENCE_DIR={small_market}\n"
        "CAPSHOCK_LOCK_WAIT_SECONDS=1\n"
    )
    return folder


Call = Callable[..., subprocess.CompletedProcess[str]]
"""A command line with its arguments and settings; what it said, and its exit code."""


@pytest.fixture
def in_process(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Call:
    """Run a command in this process: three seconds less, which every process imports for."""

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patched:
            patched.chdir(home)
            patched.setattr(sys, "argv", ["capshock", *arguments])
            # The command leaves DAGSTER_HOME behind, as its process would not.
            own = {"DAGSTER_HOME": str(home / ".dagster"), "HOME": str(home), "COLUMNS": "100"}
            for name, value in (own | environment).items():
                patched.setenv(name, value)
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
            said = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code, said.out, said.err)

    return call


@pytest.fixture
def capshock(home: Path) -> Call:
    """Run a command in a process of its own."""

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "capshock", *arguments],
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "100", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return call


@pytest.fixture
def writer(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that writes the warehouse until it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, home / "warehouse" / "market.duckdb"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "writing\n"
    yield process
    if process.poll() is None:
        process.communicate("\n", timeout=30)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _on_a_terminal(home: Path, *command: str | Path, **environment: str) -> str:
    """Run a command on a pseudo terminal and return what it wrote there, without colours."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=home, stdin=theirs, stdout=theirs, stderr=theirs,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm", "COLUMNS": "120",
             **environment},
    )  # fmt: skip
    os.close(theirs)
    written = b""
    # The terminal of a process that has ended is an error to read.
    with contextlib.suppress(OSError):
        while block := os.read(ours, 65_536):
            written += block
    os.close(ours)
    assert process.wait(timeout=120) == 0, written.decode()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())


@pytest.mark.slow
def test_run_then_story(capshock, home, writer):
    # The first run finds another writer at work, waits for it, and goes on.
    first = subprocess.Popen(
        [BIN / "capshock", "run"], cwd=home, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "200",
             "CAPSHOCK_LOCK_WAIT_SECONDS": "100"},
    )  # fmt: skip
    assert f"Waiting up to 100 s for another writer: run 1234 of refresh, process {writer.pid}" in (
        first.stdout.readline()
    )
    writer.communicate("\n", timeout=30)
    said, complained = first.communicate(timeout=120)
    assert first.returncode == 0, said + complained
    assert "Fetching 10 sessions, 2025-01-02 to 2025-01-16" in said
    assert "Published warehouse/market.duckdb" in said
    assert complained == ""
    told = capshock("story", "--session", "2025-01-10")
    assert told.returncode == 0
    assert "Friday, 10 January 2025" in told.stdout
    assert "AAA lost 15.00 million dollars of market value (-14.29 %)" in _one_line(told.stdout)
    assert "1: BBB" in told.stdout
    # Everything stays in the folder: the warehouse, Dagster's history, nothing else.
    assert sorted(p.name for p in home.iterdir()) == [".dagster", ".env", "warehouse"]

    # The second one finds nothing new, and shows Dagster's own log.
    again = capshock("run", "--verbose")
    assert again.returncode == 0
    assert "No new prices" in again.stdout
    assert "RUN_SUCCESS" in again.stdout + again.stderr

    hashes = capshock("hashes")
    assert hashes.returncode == 0
    assert "  mart.market_caps" in hashes.stdout


def test_story_without_a_file_says_what_to_do(in_process):
    told = in_process("story")
    assert told.returncode == 1
    assert "there is no published file" in _one_line(told.stderr)
    assert "Run `capshock run` first" in _one_line(told.stderr)


def test_story_of_a_day_without_session_names_the_nearest(in_process, home, small):
    shutil.copytree(small.folder, home / "warehouse")
    told = in_process("story", "--session", "2025-01-09")
    assert told.returncode == 1
    assert "2025-01-09: is no session of the New York Stock Exchange" in _one_line(told.stderr)
    assert "2025-01-08 and 2025-01-10" in _one_line(told.stderr)


def test_a_window_without_sessions_is_refused(in_process):
    ran = in_process("run", "--from", "2025-01-18", "--to", "2025-01-20")
    assert ran.returncode == 1
    assert "no session between 2025-01-18 and 2025-01-20" in _one_line(ran.stderr)


def test_a_window_that_ends_before_it_begins_is_named(in_process):
    ran = in_process("run", "--from", "2025-01-14", "--to", "2025-01-10")
    assert ran.returncode == 1
    assert "--from 2025-01-14 lies after --to 2025-01-10" in _one_line(ran.stderr)


def test_a_path_with_brackets_is_printed_as_it_is(in_process):
    ran = in_process("run", CAPSHOCK_DATA_DIR="nope[/red]")
    assert ran.returncode == 1
    assert "nope[/red]: the folder of raw data does not exist" in _one_line(ran.stderr)


@pytest.mark.slow
def test_a_file_that_is_not_capshocks_is_named(capshock, home):
    duckdb.connect(str(home / "other.duckdb")).close()
    (home / "damaged.duckdb").write_text("not a database " * 100)
    for name, said in (
        ("other.duckdb", "this is no warehouse of capshock"),
        ("damaged.duckdb", "the file is damaged"),
    ):
        for command in ("story", "hashes"):
            told = capshock(command, CAPSHOCK_WAREHOUSE=name)
            assert told.returncode == 1
            assert said in _one_line(told.stderr)
            assert "Traceback" not in told.stderr


def test_a_wrong_setting_is_named(in_process):
    ran = in_process("run", CAPSHOCK_FIRST_SESSION="soon")
    assert ran.returncode == 1
    assert "CAPSHOCK_FIRST_SESSION" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_failing_run_exits_with_1_and_the_reason(in_process, small_market):
    (small_market / "splits.csv").write_text("symbol,ex_date\n")
    ran = in_process("run")
    assert ran.returncode == 1
    assert "The run failed:\nraw.splits: " in ran.stdout
    assert "splits.csv: column ratio is missing" in _one_line(ran.stdout)
    assert "->" in ran.stdout


def test_an_unwritable_warehouse_is_named(in_process, home):
    (home / "occupied").write_text("a file, not a folder")
    ran = in_process("run", CAPSHOCK_WAREHOUSE="occupied/market.duckdb")
    assert ran.returncode == 1
    assert "cannot write the warehouse folder" in _one_line(ran.stdout + ran.stderr)


@pytest.mark.slow
def test_on_a_terminal_the_bar_moves_while_somebody_reads_the_published_file(
    home, small, small_market
):
    """A run with all tables goes through; who has the published file open reads on as before."""
    shutil.copytree(small.folder, home / "warehouse")
    reader = subprocess.Popen(
        [BIN / "duckdb", "-readonly", "-csv", "-noheader", home / "warehouse" / "market.duckdb"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    count = "SELECT count(*) FROM raw.prices;\n"
    reader.stdin.write(count)
    reader.stdin.flush()
    assert reader.stdout.readline() == "30\n"
    with (small_market / "prices.csv").open("a") as prices:
        prices.write("CCC,2025-01-17,10,11,9,10.1,1000\n")
    with (small_market / "index_levels.csv").open("a") as levels:
        levels.write("^IDX,2025-01-17,94,96,92,94\n")

    shown = _on_a_terminal(home, BIN / "capshock", "run")
    drawn = re.findall(r"(\w+\.\w+) [^\r\n]*? (\d+)/(\d+) assets", shown)
    tables = list(dict.fromkeys(table for table, _, _ in drawn))
    assert tables.index("raw.prices") < tables.index("mart.market_caps")
    assert tables[-1] == "ops.shock_brief"
    (total,) = {int(total) for _, _, total in drawn}
    assert len(tables) == total
    counts = [int(count) for _, count, _ in drawn]
    assert counts == sorted(counts)
    assert set(counts) == set(range(total + 1))
    # What is on the screen at the end does not get into the logs that the UI shows of the steps.
    captured = list((home / ".dagster").rglob("compute_logs/*.out"))
    assert [file.read_text() for file in captured] == [""]

    reader.stdin.write(count)
    reader.stdin.flush()
    assert reader.stdout.readline() == "30\n"
    reader.communicate(timeout=30)
    with duckdb.connect(str(home / "warehouse" / "market.duckdb"), read_only=True) as new:
        assert new.sql("SELECT count(*) FROM raw.prices").fetchall() == [(31,)]


@pytest.mark.slow
def test_on_a_terminal_the_symbols_of_a_live_source_are_counted(home, small_market):
    shown = _on_a_terminal(
        home, sys.executable, "-m", "tests.yahoo_replay", small_market, "2025-01-16T23:30:00",
        BIN / "capshock", "run", CAPSHOCK_SOURCE="yahoo", CAPSHOCK_FIRST_SESSION="2025-01-02",
        PYTHONPATH=str(ROOT),
    )  # fmt: skip
    assert re.search(r"raw\.\w+ [123]/3 ", shown)


@pytest.mark.slow
def test_a_run_beside_another_writer_waits_and_says_who_that_is(capshock, writer):
    ran = capshock("run")
    assert ran.returncode == 1
    holder = f"run 1234 of refresh, process {writer.pid}"
    assert f"Waiting up to 1 s for another writer: {holder}" in _one_line(ran.stdout)
    assert f"another writer works on this warehouse: {holder}" in _one_line(ran.stderr)
    assert "Wait until it has finished" in ran.stderr
    assert "Close that session" not in ran.stdout + ran.stderr


@pytest.mark.slow
def test_runs_that_are_started_at_once_all_land(capshock, home):
    # Dagster cannot make the databases of its history twice at the same moment.
    capshock("doctor")
    runs = [
        subprocess.Popen(
            [BIN / "capshock", "run"], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env={"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "200",
                            "CAPSHOCK_LOCK_WAIT_SECONDS": "100"},
        )
        for _ in range(2)
    ]  # fmt: skip
    said = sorted(told for told, _ in [run.communicate(timeout=120) for run in runs])
    # Both planned before either had landed: the second finds that readers have all of it.
    assert any("Published warehouse/market.duckdb" in told for told in said), said
    assert any("Nothing new for warehouse/market.duckdb" in told for told in said), said
    assert [run.returncode for run in runs] == [0, 0]


@pytest.mark.slow
def test_the_doctor_does_not_mind_a_run_at_work(capshock, home, request):
    assert capshock("run").returncode == 0
    writer = request.getfixturevalue("writer")
    # A doctor that waited for the database would not come back in time.
    looked = capshock("doctor", CAPSHOCK_LOCK_WAIT_SECONDS="3600")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    said = _one_line(looked.stdout)
    assert f"at work: run 1234 of refresh, process {writer.pid}, for 0." in said
    for subject in ("sessions", "published", "held rows"):
        assert f"look {subject} not looked at" in said


@pytest.mark.slow
def test_a_run_killed_anywhere_leaves_a_state_that_the_next_run_completes(capshock, home):
    """kill -9 at ten moments of a run; then one run; the tables are those of an undisturbed run."""
    from warehouse.storage import open_warehouse

    def start() -> subprocess.Popen:
        return subprocess.Popen(
            [BIN / "capshock", "run"], cwd=home, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "HOME": str(home)},
        )  # fmt: skip

    began = time.monotonic()
    assert start().wait(timeout=120) == 0
    whole = time.monotonic() - began
    file = home / "warehouse" / "market.duckdb"
    expected = open_warehouse(file).hashes()
    for n in range(10):
        if n % 5 == 0:
            # Twice from nothing, so that kills also hit the first landing of every table.
            shutil.rmtree(home / "warehouse")
            shutil.rmtree(home / ".dagster")
        process = start()
        time.sleep(whole * (0.35 + 0.065 * n))
        process.kill()
        process.wait(timeout=30)
        if file.exists():
            open_warehouse(file).hashes()  # whatever is published can be read
    ran = capshock("run")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert open_warehouse(file).hashes() == expected


@pytest.mark.slow
def test_publish_stops_with_1_and_the_way_out_which_then_publishes(capshock, home, small):
    shutil.copytree(small.folder, home / "warehouse")
    earlier = {"CAPSHOCK_NOW": "2025-01-10T23:30:00+00:00", "CAPSHOCK_BRIEFS": "none"}
    stopped = capshock("publish", **earlier)
    assert stopped.returncode == 1
    said = _one_line(stopped.stdout)
    assert "not published. ops.publications, clock: the run's moment is 2025-01-10 23:30" in said
    way_out = re.search(r"capshock publish (--despite \w+) --reason", said)[1]
    given = capshock("publish", *way_out.split(), "--reason", "a replay", **earlier)
    assert given.returncode == 0, given.stdout + given.stderr
    with duckdb.connect(str(home / "warehouse" / "market.duckdb"), read_only=True) as published:
        query = "SELECT check_name, reason, overridden_by FROM ops.publish_overrides"
        ((check, reason, by),) = published.sql(query).fetchall()
    assert (check, reason) == ("clock", "a replay")
    assert by


def test_help_names_the_commands(capshock):
    shown = capshock("--help")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in ("run", "publish", "story", "hashes"))
    assert shown.stderr == ""
