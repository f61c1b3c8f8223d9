"""``mart.market_cap_losses`` and its mirror ``mart.market_cap_gains``: how large, and a record?"""

import polars as pl

from assets.market.ranks import rank_to_date
from assets.table_asset import table_asset
from warehouse.schemas import Table, mart

RECORD_AFTER_SESSIONS = 250
"""No record is declared before this many sessions of history."""

COVERED_AFTER_SESSIONS = 60
"""A company is covered by the history once it has a quarter of one-day changes behind it."""

_ROW = "__row"


def market_cap_losses(caps: pl.DataFrame) -> pl.DataFrame:
    """Rank the one-day losses of market value by price.

    Args:
        caps: ``mart.market_caps``, sorted by company_symbol, session_date.

    Returns:
        Columns of ``mart.market_cap_losses``, sorted by session_date, then largest first.
    """
    return _ranked(caps, "loss", -1.0, mart.MarketCapLosses)


def market_cap_gains(caps: pl.DataFrame) -> pl.DataFrame:
    """Rank the one-day gains of market value by price; the mirror of ``market_cap_losses``.

    Args:
        caps: ``mart.market_caps``, sorted by company_symbol, session_date.

    Returns:
        Columns of ``mart.market_cap_gains``, sorted by session_date, then largest first.
    """
    return _ranked(caps, "gain", 1.0, mart.MarketCapGains)


def _ranked(caps: pl.DataFrame, what: str, sign: float, model: type[Table]) -> pl.DataFrame:
    size, size_return = f"{what}_usd", f"{what}_return"
    # Ties go by company as caps are sorted; numbers sort and gather faster than text and lists.
    order = (
        caps.lazy()
        .select("session_date", (pl.col("price_effect_usd") * sign).alias(size))
        .with_row_index(_ROW)
        .filter(pl.col(size) > 0)
        .sort("session_date", size, _ROW, descending=[False, True, False])
        .collect()
    )
    ranked = order.with_columns(
        caps["company_symbol"].gather(order[_ROW]),
        (caps["return_1d"].gather(order[_ROW]) * sign).alias(size_return),
        caps["flags"].gather(order[_ROW]),
        rank_on_session=pl.col(size)
        .rank("min", descending=True)
        .over("session_date")
        .cast(pl.Int64),
        rank_to_date=rank_to_date(order[size], order["session_date"]),
    )
    return (
        ranked.lazy()
        .join(
            _history(caps, order.lazy(), size).lazy(),
            on="session_date",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            is_record=(pl.col("rank_to_date") == 1)
            & (pl.col(size) > pl.col("previous_record_usd").fill_null(0.0))
            & (pl.col("sessions_of_history") >= RECORD_AFTER_SESSIONS)
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


@table_asset(mart.MarketCapLosses, {"caps": mart.MarketCaps})
def mart_market_cap_losses(caps: pl.DataFrame) -> pl.DataFrame:
    """Rank all losses."""
    return market_cap_losses(caps)


@table_asset(mart.MarketCapGains, {"caps": mart.MarketCaps})
def mart_market_cap_gains(caps: pl.DataFrame) -> pl.DataFrame:
    """Rank all gains."""
    return market_cap_gains(caps)
