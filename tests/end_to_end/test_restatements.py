"""What is published and changes is remembered: from what to what, when, why; and told."""

import html
import io
from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest
from rich.console import Console

from assets.ops.published_file import RESTATED
from assets.products.brief import pages
from assets.products.message import message
from assets.products.story import report_story
from assets.products.telling.session import tell_session
from assets.products.trace import Origins, report_trace
from assets.products.wording import day_in_words
from pipelines.forget import Word, forget
from pipelines.run import evaluations
from tests.end_to_end.changing_market import Market, row_of, times
from tests.end_to_end.publication_copies import KEYS, REMEMBERED, differences
from warehouse.reader import read_published
from warehouse.responses import ResponseStore


def ten_runs(market: Market) -> Iterator[str]:
    """Run ten times, each with a change of its own; yield the name of each."""
    claims = sorted((market.reference / "claims").glob("*.yaml"))
    (article,) = [path for path in claims if "deepseek" in path.name]
    article.rename(article.with_suffix(".later"))
    market.cut(date(2025, 2, 5))
    lam = pl.read_parquet(market.source / "data" / "splits.parquet").filter(
        pl.col("symbol") == "LRCX"
    )
    market.rows("splits", lambda rows: rows.filter(pl.col("symbol") != "LRCX"))
    yield "first"
    market.grow(date(2025, 2, 6))
    yield "growth"
    market.grow(date(2025, 2, 7))
    close = row_of("MSFT", "session_date", "2024-11-26")
    market.rows("prices", times(0.998, "low", "close", where=close))
    yield "close"
    count = (pl.col("symbol") == "NVDA") & (pl.col("shares_outstanding") == 24_490_000_000)
    market.rows("shares_outstanding", times(0.996, "shares_outstanding", where=count))
    yield "count"
    market.grow(date(2025, 2, 10))
    market.rows("splits", lambda rows: pl.concat([rows, lam]))
    yield "split"
    holdings = market.reference / "index_holdings.parquet"
    sets = pl.read_parquet(holdings)
    last = sets.filter(pl.col("index_symbol") == "^DJI").filter(
        pl.col("effective_from") == pl.col("effective_from").max()
    )
    swapped = last.with_columns(
        pl.col("symbol").replace("VZ", "INTC"), effective_from=pl.lit(date(2025, 1, 10))
    )
    pl.concat([sets, swapped]).write_parquet(holdings)
    yield "members"
    article.with_suffix(".later").rename(article)
    yield "claims"
    gone = row_of("JNJ", "session_date", "2025-01-14")
    gone |= row_of("NVDA", "session_date", "2024-12-18")
    market.rows("prices", lambda rows: rows.filter(~gone))
    yield "vanished"
    (market.reference / "share_count_decisions.csv").write_text(
        "symbol,as_of_date,decision,reason,source\nTEAM,2025-02-06,accept,seen,a test\n"
    )
    yield "decision"
    securities = market.reference / "securities.csv"
    lines = securities.read_text().splitlines(keepends=True)
    securities.write_text("".join(line for line in lines if not line.startswith("TSM,")))
    forget(market.deployment.settings, Word("TSM", "a test forgets it", "a test"))
    back = pl.read_parquet(market.source / "data" / "prices.parquet").filter(gone)
    market.rows("prices", lambda rows: pl.concat([rows, back]))
    market.grow(date(2025, 2, 11))
    yield "line forgotten, bars back"


def _log(deployment) -> list[tuple]:
    query = (
        "SELECT row_key, column_name, old, new, cause_table, cause_key, cause "
        "FROM ops.restatements WHERE table_name = 'mart.market_cap_losses' AND change = 'changed' "
        "ORDER BY ALL"
    )
    return deployment.sql(query).rows()


def _changed(hashes: dict[str, str], before: dict[str, str]) -> set[str]:
    """Tables that say something else; how often they were written is another story."""
    changed = {table for table, digest in hashes.items() if digest != before[table]}
    return changed - {"ops.table_versions", "ops.scans"}


