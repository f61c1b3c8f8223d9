"""``mart.market_cap_losses`` and its mirror ``mart.market_cap_gains``: how large, and a record?"""

import polars as pl

from assets.market.ranks import rank_to_date
from assets.market.witnesses import (
    LARGE_USD,
    confirmed_by_next,
    largest_usual,
    said_by_index,
)
from assets.table_asset import table_asset
from warehouse.schemas import Table, core, mart, raw
from warehouse.schemas.vocabulary import CapFlag, ReconciliationFlag, Witness

RECORD_AFTER_SESSIONS = 250
"""No record is declared before this many sessions of history."""

COVERED_AFTER_SESSIONS = 60
"""A company is covered by the history once it has a quarter of one-day changes behind it."""

WITNESSED = (Witness.OFFICIAL_INDEX, Witness.SECOND_SOURCE, Witness.NEXT_SESSION)
"""What a record needs one of."""

_ROW = "__row"


def market_cap_losses(caps: pl.DataFrame, witnesses: pl.DataFrame) -> pl.DataFrame:
    """Rank the one-day losses of market value by price.

    Args:
        caps: ``mart.market_caps``, sorted by company_symbol, session_date.
        witnesses: what ``witnesses_of`` returns.

    Returns:
        Columns of ``mart.market_cap_losses``, sorted by session_date, then largest first.
    """
    return _ranked(caps, witnesses, "loss", -1.0, mart.MarketCapLosses)


def market_cap_gains(caps: pl.DataFrame, witnesses: pl.DataFrame) -> pl.DataFrame:
    """Rank the one-day gains of market value by price; the mirror of ``market_cap_losses``.

    Args:
        caps: ``mart.market_caps``, sorted by company_symbol, session_date.
        witnesses: what ``witnesses_of`` returns.

    Returns:
        Columns of ``mart.market_cap_gains``, sorted by session_date, then largest first.
    """
    return _ranked(caps, witnesses, "gain", 1.0, mart.MarketCapGains)


def witnesses_of(
    impacts: pl.DataFrame,
    reconciliations: pl.DataFrame,
    prices: pl.DataFrame,
    reports: pl.DataFrame,
) -> pl.DataFrame:
    """Say what speaks for each one-day move beside its own price.

    An index speaks first, and only where nine tenths of its weight have a price: under a published
    divisor the others' moves are a residual too, which contradicts moves that are true. Then the
    next session.

    Args:
        impacts: ``mart.index_impacts``.
        reconciliations: ``mart.index_reconciliations``.
        prices: ``core.prices``, sorted by symbol, session_date.
        reports: ``raw.shares_outstanding``.

    Returns:
        company_symbol, session_date, took_back, by_next (what the next session says), witness (what
        an index says, or else by_next), for every bar.
    """
    is_partial = pl.col("flags").list.contains(ReconciliationFlag.TOO_LITTLE_PRICED)
    residuals = reconciliations.filter(~is_partial).select(
        "index_symbol", "session_date", "residual_bps"
    )
    by_index = said_by_index(impacts, residuals)
    by_next = confirmed_by_next(prices, reports)
    return by_next.join(
        by_index.rename({"witness": "by_index"}),
        on=["symbol", "session_date"],
        how="left",
        maintain_order="left",
    ).select(
        pl.col("symbol").alias("company_symbol"),
        "session_date",
        "took_back",
        by_next="witness",
        witness=pl.coalesce("by_index", "witness"),
    )


