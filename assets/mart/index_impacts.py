"""``mart.index_impacts``: who moved the index, by how many points, and what it did without them.

One formula for price, cap and modified-cap weighting: only the units differ.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from assets.market import calendar
from assets.market.ordered_sums import starts, sums
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import core, mart, ref

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


def one_day_moves(prices: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Return closes beside the comparable ones of the session before, on the exchange's calendar.

    Args:
        prices: ``core.prices``.
        sessions: sessions of the exchange, sorted, covering the prices.

    Returns:
        symbol, session_date, close, comparable_close (the previous close divided by the ratio of
        what went ex; null without a bar on the previous session), adjustment_kind, split_factor
        (product of the symbol's split ratios so far), sorted by symbol, session_date.
    """
    is_next = (pl.col("session_number").diff() == 1).over("symbol")
    is_split = pl.col("adjustment_kind") == "split"
    return (
        prices.lazy()
        .select("symbol", "session_date", "close", "adjustment_ratio", "adjustment_kind")
        .join(calendar.numbered(sessions).lazy(), on="session_date")
        .sort("symbol", "session_date")
        .with_columns(
            comparable_close=pl.when(is_next).then(
                pl.col("close").shift().over("symbol") / pl.col("adjustment_ratio")
            ),
            split_factor=pl.when(is_split)
            .then("adjustment_ratio")
            .otherwise(1.0)
            .cum_prod()
            .over("symbol"),
        )
        .drop("adjustment_ratio", "session_number")
        .collect()
    )


