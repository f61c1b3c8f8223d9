"""``mart``: the answers. Dollars end in _usd; loss_*, gain_* and losers_usd are positive sizes."""

from typing import Annotated, Any, ClassVar

import polars as pl

from warehouse.schemas.table import Table, column, number, positive, size, word, words
from warehouse.schemas.vocabulary import (
    CapFlag,
    DrawdownFlag,
    ImpactFlag,
    MembershipChange,
    MembershipReason,
    ReconciliationFlag,
    Unit,
    Verdict,
    Witness,
)


class MarketCaps(Table):
    """One line per company and session: what it was worth and why that changed."""

    company_symbol: str = column("The line that stands for the company")
    session_date: pl.Date = column("Session")
    close_usd: float = positive(
        "Official close, as traded", unit="USD per share", made_of=("core.prices.close",)
    )
    shares_outstanding: float = positive(
        "Last accepted count of the whole company; null: none is known",
        unit="shares",
        nullable=True,
    )
    shares_as_of: pl.Date = column(
        "Date of the report behind the count",
        nullable=True,
        made_of=("core.shares_outstanding.reported_as_of",),
    )
    share_count_age_days: int = column(
        "Age of that report on the session",
        unit="days",
        nullable=True,
        ge=0,
        made_of=("core.shares_outstanding.reported_as_of",),
    )
    market_cap_usd: float = positive(
        "Close times shares outstanding",
        unit="USD",
        nullable=True,
        made_of=("core.prices.close", "core.shares_outstanding.shares_outstanding"),
    )
    previous_market_cap_usd: float = positive(
        "Market cap on the previous session of the exchange; null without a bar there",
        unit="USD",
        nullable=True,
        made_of=("core.prices.close", "core.shares_outstanding.shares_outstanding"),
    )
    effect_shares_outstanding: float = positive(
        "The count that price_effect_usd rests on: of the previous session, in the share basis of "
        "this one; null where there is no price effect",
        unit="shares",
        nullable=True,
        made_of=("core.shares_outstanding.shares_outstanding", "core.prices.split_ratio"),
    )
    effect_shares_as_of: pl.Date = column(
        "Date of the report behind that count",
        nullable=True,
        made_of=("core.shares_outstanding.reported_as_of",),
    )
    price_effect_usd: float = number(
        "Change of market cap by price alone: previous count, split-adjusted, times the price move",
        unit="USD",
        nullable=True,
        made_of=(
            "core.prices.close",
            "core.prices.comparable_close",
            "core.shares_outstanding.shares_outstanding",
        ),
    )
    share_count_effect_usd: float = number(
        "The rest of the change: reports of new counts, spin-offs. Never a loss",
        unit="USD",
        nullable=True,
        made_of=(
            "core.prices.close",
            "core.prices.comparable_close",
            "core.shares_outstanding.shares_outstanding",
        ),
    )
    return_1d: float = number(
        "Price return over one session, split-adjusted, without dividends",
        unit="fraction",
        nullable=True,
        made_of=("core.prices.close", "core.prices.comparable_close"),
    )
    intraday_low_return: float = number(
        "Return from the previous close to the session's low",
        unit="fraction",
        nullable=True,
        made_of=("core.prices.low", "core.prices.comparable_close"),
    )
    intraday_low_effect_usd: float = number(
        "Price effect at the session's low; positive where even the low is a gain",
        unit="USD",
        nullable=True,
        made_of=(
            "core.prices.low",
            "core.prices.comparable_close",
            "core.shares_outstanding.shares_outstanding",
        ),
    )
    flags: Annotated[pl.List, pl.String] = words(
        "What to know before quoting the row: no_share_count, no_previous_share_count, "
        "stale_share_count (over 120 days), share_count_warning (moved over 15 %), "
        "disputed_share_count (core.shares_outstanding.dispute says why), disputed_price (an "
        "index, or a jump there and back, speaks against the close or the one before; or a split "
        "that the closes do not follow, or ten bars held at the end, against all of the line), "
        "corporate_action, "
        "gap (no bar on the previous session), first_bar, close_only",
        CapFlag,
        made_of=(
            "core.prices.adjustment_kind",
            "core.shares_outstanding.reported_as_of",
            "core.shares_outstanding.has_warning",
            "core.shares_outstanding.is_disputed",
        ),
    )

    class Config(Table.Config):
        name = "mart.market_caps"
        description = (
            "What a company was worth on a session, and how much of the change was price and how "
            "much share count."
        )
        metadata: ClassVar = {
            "key": ("company_symbol", "session_date"),
            "references": {
                "core.prices": {"company_symbol": "symbol", "session_date": "session_date"}
            },
        }


