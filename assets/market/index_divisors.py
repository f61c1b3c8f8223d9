"""Index levels beside those of the session before, and the divisor between value and level."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.market.exact_sums import starts, sums
from assets.market.index_units import members_in_force
from assets.market.last_known import last_known
from warehouse.schemas.vocabulary import AdjustmentKind, Weighting

_OF_INDEX = ["index_symbol", "session_date"]


def level_moves(levels: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Return index levels beside those of the session before.

    Args:
        levels: ``core.index_levels``.
        sessions: sessions of the exchange, sorted, covering the levels.

    Returns:
        index_symbol, session_date, level, previous_level; for each index every session from its
        first level to the one after the last of any, with nulls where there is no level.
    """
    if levels.is_empty():
        points = {"level": pl.Float64, "previous_level": pl.Float64}
        return levels.select(_OF_INDEX).with_columns(
            pl.lit(None, dtype).alias(name) for name, dtype in points.items()
        )
    days = pl.DataFrame({"session_date": sessions}, schema={"session_date": pl.Date})
    spans = levels.lazy().group_by("index_symbol").agg(first=pl.col("session_date").min())
    # The last level is the previous one of a session that may have no level of its own.
    last = pl.lit(levels["session_date"].max(), dtype=pl.Date)
    known = days.filter(pl.col("session_date") <= last).height
    return (
        spans.join(days.head(known + 1).lazy(), how="cross")
        .filter(pl.col("session_date") >= pl.col("first"))
        .join(
            levels.lazy().select("index_symbol", "session_date", level="close"),
            on=_OF_INDEX,
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


def ended_by(holdings: pl.DataFrame, actions: pl.DataFrame, indices: pl.DataFrame) -> pl.DataFrame:
    """Return when an action among the members changed the value of the units of each index.

    A spin-off does, and under price weighting a split too. Members are those of the ex-date,
    whether or not one has a bar on it or on the session before.

    Args:
        holdings: ``ref.index_holdings``.
        actions: ``core.corporate_actions``.
        indices: ``ref.indices``.

    Returns:
        index_symbol, ex_date, one row each.
    """
    dates = actions["ex_date"].unique().sort().to_list()
    changes_value = (pl.col("kind") == AdjustmentKind.SPIN_OFF) | (
        pl.col("weighting") == Weighting.PRICE
    )
    return (
        members_in_force(holdings, indices, dates)
        .join(actions, left_on=["symbol", "session_date"], right_on=["symbol", "ex_date"])
        .filter(changes_value)
        .select("index_symbol", ex_date="session_date")
        .unique()
    )


def with_published(
    rows: pl.DataFrame, holdings: pl.DataFrame, actions: pl.DataFrame, indices: pl.DataFrame
) -> pl.DataFrame:
    """Add ``published_divisor``: the one that holds on a session, null where none does.

    A published divisor holds from its effective_from until an action that changes the value of the
    units goes ex among the members.

    Args:
        rows: index_symbol, session_date, ...; they come back sorted by session_date.
        holdings: ``ref.index_holdings``.
        actions: ``core.corporate_actions``.
        indices: ``ref.indices``.
    """
    told = last_known(
        rows,
        ended_by(holdings, actions, indices),
        on="session_date",
        since="ex_date",
        by="index_symbol",
        last_action="ex_date",
    )
    told = last_known(
        told,
        indices,
        on="session_date",
        since="effective_from",
        by="index_symbol",
        published_divisor="divisor",
        published_from="effective_from",
    )
    holds = pl.col("last_action").is_null() | (pl.col("last_action") <= pl.col("published_from"))
    return told.with_columns(published_divisor=pl.when(holds).then("published_divisor")).drop(
        "last_action", "published_from"
    )


def divisors(priced: pl.DataFrame, published: pl.DataFrame, levels: pl.DataFrame) -> pl.DataFrame:
    """Return the divisor of each session: the published one while it holds, else the implied one.

    The implied divisor is the value of the units at the comparable closes over the index's previous
    level: the very one that an index provider sets so that an action leaves the level unchanged
    (S&P DJI, Index Mathematics Methodology, "Divisor adjustments").

    Args:
        priced: index_symbol, session_date, base (units times comparable close), sorted by
            index_symbol, session_date; members with both closes.
        published: what ``with_published`` returns for each index and session.
        levels: what ``level_moves`` returns.

    Returns:
        index_symbol, session_date, total_base (USD, of the members priced), divisor (null without
        a previous level), index_value (USD), is_whole (the index_value is that of the whole index,
        priced or not: published divisor times previous level; else it is total_base); sorted.
    """
    groups = starts(priced.select(_OF_INDEX))
    bases = priced.select(_OF_INDEX)[groups].with_columns(total_base=sums(priced["base"], groups))
    is_whole = pl.all_horizontal(pl.col("published_divisor", "previous_level").is_not_null())
    return (
        bases.join(levels, on=_OF_INDEX, how="left")
        .join(published, on=_OF_INDEX, how="left")
        .select(
            *_OF_INDEX,
            "total_base",
            divisor=pl.coalesce(
                "published_divisor", pl.col("total_base") / pl.col("previous_level")
            ),
            index_value=pl.when(is_whole)
            .then(pl.col("published_divisor") * pl.col("previous_level"))
            .otherwise("total_base"),
            is_whole=is_whole,
        )
        .sort(_OF_INDEX)
    )
