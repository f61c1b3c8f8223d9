"""``mart``: the answers. Dollars end in _usd; loss_*, gain_* and losers_usd are positive sizes."""

from typing import Annotated, ClassVar

import polars as pl

from warehouse.schemas.table import Table, column, number, positive, size


class MarketCaps(Table):
    """One line per company and session: what it was worth and why that changed."""

    company_symbol: str = column("The line that stands for the company")
    session_date: pl.Date = column("Session")
    close_usd: float = positive("Official close, as traded", unit="USD per share")
    shares_outstanding: float = positive(
        "Last accepted count of the whole company; null: none is known",
        unit="shares",
        nullable=True,
    )
    shares_as_of: pl.Date = column("Date of the report behind the count", nullable=True)
    share_count_age_days: int = column(
        "Age of that report on the session", unit="days", nullable=True, ge=0
    )
    market_cap_usd: float = positive("Close times shares outstanding", unit="USD", nullable=True)
    previous_market_cap_usd: float = positive(
        "Market cap on the previous session of the exchange; null without a bar there",
        unit="USD",
        nullable=True,
    )
    price_effect_usd: float = number(
        "Change of market cap by price alone: previous count, split-adjusted, times the price move",
        unit="USD",
        nullable=True,
    )
    share_count_effect_usd: float = number(
        "The rest of the change: reports of new counts, spin-offs. Never a loss",
        unit="USD",
        nullable=True,
    )
    return_1d: float = number(
        "Price return over one session, split-adjusted, without dividends",
        unit="fraction",
        nullable=True,
    )
    intraday_low_return: float = number(
        "Return from the previous close to the session's low", unit="fraction", nullable=True
    )
    intraday_low_effect_usd: float = number(
        "Price effect at the session's low; positive where even the low is a gain",
        unit="USD",
        nullable=True,
    )
    flags: Annotated[pl.List, pl.String] = column(
        "What to know before quoting the row: no_share_count, no_previous_share_count, "
        "stale_share_count (over 120 days), share_count_warning (moved over 15 %), "
        "corporate_action, gap (no bar on the previous session), first_bar, close_only"
    )

    class Config(Table.Config):
        name = "mart.market_caps"
        description = (
            "What a company was worth on a session, and how much of the change was price and how "
            "much share count."
        )
        metadata: ClassVar = {"key": ("company_symbol", "session_date")}


class MarketCapLosses(Table):
    """Sessions on which a company lost market value by price, with their place in history."""

    company_symbol: str = column("The line that stands for the company")
    session_date: pl.Date = column("Session")
    loss_usd: float = positive("Market value lost by price, a positive size", unit="USD")
    loss_return: float = positive("Price return lost, a positive size", unit="fraction")
    rank_on_session: int = column("1: the session's largest loss", unit="rank", ge=1)
    rank_to_date: int = column(
        "Rank among all losses from history_from up to this session", unit="rank", ge=1
    )
    is_record: bool = column("True for a loss above all before it, after 250 sessions of history")
    previous_record_usd: float = positive(
        "Largest loss on any earlier session", unit="USD", nullable=True
    )
    previous_record_date: pl.Date = column("Session of that loss", nullable=True)
    history_from: pl.Date = column("First session that the ranks look at")
    companies_covered: int = column(
        "Companies with at least 60 one-day changes up to this session: what a record is measured "
        "against",
        unit="companies",
        ge=0,
    )
    flags: Annotated[pl.List, pl.String] = column("The flags of the row in mart.market_caps")

    class Config(Table.Config):
        name = "mart.market_cap_losses"
        description = "How many dollars a company lost in a session, and whether that was a record."
        metadata: ClassVar = {"key": ("company_symbol", "session_date")}


class MarketCapGains(Table):
    """The mirror of mart.market_cap_losses."""

    company_symbol: str = column("The line that stands for the company")
    session_date: pl.Date = column("Session")
    gain_usd: float = positive("Market value gained by price", unit="USD")
    gain_return: float = positive("Price return gained", unit="fraction")
    rank_on_session: int = column("1: the session's largest gain", unit="rank", ge=1)
    rank_to_date: int = column(
        "Rank among all gains from history_from up to this session", unit="rank", ge=1
    )
    is_record: bool = column("True for a gain above all before it, after 250 sessions of history")
    previous_record_usd: float = positive(
        "Largest gain on any earlier session", unit="USD", nullable=True
    )
    previous_record_date: pl.Date = column("Session of that gain", nullable=True)
    history_from: pl.Date = column("First session that the ranks look at")
    companies_covered: int = column(
        "Companies with at least 60 one-day changes up to this session: what a record is measured "
        "against",
        unit="companies",
        ge=0,
    )
    flags: Annotated[pl.List, pl.String] = column("The flags of the row in mart.market_caps")

    class Config(Table.Config):
        name = "mart.market_cap_gains"
        description = (
            "How many dollars a company gained in a session, and whether that was a record."
        )
        metadata: ClassVar = {"key": ("company_symbol", "session_date")}


class SectorMoves(Table):
    """Price effects added up by sector."""

    sector: str = column("Sector, by the scheme in ref.securities")
    session_date: pl.Date = column("Session")
    companies: int = column("Companies with a bar on the session", unit="companies", ge=1)
    net_change_usd: float = number("Sum of all price effects", unit="USD")
    losers_usd: float = size("Sum of the losses alone, a positive size", unit="USD")
    gainers_usd: float = size("Sum of the gains alone", unit="USD")
    losers: int = column("Companies that lost", unit="companies", ge=0)
    gainers: int = column("Companies that gained", unit="companies", ge=0)
    companies_without_share_count: int = column(
        "Companies with a bar and no share count: in companies, not in the sums",
        unit="companies",
        ge=0,
    )

    class Config(Table.Config):
        name = "mart.sector_moves"
        description = "How much market value each sector lost and gained in a session."
        metadata: ClassVar = {"key": ("sector", "session_date")}