def _is_record(side: str) -> Any:
    """Of losses and of gains: a record, or none."""
    return column(
        f"True for a {side} with a witness, on an undisputed count and price, above all before it, "
        "after 250 sessions of history; those contradicted or in dispute do not stand against it",
        made_of=("mart.market_caps.price_effect_usd",),
    )


def _flags_of_move() -> Any:
    """Of losses and of gains: what is in doubt."""
    return words(
        "The flags of the row in mart.market_caps; unwitnessed: above 100 billion dollars, larger "
        "than the record, or beyond eight robust deviations of the company's returns (with fewer "
        "than 60 before it, beyond a fifth), and nothing beside the price speaks for it",
        CapFlag,
        made_of=("mart.market_caps.flags",),
    )


def _witness() -> Any:
    """Of losses and of gains: what speaks for the move."""
    return word(
        "What speaks for the price move: official_index (its residual leaves at most a twentieth "
        "of the move in doubt), second_source, next_session (took back less than half; near a "
        "split's ratio only if the share count stayed), pending (no session since), none, "
        "contradicted (a large or extraordinary move, by an index or because the next session "
        "took it back)",
        Witness,
        made_of=(
            "mart.index_reconciliations.residual_bps",
            "mart.index_impacts.weight_previous_close",
            "core.prices.comparable_close",
            "raw.shares_outstanding.shares_outstanding",
        ),
    )


def _companies_covered() -> Any:
    """Of losses and of gains: what a record is measured against."""
    return column(
        "Companies with at least 60 one-day changes up to this session: what a record is measured "
        "against",
        unit="companies",
        ge=0,
        made_of=("mart.market_caps.return_1d",),
    )


_RANKED_MOVES = {
    "key": ("company_symbol", "session_date"),
    "sessions_of": "mart.market_caps",
    "positional": ("rank_on_session", "rank_to_date"),
    "of_session": (
        "previous_record_usd",
        "previous_record_date",
        "history_from",
        "companies_covered",
    ),
    "pending": ("witness", Witness.PENDING, ("witness", "flags", "is_record")),
    "references": {"mart.market_caps": {n: n for n in ("company_symbol", "session_date")}},
}
"""Key of losses and gains, and how their published values become others."""


class MarketCapLosses(Table):
    """Sessions on which a company lost market value by price, with their place in history."""

    company_symbol: str = column("The line that stands for the company")
    session_date: pl.Date = column("Session")
    loss_usd: float = positive(
        "Market value lost by price, a positive size",
        unit="USD",
        made_of=("mart.market_caps.price_effect_usd",),
    )
    loss_return: float = positive(
        "Price return lost, a positive size",
        unit="fraction",
        made_of=("mart.market_caps.return_1d",),
    )
    rank_on_session: int = column(
        "1: the session's largest loss",
        unit="rank",
        ge=1,
        made_of=("mart.market_caps.price_effect_usd",),
    )
    rank_to_date: int = column(
        "Rank among all losses from history_from up to this session",
        unit="rank",
        ge=1,
        made_of=("mart.market_caps.price_effect_usd",),
    )
    is_record: bool = _is_record("loss")
    previous_record_usd: float = positive(
        "Largest loss on any earlier session, but for those contradicted or in dispute",
        unit="USD",
        nullable=True,
        made_of=("mart.market_caps.price_effect_usd",),
    )
    previous_record_date: pl.Date = column(
        "Session of that loss", nullable=True, made_of=("mart.market_caps.session_date",)
    )
    history_from: pl.Date = column(
        "First session that the ranks look at", made_of=("mart.market_caps.session_date",)
    )
    companies_covered: int = _companies_covered()
    flags: Annotated[pl.List, pl.String] = _flags_of_move()
    witness: str = _witness()

    class Config(Table.Config):
        name = "mart.market_cap_losses"
        description = "How many dollars a company lost in a session, and whether that was a record."
        metadata: ClassVar = _RANKED_MOVES


