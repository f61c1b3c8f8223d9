"""The week of 6 June 2022, evening by evening, as real files have it.

Amazon is split, and its split comes a day late; Cerner is bought and VICI takes its place; Facebook
is called META; and what a week brings beside: a corrected close, a corrected count, a line that
somebody takes out of the file.
"""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import ROOT
from tests.end_to_end.changing_market import DAYS, Market, row_of, times
from tests.end_to_end.publication_copies import differences
from tests.end_to_end.test_symbol_changes import rewrite

FIRST, FRIDAY = date(2022, 3, 1), date(2022, 6, 10)
FACEBOOK = ("FB", "META", "2022-06-09")


@pytest.fixture(scope="module")
def spring(tmp_path_factory) -> Path:
    """The sample from 1 March to 10 June 2022, Facebook under the name that it had."""
    folder, whole = tmp_path_factory.mktemp("spring"), ROOT / "warehouse"
    data, reference = folder / "data", folder / "reference"
    data.mkdir()
    reference.mkdir()
    for name, day in DAYS.items():
        since = date(2022, 1, 3) if name == "shares_outstanding" else FIRST
        rows = pl.read_parquet(whole / "sample" / f"{name}.parquet")
        rows.filter(pl.col(day).is_between(since, FRIDAY)).write_parquet(data / f"{name}.parquet")
    traded = pl.read_parquet(data / "prices.parquet")["symbol"].unique()
    lines = pl.read_csv(whole / "reference" / "securities.csv", infer_schema=False)
    is_later = pl.col("listed_to") > str(FRIDAY)
    lines.filter(pl.col("symbol").is_in(traded.implode())).with_columns(
        # Nobody knew then what would end, and why.
        pl.when(~is_later).then(name).alias(name)
        for name in ("listed_to", "delisting_reason")
    ).write_csv(reference / "securities.csv")
    shutil.copy(whole / "reference" / "indices.csv", reference)
    sets = pl.read_parquet(whole / "reference" / "index_holdings.parquet")
    sets.filter(pl.col("effective_from") <= FRIDAY).write_parquet(
        reference / "index_holdings.parquet"
    )
    for part in (data, reference):
        rewrite(part, [FACEBOOK])
    return folder


def _lines(market: Market, change) -> None:
    path = market.reference / "securities.csv"
    change(pl.read_csv(path, infer_schema=False)).write_csv(path)


def _with(column: str, value: str | None, symbol: str):
    return lambda lines: lines.with_columns(
        pl.when(pl.col("symbol") == symbol).then(pl.lit(value)).otherwise(column).alias(column)
        for column in [column]
    )


def evenings(market: Market) -> Iterator[str]:
    """Let the week go by; yield what each run is about."""
    holdings = market.reference / "index_holdings.parquet"
    sets = pl.read_parquet(holdings)
    sets.filter(pl.col("effective_from") < date(2022, 6, 8)).write_parquet(holdings)
    for column, was in (("symbol", "FB"), ("company_symbol", "FB"), ("name", "Facebook")):
        _lines(market, _with(column, was, "META" if column == "symbol" else "FB"))
    for column in ("listed_to", "delisting_reason"):
        _lines(market, _with(column, None, "CERN"))
    amazon = pl.read_parquet(market.source / "data" / "splits.parquet").filter(
        pl.col("symbol") == "AMZN"
    )
    market.cut(date(2022, 6, 3))
    yield "first"
    market.grow(date(2022, 6, 6))
    market.rows("splits", lambda rows: rows.filter(pl.col("symbol") != "AMZN"))
    yield "split not recorded"
    market.grow(date(2022, 6, 7))
    market.rows("splits", lambda rows: pl.concat([rows, amazon]))
    yield "split recorded"
    close = row_of("IBM", "session_date", "2022-06-01")
    market.rows("prices", times(0.998, "low", "close", where=close))
    yield "close corrected"
    market.grow(date(2022, 6, 8))
    sets.write_parquet(holdings)
    _lines(market, _with("listed_to", "2022-06-07", "CERN"))
    _lines(market, _with("delisting_reason", "acquired by ORCL", "CERN"))
    yield "delisted, member changed"
    market.grow(date(2022, 6, 9))
    for column, now in (("symbol", "META"), ("company_symbol", "META"), ("name", "Meta")):
        _lines(market, _with(column, now, "FB" if column == "symbol" else "META"))
    (market.reference / "symbol_changes.csv").write_text(
        f"old_symbol,new_symbol,first_session,source\n{','.join(FACEBOOK)},IVV holdings\n"
    )
    yield "renamed"
    apple = (
        pl.read_parquet(market.data / "shares_outstanding.parquet")
        .filter((pl.col("symbol") == "AAPL") & (pl.col("as_of_date") < date(2022, 6, 3)))[
            "as_of_date"
        ]
        .max()
    )
    count = row_of("AAPL", "as_of_date", str(apple))
    market.rows("shares_outstanding", times(0.999, "shares_outstanding", where=count))
    yield "count corrected"
    market.grow(FRIDAY)
    yield "growth"


