"""From a loss back to the bytes: rows, files, sha-256."""

import hashlib
import io
from datetime import date

import pytest
from rich.console import Console

from assets.products.trace import Origins, report_trace
from warehouse.errors import NothingToTrace
from warehouse.responses import ResponseStore


def _traced(deployment, symbol: str, day: str) -> str:
    out = io.StringIO()
    settings = deployment.settings
    origins = Origins(settings.data_dir, ResponseStore(settings.warehouse.parent / "responses"))
    console = Console(file=out, width=200)
    report_trace(console, settings.warehouse, origins, symbol, date.fromisoformat(day))
    return out.getvalue()


def test_a_loss_is_walked_back_to_the_row_of_the_file(founding):
    told = _traced(founding, "NVDA", "2025-01-27")
    assert "NVDA on 2025-01-27: -592.66 billion dollars by price (-16.97 %)" in told
    for part in ("close 118.42 on 2025-01-27", "close 142.62 on 2025-01-24",
                 "24,490,000,000 shares from 2025-01-17 on", "prices.parquet, sha-256 verified",
                 "shares_outstanding.parquet, sha-256 verified"):  # fmt: skip
        assert part in told
    path = founding.settings.data_dir / "prices.parquet"
    assert hashlib.sha256(path.read_bytes()).hexdigest() in told


def test_on_the_day_of_a_new_report_the_count_behind_the_loss_is_walked_back(founding):
    told = _traced(founding, "NVDA", "2024-11-22")
    assert "24,530,000,000 shares from 2024-10-25 on (reported, report of 2024-10-25)" in told
    assert "as_of_date 2024-10-25" in told


def test_on_the_date_of_a_split_the_count_is_told_in_its_basis(founding):
    told = _traced(founding, "NVDA", "2024-06-10")
    shares = founding.one(
        "SELECT effect_shares_outstanding FROM mart.market_caps "
        "WHERE company_symbol = 'NVDA' AND session_date = DATE '2024-06-10'"
    )
    assert f"{shares:,.0f}" in told


def test_another_line_of_the_company_will_do(founding):
    assert "GOOGL on 2025-01-27" in _traced(founding, "GOOG", "2025-01-27")


def test_a_file_that_has_changed_since_is_said(small, small_market):
    prices = small_market / "prices.csv"
    assert "row 6 of" in _traced(small, "AAA", "2025-01-10")
    prices.write_text(prices.read_text() + "\n")
    assert "prices.csv has changed since" in _traced(small, "AAA", "2025-01-10")


def test_a_company_without_share_count_says_so(small):
    assert "no share count is known" in _traced(small, "BBB", "2025-01-10")


@pytest.mark.parametrize(("symbol", "day"), [("NOBODY", "2025-01-10"), ("AAA", "2025-01-11")])
def test_nothing_to_trace_is_said(small, symbol, day):
    with pytest.raises(NothingToTrace, match=f"{symbol} has no market cap on {day}"):
        _traced(small, symbol, day)


@pytest.mark.slow
def test_a_row_that_was_refused_is_said_where_its_number_has_gone(small, small_market):
    """Readers had a loss of 15 million; its close comes above its high now."""
    prices = small_market / "prices.csv"
    prices.write_text(
        prices.read_text().replace("AAA,2025-01-10,45,46,44,45,", "AAA,2025-01-10,45,46,44,47,")
    )
    small.overrides |= {"max_shrink_share": 1.0}
    small.must_run()
    with pytest.raises(NothingToTrace, match="AAA has no market cap on 2025-01-10: ") as found:
        _traced(small, "AAA", "2025-01-10")
    said = str(found.value)
    assert "refused (" in said
    assert "price_order" in said or "high" in said
    assert "loss AAA 2025-01-10 of 15.00 million dollars is gone" in said
