"""The gate before publishing: what readers see passes every check of severity error.

Whoever publishes comes through here: a run, the schedule, ``capshock publish``, and the UI where
``ops/published_file`` is materialised alone. A person may say to publish despite a check: that is
written down in ``ops.publish_overrides``, and holds for the rows that failed then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl

from assets.code_version import code_version
from assets.ops.checks import CHECKS, ERROR, Evidence
from assets.resources import Inputs, Override
from warehouse.errors import PublishingStopped
from warehouse.schemas import ops
from warehouse.storage import Warehouse

SHOWN = 3
"""Rows that fail a check and are named in a sentence."""

GATE_CHECKS = sorted({key.name for key, one in CHECKS.items() if one.severity == ERROR})
"""Names of the checks that stop publishing."""


@dataclass(frozen=True)
class Stop:
    """A check that fails, and stops publishing.

    Attributes:
        table: the table.
        check: the check.
        said: what is wrong, in a sentence.
        failing: the rows that fail it.
        rows: the same as JSON, by which an override knows them.
    """

    table: str
    check: str
    said: str
    failing: pl.DataFrame
    rows: frozenset[str]

    def __str__(self) -> str:
        """Say which check of which table fails, and for which rows."""
        shown = [
            ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)
            for row in self.failing.head(SHOWN).iter_rows(named=True)
        ]
        more = f"; and {self.failing.height - SHOWN} more" if self.failing.height > SHOWN else ""
        return f"{self.table}, {self.check}: {self.said} ({'; '.join(shown)}{more})"

    def reasons_given(self, overrides: pl.DataFrame) -> list[str]:
        """Return why it may be published all the same; empty where a row has no override.

        Args:
            overrides: ``ops.publish_overrides``.
        """
        mine = [row for row in overrides.iter_rows(named=True) if self._is_met_by(row)]
        answered = {failed for row in mine for failed in row["failing_rows"]}
        return [row["reason"] for row in mine] if self.rows <= answered else []

    def _is_met_by(self, override: dict[str, Any]) -> bool:
        """Tell whether an override speaks of this check, and of a row that fails it."""
        return (override["table_name"], override["check_name"]) == (
            self.table,
            self.check,
        ) and not self.rows.isdisjoint(override["failing_rows"])


def stop_of(key: dg.AssetCheckKey, failing: pl.DataFrame, said: str) -> Stop:
    """Return what a verdict would stop."""
    rows = failing.write_ndjson().splitlines() if failing.height else []
    return Stop(".".join(key.asset_key.path), key.name, said, failing, frozenset(rows))


def stops(evidence: Evidence) -> Iterator[Stop]:
    """Yield every check of severity error that fails, overridden or not."""
    for key, one in CHECKS.items():
        if one.severity == ERROR:
            failing, said = evidence.judge(key)
            if failing.height:
                yield stop_of(key, failing, said)


def overrides_of(warehouse: Warehouse) -> pl.DataFrame:
    """Return what people have said so far."""
    return warehouse.read(ops.PublishOverrides.table())


def open_stops(evidence: Evidence) -> list[Stop]:
    """Return the checks that stop publishing: those that fail for rows without an override."""
    overrides = overrides_of(evidence.warehouse)
    return [stop for stop in stops(evidence) if not stop.reasons_given(overrides)]


@dataclass(frozen=True)
class Passage:
    """What the gate lets pass, and what is written down of it once it is published.

    Attributes:
        despite: the checks that it passes in spite of.
        overrides: ``ops.publish_overrides`` as they are then.
        is_to_be_kept: whether these are not what is written already.
    """

    despite: Sequence[Stop]
    overrides: pl.DataFrame
    is_to_be_kept: bool


def pass_gate(evidence: Evidence) -> Passage:
    """Let a publication pass.

    Raises:
        InconsistentChain: if tables do not belong together.
        PublishingStopped: if a check fails that nobody has overridden, or an override says nothing.
    """
    warehouse, inputs = evidence.warehouse, evidence.inputs
    warehouse.require_consistent()
    require_sayable(inputs.override)
    overrides = overrides_of(warehouse)
    found = list(stops(evidence))
    unanswered = [stop for stop in found if not stop.reasons_given(overrides)]
    still = [stop for stop in unanswered if stop.check not in inputs.override.checks]
    if still:
        raise stopped(warehouse.name, still)
    now = _in_force(pl.concat([overrides, _written_down(unanswered, inputs)]), found)
    return Passage(found, now, is_to_be_kept=not now.equals(overrides))


def write_down(passage: Passage, evidence: Evidence) -> None:
    """Write down that a publication has passed the gate, and what people have said of it."""
    warehouse, inputs = evidence.warehouse, evidence.inputs
    this = {
        "run_id": [inputs.run_id],
        "passed_at": [inputs.moment()],
        "code_version": [code_version()],
    }
    publications = [
        warehouse.read(ops.Publications.table()).filter(pl.col("run_id") != inputs.run_id),
        pl.DataFrame(this, schema=ops.Publications.polars_schema()),
    ]
    warehouse.rewrite(
        (ops.PublishOverrides, passage.overrides),
        (ops.Publications, pl.concat(publications)),
    )


def require_sayable(override: Override) -> None:
    """Refuse an override that names no check there is, or gives no reason.

    Raises:
        PublishingStopped: if so.
    """
    unknown = [name for name in override.checks if name not in GATE_CHECKS]
    if unknown:
        raise PublishingStopped(
            f"--despite {unknown[0]}: there is no check of that name that stops publishing",
            f"These do: {', '.join(GATE_CHECKS)}.",
        )
    if override.checks and not override.reason.strip():
        raise PublishingStopped(
            f"--despite {override.checks[0]}: no reason is given",
            'Say it for those who read the file: --reason "...".',
        )


def stopped(name: str, found: Sequence[Stop]) -> PublishingStopped:
    """Return the error that says what stops publishing, and the way past it.

    Args:
        name: what is not published.
        found: the checks that fail.
    """
    past = " ".join(f"--despite {check}" for check in sorted({stop.check for stop in found}))
    return PublishingStopped(
        f"{name}: not published. " + "; ".join(str(stop) for stop in found),
        "Readers keep what was published before. Mend it and run again; or, where this is as it "
        f'should be, publish all the same: capshock publish {past} --reason "..."',
    )


def _written_down(news: Sequence[Stop], inputs: Inputs) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "run_id": inputs.run_id,
                "table_name": stop.table,
                "check_name": stop.check,
                "overridden_at": inputs.moment(),
                "overridden_by": inputs.override.by or "unknown",
                "reason": inputs.override.reason.strip(),
                "failed": stop.said,
                "failing_rows": sorted(stop.rows),
                "is_in_force": True,
            }
            for stop in news
        ],
        schema=ops.PublishOverrides.polars_schema(),
    )


def _in_force(overrides: pl.DataFrame, found: Sequence[Stop]) -> pl.DataFrame:
    """Say which overrides speak of rows that fail their check now."""
    failing = {(stop.table, stop.check): stop.rows for stop in found}
    columns = overrides.select("table_name", "check_name", "failing_rows")
    now = [
        not failing.get((table, check), frozenset()).isdisjoint(rows)
        for table, check, rows in columns.iter_rows()
    ]
    return overrides.with_columns(is_in_force=pl.Series(now, dtype=pl.Boolean))
