"""``raw.prices``: daily bars as the source delivers them."""

from datetime import date
from typing import cast

import dagster as dg
import polars as pl

from assets.market import calendar
from assets.market.listings import COLUMNS
from assets.raw.delivery import KINDS, Expected, delivered, land
from assets.resources import Inputs
from assets.table_asset import asset_key, table_asset
from warehouse.errors import SourceError
from warehouse.landing import Landing, Window
from warehouse.schemas import raw, ref
from warehouse.storage import Warehouse

NAMED = 5
"""Sessions that a check names."""


def run_sessions(inputs: Inputs) -> tuple[date, date]:
    """Return the first and the last session of the run.

    Raises:
        SourceError: if the run names none.
    """
    if inputs.sessions is None:
        raise SourceError(
            "raw.prices: the run names no session", "Choose partitions, or use `capshock run`."
        )
    return inputs.sessions


def refuse_nothing(landing: Landing, first: date, last: date) -> None:
    """Fail where the source has not one bar of the run's sessions: none of them is done then.

    Raises:
        SourceError: naming the sessions.
    """
    refused = landing.quarantined
    of_run = pl.col("row_date").is_between(first, last)
    if landing.rows.is_empty() and (refused is None or refused.filter(of_run).is_empty()):
        sessions = f"{first}" if first == last else f"{first} to {last}"
        raise SourceError(
            f"raw.prices: the source has no bar of any symbol on {sessions}",
            "Ask for sessions that it has; `capshock doctor` says where it ends.",
        )


def sessions_without_bars(prices: pl.DataFrame, first: date, last: date) -> list[date]:
    """Return the sessions of a run on which no symbol has a bar.

    Args:
        prices: ``raw.prices``.
        first: first session of the run.
        last: last session of the run.
    """
    there = set(prices["session_date"].unique())
    return [day for day in calendar.sessions(first, last) if day not in there]


def listed_within(securities: pl.DataFrame, first: date, last: date) -> list[str]:
    """Return the lines that are listed on a session between two dates.

    Args:
        securities: ``ref.securities``.
        first: first session.
        last: last session.
    """
    ends_before = pl.col("listed_to").is_not_null() & (pl.col("listed_to") < first)
    begins_after = pl.col("listed_from").is_not_null() & (pl.col("listed_from") > last)
    return securities.filter(~ends_before & ~begins_after)["symbol"].to_list()


@table_asset(raw.Prices, {"securities": ref.Securities}, kinds=KINDS)
def prices(securities: pl.DataFrame, inputs: Inputs) -> Landing:
    """Fetch the bars of the run's sessions."""
    first, last = run_sessions(inputs)
    delivery = inputs.open_source().prices(listed_within(securities, first, last), first, last)
    asked = securities["symbol"].to_list()
    expected = Expected(Window("session_date", first, last), securities.select(COLUMNS))
    landing = land(delivery, raw.Prices, asked, inputs, expected)
    refuse_nothing(landing, first, last)
    return landing


prices_delivered = delivered(raw.Prices)


@dg.asset_check(
    asset=asset_key(raw.Prices),
    name="every_session",
    required_resource_keys={"inputs", "io_manager"},
    description="Whether each session that the run fetched has bars. One that has none is green, "
    "because the run has read it, and holds nothing.",
)
def every_session(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Warn of sessions without a bar."""
    warehouse = cast("Warehouse", context.resources.io_manager.open())
    bounds = cast("Inputs", context.resources.inputs).sessions
    lacking = sessions_without_bars(warehouse.read("raw.prices"), *bounds) if bounds else []
    named = ", ".join(str(day) for day in lacking[:NAMED])
    more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
    return dg.AssetCheckResult(
        passed=not lacking,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"no symbol has a bar on {named}{more}"
        if lacking
        else "each session of the run has bars",
        metadata={"sessions_without_bars": len(lacking)},
    )
