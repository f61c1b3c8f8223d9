"""What watches the runs: each message once, to a real receiver on loopback, and never twice."""

import json
import logging
import os
import shutil
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
import polars as pl
import pytest

from assets.table_asset import asset_key
from pipelines import definitions, sensors, webhook
from pipelines.run import execute
from pipelines.schedule import decide
from pipelines.sensors import data_quality, new_reference_file, run_failed, session_told
from pipelines.webhook import notify
from warehouse.errors import NotDelivered
from warehouse.schemas import raw, ref

DDD = "DDD,2025-01-13,10,11,9,10,100"


class Receiver:
    """A webhook's other end."""

    def __init__(self):
        self.messages: list[str] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if receiver.status == 200:
                    receiver.messages.append(json.loads(body)["text"])
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/T0/B0/hush-hush"


@pytest.fixture
def receiver(monkeypatch):
    monkeypatch.setattr(webhook, "FIRST_WAIT_SECONDS", 0.01)
    told = Receiver()
    yield told
    told.server.shutdown()
    told.server.server_close()


@pytest.fixture
def watched(small, receiver):
    small.overrides["webhook_url"] = receiver.url
    return small


class Watch:
    """A sensor with its cursor, as the daemon keeps it."""

    def __init__(self, make, deployment):
        self.deployment = deployment
        self.make = make
        self.cursor = None
        self.look()

    def look(self) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(
            instance=self.deployment.instance, cursor=self.cursor,
            repository_def=definitions.build(self.deployment.settings).get_repository_def(),
        )  # fmt: skip
        told = self.make(self.deployment.settings)(context)
        if isinstance(told, dg.SensorResult) and told.cursor is not None:
            self.cursor = told.cursor
        return told


def _break(deployment) -> None:
    (deployment.overrides["data_dir"] / "prices.csv").unlink()


def _fail(deployment) -> str:
    plan = deployment.plan("2025-01-02", "2025-01-16")
    _break(deployment)
    outcome = execute(
        deployment.instance, definitions.build(deployment.settings), plan, lambda _: None
    )
    assert not outcome.succeeded
    return outcome.run_id


def test_a_failed_run_is_told_of_once_with_its_reason_and_a_link(watched, receiver):
    watch, of_retries = Watch(run_failed, watched), Watch(run_failed, watched)
    run_id = _fail(watched)
    # With the receiver down nothing is lost, and the URL is not told.
    receiver.status = 503
    said = watch.look().skip_reason.skip_message
    assert "HTTP status 503" in said
    assert "hush" not in said
    assert receiver.messages == []
    receiver.status = 200
    watch.look()
    watch.look()
    (message,) = receiver.messages
    folder = watched.overrides["data_dir"]
    assert message == (
        f"*capshock: <http://127.0.0.1:3000/runs/{run_id}|run {run_id[:8]}> failed*\n"
        f"• raw.prices: {folder}: neither prices.parquet nor prices.csv is there\n"
        '  -&gt; Put one of them there, or set CAPSHOCK_DATA_DIR. See "Bring your own data" in the '
        "README for the files and their columns."
    )
    # A run that is retried is told of when the last attempt fails.
    watched.instance.add_run_tags(run_id, {"dagster/will_retry": "true"})
    of_retries.look()
    assert len(receiver.messages) == 1


def test_a_reason_that_several_tables_share_is_told_once_with_all_of_them(watched, receiver):
    watch = Watch(run_failed, watched)
    plan = watched.plan("2025-01-02", "2025-01-16")
    folder = watched.overrides["data_dir"]
    watched.overrides["reference_dir"] = folder.rename(folder.with_name("elsewhere"))
    execute(watched.instance, definitions.build(watched.settings), plan, lambda _: None)
    watch.look()
    (message,) = receiver.messages
    (told,) = [line for line in message.splitlines() if line.startswith("•")]
    tables, reason = told.removeprefix("• ").split(": ", 1)
    # Splits land after the prices that they belong to, and are not tried.
    assert set(tables.split(", ")) == {
        f"raw.{name}" for name in ("prices", "dividends", "shares_outstanding", "index_levels")
    }
    assert reason == f"{folder}: the folder of raw data does not exist"


def _set_aside(name):
    def spoil(folder):
        (folder / name).rename(folder / f"not-{name}")

    return spoil


READ_FIRST = [asset_key(ref.Securities), asset_key(raw.Prices)]
"""Where a run fails that cannot read its prices."""


