"""Which sessions a run fetches: what the source has and the warehouse lacks."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import cast

import polars as pl

from assets import calendar
from assets.sources import Source
from warehouse.errors import SourceError
from warehouse.storage import Warehouse

UNKNOWN_SYMBOL = "symbol: known_symbol"
"""The rule of the first gate that a later line in securities.csv settles."""


@dataclass(frozen=True)
class Plan:
    """The sessions to fetch, and what to tell the user about them.

    Attributes:
        first: first session; None: the warehouse has all that the source has.
        last: last session.
        notes: what was left out, in sentences.
    """

    first: date | None
    last: date | None
    notes: tuple[str, ...] = ()

    @property
    def sessions(self) -> list[date]:
        """Return the sessions of the exchange in the plan."""
        if self.first is None:
            return []
        return calendar.sessions(self.first, self.last)


def plan_window(
    source: Source,
    symbols: list[str],
    first_session: date,
    first: date | None,
    last: date | None,
) -> Plan:
    """Plan the sessions that a user named.

    Args:
        source: where the prices come from.
        symbols: the universe.
        first_session: first session the pipeline has a partition for.
        first: first date asked for; None: the first the source has.
        last: last date asked for; None: the last the source has.

    Raises:
        SourceError: if the source has no session there.
    """
    days = source.bars(symbols)["session_date"]
    if days.is_empty():
        raise SourceError(
            "the source has no bar of any symbol in securities.csv",
            "Compare the symbols of the prices with CAPSHOCK_REFERENCE_DIR/securities.csv.",
        )
    has_first, has_last = _bounds(days)
    start = max(d for d in (first, has_first, first_session) if d)
    end = min(d for d in (last, has_last) if d)
    inside = calendar.sessions(start, end)
    if not inside:
        raise SourceError(
            f"no session between {first or 'the start'} and {last or 'the end'}: the source has "
            f"prices from {has_first} to {has_last}, partitions start at {first_session}",
            "Ask for sessions in that range, or set CAPSHOCK_FIRST_SESSION.",
        )
    notes = []
    if has_first < first_session and (first is None or first < first_session):
        notes.append(
            f"Prices before {first_session} are left out; CAPSHOCK_FIRST_SESSION={has_first} "
            "brings them in."
        )
    if last is not None and last > has_last:
        notes.append(f"The source ends on {has_last}.")
    return Plan(inside[0], inside[-1], tuple(notes))


def plan_missing(
    source: Source,
    warehouse: Warehouse,
    symbols: list[str],
    first_session: date,
    booked: AbstractSet[str],
) -> Plan:
    """Plan what the source has and the warehouse lacks, by (symbol, session).

    A changed file is read again as a whole, and so are sessions that Dagster has not booked.

    Args:
        source: where the prices come from.
        warehouse: what has been landed.
        symbols: the universe.
        first_session: first session the pipeline has a partition for.
        booked: partition keys of ``raw.prices`` that Dagster knows as materialised.
    """
    everything = plan_window(source, symbols, first_session, None, None)
    if not warehouse.private.exists():
        return everything
    scans = warehouse.read("ops.scans").filter(pl.col("dataset") == "prices")
    fingerprint = source.fingerprint()
    if fingerprint is not None and scans["response_id"].to_list() != [fingerprint]:
        return everything
    offered = source.bars(symbols).filter(
        pl.col("session_date").is_between(everything.first, everything.last)
    )
    refused = warehouse.read("ops.quarantine").filter(
        (pl.col("source_table") == "raw.prices") & ~pl.col("rules").list.contains(UNKNOWN_SYMBOL)
    )
    dealt_with = pl.concat(
        [
            warehouse.read("raw.prices").select("symbol", "session_date"),
            refused.select("symbol", session_date="row_date"),
        ]
    )
    lacking = offered.join(dealt_with, on=["symbol", "session_date"], how="anti")["session_date"]
    unread = offered.filter(
        ~pl.col("session_date").is_between(scans["first_session"][0], scans["last_session"][0])
    )["session_date"]
    unbooked = offered.filter(~pl.col("session_date").cast(pl.String).is_in(list(booked)))[
        "session_date"
    ]
    missing = pl.concat([lacking, unread, unbooked])
    closed = pl.Series(everything.sessions, dtype=pl.Date)
    missing = missing.filter(missing.is_in(closed.implode()))
    if missing.is_empty():
        return Plan(None, None, everything.notes)
    return Plan(*_bounds(missing), everything.notes)


def _bounds(days: pl.Series) -> tuple[date, date]:
    return cast("date", days.min()), cast("date", days.max())
