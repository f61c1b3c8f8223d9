"""Closes that landed, delivered again in another share basis: every kind, small and by seed."""

import random
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl
import pytest

from assets.market import calendar
from assets.market.rebased_closes import moved_symbols, rebased_blocks
from warehouse.schemas import core

DAYS = calendar.sessions(date(2024, 1, 2), date(2024, 12, 31))
STEADY = [100.0, 101.0, 99.0, 100.0, 102.0, 101.0, 103.0, 102.0]
SPLIT = [200.0, 202.0, 198.0, 200.0, 102.0, 101.0, 103.0, 102.0]
"""Two for one on the fifth session."""


def bars(closes: Mapping[int, float] | Sequence[float]) -> pl.DataFrame:
    places = dict(enumerate(closes)) if isinstance(closes, Sequence) else closes
    rows = [("A", DAYS[place], close) for place, close in places.items()]
    schema = {"symbol": pl.String, "session_date": pl.Date, "close": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def actions(*rows: tuple[int, float, str]) -> pl.DataFrame:
    full = [("A", DAYS[place], ratio, kind) for place, ratio, kind in rows]
    return pl.DataFrame(full, schema=core.CorporateActions.polars_schema(), orient="row")


def times(closes: Sequence[float], factor: float, places: range) -> list[float]:
    return [round(c * factor, 4) if n in places else c for n, c in enumerate(closes)]


def found(landed: object, delivered: object, known: pl.DataFrame | None = None) -> list[tuple]:
    """Return (first place, last place, ratio, is recorded) of each stretch that is refused."""
    blocks = rebased_blocks(bars(landed), bars(delivered), actions() if known is None else known)
    return [
        (DAYS.index(row["first_session"]), DAYS.index(row["last_session"]),
         pytest.approx(row["ratio"], rel=1e-2), row["is_recorded"])
        for row in blocks.iter_rows(named=True)
    ]  # fmt: skip


RATIOS = [2, 3, 4, 10, 20, 50, 1.5, 4 / 3, 5 / 4, 5 / 2, 5 / 3]


@pytest.mark.parametrize("ratio", [*RATIOS, *(1 / ratio for ratio in RATIOS)])
def test_a_history_divided_or_multiplied_by_a_split_that_nobody_lists(ratio: float) -> None:
    whole = times(STEADY, 1 / ratio, range(8))
    assert found(STEADY, whole) == [(0, 7, ratio, False)]
    # The same evening brings the next session, in the new basis: it proves nothing.
    assert found(STEADY, [*whole, 101 / ratio]) == [(0, 7, ratio, False)]
    # A live source tells the last sessions again: those before stand as they are.
    asked = {place: close for place, close in enumerate(whole) if place >= 5}
    assert found(STEADY, asked) == [(5, 7, ratio, False)]
    assert found(STEADY, {7: whole[7]}) == [(7, 7, ratio, False)]


@pytest.mark.parametrize("places", [range(4), range(3), range(1, 4), range(2, 3)])
def test_the_sessions_before_a_split_that_has_landed_divided_in_whole_or_in_part(
    places: range,
) -> None:
    known = actions((4, 2.0, "split"))
    divided = times(SPLIT, 0.5, places)
    assert found(SPLIT, divided, known) == [(places[0], places[-1], 2.0, True)]
    # The list of splits has lost it: the closes no longer jump, and are wrong all the same.
    assert found(SPLIT, divided) == [(places[0], places[-1], 2.0, False)]


def test_a_split_listed_before_the_history_is_divided_multiplies_what_has_landed() -> None:
    listed = actions((7, 1.5, "split"))
    early = times(STEADY, 1.5, range(7))
    assert found(STEADY[:7], early, listed) == [(0, 6, 1 / 1.5, True)]
    # A wrong list makes closes comparable that are not: they are refused none the less.
    assert found(STEADY, early, listed) == [(0, 6, 1 / 1.5, True)]


def test_two_splits_of_which_the_history_takes_both_into_account() -> None:
    known = actions((3, 4.0, "split"), (6, 10.0, "split"))
    closes = [4000.0, 4040.0, 3960.0, 1000.0, 1020.0, 1010.0, 103.0, 102.0]
    divided = [100.0, 101.0, 99.0, 100.0, 102.0, 101.0, 103.0, 102.0]
    assert found(closes, divided, known) == [(0, 2, 40.0, True), (3, 5, 10.0, True)]


@pytest.mark.parametrize("ratio", [1.015, 1.033, 1.066, 1.137, 1.281])
def test_the_ratio_of_a_spin_off_counts_where_it_is_known_and_is_a_correction_else(
    ratio: float,
) -> None:
    long = [100.0 + n % 5 for n in range(30)]
    moved = times(long, 1 / ratio, range(20))
    known = actions((20, ratio, "spin_off"))
    assert found(long, moved, known) == [(0, 19, ratio, True)]
    assert found(long, moved) == []
    other = actions((20, 1 + (ratio - 1) * 1.6, "spin_off"))
    assert found(long, moved, other) == []


def test_a_mistyped_bar_put_right_is_a_correction_and_one_that_leaves_the_others_is_not() -> None:
    for place in (1, 3, 7):
        mistyped = times(STEADY, 10, range(place, place + 1))
        assert found(mistyped, STEADY) == []
        assert found(STEADY, mistyped) == [(place, place, 0.1, False)]
    # Three bars in a row too, as long as what stands on both sides says so.
    assert found(times(STEADY, 2, range(2, 5)), STEADY) == []
    assert found(STEADY, times(STEADY, 2, range(2, 5))) == [(2, 4, 0.5, False)]


def test_the_close_of_an_ex_date_put_into_the_new_basis_is_a_correction() -> None:
    known = actions((4, 2.0, "split"))
    late = times(SPLIT, 2, range(4, 5))
    assert found(late[:5], SPLIT[:5], known) == []
    assert found(late, SPLIT, known) == []
    assert found(SPLIT, late, known) == [(4, 4, 0.5, True)]


def test_the_first_bar_alone_has_nothing_before_it_that_would_speak_for_it() -> None:
    assert found(times(STEADY, 2, range(1)), STEADY) == [(0, 0, 2.0, False)]


def test_corrections_of_any_other_size_and_rounding_are_no_ratios() -> None:
    assert found(STEADY, times(STEADY, 0.738, range(8))) == []
    assert found(STEADY, times(STEADY, 1.01, range(2, 6))) == []
    assert found(STEADY, [round(c + 0.01, 2) for c in STEADY]) == []
    pennies = [0.52, 0.51, 0.53, 0.52]
    assert moved_symbols(bars(pennies), bars([c + 0.01 for c in pennies])) == []


def test_rounded_to_cents_a_low_price_shows_the_ratio_still() -> None:
    closes = [3.27, 3.31, 3.18, 3.22, 3.25, 3.3]
    divided = [round(c / 10, 2) for c in closes]
    assert found(closes, divided) == [(0, 5, 10.0, False)]


def test_nothing_landed_nothing_delivered_and_another_market() -> None:
    assert found([], STEADY) == []
    assert found(STEADY, []) == []
    rng = random.Random(1)  # noqa: S311 - no secret
    walks = [[100.0], [100.0]]
    for walk in walks:
        for _ in range(240):
            walk.append(walk[-1] * (1 + rng.gauss(0, 0.05)))
    assert found(*walks) == []


@pytest.mark.parametrize("seed", range(150))
def test_of_random_histories_what_is_rebased_is_refused_and_what_is_not_passes(seed: int) -> None:
    """Divide, multiply or correct any stretch of a history with splits, seen whole or in part."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    length = rng.randint(12, 60)
    known, close, closes = [], rng.uniform(5, 400), []
    ex_dates = set(rng.sample(range(1, length), rng.choice((0, 1, 1, 2))))
    for place in range(length):
        if place in ex_dates:
            ratio = rng.choice([*RATIOS, 1 / 8, 1.281, 1.137, 1.04])
            known.append((place, ratio, "split" if ratio in RATIOS else "spin_off"))
            close /= ratio
        close *= 1 + rng.gauss(0, 0.01)
        closes.append(round(close, 4))
    first = rng.randrange(length)
    last = rng.choice((length - 1, rng.randrange(first, length)))
    ratio = rng.choice([r for _, r, _ in known] or RATIOS)
    if rng.random() < 0.4:
        ratio = rng.choice(RATIOS)
    factor = rng.choice((ratio, 1 / ratio))
    told = actions(*known)
    moved = times(closes, factor, range(first, last + 1))
    seen = {n: c for n, c in enumerate(moved) if n >= rng.choice((0, first))}
    if rng.random() < 0.5:
        seen |= {length: moved[-1]}
    refused = found(closes, seen, told)
    assert [(a, b) for a, b, *_ in refused] == [(first, last)], (ratio, known)
    # Said again as they stand, they are no news; and small corrections anywhere are none either.
    assert found(closes, dict(enumerate(closes)), told) == []
    off = [round(c * (1 + rng.choice((0, 0, 0.02, -0.1, 0.6))), 4) for c in closes]
    if all(abs(r - 1) > 0.7 for _, r, _ in known):
        assert found(closes, off, told) == []


def begun(place: int) -> pl.DataFrame:
    """The last session that was there when the history first came."""
    return pl.DataFrame({"symbol": ["A"], "begun_on": [DAYS[place]]})


def of_live(landed: object, delivered: object, known: pl.DataFrame, first_to: int) -> list[int]:
    blocks = rebased_blocks(bars(landed), bars(delivered), known, begun(first_to))
    return blocks["sessions"].to_list()


TWO_FOR_ONE = actions((4, 2.0, "split"))
DIVIDED = times(SPLIT, 0.5, range(4))
MULTIPLIED = times(SPLIT, 2.0, range(4))


@pytest.mark.parametrize("wrong", [DIVIDED, MULTIPLIED], ids=["late listing", "late division"])
def test_what_first_came_on_a_faulty_evening_is_put_right_once_yahoo_is(wrong: list[float]) -> None:
    """In whose basis the history came, nobody had seen: the split was there from the beginning."""
    assert of_live(wrong, SPLIT, TWO_FOR_ONE, first_to=4) == []
    # Not by an answer that is no better.
    worse = MULTIPLIED if wrong is DIVIDED else DIVIDED
    assert of_live(wrong, worse, TWO_FOR_ONE, first_to=4) == [4]


@pytest.mark.parametrize("wrong", [DIVIDED, MULTIPLIED])
@pytest.mark.parametrize("first_to", [3, 4])
def test_a_right_history_is_never_moved(wrong: list[float], first_to: int) -> None:
    assert of_live(SPLIT, wrong, TWO_FOR_ONE, first_to) == [4]


def test_closes_that_were_seen_before_the_split_stay_whatever_is_listed_later() -> None:
    # A split that never was: listed in the middle, by which Yahoo has not divided.
    multiplied = times(STEADY, 2.0, range(4))
    assert of_live(STEADY, multiplied, TWO_FOR_ONE, first_to=3) == [4]


@pytest.mark.parametrize("factor", [1.12, 1.033, 0.97])
def test_of_a_live_source_a_factor_common_to_many_sessions_is_another_basis(factor: float) -> None:
    closes = [100.0 + place % 3 for place in range(12)]
    moved = times(closes, 1 / factor, range(12))
    assert of_live(closes, moved, actions(), first_to=2) == [12]
    assert found(closes, moved) == []
