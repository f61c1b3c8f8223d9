"""Numbers, dates and names as newsrooms write them."""

from datetime import date

import pytest

from assets.products.wording import day_in_words, dollars, in_words, ordinal, plain_name


@pytest.mark.parametrize(
    ("usd", "said"),
    [(592_658_000_000, "$592.7bn"), (-1_047_390_000_000, "-$1.05tn"), (15_000_000, "$15.0m"),
     (999_960_000_000, "$1.00tn"), (999_990_000_000_000, "$999.99tn"), (620_000, "$620,000"),
     (-1.4, "-$1"), (0, "$0"), (949_999, "$949,999"), (999_960, "$1.0m")],
)  # fmt: skip
def test_dollars(usd, said):
    assert dollars(usd) == said


@pytest.mark.parametrize(
    ("usd", "said"),
    [(592_658_000_000, "592.66 billion"), (15_000_000, "15.00 million"), (620_000, "620,000"),
     (12_870_000, "12.87 million"), (-1_400, "-1,400"), (0, "0"), (999_960, "1.00 million"),
     (994_000, "994,000"), (999_996_000, "1.00 billion")],
)  # fmt: skip
def test_dollars_with_the_word_for_their_size(usd, said):
    assert in_words(usd) == said


def test_a_date():
    assert day_in_words(date(2025, 1, 7)) == "7 January 2025"


@pytest.mark.parametrize(
    ("number", "said"),
    [(2, "second"), (10, "tenth"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"),
     (22, "22nd"), (103, "103rd"), (111, "111th"), (1_419, "1,419th")],
)  # fmt: skip
def test_a_place(number, said):
    assert ordinal(number) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [("NVIDIA Corporation Common Stock", "NVIDIA"), ("Amazon.com, Inc.", "Amazon.com"),
     ("Meta Platforms Inc. Class A Common Stock", "Meta Platforms"), ("Costco", "Costco"),
     ("Arm Holdings plc American Depositary Shares", "Arm Holdings"),
     ("Eli Lilly and Company", "Eli Lilly and Company"), ("Visa", "Visa"),
     ("Consolidated Amalgamated International Widgets", "Consolidated Amalgamated…")],
)  # fmt: skip
def test_a_name_as_one_says_it(name, said):
    assert plain_name(name) == said