@pytest.mark.parametrize(
    ("spoil", "said", "carried_out"),
    [
        (_set_aside("prices.csv"), "raw.prices: {}: neither prices.parquet nor prices.csv", "all"),
        (
            lambda f: (f / "prices.csv").write_text("symbol\n"),
            "raw.prices: {}/prices.csv: column",
            "what is read first",
        ),
        (
            lambda f: (f / "prices.csv").write_text(""),
            "raw.prices: {}/prices.csv: cannot be read",
            "what is read first",
        ),
        (
            _set_aside("securities.csv"),
            "ref.securities: {}/securities.csv: the reference file is",
            "what is read first",
        ),
    ],
    ids=["no prices", "missing column", "empty", "no securities"],
)
def test_a_tick_that_cannot_read_the_source_is_told_of_once(
    watched, receiver, spoil, said, carried_out
):
    watch = Watch(run_failed, watched)
    before, prices = watched.hashes(), watched.warehouse.read("raw.prices")
    folder = watched.overrides["data_dir"]
    spoil(folder)
    now = datetime(2025, 1, 16, 23, 30, tzinfo=UTC)
    watched.overrides["now"] = now
    graph = definitions.build(watched.settings).resolve_asset_graph()
    (request,) = decide(watched.instance, watched.settings, graph, now)
    assert str(folder) not in repr(request.tags)
    assert set(READ_FIRST) <= set(request.asset_selection)
    if carried_out != "all":
        request = request.with_replaced_attrs(asset_selection=READ_FIRST)
    assert not watched.carry_out(request).success
    watch.look()
    watch.look()
    (message,) = receiver.messages
    assert said.format(folder) in message
    assert watched.hashes() == before
    assert watched.warehouse.read("raw.prices").equals(prices)


def test_no_metadata_of_a_failed_run_tell_where_it_lies_on_the_machine(watched, tmp_path):
    plan = watched.plan("2025-01-02", "2025-01-16")
    folder = watched.overrides["data_dir"]
    for name in ("splits.csv", "index_holdings.csv"):
        (folder / name).write_text("")
    for name in ("shares_outstanding.csv", "index_levels.csv"):
        (folder / name).unlink()
    outcome = execute(watched.instance, definitions.build(watched.settings), plan, lambda _: None)
    run_id = outcome.run_id
    told = []
    for entry in watched.instance.all_logs(run_id):
        data = entry.dagster_event.event_specific_data if entry.dagster_event else None
        for holder in (data, getattr(data, "user_failure_data", None),
                       getattr(data, "materialization", None)):  # fmt: skip
            told.append(repr(getattr(holder, "metadata", None)))
            told.append(repr(getattr(holder, "metadata_entries", None)))
    errors = [text for text in told if "'error'" in text]
    assert len(errors) == 4
    assert any("splits.csv: cannot be read" in text for text in errors)
    missing = "data: neither index_levels.parquet nor index_levels.csv is there"
    assert any(missing in text for text in errors)
    assert not [text for text in told if str(tmp_path) in text]


def test_the_url_is_never_told(watched, receiver, caplog):
    receiver.server.shutdown()
    receiver.server.server_close()
    with caplog.at_level(logging.DEBUG, "capshock"), pytest.raises(NotDelivered) as refused:
        notify(watched.settings, "something", logging.getLogger("capshock"))
    assert refused.value.__cause__ is None
    assert "hush" not in str(refused.value) + caplog.text + repr(watched.settings)


@pytest.mark.slow
def test_remarks_are_told_with_the_run_and_not_again_while_they_stand(watched, receiver):
    watch = Watch(data_quality, watched)
    # Four symbols are asked for since, and one has no share count yet: other words than before.
    for name, line in (("securities.csv", "DDD,D,DDD,Made up,made up,"), ("prices.csv", DDD)):
        path = watched.overrides["data_dir"] / name
        path.write_text(f"{path.read_text().rstrip()}\n{line}\n")
    watched.must_run("2025-01-02", "2025-01-16")
    watch.look()
    (message,) = receiver.messages
    assert "landed, with" in message
    assert "warning, raw.shares_outstanding, delivered: 2 of 4 symbols did not" in message
    # A run between that ends before its checks changes nothing.
    prices = watched.overrides["data_dir"] / "prices.csv"
    before = prices.read_bytes()
    _fail(watched)
    prices.write_bytes(before)
    watched.must_run("2025-01-02", "2025-01-16")
    watch.look()
    assert len(receiver.messages) == 1


