"""``mart.market_caps``: what each company was worth, and why that changed.

One line per company: whole-company share counts are never multiplied with a second listed class.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.market import calendar
from assets.table_asset import table_asset
from warehouse.schemas import core, mart, ref

STALE_AFTER_DAYS = 120
"""A share count older than this is used, and flagged wherever it is shown."""

FLAGS = (
    "no_share_count",
    "no_previous_share_count",
    "stale_share_count",
    "share_count_warning",
    "corporate_action",
    "gap",
    "first_bar",
    "close_only",
)

_FLAG_LISTS = pl.Series(
    "flags",
    [
        [name for bit, name in enumerate(FLAGS) if mask >> bit & 1]
        for mask in range(1 << len(FLAGS))
    ],
    dtype=pl.List(pl.String),
)


def market_caps(
    prices: pl.DataFrame,
    counts: pl.DataFrame,
    securities: pl.DataFrame,
    sessions: Sequence[date],
) -> pl.DataFrame:
    """Compute market caps and their one-day changes, price and share count told apart.

    With p the close as traded, N the last accepted share count, k the ratio of what goes ex on the
    session: p' = p(t-1) / k; N' = N(t-1) * k for a share split, N(t-1) for a spin-off.
    ``price_effect_usd`` = N' * (p(t) - p'); ``share_count_effect_usd`` is the rest of the change of
    market cap. Without a bar on the previous session of the exchange there is no one-day change.

    Args:
        prices: ``core.prices``, sorted by symbol, session_date.
        counts: ``core.shares_outstanding``, sorted by symbol, valid_from.
        securities: ``ref.securities``.
        sessions: sessions of the exchange, sorted, covering the prices.

    Returns:
        Columns of ``mart.market_caps``, sorted by company_symbol, session_date.
    """
    lines = securities.filter(pl.col("symbol") == pl.col("company_symbol"))["symbol"]
    bars = prices.lazy().select(
        "symbol", "session_date", "close", "low", "open", "adjustment_ratio", "adjustment_kind"
    )
    if not prices["symbol"].unique().is_in(lines.implode()).all():
        bars = bars.filter(pl.col("symbol").is_in(lines.implode()))
    known = counts.lazy().select(
        "symbol",
        pl.col("valid_from").alias("session_date"),
        "shares_outstanding",
        shares_as_of="reported_as_of",
        count_warned="has_warning",
    )
    joined = (
        bars.join_asof(
            known,
            on="session_date",
            by="symbol",
            strategy="backward",
            check_sortedness=False,
        )
        .with_columns(number=_session_number(sessions))
        .collect()
    )
    previous = pl.col("symbol") == pl.col("symbol").shift()
    follows = (previous & (pl.col("number") - pl.col("number").shift() == 1)).fill_null(value=False)
    ratio = pl.col("adjustment_ratio")
    computed = (
        joined.lazy()
        .with_columns(
            has_earlier=previous.fill_null(value=False),
            has_previous=follows,
            previous_close=pl.when(follows).then(pl.col("close").shift()),
            previous_count=pl.when(follows).then(pl.col("shares_outstanding").shift()),
            previous_as_of=pl.when(follows).then(pl.col("shares_as_of").shift()),
            previous_warned=pl.when(follows).then(pl.col("count_warned").shift()),
        )
        .with_columns(
            comparable_close=pl.col("previous_close") / ratio,
            comparable_count=pl.col("previous_count")
            * pl.when(pl.col("adjustment_kind") == "split").then(ratio).otherwise(1.0),
            market_cap_usd=pl.col("close") * pl.col("shares_outstanding"),
            previous_market_cap_usd=pl.col("previous_close") * pl.col("previous_count"),
        )
        .with_columns(
            price_effect_usd=pl.col("comparable_count")
            * (pl.col("close") - pl.col("comparable_close")),
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
            price_effect_usd="price_effect_usd",
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
            flags=_flag_mask(),
        )
        .collect()
    )
    return computed.with_columns(_FLAG_LISTS.gather(computed["flags"]))


def _days_since(column: str) -> pl.Expr:
    return (pl.col("session_date") - pl.col(column)).dt.total_days()


def _session_number(sessions: Sequence[date]) -> pl.Expr:
    numbered = calendar.numbered(sessions)
    return pl.col("session_date").replace_strict(
        numbered["session_date"], numbered["session_number"], return_dtype=pl.Int32
    )


def _flag_mask() -> pl.Expr:
    """Return the flags of a row as bits, in the order of ``FLAGS``."""
    no_count = pl.col("shares_outstanding").is_null()
    raised = (
        no_count,
        pl.col("has_previous") & ~no_count & pl.col("previous_count").is_null(),
        (_days_since("shares_as_of") > STALE_AFTER_DAYS)
        | (_days_since("previous_as_of") > STALE_AFTER_DAYS).fill_null(value=False),
        pl.col("count_warned") | pl.col("previous_warned").fill_null(value=False),
        pl.col("adjustment_kind") != "none",
        pl.col("has_earlier") & ~pl.col("has_previous"),
        ~pl.col("has_earlier"),
        pl.col("low").is_null() | pl.col("open").is_null(),
    )
    return pl.sum_horizontal(
        flag.fill_null(value=False).cast(pl.UInt32) * (1 << bit) for bit, flag in enumerate(raised)
    )


@table_asset(
    mart.MarketCaps,
    {"prices": core.Prices, "counts": core.SharesOutstanding, "securities": ref.Securities},
)
def mart_market_caps(
    prices: pl.DataFrame, counts: pl.DataFrame, securities: pl.DataFrame
) -> pl.DataFrame:
    """Compute all market caps."""
    return market_caps(prices, counts, securities, calendar.sessions())
