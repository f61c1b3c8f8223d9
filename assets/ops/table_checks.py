"""Checks that a data engineer expects on every table; each shows the rows that fail it.

Before a write, ``conforms`` keeps bad rows out. These look at what is there after it: an error
means that a number may be wrong, a warning that something deserves a look.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import cast

import dagster as dg
import polars as pl

from assets.market import calendar
from assets.market.listings import COLUMNS, is_listed
from assets.metadata import as_table
from assets.resources import Inputs
from assets.table_asset import asset_key
from warehouse import integrity
from warehouse.io_manager import WarehouseIOManager
from warehouse.schemas import TABLES, Table, core, mart, ops, raw, ref
from warehouse.storage import Warehouse

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN

JUDGED_SESSIONS = 20
"""Completeness looks at this many sessions: older gaps have been seen."""

MANY_REFUSED = 0.01
"""A larger share of rows in quarantine deserves a look."""

LARGE_LOSS_USD = 150e9
"""A loss above this makes headlines: price and share count must rest on two rows each."""

ALIKE = 0.05
"""Two share counts this near to each other support each other."""

Failing = tuple[pl.DataFrame, str]
"""The rows that fail a check, and the check's verdict in a sentence."""


# --- what is checked, frame to frame --------------------------------------------------------------


def missing_bars(
    prices: pl.DataFrame, symbol: str, sessions: list[date], listed: pl.DataFrame
) -> pl.DataFrame:
    """Return the sessions that a symbol lacks among the last ones, while it is listed.

    Args:
        prices: a table of bars.
        symbol: its symbol column.
        sessions: the exchange's sessions, the last ones.
        listed: symbol, listed_from, listed_to; a symbol that is not there, or has no known
            beginning, is expected from its first bar on.

    Returns:
        symbol, sessions (how many are missing), first_missing, last_missing.
    """
    firsts = prices.group_by(symbol).agg(first=pl.col("session_date").min())
    days = pl.DataFrame({"session_date": sessions}, schema={"session_date": pl.Date})
    return (
        firsts.join(listed.select(COLUMNS), left_on=symbol, right_on="symbol", how="left")
        .with_columns(pl.coalesce("listed_from", "first").alias("listed_from"))
        .join(days, how="cross")
        .filter(is_listed(pl.col("session_date")))
        .join(prices, on=[symbol, "session_date"], how="anti")
        .group_by(symbol)
        .agg(
            sessions=pl.len(),
            first_missing=pl.col("session_date").min(),
            last_missing=pl.col("session_date").max(),
        )
        .sort("sessions", symbol, descending=[True, False])
    )


def unsupported_losses(
    losses: pl.DataFrame, caps: pl.DataFrame, prices: pl.DataFrame, counts: pl.DataFrame
) -> pl.DataFrame:
    """Return the losses above ``LARGE_LOSS_USD`` that rest on one row of prices or counts alone.

    The close is supported by a bar around it, or by the next session not opening (closing, where
    only closes are known) more than half the way back. The share count that the loss rests on is
    supported by another report within ``ALIKE`` of it.

    Args:
        losses: ``mart.market_cap_losses``.
        caps: ``mart.market_caps``.
        prices: ``core.prices``.
        counts: ``core.shares_outstanding``.

    Returns:
        company_symbol, session_date, loss_usd, lacks.
    """
    large = losses.filter(pl.col("loss_usd") > LARGE_LOSS_USD)
    bars = prices.sort("symbol", "session_date").with_columns(
        next_price=pl.coalesce("open", "close").shift(-1).over("symbol"),
        next_ratio=pl.col("adjustment_ratio").shift(-1).over("symbol"),
    )
    back = pl.col("next_price") * pl.col("next_ratio").fill_null(1) / pl.col("close") - 1
    in_bar = pl.col("close").is_between(pl.col("low") - 0.005, pl.col("high") + 0.005)
    stays = back < pl.col("loss_return") / 2
    judged = large.join(
        bars, left_on=["company_symbol", "session_date"], right_on=["symbol", "session_date"]
    ).with_columns(has_price=in_bar.fill_null(value=False) | stays.fill_null(value=False))
    of_loss = judged.select("company_symbol", "session_date").join(
        caps.select(
            "company_symbol", "session_date", "effect_shares_outstanding", "effect_shares_as_of"
        ),
        on=["company_symbol", "session_date"],
    )
    alike = (pl.col("shares_outstanding") / pl.col("effect_shares_outstanding") - 1).abs() <= ALIKE
    supported = (
        of_loss.join(counts, left_on="company_symbol", right_on="symbol")
        .filter(alike & (pl.col("reported_as_of") != pl.col("effect_shares_as_of")))
        .select("company_symbol", "session_date", has_count=pl.lit(value=True))
        .unique()
    )
    return (
        judged.join(supported, on=["company_symbol", "session_date"], how="left")
        .with_columns(
            lacks=pl.concat_str(
                [
                    pl.when(~pl.col("has_price")).then(pl.lit("a second price")),
                    pl.when(pl.col("has_count").is_null()).then(pl.lit("a second share count")),
                ],
                separator=", ",
                ignore_nulls=True,
            )
        )
        .filter(pl.col("lacks") != "")
        .select("company_symbol", "session_date", "loss_usd", "lacks")
        .sort("loss_usd", descending=True)
    )


