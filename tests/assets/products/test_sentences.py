"""What is said of a session depends on size against history: from a record down to a quiet day."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.products.telling import sentences
from assets.products.telling.answers import STYLES, Answer, say

DAY = date(2025, 1, 27)


def leading(side: str = "loss", **given) -> Answer:
    """The leading loss of a session, an ordinary one unless told otherwise."""
    row = {
        "company_symbol": "AAA",
        "name": "Alpha Corporation",
        "side": side,
        "size_usd": 30e9,
        "return_1d": -0.05 if side == "loss" else 0.05,
        "rank_to_date": 400,
        "is_record": False,
        "witness": "next_session",
        "share_count_dispute": None,
        "previous_record_usd": 90e9,
        "previous_record_date": date(2024, 9, 3),
        "previous_record_name": "Beta Inc.",
        "history_from": date(2021, 1, 29),
        "companies_covered": 61,
        "flags": [],
        "intraday_low_effect_usd": -40e9,
        "intraday_low_return": -0.07,
        "effect_shares_outstanding": 2.4e9,
        "effect_shares_as_of": date(2024, 11, 22),
        "effect_shares_age_days": 30,
        "sessions_before": 1000,
        "smaller_on_of_100": 50,
    } | given
    return Answer(side, "", pl.DataFrame([row], schema_overrides={"flags": pl.List(pl.String)}))


def indices(**given) -> Answer:
    row = {
        "name": "S&P 500",
        "session_date": DAY,
        "members_priced": 500,
        "actual_return": -0.004,
        "actual_points": -20.0,
        "points_left_out": None,
        "return_without": None,
        "last_as_large_on": date(2025, 1, 21),
        "history_from": date(2021, 1, 29),
        "sessions_before": 1000,
        "smaller_on_of_100": 40,
    } | given
    return Answer("indices", "", pl.DataFrame([row]))


NO_LOSS = Answer("loss", "", leading().table.clear())
NO_GAIN = Answer("gain", "", leading("gain").table.clear())
MARKET = Answer(
    "market",
    "",
    pl.DataFrame([{"companies": 3, "net_change_usd": -1e9, "losers": 2, "gainers": 1}]),
)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"is_record": True, "rank_to_date": 1, "smaller_on_of_100": 100},
         "Alpha loses $30.0bn, the largest one-day loss of any company since 29 January 2021"),
        ({"rank_to_date": 1, "smaller_on_of_100": 100},
         "Alpha loses $30.0bn, as much as the largest one-day loss of any company since "
         "29 January 2021"),
        ({"rank_to_date": 1, "flags": ["unwitnessed"], "witness": "pending"},
         "Alpha loses $30.0bn, which would be the largest one-day loss of any company since "
         "29 January 2021; not yet confirmed"),
        ({"rank_to_date": 4, "flags": ["unwitnessed"], "witness": "contradicted"},
         "Alpha loses $30.0bn, the fourth-largest one-day loss of any company since "
         "29 January 2021; contradicted by an index or by the next session"),
        ({"rank_to_date": 4, "flags": ["disputed_share_count"]},
         "Alpha loses $30.0bn, the fourth-largest one-day loss of any company since "
         "29 January 2021; on a disputed share count"),
        ({"rank_to_date": 4},
         "Alpha loses $30.0bn, the fourth-largest one-day loss of any company since "
         "29 January 2021"),
        ({"smaller_on_of_100": 96},
         "Alpha loses $30.0bn, more than the day's largest loss on 96 % of the sessions of the "
         "past year"),
        ({"smaller_on_of_100": 50}, "An ordinary session: Alpha loses most, $30.0bn"),
        ({"smaller_on_of_100": 3}, "A quiet session: no company loses more than $30.0bn"),
        ({"sessions_before": 249, "rank_to_date": 1},
         "Alpha loses $30.0bn; the history is too short to tell how much that is"),
        ({"companies_covered": 0, "rank_to_date": 1},
         "Alpha loses $30.0bn; the history is too short to tell how much that is"),
    ],
)  # fmt: skip
def test_the_headline_fits_the_size(given, said):
    gain = leading("gain", smaller_on_of_100=10)
    assert str(sentences.headline(leading(**given), gain, indices())) == said


def test_a_session_without_losses_is_about_the_gain():
    gain = leading("gain", is_record=True, rank_to_date=1)
    said = sentences.headline(NO_LOSS, gain, indices())
    assert str(said).startswith("Alpha gains $30.0bn, the largest one-day gain of any company")
    told = [str(s) for s in sentences.deck(NO_LOSS, gain, MARKET, indices())]
    assert told[0].startswith("Alpha (AAA) closes +5.00 %, a gain of $30.0bn at the close. It is")
    assert "largest loss" not in " ".join(told)


def test_a_session_without_any_known_change():
    said = sentences.headline(NO_LOSS, NO_GAIN, indices())
    assert str(said) == "No one-day change of any company's market value is known"
    nothing = Answer("market", "", MARKET.table.with_columns(companies=0))
    told = [str(s) for s in sentences.deck(NO_LOSS, NO_GAIN, nothing, indices())]
    assert told == ["The S&P 500 falls 0.40 % (-20.0 points)."]


def test_before_there_is_a_history_the_larger_move_leads():
    young = {"sessions_before": 3}
    loss, gain = leading(**young), leading("gain", size_usd=68e9, **young)
    assert str(sentences.headline(loss, gain, indices())) == (
        "Alpha gains $68.0bn; the history is too short to tell how much that is"
    )


QUIET_GAIN = leading("gain", smaller_on_of_100=10)


def test_a_great_gain_leads_where_the_loss_is_none_of_the_great():
    gain = leading("gain", is_record=True, rank_to_date=1, size_usd=300e9)
    assert str(sentences.headline(leading(), gain, indices())).startswith(
        "Alpha gains $300.0bn, the"
    )
    assert str(sentences.headline(leading(smaller_on_of_100=99), gain, indices())).startswith(
        "Alpha g"
    )
    record = leading(is_record=True, rank_to_date=1)
    assert str(sentences.headline(record, gain, indices())).startswith("Alpha loses")


def test_an_unusual_gain_leads_where_the_loss_is_usual():
    gain = leading("gain", smaller_on_of_100=98)
    assert str(sentences.headline(leading(smaller_on_of_100=3), gain, indices())) == (
        "Alpha gains $30.0bn, more than the day's largest gain on 98 % of the sessions of the past "
        "year"
    )
    assert str(sentences.headline(leading(smaller_on_of_100=80), gain, indices())).startswith(
        "Alpha l"
    )


@pytest.mark.parametrize(("of_index", "kind"), [(49, "A quiet session"), (50, "An ordinary")])
def test_a_session_is_quiet_where_the_index_moved_less_than_usual_too(of_index, kind):
    said = sentences.headline(
        leading(smaller_on_of_100=3), NO_GAIN, indices(smaller_on_of_100=of_index)
    )
    assert str(said).startswith(kind)


def test_an_index_leads_where_it_moved_and_no_company_did():
    fell = indices(actual_return=-0.031, smaller_on_of_100=97)
    assert str(sentences.headline(leading(), leading("gain"), fell)) == (
        "The S&P 500 falls 3.10 %, on no single company: Alpha loses most, $30.0bn"
    )
    rose = indices(actual_return=0.031, smaller_on_of_100=97)
    assert str(sentences.headline(leading(), leading("gain"), rose)) == (
        "The S&P 500 rises 3.10 %; Alpha gains most, $30.0bn"
    )
    # Not one with a short history.
    young = indices(smaller_on_of_100=97, sessions_before=100)
    assert str(sentences.headline(leading(), leading("gain"), young)).startswith("An ordinary")


@pytest.mark.parametrize(
    ("gain", "index"),
    [({"smaller_on_of_100": 60}, {"smaller_on_of_100": 10}),
     ({"smaller_on_of_100": 10}, {"smaller_on_of_100": 60})],
)  # fmt: skip
def test_a_session_is_quiet_only_if_all_of_it_is(gain, index):
    quiet = leading(smaller_on_of_100=3)
    said = sentences.headline(quiet, QUIET_GAIN, indices(smaller_on_of_100=10))
    assert str(said).startswith("A quiet session")
    said = sentences.headline(quiet, leading("gain", **gain), indices(**index))
    assert str(said) == "An ordinary session: Alpha loses most, $30.0bn"


SIZE = st.integers(0, 100)


@given(SIZE, SIZE)
@settings(deadline=None, max_examples=60)
def test_a_larger_loss_is_never_told_as_a_quieter_day(one, other):
    order = ("A quiet session", "An ordinary session", "Alpha loses")

    def loudness(smaller: int) -> int:
        said = str(sentences.headline(leading(smaller_on_of_100=smaller), QUIET_GAIN, indices()))
        return next(n for n, start in enumerate(order) if said.startswith(start))

    assert (loudness(one) - loudness(other)) * (one - other) >= 0


def test_what_an_index_did_without_a_company_is_not_said_where_it_is_not_known():
    moved = indices(points_left_out=-12.0, return_without=None)
    said = [str(s) for s in sentences.deck(leading(), leading("gain"), MARKET, moved)]
    assert any(s.endswith("AAA alone is -12.0 points.") for s in said)
    assert not any("without it" in s for s in said)


def test_the_deck_of_a_record():
    loss = leading(is_record=True, rank_to_date=1, flags=["stale_share_count"])
    moved = indices(points_left_out=-12.0, return_without=-0.001,
                    last_as_large_on=date(2024, 11, 4))  # fmt: skip
    assert [str(s) for s in sentences.deck(loss, leading("gain"), MARKET, moved)] == [
        "Alpha (AAA) closes -5.00 %, a loss of $30.0bn at the close and $40.0bn at the session's "
        "low (-7.00 %). It is number 1 of all one-day losses since 29 January 2021 among 61 "
        "companies with a history; the largest before was $90.0bn, by Beta on 3 September 2024. "
        "Counted with 2,400 million shares, reported 22 November 2024.",
        "The S&P 500 falls 0.40 % (-20.0 points), its largest fall since 4 November 2024; AAA "
        "alone is -12.0 points, and without it the index would have returned -0.10 %.",
        "All 3 companies whose change is known, together: -$1.0bn (2 fell, 1 rose). The largest "
        "gain: Alpha, $30.0bn (+5.00 %).",
        "Before you quote the loss: stale share count (the count is 30 days old).",
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [({"actual_return": None, "actual_points": None},
      "The S&P 500 has no move on this session."),
     ({"actual_return": 0.0, "actual_points": 0.0}, "The S&P 500 is unchanged (0.00 points)."),
     ({"name": "The Six", "actual_return": 0.02, "actual_points": 9.0, "last_as_large_on": None},
      "The Six rises 2.00 % (+9.0 points), its largest rise since 29 January 2021.")],
)  # fmt: skip
def test_what_is_said_of_an_index(given, said):
    found = [str(s) for s in sentences.deck(NO_LOSS, NO_GAIN, MARKET, indices(**given))]
    assert found[0] == said


def test_a_sentence_keeps_the_place_of_its_figures_and_escapes_names():
    answer = Answer("q", "", pl.DataFrame({"usd": [-2e9], "name": ["<b>B</b>"], "day": [DAY]}))
    figures = (answer.figure("name", "text"), answer.figure("usd", "loss"),
               answer.figure("day", "day"))  # fmt: skip
    said = say("A & ", figures[0], " ", figures[1], " ", figures[2])
    assert str(said) == "A & <b>B</b> $2.0bn 27 January 2025"
    assert said.__html__() == (
        'A &amp; <bdi data-from="q/0/name">&lt;b&gt;B&lt;/b&gt;</bdi> '
        '<data value="-2000000000.0" data-from="q/0/usd">$2.0bn</data> '
        '<time datetime="2025-01-27" data-from="q/0/day">27 January 2025</time>'
    )


@pytest.mark.parametrize(
    ("style", "value", "said"),
    [("points", -70.0859, "-70.1"), ("points", 0.02, "+0.02"), ("points", -0.001, "0.00"),
     ("percent lost", 0.1697, "-16.97 %"),
     ("percent size", -0.0146, "1.46 %"), ("bps", 0.0321, "+0.03 bps"), ("bps", -0.001, "0.00 bps"),
     ("signed usd", 107.0e9, "+$107.0bn"), ("signed usd", -107.0e9, "-$107.0bn"),
     ("usd size", -634.78e9, "$634.8bn"), ("shares", 818_830_900, "818.8m"), ("shares", 950, "950"),
     ("million", 24_490_000_000, "24,490 million"),
     ("weekday", DAY, "Mon 27 Jan"), ("list", [], "none"), ("list", ["A", "B"], "2: A, B")],
)  # fmt: skip
def test_styles(style, value, said):
    assert STYLES[style](value) == said
