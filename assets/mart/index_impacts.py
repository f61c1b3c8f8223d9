"""``mart.index_impacts``: who moved the index, by how many points, and what it did without them.

One formula for price, cap and modified-cap weighting: only the units differ.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from assets.market import calendar, flags
from assets.market.disputed_units import NO_UNITS, disputed_units
from assets.market.exact_sums import starts, sums
from assets.market.index_coverage import shares_priced
from assets.market.index_divisors import divisors, level_moves, with_published
from assets.market.index_units import members_in_force, with_units
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import core, mart, ref
from warehouse.schemas.vocabulary import ImpactFlag


def index_impacts(  # noqa: PLR0913, PLR0917 - as many inputs as the formula has
    members: pl.DataFrame,
    prices: pl.DataFrame,
    actions: pl.DataFrame,
    indices: pl.DataFrame,
    published: pl.DataFrame,
    levels: pl.DataFrame,
    disputed: pl.DataFrame = NO_UNITS,
) -> pl.DataFrame:
    """Compute what each member did to each index on each session.

    With q the units on the session, p the close, p' the comparable previous close, and sums over
    the members that have both: B = sum q p'; D the divisor; V the value of the index, which is B
    under an implied divisor and D times the previous level under a published one (the same where
    all members are priced); weight = q p' / V; ``contribution_points`` = q (p - p') / D;
    ``contribution_return`` = weight * (p / p' - 1); ``index_return_without`` member j = (sum over
    the others of q (p - p')) / (B - q_j p'_j).
    Formulas: S&P DJI, *Index Mathematics Methodology*.

    Where too little of an index has a price (``index_coverage``), V and an implied D are not those
    of the index: no member has a contribution, unless both are known without the others' prices;
    and what the others returned is not known under any divisor.

    Args:
        members: what ``with_units`` returns.
        prices: ``core.prices``.
        actions: ``core.corporate_actions``.
        indices: ``ref.indices``.
        published: what ``with_published`` returns for each index and session.
        levels: what ``level_moves`` returns.
        disputed: what ``disputed_units`` returns.

    Returns:
        Columns of ``mart.index_impacts``, sorted by its key. A member without units or without one
        of the closes has a row of nulls.
    """
    of_index = ["index_symbol", "session_date"]
    has_both = pl.all_horizontal(pl.col("units", "close", "comparable_close").is_not_null())
    rows = (
        members.lazy()
        .join(
            prices.lazy().select("symbol", "session_date", "close", "comparable_close"),
            on=["symbol", "session_date"],
            how="left",
            maintain_order="left",
        )
        .join(
            disputed.lazy().with_columns(are_units_disputed=pl.lit(value=True)),
            on=["index_symbol", "effective_from", "symbol"],
            how="left",
            maintain_order="left",
        )
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
    of_all = divisors(priced, published, levels).join(changes, on=of_index)
    others = pl.col("total_base") - pl.col("base")
    enough = shares_priced(rows, prices, actions, indices)
    is_told = ~pl.col("is_too_little") | pl.col("is_whole")
    told = (
        rows.lazy()
        .join(
            of_all.lazy(),
            on=of_index,
            how="left",
            maintain_order="left",
        )
        .join(enough.lazy(), on=of_index, how="left", maintain_order="left")
        .with_columns(
            divisor=pl.when(is_told).then("divisor"),
            index_value=pl.when(is_told).then("index_value"),
        )
        .with_columns(
            weight_previous_close=pl.col("base") / pl.col("index_value"),
            contribution_points=pl.col("change") / pl.col("divisor"),
            contribution_return=pl.col("change") / pl.col("index_value"),
            index_return_without=pl.when((pl.col("priced") > 1) & ~pl.col("is_too_little")).then(
                (pl.col("total_change") - pl.col("change")) / others
            ),
        )
        .collect()
    )
    raised = _raised()
    masks = told.select(flags.mask(raised)).to_series()
    return told.with_columns(flags.named(masks, raised)).select(mart.IndexImpacts.names())


def _raised() -> dict[ImpactFlag, pl.Expr]:
    return {
        ImpactFlag.NO_UNITS: pl.col("units").is_null(),
        ImpactFlag.NO_RETURN: pl.col("return_1d").is_null(),
        ImpactFlag.TOO_LITTLE_PRICED: pl.col("is_too_little"),
        ImpactFlag.DISPUTED_UNITS: pl.col("are_units_disputed"),
        ImpactFlag.DISPUTED_SHARE_COUNT: pl.col("is_count_disputed"),
    }


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
        *(f"index_holdings: {index} is not in indices.csv: not used." for index in unknown),
        *(
            f"index_holdings: the set of {index} effective from {day} lies after the last "
            f"session {last}: not used yet."
            for index, day in sets
        ),
        *(
            f"index_holdings: {len(symbols)} member{'s' * (len(symbols) != 1)} of {index} "
            f"not in securities.csv: counted, without a price: {', '.join(symbols[:8])}"
            f"{f' and {len(symbols) - 8} more' if len(symbols) > 8 else ''}."  # noqa: PLR2004
            for index, symbols in strangers
        ),
    )


@table_asset(
    mart.IndexImpacts,
    {"counts": core.SharesOutstanding},
    behind={
        "prices": core.Prices,
        "holdings": ref.IndexHoldings,
        "levels": core.IndexLevels,
        "actions": core.CorporateActions,
        "indices": ref.Indices,
        "securities": ref.Securities,
    },
)
def mart_index_impacts(  # noqa: PLR0913, PLR0917 - as many inputs as the formula has
    holdings: pl.DataFrame,
    indices: pl.DataFrame,
    securities: pl.DataFrame,
    prices: pl.DataFrame,
    actions: pl.DataFrame,
    levels: pl.DataFrame,
    counts: pl.DataFrame,
) -> Landing:
    """Compute all impacts."""
    traded = prices["session_date"].unique().sort().to_list()
    members = members_in_force(holdings, indices, traded)
    of_index = members.select("index_symbol", "session_date").unique()
    impacts = index_impacts(
        with_units(members, actions, counts, securities),
        prices,
        actions,
        indices,
        with_published(of_index, holdings, actions, indices),
        level_moves(levels, calendar.sessions()),
        disputed_units(holdings, indices, actions),
    )
    return Landing(
        impacts,
        notes=unused_holdings(holdings, indices, securities, traded),
        metadata={"without_price": impacts["return_1d"].null_count()},
    )
