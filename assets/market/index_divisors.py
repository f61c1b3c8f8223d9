"""Index levels beside those of the session before, and the divisor between value and level."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.market.index_units import PRICE_WEIGHTED
from assets.market.last_known import last_known
from assets.market.ordered_sums import starts, sums


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
    told = last_known(
        told, actions, on="session_date", by="index_symbol", last_action="last_action"
    )
    told = last_known(
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
