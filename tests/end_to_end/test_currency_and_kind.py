"""What is not in dollars, or no share of a company, makes no company, and loses no dollars."""

from pathlib import Path

import polars as pl
import pytest

REFUSED = {
    "EUR": "AAA trades in EUR, not in USD",
    "etf": "AAA is no share of a company, its instrument_type is etf",
}


def _describe(market: Path, **values: str) -> None:
    """Add a column to securities.csv that says something of AAA."""
    path = market / "securities.csv"
    rows = pl.read_csv(path)
    for name, value in values.items():
        of_aaa = pl.when(pl.col("symbol") == "AAA").then(pl.lit(value))
        rows = rows.with_columns(of_aaa.alias(name))
    rows.write_csv(path)


@pytest.fixture(scope="module", params=sorted(REFUSED))
def refused(request, copy_of_small, tmp_path_factory):
    """The small market after AAA, which lost most, turned out to be something else."""
    small = copy_of_small(tmp_path_factory.mktemp(request.param))
    column = "currency" if request.param.isupper() else "instrument_type"
    _describe(small.overrides["data_dir"], **{column: request.param})
    # That all rows of a refused line are refused says nothing about the others.
    small.overrides["max_rejected_rows"] = 1
    return small, small.must_run(), REFUSED[request.param]


def test_it_loses_no_dollars_in_any_table(refused):
    small, _, _ = refused
    for table in ("ref.securities", "raw.prices", "core.prices"):
        assert small.one(f"SELECT count(*) FROM {table} WHERE symbol = 'AAA'") == 0
        assert small.one(f"SELECT count(*) FROM {table}") > 0
    for table in ("market_caps", "market_cap_losses", "market_cap_gains"):
        assert small.one(f"SELECT count(*) FROM mart.{table} WHERE company_symbol = 'AAA'") == 0
    # Only BBB is left of its sector, and has no share count.
    assert small.one("SELECT max(losers_usd) FROM mart.sector_moves WHERE sector = 'Machines'") == 0


def test_it_is_told_in_a_sentence_and_so_is_each_of_its_bars(refused):
    small, outcome, sentence = refused
    rows = small.sql("FROM ops.quarantine WHERE symbol = 'AAA' AND status = 'rejected'")
    assert set(rows["source_table"]) >= {"ref.securities", "raw.prices", "raw.shares_outstanding"}
    assert rows.filter(source_table="raw.prices").height == 10
    assert all(reason.startswith(sentence) for reason in rows["reason"])
    assert any(sentence in warning for warning in outcome.warnings)


def test_an_index_that_it_is_a_member_of_has_no_contribution_of_it(refused):
    small, _, _ = refused
    rows = small.sql("FROM mart.index_impacts WHERE symbol = 'AAA'")
    assert rows.height > 0
    assert rows["contribution_points"].null_count() == rows.height


def test_a_line_that_says_that_it_is_a_share_in_dollars_changes_nothing(small, small_market):
    before = small.hashes()
    _describe(small_market, currency="USD", instrument_type="common", listed_from="1990-01-02")
    small.must_run()
    assert small.sql("FROM ops.quarantine WHERE status <> 'resolved'").is_empty()
    after = small.hashes()
    changed = {table for table, told in after.items() if told != before[table]}
    assert changed == {"ref.securities", "ops.table_versions"}


def test_a_line_that_is_mended_comes_back(small, small_market):
    before = small.hashes()
    described = (small_market / "securities.csv").read_bytes()
    _describe(small_market, currency="EUR")
    small.must_run()
    (small_market / "securities.csv").write_bytes(described)
    small.must_run()
    after = small.hashes()
    assert {t for t in before if t.startswith("mart.") and after[t] != before[t]} == set()
    assert small.sql("FROM ops.quarantine WHERE status <> 'resolved'").is_empty()


def test_where_no_line_is_left_the_last_good_data_stay(small, small_market):
    path = small_market / "securities.csv"
    pl.read_csv(path).with_columns(currency=pl.lit("EUR")).write_csv(path)
    from warehouse.errors import ReferenceDataError

    with pytest.raises(ReferenceDataError, match="all 3 lines are refused: AAA trades in EUR"):
        small.run()
    assert small.one("SELECT count(*) FROM mart.market_cap_losses") > 0
