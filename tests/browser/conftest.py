"""A real Chromium, and the Dagster UI as ``make ui`` starts it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PICTURES = Path(os.environ.get("CAPSHOCK_PICTURES", ROOT / ".cache" / "pictures"))
"""Where screenshots go: ``make pictures`` puts them into docs/."""

PATIENCE_MS = 30_000
"""A machine that does other things too takes longer than Playwright's five seconds."""

_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, which knows nobody but this machine.

    It ends with the module: Playwright keeps an event loop running in this thread, and a pipeline
    run of another module could not start its own.
    """
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page as wide as a notebook."""
    with chromium.new_page(viewport={"width": 1600, "height": 1000}) as page:
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield page


@dataclass
class Ui:
    """The UI with its daemon, over the whole sample."""

    url: str
    home: Path
    warehouse: Path

    def instance(self) -> dg.DagsterInstance:
        """Open Dagster's instance, as another process does."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAGSTER_HOME", str(self.home))
            return dg.DagsterInstance.get()


@pytest.fixture(scope="session")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """``capshock run``, then ``dg dev``."""
    folder = tmp_path_factory.mktemp("ui")
    home = folder / "dagster"
    home.mkdir()
    shutil.copy(ROOT / ".dagster" / "dagster.yaml", home)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = Ui(f"http://127.0.0.1:{port}", home, folder / "market.duckdb")
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "CAPSHOCK_WAREHOUSE": str(found.warehouse),
        "DG_CLI_CONFIG": str(folder / "dg.toml"),
        "VIRTUAL_ENV": sys.prefix,
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    subprocess.run(
        [BIN / "capshock", "run"], env=environment, cwd=ROOT, check=True, capture_output=True
    )
    with (folder / "ui.log").open("w") as log:
        process = subprocess.Popen(
            [BIN / "dg", "dev", "--host", "127.0.0.1", "--port", str(port)],
            env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(found.url + "/server_info", folder / "ui.log")
        yield found
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(url: str, log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            opener.open(url, timeout=2).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError(f"the UI did not come up:\n{log.read_text()[-3000:]}")