class MarketCapGains(Table):
    """The mirror of mart.market_cap_losses."""

    company_symbol: str = column("The line that stands for the company")
    session_date: pl.Date = column("Session")
    gain_usd: float = positive(
        "Market value gained by price", unit="USD", made_of=("mart.market_caps.price_effect_usd",)
    )
    gain_return: float = positive(
        "Price return gained", unit="fraction", made_of=("mart.market_caps.return_1d",)
    )
    rank_on_session: int = column(
        "1: the session's largest gain",
        unit="rank",
        ge=1,
        made_of=("mart.market_caps.price_effect_usd",),
    )
    rank_to_date: int = column(
        "Rank among all gains from history_from up to this session",
        unit="rank",
        ge=1,
        made_of=("mart.market_caps.price_effect_usd",),
    )
    is_record: bool = _is_record("gain")
    previous_record_usd: float = positive(
        "Largest gain on any earlier session, but for those contradicted or in dispute",
        unit="USD",
        nullable=True,
        made_of=("mart.market_caps.price_effect_usd",),
    )
    previous_record_date: pl.Date = column(
        "Session of that gain", nullable=True, made_of=("mart.market_caps.session_date",)
    )
    history_from: pl.Date = column(
        "First session that the ranks look at", made_of=("mart.market_caps.session_date",)
    )
    companies_covered: int = _companies_covered()
    flags: Annotated[pl.List, pl.String] = _flags_of_move()
    witness: str = _witness()

    class Config(Table.Config):
        name = "mart.market_cap_gains"
        description = (
            "How many dollars a company gained in a session, and whether that was a record."
        )
        metadata: ClassVar = _RANKED_MOVES


class SectorMoves(Table):
    """Price effects added up by sector."""

    sector: str = column("Sector, by the scheme in ref.securities")
    session_date: pl.Date = column("Session")
    companies: int = column(
        "Companies with a bar on the session",
        unit="companies",
        ge=1,
        made_of=("mart.market_caps.company_symbol",),
    )
    net_change_usd: float = number(
        "Sum of all price effects", unit="USD", made_of=("mart.market_caps.price_effect_usd",)
    )
    losers_usd: float = size(
        "Sum of the losses alone, a positive size",
        unit="USD",
        made_of=("mart.market_caps.price_effect_usd",),
    )
    gainers_usd: float = size(
        "Sum of the gains alone", unit="USD", made_of=("mart.market_caps.price_effect_usd",)
    )
    losers: int = column(
        "Companies that lost",
        unit="companies",
        ge=0,
        made_of=("mart.market_caps.price_effect_usd",),
    )
    gainers: int = column(
        "Companies that gained",
        unit="companies",
        ge=0,
        made_of=("mart.market_caps.price_effect_usd",),
    )
    companies_without_share_count: int = column(
        "Companies with a bar and no share count: in companies, not in the sums",
        unit="companies",
        ge=0,
        made_of=("mart.market_caps.shares_outstanding",),
    )
    companies_disputed: int = column(
        "Companies whose change rests on a disputed share count or price: in the sums",
        unit="companies",
        ge=0,
        made_of=("mart.market_caps.flags",),
    )
    companies_without_change: int = column(
        "Companies with a bar whose change is not known (gap, first bar, no share count): not in "
        "the sums",
        unit="companies",
        ge=0,
        made_of=("mart.market_caps.price_effect_usd",),
    )

    class Config(Table.Config):
        name = "mart.sector_moves"
        description = "How much market value each sector lost and gained in a session."
        metadata: ClassVar = {
            "key": ("sector", "session_date"),
            "references": {"ref.securities": {"sector": "sector"}},
        }


