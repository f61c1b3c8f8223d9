"""``core``: what passed the second gate, ready to be computed with."""

from typing import ClassVar

import polars as pl

from warehouse.schemas.table import Table, column, positive, word
from warehouse.schemas.vocabulary import (
    AdjustmentKind,
    CountBasis,
    CountEvidence,
    SplitBasis,
)

_SPEAKS_AGAINST = (
    "raw.shares_outstanding.shares_outstanding",
    "ref.index_holdings.units",
    "core.prices.close",
    "core.prices.volume",
)


class CorporateActions(Table):
    """What went ex: recorded actions, told apart by the source or by ratio, and decisions."""

    symbol: str = column("Ticker")
    ex_date: pl.Date = column("First session that trades in the new basis")
    ratio: float = positive(
        "New shares per old share; of a spin-off, the close before it over what is comparable",
        unit="ratio",
        made_of=("raw.splits.ratio", "ref.split_decisions.ratio"),
    )
    kind: str = word(
        "split: changes the number of shares; spin_off: does not",
        (AdjustmentKind.SPLIT, AdjustmentKind.SPIN_OFF),
        made_of=("raw.splits.kind", "raw.splits.ratio", "ref.split_decisions.kind"),
    )

    class Config(Table.Config):
        name = "core.corporate_actions"
        description = "Which splits and spin-offs went ex, on their own dates."
        metadata: ClassVar = {"key": ("symbol", "ex_date", "kind"), "sessions_of": "core.prices"}


class Prices(Table):
    """Bars that make sense next to their neighbours, with the adjustment of the day."""

    symbol: str = column("Ticker")
    session_date: pl.Date = column("Session of the New York Stock Exchange")
    open: float = positive("First price, as traded", unit="USD per share", nullable=True)
    high: float = positive("Highest price, as traded", unit="USD per share", nullable=True)
    low: float = positive("Lowest price, as traded", unit="USD per share", nullable=True)
    close: float = positive("Official close, as traded", unit="USD per share")
    volume: int = column("Shares traded", unit="shares", nullable=True, ge=0)
    adjustment_ratio: float = positive(
        "Divide the previous bar's close by this to compare the two; 1 on ordinary sessions",
        unit="ratio",
        made_of=("core.corporate_actions.ratio",),
    )
    adjustment_kind: str = word(
        "What went ex since the previous bar: split (if all of it was one), spin_off or none",
        AdjustmentKind,
        made_of=("core.corporate_actions.kind",),
    )
    split_ratio: float = positive(
        "The part of adjustment_ratio that multiplies the number of shares: the splits",
        unit="ratio",
        made_of=("core.corporate_actions.ratio", "core.corporate_actions.kind"),
    )
    comparable_close: float = positive(
        "Close of the previous session divided by adjustment_ratio: what this bar is compared with "
        "for a one-day move; null without a bar on the previous session of the exchange",
        unit="USD per share",
        nullable=True,
        made_of=("raw.prices.close", "core.corporate_actions.ratio"),
    )

    class Config(Table.Config):
        name = "core.prices"
        description = "What each line traded at, without impossible bars and unexplained jumps."
        metadata: ClassVar = {
            "key": ("symbol", "session_date"),
            "references": {"raw.prices": {"symbol": "symbol", "session_date": "session_date"}},
        }


class SharesOutstanding(Table):
    """Accepted share counts over time, split-adjusted between reports, without look-ahead."""

    symbol: str = column("Ticker of the line that stands for the company")
    valid_from: pl.Date = column(
        "First date for which the count is used",
        made_of=("raw.shares_outstanding.as_of_date", "core.corporate_actions.ex_date"),
    )
    valid_to: pl.Date = column(
        "Last date for which the count is used; null: still",
        nullable=True,
        made_of=("raw.shares_outstanding.as_of_date", "core.corporate_actions.ex_date"),
    )
    shares_outstanding: float = positive("Shares of the whole company", unit="shares")
    reported_as_of: pl.Date = column(
        "Date of the report that the count rests on", made_of=("raw.shares_outstanding.as_of_date",)
    )
    basis: str = word(
        "reported; split_adjusted: the last good report times a split; decided: let in by a person",
        CountBasis,
        made_of=("core.corporate_actions.ratio", "ref.share_count_decisions.decision"),
    )
    split_basis: str = word(
        "The basis that the report stands in: own_date; before_split or after_split: that of the "
        "other side of a split near it",
        SplitBasis,
        made_of=("raw.shares_outstanding.shares_outstanding", "core.corporate_actions.ratio"),
    )
    has_warning: bool = column(
        "True where the count moved by more than 15 % without a split",
        made_of=("raw.shares_outstanding.shares_outstanding",),
    )
    evidence: str = word(
        "What speaks for the count: decision (a person), index_units (the units that index funds "
        "hold fit it), reports (others agree with it), repetition (of a jump, without a witness), "
        "single_report",
        CountEvidence,
        made_of=("raw.shares_outstanding.shares_outstanding", "ref.index_holdings.units"),
    )
    is_disputed: bool = column(
        "True where another report, the units of an index, or the company's closes and volumes "
        "contradict the count, or nothing confirms it: so does every number that rests on it",
        made_of=_SPEAKS_AGAINST,
    )
    dispute: str = column(
        "What speaks against the count",
        nullable=True,
        made_of=_SPEAKS_AGAINST,
    )

    class Config(Table.Config):
        name = "core.shares_outstanding"
        description = "How many shares a company had on a session, by its last good report."
        metadata: ClassVar = {
            "key": ("symbol", "valid_from"),
            "sessions_of": "core.prices",
            "open": "valid_to",
            "grows": {"valid_to + 1": ("valid_to",)},
            "references": {"ref.securities": {"symbol": "symbol"}},
        }


class IndexLevels(Table):
    """Official index levels that make sense in themselves."""

    index_symbol: str = column("Index")
    session_date: pl.Date = column("Session of the New York Stock Exchange")
    open: float = positive("First level", unit="points", nullable=True)
    high: float = positive("Highest level", unit="points", nullable=True)
    low: float = positive("Lowest level", unit="points", nullable=True)
    close: float = positive("Official close", unit="points")

    class Config(Table.Config):
        name = "core.index_levels"
        description = "What the official index levels were, without impossible bars."
        metadata: ClassVar = {
            "key": ("index_symbol", "session_date"),
            "references": {
                "raw.index_levels": {"index_symbol": "index_symbol", "session_date": "session_date"}
            },
        }
