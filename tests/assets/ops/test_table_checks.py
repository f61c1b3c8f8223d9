"""What the checks look for, on frames written out; and that a broken warehouse fails them."""

from datetime import date

import dagster as dg
import polars as pl
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation

from assets.ops.checks import CHECKS
from assets.ops.failing_rows import (
    implausible_market,
    lost_rows,
    missing_bars,
    sessions_without_levels,
    too_many_lost,
    unexplained_sessions,
)
from assets.ops.loss_support import support_of_losses
from assets.ops.table_checks import freshness
from assets.raw.delivery import ALWAYS
from pipelines import definitions
from tests.conftest import ROOT
from warehouse.schemas.vocabulary import Support

DAYS = [date(2025, 1, n) for n in (2, 3, 6, 7)]


def test_missing_bars_count_from_the_first_one_on():
    bars = pl.DataFrame(
        {"symbol": ["A", "A", "A", "B", "B"],
         "session_date": [DAYS[0], DAYS[1], DAYS[3], DAYS[2], DAYS[3]]}
    )  # fmt: skip
    assert missing_bars(bars, "symbol", DAYS, ALWAYS).rows() == [("A", 1, DAYS[2], DAYS[2])]


def test_no_bar_is_missing_where_a_line_is_not_listed():
    bars = pl.DataFrame(
        {"symbol": ["DEAD", "DEAD", "LATE", "NEW"],
         "session_date": [DAYS[0], DAYS[1], DAYS[3], DAYS[2]]}
    )  # fmt: skip
    listed = pl.DataFrame(
        [("DEAD", None, DAYS[1]), ("LATE", DAYS[2], None), ("NEW", DAYS[2], DAYS[2])],
        schema=ALWAYS.schema, orient="row",
    )  # fmt: skip
    # LATE is listed from the third session on, and has its first bar on the fourth.
    assert missing_bars(bars, "symbol", DAYS, listed).rows() == [("LATE", 1, DAYS[2], DAYS[2])]


def _loss(
    close=50.0, low=49.0, high=60.0, next_open=51.0, next_close=50.0,
    counts=((1e10, 1), (1.01e10, 2)), effect=-1,
):  # fmt: skip
    losses = pl.DataFrame(
        {"company_symbol": ["A"], "session_date": [DAYS[2]], "loss_usd": [5e11],
         "loss_return": [0.5]}
    )  # fmt: skip
    prices = pl.DataFrame(
        {"symbol": ["A"] * 2, "session_date": DAYS[2:], "open": [60.0, next_open],
         "high": [high, 60.0], "low": [low, 49.0], "close": [close, next_close],
         "adjustment_ratio": [1.0, 1.0]},
        schema_overrides=dict.fromkeys(("open", "high", "low"), pl.Float64),
    )[: 1 if next_close is None else 2]  # fmt: skip
    reports = pl.DataFrame(
        {"symbol": ["A"] * len(counts), "valid_from": DAYS[: len(counts)],
         "shares_outstanding": [n for n, _ in counts],
         "reported_as_of": [date(2024, 1, day) for _, day in counts]}
    )  # fmt: skip
    caps = pl.DataFrame(
        {"company_symbol": ["A"], "session_date": [DAYS[2]],
         "effect_shares_outstanding": [counts[effect][0]],
         "effect_shares_as_of": [reports["reported_as_of"][effect]]}
    )  # fmt: skip
    found = support_of_losses(losses, caps, prices, reports)
    return found.select("support", "lacks").rows()


