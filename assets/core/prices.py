"""``core.prices``: bars that make sense next to their neighbours, and what went ex between them.

The second gate for prices. A bar whose low lies above its close is wrong in itself and rejected;
one outside the listing of its line is held. A close beyond x1.8 of the last accepted one, or below
/1.8, without a split is held, unless an official index moved with it, or it stayed while the share
count did: it waits for them, for the split's record, or for a person's decision that the move is
real.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from assets.core.order_gate import gate_order, hold, hold_repeated_bars, landing_of
from assets.market import calendar
from assets.market.bars import unexplained_moves
from assets.market.corporate_actions import with_adjustments
from assets.market.listings import COLUMNS, is_listed
from assets.market.moves import with_comparable_close
from assets.market.witnesses import confirmed_moves
from assets.raw.delivery import refuse_bad_delivery
from assets.resources import Limits
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import core, raw, ref
from warehouse.validation import Gated

_ROW = "__row"


def hold_unlisted(prices: pl.DataFrame, securities: pl.DataFrame) -> Gated:
    """Hold bars of sessions on which their line is not listed: one of the two is wrong.

    Args:
        prices: bars, sorted by symbol, session_date.
        securities: ``ref.securities``.
    """
    indexed = prices.with_row_index(_ROW)
    told = indexed.join(securities.select(COLUMNS), on="symbol", how="left", maintain_order="left")
    is_late = pl.col("session_date") > pl.col("listed_to")
    # One chunk: Polars 2.1 panics where it formats a filtered frame of several.
    problems = (
        told.filter(~is_listed(pl.col("session_date")))
        .rechunk()
        .select(
            _ROW,
            rule=pl.lit("listed"),
            reason=pl.format(
                "{} is listed {}: a bar {} session; another date in securities.csv lets it through",
                "symbol",
                pl.when(is_late)
                .then(pl.format("until {}", "listed_to"))
                .otherwise(pl.format("since {}", "listed_from")),
                pl.when(is_late)
                .then(pl.lit("after its last"))
                .otherwise(pl.lit("before its first")),
            ),
        )
    )
    return hold(indexed, problems, core.Prices)


def hold_unexplained_moves(
    prices: pl.DataFrame,
    actions: pl.DataFrame,
    decisions: pl.DataFrame,
    confirmed: pl.DataFrame,
) -> Gated:
    """Hold closes that jump from the last accepted one without a corporate action.

    Args:
        prices: bars sorted by symbol, session_date.
        actions: ``core.corporate_actions``.
        decisions: ``ref.split_decisions``.
        confirmed: what ``confirmed_moves`` returns.
    """
    indexed = prices.with_row_index(_ROW)
    problems = unexplained_moves(prices, actions, decisions, confirmed).select(
        pl.col("row").alias(_ROW), "reason", rule=pl.lit("price_move")
    )
    return hold(indexed, problems, core.Prices)


def ready_to_compute_with(
    bars: pl.DataFrame, actions: pl.DataFrame, sessions: Sequence[date]
) -> pl.DataFrame:
    """Return ``core.prices`` of the bars that passed: with what went ex, and what to compare with.

    Args:
        bars: bars sorted by symbol, session_date.
        actions: ``core.corporate_actions``.
        sessions: sessions of the exchange, sorted, covering the bars.
    """
    adjusted = with_adjustments(bars, actions)
    return with_comparable_close(adjusted, sessions).select(core.Prices.names())


@table_asset(
    core.Prices,
    {
        "prices": raw.Prices,
        "actions": core.CorporateActions,
        "levels": core.IndexLevels,
        "holdings": ref.IndexHoldings,
        "reports": raw.SharesOutstanding,
    },
    behind={
        "decisions": ref.SplitDecisions,
        "indices": ref.Indices,
        "securities": ref.Securities,
    },
)
def core_prices(  # noqa: PLR0913, PLR0917 - as many inputs as witnesses it asks
    prices: pl.DataFrame,
    actions: pl.DataFrame,
    levels: pl.DataFrame,
    holdings: pl.DataFrame,
    reports: pl.DataFrame,
    decisions: pl.DataFrame,
    indices: pl.DataFrame,
    securities: pl.DataFrame,
    limits: Limits,
) -> Landing:
    """Pass all bars through the second gate."""
    ordered = gate_order(prices, core.Prices)
    refuse_bad_delivery(ordered, core.Prices, limits)
    listed = hold_unlisted(ordered.passed, securities)
    anew = hold_repeated_bars(listed.passed, decisions, core.Prices)
    confirmed = confirmed_moves(
        anew.passed, actions, holdings, indices, levels, reports, calendar.sessions()
    )
    moved = hold_unexplained_moves(anew.passed, actions, decisions, confirmed)
    rows = ready_to_compute_with(moved.passed, actions, calendar.sessions())
    landing = landing_of(rows, [ordered, listed, anew, moved], core.Prices)
    idle = decisions.join(
        prices, left_on=["symbol", "ex_date"], right_on=["symbol", "session_date"], how="anti"
    ).join(levels, left_on="symbol", right_on="index_symbol", how="anti")
    notes = tuple(
        f"split_decisions.csv: {symbol} {day} matches no bar: no effect on its price."
        for symbol, day in idle.select("symbol", "ex_date").rows()
    )
    return replace(landing, notes=notes)