@pytest.mark.slow
def test_a_corrected_close_is_told_and_what_readers_never_had_is_not(small, small_market):
    prices, levels = small_market / "prices.csv", small_market / "index_levels.csv"
    as_it_was, hashes = (prices.read_text(), levels.read_text()), small.hashes()
    corrected = as_it_was[0].replace("AAA,2025-01-10,45,46,44,45,", "AAA,2025-01-10,45,46,44,44,")
    prices.write_text(corrected)
    levels.write_text(as_it_was[1].replace("^IDX,2025-01-16,94,96,92,94\n", ""))
    stopped = small.run()
    assert not stopped.succeeded
    assert "levels_with_prices" in stopped.reasons[0]
    prices.write_text(as_it_was[0])
    levels.write_text(as_it_was[1])
    mended = small.must_run()
    assert _log(small) == []
    assert not [said for said in mended.warnings if "ops.restatements" in said]
    assert _changed(small.hashes(), hashes) == set()

    prices.write_text(corrected)
    outcome = small.must_run()
    because = "the bar of AAA on 2025-01-10 changed (raw.prices: close 45.0 -> 44.0)"
    changed = (
        "1 published loss changed, the largest AAA 2025-01-10 from 15.00 million to 17.00 million "
        f"dollars, because {because}"
    )
    (said,) = [said for said in outcome.warnings if "ops.restatements" in said]
    assert said.startswith(changed)
    (remark,) = [one for one in outcome.remarks if ", restated: " in one]
    assert remark == f"warning, ops.published_file, restated: {said}"
    (check,) = [e for e in evaluations(small.instance, outcome.run_id) if e.check_name == RESTATED]
    assert (check.metadata["losses_changed"].value, check.metadata["beyond_limits"].value) == (1, 2)
    assert check.metadata["largest_difference_usd"].value == 2e6
    assert {(table, tuple(key), what) for *_, table, key, what in _log(small)} == {
        ("raw.prices", ("AAA", "2025-01-10"), "close 45.0 -> 44.0")
    }

    today = small.one("SELECT max(changed_at)::DATE FROM ops.restatements")
    sentence = (
        f"Alpha's loss was published as 15.00 million until {day_in_words(today)}; since then "
        f"17.00 million, because {because}."
    )
    with read_published(small.settings.warehouse) as published:
        telling = tell_session(published, date(2025, 1, 10))
    assert html.escape(sentence, quote=False) in message(telling)
    assert sentence in pages.markdown(telling).replace("\\", "")
    assert f"AAA loss of 15.00m until {today}" in str(telling.doubts.table["subjects"].to_list())
    out = io.StringIO()
    report_story(Console(file=out, width=1000), small.settings.warehouse, date(2025, 1, 10))
    assert sentence in out.getvalue()
    traced = io.StringIO()
    origins = Origins(small_market, ResponseStore(small.folder / "responses"))
    report_trace(
        Console(file=traced, width=1000), small.settings.warehouse, origins, "AAA",
        date(2025, 1, 10),
    )  # fmt: skip
    assert f"from 15.00 million to 17.00 million dollars, because {because}" in traced.getvalue()

    # Back to what it was: the log has both, and the tables are the same.
    prices.write_text(as_it_was[0])
    small.must_run()
    assert _changed(small.hashes(), hashes) == set()
    usd = [(old, new) for _, column, old, new, *_ in _log(small) if column == "loss_usd"
           and old in {"15000000.0", "17000000.0"}]  # fmt: skip
    assert usd == [("15000000.0", "17000000.0"), ("17000000.0", "15000000.0")]


@pytest.mark.slow
def test_ten_publications_are_given_back_as_they_were_and_all_that_changed_is_in_the_log(
    deploy, cut_of_sample, tmp_path
):
    deployment = deploy(max_shrink_share=1.0)
    market = Market(deployment, cut_of_sample, tmp_path / "market")
    told = {}
    for name in ten_runs(market):
        said = [said for said in market.run().warnings if "ops.restatements" in said]
        told[name] = "; ".join(said)
    assert len(market.copies) == 10
    # A claim that comes with its file restates nothing that was said.
    assert told["first"] == told["claims"] == ""
    for name, because in (
        ("close", "MSFT 2024-11-27 from 37.17 billion to 30.81 billion dollars, because "
                  "the bar of MSFT on 2024-11-26 changed (raw.prices: low 418.85 -> "),
        ("count", "NVDA 2025-01-27 from 592.66 billion to 590.29 billion dollars, because "
                  "the share count of NVDA reported on 2025-01-17 changed (raw.shares_outstanding: "
                  "shares_outstanding 24490000000 -> "),
        ("split", "LRCX 2024-10-02 from 21.66 billion to 2.17 billion dollars, because "
                  "the split of LRCX on 2024-10-03 came (raw.splits)"),
        ("members", " among the members of ^DJI from 2025-01-10 on "),
        ("vanished", "NVDA 2024-12-19 of 43.17 billion dollars is gone, because the "
                     "bar of NVDA on 2024-12-18 is gone (raw.prices)"),
        ("decision", "because the decision on the share count of TEAM reported on 2025-02-06 "),
    ):  # fmt: skip
        assert because in told[name], told[name]

    last = market.copies[-1]
    for copy in market.copies:
        for table in REMEMBERED:
            was = copy.table(table)
            now = last.sql(f"FROM as_published('{table}', $1)", copy.published_at)
            assert now.schema == was.schema
            assert now.sort(KEYS[table]).equals(was), (copy.path.name, table)

    had: set[date] = set()
    for before, after in zip(market.copies, market.copies[1:], strict=False):
        had |= set(before.table("core.prices")["session_date"])
        entries, moved = differences(before, after, had)
        assert after.log() == entries, after.path.name
        assert after.moved() == moved, after.path.name