def test_without_a_webhook_the_log_has_it(small, caplog):
    with caplog.at_level(logging.WARNING, "capshock"):
        notify(small.settings, "something happened", logging.getLogger("capshock"))
    assert "something happened" in caplog.text


# --- new sessions ---------------------------------------------------------------------------------


def _next_session(deployment, day: str, close: float) -> None:
    """Add a session to the data, with a close of CCC, which has five million shares."""
    levels = deployment.overrides["data_dir"] / "index_levels.csv"
    levels.write_text(f"{levels.read_text().rstrip()}\n^IDX,{day},,,,94\n")
    prices = deployment.overrides["data_dir"] / "prices.csv"
    closes = {"AAA": 47, "BBB": 22, "CCC": close}
    bars = [f"{symbol},{day},,,,{usd}," for symbol, usd in closes.items()]
    prices.write_text("\n".join([prices.read_text().rstrip(), *bars]) + "\n")


@pytest.mark.slow
def test_a_new_session_is_told_once(watched, small_market, receiver):
    watch = Watch(session_told, watched)
    assert watch.look().skip_message == "No new session."
    # 10.20 dollars the session before
    _next_session(watched, "2025-01-17", 9.18)
    watched.overrides["briefs"] = "last"
    watched.must_run("2025-01-17", "2025-01-17")
    # It waits for a receiver that is down.
    receiver.status = 503
    assert "HTTP status 503" in watch.look().skip_message
    assert receiver.messages == []
    receiver.status = 200
    assert watch.look().skip_reason.skip_message == "2025-01-17 is told."
    watch.look()
    (message,) = receiver.messages
    assert message.splitlines()[:2] == [
        # Its only report is confirmed by no other.
        "*Gamma loses $5.1m; the history is too short to tell how much that is; on a disputed "
        "share count*",
        "_Friday, 17 January 2025_",
    ]
    assert "Gamma (CCC) closes -10.00 %, a loss of $5.1m at the close" in message
    assert message.splitlines()[-1] == (
        "<http://127.0.0.1:3000/assets/ops/shock_brief|The brief>: briefs/2025-01-17.html"
    )
    # Fetched again, or an earlier one: nothing new.
    watched.overrides["briefs"] = "none"
    watched.must_run("2025-01-16", "2025-01-17")
    watch.look()
    assert len(receiver.messages) == 1
    # The next one is: a gain, of a company whose name would mention everybody.
    securities = small_market / "securities.csv"
    securities.write_text(securities.read_text().replace("Gamma Inc.", "<!channel> & Co"))
    _next_session(watched, "2025-01-21", 10.20)
    watched.must_run()
    watch.look()
    (_, message) = receiver.messages
    assert message.startswith("*&lt;!channel&gt; &amp; Co gains $5.1m;")
    assert "_Tuesday, 21 January 2025_" in message
    assert "<!" not in message


def test_the_first_file_that_is_published_is_told(deploy, small, receiver):
    fresh = deploy(**small.overrides, webhook_url=receiver.url)
    watch = Watch(session_told, fresh)
    shutil.copy(small.settings.warehouse, fresh.settings.warehouse)
    watch.look()
    assert len(receiver.messages) == 1
    assert "_Thursday, 16 January 2025_" in receiver.messages[0]


def test_without_a_webhook_no_session_is_told(small, caplog):
    assert Watch(session_told, small).look().skip_message == "No webhook is set."


HOLDING = "^IDX,CCC,2025-01-02,1,2025-01-02,false,made up"
CLAIM = """\
title: What fell
outlet: An outlet
date: 2025-01-11
claims:
  - {id: fell, statement: AAA fell, metric: direction, company: AAA, session: 2025-01-10,
     claimed: fell}
"""


def _tables(request) -> set[str]:
    return {".".join(key.path) for key in request.asset_selection}


def _touch(path, text=None) -> None:
    if text is not None:
        path.write_text(text)
    past = path.stat().st_mtime - 60
    os.utime(path, (past, past))


DECISIONS = {
    "share_count_decisions": (
        "symbol,as_of_date,decision,reason,source\nAAA,2025-01-02,accept,seen,made up\n"
    ),
    "split_decisions": (
        "symbol,ex_date,kind,ratio,reason,source\nAAA,2025-01-10,none,1,seen,made up\n"
    ),
}


