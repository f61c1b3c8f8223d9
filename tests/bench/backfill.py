"""A backfill of many sessions in one run: time and event rows, with Dagster's event log and ours.

Both runs are what ``capshock run`` does, in processes of their own, on the same seeded market.
"""

import argparse
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from tests.bench.synthetic import Market

ROOT = Path(__file__).parents[2]
MEMBERS = 500


def write_files(folder: Path, symbols: int, sessions: int) -> tuple[int, str]:
    """Write the files of a data folder; return the number of bars and the first session."""
    market = Market(symbols, sessions)
    bars = market.prices
    bars.select("symbol", "session_date", "open", "high", "low", "close", "volume").write_parquet(
        folder / "prices.parquet"
    )
    bars.filter(pl.col("adjustment_ratio") != 1).select(
        "symbol", ex_date="session_date", ratio="adjustment_ratio"
    ).write_csv(folder / "splits.csv")
    market.counts.filter(pl.col("basis") == "reported").select(
        "symbol", "shares_outstanding", as_of_date="reported_as_of"
    ).unique(["symbol", "as_of_date"], keep="last").write_csv(folder / "shares_outstanding.csv")
    market.securities.write_csv(folder / "securities.csv")
    first = bars["session_date"].min()
    # A price-weighted index with a divisor of 100, so that impacts are as many as members.
    members = bars["symbol"].unique().sort().head(MEMBERS)
    levels = (
        bars.filter(pl.col("symbol").is_in(members.implode()))
        .group_by("session_date")
        .agg(close=pl.col("close").sum() / 100)
        .sort("session_date")
    )
    levels.select(
        "session_date", "close", index_symbol=pl.lit("^ALL"), open="close", high="close",
        low="close",
    ).write_csv(folder / "index_levels.csv")  # fmt: skip
    pl.DataFrame(
        {"index_symbol": ["^ALL"], "name": ["All"], "weighting": ["price"],
         "effective_from": [first], "divisor": [None]}
    ).write_csv(folder / "indices.csv")  # fmt: skip
    pl.DataFrame({"symbol": members}).select(
        "symbol", index_symbol=pl.lit("^ALL"), effective_from=pl.lit(first), units=pl.lit(1),
        as_of_date=pl.lit(first), is_estimate=pl.lit(value=False), source=pl.lit("made up"),
    ).write_csv(folder / "index_holdings.csv")  # fmt: skip
    return bars.height, str(first)


def run(data: Path, first: str, *, with_own_log: bool) -> dict[str, float]:
    """Backfill everything in one run; return seconds, event rows and megabytes of history."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "dagster"
        home.mkdir()
        settings = (ROOT / ".dagster" / "dagster.yaml").read_text()
        if not with_own_log:
            settings = re.sub(r"event_log_storage:\n(  .+\n)+", "", settings)
        (home / "dagster.yaml").write_text(settings)
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "CAPSHOCK_DATA_DIR": str(data),
            "CAPSHOCK_REFERENCE_DIR": str(data),
            "CAPSHOCK_WAREHOUSE": str(Path(place) / "market.duckdb"),
            "CAPSHOCK_FIRST_SESSION": first,
        }
        began = time.monotonic()
        done = subprocess.run(
            [Path(sys.executable).parent / "capshock", "run"],
            env=environment, cwd=place, check=False, capture_output=True, text=True,
        )  # fmt: skip
        seconds = time.monotonic() - began
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        rows = 0
        for path in (home / "history" / "runs").glob("*.db"):
            with sqlite3.connect(path) as connection:
                rows += connection.execute("SELECT count(*) FROM event_logs").fetchone()[0]
        size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    return {"seconds": seconds, "rows": rows, "megabytes": size / 1e6}


def main() -> None:
    """Run both and compare."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--symbols", type=int, default=534)
    asked.add_argument("--sessions", type=int, default=2520)
    given = asked.parse_args()
    data = Path(tempfile.mkdtemp())
    try:
        bars, first = write_files(data, given.symbols, given.sessions)
        table = Table(title=f"{given.symbols} symbols x {given.sessions} sessions: {bars:,} bars")
        for name in ("event log", "seconds", "event rows", "megabytes of history"):
            table.add_column(name, justify="left" if name == "event log" else "right")
        for name, own in (("Dagster's SQLite", False), ("pipelines.event_log", True)):
            told = run(data, first, with_own_log=own)
            table.add_row(
                name, f"{told['seconds']:.1f}", f"{told['rows']:,}", f"{told['megabytes']:.1f}"
            )
        Console().print(table)
    finally:
        shutil.rmtree(data)


if __name__ == "__main__":
    main()
