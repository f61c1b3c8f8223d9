"""Who is in an index, and with how many units, on each session."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.market.last_known import last_known

PRICE_WEIGHTED = "price"
"""The weighting of ``ref.indices`` under which units are the same for all and survive a split."""


def members_in_force(
    holdings: pl.DataFrame, indices: pl.DataFrame, session_dates: Sequence[date]
) -> pl.DataFrame:
    """Return who is in which index on each session: the whole set that took effect last.

    Args:
        holdings: ``ref.index_holdings``.
        indices: ``ref.indices``; sets of an index that is not there are left out.
        session_dates: sessions, sorted.

    Returns:
        index_symbol, session_date, weighting, and the columns of ``ref.index_holdings``, sorted by
        index_symbol, session_date, symbol.
    """
    at = pl.LazyFrame({"session_date": session_dates}, schema={"session_date": pl.Date})
    sets = holdings.lazy().select("index_symbol", "effective_from").unique()
    weightings = (
        indices.lazy()
        .sort("effective_from")
        .select("index_symbol", "weighting", described_from="effective_from")
    )
    # A set may be older than the first row about its index: that row then speaks for it too.
    first = weightings.group_by("index_symbol").agg(first_weighting=pl.col("weighting").first())
    return (
        at.join(sets.select("index_symbol").unique(), how="cross")
        .sort("session_date")
        .join_asof(
            sets.sort("effective_from"),
            left_on="session_date",
            right_on="effective_from",
            by="index_symbol",
            coalesce=False,
            check_sortedness=False,
        )
        .drop_nulls("effective_from")
        .join(first, on="index_symbol", maintain_order="left")
        .join_asof(
            weightings,
            left_on="session_date",
            right_on="described_from",
            by="index_symbol",
            check_sortedness=False,
        )
        .with_columns(pl.col("weighting").fill_null(pl.col("first_weighting")))
        .drop("described_from", "first_weighting")
        .join(holdings.lazy(), on=["index_symbol", "effective_from"])
        .sort("index_symbol", "session_date", "symbol")
        .collect()
    )


def with_units(
    members: pl.DataFrame, moves: pl.DataFrame, counts: pl.DataFrame, securities: pl.DataFrame
) -> pl.DataFrame:
    """Bring units to the basis of each session.

    Units are those of the set's as_of_date: a split since then multiplies them, one between the
    session and a later as_of_date divides them. Under price weighting units stay through a split.
    Where a whole set has no units, share counts serve (a company's count is divided among its lines
    in the set); under price weighting 1 each.

    Args:
        members: what ``members_in_force`` returns.
        moves: what ``one_day_moves`` returns.
        counts: ``core.shares_outstanding``.
        securities: ``ref.securities``.

    Returns:
        members with ``units`` of the session, sorted as before.
    """
    of_set = ["index_symbol", "session_date"]
    is_price_weighted = pl.col("weighting") == PRICE_WEIGHTED
    splits = moves.filter(pl.col("adjustment_kind") == "split").select(
        "symbol", "session_date", "split_factor"
    )
    counted = counts.select(
        "shares_outstanding", company_symbol="symbol", session_date="valid_from"
    )
    company = securities.select("symbol", "company_symbol")
    told = members.with_columns(is_list=pl.col("units").is_null().all().over(of_set))
    told = last_known(told, splits, on="session_date", by="symbol", factor_now="split_factor")
    told = last_known(told, splits, on="as_of_date", by="symbol", factor_then="split_factor")
    told = told.join(company, on="symbol", how="left")
    told = last_known(told, counted, on="session_date", by="company_symbol", n="shares_outstanding")
    lines = pl.len().over(*of_set, "company_symbol")
    return (
        told.with_columns(
            units=pl.when(is_price_weighted & pl.col("is_list"))
            .then(1.0)
            .when(is_price_weighted)
            .then("units")
            .when("is_list")
            .then(pl.col("n") / lines)
            .otherwise(
                pl.col("units")
                * pl.col("factor_now").fill_null(1.0)
                / pl.col("factor_then").fill_null(1.0)
            ),
        )
        .select(members.columns)
        .sort("index_symbol", "session_date", "symbol")
    )
