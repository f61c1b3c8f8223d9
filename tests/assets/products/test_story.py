"""The story: numbers in fitting units, names as they are, nothing said that the data do not say."""

import io
from datetime import date

import pytest
from rich.console import Console

from assets.products.console import Unit
from assets.products.story import report_story
from assets.products.wording import in_words
from warehouse.duckdb_file import DuckDBFile


def _told(warehouse: DuckDBFile, day: str) -> str:
    out = io.StringIO()
    report_story(Console(file=out, width=100), warehouse.published, date.fromisoformat(day))
    return " ".join(out.getvalue().split())


@pytest.mark.parametrize(
    ("usd", "words"),
    [(592.658e9, "592.66 billion"), (1e9, "1.00 billion"), (15e6, "15.00 million")],
)
def test_dollars_in_words(usd, words):
    assert in_words(usd) == words


def test_a_column_has_one_unit_and_zero_has_no_sign():
    assert Unit.fitting([3e9, 2e6]).write(2.5e9) == "2.50"
    assert Unit.fitting([3e6]).write(-2.5e6, signed=True) == "-2.50"
    assert Unit.fitting([3e6]).write(-0.0, signed=True) == "0.00"
    assert Unit.fitting([]).name == "m USD"


def test_a_short_history_calls_no_records(small):
    told = _told(small.warehouse, "2025-01-10")
    assert "AAA lost 15.00 million dollars" in told
    assert "too short to call records" in told
    assert "the largest one-day loss" not in told


def test_a_session_on_which_nothing_fell_says_so(small):
    told = _told(small.warehouse, "2025-01-06")
    assert "Largest gains" in told
    quiet = _told(small.warehouse, "2025-01-02")
    assert "No one-day change of any company's market value is known." in quiet
    assert "Largest losses none" in quiet


def test_what_a_headline_rests_on_is_said_beside_it(founding):
    told = _told(founding.warehouse, "2024-12-20")
    assert "NVO lost 82.28 billion dollars" in told
    assert "Before you quote it: close only." in told


def test_a_gain_that_is_the_news_leads_and_the_losses_stay(founding):
    told = _told(founding.warehouse, "2025-01-28")
    assert "NVDA gained 258.86 billion dollars of market value (+8.93 %)" in told
    assert "number 3 of all one-day gains since 2021-01-29" in told
    assert "At the session's low" not in told
    assert "Largest losses" in told
    assert "LMT Lockheed Martin Corporati… 10.96 -9.18 %" in told
    assert "^GSPC without NVDA +0.44 % its part +30.61 points" in told


def test_a_session_that_no_company_made_says_how_quiet_it_was(founding):
    told = _told(founding.warehouse, "2022-12-30")
    assert "A quiet session: no company loses more than $8.9bn." in told
    assert "^GSPC S&P 500" in told


@pytest.mark.slow
def test_before_the_first_set_of_members_nobody_moved_an_index(small, small_market):
    holdings = small_market / "index_holdings.csv"
    holdings.write_text(holdings.read_text().splitlines()[0] + "\n")
    assert not small.run().succeeded
    assert small.publish("rows_kept").succeeded
    told = _told(small.warehouse, "2025-01-10")
    assert "no index with members in force on this session" in told


@pytest.mark.slow
def test_an_index_without_a_level_has_no_points(small, small_market):
    levels = small_market / "index_levels.csv"
    kept = [line for line in levels.read_text().splitlines() if "2025-01-16" not in line]
    levels.write_text("\n".join(kept) + "\n")
    prices = small_market / "prices.csv"
    prices.write_text(prices.read_text() + "AAA,2025-01-17,,,,46,\nCCC,2025-01-17,,,,10.1,\n")
    assert not small.run("2025-01-17", "2025-01-17").succeeded
    assert small.publish("levels_with_prices", "rows_kept").succeeded
    told = _told(small.warehouse, "2025-01-17")
    assert "^IDX no official move is known: no points" in told


@pytest.mark.slow
def test_names_are_printed_as_they_are(small, small_market):
    securities = small_market / "securities.csv"
    securities.write_text(securities.read_text().replace("Gamma Inc.", "[red]Gamma[/] <b>"))
    small.must_run()
    assert "[red]Gamma[/] <b>" in _told(small.warehouse, "2025-01-06")


@pytest.mark.slow
def test_rows_rejected_without_a_date_are_listed(small, small_market):
    prices = small_market / "prices.csv"
    prices.write_text(prices.read_text() + "AAA,17.1.2025,1,2,1,1,10\n")
    small.must_run()
    assert "AAA without a date" in _told(small.warehouse, "2025-01-16")