class IndexImpacts(Table):
    """One line per index, session and member: how much of the index's move is the member's."""

    index_symbol: str = column("Index")
    session_date: pl.Date = column("Session")
    symbol: str = column("Member")
    units: float = positive(
        "Units of the member on the session, split-adjusted, up to a factor common to the index; "
        "null: none known",
        unit="shares",
        nullable=True,
    )
    weight_previous_close: float = positive(
        "Share of the index's value at the previous close; null where a close is missing, or too "
        "little of the index is priced. Of the members priced, where the divisor is implied",
        unit="fraction",
        nullable=True,
        made_of=("ref.index_holdings.units", "core.prices.close", "core.prices.comparable_close"),
    )
    return_1d: float = number(
        "Price return of the member over one session, split-adjusted, without dividends",
        unit="fraction",
        nullable=True,
        made_of=("core.prices.close", "core.prices.comparable_close"),
    )
    contribution_points: float = number(
        "Points that the member moved the index by",
        unit="points",
        nullable=True,
        made_of=(
            "ref.index_holdings.units",
            "core.prices.close",
            "core.index_levels.close",
            "ref.indices.divisor",
        ),
    )
    contribution_return: float = number(
        "Weight times return: the member's part of the index's return",
        unit="fraction",
        nullable=True,
        made_of=("ref.index_holdings.units", "core.prices.close"),
    )
    index_return_without: float = number(
        "What the index would have returned had it not held this member",
        unit="fraction",
        nullable=True,
        made_of=("ref.index_holdings.units", "core.prices.close"),
    )
    divisor: float = positive(
        "Divisor of the session: units times the price move, over this, are points",
        unit="USD per point",
        nullable=True,
    )
    flags: Annotated[pl.List, pl.String] = words(
        "Why there is no contribution: no_units, no_return (no close on this session or the one "
        "before), too_little_priced (less than nine tenths of the weight of the index has a price: "
        "no contribution under an implied divisor, and no return without the member under any); or "
        "why it is in doubt: disputed_units (the sets beside this one have other units), "
        "disputed_share_count (the units are a share count that is disputed)",
        ImpactFlag,
        made_of=(
            "ref.index_holdings.units",
            "core.prices.close",
            "core.shares_outstanding.is_disputed",
        ),
    )

    class Config(Table.Config):
        name = "mart.index_impacts"
        description = "Who moved the index, by how many points, and what it did without them."
        metadata: ClassVar = {
            "key": ("index_symbol", "session_date", "symbol"),
            "sessions_of": "mart.index_reconciliations",
            "references": {
                "mart.index_reconciliations": {n: n for n in ("index_symbol", "session_date")}
            },
        }


