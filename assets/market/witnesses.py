"""Whether anything beside the price itself speaks for a large move: the witness."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.market.bars import MAX_MOVE
from assets.market.corporate_actions import with_adjustments
from assets.market.index_divisors import divisors, level_moves, with_published
from assets.market.index_units import members_in_force, with_units
from assets.market.moves import with_comparable_close
from warehouse.schemas import core
from warehouse.schemas.vocabulary import Witness

RESIDUAL_PART = 0.05
"""An index confirms a member's move if its residual leaves at most this part of it in doubt."""

CONTRADICTING_PART = 0.5
"""An index contradicts a move whose absence, to this part of it, would make the residual vanish."""

JUMP_BACK = 0.5
"""A move of which the next session takes back more than this part, in logarithms, is no witness."""

NEAR_SPLIT = 0.1
"""A move this near to a split's ratio may be one that nobody recorded."""

COUNT_STAYS = 1.15
"""A share count within this factor did not follow a move."""

COUNT_DAYS = (21, 90)
"""A count reported so many days after a move says whether it was a split; sooner, it may lag."""

SPLIT_RATIOS = (5 / 4, 4 / 3, 3 / 2, 5 / 3, 2, 5 / 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 50)
"""Ratios of splits, and their inverses."""

ALMOST_ALL = 0.9
"""Part of an index's members that must have a price for it to confirm anything."""

LARGE_USD = 100e9
"""A change above this makes headlines: without a witness it is flagged."""

DEVIATIONS = 8.0
"""So is one beyond this many robust deviations of the company's own returns ..."""

USUAL_SESSIONS = 250
"""... over so many sessions before, a year ..."""

JUDGED_AFTER = 60
"""... once there are so many."""

YOUNG_MOVE = 0.2
"""Before that, one beyond this: what is usual of the company, nobody knows yet."""

_NORMAL = 1.4826
"""Standard deviations in one median absolute deviation of a normal distribution."""

_KEY = ["symbol", "session_date"]


def said_by_index(impacts: pl.DataFrame, residuals: pl.DataFrame) -> pl.DataFrame:
    """Say which moves an official index confirms, and which it contradicts.

    A wrong close of a member moves what the members add up to, and not the index: the residual of
    the session over the member's weight is what its return may be wrong by. At most a twentieth of
    the return confirms it; about the whole of it, the other way, contradicts it.

    Args:
        impacts: index_symbol, session_date, symbol, return_1d, weight_previous_close,
            contribution_return.
        residuals: index_symbol, session_date, residual_bps.

    Returns:
        symbol, session_date, witness (official_index, contradicted), unique; where two indices
        differ, the one that confirms counts.
    """
    # What the return would have to change by for the residual to vanish, as a part of it.
    wrong = pl.col("residual_bps") / 1e4 / pl.col("weight_previous_close") / pl.col("return_1d")
    return (
        impacts.lazy()
        .drop_nulls("contribution_return")
        .join(residuals.lazy().drop_nulls("residual_bps"), on=["index_symbol", "session_date"])
        .filter(pl.col("return_1d") != 0)
        .with_columns(
            confirms=wrong.abs() <= RESIDUAL_PART,
            contradicts=(wrong + 1).abs() <= CONTRADICTING_PART,
        )
        .filter(pl.col("confirms") | pl.col("contradicts"))
        .group_by(_KEY)
        .agg(pl.col("confirms").any())
        .select(
            *_KEY,
            witness=pl.when("confirms")
            .then(pl.lit(Witness.OFFICIAL_INDEX))
            .otherwise(pl.lit(Witness.CONTRADICTED)),
        )
        .collect()
    )


def is_near_split(move: pl.Expr) -> pl.Expr:
    """Tell whether a move (close over comparable close) is within 10 % of a split's ratio."""
    return pl.any_horizontal(
        *(
            (move / factor - 1).abs() <= NEAR_SPLIT
            for ratio in SPLIT_RATIOS
            for factor in (ratio, 1 / ratio)
        )
    )


def stays(move: pl.Expr, next_move: pl.Expr) -> pl.Expr:
    """Tell whether the next session took back less than half of a move, both as price relatives."""
    there, then = move.log(), next_move.log()
    return ~((there.sign() * then.sign() < 0) & (then.abs() > JUMP_BACK * there.abs()))


