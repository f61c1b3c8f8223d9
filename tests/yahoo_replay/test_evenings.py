"""A year of evenings on which Yahoo is wrong somewhere ends where a year without faults does."""

import functools
import os
import random

import polars as pl
import pytest

from assets.sources.yahoo import session as yahoo_session
from tests.yahoo_replay.evenings import (
    ALL,
    BEFORE,
    TO_LOSSES,
    Nightly,
    draw,
    evening_of,
    false_losses,
    made_up,
    sessions_of,
    write_reference,
)
from tests.yahoo_replay.replay import serving

EVENINGS = int(os.environ.get("CAPSHOCK_EVENINGS", "40"))
SEED = int(os.environ.get("CAPSHOCK_EVENINGS_SEED", "15"))
NO_PATIENCE = functools.partial(yahoo_session.Policy, attempts=2, first_wait_seconds=0.01,
                                longest_wait_seconds=0.02, timeout_seconds=5,
                                pause_seconds=0.0)  # fmt: skip


def _difference(table: str, faulty: Nightly, true: Nightly) -> str:
    """Show rows of a table that only one of the two has."""
    ours, theirs = (one.warehouse.read(table) for one in (faulty, true))
    columns = [name for name in theirs.columns if theirs.schema[name] != pl.List(pl.String)]
    only = [a.join(b, on=columns, how="anti", nulls_equal=True).head(3).rows()
            for a, b in ((ours, theirs), (theirs, ours))]  # fmt: skip
    return f"{table}: only here {only[0]}, only without faults {only[1]}"


@pytest.mark.slow
def test_after_a_year_of_faults_all_is_as_without_and_no_evening_shows_a_false_loss(
    tmp_path, monkeypatch
):
    days = sessions_of(EVENINGS)
    chance = random.Random(SEED)  # noqa: S311 - chosen by seed
    reference = write_reference(tmp_path / "reference")
    monkeypatch.setattr(yahoo_session, "Policy", NO_PATIENCE)
    with serving(
        made_up(SEED, EVENINGS), evening_of(days[-1]).replace(tzinfo=None).isoformat()
    ) as replay:
        for name, value in replay.environment.items():
            monkeypatch.setenv(name, value)
        true = Nightly(tmp_path / "true", reference)
        true.run(evening_of(days[-1]), ALL)
        assert true.failed == {}
        true_losses = true.warehouse.read("mart.market_cap_losses")
        faulty = Nightly(tmp_path / "faulty", reference, {"overlap_sessions": 1 + SEED % 5})
        story = []
        for place in range(BEFORE, len(days)):
            replay.clear()
            replay.now = evening_of(days[place])
            if place < len(days) - 1:
                wrong = draw(chance, replay, days, place)
                replay.fault(wrong.endpoint, wrong.symbol, wrong.kind, value=wrong.place)
                story.append((days[place], wrong))
            is_last = place == len(days) - 1
            inputs = faulty.run(replay.now, ALL if is_last else TO_LOSSES)
            false = false_losses(faulty.clean_losses(), true_losses)
            if false.height:
                assert faulty.stops(inputs), (story[-6:], false.rows(), faulty.said)
        assert faulty.failed == {}, story[-6:]
    ours, theirs = faulty.warehouse.hashes(), true.warehouse.hashes()
    differ = [t for t in theirs if t.startswith(("core.", "mart.")) and ours[t] != theirs[t]]
    assert differ == [], [_difference(t, faulty, true) for t in differ]