class IndexReconciliations(Table):
    """One line per index and session: do the contributions add up to the official move?"""

    index_symbol: str = column("Index")
    session_date: pl.Date = column("Session")
    level: float = positive(
        "Official close", unit="points", nullable=True, made_of=("core.index_levels.close",)
    )
    previous_level: float = positive(
        "Official close on the previous session",
        unit="points",
        nullable=True,
        made_of=("core.index_levels.close",),
    )
    actual_points: float = number(
        "Official move", unit="points", nullable=True, made_of=("core.index_levels.close",)
    )
    actual_return: float = number(
        "Official move", unit="fraction", nullable=True, made_of=("core.index_levels.close",)
    )
    replicated_points: float = number(
        "Sum of all contributions; null where there are none",
        unit="points",
        nullable=True,
        made_of=("mart.index_impacts.contribution_points",),
    )
    replicated_return: float = number(
        "Sum of all contributions; null where there are none",
        unit="fraction",
        nullable=True,
        made_of=("mart.index_impacts.contribution_return",),
    )
    residual_bps: float = number(
        "Official return minus replicated return: what the contributions leave unexplained",
        unit="bps",
        nullable=True,
        made_of=("core.index_levels.close", "mart.index_impacts.contribution_return"),
    )
    divisor: float = positive(
        "Divisor used: the published one while it holds, else implied by level and units",
        unit="USD per point",
        nullable=True,
    )
    is_divisor_published: bool = column(
        "True where the divisor is the published one",
        nullable=True,
        made_of=("ref.indices.divisor",),
    )
    members: int = column(
        "Members of the set in force", unit="members", ge=0, made_of=("ref.index_holdings.symbol",)
    )
    members_priced: int = column(
        "Members with units and a close on both sessions",
        unit="members",
        ge=0,
        made_of=("mart.index_impacts.return_1d",),
    )
    weight_priced: float = size(
        "Share of the index's value that these hold, all taken at their last known close; null "
        "where a member has none",
        unit="fraction",
        nullable=True,
        made_of=("mart.index_impacts.weight_previous_close",),
    )
    herfindahl: float = positive(
        "Sum of squared weights: 1 / members where all weigh alike, 1 where one is everything",
        nullable=True,
        made_of=("mart.index_impacts.weight_previous_close",),
    )
    top_10_weight: float = positive(
        "Weight of the ten heaviest members",
        unit="fraction",
        nullable=True,
        made_of=("mart.index_impacts.weight_previous_close",),
    )
    members_for_half_of_move: int = column(
        "How few members make half of the replicated move, the largest contributors first",
        unit="members",
        nullable=True,
        ge=1,
        made_of=("mart.index_impacts.contribution_points",),
    )
    holdings_effective_from: pl.Date = column(
        "First session of the set in force; null: there is none",
        nullable=True,
        made_of=("ref.index_holdings.effective_from",),
    )
    holdings_source: str = column(
        "Where its units come from", nullable=True, made_of=("ref.index_holdings.source",)
    )
    holdings_age_days: int = column(
        "Session minus the date of the units; negative: they are known from later",
        unit="days",
        nullable=True,
        made_of=("ref.index_holdings.as_of_date",),
    )
    is_estimate: bool = column(
        "True where the units are derived, or dated after the session", nullable=True
    )
    flags: Annotated[pl.List, pl.String] = words(
        "What to know before quoting the row: no_members, no_level (no official close), gap (none "
        "on the previous session), members_without_price, too_little_priced (less than nine tenths "
        "of the weight have a price, a member of unknown weight taken for an average one: no "
        "contributions unless the divisor is published), dated_later (units from after the "
        "session, or, of a set that replaces another, of its evening), unusual_residual (see "
        "mart.index_residual_suspects), disputed_divisor (with all members priced, the published "
        "one does not give the level before), disputed_price (a member's close is in doubt: see "
        "mart.market_caps), disputed_level (the level jumped there and back, and no members "
        "confirm it)",
        ReconciliationFlag,
        made_of=(
            "core.index_levels.close",
            "mart.index_impacts.contribution_return",
            "ref.index_holdings.is_estimate",
        ),
    )

    class Config(Table.Config):
        name = "mart.index_reconciliations"
        description = (
            "Whether the contributions of its members add up to what an index did, and how "
            "concentrated it was."
        )
        metadata: ClassVar = {
            "key": ("index_symbol", "session_date"),
            # Not core.index_levels: a session may lack its level, and is flagged no_level.
            "references": {"ref.indices": {"index_symbol": "index_symbol"}},
        }


class IndexResidualSuspects(Table):
    """Where to look when the contributions do not add up as they usually do."""

    index_symbol: str = column("Index")
    session_date: pl.Date = column("Session with an unusual residual")
    symbol: str = column("Member with something odd near that session")
    reasons: Annotated[pl.List, pl.String] = column(
        "What is odd: a corporate action within 30 days, a flag of the session, a held or rejected "
        "row within 30 days, no price",
        made_of=(
            "core.prices.adjustment_kind",
            "core.shares_outstanding.has_warning",
            "ops.quarantine.reason",
        ),
    )
    residual_bps: float = number("The residual to explain", unit="bps")
    weight_previous_close: float = positive("Weight of the member", unit="fraction", nullable=True)
    return_1d: float = number("Return in the member's record", unit="fraction", nullable=True)
    implied_return: float = number(
        "What it would have had to return for the residual to vanish: the likelier explanation the "
        "more ordinary it is",
        unit="fraction",
        nullable=True,
        made_of=(
            "mart.index_impacts.return_1d",
            "mart.index_impacts.weight_previous_close",
            "mart.index_reconciliations.residual_bps",
        ),
    )

    class Config(Table.Config):
        name = "mart.index_residual_suspects"
        description = "Which member's record may explain an unusual residual of an index."
        metadata: ClassVar = {
            "key": ("index_symbol", "session_date", "symbol"),
            "sessions_of": "mart.index_reconciliations",
            "references": {
                "mart.index_impacts": {n: n for n in ("index_symbol", "session_date", "symbol")}
            },
        }