@pytest.mark.slow
def test_dropped_holdings_and_decisions_run_what_depends_on_them(small, small_market):
    watch = Watch(new_reference_file, small)
    assert watch.look().skip_message == "No file has changed."
    holdings = small_market / "index_holdings.csv"
    _touch(holdings, f"{holdings.read_text().rstrip()}\n{HOLDING}\n")
    (of_holdings,) = watch.look().run_requests
    # Units are evidence of share counts and of moves beyond belief; nothing is fetched for them.
    used = {"ref.index_holdings", "mart.index_impacts", "core.shares_outstanding", "core.prices"}
    assert used <= _tables(of_holdings)
    assert not {table for table in _tables(of_holdings) if table.startswith("raw.")}
    assert "ref.securities" not in _tables(of_holdings)
    assert watch.look().skip_message == "No file has changed."
    asked = list(of_holdings.asset_selection)
    pl.read_csv(holdings, try_parse_dates=True).write_parquet(holdings.with_suffix(".parquet"))
    _touch(holdings.with_suffix(".parquet"))
    holdings.unlink()
    (as_parquet,) = watch.look().run_requests
    assert _tables(as_parquet) == _tables(of_holdings)
    for name, decision in DECISIONS.items():
        _touch(small_market / f"{name}.csv", decision)
        (request,) = watch.look().run_requests
        assert {f"ref.{name}", "mart.market_caps"} <= _tables(request)
        # A split decision may let refused prices through; none are, so that none are asked for.
        assert "raw.prices" not in _tables(request)
        asked += request.asset_selection
    # All three are carried out in one run.
    assert small.carry_out(request.with_replaced_attrs(asset_selection=sorted(set(asked)))).success
    assert small.sql(
        "SELECT symbol, units FROM ref.index_holdings ORDER BY symbol"
    ).rows() == [("AAA", 1), ("CCC", 1)]  # fmt: skip
    assert small.one("SELECT count(*) FROM mart.index_impacts WHERE symbol = 'CCC'") > 0
    for name in DECISIONS:
        assert small.one(f"SELECT reason FROM ref.{name}") == "seen"


@pytest.mark.slow
def test_a_dropped_claim_checks_the_claims(small, small_market):
    watch = Watch(new_reference_file, small)
    folder = small_market / "claims"
    folder.mkdir()

    def dropped(name: str) -> dg.RunRequest:
        _touch(folder / name, CLAIM)
        (request,) = watch.look().run_requests
        assert not _tables(request) & {"raw.prices", "mart.market_caps", "ref.securities"}
        return request

    def check(claim: str) -> None:
        assert small.one("SELECT statement FROM ref.claims WHERE claim_id = ?", claim) == "AAA fell"
        checked = "SELECT verdict FROM mart.claim_checks WHERE claim_id = ? AND is_standard"
        assert small.one(checked, claim) == "holds"

    assert small.carry_out(dropped("today.yaml")).success
    check("today/fell")
    dropped("tomorrow.yml")
    (folder / "today.yaml").unlink()
    # That one is gone is a request too.
    (request,) = watch.look().run_requests
    assert small.carry_out(request).success
    check("tomorrow/fell")
    assert small.one("SELECT count(*) FROM ref.claims") == 1


def test_a_new_security_asks_for_its_prices(small, small_market):
    watch = Watch(new_reference_file, small)
    securities = small_market / "securities.csv"
    lines = securities.read_text().splitlines()
    _touch(securities, "\n".join([*lines, lines[-1].replace("CCC", "DDD")]) + "\n")
    prices = small_market / "prices.csv"
    prices.write_text(f"{prices.read_text()}{DDD}\n")
    requests = watch.look().run_requests
    assert dg.AssetKey(["raw", "prices"]) in requests[0].asset_selection


def test_a_new_security_waits_for_who_writes(small, small_market, monkeypatch):
    monkeypatch.setattr(sensors, "LOOK_SECONDS", 0.1)
    watch = Watch(new_reference_file, small)
    securities = small_market / "securities.csv"
    _touch(securities, securities.read_text() + "\n")
    with small.warehouse.writing("run 1234 of refresh"):
        said = watch.look().skip_message
    assert said.startswith("securities.csv: waits. ")
    assert "another writer works on this warehouse: run 1234 of refresh, process" in said
    assert watch.look().run_requests


def test_a_file_that_is_still_being_written_waits(small, small_market):
    watch = Watch(new_reference_file, small)
    (small_market / "index_holdings.csv").write_text("half")
    assert "still being written" in watch.look().skip_message
