"""``mart.index_reconciliations``: do contributions add up, and how concentrated is the index?"""

import polars as pl

from assets.market import calendar, flags
from assets.market.disputed_actions import closes_of_disputed_actions
from assets.market.disputed_closes import NO_CLOSES, disputed_by_index, there_and_back
from assets.market.exact_sums import Starts, starts, sums
from assets.market.index_coverage import is_priced, shares_priced
from assets.market.index_divisors import level_moves, with_published
from assets.market.index_units import with_weighting
from assets.market.last_known import last_known
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import core, mart, ops, raw, ref
from warehouse.schemas.vocabulary import ReconciliationFlag, Weighting

TOP = 10
"""Members whose weight ``top_10_weight`` adds up."""

USUAL_SESSIONS = 60
"""Sessions before, of which the median residual is the usual one."""

ALMOST_ALL = 0.99
"""A session counts among these if at least this share of the index's members has a price."""

JUDGED_AFTER = 10
"""No residual is called unusual before this many such sessions of its index."""

UNUSUAL = 5.0
"""A residual this many times the usual one is unusual ..."""

NEGLIGIBLE_BPS = 0.1
"""... unless it is smaller than this: rounding of levels and prices."""

DIVISOR_TOLERANCE = 5e-4
"""Weights under a published divisor add up to 1 within this: the Dow's do within 2e-5."""

COUNTS_AS_UNITS = "share counts as units; "
"""What the source of a set says first where only its members are known."""

_OF_INDEX = ["index_symbol", "session_date"]


def replicated(impacts: pl.DataFrame) -> pl.DataFrame:
    """Add up the members of each index and session.

    Args:
        impacts: ``mart.index_impacts``, sorted by its key.

    Returns:
        index_symbol, session_date, members, members_priced, replicated_points, replicated_return,
        divisor, herfindahl, top_10_weight, members_for_half_of_move, weight
        (of all priced, together); sorted.
    """
    # All members with a price have a contribution, or none has.
    priced = impacts.drop_nulls("weight_previous_close")
    groups = starts(priced.select(_OF_INDEX))
    heaviest = priced.filter(
        pl.col("weight_previous_close").rank("ordinal", descending=True).over(_OF_INDEX) <= TOP
    )
    of_all = priced.select(_OF_INDEX)[groups].with_columns(
        replicated_points=_complete(priced["contribution_points"], groups),
        replicated_return=sums(priced["contribution_return"], groups),
        weight=sums(priced["weight_previous_close"], groups),
        herfindahl=sums(priced["weight_previous_close"] ** 2, groups),
        top_10_weight=sums(
            heaviest["weight_previous_close"], starts(heaviest.select(_OF_INDEX))
        ).clip(upper_bound=1.0),
        divisor=priced["divisor"].gather(groups),
    )
    counted = impacts.group_by(_OF_INDEX).agg(
        members=pl.len().cast(pl.Int64), members_priced=is_priced().sum().cast(pl.Int64)
    )
    return (
        counted.join(of_all, on=_OF_INDEX, how="left")
        .join(_members_for_half(priced, of_all), on=_OF_INDEX, how="left")
        .sort(_OF_INDEX)
    )


def _complete(points: pl.Series, groups: Starts) -> pl.Series:
    """Add up points; null for a session without a divisor, where no member has any."""
    return sums(points, groups).set(points.gather(groups).is_null(), None)


def _members_for_half(priced: pl.DataFrame, of_all: pl.DataFrame) -> pl.DataFrame:
    """Count the largest contributors in the direction of the move until they make half of it."""
    move = pl.col("replicated_return")
    return (
        priced.select(*_OF_INDEX, "symbol", "contribution_return")
        .join(of_all.select(*_OF_INDEX, "replicated_return"), on=_OF_INDEX)
        .filter(move != 0)
        .with_columns(towards=pl.col("contribution_return") * move.sign())
        .sort(*_OF_INDEX, "towards", "symbol", descending=[False, False, True, False])
        .filter(pl.col("towards").cum_sum().over(_OF_INDEX) < move.abs() / 2)
        .group_by(_OF_INDEX)
        .agg(short_of_half=pl.len())
        .join(of_all.filter(move != 0).select(_OF_INDEX), on=_OF_INDEX, how="right")
        .select(
            *_OF_INDEX,
            members_for_half_of_move=pl.col("short_of_half").fill_null(0).cast(pl.Int64) + 1,
        )
    )