class IndexChanges(Table):
    """Differences of the dated sets of an index, and what the reference data know of each."""

    index_symbol: str = column("Index")
    effective_from: pl.Date = column(
        "First session on which it holds: that of the later set, or of the new name",
        made_of=("ref.index_holdings.effective_from", "ref.symbol_changes.first_session"),
    )
    symbol: str = column("Member, by its present name", made_of=("ref.index_holdings.symbol",))
    change: str = word(
        "joined: in this set, and not in the one before; left: the other way round; renamed: a "
        "member that has another name from this session on",
        MembershipChange,
        made_of=("ref.index_holdings.symbol", "ref.symbol_changes.new_symbol"),
    )
    reason: str = word(
        "delisted: its listing ends with it; newly_listed, spun_off: its listing begins with it; "
        "symbol_change. Null: the index's own choice, or not known here",
        MembershipReason,
        nullable=True,
        made_of=(
            "ref.securities.listed_from",
            "ref.securities.listed_to",
            "core.corporate_actions.ex_date",
            "ref.symbol_changes.first_session",
        ),
    )
    explanation: str = column(
        "The same in words: why it was delisted, what it was spun off from, its names",
        nullable=True,
        made_of=(
            "ref.securities.delisting_reason",
            "core.corporate_actions.symbol",
            "ref.symbol_changes.old_symbol",
        ),
    )
    previous_effective_from: pl.Date = column(
        "First session of the set before; of a new name: of the set that is in force",
        made_of=("ref.index_holdings.effective_from",),
    )
    units_before: float = positive(
        "Units in the set before; null where it was not in it, or the set has none",
        unit="shares",
        nullable=True,
        made_of=("ref.index_holdings.units",),
    )
    units_after: float = positive(
        "Units in this set; null where it is not in it, or the set has none",
        unit="shares",
        nullable=True,
        made_of=("ref.index_holdings.units",),
    )
    is_estimate: bool = column(
        "True where either set is derived, or dated after its effective_from: the session may be "
        "another",
    )

    class Config(Table.Config):
        name = "mart.index_changes"
        description = "Who joined and left each index from which session on, and why."
        metadata: ClassVar = {
            "key": ("index_symbol", "effective_from", "symbol", "change"),
            "sessions_of": "core.index_levels",
            "references": {"ref.indices": {"index_symbol": "index_symbol"}},
        }


class Drawdowns(Table):
    """Falls from a high close to the lowest one before the high is reached again."""

    symbol: str = column("Company (its company_symbol) or index")
    peak_date: pl.Date = column(
        "Last session at the high",
        made_of=("core.prices.close", "core.prices.adjustment_ratio", "core.index_levels.close"),
    )
    is_index: bool = column("True for an index", made_of=("core.index_levels.index_symbol",))
    trough_date: pl.Date = column(
        "Session of the lowest close since",
        made_of=("core.prices.close", "core.prices.adjustment_ratio", "core.index_levels.close"),
    )
    recovery_date: pl.Date = column(
        "First session at or above the high again; null: not yet",
        nullable=True,
        made_of=("core.prices.close", "core.prices.adjustment_ratio", "core.index_levels.close"),
    )
    drawdown_return: float = number(
        "Price return from peak to trough, split-adjusted, negative",
        unit="fraction",
        made_of=("core.prices.close", "core.prices.adjustment_ratio", "core.index_levels.close"),
    )
    loss_usd: float = size(
        "Market value lost by price from peak to trough, a positive size: what is known of it, "
        "where sessions are left out (see flags). Null for an index, without share counts, and "
        "where what is known adds up to no loss",
        unit="USD",
        nullable=True,
        made_of=("mart.market_caps.price_effect_usd",),
    )
    loss_points: float = positive(
        "Points lost from peak to trough, a positive size; null for a company",
        unit="points",
        nullable=True,
        made_of=("core.index_levels.close",),
    )
    sessions_to_trough: int = column(
        "Sessions from peak to trough",
        unit="sessions",
        ge=1,
        made_of=("core.prices.close", "core.prices.adjustment_ratio", "core.index_levels.close"),
    )
    sessions_below: int = column(
        "Sessions below the high, up to the recovery or the last one known",
        unit="sessions",
        ge=1,
        made_of=("core.prices.close", "core.prices.adjustment_ratio", "core.index_levels.close"),
    )
    flags: Annotated[pl.List, pl.String] = words(
        "What to know before quoting the row: history_starts (the high is the first close known), "
        "gap (a session without a bar), no_share_count, no_previous_share_count (the dollars of a "
        "session with one of these three are left out), stale_share_count, share_count_warning, "
        "disputed_share_count, corporate_action",
        DrawdownFlag,
        made_of=("mart.market_caps.flags",),
    )

    class Config(Table.Config):
        name = "mart.drawdowns"
        description = (
            "How far a company or an index fell from a high over many sessions, in dollars or "
            "points, and how long it took."
        )
        metadata: ClassVar = {
            "key": ("symbol", "peak_date"),
            "sessions_of": "core.prices",
            "begins": "peak_date + 1",
            "open": "recovery_date",
            "grows": {
                "trough_date": (
                    "trough_date",
                    "drawdown_return",
                    "loss_usd",
                    "loss_points",
                    "sessions_to_trough",
                    "flags",
                ),
                "recovery_date": ("recovery_date", "sessions_below"),
            },
        }


