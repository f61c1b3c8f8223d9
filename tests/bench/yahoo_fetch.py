"""The price fetch beside ``yf.download`` on the same loopback server, without rate limit.

Each measurement is a process of its own with the same imports: its time for the fetch alone, and
its peak memory; the ways take turns. Run by ``make bench``, alone by ``make bench-yahoo``.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from assets.market import calendar
from tests.bench.worker import peak_memory
from tests.yahoo_replay.market import Market
from tests.yahoo_replay.replay import serving

SYMBOLS = [f"S{number:03}" for number in range(500)]
LAST = date(2025, 2, 14)
NOW = "2025-02-14T23:30:00"
SPANS = {"5 sessions": date(2025, 2, 10), "10 years": date(2015, 2, 17)}
WAYS = ("download", "own, nothing stored", "own", "own, share counts")
REPEATS = 3
CONSOLE = Console(width=100)


def market() -> Market:
    """Make 500 random walks over ten years, and a share count a quarter."""
    days = calendar.sessions(SPANS["10 years"], LAST)
    random = np.random.default_rng(7)
    bars = {}
    for symbol in SYMBOLS:
        closes = 100 * np.exp(np.cumsum(random.normal(0, 0.02, len(days))))
        bars[symbol] = [
            {"session_date": day, "open": c, "high": c * 1.01, "low": c * 0.99, "close": c,
             "volume": 1e6}
            for day, c in zip(days, closes.round(4).tolist(), strict=True)
        ]  # fmt: skip
    counts = {symbol: [(day, 1e9) for day in days[::63]] for symbol in SYMBOLS}
    return Market(bars=bars, counts=counts)


def measure(way: str, first: date) -> dict[str, float]:
    """Fetch once, in this process; return seconds and peak memory in megabytes."""
    import yfinance

    from assets.sources.yahoo import YahooSource
    from assets.sources.yahoo.session import Policy
    from warehouse.responses import ResponseStore

    class Nothing(ResponseStore):
        """A store that keeps nothing."""

        def put(self, *_: object) -> str:
            return ""

    folder = Path(tempfile.mkdtemp(dir=os.environ["BENCH_FOLDER"]))
    yfinance.set_tz_cache_location(str(folder))
    store = (Nothing if "nothing" in way else ResponseStore)(folder / "responses")
    moment = datetime.fromisoformat(NOW).replace(tzinfo=UTC)
    source = YahooSource(store, folder / "state", Policy(requests_per_second=0), first, moment)
    if way == "download":
        from yfinance import cache

        # The own source does not ask for time zones; neither does this.
        for symbol in SYMBOLS:
            cache.get_tz_cache().store(symbol, "America/New_York")
    start = time.perf_counter()
    if way == "download":
        rows = len(
            yfinance.download(SYMBOLS, start=first, end=date(2025, 2, 15), auto_adjust=False,
                              actions=True, keepna=True, progress=False)
        )  # fmt: skip
    elif "counts" in way:
        rows = source.shares_outstanding(SYMBOLS).rows.height
    else:
        rows = source.prices(SYMBOLS, first, LAST).rows.height
    seconds = time.perf_counter() - start
    assert rows
    return {"seconds": seconds, "megabytes": peak_memory() / 1e6}


def main() -> None:
    """Compare all ways over all spans, and print a table."""
    if len(sys.argv) > 1:
        told = measure(sys.argv[1], date.fromisoformat(sys.argv[2]))
        sys.stdout.write(json.dumps(told) + "\n")
        return
    with serving(market(), NOW) as replay, tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **replay.environment, "BENCH_FOLDER": folder,
                       "PYTHONWARNINGS": "ignore"}  # fmt: skip
        for span, first in SPANS.items():
            told: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for _ in range(REPEATS):
                for way in WAYS:
                    told[way].append(run(way, first, environment))
            CONSOLE.print(report(f"{len(SYMBOLS)} symbols x {span}", told))


def run(way: str, first: date, environment: dict[str, str]) -> dict[str, float]:
    """Fetch once in a fresh process; return seconds and peak memory in megabytes."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.yahoo_fetch", way, str(first)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # download warns of what pandas deprecates, a thousand times
        text=True,
        check=True,
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def report(title: str, told: dict[str, list[dict[str, float]]]) -> Table:
    """Set medians side by side, each beside ``yf.download``."""
    table = Table(
        "way", "seconds", "of download", "megabytes", "of download", title=title, width=100
    )
    middle = {
        way: {name: median(run[name] for run in runs) for name in ("seconds", "megabytes")}
        for way, runs in told.items()
    }
    base = middle["download"]
    for way, own in middle.items():
        table.add_row(
            way,
            f"{own['seconds']:.2f}",
            f"{own['seconds'] / base['seconds']:.2f}",
            f"{own['megabytes']:.0f}",
            f"{own['megabytes'] / base['megabytes']:.2f}",
        )
    return table


if __name__ == "__main__":
    main()
