"""Where raw data comes from: a small protocol, and its implementations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import polars as pl

PROVENANCE = ("source", "fetched_at", "response_id")
"""Columns that a source adds to each row it delivers."""


@dataclass(frozen=True)
class Delivery:
    """Rows as a source delivers them.

    Attributes:
        rows: the dataset's columns of the file contract plus ``PROVENANCE``, not yet validated.
        response_id: sha-256 of the file read; None where nothing was read.
        note: what to say about the delivery in the outcomes, if anything.
        is_complete: whether these are all rows the source has, and not only those asked for.
    """

    rows: pl.DataFrame
    response_id: str | None
    note: str | None = None
    is_complete: bool = False


class Source(Protocol):
    """A place that delivers raw market data.

    A source may deliver rows that were not asked for; the first gate refuses them with a reason, so
    that nothing disappears unseen. All methods raise ``SourceError`` where nothing usable is there.
    """

    name: str

    def bars(self, symbols: Sequence[str]) -> pl.DataFrame:
        """Return which bars the source can deliver: symbol, session_date."""

    def fingerprint(self) -> str | None:
        """Return what changes when the prices behind the source change; None if it cannot tell."""

    def prices(self, symbols: Sequence[str], first: date, last: date) -> Delivery:
        """Deliver daily bars as traded (columns of ``raw.prices``), both dates included."""

    def splits(self, symbols: Sequence[str]) -> Delivery:
        """Deliver all recorded splits (columns of ``raw.splits``)."""

    def dividends(self, symbols: Sequence[str]) -> Delivery:
        """Deliver all recorded dividends (columns of ``raw.dividends``)."""

    def shares_outstanding(self, symbols: Sequence[str]) -> Delivery:
        """Deliver all reported company share counts (columns of ``raw.shares_outstanding``)."""

    def index_levels(self, symbols: Sequence[str]) -> Delivery:
        """Deliver index levels (columns of ``raw.index_levels``)."""