class ClaimChecks(Table):
    """Each claim of an article, measured under every convention that applies."""

    claim_id: str = column("File and id of the claim: file/id")
    convention: str = column("How it was measured here", made_of=("ref.claims.metric",))
    position: int = column("Place of the claim in its file, from 1 on", ge=1)
    title: str = column("Title of the article")
    outlet: str = column("Who published it")
    statement: str = column("What was said, in a few words")
    session_date: pl.Date = column("Session that it was said of", nullable=True)
    claimed: str = column("The number as printed, with the word before it", nullable=True)
    claimed_value: float = number(
        "That number, in unit", nullable=True, made_of=("ref.claims.claimed",)
    )
    unit: str = word(
        "Unit of both values: fraction, USD, rank or shares",
        Unit,
        nullable=True,
        made_of=("ref.claims.metric",),
    )
    measured_value: float = number(
        "What the tables give under the convention",
        nullable=True,
        made_of=(
            "mart.market_caps.return_1d",
            "mart.market_caps.price_effect_usd",
            "mart.market_cap_losses.rank_to_date",
            "mart.index_reconciliations.actual_return",
            "mart.sector_moves.net_change_usd",
        ),
    )
    difference: float = number(
        "Measured minus claimed",
        nullable=True,
        made_of=(
            "mart.market_caps.return_1d",
            "mart.market_caps.price_effect_usd",
            "mart.market_cap_losses.rank_to_date",
            "mart.index_reconciliations.actual_return",
            "mart.sector_moves.net_change_usd",
        ),
    )
    holds: bool = column(
        "Whether the claim is true under the convention, as exactly as it was printed",
        nullable=True,
        made_of=(
            "mart.market_caps.return_1d",
            "mart.market_caps.price_effect_usd",
            "mart.market_cap_losses.rank_to_date",
            "mart.index_reconciliations.actual_return",
            "mart.sector_moves.net_change_usd",
        ),
    )
    is_standard: bool = column(
        "True for the convention that is meant where nothing is said: close to close, the share "
        "count in force, net",
        made_of=(
            "mart.market_caps.return_1d",
            "mart.market_caps.price_effect_usd",
            "mart.market_cap_losses.rank_to_date",
            "mart.index_reconciliations.actual_return",
            "mart.sector_moves.net_change_usd",
        ),
    )
    verdict: str = column(
        "On the claim as a whole: holds; holds only under ...; overstated or understated under the "
        "standard convention; not checkable here",
        str_matches=f"^({'|'.join(Verdict)})",
        made_of=(
            "mart.market_caps.return_1d",
            "mart.market_caps.price_effect_usd",
            "mart.market_cap_losses.rank_to_date",
            "mart.index_reconciliations.actual_return",
            "mart.sector_moves.net_change_usd",
        ),
    )
    explanation: str = column(
        "The numbers in a sentence",
        made_of=(
            "mart.market_caps.return_1d",
            "mart.market_caps.price_effect_usd",
            "mart.market_cap_losses.rank_to_date",
            "mart.index_reconciliations.actual_return",
            "mart.sector_moves.net_change_usd",
        ),
    )
    sql: str = column(
        "The query that gives measured_value",
        nullable=True,
        made_of=(
            "mart.market_caps.return_1d",
            "mart.market_caps.price_effect_usd",
            "mart.market_cap_losses.rank_to_date",
            "mart.index_reconciliations.actual_return",
            "mart.sector_moves.net_change_usd",
        ),
    )

    class Config(Table.Config):
        name = "mart.claim_checks"
        description = "Whether what an article said holds, and under which convention."
        metadata: ClassVar = {"key": ("claim_id", "convention")}
