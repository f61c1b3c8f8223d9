"""Units of index members that the sets beside theirs contradict.

A member's units change by less than a percent from set to set. A mistake in one set is taken back
by the next; units in another share basis differ from the next set's by the ratio of an action.
"""

from datetime import timedelta

import polars as pl

from assets.market.corporate_actions import split_factors
from assets.market.index_units import with_weighting
from assets.market.last_known import last_known
from warehouse.schemas.vocabulary import Weighting

LARGEST_CHANGE = 1.095
"""Units that change by less than this, there and back, may do so: buybacks, float, cash."""

COMES_BACK = 0.25
"""They are back where the next set leaves no more than this part of the change, in logarithms."""

SAME_RATIO = 0.05
"""A change is that of an action's ratio within this, in logarithms ..."""

SMALLEST_RATIO = 1.1
"""... of one from this on ..."""

NEAR = timedelta(days=45)
"""... that went ex between the dates of two sets, or this near to them."""

MIN_MEMBERS = 10
"""Members that two sets must share for their median to say how the fund grew."""

_OF_SET = ["index_symbol", "effective_from"]
_SCHEMA = pl.Schema({"index_symbol": pl.String, "effective_from": pl.Date, "symbol": pl.String})

NO_UNITS = pl.DataFrame(schema=_SCHEMA)
"""Where no units are disputed."""


def disputed_units(
    holdings: pl.DataFrame, indices: pl.DataFrame, actions: pl.DataFrame
) -> pl.DataFrame:
    """Return the members whose units in a set are not what the sets beside it say.

    Units are compared as ``with_units`` carries them: splits multiply them, but under price
    weighting; an index that is said to be price weighted, and is not, shows in its splits.

    Args:
        holdings: ``ref.index_holdings``.
        indices: ``ref.indices``.
        actions: ``core.corporate_actions``.

    Returns:
        index_symbol, effective_from, symbol, sorted.
    """
    change = pl.col("change").log()
    before = pl.col("change_before").log()
    changes = _changes(holdings, indices, actions)
    to_next = changes.join(
        changes.select(
            "index_symbol", "symbol", effective_from="next_from", change_before="change"
        ),
        on=["index_symbol", "symbol", "effective_from"],
        how="left",
    )
    is_taken_back = (before.abs() > pl.lit(LARGEST_CHANGE).log()) & (
        (before + change).abs() <= COMES_BACK * before.abs()
    )
    went_ex = actions.filter(
        pl.max_horizontal("ratio", 1 / pl.col("ratio")) >= SMALLEST_RATIO
    ).select("symbol", "ex_date", "ratio")
    by_ratio = to_next.join(went_ex, on="symbol").filter(
        pl.col("ex_date").is_between(pl.col("as_of_date") - NEAR, pl.col("next_as_of") + NEAR)
        & ((change.abs() - pl.col("ratio").log().abs()).abs() <= SAME_RATIO)
    )
    columns = _SCHEMA.names()
    found = [to_next.filter(is_taken_back).select(columns), by_ratio.select(columns)]
    return pl.concat(found).unique().sort(columns)


def _changes(holdings: pl.DataFrame, indices: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Return how the units of each member change to the next set, beside those of the others.

    Returns:
        index_symbol, symbol, effective_from, as_of_date, next_from, next_as_of, change.
    """
    known = holdings.join(indices, on="index_symbol", how="semi").drop_nulls("units")
    carried = with_weighting(
        last_known(
            known.with_columns(session_date="effective_from"),
            split_factors(actions),
            on="as_of_date",
            since="ex_date",
            by="symbol",
            factor="split_factor",
        ),
        indices,
    ).with_columns(
        units=pl.when(pl.col("weighting") == Weighting.PRICE)
        .then("units")
        .otherwise(pl.col("units") / pl.col("factor").fill_null(1.0))
    )
    following = (
        carried.select(_OF_SET)
        .unique()
        .sort(_OF_SET)
        .with_columns(next_from=pl.col("effective_from").shift(-1).over("index_symbol"))
        .drop_nulls()
    )
    then = carried.select(
        "index_symbol",
        "symbol",
        next_from="effective_from",
        next_as_of="as_of_date",
        next_units="units",
    )
    change = pl.col("next_units") / pl.col("units")
    return (
        carried.join(following, on=_OF_SET)
        .join(then, on=["index_symbol", "symbol", "next_from"])
        .with_columns(change=change / change.median().over(_OF_SET))
        .filter(pl.len().over(_OF_SET) >= MIN_MEMBERS)
        .select(
            "index_symbol", "symbol", "effective_from", "as_of_date", "next_from", "next_as_of",
            "change",
        )
    )  # fmt: skip
