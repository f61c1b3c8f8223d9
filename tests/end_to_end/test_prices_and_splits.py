"""Prices and splits are one statement: a delivery in another basis is refused for its symbol."""

import polars as pl
import pytest

AAA = "FROM raw.prices WHERE symbol = 'AAA' ORDER BY session_date"
HELD = (
    "SELECT symbol, count(*) AS n FROM ops.quarantine WHERE status = 'held' "
    "AND list_contains(rules, 'prices_and_splits') GROUP BY symbol, source_table ORDER BY ALL"
)
OF_THREE = {"max_shrink_share": 0.2}
"""A close that is corrected takes a loss or a drawdown away: of three companies' that is much."""

BEFORE_THE_SPLIT = pl.col("session_date") < "2025-01-08"


def _divide(folder, by=2.0, which=BEFORE_THE_SPLIT):
    """Divide the closes of AAA before its split, and correct one of CCC."""
    path = folder / "prices.csv"
    rows = pl.read_csv(path, schema_overrides={"session_date": pl.String})
    theirs = (pl.col("symbol") == "AAA") & which
    ccc = (pl.col("symbol") == "CCC") & (pl.col("session_date") == "2025-01-03")
    prices = ("open", "high", "low", "close")
    rows.with_columns(
        pl.when(theirs).then(pl.col(name) / by).otherwise(name).alias(name) for name in prices
    ).with_columns(close=pl.when(ccc).then(10.5).otherwise("close")).write_csv(path)


@pytest.mark.slow
def test_a_history_divided_is_refused_stays_refused_and_lands_again_once_it_is_whole(
    small, small_market
):
    small.overrides |= OF_THREE
    before, prices = small.sql(AAA), small_market / "prices.csv"
    whole, splits = prices.read_text(), (small_market / "splits.csv").read_text()
    caps = small.sql("FROM mart.market_caps WHERE company_symbol = 'AAA' ORDER BY session_date")
    _divide(small_market)
    # The last session is gone from the file, and the split from the list: neither counts.
    kept = [line for line in prices.read_text().splitlines() if "AAA,2025-01-16" not in line]
    prices.write_text("\n".join(kept) + "\n")
    (small_market / "splits.csv").write_text("symbol,ex_date,ratio\n")
    outcome = small.must_run()

    assert small.sql(AAA).equals(before)
    after = small.sql("FROM mart.market_caps WHERE company_symbol = 'AAA' ORDER BY session_date")
    assert after.drop("flags").equals(caps.drop("flags"))
    # Which of the two is right, nobody knows: what comes in another basis says so.
    doubted = after.filter(pl.col("flags").list.contains("disputed_price"))
    assert doubted["session_date"].to_list() == caps["session_date"].to_list()[:4]
    assert small.one("SELECT count(*) FROM raw.splits") == 1
    assert small.sql(HELD).rows() == [("AAA", 4)]
    # What the file says of others lands.
    ccc = "SELECT close FROM raw.prices WHERE symbol = 'CCC' AND session_date = '2025-01-03'"
    assert small.one(ccc) == 10.5
    told = small.sql(
        "SELECT dataset, symbol, message FROM ops.ingest_outcomes WHERE outcome = 'refused' "
        "ORDER BY dataset"
    ).to_dicts()
    assert [(row["dataset"], row["symbol"]) for row in told] == [
        ("prices", "AAA"), ("splits", "AAA")
    ]  # fmt: skip
    said = told[0]["message"]
    for word in ("2025-01-02 to 2025-01-07", "divided by 2", "AAA,2025-01-07,none,1"):
        assert word in said
    assert any(said in warning for warning in outcome.warnings)
    assert any("1 refused" in remark for remark in outcome.remarks)
    # Rows are conserved: delivered = landed of the delivery + refused.
    delivered = len(prices.read_text().splitlines()) - 1
    landed = small.one("SELECT count(*) FROM raw.prices")
    not_delivered = 4 + 1  # kept in place of the refused ones, and of the session that is gone
    assert delivered == landed - not_delivered + 4

    # Run again: the same, said again; nothing changes.
    hashes = small.hashes()
    assert str(small.plan().first) == "2025-01-02"
    assert any(said in warning for warning in small.must_run().warnings)
    assert small.hashes() == hashes

    prices.write_text(whole)
    (small_market / "splits.csv").write_text(splits)
    small.must_run()
    assert small.sql(HELD).is_empty()
    assert small.sql(AAA).equals(before)
    again = small.sql("FROM mart.market_caps WHERE company_symbol = 'AAA' ORDER BY session_date")
    assert again.equals(caps)
    assert small.plan().first is None


@pytest.mark.slow
def test_a_decision_lets_a_true_correction_through(small, small_market):
    small.overrides |= OF_THREE
    _divide(small_market, by=1.25, which=pl.lit(value=True))
    small.must_run()
    assert small.one("SELECT max(close) FROM raw.prices WHERE symbol = 'AAA'") == 104
    (small_market / "split_decisions.csv").write_text(
        "symbol,ex_date,kind,ratio,reason,source\nAAA,2025-01-16,none,1,they were wrong,a test\n"
    )
    small.must_run()
    assert small.one("SELECT max(close) FROM raw.prices WHERE symbol = 'AAA'") == 104 / 1.25
    assert small.sql(HELD).is_empty()
