"""Inject each kind of fault at seeded places, and say what became of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import polars as pl

from tests.faults.judging import Judgement, Verdict, judge
from tests.faults.places import Places
from tests.faults.run import Run, computed
from tests.faults.table import ALL, Kind, Must


@dataclass(frozen=True)
class Outcome:
    """What became of a kind at one place.

    Attributes:
        kind: the fault.
        seed: the place.
        judgement: what became of it.
    """

    kind: Kind
    seed: int
    judgement: Judgement

    @property
    def is_named(self) -> bool:
        """Whether what speaks of the fault names the right reason."""
        because = self.kind.because
        return isinstance(because, str) or any(
            doubt.startswith(word) or word in doubt
            for doubt in self.judgement.doubts
            for word in because
        )

    @property
    def is_as_it_must(self) -> bool:
        """Whether the fault was harmless, or caught for the right reason."""
        verdict = self.judgement.verdict
        if verdict is Verdict.MISSED:
            return False
        return verdict is Verdict.HARMLESS or self.kind.must is not Must.BE_CAUGHT or self.is_named


def inject(kind: Kind, seed: int, clean: Run, places: Places) -> Outcome:
    """Inject one fault at one place."""

    def rng() -> Random:
        return Random(f"{kind.name} {seed}")

    beside = clean
    if kind.truth is not None:
        beside = computed(kind.truth(clean.files, places, rng()), clean)
        assert beside.error is None, f"{kind.name}: the truth is refused: {beside.error}"
    files = kind.inject(beside.files, places, rng())
    faulty = computed(files, beside, over_landed=kind.over_landed)
    return Outcome(kind, seed, judge(beside, faulty))


def outcomes(
    clean: Run, seeds: int, kinds: Sequence[Kind] = tuple(ALL.values())
) -> Iterator[Outcome]:
    """Inject all kinds, each at so many places."""
    places = Places(clean.files)
    for kind in kinds:
        for seed in range(seeds):
            yield inject(kind, seed, clean, places)


def shown(outcome: Outcome) -> str:
    """Say what became of a fault, with the first numbers that look clean."""
    told = outcome.judgement
    silent = told.clean_looking.group_by("table", "column", maintain_order=True).agg(
        pl.len(), pl.col("row", "was", "now").first()
    )
    lines = [
        f"{table.split('.')[1]}.{column} {number}: {row} {was} -> {now}"
        for table, column, number, row, was, now in silent.iter_rows()
    ]
    return (
        f"{outcome.kind.name} [{outcome.seed}]: {told.verdict}, {sorted(told.doubts)}; "
        + "; ".join(lines)
    )
