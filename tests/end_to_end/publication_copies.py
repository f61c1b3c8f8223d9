"""Copies of the files that were really published, and what changed between two of them.

Computed from the copies alone, frame by frame: an own reckoning of what the log should have.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

KEYS = {
    "core.corporate_actions": ("symbol", "ex_date", "kind"),
    "core.index_levels": ("index_symbol", "session_date"),
    "core.prices": ("symbol", "session_date"),
    "core.shares_outstanding": ("symbol", "valid_from"),
    "mart.index_changes": ("index_symbol", "effective_from", "symbol", "change"),
    "mart.claim_checks": ("claim_id", "convention"),
    "mart.drawdowns": ("symbol", "peak_date"),
    "mart.index_impacts": ("index_symbol", "session_date", "symbol"),
    "mart.index_reconciliations": ("index_symbol", "session_date"),
    "mart.index_residual_suspects": ("index_symbol", "session_date", "symbol"),
    "mart.market_cap_gains": ("company_symbol", "session_date"),
    "mart.market_cap_losses": ("company_symbol", "session_date"),
    "mart.market_caps": ("company_symbol", "session_date"),
    "mart.sector_moves": ("sector", "session_date"),
}
REMEMBERED = [t for t, key in KEYS.items() if "session_date" in key or t == "mart.claim_checks"]
"""Tables that as_published gives back whole."""

RANKED = ("mart.market_cap_losses", "mart.market_cap_gains")
RANKS = ("rank_on_session", "rank_to_date")
OF_SESSION = ("previous_record_usd", "previous_record_date", "history_from", "companies_covered")
UP_TO_TROUGH = ("trough_date", "drawdown_return", "loss_usd", "loss_points", "sessions_to_trough",
                "flags")  # fmt: skip


@dataclass(frozen=True)
class Copy:
    """A published file, as it was."""

    path: Path

    def sql(self, query: str, *parameters: Any) -> pl.DataFrame:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.sql(query, params=list(parameters) or None).pl()

    def table(self, name: str) -> pl.DataFrame:
        return self.sql(f"FROM {name}").sort(KEYS[name])

    @property
    def published_at(self) -> datetime:
        return self.sql("SELECT max(passed_at) FROM ops.publications").item()

    def log(self) -> set[tuple]:
        """What this publication wrote, but for what moved: table, key, column, old, new."""
        rows = self.sql(
            "SELECT table_name, row_key, column_name, change, old, new FROM ops.restatements "
            "WHERE changed_at = ? AND change <> 'moved'",
            self.published_at,
        )
        return {
            (t, tuple(key), column, change, *(() if column is None else (old, new)))
            for t, key, column, change, old, new in rows.iter_rows()
        }

    def moved(self) -> dict[tuple[str, str], int]:
        rows = self.sql(
            "SELECT table_name, column_name, rows FROM ops.restatements "
            "WHERE changed_at = ? AND change = 'moved'",
            self.published_at,
        )
        return {(t, column): number for t, column, number in rows.iter_rows()}


def differences(
    before: Copy, after: Copy, had: set
) -> tuple[set[tuple], dict[tuple[str, str], int]]:
    """Return what the log of ``after`` should have: entries, and how much moved.

    Args:
        before: the copy before.
        after: the next one.
        had: the sessions that readers had had of any copy up to ``before``.
    """
    found, moved = set(), {}
    coming = set(after.table("core.prices")["session_date"]) - had
    sessions = sorted(had | coming)
    for name, key in KEYS.items():
        old, new = (
            {tuple(row[k] for k in key): row for row in copy.table(name).iter_rows(named=True)}
            for copy in (before, after)
        )
        for gone in old.keys() - new.keys():
            found.add((name, _text(gone), None, "vanished"))
        for come in new.keys() - old.keys():
            if _is_late(name, dict(zip(key, come, strict=True)), sessions, coming):
                found.add((name, _text(come), None, "appeared"))
        for both in old.keys() & new.keys():
            _compare(name, both, old[both], new[both], coming, sessions, found, moved)
    return found, moved


def _compare(name, key, old, new, coming, sessions, found, moved) -> None:
    changed = {c for c in old if old[c] != new[c]}
    for column in changed:
        entry = (_written(old[column]), _written(new[column]))
        if name in RANKED and column in RANKS:
            moved[name, column] = moved.get((name, column), 0) + 1
        elif name in RANKED and column in OF_SESSION:
            found.add((name, (str(old["session_date"]),), column, "changed", *entry))
        elif _is_moved_on(name, column, old, new, coming, sessions):
            moved[name, column] = moved.get((name, column), 0) + 1
        else:
            settles = {"witness", "flags", "is_record"}
            others = changed - settles - {*RANKS, *OF_SESSION}
            is_settled = (name in RANKED and column in settles and old["witness"] == "pending"
                          and new["witness"] != "pending" and not others)  # fmt: skip
            found.add((name, _text(key), column, "settled" if is_settled else "changed", *entry))


def _first_from(day, sessions) -> Any:
    return next((session for session in sessions if session >= day), None)


def _is_late(name, key, sessions, coming) -> bool:
    """Whether a row is of a time that readers had had."""
    if "session_date" in key:
        return key["session_date"] not in coming
    if name == "mart.claim_checks":
        return True
    if name == "mart.drawdowns":
        later = next((s for s in sessions if s > key["peak_date"]), None)
        return later is not None and later not in coming
    (day,) = (
        key[column] for column in ("ex_date", "valid_from", "effective_from") if column in key
    )
    first = _first_from(day, sessions)
    return first is not None and first not in coming


def _is_moved_on(name, column, old, new, coming, sessions) -> bool:
    if not coming:
        return False
    if name == "core.shares_outstanding" and column == "valid_to":
        later = new["valid_to"] and next((s for s in sessions if s > new["valid_to"]), None)
        return old["valid_to"] is None and (later is None or later in coming)
    if name == "mart.drawdowns" and old["recovery_date"] is None:
        if column in UP_TO_TROUGH:
            return new["trough_date"] in coming
        if column in {"sessions_below", "recovery_date"}:
            return new["recovery_date"] is None or new["recovery_date"] in coming
    return False


def _text(key) -> tuple[str, ...]:
    return tuple(str(part) for part in key)


def _written(value) -> str | None:
    """Write a value as DuckDB does."""
    if value is None:
        return None
    return duckdb.execute("SELECT $1::VARCHAR", [value]).fetchone()[0]