def sets_in_force(
    impacts: pl.DataFrame, holdings: pl.DataFrame, indices: pl.DataFrame
) -> pl.DataFrame:
    """Describe the set of holdings that each index had on each session.

    Args:
        impacts: ``mart.index_impacts``.
        holdings: ``ref.index_holdings``.
        indices: ``ref.indices``.

    Returns:
        index_symbol, session_date, holdings_effective_from, holdings_source, as_of_date (of the
        youngest units), is_estimate, evening_of (the session after whose close its units stood,
        if another set was in force before; null under price weighting).
    """
    by_count = pl.col("is_list") & (pl.col("weighting") != Weighting.PRICE)
    sets = holdings.group_by("index_symbol", "effective_from").agg(
        pl.col("as_of_date").max(),
        pl.col("is_estimate").any(),
        holdings_source=pl.col("source").unique().sort().str.join("; "),
        is_list=pl.col("units").is_null().all(),
    )
    is_replacing = pl.col("effective_from") > pl.col("effective_from").min().over("index_symbol")
    sets = sets.with_columns(evening_of=pl.when(is_replacing).then("as_of_date"))
    return (
        last_known(
            with_weighting(impacts.select(_OF_INDEX).unique(), indices),
            sets,
            on="session_date",
            since="effective_from",
            by="index_symbol",
            holdings_effective_from="effective_from",
            as_of_date="as_of_date",
            is_estimate="is_estimate",
            holdings_source="holdings_source",
            is_list="is_list",
            evening_of="evening_of",
        )
        .with_columns(
            evening_of=pl.when(pl.col("weighting") != Weighting.PRICE).then("evening_of"),
            is_estimate=pl.col("is_estimate") | by_count,
            holdings_source=pl.when(by_count)
            .then(COUNTS_AS_UNITS + pl.col("holdings_source"))
            .otherwise("holdings_source"),
        )
        .drop("is_list", "weighting")
    )


def index_reconciliations(  # noqa: PLR0913, PLR0917 - as many inputs as it compares
    impacts: pl.DataFrame,
    prices: pl.DataFrame,
    actions: pl.DataFrame,
    levels: pl.DataFrame,
    holdings: pl.DataFrame,
    indices: pl.DataFrame,
) -> pl.DataFrame:
    """Compare what the members add up to with what the index did.

    Args:
        impacts: ``mart.index_impacts``, sorted by its key.
        prices: ``core.prices``.
        actions: ``core.corporate_actions``.
        levels: what ``index_impacts.level_moves`` returns.
        holdings: ``ref.index_holdings``.
        indices: ``ref.indices``.

    Returns:
        Columns of ``mart.index_reconciliations``, sorted by its key: every session of an index with
        a level or with members.
    """
    moved = pl.col("level") / pl.col("previous_level") - 1
    joined = (
        levels.join(replicated(impacts), on=_OF_INDEX, how="full", coalesce=True)
        .join(sets_in_force(impacts, holdings, indices), on=_OF_INDEX, how="left")
        .join(shares_priced(impacts, prices, actions, indices), on=_OF_INDEX, how="left")
        .with_columns(last_level=pl.col("session_date").filter(pl.col("level").is_not_null()).max())
        # A session after all levels is there for its members alone.
        .filter((pl.col("session_date") <= pl.col("last_level")) | pl.col("members").is_not_null())
    )
    told = (
        with_published(joined, holdings, actions, indices)
        .with_columns(
            pl.col("members", "members_priced").fill_null(0),
            actual_points=pl.col("level") - pl.col("previous_level"),
            actual_return=moved,
            residual_bps=(moved - pl.col("replicated_return")) * 1e4,
            is_divisor_published=pl.when(pl.col("divisor").is_not_null()).then(
                pl.col("published_divisor").is_not_null()
            ),
            holdings_age_days=(pl.col("session_date") - pl.col("as_of_date")).dt.total_days(),
            is_estimate=pl.col("is_estimate") | (pl.col("as_of_date") > pl.col("session_date")),
        )
        .sort(_OF_INDEX)
    )
    raised = _raised()
    masks = told.select(flags.mask(raised)).to_series()
    return told.with_columns(flags.named(masks, raised)).select(mart.IndexReconciliations.names())


def _raised() -> dict[ReconciliationFlag, pl.Expr]:
    return {
        ReconciliationFlag.NO_MEMBERS: pl.col("members") == 0,
        ReconciliationFlag.NO_LEVEL: pl.col("level").is_null(),
        ReconciliationFlag.GAP: pl.col("level").is_not_null() & pl.col("previous_level").is_null(),
        ReconciliationFlag.MEMBERS_WITHOUT_PRICE: pl.col("members_priced") < pl.col("members"),
        ReconciliationFlag.TOO_LITTLE_PRICED: pl.col("is_too_little"),
        # What a fund holds in the evening has the members of the next morning.
        ReconciliationFlag.DATED_LATER: (pl.col("holdings_age_days") < 0)
        | (pl.col("session_date") == pl.col("evening_of")),
        ReconciliationFlag.UNUSUAL_RESIDUAL: _is_unusual(),
        ReconciliationFlag.DISPUTED_DIVISOR: _is_divisor_off(),
    }


def _is_unusual() -> pl.Expr:
    """Tell whether a residual is far from those of the sessions before.

    Measured against the median size over sessions on which almost all members were priced, so that
    neither gaps nor an earlier unusual session make this one look usual.
    """
    size = pl.col("residual_bps").abs()
    is_complete = pl.col("members_priced") >= ALMOST_ALL * pl.col("members")
    complete = pl.when(is_complete).then(size)
    usual = (
        complete.shift()
        .rolling_median(USUAL_SESSIONS, min_samples=JUDGED_AFTER)
        .over("index_symbol")
    )
    return ((size > UNUSUAL * usual) & (size > NEGLIGIBLE_BPS)).fill_null(value=False)


