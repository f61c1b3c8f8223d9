"""A week in which Yahoo is inconsistent about a split, evening by evening, over the replay.

Five lines are split on the same evening, by the ratios of ``evenings.RATIOS``: by a whole number,
below the gate's x1.8, in reverse, and by a spin-off.
"""

import functools
from datetime import date
from typing import Any

import pytest

from assets.sources.yahoo import session as yahoo_session
from tests.yahoo_replay import faults
from tests.yahoo_replay.evenings import (
    BEFORE,
    RATIOS,
    Nightly,
    evening_of,
    false_losses,
    made_up,
    sessions_of,
    write_reference,
)
from tests.yahoo_replay.market import stamp
from tests.yahoo_replay.replay import serving

EVENINGS = 8
EX = 3
"""The evening of the ex-date, the first one being 1."""

DAYS = sessions_of(EVENINGS)
HASTY = functools.partial(yahoo_session.Policy, attempts=1, first_wait_seconds=0.01,
                          longest_wait_seconds=0.02, timeout_seconds=5)  # fmt: skip
RIGHT = ("core.prices", "core.corporate_actions", "core.shares_outstanding", "mart.market_caps",
         "mart.market_cap_losses")  # fmt: skip


def _prices(result: dict[str, Any]) -> list[list[float | None]]:
    quote = result["indicators"]["quote"][0]
    return [*(quote[name] for name in ("open", "high", "low", "close")),
            result["indicators"]["adjclose"][0]["adjclose"]]  # fmt: skip


def _ratio(result: dict[str, Any]) -> float:
    # A fund of 1.12 is told from one of 0.125 by nothing else than the symbol.
    return RATIOS[result["meta"]["symbol"]]


def _divided_early(result: dict[str, Any], _: float) -> None:
    """Divide what is there by a split that is still ahead, and not listed."""
    for column in _prices(result):
        column[:] = [None if price is None else price / _ratio(result) for price in column]


def _listed_at(result: dict[str, Any], day: date) -> None:
    ratio = _ratio(result)
    shares = {"numerator": ratio * 1000, "denominator": 1000}
    split = {"date": stamp(day), "splitRatio": "", **shares}
    result.setdefault("events", {})["splits"] = {str(stamp(day)): split}


def _listed_early(result: dict[str, Any], now: float) -> None:
    """List the split on the session before its own, the history undivided as yet."""
    _listed_at(result, DAYS[BEFORE + EX - 2])


def _dated_early(result: dict[str, Any], now: float) -> None:
    """Date the split a session early: what is divided is the same."""
    if "splits" in result.get("events", {}):
        _listed_at(result, DAYS[BEFORE + EX - 2])


OWN = {"divided_early": _divided_early, "listed_early": _listed_early, "dated_early": _dated_early}


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """The week without faults: the replay, and what has landed of it."""
    folder = tmp_path_factory.mktemp("truth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yahoo_session, "Policy", HASTY)
        for kind, change in OWN.items():
            patch.setitem(faults._CHANGES, kind, change)
        with serving(made_up(3, EVENINGS, EX), f"{DAYS[-1]}T23:30:00") as replay:
            for name, value in replay.environment.items():
                patch.setenv(name, value)
            nightly = Nightly(folder, write_reference(folder / "reference"))
            nightly.run(evening_of(DAYS[-1]))
            assert nightly.failed == {}
            yield replay, nightly


def _is_right(nightly: Nightly, truth: Nightly) -> bool:
    tables = {name: (nightly.warehouse.read(name), truth.warehouse.read(name)) for name in RIGHT}
    return all(ours.equals(theirs) for ours, theirs in tables.values())


WEEKS = {
    # name: evening -> what is wrong of every line that is split; the others are good
    "late division": {3: "undivided"},
    "late listing": {3: "unlisted"},
    "late division for days": {3: "undivided", 4: "undivided", 5: "undivided"},
    "late listing for days": {3: "unlisted", 4: "unlisted", 5: "unlisted"},
    "divided, then listed": {3: "unlisted", 4: "undivided", 5: "unlisted"},
    "listed, then divided": {3: "undivided", 4: "unlisted"},
    "forgotten afterwards": {5: "unlisted", 6: "unlisted"},
    "undone afterwards": {4: "undivided", 6: "undivided"},
    "divided the evening before": {2: "divided_early"},
    "listed the evening before": {2: "listed_early"},
    "dated a session early": {3: "dated_early", 4: "dated_early"},
    "dated a session early afterwards": {5: "dated_early"},
}


FIRST_RUNS = [name for name, wrong in WEEKS.items() if EX in wrong]
"""Weeks that may begin on the ex-date: nothing has landed that one could compare with."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("week", "first", "overlap"),
    [*((week, 1, 1 + 4 * (place % 2)) for place, week in enumerate(WEEKS)),
     *((week, EX, 1) for week in FIRST_RUNS)],
)  # fmt: skip
def test_a_line_waits_until_prices_and_splits_agree_and_is_right_by_itself(
    truth, tmp_path, week, first, overlap
):
    replay, true = truth
    wrong = WEEKS[week]
    losses = true.warehouse.read("mart.market_cap_losses")
    nightly = Nightly(tmp_path, true.reference, {"overlap_sessions": overlap})
    for evening in range(first, EVENINGS + 1):
        replay.clear()
        replay.now = evening_of(DAYS[BEFORE + evening - 1])
        kind = wrong.get(evening)
        for symbol in RATIOS if kind else ():
            replay.fault("chart", symbol, kind)
        nightly.run(replay.now)
        assert nightly.failed == {}
        false = false_losses(nightly.clean_losses(), losses)
        assert false.is_empty(), (evening, kind, false.rows())
    assert _is_right(nightly, true)
