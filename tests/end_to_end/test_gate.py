"""The gate before publishing: what stops there, what a person says, and what readers are told."""

import contextlib
import io
import json
import re
from datetime import date

import dagster as dg
import pytest
from rich.console import Console

from assets.ops.published_file import GATE, PUBLISHED
from assets.products.claims_report import report_claims
from assets.products.message import message
from assets.products.telling.session import tell_session
from assets.products.trace import Origins, report_trace
from pipelines import definitions
from pipelines.doctor import examine
from pipelines.run import evaluations
from pipelines.run_requests import REFRESH
from warehouse.errors import NothingToTrace, PublishingStopped
from warehouse.reader import read_published
from warehouse.responses import ResponseStore

DOUBTS = (
    "SELECT subject FROM session_doubts('2025-01-10') WHERE doubt = 'published despite a check' "
    "ORDER BY subject"
)


def _without(path, *beginnings: str) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(beginnings)))


def _doubts(deployment) -> list[str]:
    with read_published(deployment.settings.warehouse) as published:
        return [row["subject"] for row in published.rows(DOUBTS)]


def _is_told_to_readers(small) -> None:
    with read_published(small.settings.warehouse) as published:
        told_of_session = tell_session(published, date(2025, 1, 10))
    (sentence,) = [
        line
        for line in message(told_of_session).splitlines()
        if line.startswith("Published although a check fails: ")
    ]
    assert all(said in sentence for said in _doubts(small))
    console = Console(record=True, width=1000, file=io.StringIO())
    report_claims(console, small.settings.warehouse, None)
    said = console.export_text()
    assert "Published although core.index_levels fails levels_with_prices: 1 levels are" in said


def _is_told_where_it_is_about_what_is_traced(small) -> None:
    """A level is missing on 16 January, and CCC in all tables: other traces are silent."""

    def despite(symbol: str, day: date) -> set[str]:
        console = Console(record=True, width=1000, file=io.StringIO())
        origins = Origins(small.settings.data_dir, ResponseStore(small.folder / "responses"))
        with contextlib.suppress(NothingToTrace):
            report_trace(console, small.settings.warehouse, origins, symbol, day)
        said = console.export_text()
        return set(re.findall(r"Published although \S+ fails (\w+):", said))

    assert despite("AAA", date(2025, 1, 10)) == despite("AAA", date(2025, 1, 15)) == set()
    assert despite("AAA", date(2025, 1, 16)) == {"levels_with_prices"}
    assert "rows_kept" in despite("CCC", date(2025, 1, 10))