def counts_stay(rows: pl.DataFrame, reports: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows after which the share count is what it was before.

    As reported three weeks to three months later: sooner, a source may not have seen a split yet.

    Args:
        rows: symbol, session_date.
        reports: symbol, as_of_date, shares_outstanding, as reported.

    Returns:
        symbol, session_date.
    """
    known = reports.select("symbol", "as_of_date", n="shares_outstanding").sort("as_of_date")
    soonest, latest = (pl.duration(days=days) for days in COUNT_DAYS)
    told = (
        rows.select(
            *_KEY,
            before=pl.col("session_date") - pl.duration(days=1),
            after=pl.col("session_date") + latest,
        )
        .sort("session_date")
        .join_asof(
            known.rename({"n": "n_before"}),
            left_on="before",
            right_on="as_of_date",
            by="symbol",
            check_sortedness=False,
            coalesce=True,
        )
        .join_asof(
            known.rename({"n": "n_after"}).with_columns(reported="as_of_date"),
            left_on="after",
            right_on="as_of_date",
            by="symbol",
            check_sortedness=False,
            coalesce=True,
        )
    )
    is_after = pl.col("reported") >= pl.col("session_date") + soonest
    factor = pl.col("n_after") / pl.col("n_before")
    return told.filter(is_after & factor.is_between(1 / COUNT_STAYS, COUNT_STAYS)).select(_KEY)


def confirmed_by_next(prices: pl.DataFrame, reports: pl.DataFrame) -> pl.DataFrame:
    """Say of each move whether the next session confirms it.

    It does if it takes back less than half of it; of a move near a split's ratio only if the share
    count that is reported then did not follow the ratio.

    Args:
        prices: ``core.prices``, sorted by symbol, session_date.
        reports: symbol, as_of_date, shares_outstanding, as reported.

    Returns:
        symbol, session_date, took_back (whether the next session took back half of it, or more),
        witness (next_session, none; pending on the last session of all).
    """
    is_same = pl.col("symbol") == pl.col("symbol").shift(-1)
    moved = prices.select(
        *_KEY,
        move=pl.col("close") / pl.col("comparable_close"),
        next_move=pl.when(is_same).then(
            pl.col("close").shift(-1) / pl.col("comparable_close").shift(-1)
        ),
    ).with_columns(
        is_near=is_near_split(pl.col("move")),
        stays=stays(pl.col("move"), pl.col("next_move")).fill_null(value=False),
    )
    no_split = counts_stay(moved.filter("is_near", "stays"), reports)
    return (
        moved.join(no_split.with_columns(is_none=True), on=_KEY, how="left", maintain_order="left")
        .with_columns(
            witness=pl.when(pl.col("stays") & (~pl.col("is_near") | pl.col("is_none")))
            .then(pl.lit(Witness.NEXT_SESSION))
            .when(pl.col("session_date") == pl.col("session_date").max())
            .then(pl.lit(Witness.PENDING))
            .otherwise(pl.lit(Witness.NONE)),
            took_back=~pl.col("stays") & pl.col("next_move").is_not_null(),
        )
        .select(*_KEY, "took_back", "witness")
    )


def usual_size(returns: pl.Expr, by: str) -> pl.Expr:
    """Return the robust standard deviation of the returns of the year before.

    Null where there are too few. Reads rows sorted by ``by`` and session.
    """
    size = returns.abs().shift()
    return _NORMAL * size.rolling_median(USUAL_SESSIONS, min_samples=JUDGED_AFTER).over(by)


def largest_usual(returns: pl.Expr, by: str) -> pl.Expr:
    """Return the size beyond which a return is no usual one: eight robust deviations.

    A fifth where there are too few before it. Reads rows sorted by ``by`` and session.
    """
    return pl.coalesce(DEVIATIONS * usual_size(returns, by), pl.lit(YOUNG_MOVE))


def confirmed_moves(  # noqa: PLR0913, PLR0917 - as many records as it asks
    prices: pl.DataFrame,
    actions: pl.DataFrame,
    holdings: pl.DataFrame,
    indices: pl.DataFrame,
    levels: pl.DataFrame,
    reports: pl.DataFrame,
    sessions: Sequence[date],
) -> pl.DataFrame:
    """Return the moves beyond belief that something beside the price confirms.

    An official index does, with all such moves of the session among its members in it, or with this
    one alone. Where none contradicts it, so do the next session and the share counts reported later
    together: the price stayed where it went, and the count where it was.

    Args:
        prices: bars, sorted by symbol, session_date.
        actions: ``core.corporate_actions``.
        holdings: ``ref.index_holdings``.
        indices: ``ref.indices``.
        levels: ``core.index_levels``.
        reports: ``raw.shares_outstanding``.
        sessions: sessions of the exchange, sorted, covering the prices.

    Returns:
        symbol, session_date, unique.
    """
    bars = with_comparable_close(with_adjustments(prices, actions), sessions)
    move = pl.col("close") / pl.col("comparable_close")
    is_same = pl.col("symbol") == pl.col("symbol").shift(-1)
    next_move = pl.when(is_same).then(move.shift(-1))
    large = bars.select(
        *_KEY, is_large=~move.is_between(1 / MAX_MOVE, MAX_MOVE), stays=stays(move, next_move)
    ).filter("is_large")
    if large.is_empty():
        return large.select(_KEY)
    days = large["session_date"].unique().sort()
    members = with_units(
        members_in_force(holdings, indices, days.to_list()),
        actions,
        core.SharesOutstanding.no_rows(),
        pl.DataFrame(schema={"symbol": pl.String, "company_symbol": pl.String}),
    )
    of_days = bars.filter(pl.col("session_date").is_in(days.implode()))
    published = with_published(
        members.select("index_symbol", "session_date").unique(), holdings, actions, indices
    )
    moved_levels = level_moves(levels, sessions)
    confirmed = [_confirmed(large, members, of_days, published, moved_levels)]
    shared = large.filter(pl.len().over("session_date") > 1)
    for alone in shared.iter_slices(1):
        others = large.join(alone, on=_KEY, how="anti")
        without = of_days.join(others, on=_KEY, how="anti")
        confirmed.append(_confirmed(alone, members, without, published, moved_levels))
    said = pl.concat(confirmed)
    by_index = said.filter(pl.col("witness") == Witness.OFFICIAL_INDEX).select(_KEY)
    # Five wrong bars stay too, and their count: where an index contradicts them, that is no word.
    contradicted = said.filter(pl.col("witness") == Witness.CONTRADICTED)
    staying = large.filter("stays").join(contradicted, on=_KEY, how="anti")
    return pl.concat([by_index, counts_stay(staying, reports)]).unique().sort(_KEY)


def _confirmed(
    asked: pl.DataFrame,
    members: pl.DataFrame,
    bars: pl.DataFrame,
    published: pl.DataFrame,
    levels: pl.DataFrame,
) -> pl.DataFrame:
    """Return which of some moves an index confirms or contradicts, its members having these bars.

    Returns:
        symbol, session_date, witness (official_index, contradicted).
    """
    of_index = ["index_symbol", "session_date"]
    priced = (
        members.join(bars.select(*_KEY, "close", "comparable_close"), on=_KEY, how="left")
        .with_columns(
            base=pl.col("units") * pl.col("comparable_close"),
            change=pl.col("units") * (pl.col("close") - pl.col("comparable_close")),
            known=pl.all_horizontal(pl.col("units", "close", "comparable_close").is_not_null())
            .mean()
            .over(of_index),
        )
        .filter(pl.col("known") >= ALMOST_ALL)
        .drop_nulls(["base", "change"])
        .sort(*of_index, "symbol")
    )
    told = priced.join(divisors(priced, published, levels), on=of_index).join(levels, on=of_index)
    actual = pl.col("level") / pl.col("previous_level") - 1
    told = told.with_columns(
        contribution_return=pl.col("change") / pl.col("index_value"),
        weight_previous_close=pl.col("base") / pl.col("index_value"),
        return_1d=pl.col("close") / pl.col("comparable_close") - 1,
    ).with_columns(residual_bps=(actual - pl.col("contribution_return").sum().over(of_index)) * 1e4)
    residuals = told.select(*of_index, "residual_bps").unique()
    return said_by_index(told.drop("residual_bps").join(asked, on=_KEY, how="semi"), residuals)