def _companies(entries: set[tuple]) -> set[str]:
    """The companies whose own values the entries are about; indices and sectors follow."""
    of_company = ("core.prices", "core.corporate_actions", "mart.market_caps")
    return {key[0] for table, key, *_ in entries if table in of_company}


def _is_right(market: Market, name: str) -> None:
    """Members explain what the index did, or who is missing; and who left keeps its history."""
    copy = market.copies[-1]
    of_june = "index_symbol = '^GSPC' AND session_date >= DATE '2022-06-01'"
    beyond = copy.sql(
        f"SELECT session_date FROM mart.index_reconciliations WHERE {of_june} "
        "AND abs(residual_bps) > 1"
    )
    missed = copy.sql(
        f"SELECT DISTINCT symbol FROM mart.index_residual_suspects WHERE {of_june} "
        "AND session_date = DATE '2022-06-06'"
    )
    is_held = name == "split not recorded"
    assert beyond["session_date"].to_list() == [date(2022, 6, 6)] * is_held, name
    assert ("AMZN" in missed["symbol"].to_list()) == is_held, name
    cerner = copy.sql("SELECT count(*) FROM mart.market_caps WHERE company_symbol = 'CERN'")
    assert cerner.item() == {"first": 67, "split not recorded": 68}.get(name, 69), name


@pytest.mark.slow
def test_a_week_is_remembered_whole_and_ends_as_if_it_had_come_at_once(spring, deploy, tmp_path):
    market = Market(deploy(), spring, tmp_path / "market")
    told, entries = {}, {}
    had: set[date] = set()
    for name in evenings(market):
        outcome = market.run()
        told[name] = "; ".join(s for s in outcome.warnings if "ops.restatements" in s)
        if len(market.copies) > 1:
            before, after = market.copies[-2:]
            had |= set(before.table("core.prices")["session_date"])
            found, moved = differences(before, after, had)
            assert after.log() == found, name
            assert after.moved() == moved, name
            entries[name] = found
        _is_right(market, name)
    assert {name: _companies(changed) for name, changed in entries.items()} == {
        "split not recorded": set(),
        "split recorded": {"AMZN"},
        "close corrected": {"IBM"},
        "delisted, member changed": set(),
        "renamed": {"FB", "META"},
        "count corrected": {"AAPL"},
        # Its count was disputed until the one of this day.
        "growth": {"DXCM"},
    }
    assert told["first"] == ""
    for name, said in (
        ("split recorded", "AMZN 2022-06-06 of 24.83 billion dollars came, because the split of "),
        ("close corrected", "2 published gains changed, the largest IBM 2022-06-02 from 647.59 "
                            "million to 898.41 million dollars, because the bar of IBM "),
        ("renamed", "FB is called META now, and 291 published rows with it; "),
        ("count corrected", "13 published losses changed, the largest AAPL 2022-05-05 from "
                            "149.71 billion to 149.56 billion dollars, because the share "),
    ):  # fmt: skip
        assert said in told[name], told[name]
    assert "FB" not in told["growth"]

    # Somebody takes the line out of the file, now that it is dead: it does not go without a word.
    hashes, whole = market.deployment.hashes(), market.reference / "securities.csv"
    kept = whole.read_text()
    _lines(market, lambda lines: lines.filter(pl.col("symbol") != "CERN"))
    refused = market.deployment.run()
    assert not refused.succeeded
    assert "gone from the file, with their history: CERN (69 bars)" in refused.reasons[0]
    assert "capshock forget CERN" in refused.reasons[0]
    assert market.deployment.hashes() == hashes

    whole.write_text(kept)
    at_once = deploy(data_dir=market.data, reference_dir=market.reference)
    at_once.must_run()
    of_tables = {t: h for t, h in hashes.items() if t.startswith(("core.", "mart."))}
    assert {t: at_once.hashes()[t] for t in of_tables} == of_tables
