"""What all tests share: a deployment of the real pipeline in a temporary folder."""

import gc
import ipaddress
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest
from filelock import FileLock

from assets.market import calendar
from assets.resources import Override
from assets.table_asset import asset_key
from pipelines import definitions
from pipelines.event_log import BatchedSqliteEventLogStorage
from pipelines.plan import Plan
from pipelines.run import Outcome, execute, publish
from pipelines.run_requests import REFRESH, make_plan
from pipelines.settings import Settings
from warehouse.duckdb_file import DuckDBFile
from warehouse.schemas import raw

ROOT = Path(__file__).resolve().parent.parent
SMALL_MARKET = ROOT / "tests" / "small_market"
# Dagster's definitions stay as long as the process: to look through them at every turn costs a
# twentieth of the time.
gc.set_threshold(100_000, 50, 100)

NOBODY = "http://127.0.0.1:9"
"""A proxy that is not there: what goes out through libcurl, or from another process, ends here."""


def _loopback_only(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse connections of this process to anything but this machine (an audit hook)."""
    address = arguments[1] if event == "socket.connect" else None
    if isinstance(address, tuple) and not (
        address[0] == "localhost" or ipaddress.ip_address(address[0]).is_loopback
    ):
        raise ConnectionRefusedError(f"tests talk to loopback alone, not to {address}")


sys.addaudithook(_loopback_only)
for _name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    os.environ[_name] = os.environ[_name.lower()] = NOBODY
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> None:
    """Keep the machine's settings out of the tests."""
    for name in list(os.environ):
        if name.startswith(("CAPSHOCK_", "DAGSTER_")) and name != "CAPSHOCK_NO_SKIPS":
            del os.environ[name]
    os.environ["TZ"] = "UTC"


@dataclass
class Deployment:
    """The real pipeline on a folder of its own, with an instance of its own."""

    folder: Path
    instance: dg.DagsterInstance
    overrides: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        given = {
            "warehouse": self.folder / "market.duckdb",
            "data_dir": ROOT / "warehouse" / "sample",
            "reference_dir": ROOT / "warehouse" / "reference",
            "lock_wait_seconds": 0.5,
            # The page has its own tests: everywhere else it would cost two seconds a run.
            "briefs": "none",
        }
        return Settings(_env_file=None, **given | self.overrides)

    @property
    def warehouse(self) -> DuckDBFile:
        return DuckDBFile(self.settings.warehouse, 0.5)

    def plan(self, first: str | None = None, last: str | None = None) -> Plan:
        return make_plan(self.instance, self.settings, _day(first), _day(last))

    def run(
        self, first: str | None = None, last: str | None = None, *, rebuild: bool = False
    ) -> Outcome:
        """Do what ``capshock run`` does."""
        plan = self.plan(first, last)
        defs = definitions.build(self.settings)
        return execute(self.instance, defs, plan, lambda _: None, rebuild=rebuild)

    def must_run(self, first: str | None = None, last: str | None = None) -> Outcome:
        outcome = self.run(first, last)
        assert outcome.succeeded, outcome.reasons
        return outcome

    def publish(self, *despite: str, reason: str = "a test says so") -> Outcome:
        """Do what ``capshock publish`` does."""
        override = Override(despite, reason, "tester")
        defs = definitions.build(self.settings)
        return publish(self.instance, defs, override, lambda _: None)

    def carry_out(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Do what the daemon does with the request of a tick."""
        return (
            definitions.build(self.settings)
            .resolve_job_def(REFRESH)
            .execute_in_process(
                instance=self.instance,
                asset_selection=request.asset_selection,
                tags=dict(request.tags),
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )
        )

    def book(self, first: str, last: str) -> None:
        """Note in Dagster's history that the prices of these sessions have landed."""
        key = asset_key(raw.Prices)
        for day in calendar.sessions(date.fromisoformat(first), date.fromisoformat(last)):
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(key, partition=str(day))
            )

    def copy(self, folder: Path) -> "Deployment":
        """Return a deployment of its own that starts with what this one has."""
        shutil.copytree(self.folder, folder)
        return Deployment(folder, self.instance, dict(self.overrides))

    def sql(self, query: str, *parameters: Any) -> pl.DataFrame:
        """Ask the published file, as an analyst does."""
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            return connection.sql(query, params=list(parameters) or None).pl()

    def one(self, query: str, *parameters: Any) -> Any:
        return self.sql(query, *parameters).item()

    def hashes(self) -> dict[str, str]:
        return self.warehouse.hashes()


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance with runs in memory, and the product's own event log."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        ephemeral._event_storage.dispose()
        ephemeral._event_storage = BatchedSqliteEventLogStorage(
            str(tmp_path_factory.mktemp("history"))
        )
        ephemeral._event_storage.register_instance(ephemeral)
        yield ephemeral


def _shared_by_processes(factory: pytest.TempPathFactory) -> Path:
    """Return the temporary folder that all test processes of a run share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def _landed_once(
    name: str,
    factory: pytest.TempPathFactory,
    instance: dg.DagsterInstance,
    **overrides: Any,
) -> Deployment:
    """Return a deployment that one of the test processes has run, for all of them to read."""
    base = _shared_by_processes(factory)
    deployment = Deployment(base / name, instance, overrides)
    with FileLock(base / f"{name}.lock"):
        if not (base / f"{name}.landed").exists():
            shutil.rmtree(deployment.folder, ignore_errors=True)
            deployment.folder.mkdir()
            deployment.must_run()
            (base / f"{name}.landed").touch()
    return deployment


CUT_FROM = date(2024, 9, 3)
SYMBOLS_OF_CUT = """
    AAPL AMGN AMZN AXP BA CAT CRM CSCO CVX DIS GS HD HON IBM JNJ JPM KO MCD MMM MRK MSFT NKE NVDA PG
    SHW TRV UNH V VZ WMT
    ALAB AMD ANET ARM ASML AVGO BF-B BRK-B CTLT FOX FOXA GE GEV GOOG GOOGL INTC IP LEN LRCX META MRO
    MRVL NFLX OKLO ORCL PANW SMCI SMR TEAM TLN TSLA TSM VRT VST
"""
"""The Dow's members of 2025-02-14; what leads the news, and what has faults: two lines of a
company, splits, no counts, closes alone, missing sessions, lines that begin and that end."""


@pytest.fixture(scope="session")
def cut_of_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty-four lines of the sample over its last 114 sessions: where a part says the same.

    Folders ``data`` and ``reference``. Tests only read them. The Dow has all its members, of the
    S&P 500 most lack a price.
    """
    base = _shared_by_processes(tmp_path_factory)
    folder = base / "cut"
    with FileLock(base / "cut.lock"):
        if not (base / "cut.written").exists():
            _write_cut(folder)
            (base / "cut.written").touch()
    return folder


def _write_cut(folder: Path) -> None:
    whole, data = ROOT / "warehouse", folder / "data"
    data.mkdir(parents=True)
    shutil.copytree(whole / "reference", folder / "reference")
    securities = pl.read_csv(whole / "reference" / "securities.csv", infer_schema=False)
    symbols = SYMBOLS_OF_CUT.split()
    chosen = securities.filter(pl.col("symbol").is_in(symbols))
    chosen.write_csv(folder / "reference" / "securities.csv")
    for path in (whole / "sample").glob("*.parquet"):
        rows = pl.scan_parquet(path)
        columns = rows.collect_schema().names()
        if "symbol" in columns:
            rows = rows.filter(pl.col("symbol").is_in(symbols))
        (day,) = {"session_date", "ex_date", "as_of_date"} & set(columns)
        # A count of two months before is there, as one is of every company that has counts.
        since = CUT_FROM - timedelta(days=60) if day == "as_of_date" else CUT_FROM
        rows = rows.filter(pl.col(day) >= since)
        rows.collect().write_parquet(data / path.name)


@pytest.fixture(scope="session")
def landed_cut(
    instance: dg.DagsterInstance, tmp_path_factory: pytest.TempPathFactory, cut_of_sample: Path
) -> Deployment:
    """The cut of the sample, run once. Tests only read it, or copy it."""
    return _landed_once("landed-cut", tmp_path_factory, instance, **_of_cut(cut_of_sample))


def _of_cut(folder: Path) -> dict[str, Any]:
    return {"data_dir": folder / "data", "reference_dir": folder / "reference"}


@pytest.fixture(scope="session")
def founding(instance: dg.DagsterInstance, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The whole sample, run once. Tests only read it."""
    return _landed_once("founding", tmp_path_factory, instance)


@pytest.fixture
def deploy(instance: dg.DagsterInstance, tmp_path: Path) -> Callable[..., Deployment]:
    """Make an empty deployment; keyword arguments are settings."""

    def make(**overrides: Any) -> Deployment:
        folder = tmp_path / f"warehouse-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return Deployment(folder, instance, overrides)

    return make


@pytest.fixture
def small_market(tmp_path: Path) -> Path:
    """Three made-up companies over ten sessions, as CSV files one can read and break.

    AAA is split 2:1 on 2025-01-08 and loses on 2025-01-10; BBB has no share count; CCC is quiet.
    """
    folder = tmp_path / "data"
    shutil.copytree(SMALL_MARKET, folder)
    return folder


@pytest.fixture(scope="session")
def copy_of_small(
    instance: dg.DagsterInstance, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], Deployment]:
    """Copy the small market after a good run, and its files, into a folder."""
    # On the evening of its last session: tests say for themselves what counts as now after it.
    given = {"data_dir": SMALL_MARKET, "reference_dir": SMALL_MARKET,
             "now": datetime(2025, 1, 16, 22, tzinfo=UTC)}  # fmt: skip
    landed = _landed_once("small", tmp_path_factory, instance, **given)
    # Another of the test processes may have run it: the history of this one lacks the run.
    landed.book("2025-01-02", "2025-01-16")

    def copy(base: Path) -> Deployment:
        market = base / "data"
        if not market.exists():
            shutil.copytree(SMALL_MARKET, market)
        copied = Deployment(
            base / "landed", instance, {"data_dir": market, "reference_dir": market}
        )
        shutil.copytree(landed.folder, copied.folder)
        return copied

    return copy


@pytest.fixture
def small(
    copy_of_small: Callable[[Path], Deployment], small_market: Path, tmp_path: Path
) -> Deployment:
    """The small market after a good run; its files are the test's own to break."""
    assert small_market == tmp_path / "data"
    return copy_of_small(tmp_path)


LONGEST_FIRST = ("test_founding_session.py", "pipelines", "yahoo_replay", "end_to_end")
"""Files and folders that take longest: at the end they would leave one process to work alone.

One process runs the whole sample; nobody asks for it meanwhile.
"""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, each folder in the random order that it has."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}

    def place(item: pytest.Item) -> int:
        of_folder = places.get(item.path.parent.name, len(places))
        return places.get(item.path.name, of_folder)

    items.sort(key=place)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """In the full run a skipped test is a failure."""
    skipped = call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception)
    if os.environ.get("CAPSHOCK_NO_SKIPS") and skipped:
        message = f"{item.nodeid} was skipped: {call.excinfo.value}"
        call.excinfo = pytest.ExceptionInfo.from_exception(AssertionError(message))