def test_what_is_wrong_of_a_large_loss_and_what_is_weak_or_not_known_yet():
    assert _loss() == []
    closes_only = {"low": None, "high": None, "next_open": None}
    no_bar = {"low": None, "high": None}
    assert _loss(**no_bar, next_open=90.0) == [("contradicted", "a second price")]
    assert _loss(**no_bar, next_open=52.0) == []
    assert _loss(**closes_only, next_close=52.0) == []
    assert _loss(**closes_only, next_close=90.0) == [("contradicted", "a second price")]
    # On the night itself there is no session after it.
    assert _loss(**closes_only, next_close=None) == [("pending", "a second price")]
    # A later report will tell.
    assert _loss(counts=((1e10, 1),)) == [("pending", "a second share count")]
    # A report of the session itself may be as it likes: the loss rests on the one before.
    assert _loss(counts=((1e10, 1), (1.01e10, 2), (3e10, 3)), effect=1) == []
    weak = [("weak", "a second share count")]
    assert _loss(counts=((1e10, 1), (3e10, 2), (3.01e10, 3)), effect=0) == weak
    assert _loss(counts=((1e10, 1), (1.2e10, 2), (1.01e10, 3)), effect=1) == weak
    # The neighbours agree with each other, and not with it: never a split, which they would follow.
    spike = ((1e10, 1), (3e10, 2), (1.01e10, 3))
    assert _loss(counts=spike, effect=1) == [("contradicted", "a second share count")]
    both = _loss(**closes_only, next_close=None, counts=spike, effect=1)
    assert both == [("contradicted", "a second price, a second share count")]


def test_the_founding_night_has_no_error_and_says_what_is_pending(founding):
    """The tables as they stood on the evening of 27 January 2025."""
    caps, losses, prices = (
        founding.sql(f"FROM {name} WHERE session_date <= DATE '2025-01-27'")
        for name in ("mart.market_caps", "mart.market_cap_losses", "core.prices")
    )
    counts = founding.sql("FROM core.shares_outstanding WHERE reported_as_of <= DATE '2025-01-27'")
    found = support_of_losses(losses, caps, prices, counts)
    assert Support.CONTRADICTED not in found["support"].to_list()
    (tsm,) = found.filter(company_symbol="TSM", session_date=date(2025, 1, 27)).to_dicts()
    assert (tsm["support"], tsm["lacks"]) == ("pending", "a second price")


def test_a_symbol_that_left_is_lost_though_another_came():
    before = pl.DataFrame({"symbol": ["A", "B"], "rows": [10, 3]})
    now = pl.DataFrame({"symbol": ["B", "C"], "rows": [2, 20]})
    assert lost_rows(now, before, "symbol").rows() == [("A", 0, 10), ("B", 2, 3)]


def test_a_level_is_missed_where_the_index_had_one_the_session_before():
    prices = pl.DataFrame({"session_date": DAYS})
    levels = pl.DataFrame(
        {"index_symbol": ["^X", "^X", "^Y", "^Y"],
         "session_date": [DAYS[0], DAYS[1], DAYS[0], DAYS[2]]}
    )  # fmt: skip
    refused = pl.DataFrame({"symbol": ["^Y"], "row_date": [DAYS[3]]})
    # ^X has ended, and is missed once; of ^Y, one came and was refused.
    missed = sessions_without_levels(prices, levels, refused)
    assert missed.rows() == [("^X", DAYS[2]), ("^Y", DAYS[1])]


BREAKS = {
    ("raw.prices", "unique_key"): (
        "INSERT INTO raw.prices SELECT * FROM raw.prices LIMIT 1",
        1,
        "1 keys are there more than once",
    ),
    ("raw.splits", "references"): (
        "DELETE FROM ref.securities WHERE symbol = 'AAA'",
        1,
        "1 references to ref.securities lead nowhere",
    ),
    ("core.prices", "rows_conserved"): (
        "INSERT INTO raw.prices SELECT p.* REPLACE ('D' || n AS symbol) "
        "FROM (FROM raw.prices LIMIT 1) p, range(60) r(n)",
        60,
        "60 rows of raw.prices are neither here nor in quarantine",
    ),
    ("core.prices", "complete"): (
        "DELETE FROM core.prices WHERE symbol = 'CCC' AND session_date = DATE '2025-01-13'",
        1,
        "1 bars are missing among 3 symbols over the last 20 sessions",
    ),
}
"""What breaks a table; how many rows fail then, and what is said."""