# --- the checks -----------------------------------------------------------------------------------


def _unique(model: type[Table]) -> Callable[[Warehouse], Failing]:
    def judge(warehouse: Warehouse) -> Failing:
        failing = integrity.duplicate_keys(warehouse, model)
        return failing, f"{failing.height or 'no'} keys are there more than once"

    return judge


def _referred(model: type[Table]) -> Callable[[Warehouse], Failing]:
    def judge(warehouse: Warehouse) -> Failing:
        failing = integrity.orphans(warehouse, model)
        others = failing["lacking in"].unique().sort().to_list() or list(model.references())
        return failing, f"{failing.height or 'no'} references to {', '.join(others)} lead nowhere"

    return judge


def _conserved(
    source: type[Table], target: type[Table], date_there: str
) -> Callable[[Warehouse], Failing]:
    def judge(warehouse: Warehouse) -> Failing:
        failing = integrity.unaccounted_rows(warehouse, source, target, date_there)
        said = (
            f"{failing.height or 'no'} rows of {source.table()} are neither here nor in quarantine"
        )
        return failing, said

    return judge


def _let_through(model: type[Table]) -> Callable[[Warehouse], Failing]:
    def judge(warehouse: Warehouse) -> Failing:
        through, refused, shown = integrity.refused_rows(warehouse, model)
        share = refused / max(through + refused, 1)
        said = f"{refused} of {through + refused} rows are in quarantine ({share:.2%})"
        return (shown if share > MANY_REFUSED else shown.clear()), said

    return judge


def _complete(model: type[Table]) -> Callable[[Warehouse], Failing]:
    symbol = model.key()[0]

    def judge(warehouse: Warehouse) -> Failing:
        bars = warehouse.read(model.table())
        if bars.is_empty():
            return bars.select(symbol), "there are no bars yet"
        last = cast("date", bars["session_date"].max())
        sessions = calendar.sessions(last - timedelta(days=60), last)[-JUDGED_SESSIONS:]
        failing = missing_bars(bars, symbol, sessions, warehouse.read(ref.Securities.table()))
        lacking = failing["sessions"].sum()
        return failing, (
            f"{lacking} bars are missing among {bars[symbol].n_unique()} symbols over the last "
            f"{len(sessions)} sessions"
        )

    return judge


def _plausible(warehouse: Warehouse) -> Failing:
    losses = warehouse.read(mart.MarketCapLosses.table())
    failing = unsupported_losses(
        losses,
        *(
            warehouse.read(model.table())
            for model in (mart.MarketCaps, core.Prices, core.SharesOutstanding)
        ),
    )
    large = losses.filter(pl.col("loss_usd") > LARGE_LOSS_USD).height
    return failing, (
        f"{failing.height or 'none'} of {large} losses above $150bn lack a second row of prices or "
        "share counts"
    )


