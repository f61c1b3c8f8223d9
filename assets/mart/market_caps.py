"""``mart.market_caps``: what each company was worth, and why that changed.

One line per company: whole-company share counts are never multiplied with a second listed class.
"""

import polars as pl

from assets.market import flags
from assets.market.disputed_actions import closes_of_disputed_actions
from assets.market.disputed_closes import NO_CLOSES, disputed_closes
from assets.market.share_counts import STALE_AFTER_DAYS
from assets.table_asset import table_asset
from warehouse.schemas import core, mart, ops, raw, ref
from warehouse.schemas.vocabulary import AdjustmentKind, CapFlag


def market_caps(
    prices: pl.DataFrame,
    counts: pl.DataFrame,
    securities: pl.DataFrame,
    disputed: pl.DataFrame = NO_CLOSES,
) -> pl.DataFrame:
    """Compute market caps and their one-day changes, price and share count told apart.

    With p the close as traded, p' the comparable close of the session before, N the last accepted
    share count, and k the ratio of the share splits that go ex on the session: N' = N(t-1) * k.
    ``price_effect_usd`` = N' * (p(t) - p'); ``share_count_effect_usd`` is the rest of the change of
    market cap. Without a bar on the previous session of the exchange there is no one-day change.

    Args:
        prices: ``core.prices``, sorted by symbol, session_date.
        counts: ``core.shares_outstanding``, sorted by symbol, valid_from.
        securities: ``ref.securities``.
        disputed: what ``disputed_closes`` returns.

    Returns:
        Columns of ``mart.market_caps``, sorted by company_symbol, session_date.
    """
    lines = securities.filter(pl.col("symbol") == pl.col("company_symbol"))["symbol"]
    bars = prices.lazy().select(
        "symbol",
        "session_date",
        "close",
        "low",
        "open",
        "comparable_close",
        "split_ratio",
        "adjustment_kind",
    )
    if not prices["symbol"].unique().is_in(lines.implode()).all():
        bars = bars.filter(pl.col("symbol").is_in(lines.implode()))
    known = counts.lazy().select(
        "symbol",
        pl.col("valid_from").alias("session_date"),
        "shares_outstanding",
        shares_as_of="reported_as_of",
        count_warned="has_warning",
        count_disputed="is_disputed",
    )
    joined = (
        bars.join_asof(
            known, on="session_date", by="symbol", strategy="backward", check_sortedness=False
        )
        .join(
            disputed.lazy().with_columns(price_disputed=pl.lit(value=True)),
            on=["symbol", "session_date"],
            how="left",
            maintain_order="left",
        )
        .collect()
    )
    # Rows are sorted: looking at the row before is much cheaper than a window per symbol.
    follows = pl.col("comparable_close").is_not_null()
    raised = _raised()
    computed = (
        joined.lazy()
        .with_columns(
            is_first=(pl.col("symbol") != pl.col("symbol").shift()).fill_null(value=True),
            market_cap_usd=pl.col("close") * pl.col("shares_outstanding"),
            previous_count=pl.when(follows).then(pl.col("shares_outstanding").shift()),
            previous_as_of=pl.when(follows).then(pl.col("shares_as_of").shift()),
            previous_warned=pl.when(follows).then(pl.col("count_warned").shift()),
            previous_disputed=pl.when(follows).then(pl.col("count_disputed").shift()),
        )
        .with_columns(
            comparable_count=pl.col("previous_count") * pl.col("split_ratio"),
            previous_market_cap_usd=pl.when(follows).then(pl.col("market_cap_usd").shift()),
        )
        .select(
            company_symbol="symbol",
            session_date="session_date",
            close_usd="close",
            shares_outstanding="shares_outstanding",
            shares_as_of="shares_as_of",
            share_count_age_days=_days_since("shares_as_of"),
            market_cap_usd="market_cap_usd",
            previous_market_cap_usd="previous_market_cap_usd",
            effect_shares_outstanding="comparable_count",
            effect_shares_as_of="previous_as_of",
            price_effect_usd=pl.col("comparable_count")
            * (pl.col("close") - pl.col("comparable_close")),
            # Cap - previous cap - price effect, arranged to be exactly 0 where nothing changed.
            share_count_effect_usd=pl.col("close")
            * (pl.col("shares_outstanding") - pl.col("comparable_count"))
            + (
                pl.col("comparable_close") * pl.col("comparable_count")
                - pl.col("previous_market_cap_usd")
            ),
            return_1d=pl.col("close") / pl.col("comparable_close") - 1,
            intraday_low_return=pl.col("low") / pl.col("comparable_close") - 1,
            intraday_low_effect_usd=pl.col("comparable_count")
            * (pl.col("low") - pl.col("comparable_close")),
            flags=flags.mask(raised),
        )
        .collect()
    )
    return computed.with_columns(flags.named(computed["flags"], raised))


def _days_since(column: str) -> pl.Expr:
    return (pl.col("session_date") - pl.col(column)).dt.total_days()


def _raised() -> dict[CapFlag, pl.Expr]:
    no_count = pl.col("shares_outstanding").is_null()
    follows = pl.col("comparable_close").is_not_null()
    return {
        CapFlag.NO_SHARE_COUNT: no_count,
        CapFlag.NO_PREVIOUS_SHARE_COUNT: follows & ~no_count & pl.col("previous_count").is_null(),
        CapFlag.STALE_SHARE_COUNT: (_days_since("shares_as_of") > STALE_AFTER_DAYS)
        | (_days_since("previous_as_of") > STALE_AFTER_DAYS).fill_null(value=False),
        CapFlag.SHARE_COUNT_WARNING: pl.col("count_warned")
        | pl.col("previous_warned").fill_null(value=False),
        CapFlag.DISPUTED_SHARE_COUNT: pl.col("count_disputed")
        | pl.col("previous_disputed").fill_null(value=False),
        CapFlag.DISPUTED_PRICE: pl.col("price_disputed"),
        CapFlag.CORPORATE_ACTION: pl.col("adjustment_kind") != AdjustmentKind.NONE,
        CapFlag.GAP: ~pl.col("is_first") & ~follows,
        CapFlag.FIRST_BAR: pl.col("is_first"),
        CapFlag.CLOSE_ONLY: pl.col("low").is_null() | pl.col("open").is_null(),
    }


@table_asset(
    mart.MarketCaps,
    {"reconciliations": mart.IndexReconciliations},
    behind={
        "prices": core.Prices,
        "counts": core.SharesOutstanding,
        "securities": ref.Securities,
        "impacts": mart.IndexImpacts,
        "bars": raw.Prices,
        "actions": core.CorporateActions,
        "decisions": ref.SplitDecisions,
        "quarantine": ops.Quarantine,
    },
)
def mart_market_caps(  # noqa: PLR0913, PLR0917 - as many inputs as speak of a close
    prices: pl.DataFrame,
    counts: pl.DataFrame,
    reconciliations: pl.DataFrame,
    securities: pl.DataFrame,
    impacts: pl.DataFrame,
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    decisions: pl.DataFrame,
    quarantine: pl.DataFrame,
) -> pl.DataFrame:
    """Compute all market caps."""
    by_action = closes_of_disputed_actions(bars, prices, actions, decisions, quarantine)
    disputed = disputed_closes(impacts, reconciliations, prices, by_action)
    return market_caps(prices, counts, securities, disputed)
