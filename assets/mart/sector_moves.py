"""``mart.sector_moves``: price effects added up by sector."""

import polars as pl

from assets.table_asset import table_asset
from warehouse.schemas import mart, ref
from warehouse.schemas.vocabulary import CapFlag


def sector_moves(caps: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Add up price effects by sector and session, in whole cents.

    Sums of floats depend on the order of the threads that add them; sums of cents do not, so that
    running again changes nothing.

    Args:
        caps: ``mart.market_caps``.
        securities: ``ref.securities``.

    Returns:
        Columns of ``mart.sector_moves`` (USD), sorted by session_date, sector.
    """
    effect = pl.col("price_effect_usd")
    cents = (effect * 100).round().cast(pl.Int64)
    sectors = securities.lazy().select(company_symbol="symbol", sector="sector")
    return (
        caps.lazy()
        .select(
            "company_symbol",
            "session_date",
            "price_effect_usd",
            is_disputed=pl.col("flags").list.contains(CapFlag.DISPUTED_SHARE_COUNT)
            | pl.col("flags").list.contains(CapFlag.DISPUTED_PRICE),
            has_no_count=pl.col("shares_outstanding").is_null(),
        )
        .join(sectors, on="company_symbol")
        .group_by("session_date", "sector")
        .agg(
            companies=pl.len().cast(pl.Int64),
            net_change_usd=cents.sum() / 100,
            losers_usd=(-cents).clip(lower_bound=0).sum() / 100,
            gainers_usd=cents.clip(lower_bound=0).sum() / 100,
            losers=(effect < 0).sum().cast(pl.Int64),
            gainers=(effect > 0).sum().cast(pl.Int64),
            companies_without_share_count=pl.col("has_no_count").sum().cast(pl.Int64),
            companies_disputed=pl.col("is_disputed").sum().cast(pl.Int64),
            companies_without_change=effect.null_count().cast(pl.Int64),
        )
        .select(mart.SectorMoves.names())
        .sort("session_date", "sector")
        .collect()
    )


@table_asset(mart.SectorMoves, {"caps": mart.MarketCaps}, behind={"securities": ref.Securities})
def mart_sector_moves(caps: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Add up all sectors."""
    return sector_moves(caps, securities)
