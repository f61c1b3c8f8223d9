"""Wrong data, injected one at a time: none may become a number that looks clean."""

import os
import re

import pytest

from tests.faults.battery import inject, shown
from tests.faults.judging import Verdict
from tests.faults.places import Places
from tests.faults.report import PAGE, measured
from tests.faults.run import computed, cut_of_sample
from tests.faults.table import ALL, Must

A_DOZEN = (
    "four prices x0.738, one bar",
    "four prices x10, one bar",
    "stale price, five sessions",
    "stale price, one session",
    "bars on a Saturday",
    "close negative",
    "look-alike symbol in prices: dot for dash",
    "divided but not listed, 3:2, over landed",
    "one count x10",
    "all counts of all companies x0.001",
    "one level x0.5",
    "currency EUR",
    "a column more",
)


@pytest.fixture(scope="module")
def clean():
    return computed(cut_of_sample())


def test_nothing_clean_is_refused(clean):
    assert clean.error is None
    assert not clean.stops
    assert {rule for *_, rule in clean.refused} <= {
        "share_count_jump", "share_count_refuted", "share_count_spin_off",
        "share_count_unconfirmed", "share_count_undone",
    }  # fmt: skip


@pytest.mark.parametrize("name", A_DOZEN)
def test_a_dozen_kinds_become_no_number_that_looks_clean(clean, name):
    outcome = inject(ALL[name], 0, clean, Places(clean.files))
    assert outcome.is_as_it_must, shown(outcome)
    if ALL[name].must is Must.BE_HARMLESS:
        assert outcome.judgement.verdict is Verdict.HARMLESS


def test_the_page_names_all_kinds_as_they_are():
    rows = re.findall(
        r"^\| (.+?) \| .+ \| (caught|harmless|not catchable) \| [^|]+ \|$",
        PAGE.read_text(),
        re.MULTILINE,
    )
    assert dict(rows) == {name: kind.must.value for name, kind in ALL.items()}


SEEDS = int(os.environ.get("CAPSHOCK_FAULT_SEEDS", "1"))
"""Places at which each kind is injected."""

EVERY = int(os.environ.get("CAPSHOCK_FAULT_EVERY", "1"))
"""Of so many kinds one is injected: a check that has little time takes fewer."""

RECALL = 0.95
"""Least part of the kinds that can be caught that is."""


def _known_as_missed() -> set[str]:
    listed = PAGE.read_text().split("## Not caught yet")[1].split("\n## ")[0]
    return {name for name in ALL if f"\n- {name}: " in listed}


def test_almost_all_kinds_that_can_be_caught_are_by_the_page():
    can_be = [name for name, kind in ALL.items() if kind.must is Must.BE_CAUGHT]
    missed = _known_as_missed()
    assert missed <= set(can_be)
    assert 1 - len(missed) / len(can_be) > RECALL


@pytest.mark.slow
def test_no_kind_is_missed_but_those_that_the_page_names():
    told = measured(SEEDS, list(ALL)[::EVERY])
    missed = {line[0]: line[4] for line in told if ALL[line[0]].must is Must.BE_CAUGHT
              and not line[3]}  # fmt: skip
    assert missed.keys() <= _known_as_missed(), missed