def _judge(deployment, table: str, check: str) -> AssetCheckEvaluation:
    """Run one check of a table by itself."""
    job = dg.define_asset_job(
        "checks",
        dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(table.split(".")), check)),
    )
    defs = dg.Definitions.merge(definitions.build(deployment.settings), dg.Definitions(jobs=[job]))
    result = defs.resolve_job_def("checks").execute_in_process(
        instance=deployment.instance,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    (told,) = result.get_asset_check_evaluations()
    return told


@pytest.mark.parametrize(("table", "check"), BREAKS)
def test_a_broken_table_fails_its_check_and_shows_the_rows(small, table, check):
    assert _judge(small, table, check).metadata["failing"].value == 0
    statement, rows, said = BREAKS[table, check]
    with small.warehouse.transaction() as connection:
        connection.execute(statement)
    told = _judge(small, table, check)
    assert not told.passed
    assert told.metadata["failing"].value == rows
    assert len(told.metadata["failing_rows"].records) == min(rows, 50)
    assert told.description == said


@pytest.mark.parametrize(
    ("last", "source", "expected"),
    [
        (None, "yahoo", (False, "there are no prices", 0)),
        (None, "files", (False, "there are no prices", 0)),
        (DAYS[3], "yahoo", (True, "the last session is 2025-01-07, 0 closed since", 0)),
        (DAYS[1], "yahoo", (False, "the last session is 2025-01-03, 2 closed since", 2)),
        (DAYS[1], "files", (True, "source files ends on 2025-01-03", 2)),
    ],
)
def test_a_live_source_is_behind_where_sessions_have_closed_since(last, source, expected):
    assert freshness(last, DAYS[3], source) == expected


def test_members_of_a_whole_and_fresh_set_make_up_what_their_index_did():
    row = {"index_symbol": "^X", "session_date": DAYS[0], "residual_bps": -51.0, "members": 10,
           "members_priced": 9, "holdings_age_days": 200}  # fmt: skip
    others = [
        {"residual_bps": 49.0}, {"members": 9}, {"members_priced": 8}, {"holdings_age_days": 201},
        {"holdings_age_days": -201}, {"residual_bps": None},
    ]  # fmt: skip
    rows = [row, *({**row, "session_date": DAYS[1], **other} for other in others)]
    found = unexplained_sessions(pl.DataFrame(rows))
    assert found.rows() == [("^X", DAYS[0], -51.0)]


@pytest.mark.parametrize(
    ("each", "companies", "is_plausible"),
    [(5e9, 20, True), (5e6, 20, False), (5e6, 19, True), (2e13, 20, False)],
)
def test_the_company_in_the_middle_is_worth_what_companies_are(each, companies, is_plausible):
    caps = pl.DataFrame(
        {"session_date": [DAYS[0]] * companies, "market_cap_usd": [each] * companies}
    )
    assert implausible_market(caps).is_empty() is is_plausible


@pytest.mark.parametrize(
    ("now", "is_too_much"),
    [
        ({"A": 98, "B": 9_900}, False),  # a hundredth of all, of both
        ({"A": 98, "B": 9_700}, True),
        ({"B": 9_900}, True),  # as few, and the whole history of a company
        ({"A": 98, "C": 10_000, "B": 9_950}, False),
    ],
)
def test_a_small_part_of_all_may_go_but_no_companys_history(
    now: dict[str, int], *, is_too_much: bool
) -> None:
    before = pl.DataFrame({"symbol": ["A", "B"], "rows": [100, 9_900]})
    told = pl.DataFrame({"symbol": list(now), "rows": list(now.values())})
    assert too_many_lost(lost_rows(told, before, "symbol"), 10_000, 0.02) == is_too_much


def test_a_company_of_a_few_rows_may_go() -> None:
    before = pl.DataFrame({"symbol": ["A", "B"], "rows": [59, 9_941]})
    now = pl.DataFrame({"symbol": ["B"], "rows": [9_941]})
    assert not too_many_lost(lost_rows(now, before, "symbol"), 10_000, 0.02)


@pytest.mark.parametrize("name", sorted({key.name for key in CHECKS}))
def test_the_guide_has_a_line_for_each_check(name):
    assert f"\n| `{name}` |" in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
