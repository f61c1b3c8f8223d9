"""What the brief costs: the run with and without it, the writing alone, the page in Chromium.

Runs are what ``capshock run`` does over the whole sample, each in a process and a warehouse of its
own, taking turns.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
CAPSHOCK = Path(sys.executable).parent / "capshock"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_TIMED = """async () => {
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    return [performance.timing.loadEventEnd - performance.timing.navigationStart,
            performance.now()];
}"""
"""Milliseconds until the page was loaded, and until two frames of it had been drawn."""


def run(folder: Path, briefs: str) -> tuple[float, float]:
    """Run the pipeline; return its seconds, and those of the asset shock_brief."""
    environment = {
        **os.environ,
        "CAPSHOCK_WAREHOUSE": str(folder / "market.duckdb"),
        "CAPSHOCK_BRIEFS": briefs,
        "DAGSTER_HOME": str(folder / "dagster"),
    }
    began = time.perf_counter()
    told = subprocess.run(
        [CAPSHOCK, "run"], env=environment, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    seconds = time.perf_counter() - began
    found = re.search(r"ops\.shock_brief (\d+\.\d) s", " ".join(told.split()))
    return seconds, float(found[1]) if found else 0.0


def command(folder: Path) -> float:
    """Write the founding brief by the command line; return its seconds."""
    began = time.perf_counter()
    subprocess.run(
        [CAPSHOCK, "brief", "--session", "2025-01-27"],
        env={**os.environ, "CAPSHOCK_WAREHOUSE": str(folder / "market.duckdb")},
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    return time.perf_counter() - began


def drawn(page: Path) -> tuple[float, float]:
    """Open a page in Chromium; return the milliseconds until it is loaded, and drawn."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(QUIET)
        )
        tab = browser.new_page(viewport={"width": 1200, "height": 900})
        tab.goto(page.as_uri())
        loaded, seen = tab.evaluate(_TIMED)
        browser.close()
    return loaded, seen


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    runs: dict[str, list[tuple[float, float]]] = {"none": [], "last": []}
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as scratch:
        for turn in range(repeat):
            for briefs, seen in runs.items():
                folder = Path(scratch) / f"{briefs}-{turn}"
                folder.mkdir()
                seen.append(run(folder, briefs))
        commands = [command(folder) for _ in range(repeat)]
        page = folder / "briefs" / "2025-01-27.html"
        opened = [drawn(page) for _ in range(repeat)]
        size = page.stat().st_size
    table = Table("what", "median", title=f"{repeat} turns")
    for briefs, seen in runs.items():
        said = f"capshock run, CAPSHOCK_BRIEFS={briefs}"
        table.add_row(said, f"{statistics.median(s for s, _ in seen):.1f} s")
    asset = statistics.median(s for _, s in runs["last"])
    table.add_row("  of it ops.shock_brief", f"{asset:.1f} s")
    table.add_row("capshock brief, whole command", f"{statistics.median(commands):.1f} s")
    table.add_row("the founding page", f"{size / 1e6:.2f} MB")
    table.add_row("  loaded in Chromium", f"{statistics.median(s for s, _ in opened):.0f} ms")
    table.add_row("  drawn", f"{statistics.median(s for _, s in opened):.0f} ms")
    Console().print(table)


if __name__ == "__main__":
    main()