_Judge = Callable[[Warehouse], Failing]
_Check = tuple[type[Table], str, dg.AssetCheckSeverity, str, _Judge]


def _checks() -> Iterator[_Check]:
    """Yield table, name, severity, description and judge of every check."""
    for name, model in TABLES.items():
        if name.startswith("ops.") and model is not ops.DataDictionary:
            continue  # written together with others, by nobody else
        yield model, "unique_key", ERROR, "No key is there twice.", _unique(model)
        if model.references():
            others = ", ".join(model.references())
            said = f"Every row has its row in {others}."
            yield model, "references", ERROR, said, _referred(model)
    for source, target, date_there in (
        (raw.Prices, core.Prices, "session_date"),
        (raw.IndexLevels, core.IndexLevels, "session_date"),
        (raw.SharesOutstanding, core.SharesOutstanding, "reported_as_of"),
    ):
        said = f"Every row of {source.table()} is here or in quarantine."
        yield target, "rows_conserved", ERROR, said, _conserved(source, target, date_there)
    for gated in (raw.Prices, raw.Splits, raw.Dividends, raw.SharesOutstanding, raw.IndexLevels,
                  core.Prices, core.SharesOutstanding, core.IndexLevels):  # fmt: skip
        said = f"At most {MANY_REFUSED:.0%} of the rows are in quarantine."
        yield gated, "quarantine_share", WARN, said, _let_through(gated)
    for bars in (core.Prices, core.IndexLevels):
        said = (
            f"Every symbol has a bar on each of the last {JUDGED_SESSIONS} sessions it is listed."
        )
        yield bars, "complete", WARN, said, _complete(bars)
    yield (
        mart.MarketCapLosses,
        "plausible",
        ERROR,
        "A loss above $150bn rests on two rows of prices and two share counts.",
        _plausible,
    )


_CHECKS = {
    dg.AssetCheckKey(asset_key(model), name): (severity, said, judge)
    for model, name, severity, said, judge in _checks()
}


@dg.multi_asset_check(
    name="table_checks",
    specs=[
        dg.AssetCheckSpec(key.name, asset=key.asset_key, description=said)
        for key, (_, said, _) in _CHECKS.items()
    ],
    can_subset=True,
    required_resource_keys={"io_manager"},
)
def table_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Run the checks of the tables that this run made, in one step."""
    io_manager = cast("WarehouseIOManager", context.resources.io_manager)
    warehouse = io_manager.open()
    for key in sorted(context.selected_asset_check_keys, key=str):
        severity, _, judge = _CHECKS[key]
        failing, said = judge(warehouse)
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=failing.is_empty(),
            severity=severity,
            description=said,
            metadata={"failing": failing.height, "failing_rows": as_table(failing)},
        )


@dg.asset_check(
    asset=["ops", "published_file"],
    required_resource_keys={"io_manager", "inputs"},
    description="Whether the last closed session is in the published file, by the exchange's "
    "calendar. A source of files ends where the files end.",
)
def fresh(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Warn where a live source should have more sessions."""
    warehouse = context.resources.io_manager.open()
    inputs = cast("Inputs", context.resources.inputs)
    last = cast("date | None", warehouse.read(core.Prices.table())["session_date"].max())
    closed = calendar.last_closed_session(inputs.moment())
    is_live = inputs.settings.source != "files"
    behind = calendar.sessions(last + timedelta(days=1), closed) if last else []
    if last is None:
        said = "there are no prices"
    elif not is_live:
        said = f"source {inputs.settings.source} ends on {last}"
    else:
        said = f"the last session is {last}, {len(behind)} closed since"
    return dg.AssetCheckResult(
        passed=last is not None and not (is_live and behind),
        severity=WARN,
        description=said,
        metadata={
            "last_session": str(last),
            "last_closed_session": str(closed),
            "sessions_behind": len(behind),
        },
    )
