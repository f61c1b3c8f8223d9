"""What is not in dollars, or no share of a company, makes no company, and loses no dollars."""

from pathlib import Path

import polars as pl
import pytest

REFUSED = {
    "AAA": "AAA trades in EUR, not in USD",
    "CCC": "CCC is no share of a company, its instrument_type is etf",
}


def _describe(market: Path, symbol: str = "AAA", **values: str) -> None:
    """Add columns to securities.csv that say something of a line."""
    path = market / "securities.csv"
    rows = pl.read_csv(path)
    for name, value in values.items():
        of_symbol = pl.when(pl.col("symbol") == symbol).then(pl.lit(value))
        rows = rows.with_columns(of_symbol.alias(name))
    rows.write_csv(path)


@pytest.fixture(scope="module")
def refused(copy_of_small, tmp_path_factory):
    """The small market after AAA, which lost most, and CCC turned out to be something else."""
    small = copy_of_small(tmp_path_factory.mktemp("refused"))
    market = small.overrides["data_dir"]
    _describe(market, "AAA", currency="EUR")
    _describe(market, "CCC", instrument_type="etf")
    holdings = market / "index_holdings.csv"
    line = "^IDX,CCC,2025-01-02,1,2025-01-02,false,made up\n"
    holdings.write_text(holdings.read_text() + line)
    # That all rows of a refused line are refused says nothing about the others.
    small.overrides["max_rejected_rows"] = 1
    # Most of the market is gone, and all corporate actions: the gate wants a person's word.
    outcome = small.run()
    assert not outcome.succeeded
    published = small.publish("rows_kept")
    assert published.succeeded, published.reasons
    return small, outcome


@pytest.mark.parametrize("symbol", REFUSED)
def test_it_loses_no_dollars_in_any_table(refused, symbol):
    small, _ = refused
    for table in ("ref.securities", "raw.prices", "core.prices"):
        assert small.one(f"SELECT count(*) FROM {table} WHERE symbol = ?", symbol) == 0
        assert small.one(f"SELECT count(*) FROM {table}") > 0
    for table in ("market_caps", "market_cap_losses", "market_cap_gains"):
        of_symbol = f"SELECT count(*) FROM mart.{table} WHERE company_symbol = ?"
        assert small.one(of_symbol, symbol) == 0
    # Only BBB is left, and has no share count.
    assert small.sql("SELECT DISTINCT sector, losers_usd FROM mart.sector_moves").rows() == [
        ("Machines", 0)
    ]


@pytest.mark.parametrize("symbol", REFUSED)
def test_it_is_told_in_a_sentence_and_so_is_each_of_its_bars(refused, symbol):
    small, outcome = refused
    rows = small.sql("FROM ops.quarantine WHERE symbol = ? AND status = 'rejected'", symbol)
    assert set(rows["source_table"]) >= {"ref.securities", "raw.prices", "raw.shares_outstanding"}
    assert rows.filter(source_table="raw.prices").height == 10
    assert all(reason.startswith(REFUSED[symbol]) for reason in rows["reason"])
    assert any(REFUSED[symbol] in warning for warning in outcome.warnings)


@pytest.mark.slow
@pytest.mark.parametrize("symbol", REFUSED)
def test_an_index_that_it_is_a_member_of_has_no_contribution_of_it(refused, symbol):
    small, _ = refused
    rows = small.sql("FROM mart.index_impacts WHERE symbol = ?", symbol)
    assert rows.height > 0
    assert rows["contribution_points"].null_count() == rows.height


@pytest.mark.slow
def test_a_line_that_says_that_it_is_a_share_in_dollars_changes_nothing(small, small_market):
    before = small.hashes()
    _describe(small_market, currency="USD", instrument_type="common", listed_from="1990-01-02")
    small.must_run()
    assert small.sql("FROM ops.quarantine WHERE status <> 'resolved'").is_empty()
    after = small.hashes()
    changed = {table for table, told in after.items() if told != before[table]}
    assert changed == {"ref.securities", "ops.table_versions"}


@pytest.mark.slow
def test_a_line_that_is_mended_comes_back(refused, small, small_market, tmp_path):
    mended = refused[0].copy(tmp_path / "mended")
    # CCC leaves the index again, of which it was no member.
    mended.overrides |= {"data_dir": small_market, "reference_dir": small_market,
                         "max_shrink_share": 1.0}  # fmt: skip
    mended.must_run()
    before, after = small.hashes(), mended.hashes()
    assert {t for t in before if t.startswith("mart.") and after[t] != before[t]} == set()
    assert mended.sql("FROM ops.quarantine WHERE status <> 'resolved'").is_empty()


@pytest.mark.slow
def test_where_no_line_is_left_the_last_good_data_stay(small, small_market):
    path = small_market / "securities.csv"
    pl.read_csv(path).with_columns(currency=pl.lit("EUR")).write_csv(path)
    from warehouse.errors import ReferenceDataError

    with pytest.raises(ReferenceDataError, match="all 3 lines are refused: AAA trades in EUR"):
        small.run()
    assert small.one("SELECT count(*) FROM mart.market_cap_losses") > 0
