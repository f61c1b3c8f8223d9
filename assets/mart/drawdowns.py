"""``mart.drawdowns``: falls over many sessions, of companies in dollars, of indices in points."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.market import calendar, flags
from assets.market.exact_sums import starts, sums
from assets.market.moves import chained_close
from assets.table_asset import table_asset
from warehouse.schemas import core, mart
from warehouse.schemas.vocabulary import DrawdownFlag

_EPISODE = ["symbol", "peak_date"]


def drawdowns(
    prices: pl.DataFrame, caps: pl.DataFrame, levels: pl.DataFrame, sessions: Sequence[date]
) -> pl.DataFrame:
    """Find every fall from a high, of each company and each index.

    A drawdown starts after the last session at the highest close so far, and ends on the first
    session at or above it again. Closes are compared adjusted for splits and spin-offs, without
    dividends; a gap does not end it. ``loss_usd`` adds up the price effects of its sessions up to
    the trough: what news calls the loss, with the share count of each session. Sessions without a
    price effect (a gap, no count on them or on the one before) are left out and flagged; what is
    known may then add up to a gain, which is no loss: null.

    Args:
        prices: ``core.prices``.
        caps: ``mart.market_caps``.
        levels: ``core.index_levels``.
        sessions: sessions of the exchange, sorted, covering all of them.

    Returns:
        Columns of ``mart.drawdowns``, sorted by symbol, peak_date.
    """
    numbered = calendar.numbered(sessions)
    of_company = caps.select("session_date", "price_effect_usd", "flags", symbol="company_symbol")
    companies = (
        prices.join(of_company, on=["symbol", "session_date"])
        .sort("symbol", "session_date")
        .select(
            "symbol",
            "session_date",
            "close",
            "price_effect_usd",
            "flags",
            comparable=chained_close(),
            is_index=pl.lit(value=False),
        )
    )
    indices = levels.sort("index_symbol", "session_date").select(
        "session_date",
        "close",
        price_effect_usd=pl.lit(None, dtype=pl.Float64),
        flags=pl.lit([], dtype=pl.List(pl.String)),
        symbol="index_symbol",
        comparable="close",
        is_index=pl.lit(value=True),
    )
    bars = pl.concat([companies, indices.select(companies.columns)]).sort("symbol", "session_date")
    below = _below_their_highs(bars.join(numbered, on="session_date", maintain_order="left"))
    falling = below.filter(pl.col("session_date") <= pl.col("trough_date"))
    groups = starts(falling.select(_EPISODE))
    losses = falling.select(_EPISODE)[groups].with_columns(
        loss_usd=sums(-falling["price_effect_usd"], groups)
    )
    return (
        _episodes(below)
        .join(_told(falling), on=_EPISODE)
        .join(losses, on=_EPISODE)
        .with_columns(
            loss_usd=pl.when(pl.col("has_effects") & (pl.col("loss_usd") >= 0)).then("loss_usd"),
            loss_points=pl.when("is_index").then(pl.col("peak_close") - pl.col("trough_close")),
        )
        .select(mart.Drawdowns.names())
        .sort(_EPISODE)
    )


def _below_their_highs(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the bars below the highest close so far, beside that high and the lowest one since.

    Args:
        bars: symbol, session_date, session_number, comparable, close ..., sorted.
    """
    at_high = pl.col("comparable") >= pl.col("comparable").cum_max()
    of_high = {
        "peak_date": "session_date",
        "peak_number": "session_number",
        "peak_close": "close",
        "peak_comparable": "comparable",
    }
    return (
        bars.with_columns(
            is_high=at_high.over("symbol"),
            history_from=pl.col("session_date").first().over("symbol"),
        )
        .with_columns(
            *(
                pl.when("is_high").then(column).forward_fill().over("symbol").alias(name)
                for name, column in of_high.items()
            ),
            recovery_date=pl.when("is_high").then("session_date").backward_fill().over("symbol"),
        )
        .filter(~pl.col("is_high"))
        .with_columns(
            trough_date=pl.col("session_date").get(pl.col("comparable").arg_min()).over(_EPISODE)
        )
    )


def _episodes(below: pl.DataFrame) -> pl.DataFrame:
    at_trough = pl.col("session_date") == pl.col("trough_date")
    return below.group_by(_EPISODE).agg(
        pl.col("is_index", "trough_date", "recovery_date", "peak_close", "history_from").first(),
        trough_close=pl.col("close").filter(at_trough).first(),
        drawdown_return=pl.col("comparable").min() / pl.col("peak_comparable").first() - 1,
        sessions_to_trough=(
            pl.col("session_number").filter(at_trough).first() - pl.col("peak_number").first()
        ).cast(pl.Int64),
        sessions_below=(pl.col("session_number").max() - pl.col("peak_number").first()).cast(
            pl.Int64
        ),
    )


def _told(falling: pl.DataFrame) -> pl.DataFrame:
    """Collect the flags of the sessions of each fall, and whether any has a price effect."""
    starts_at_peak = pl.col("peak_date") == pl.col("history_from")
    raised = {
        flag: starts_at_peak.first()
        if flag == DrawdownFlag.HISTORY_STARTS
        else pl.col("flags").list.contains(flag).any()
        for flag in DrawdownFlag
    }
    told = falling.group_by(_EPISODE).agg(
        has_effects=pl.col("price_effect_usd").is_not_null().any(), flags=flags.mask(raised)
    )
    return told.with_columns(flags.named(told["flags"], raised))


@table_asset(
    mart.Drawdowns,
    {"caps": mart.MarketCaps},
    behind={"prices": core.Prices, "levels": core.IndexLevels},
)
def mart_drawdowns(prices: pl.DataFrame, caps: pl.DataFrame, levels: pl.DataFrame) -> pl.DataFrame:
    """Find all drawdowns."""
    return drawdowns(prices, caps, levels, calendar.sessions())
