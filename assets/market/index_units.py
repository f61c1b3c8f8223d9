"""Who is in an index, and with how many units, on each session."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.market.corporate_actions import split_factors
from assets.market.last_known import last_known
from warehouse.schemas.vocabulary import Weighting


def with_weighting(rows: pl.DataFrame, indices: pl.DataFrame) -> pl.DataFrame:
    """Add how an index is weighted on a session.

    Args:
        rows: index_symbol, session_date, ...
        indices: ``ref.indices``. Its first row about an index speaks for earlier sessions too.

    Returns:
        rows with ``weighting``, sorted by session_date; null for an index that is not there.
    """
    first = (
        indices.sort("effective_from")
        .group_by("index_symbol")
        .agg(first_weighting=pl.col("weighting").first())
    )
    return (
        last_known(
            rows,
            indices,
            on="session_date",
            since="effective_from",
            by="index_symbol",
            weighting="weighting",
        )
        .join(first, on="index_symbol", how="left", maintain_order="left")
        .with_columns(pl.col("weighting").fill_null(pl.col("first_weighting")))
        .drop("first_weighting")
    )


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
    at = pl.DataFrame({"session_date": session_dates}, schema={"session_date": pl.Date})
    sets = holdings.select("index_symbol", "effective_from").unique()
    described = sets.join(indices, on="index_symbol", how="semi")
    in_force = last_known(
        at.join(described.select("index_symbol").unique(), how="cross"),
        described,
        on="session_date",
        since="effective_from",
        by="index_symbol",
        effective_from="effective_from",
    ).drop_nulls("effective_from")
    return (
        with_weighting(in_force, indices)
        .lazy()
        .join(holdings.lazy(), on=["index_symbol", "effective_from"])
        .sort("index_symbol", "session_date", "symbol")
        .collect()
    )


def with_units(
    members: pl.DataFrame, actions: pl.DataFrame, counts: pl.DataFrame, securities: pl.DataFrame
) -> pl.DataFrame:
    """Bring units to the basis of each session.

    Units are those of the set's as_of_date: a split since then multiplies them, one between the
    session and a later as_of_date divides them, on its own date, with or without a bar. Under price
    weighting units stay through a split. Where a whole set has no units, share counts serve (a
    company's count is divided among its lines in the set); under price weighting 1 each.

    Args:
        members: what ``members_in_force`` returns.
        actions: ``core.corporate_actions``.
        counts: ``core.shares_outstanding``.
        securities: ``ref.securities``.

    Returns:
        members with ``units`` of the session, and ``is_count_disputed``: whether they are a share
        count that is; sorted as before.
    """
    of_set = ["index_symbol", "session_date"]
    is_price_weighted = pl.col("weighting") == Weighting.PRICE
    company = securities.select("symbol", "company_symbol")
    told = members.with_columns(is_list=pl.col("units").is_null().all().over(of_set))
    told = with_split_factor(told, actions, on="session_date", name="factor_now")
    told = with_split_factor(told, actions, on="as_of_date", name="factor_then")
    told = last_known(
        told.join(company, on="symbol", how="left"),
        counts.rename({"symbol": "company_symbol"}),
        on="session_date",
        since="valid_from",
        by="company_symbol",
        n="shares_outstanding",
        is_count_disputed="is_disputed",
    )
    is_counted = pl.col("is_list") & ~is_price_weighted
    lines = pl.len().over(*of_set, "company_symbol")
    return (
        told.with_columns(
            units=pl.when(is_price_weighted & pl.col("is_list"))
            .then(1.0)
            .when(is_price_weighted)
            .then("units")
            .when("is_list")
            .then(pl.col("n") / lines)
            .otherwise(pl.col("units") * pl.col("factor_now") / pl.col("factor_then")),
            is_count_disputed=is_counted & pl.col("is_count_disputed").fill_null(value=False),
        )
        .select(*members.columns, "is_count_disputed")
        .sort("index_symbol", "session_date", "symbol")
    )


def with_split_factor(
    rows: pl.DataFrame, actions: pl.DataFrame, *, on: str, name: str
) -> pl.DataFrame:
    """Add how many shares one share of a symbol had become on a date; sorts rows by that date."""
    return last_known(
        rows, split_factors(actions), on=on, since="ex_date", by="symbol", **{name: "split_factor"}
    ).with_columns(pl.col(name).fill_null(1.0))
