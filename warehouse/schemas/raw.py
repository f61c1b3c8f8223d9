"""``raw``: what a source delivered and the first gate let through, as delivered."""

from typing import Annotated, ClassVar

import polars as pl

from warehouse.schemas.table import Table, column, positive, word
from warehouse.schemas.vocabulary import AdjustmentKind

DELIVERED = "delivered_symbol"
"""Column of the name under which a row came, where that is not the present one."""


class Provenance(Table):
    """Where a row came from. A row is rewritten only when a value differs, so these stay."""

    source: str = column("Source that delivered the row (files, yahoo)", provenance=True)
    fetched_at: Annotated[pl.Datetime, "us", "UTC"] = column(
        "When the row was first read with these values", unit="UTC", provenance=True
    )
    response_id: str = column(
        "sha-256 of the response or file that first brought these values", provenance=True
    )


class Named(Provenance):
    """Rows of a line, which a source may deliver under a name that it had."""

    delivered_symbol: str = column(
        "Name under which the row was delivered, where the line has another one now "
        "(ref.symbol_changes)",
        nullable=True,
        provenance=True,
    )


class Prices(Named):
    """Daily bars, as traded."""

    symbol: str = column("Ticker")
    session_date: pl.Date = column("Session of the New York Stock Exchange")
    open: float = positive("First price", unit="USD per share", nullable=True)
    high: float = positive("Highest price", unit="USD per share", nullable=True)
    low: float = positive("Lowest price", unit="USD per share", nullable=True)
    close: float = positive("Official close, as traded", unit="USD per share")
    volume: int = column("Shares traded", unit="shares", nullable=True, ge=0)

    class Config(Table.Config):
        name = "raw.prices"
        description = "What each line traded at on each session, adjusted for nothing."
        metadata: ClassVar = {
            "key": ("symbol", "session_date"),
            "references": {"ref.securities": {"symbol": "symbol"}},
        }


class Splits(Named):
    """Splits as recorded; sources record spin-offs as splits with odd ratios."""

    symbol: str = column("Ticker")
    ex_date: pl.Date = column("First session that trades in the new basis")
    ratio: float = positive("New shares per old share", unit="ratio")
    kind: str = word(
        "split or spin_off, where the source says it; null: told by the ratio. A split and a "
        "spin-off on one date are two rows",
        (AdjustmentKind.SPLIT, AdjustmentKind.SPIN_OFF),
        nullable=True,
        optional=True,
    )

    class Config(Table.Config):
        name = "raw.splits"
        description = "Which price adjustments the source records, splits and spin-offs."
        metadata: ClassVar = {
            "key": ("symbol", "ex_date", "kind"),
            "stated_by": ("symbol", "ex_date"),
            "references": {"ref.securities": {"symbol": "symbol"}},
        }


class Dividends(Named):
    """Cash dividends by ex-date."""

    symbol: str = column("Ticker")
    ex_date: pl.Date = column("First session that trades without the dividend")
    amount_usd: float = positive("Dividend", unit="USD per share")

    class Config(Table.Config):
        name = "raw.dividends"
        description = "Which cash dividends went ex; never added back to a loss."
        metadata: ClassVar = {
            "key": ("symbol", "ex_date"),
            "references": {"ref.securities": {"symbol": "symbol"}},
        }


class SharesOutstanding(Named):
    """Company share counts as reported, wrong ones included."""

    symbol: str = column("Ticker of the line that stands for the company")
    as_of_date: pl.Date = column("First date on which the count was seen")
    shares_outstanding: int = column(
        "Shares of the whole company, all classes", unit="shares", gt=0, lt=10**13
    )

    class Config(Table.Config):
        name = "raw.shares_outstanding"
        description = "Which share counts were reported, and when each was first seen."
        metadata: ClassVar = {
            "key": ("symbol", "as_of_date"),
            "references": {"ref.securities": {"symbol": "symbol"}},
        }


class IndexLevels(Provenance):
    """Official index levels."""

    index_symbol: str = column("Index")
    session_date: pl.Date = column("Session of the New York Stock Exchange")
    open: float = positive("First level", unit="points", nullable=True)
    high: float = positive("Highest level", unit="points", nullable=True)
    low: float = positive("Lowest level", unit="points", nullable=True)
    close: float = positive("Official close", unit="points")

    class Config(Table.Config):
        name = "raw.index_levels"
        description = "What the official index levels were."
        metadata: ClassVar = {
            "key": ("index_symbol", "session_date"),
            "references": {"ref.indices": {"index_symbol": "index_symbol"}},
        }
