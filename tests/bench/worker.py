"""One implementation makes one table, in a process of its own so that peak memory is its own."""

import gc
import importlib
import json
import re
import resource
import sys
import time
from pathlib import Path

INPUTS = {
    "market_caps": ("prices", "counts", "securities", "sessions"),
    "market_cap_losses": ("caps",),
    "market_cap_gains": ("caps",),
    "sector_moves": ("caps", "securities"),
}


def peak_memory() -> int:
    """Return the process's largest resident memory in bytes.

    Where there is /proc, from there: getrusage starts from the memory of the process that forked.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return int(found[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(implementation: str, table: str, folder: Path, output: Path | None) -> None:
    """Print seconds from frames to frame and peak memory in bytes; write the table if asked to."""
    module = importlib.import_module(f"by_{implementation}")
    inputs = {name: module.load(folder / f"{name}.parquet") for name in INPUTS[table]}
    gc.collect()
    started = time.perf_counter()
    made = module.TABLES[table](**inputs)
    seconds = time.perf_counter() - started
    peak = peak_memory()
    if output is not None:
        module.write(made, output)
    sys.stdout.write(json.dumps({"seconds": seconds, "peak": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:3], Path(sys.argv[3]), Path(sys.argv[4]) if len(sys.argv) > 4 else None)
