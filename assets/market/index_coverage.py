"""How much of an index has a price, and whether that is enough to say who moved it."""

import polars as pl

from assets.market.exact_sums import starts, sums
from assets.market.index_units import with_split_factor, with_weighting
from assets.market.last_known import last_known
from warehouse.schemas.vocabulary import Weighting

ENOUGH = 0.9
"""Where less than this share of an index has a price, what is priced speaks for itself alone."""

_ROUNDING = 1e-9
"""Nine members of ten that weigh alike are nine tenths, however the sums round."""

_OF_INDEX = ["index_symbol", "session_date"]


def is_priced() -> pl.Expr:
    """Tell whether a member is in the sums: it has units and a close on both sessions."""
    return pl.all_horizontal(pl.col("units", "return_1d").is_not_null())


def shares_priced(
    members: pl.DataFrame, prices: pl.DataFrame, actions: pl.DataFrame, indices: pl.DataFrame
) -> pl.DataFrame:
    """Return which share of each index has both closes, at last known closes.

    A member's value is that of its last bar: units in the share basis of then, so that a split
    since, on a session without a bar, changes no value. One that cannot be valued (no units, or
    never a close) is taken to weigh as much as the average of those that can.

    Args:
        members: index_symbol, session_date, symbol, units (of the session), return_1d.
        prices: ``core.prices``.
        actions: ``core.corporate_actions``.
        indices: ``ref.indices``.

    Returns:
        index_symbol, session_date, weight_priced (null where a member cannot be valued),
        is_too_little (less than ``ENOUGH``); a row for each session, sorted.
    """
    told = members.select(*_OF_INDEX, "symbol", "units", is_priced=is_priced())
    lacking = told.filter(~pl.col("is_priced")).select(_OF_INDEX).unique()
    valued = last_known(
        with_weighting(told.join(lacking, on=_OF_INDEX, how="semi"), indices),
        prices,
        on="session_date",
        since="session_date",
        by="symbol",
        close="close",
        bar_date="session_date",
    )
    valued = with_split_factor(valued, actions, on="bar_date", name="factor_then")
    valued = with_split_factor(valued, actions, on="session_date", name="factor_now")
    split_since = (
        pl.when(pl.col("weighting") == Weighting.PRICE)
        .then(1.0)
        .otherwise(pl.col("factor_now") / pl.col("factor_then"))
    )
    valued = valued.with_columns(value=pl.col("units") / split_since * pl.col("close")).sort(
        *_OF_INDEX, "symbol"
    )
    groups = starts(valued.select(_OF_INDEX))
    of_priced = valued.select(pl.when("is_priced").then("value")).to_series()
    counted = valued.group_by(_OF_INDEX).agg(
        members=pl.len(), valued=pl.col("value").count(), priced=pl.col("is_priced").sum()
    )
    of_valued = pl.col("of_priced") / pl.col("of_all")
    of_lacking = (
        valued.select(_OF_INDEX)[groups]
        .with_columns(of_priced=sums(of_priced, groups), of_all=sums(valued["value"], groups))
        .join(counted, on=_OF_INDEX)
        .select(
            *_OF_INDEX,
            weight_priced=pl.when(pl.col("valued") == pl.col("members")).then(of_valued),
            share=pl.when(pl.col("priced") > 0)
            .then(of_valued * pl.col("valued") / pl.col("members"))
            .otherwise(0.0),
        )
    )
    return (
        told.select(_OF_INDEX)
        .unique()
        .join(lacking.with_columns(is_lacking=pl.lit(value=True)), on=_OF_INDEX, how="left")
        .join(of_lacking, on=_OF_INDEX, how="left")
        .select(
            *_OF_INDEX,
            weight_priced=pl.when("is_lacking").then("weight_priced").otherwise(1.0),
            is_too_little=pl.col("share").fill_null(1.0) < ENOUGH - _ROUNDING,
        )
        .sort(_OF_INDEX)
    )
