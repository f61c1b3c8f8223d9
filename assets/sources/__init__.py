"""Where raw data comes from: a small protocol, and its implementations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import polars as pl

from warehouse.schemas import Table
from warehouse.schemas.raw import DELIVERED

PROVENANCE = ("source", "fetched_at", "response_id")
"""Columns that a source adds to each row it delivers."""


def delivered_columns(model: type[Table]) -> list[str]:
    """Return the columns of a raw table that a source delivers, ``PROVENANCE`` included.

    Which name a row came under is noted where names are put right (``sources.renamed``).
    """
    return [name for name in model.names() if name != DELIVERED]


ACCOUNTS_SCHEMA = pl.Schema(
    {
        "symbol": pl.String,
        "outcome": pl.String,
        "attempts": pl.Int64,
        "message": pl.String,
        "response_id": pl.String,
    }
)
"""What came of a symbol; an outcome of ok still becomes partial where sessions are missing."""


Since = Mapping[str, date]
"""Symbol -> the date from which its rows are asked for."""


@dataclass(frozen=True)
class KnownLines:
    """What is known of lines before a source is asked for them, by the name of asking.

    Attributes:
        since: the earliest session that has landed.
        listed_to: the last session of those that have ended.
        splits: the splits that have landed: ex_date, ratio, kind of each.
    """

    since: Mapping[str, date] = field(default_factory=dict)
    listed_to: Mapping[str, date] = field(default_factory=dict)
    splits: Mapping[str, Sequence[tuple[date, float, str | None]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """Rows as a source delivers them.

    Attributes:
        rows: what ``delivered_columns`` has, not yet validated.
        response_id: sha-256 of the file read; None where nothing was read.
        note: what to say about the delivery in the outcomes, if anything.
        is_complete: whether these are all rows the source has, and not only those asked for.
        accounts: what came of each symbol, where the source is asked symbol by symbol
            (``ACCOUNTS_SCHEMA``); None: one answer for all.
        keeps_absent: whether rows that are not among these stay where they have landed: a source
            that leaves out a bar today has not unmade it.
        held: rows that the source itself is in doubt of, with rule and reason: they do not land.
        covers: from when each symbol was asked for, and until when, where the source is asked
            symbol by symbol; None: it was read whole.
    """

    rows: pl.DataFrame
    response_id: str | None
    note: str | None = None
    is_complete: bool = False
    accounts: pl.DataFrame | None = None
    keeps_absent: bool = False
    held: pl.DataFrame | None = None
    covers: tuple[Since, date] | None = None


class Source(Protocol):
    """A place that delivers raw market data.

    A source may deliver rows that were not asked for; the first gate refuses them with a reason, so
    that nothing disappears unseen. All methods raise ``SourceError`` where nothing usable is there.
    """

    name: str

    def bars(self, symbols: Sequence[str]) -> pl.DataFrame | None:
        """Return which bars can be delivered: symbol, session_date; None if it cannot tell."""

    def fingerprint(self) -> str | None:
        """Return what changes when the prices behind the source change; None if it cannot tell."""

    def prices(self, symbols: Sequence[str], first: date, last: date) -> Delivery:
        """Deliver daily bars as traded (columns of ``raw.prices``), both dates included."""

    def splits(self, since: Since) -> Delivery:
        """Deliver recorded splits (columns of ``raw.splits``), at least those since a date."""

    def dividends(self, since: Since) -> Delivery:
        """Deliver dividends (columns of ``raw.dividends``), at least those since a date."""

    def shares_outstanding(self, since: Since) -> Delivery:
        """Deliver company share counts (columns of ``raw.shares_outstanding``), all there are."""

    def index_levels(self, since: Since) -> Delivery:
        """Deliver index levels (columns of ``raw.index_levels``), at least those since a date."""