def _nobody_gets_past(small) -> None:
    """By the UI's button on the file alone, a word for one check of two, or one without reason."""
    alone = (
        definitions.build(small.settings)
        .resolve_job_def(REFRESH)
        .execute_in_process(
            instance=small.instance, asset_selection=[PUBLISHED], raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    )  # fmt: skip
    assert not alone.success
    half = small.publish("rows_kept")
    assert not half.succeeded
    assert "rows_kept:" not in half.reasons[0]
    assert "levels_with_prices" in half.reasons[0]
    with pytest.raises(PublishingStopped, match="no reason is given"):
        small.publish("rows_kept", reason=" ")
    with pytest.raises(PublishingStopped, match="no check of that name"):
        small.publish("rows_lost")


@pytest.mark.slow
def test_a_table_that_shrank_and_prices_without_levels_stop_until_a_person_says_so(
    small, small_market
):
    before = small.settings.warehouse.read_bytes()
    _without(small_market / "prices.csv", "CCC")
    _without(small_market / "index_levels.csv", "^IDX,2025-01-16")
    stopped = small.run()
    assert not stopped.succeeded
    (reason,) = stopped.reasons
    for said in (
        "ops.published_file: market.duckdb: not published. ",
        "core.prices, rows_kept: 10 of the 30 rows that readers see are gone "
        "(symbol CCC, rows 0, published_rows 10)",
        "core.index_levels, levels_with_prices: 1 levels are missing",
        "(index_symbol ^IDX, session_date 2025-01-16)",
        "-> Readers keep what was published before. ",
        'capshock publish --despite levels_with_prices --despite rows_kept --reason "..."',
    ):
        assert said in reason
    remarks = "\n".join(stopped.remarks)
    assert "error, ops.published_file, gate: not published: " in remarks
    assert "error, core.prices, rows_kept: 10 of the 30" in remarks
    assert small.settings.warehouse.read_bytes() == before
    told = {f.subject: f.said for f in examine(small.instance, small.settings) if f.level == "hand"}
    assert "stopped by core.prices rows_kept, " in told["published"]
    assert "--despite levels_with_prices --despite rows_kept" in told["published"]

    _nobody_gets_past(small)
    assert small.settings.warehouse.read_bytes() == before

    given = small.publish("rows_kept", "levels_with_prices", reason="CCC is not ours")
    assert given.succeeded, given.reasons
    (gate,) = [e for e in evaluations(small.instance, given.run_id) if e.check_name == GATE]
    assert gate.passed
    assert gate.description.startswith("published despite ")
    kept = small.sql("FROM ops.publish_overrides WHERE table_name = 'core.prices'").to_dicts()
    assert [(o["check_name"], o["overridden_by"], o["reason"], o["is_in_force"]) for o in kept] == [
        ("rows_kept", "tester", "CCC is not ours", True)
    ]
    assert kept[0]["run_id"] == given.run_id
    assert [json.loads(row) for row in kept[0]["failing_rows"]] == [
        {"symbol": "CCC", "rows": 0, "published_rows": 10}
    ]
    (levels,) = [said for said in _doubts(small) if "levels_with_prices" in said]
    assert levels == "levels_with_prices of core.index_levels: CCC is not ours"
    (shrank,) = [said for said in _doubts(small) if said.startswith("rows_kept of ")]
    assert ", core.prices, " in shrank

    _is_told_to_readers(small)
    _is_told_where_it_is_about_what_is_traced(small)

    # The next night: the tables have kept their rows, and the level is still missing.
    night = small.must_run()
    assert _doubts(small) == [levels]
    (said,) = [remark for remark in night.remarks if "levels_with_prices" in remark]
    assert said.startswith("warning, core.index_levels")
    assert said.endswith("published despite it: CCC is not ours")
    looks = {f.subject: f.level for f in examine(small.instance, small.settings)}
    assert looks["override"] == "look"

    # A word holds for the rows that failed then.
    _without(small_market / "index_levels.csv", "^IDX,2025-01-10")
    again = small.run()
    assert not again.succeeded
    assert "session_date 2025-01-10; index_symbol ^IDX, session_date 2025-01-16" in again.reasons[0]


@pytest.mark.slow
def test_a_clock_set_back_stops(small):
    small.overrides["now"] = "2025-01-15T23:30:00+00:00"
    stopped = small.publish()
    assert not stopped.succeeded
    for said in (
        "ops.publications, clock: the run's moment is 2025-01-15 23:30 UTC, and ops.publications "
        "has 2025-01-16 22:00",
        "--despite clock",
    ):
        assert said in stopped.reasons[0]
    assert small.publish("clock").succeeded
    # The word holds as long as nothing newer is known.
    assert small.publish().succeeded
    assert _doubts(small) == ["clock of ops.publications: a test says so"]
    # By the clock itself: what was fetched from files is stamped with it.
    small.overrides["now"] = None
    by_the_clock = small.publish()
    assert by_the_clock.succeeded, by_the_clock.reasons
    assert _doubts(small) == []


@pytest.mark.slow
def test_a_first_file_without_one_price_is_not_published(deploy, small_market):
    prices = small_market / "prices.csv"
    lines = prices.read_text().splitlines()
    wrong = [",".join([*line.split(",")[:5], "0,0"]) for line in lines[1:]]
    prices.write_text("\n".join([lines[0], *wrong]) + "\n")
    empty = deploy(data_dir=small_market, reference_dir=small_market)
    stopped = empty.run()
    assert not stopped.succeeded
    assert "core.prices, rows_kept: there is not one price" in stopped.reasons[0]
    assert not empty.settings.warehouse.exists()


def test_every_check_that_stops_is_shown_on_its_table(small):
    graph = definitions.build(small.settings).resolve_asset_graph()
    shown = {(key.asset_key, key.name) for key in graph.asset_check_keys}
    assert (PUBLISHED, GATE) in shown
    assert (dg.AssetKey(["ops", "publications"]), "clock") in shown
    assert (dg.AssetKey(["core", "prices"]), "rows_kept") in shown