def _is_divisor_off() -> pl.Expr:
    """Tell whether a published divisor does not turn the members' value into the level before.

    All of them priced, their weights then add up to another number than one: the divisor, a price
    or a member is wrong, on every session alike, so that no residual stands out.
    """
    is_whole = pl.col("is_divisor_published") & (pl.col("members_priced") == pl.col("members"))
    off = (pl.col("weight") - 1).abs() > DIVISOR_TOLERANCE
    return (is_whole & off).fill_null(value=False)


def with_disputed_prices(
    reconciliations: pl.DataFrame, impacts: pl.DataFrame, by_action: pl.DataFrame = NO_CLOSES
) -> pl.DataFrame:
    """Flag the sessions on which a member has a close that an index or its own split contradicts.

    Args:
        reconciliations: what ``index_reconciliations`` returns.
        impacts: ``mart.index_impacts``.
        by_action: what ``closes_of_disputed_actions`` returns.
    """
    disputed = pl.concat([by_action, disputed_by_index(impacts, reconciliations)]).unique()
    in_index = impacts.filter(is_priced()).join(disputed, on=["symbol", "session_date"], how="semi")
    is_in = pl.struct(_OF_INDEX).is_in(in_index.select(pl.struct(_OF_INDEX)).to_series().implode())
    if in_index.is_empty():
        return reconciliations
    flag = [pl.lit(ReconciliationFlag.DISPUTED_PRICE.value)]
    return reconciliations.with_columns(
        flags=pl.when(is_in).then(pl.col("flags").list.concat(flag)).otherwise("flags")
    )


def with_disputed_levels(reconciliations: pl.DataFrame, indices: pl.DataFrame) -> pl.DataFrame:
    """Flag both sessions of a level that jumps there and back, where no members confirm it.

    Of most indices no members are known here, so that there is no residual. A volatility index,
    which is weighted by nothing, does jump.

    Args:
        reconciliations: what ``index_reconciliations`` returns.
        indices: ``ref.indices``.
    """
    is_unusual = pl.col("flags").list.contains(ReconciliationFlag.UNUSUAL_RESIDUAL)
    weighted = indices.filter(pl.col("weighting") != Weighting.NONE)
    moved = (
        reconciliations.join(weighted, on="index_symbol", how="semi", maintain_order="left")
        .drop_nulls("actual_return")
        .select(
            *_OF_INDEX,
            "residual_bps",
            is_unusual=is_unusual,
            symbol="index_symbol",
            close="level",
            comparable_close="previous_level",
        )
    )
    confirmed = moved.filter(pl.col("residual_bps").is_not_null() & ~pl.col("is_unusual"))
    disputed = there_and_back(moved, confirmed.select("symbol", "session_date"))
    if disputed.is_empty():
        return reconciliations
    is_it = pl.struct(_OF_INDEX).is_in(
        disputed.select(pl.struct(index_symbol="symbol", session_date="session_date"))
        .to_series()
        .implode()
    )
    flag = [pl.lit(ReconciliationFlag.DISPUTED_LEVEL.value)]
    return reconciliations.with_columns(
        flags=pl.when(is_it).then(pl.col("flags").list.concat(flag)).otherwise("flags")
    )


@table_asset(
    mart.IndexReconciliations,
    {"impacts": mart.IndexImpacts},
    behind={
        "prices": core.Prices,
        "actions": core.CorporateActions,
        "levels": core.IndexLevels,
        "holdings": ref.IndexHoldings,
        "indices": ref.Indices,
        "bars": raw.Prices,
        "decisions": ref.SplitDecisions,
        "quarantine": ops.Quarantine,
    },
)
def mart_index_reconciliations(  # noqa: PLR0913, PLR0917 - as many inputs as it compares
    impacts: pl.DataFrame,
    prices: pl.DataFrame,
    actions: pl.DataFrame,
    levels: pl.DataFrame,
    holdings: pl.DataFrame,
    indices: pl.DataFrame,
    bars: pl.DataFrame,
    decisions: pl.DataFrame,
    quarantine: pl.DataFrame,
) -> Landing:
    """Reconcile all indices."""
    told = index_reconciliations(
        impacts, prices, actions, level_moves(levels, calendar.sessions()), holdings, indices
    )
    told = with_disputed_prices(
        told, impacts, closes_of_disputed_actions(bars, prices, actions, decisions, quarantine)
    )
    told = with_disputed_levels(told, indices)
    return Landing(
        told,
        metadata={
            "sessions_without_members": told.filter(pl.col("members") == 0).height,
            "sessions_with_unpriced_members": told.filter(
                pl.col("members_priced") < pl.col("members")
            ).height,
            "unusual_residuals": told.filter(
                pl.col("flags").list.contains(ReconciliationFlag.UNUSUAL_RESIDUAL)
            ).height,
        },
    )
