"""The marts' functions next to hand-written SQL, plain Polars and pandas, on a synthetic market.

First every implementation makes every table once, and the tables are compared; then times and
memory are measured, each in a fresh process, the implementations taking turns.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import agreement
import by_own
import synthetic
import worker
from rich.console import Console
from rich.table import Table

CONSOLE = Console(width=100)
REPOSITORY = Path(__file__).resolve().parents[2]
IMPLEMENTATIONS = {
    "own": "own functions",
    "sql": "DuckDB SQL",
    "polars": "plain Polars",
    "pandas": "pandas",
}
SLOW = ("sql", "pandas")
"""Run fewer times, so that all of it takes a quarter of an hour."""

REFERENCE = "sql"
"""The implementation whose tables the others are compared with."""

Runs = dict[tuple[str, str], list[dict[str, float]]]


def make_inputs(folder: Path, symbols: int, sessions: int) -> int:
    """Write the inputs of all tables; return the number of bars."""
    market = synthetic.Market(symbols, sessions)
    market.write(folder)
    caps = by_own.caps(market.prices, market.counts, market.securities, market.sessions)
    caps.write_parquet(folder / "caps.parquet", compression="lz4")
    return market.prices.height


def run(
    implementation: str, table: str, folder: Path, output: Path | None = None
) -> dict[str, float]:
    """Make a table in a fresh process; show and return seconds and peak memory in bytes."""
    command = [sys.executable, worker.__file__, implementation, table, str(folder)]
    done = subprocess.run(
        command if output is None else [*command, str(output)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        check=True,
    )
    measured: dict[str, float] = json.loads(done.stdout)
    # Shown as they come: a long run that breaks off leaves its figures.
    CONSOLE.print(
        f"{table} by {IMPLEMENTATIONS[implementation]}: "
        f"{measured['seconds']:.2f} s, {measured['peak'] / 1e9:.2f} GB"
    )
    return measured


def compare(table: str, folder: Path, runs: Runs) -> bool:
    """Make a table by every implementation and compare; the runs count as the first repetition."""
    outputs = {name: folder / f"{table}.{name}.parquet" for name in IMPLEMENTATIONS}
    for name, output in outputs.items():
        runs[table, name].append(run(name, table, folder, output))
    agree = True
    for name, output in outputs.items():
        for difference in agreement.differences(outputs[REFERENCE], output):
            CONSOLE.print(f"{table}: {name} differs from {REFERENCE}: {difference}")
            agree = False
    for output in outputs.values():
        output.unlink()
    if agree:
        CONSOLE.print(f"{table}: all {len(outputs)} implementations agree")
    return agree


def report(runs: Runs, title: str) -> Table:
    """Lay out medians of the seconds, ratios to the fastest, and the largest peak of memory."""
    table = Table(title=title, title_justify="left")
    for heading in ("table", "implementation"):
        table.add_column(heading)
    for heading in ("median s", "x fastest", "peak GB", "runs"):
        table.add_column(heading, justify="right")
    for mart in worker.INPUTS:
        median = {
            name: statistics.median(one["seconds"] for one in runs[mart, name])
            for name in IMPLEMENTATIONS
        }
        for name, label in IMPLEMENTATIONS.items():
            table.add_row(
                mart,
                label,
                f"{median[name]:.2f}",
                f"{median[name] / min(median.values()):.2f}",
                f"{max(one['peak'] for one in runs[mart, name]) / 1e9:.2f}",
                str(len(runs[mart, name])),
                end_section=name == list(IMPLEMENTATIONS)[-1],
            )
    return table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=5_000)
    parser.add_argument("--sessions", type=int, default=2_500)
    parser.add_argument("--repeat", type=int, default=5, help="runs per implementation and table")
    for name in SLOW:
        parser.add_argument(
            f"--repeat-{name}", type=int, default=2, help=f"runs of {IMPLEMENTATIONS[name]} at most"
        )
    return parser.parse_args()


def main() -> int:
    given = arguments()
    repeats = {
        name: min(given.repeat, getattr(given, f"repeat_{name}", given.repeat))
        for name in IMPLEMENTATIONS
    }
    cache = REPOSITORY / ".cache" / "bench"
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=cache))
    started = time.monotonic()
    runs: Runs = defaultdict(list)
    try:
        bars = make_inputs(folder, given.symbols, given.sessions)
        CONSOLE.print(f"{bars:,} bars of {given.symbols:,} symbols in {given.sessions:,} sessions")
        agreed = [compare(table, folder, runs) for table in worker.INPUTS]
        if not all(agreed):
            CONSOLE.print("No times are reported: the tables differ.")
            return 1
        for turn in range(1, max(repeats.values())):
            for table in worker.INPUTS:
                for name in IMPLEMENTATIONS:
                    if turn < repeats[name]:
                        runs[table, name].append(run(name, table, folder))
    finally:
        shutil.rmtree(folder)
    CONSOLE.print(report(runs, f"{bars:,} bars, {os.cpu_count()} cores"))
    fewer = [f"{IMPLEMENTATIONS[n]} {k}" for n, k in repeats.items() if k < max(repeats.values())]
    if fewer:
        CONSOLE.print(f"Fewer runs, to save time: {', '.join(fewer)}.")
    CONSOLE.print(
        "Median seconds from frames to frame; peak memory of the whole process, its inputs "
        f"included. Took {(time.monotonic() - started) / 60:.1f} minutes."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