def _ranked(
    caps: pl.DataFrame, witnesses: pl.DataFrame, what: str, sign: float, model: type[Table]
) -> pl.DataFrame:
    size, size_return = f"{what}_usd", f"{what}_return"
    told = caps.join(
        witnesses, on=["company_symbol", "session_date"], how="left", maintain_order="left"
    ).with_columns(
        is_unusual=(
            pl.col("return_1d").abs() > largest_usual(pl.col("return_1d"), "company_symbol")
        ).fill_null(value=False)
    )
    is_large = (pl.col("price_effect_usd").abs() > LARGE_USD) | pl.col("is_unusual")
    is_said = pl.col("witness") == Witness.CONTRADICTED
    # A bar that is mistyped jumps there and back. Of an ordinary move neither says anything.
    is_undone = pl.col("took_back") & pl.col("is_unusual") & (pl.col("witness") == Witness.NONE)
    told = told.with_columns(
        witness=pl.when(is_undone)
        .then(pl.lit(Witness.CONTRADICTED))
        .when(is_said & ~is_large)
        .then("by_next")
        .otherwise("witness")
    )
    # Ties go by company as caps are sorted; numbers sort and gather faster than text and lists.
    order = (
        told.lazy()
        .select("session_date", (pl.col("price_effect_usd") * sign).alias(size))
        .with_row_index(_ROW)
        .filter(pl.col(size) > 0)
        .sort("session_date", size, _ROW, descending=[False, True, False])
        .collect()
    )
    is_disputed = pl.any_horizontal(
        pl.col("flags").list.contains(flag)
        for flag in (CapFlag.DISPUTED_SHARE_COUNT, CapFlag.DISPUTED_PRICE)
    )
    is_witnessed = pl.col("witness").is_in([*WITNESSED]).fill_null(value=False)
    ranked = order.with_columns(
        told["company_symbol"].gather(order[_ROW]),
        (told["return_1d"].gather(order[_ROW]) * sign).alias(size_return),
        told["flags"].gather(order[_ROW]),
        told["witness"].gather(order[_ROW]),
        told["is_unusual"].gather(order[_ROW]),
        rank_on_session=pl.col(size)
        .rank("min", descending=True)
        .over("session_date")
        .cast(pl.Int64),
        rank_to_date=rank_to_date(order[size], order["session_date"]),
    ).with_columns(
        is_witnessed=is_witnessed,
        is_sure=is_witnessed & ~is_disputed,
        # What may well be true stands against a later record; what is likely false does not.
        counts=~is_disputed & (pl.col("witness") != Witness.CONTRADICTED).fill_null(value=True),
    )
    history = _history(caps, ranked.lazy().filter("counts"), size)
    is_largest = (pl.col(size) > pl.col("previous_record_usd").fill_null(0.0)) & (
        pl.col("sessions_of_history") >= RECORD_AFTER_SESSIONS
    )
    wants_witness = (pl.col(size) > LARGE_USD) | is_largest | pl.col("is_unusual")
    return (
        ranked.lazy()
        .join(history.lazy(), on="session_date", how="left", maintain_order="left")
        .with_columns(
            is_record=is_largest
            & pl.col("is_sure")
            & (pl.col(size) == pl.col(size).filter("counts").max().over("session_date")),
            flags=pl.when(wants_witness & ~pl.col("is_witnessed"))
            .then(pl.col("flags").list.concat([pl.lit(CapFlag.UNWITNESSED.value)]))
            .otherwise("flags"),
        )
        .select(model.names())
        .collect()
    )


def _history(caps: pl.DataFrame, ranked: pl.LazyFrame, size: str) -> pl.DataFrame:
    """Say for each session what a record is measured against.

    Returns:
        session_date, sessions_of_history, history_from, companies_covered, previous_record_usd,
        previous_record_date.
    """
    sessions = caps.lazy().select("session_date").unique().sort("session_date")
    matures = (
        caps.lazy()
        .filter(pl.col("price_effect_usd").is_not_null())
        .group_by("company_symbol")
        .agg(pl.col("session_date").sort().get(COVERED_AFTER_SESSIONS - 1, null_on_oob=True))
        .drop_nulls()
        .group_by("session_date")
        .agg(matured=pl.len())
    )
    largest = ranked.group_by("session_date").agg(largest=pl.col(size).max())
    return (
        sessions.join(matures, on="session_date", how="left")
        .join(largest, on="session_date", how="left")
        .sort("session_date")
        .with_columns(
            sessions_of_history=pl.int_range(1, pl.len() + 1),
            history_from=pl.col("session_date").first(),
            companies_covered=pl.col("matured").fill_null(0).cum_sum().cast(pl.Int64),
            previous_record_usd=pl.col("largest").fill_null(0.0).cum_max().shift(),
        )
        .with_columns(
            previous_record_date=pl.when(
                pl.col("largest") > pl.col("previous_record_usd").fill_null(0.0)
            )
            .then(pl.col("session_date"))
            .forward_fill()
            .shift(),
            previous_record_usd=pl.when(pl.col("previous_record_usd") > 0).then(
                "previous_record_usd"
            ),
        )
        .drop("matured", "largest")
        .collect()
    )


_INPUTS: dict[str, type[Table]] = {
    "caps": mart.MarketCaps,
}
_BEHIND: dict[str, type[Table]] = {
    "reconciliations": mart.IndexReconciliations,
    "impacts": mart.IndexImpacts,
    "prices": core.Prices,
    "reports": raw.SharesOutstanding,
}


@table_asset(mart.MarketCapLosses, _INPUTS, _BEHIND)
def mart_market_cap_losses(caps: pl.DataFrame, **witnesses: pl.DataFrame) -> pl.DataFrame:
    """Rank all losses."""
    return market_cap_losses(caps, witnesses_of(**witnesses))


@table_asset(mart.MarketCapGains, _INPUTS, _BEHIND)
def mart_market_cap_gains(caps: pl.DataFrame, **witnesses: pl.DataFrame) -> pl.DataFrame:
    """Rank all gains."""
    return market_cap_gains(caps, witnesses_of(**witnesses))
