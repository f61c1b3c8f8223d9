"""The client keeps no caches of its own: whoever locks or damages their files stops nothing."""

import importlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assets.sources.yahoo import YahooSource
from assets.sources.yahoo.session import Policy
from tests.yahoo_replay.market import Market
from tests.yahoo_replay.replay import Replay, serving
from warehouse.responses import ResponseStore

SMALL = Path(__file__).parents[2] / "tests" / "small_market"
NOW = "2025-01-16T23:30:00"
SYMBOLS = ["AAA", "BBB", "CCC"]
FILES = ("tkr-tz.db", "cookies.db")
A_MOMENT_SECONDS = 4.0
"""Less than SQLite waits for one lock."""


@pytest.fixture(scope="module")
def served() -> Iterator[Replay]:
    # Its import is not what is timed.
    importlib.import_module("yfinance")
    with serving(Market.read(SMALL), NOW) as replay:
        yield replay


def _prices(replay: Replay, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, float]:
    """Return how many bars came, and after how long."""
    for name, value in replay.environment.items():
        monkeypatch.setenv(name, value)
    replay.clear()
    moment = datetime.fromisoformat(NOW).replace(tzinfo=UTC)
    policy = Policy(requests_per_second=0, attempts=2, first_wait_seconds=0.01)
    store = ResponseStore(folder / "responses")
    source = YahooSource(store, folder / "state", policy, date(2025, 1, 2), moment)
    since = time.monotonic()
    rows = source.prices(SYMBOLS, date(2025, 1, 2), date(2025, 1, 16)).rows
    source.shares_outstanding(dict.fromkeys(SYMBOLS, date(2025, 1, 2)))
    return rows.height, time.monotonic() - since


def test_files_that_another_process_has_locked(served, tmp_path, monkeypatch):
    state = tmp_path / "state"
    state.mkdir()
    with (
        closing(sqlite3.connect(state / FILES[0])) as zones,
        closing(sqlite3.connect(state / FILES[1])) as cookies,
    ):
        for held in (zones, cookies):
            held.execute("BEGIN EXCLUSIVE")
        bars, seconds = _prices(served, tmp_path, monkeypatch)
    assert bars == 30
    assert seconds < A_MOMENT_SECONDS


def test_files_that_are_damaged(served, tmp_path, monkeypatch):
    state = tmp_path / "state"
    state.mkdir()
    for name in FILES:
        (state / name).write_bytes(b"no database at all" * 100)
    assert _prices(served, tmp_path, monkeypatch)[0] == 30


def test_a_folder_that_cannot_be_made(served, tmp_path, monkeypatch):
    (tmp_path / "state").write_text("a file where the folder would be")
    assert _prices(served, tmp_path, monkeypatch)[0] == 30
    assert (tmp_path / "state").read_text() == "a file where the folder would be"
