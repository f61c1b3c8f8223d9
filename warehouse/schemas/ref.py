"""``ref``: what people decide and maintain by hand. One file of the reference folder each."""

from typing import ClassVar

import polars as pl

from warehouse.schemas.table import Table, column, positive, word
from warehouse.schemas.vocabulary import (
    AdjustmentKind,
    Comparator,
    Decision,
    InstrumentType,
    Metric,
    Weighting,
)


class Securities(Table):
    """The universe: every line whose prices are asked for."""

    symbol: str = column(
        "Ticker in Yahoo's spelling (BRK-B)", str_length={"min_value": 1, "max_value": 32}
    )
    name: str = column("Name of the line")
    company_symbol: str = column(
        "The line that stands for the company: GOOGL for GOOG, else the symbol itself"
    )
    sector: str = column("Sector, by the scheme in sector_scheme")
    sector_scheme: str = column("The classification that the sector comes from")
    industry: str = column("Industry in the words of the exchange's screener", nullable=True)
    instrument_type: str = word(
        "What the line is: equity, common (stock), adr. Null: taken for common stock. Funds, "
        "indices and the like are no companies, and are refused",
        InstrumentType,
        nullable=True,
        optional=True,
    )
    currency: str = column(
        "Currency that the line trades in, by ISO 4217. Null: taken for USD. Lines in another one "
        "are refused",
        nullable=True,
        optional=True,
        str_matches="^[A-Z]{2}[A-Za-z]$",
    )
    listed_from: pl.Date = column(
        "First session of the line; null: before the first bar", nullable=True, optional=True
    )
    listed_to: pl.Date = column(
        "Last session of the line; null: it is still traded", nullable=True, optional=True
    )
    delisting_reason: str = column(
        "Why there is no session after listed_to", nullable=True, optional=True
    )

    class Config(Table.Config):
        name = "ref.securities"
        description = (
            "Which lines are covered, which company each one belongs to, and in which sector it is."
        )
        metadata: ClassVar = {
            "key": ("symbol",),
            "references": {"ref.securities": {"company_symbol": "symbol"}},
        }


class SymbolChanges(Table):
    """A company's changes of name: its rows are one series, under the present one."""

    old_symbol: str = column("The name before", str_length={"min_value": 1, "max_value": 32})
    new_symbol: str = column("The name from then on", str_length={"min_value": 1, "max_value": 32})
    first_session: pl.Date = column("First session under the new name")
    source: str = column("Who says so, and on what document")

    class Config(Table.Config):
        name = "ref.symbol_changes"
        description = "Which companies changed their ticker, from what to what, and when."
        metadata: ClassVar = {"key": ("old_symbol", "first_session")}


class Indices(Table):
    """The indices that are followed, and how each one is weighted."""

    index_symbol: str = column("Index in Yahoo's spelling (^GSPC)")
    effective_from: pl.Date = column("First session for which this row holds")
    name: str = column("Name of the index")
    weighting: str = word(
        "How members are weighted: price, market cap, float-adjusted, modified or capped market "
        "cap, equal; none where the index has no members",
        Weighting,
    )
    divisor: float = positive(
        "Published divisor; null where it is implied by level and units",
        unit="USD per point",
        nullable=True,
    )

    class Config(Table.Config):
        name = "ref.indices"
        description = "Which indices are followed, how they are weighted, and the divisor."
        metadata: ClassVar = {"key": ("index_symbol", "effective_from")}


class IndexHoldings(Table):
    """Units per member of an index: dated sets, of which the latest effective one counts."""

    index_symbol: str = column("Index in Yahoo's spelling (^GSPC)")
    effective_from: pl.Date = column(
        "First session for which the set holds; a later set replaces it whole"
    )
    symbol: str = column("Member")
    units: float = positive(
        "Units of the member, up to a factor common to the set. Where a whole set has none, share "
        "counts serve (price weighting: 1 each)",
        unit="shares",
        nullable=True,
    )
    as_of_date: pl.Date = column("Date that the source gives for the units")
    is_estimate: bool = column("True where the set is derived, or dated after its effective_from")
    source: str = column("Where the units come from")

    class Config(Table.Config):
        name = "ref.index_holdings"
        description = "Who is in an index from which session on, with how many units."
        metadata: ClassVar = {
            "key": ("index_symbol", "effective_from", "symbol"),
            "references": {"ref.indices": {"index_symbol": "index_symbol"}},
        }


class ShareCountDecisions(Table):
    """A person's word over the share-count rules."""

    symbol: str = column("Ticker of the report decided on")
    as_of_date: pl.Date = column("as_of_date of the report decided on")
    decision: str = word("accept or reject", Decision)
    reason: str = column("Why, in a sentence")
    source: str = column("Who decided, when, and on what document")

    class Config(Table.Config):
        name = "ref.share_count_decisions"
        description = "Which reported share counts a person accepted or rejected, and why."
        metadata: ClassVar = {"key": ("symbol", "as_of_date")}


class SplitDecisions(Table):
    """A person's word over the split rules and over a price move without a split.

    The rows of a date replace all that is recorded on it; a split and a spin-off at once are two.
    """

    symbol: str = column("Ticker")
    ex_date: pl.Date = column("Ex-date of the action, or session of the price move")
    kind: str = word(
        "split, spin_off, or none: no corporate action on this date, the price move is real; none "
        "stands alone on its date",
        AdjustmentKind,
    )
    ratio: float = positive("New shares per old share; 1 for none", unit="ratio")
    reason: str = column("Why, in a sentence")
    source: str = column("Who decided, when, and on what document")

    class Config(Table.Config):
        name = "ref.split_decisions"
        description = "Which corporate actions a person added, reclassified or ruled out."
        metadata: ClassVar = {"key": ("symbol", "ex_date", "kind")}


class Claims(Table):
    """What articles said: one row per statement, as the files of claims have it."""

    claim_id: str = column("File and id of the claim: file/id")
    position: int = column("Place of the claim in its file, from 1 on", ge=1)
    title: str = column("Title of the article")
    outlet: str = column("Who published it")
    published_on: pl.Date = column("When it was published")
    statement: str = column("What was said, in a few words")
    metric: str = word(
        "What is claimed: return, loss_usd, rank, direction, group_loss_usd, index_return, "
        "contribution_share, or other: nothing that a warehouse holds",
        Metric,
    )
    subject: str = column("Whom it is claimed of")
    session_date: pl.Date = column("Session that it is claimed of", nullable=True)
    comparator: str = word(
        "The word before the number: exactly, about, almost, more than, at least; record",
        Comparator,
    )
    claimed: str = column("The number as printed, or fell, rose", nullable=True)
    definition: str = column("The claim and the groups of its file, as JSON")

    class Config(Table.Config):
        name = "ref.claims"
        description = "What articles said about a session, to be held against the tables."
        metadata: ClassVar = {"key": ("claim_id",)}
