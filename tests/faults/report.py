"""Measure the battery and write ``docs/reliability.md``: ``make reliability``."""

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tests.faults.battery import inject, shown
from tests.faults.judging import Verdict
from tests.faults.places import Places
from tests.faults.run import FIRST, LAST, ROOT, Run, computed, cut_of_sample, whole_sample
from tests.faults.table import ALL, Must
from warehouse.schemas.vocabulary import CapFlag, ImpactFlag, ReconciliationFlag

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


ALARMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "rows of `mart.market_caps`": (
        "mart.market_caps",
        (CapFlag.DISPUTED_PRICE, CapFlag.DISPUTED_SHARE_COUNT),
    ),
    "rows of `mart.index_impacts`": (
        "mart.index_impacts",
        (ImpactFlag.DISPUTED_UNITS, ImpactFlag.DISPUTED_SHARE_COUNT),
    ),
    "rows of `mart.index_reconciliations`": (
        "mart.index_reconciliations",
        (
            ReconciliationFlag.UNUSUAL_RESIDUAL,
            ReconciliationFlag.DISPUTED_DIVISOR,
            ReconciliationFlag.DISPUTED_PRICE,
            ReconciliationFlag.DISPUTED_LEVEL,
        ),
    ),
}
"""Flags that say that a number may be wrong, by the table that has them."""

HELD = ("price_move", "price_order", "repeated_bar", "level_move")
"""Rules that hold or reject bars and levels."""


def sessions(run: Run) -> int:
    return run.tables["core.prices"]["session_date"].n_unique()


def flagged(run: Run, table: str, flag: str) -> pl.DataFrame:
    return run.tables[table].filter(pl.col("flags").list.contains(flag))


def named(run: Run, table: str, by: str, flag: str) -> str:
    """Say which companies or lines have a flag, and on which sessions."""
    found = flagged(run, table, flag).group_by(by).agg(pl.col("session_date").unique().sort())
    said = [
        f"{name} {days[0]}" + (f" to {days[-1]} ({len(days)})" if len(days) > 1 else "")
        for name, days in found.sort(by).iter_rows()
    ]
    return "; ".join(said) or "none"


def alarm_rows(*runs: Run) -> str:
    """Count what speaks of a fault where there is none: a row of the table for each kind."""

    def row(what: str, *counts: int) -> str:
        return f"| {what} | {' | '.join(f'{count:,}' for count in counts)} |\n"

    told = row("checks that stop publishing", *(len({c for c, _ in r.stops}) for r in runs))
    for rule in HELD:
        counts = [sum(refused == rule for *_, refused in r.refused) for r in runs]
        told += row(f"rows in quarantine, `{rule}`", *counts)
    for what, (table, flags) in ALARMS.items():
        for flag in flags:
            told += row(f"{what}, `{flag}`", *(flagged(r, table, flag).height for r in runs))
    return told


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
    clean, whole = computed(cut_of_sample()), computed(whole_sample())
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

Without a fault, as the files of the sample are: the cut, and all {sessions(whole):,} sessions of it.

| | cut | whole sample |
|---|--:|--:|
{alarm_rows(clean, whole)}
Closes disputed: {named(whole, "mart.market_caps", "company_symbol", CapFlag.DISPUTED_PRICE)}.
Units disputed: {named(whole, "mart.index_impacts", "symbol", ImpactFlag.DISPUTED_UNITS)}.
Of the {len(harmless)} harmless kinds {len(harmless) - len(alarms)} pass without a word, {len(alarms)}
are told of.

## Not caught yet

What could be caught, and is not at every place. What it would take: a second source of prices and
share counts (`source` in the key of raw) for counts that follow late, or that a source has divided
throughout, and for lines that no index speaks for; for bars of one line dated a session off, lines
swapped from the first session on, and a level that stays, each member's return held against the
residuals of many sessions at once.

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
