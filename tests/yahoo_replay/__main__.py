"""Serve a folder as Yahoo would, and run a command against it: ``make demo-yahoo``."""

import os
import subprocess
import sys
from pathlib import Path

from tests.yahoo_replay.market import Market
from tests.yahoo_replay.replay import serving


def main() -> int:
    """Run ``python -m tests.yahoo_replay FOLDER NOW COMMAND ...``."""
    folder, now, *command = sys.argv[1:]
    with serving(Market.read(Path(folder)), now) as replay:
        environment = {**os.environ, **replay.environment, "CAPSHOCK_NOW": f"{now}+00:00"}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
