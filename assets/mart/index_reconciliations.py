"""``mart.index_reconciliations``: do contributions add up, and how concentrated is the index?"""

import numpy as np
import polars as pl

from assets.market import calendar
from assets.market.index_divisors import level_moves
from assets.market.index_units import PRICE_WEIGHTED
from assets.market.ordered_sums import Starts, starts, sums
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import core, mart, ref

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

COUNTS_AS_UNITS = "share counts as units; "
"""What the source of a set says first where only its members are known."""

_OF_INDEX = ["index_symbol", "session_date"]


def replicated(impacts: pl.DataFrame) -> pl.DataFrame:
    """Add up the members of each index and session.

    Args:
        impacts: ``mart.index_impacts``, sorted by its key.

    Returns:
        index_symbol, session_date, members, members_priced, replicated_points, replicated_return,
        divisor, herfindahl, top_10_weight, members_for_half_of_move; sorted.
    """
    priced = impacts.drop_nulls("weight_previous_close")
    groups = starts(priced.select(_OF_INDEX))
    heaviest = priced.filter(
        pl.col("weight_previous_close").rank("ordinal", descending=True).over(_OF_INDEX) <= TOP
    )
    of_all = priced.select(_OF_INDEX)[groups].with_columns(
        members_priced=pl.Series(np.diff(groups, append=priced.height), dtype=pl.Int64),
        replicated_points=_complete(priced["contribution_points"], groups),
        replicated_return=sums(priced["contribution_return"], groups),
        herfindahl=sums(priced["weight_previous_close"] ** 2, groups),
        top_10_weight=sums(
            heaviest["weight_previous_close"], starts(heaviest.select(_OF_INDEX))
        ).clip(upper_bound=1.0),
        divisor=priced["divisor"].gather(groups),
    )
    counted = impacts.group_by(_OF_INDEX).agg(members=pl.len().cast(pl.Int64))
    return (
        counted.join(of_all, on=_OF_INDEX, how="left")
        .join(_members_for_half(priced, of_all), on=_OF_INDEX, how="left")
        .with_columns(pl.col("members_priced").fill_null(0))
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


def weights_priced(impacts: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Return which share of each index's value has both closes, at last known closes.

    Args:
        impacts: ``mart.index_impacts``.
        prices: ``core.prices``.

    Returns:
        index_symbol, session_date, weight_priced (null where a member cannot be valued); only
        sessions on which a member lacks one.
    """
    lacking = impacts.filter(pl.col("weight_previous_close").is_null()).select(_OF_INDEX).unique()
    valued = (
        impacts.join(lacking, on=_OF_INDEX)
        .sort("session_date")
        .join_asof(
            prices.select("symbol", "session_date", "close").sort("session_date"),
            on="session_date",
            by="symbol",
            check_sortedness=False,
        )
        .with_columns(value=pl.col("units") * pl.col("close"))
        .sort("index_symbol", "session_date", "symbol")
    )
    groups = starts(valued.select(_OF_INDEX))
    is_priced = pl.col("weight_previous_close").is_not_null()
    of_priced = valued.select(pl.when(is_priced).then("value")).to_series()
    unknown = valued.group_by(_OF_INDEX).agg(is_unknown=pl.col("value").is_null().any())
    return (
        valued.select(_OF_INDEX)[groups]
        .with_columns(of_priced=sums(of_priced, groups), of_all=sums(valued["value"], groups))
        .join(unknown, on=_OF_INDEX)
        .select(
            *_OF_INDEX,
            weight_priced=pl.when(~pl.col("is_unknown")).then(
                pl.col("of_priced") / pl.col("of_all")
            ),
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
        youngest units), is_estimate.
    """
    by_price = indices.filter(pl.col("weighting") == PRICE_WEIGHTED)["index_symbol"]
    by_count = pl.col("is_list") & ~pl.col("index_symbol").is_in(by_price.implode())
    sets = (
        holdings.group_by("index_symbol", "effective_from")
        .agg(
            pl.col("as_of_date").max(),
            pl.col("is_estimate").any(),
            holdings_source=pl.col("source").unique().sort().str.join("; "),
            is_list=pl.col("units").is_null().all(),
        )
        .with_columns(
            is_estimate=pl.col("is_estimate") | by_count,
            holdings_source=pl.when(by_count)
            .then(COUNTS_AS_UNITS + pl.col("holdings_source"))
            .otherwise("holdings_source"),
        )
        .drop("is_list")
        .sort("effective_from")
    )
    return (
        impacts.select(_OF_INDEX)
        .unique()
        .sort("session_date")
        .join_asof(
            sets,
            left_on="session_date",
            right_on="effective_from",
            by="index_symbol",
            coalesce=False,
            check_sortedness=False,
        )
        .rename({"effective_from": "holdings_effective_from"})
    )


def index_reconciliations(
    impacts: pl.DataFrame,
    prices: pl.DataFrame,
    levels: pl.DataFrame,
    holdings: pl.DataFrame,
    indices: pl.DataFrame,
) -> pl.DataFrame:
    """Compare what the members add up to with what the index did.

    Args:
        impacts: ``mart.index_impacts``, sorted by its key.
        prices: ``core.prices``.
        levels: what ``index_impacts.level_moves`` returns.
        holdings: ``ref.index_holdings``.
        indices: ``ref.indices``.

    Returns:
        Columns of ``mart.index_reconciliations``, sorted by its key: every session of an index with
        a level or with members.
    """
    published = indices.select(
        "index_symbol", session_date="effective_from", published_divisor="divisor"
    )
    moved = pl.col("level") / pl.col("previous_level") - 1
    told = (
        levels.join(replicated(impacts), on=_OF_INDEX, how="full", coalesce=True)
        .join(sets_in_force(impacts, holdings, indices), on=_OF_INDEX, how="left")
        .join(weights_priced(impacts, prices), on=_OF_INDEX, how="left")
        .sort("session_date")
        .join_asof(
            published.sort("session_date"),
            on="session_date",
            by="index_symbol",
            check_sortedness=False,
        )
        .with_columns(
            pl.col("members", "members_priced").fill_null(0),
            actual_points=pl.col("level") - pl.col("previous_level"),
            actual_return=moved,
            residual_bps=(moved - pl.col("replicated_return")) * 1e4,
            is_divisor_published=pl.col("divisor") == pl.col("published_divisor").fill_null(0.0),
            weight_priced=pl.when(pl.col("members_priced") < pl.col("members"))
            .then("weight_priced")
            .when(pl.col("members") > 0)
            .then(1.0),
            holdings_age_days=(pl.col("session_date") - pl.col("as_of_date")).dt.total_days(),
            is_estimate=pl.col("is_estimate") | (pl.col("as_of_date") > pl.col("session_date")),
        )
        .sort(_OF_INDEX)
    )
    return told.with_columns(_flags(told)).select(mart.IndexReconciliations.names())


def _flags(told: pl.DataFrame) -> pl.Series:
    """Return the flags of each row."""
    raised = told.select(
        no_members=pl.col("members") == 0,
        no_level=pl.col("level").is_null(),
        gap=pl.col("level").is_not_null() & pl.col("previous_level").is_null(),
        members_without_price=pl.col("members_priced") < pl.col("members"),
        dated_later=(pl.col("holdings_age_days") < 0).fill_null(value=False),
        unusual_residual=_is_unusual(),
    )
    named = [
        pl.when(name).then(pl.lit([name])).otherwise(pl.lit([], dtype=pl.List(pl.String)))
        for name in raised.columns
    ]
    return raised.select(flags=pl.concat_list(named)).to_series()


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


@table_asset(
    mart.IndexReconciliations,
    {
        "impacts": mart.IndexImpacts,
        "prices": core.Prices,
        "levels": core.IndexLevels,
        "holdings": ref.IndexHoldings,
        "indices": ref.Indices,
    },
)
def mart_index_reconciliations(
    impacts: pl.DataFrame,
    prices: pl.DataFrame,
    levels: pl.DataFrame,
    holdings: pl.DataFrame,
    indices: pl.DataFrame,
) -> Landing:
    """Reconcile all indices."""
    told = index_reconciliations(
        impacts, prices, level_moves(levels, calendar.sessions()), holdings, indices
    )
    return Landing(
        told,
        metadata={
            "sessions_without_members": told.filter(pl.col("members") == 0).height,
            "sessions_with_unpriced_members": told.filter(
                pl.col("members_priced") < pl.col("members")
            ).height,
            "unusual_residuals": told.filter(
                pl.col("flags").list.contains("unusual_residual")
            ).height,
        },
    )