def level_moves(levels: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Return index levels beside those of the session before.

    Args:
        levels: ``core.index_levels``.
        sessions: sessions of the exchange, sorted, covering the levels.

    Returns:
        index_symbol, session_date, level, previous_level; for each index every session from its
        first level to the last of any, with nulls where there is no level.
    """
    days = pl.LazyFrame({"session_date": sessions}, schema={"session_date": pl.Date})
    spans = levels.lazy().group_by("index_symbol").agg(first=pl.col("session_date").min())
    last = pl.lit(levels["session_date"].max())
    return (
        spans.join(days, how="cross")
        .filter(pl.col("session_date").is_between("first", last))
        .join(
            levels.lazy().select("index_symbol", "session_date", level="close"),
            on=["index_symbol", "session_date"],
            how="left",
        )
        .sort("index_symbol", "session_date")
        .select(
            "index_symbol",
            "session_date",
            "level",
            previous_level=pl.col("level").shift().over("index_symbol"),
        )
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
    told = _latest(told, splits, on="session_date", by="symbol", factor_now="split_factor")
    told = _latest(told, splits, on="as_of_date", by="symbol", factor_then="split_factor")
    told = told.join(company, on="symbol", how="left")
    told = _latest(told, counted, on="session_date", by="company_symbol", n="shares_outstanding")
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


def _latest(
    rows: pl.DataFrame, known: pl.DataFrame, *, on: str, by: str, **columns: str
) -> pl.DataFrame:
    """Add what was last known on a date: new name = column of ``known``, dated session_date."""
    right = known.select(by, pl.col("session_date").alias("__since"), **columns)
    return (
        rows.sort(on)
        .join_asof(
            right.sort("__since"),
            left_on=on,
            right_on="__since",
            by=by,
            check_sortedness=False,
        )
        .drop("__since")
    )


def divisors(priced: pl.DataFrame, indices: pl.DataFrame, levels: pl.DataFrame) -> pl.DataFrame:
    """Return the divisor of each session: the published one while it holds, else the implied one.

    A published divisor holds from its effective_from until an action that changes the value of the
    units goes ex among the members: a spin-off, and under price weighting a split too. The implied
    divisor is the value of the units at the comparable closes over the index's previous level: the
    very one that an index provider sets so that the action leaves the level unchanged (S&P DJI,
    Index Mathematics Methodology, "Divisor adjustments").

    Args:
        priced: index_symbol, session_date, weighting, adjustment_kind, base (units times comparable
            close), sorted by index_symbol, session_date; members with both closes.
        indices: ``ref.indices``.
        levels: what ``level_moves`` returns.

    Returns:
        index_symbol, session_date, total_base (USD, of the members priced), divisor (null without
        a previous level), index_value (USD, divisor times previous level: the whole index, priced
        or not, where the divisor is the published one); sorted.
    """
    of_index = ["index_symbol", "session_date"]
    kind = pl.col("adjustment_kind")
    rebased = (kind == "spin_off") | ((kind == "split") & (pl.col("weighting") == PRICE_WEIGHTED))
    groups = starts(priced.select(of_index))
    bases = priced.select(of_index)[groups].with_columns(total_base=sums(priced["base"], groups))
    actions = priced.filter(rebased).select(
        "index_symbol", "session_date", last_action="session_date"
    )
    published = indices.select(
        "index_symbol",
        "divisor",
        session_date="effective_from",
        published_from="effective_from",
    )
    holds = pl.col("divisor").is_not_null() & (
        pl.col("last_action").is_null() | (pl.col("last_action") <= pl.col("published_from"))
    )
    told = bases.join(levels, on=of_index, how="left")
    told = _latest(told, actions, on="session_date", by="index_symbol", last_action="last_action")
    told = _latest(
        told,
        published,
        on="session_date",
        by="index_symbol",
        divisor="divisor",
        published_from="published_from",
    )
    is_published = holds & pl.col("previous_level").is_not_null()
    return told.select(
        *of_index,
        "total_base",
        divisor=pl.when(holds)
        .then("divisor")
        .otherwise(pl.col("total_base") / pl.col("previous_level")),
        index_value=pl.when(is_published)
        .then(pl.col("divisor") * pl.col("previous_level"))
        .otherwise("total_base"),
    ).sort(of_index)


def index_impacts(
    members: pl.DataFrame, moves: pl.DataFrame, levels: pl.DataFrame, indices: pl.DataFrame
) -> pl.DataFrame:
    """Compute what each member did to each index on each session.

    With q the units on the session, p the close, p' the comparable previous close, and sums over
    the members that have both: B = sum q p'; D the divisor; V the value of the index, which is B
    under an implied divisor and D times the previous level under a published one (the same where
    all members are priced); weight = q p' / V; ``contribution_points`` = q (p - p') / D;
    ``contribution_return`` = weight * (p / p' - 1); ``index_return_without`` member j = (sum over
    the others of q (p - p')) / (B - q_j p'_j).
    Formulas: S&P DJI, *Index Mathematics Methodology*.

    Args:
        members: what ``with_units`` returns.
        moves: what ``one_day_moves`` returns.
        levels: what ``level_moves`` returns.
        indices: ``ref.indices``.

    Returns:
        Columns of ``mart.index_impacts``, sorted by its key. A member without units or without one
        of the closes has a row of nulls.
    """
    of_index = ["index_symbol", "session_date"]
    has_both = pl.all_horizontal(pl.col("units", "close", "comparable_close").is_not_null())
    rows = (
        members.lazy()
        .join(moves.lazy(), on=["symbol", "session_date"], how="left", maintain_order="left")
        .with_columns(
            base=pl.when(has_both).then(pl.col("units") * pl.col("comparable_close")),
            change=pl.when(has_both).then(
                pl.col("units") * (pl.col("close") - pl.col("comparable_close"))
            ),
            return_1d=pl.col("close") / pl.col("comparable_close") - 1,
        )
        .collect()
    )
    priced = rows.drop_nulls("base")
    groups = starts(priced.select(of_index))
    changes = priced.select(of_index)[groups].with_columns(
        total_change=sums(priced["change"], groups),
        priced=pl.Series(np.diff(groups, append=priced.height)),
    )
    of_all = divisors(priced, indices, levels).join(changes, on=of_index)
    others = pl.col("total_base") - pl.col("base")
    return (
        rows.lazy()
        .join(
            of_all.lazy(),
            on=of_index,
            how="left",
            maintain_order="left",
        )
        .with_columns(
            weight_previous_close=pl.col("base") / pl.col("index_value"),
            contribution_points=pl.col("change") / pl.col("divisor"),
            contribution_return=pl.col("change") / pl.col("index_value"),
            index_return_without=pl.when(pl.col("priced") > 1).then(
                (pl.col("total_change") - pl.col("change")) / others
            ),
        )
        .select(mart.IndexImpacts.names())
        .collect()
    )


def unused_holdings(
    holdings: pl.DataFrame, indices: pl.DataFrame, securities: pl.DataFrame, traded: Sequence[date]
) -> tuple[str, ...]:
    """Say which holdings have no effect, in sentences.

    Args:
        holdings: ``ref.index_holdings``.
        indices: ``ref.indices``.
        securities: ``ref.securities``.
        traded: sessions with prices, sorted.
    """
    last = traded[-1] if traded else None
    unknown = holdings.join(indices, on="index_symbol", how="anti")["index_symbol"].unique().sort()
    later = holdings.filter(~(pl.col("effective_from") <= pl.lit(last, dtype=pl.Date)))
    sets = later.select("index_symbol", "effective_from").unique().sort(pl.all()).rows()
    strangers = (
        holdings.filter(pl.col("effective_from") <= pl.lit(last, dtype=pl.Date))
        .join(securities, on="symbol", how="anti")
        .group_by("index_symbol")
        .agg(pl.col("symbol").unique().sort())
        .sort("index_symbol")
        .rows()
    )
    return (
        *(f"index_holdings.csv: {index} is not in indices.csv: not used." for index in unknown),
        *(
            f"index_holdings.csv: the set of {index} effective from {day} lies after the last "
            f"session {last}: not used yet."
            for index, day in sets
        ),
        *(
            f"index_holdings.csv: {len(symbols)} member{'s' * (len(symbols) != 1)} of {index} "
            f"not in securities.csv: counted, without a price: {', '.join(symbols[:8])}"
            f"{f' and {len(symbols) - 8} more' if len(symbols) > 8 else ''}."  # noqa: PLR2004
            for index, symbols in strangers
        ),
    )


@table_asset(
    mart.IndexImpacts,
    {
        "holdings": ref.IndexHoldings,
        "indices": ref.Indices,
        "securities": ref.Securities,
        "prices": core.Prices,
        "levels": core.IndexLevels,
        "counts": core.SharesOutstanding,
    },
)
def mart_index_impacts(  # noqa: PLR0913, PLR0917 - as many inputs as the formula has
    holdings: pl.DataFrame,
    indices: pl.DataFrame,
    securities: pl.DataFrame,
    prices: pl.DataFrame,
    levels: pl.DataFrame,
    counts: pl.DataFrame,
) -> Landing:
    """Compute all impacts."""
    sessions = calendar.sessions()
    traded = prices["session_date"].unique().sort().to_list()
    members = members_in_force(holdings, indices, traded)
    moves = one_day_moves(prices, sessions)
    impacts = index_impacts(
        with_units(members, moves, counts, securities),
        moves,
        level_moves(levels, sessions),
        indices,
    )
    return Landing(
        impacts,
        notes=unused_holdings(holdings, indices, securities, traded),
        metadata={"without_price": impacts["return_1d"].null_count()},
    )
