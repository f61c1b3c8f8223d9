"""``raw.prices``: daily bars as the source delivers them."""

from dataclasses import replace
from datetime import date
from typing import cast

import dagster as dg
import polars as pl

from assets.market import calendar
from assets.market.corporate_actions import classify
from assets.market.corrected_events import corrected
from assets.market.listings import COLUMNS
from assets.market.names import Names
from assets.market.rebased_closes import (
    NEVER_BEGUN,
    PRICES_AND_SPLITS,
    moved_symbols,
    rebased_blocks,
)
from assets.raw.corporate_actions import answered
from assets.raw.delivery import (
    KINDS,
    Expected,
    Judged,
    bars_since,
    covered,
    delivered,
    land,
    refuse_symbols,
    source_of,
    told_of_lines,
)
from assets.ref.symbol_changes import names_in_force
from assets.resources import Inputs
from assets.sources import Delivery, Since, Source
from assets.table_asset import asset_key, table_asset
from warehouse.errors import SourceError
from warehouse.landing import Landing, Window
from warehouse.schemas import raw, ref
from warehouse.schemas.vocabulary import Outcome
from warehouse.storage import Warehouse
from warehouse.validation import Gated, pass_gate

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


def asked_for(source: Source, since: Since, last: date) -> Delivery:
    """Ask a source for the bars of lines, of each from its own date on.

    Args:
        source: the source.
        since: line -> the first session of it.
        last: the last session.
    """
    lines: dict[date, list[str]] = {}
    for symbol, first in since.items():
        lines.setdefault(first, []).append(symbol)
    told = [source.prices(of, first, last) for first, of in sorted(lines.items())]
    if len(told) == 1:
        return told[0]
    accounts = [one.accounts for one in told if one.accounts is not None]
    return replace(
        told[0],
        rows=pl.concat([one.rows for one in told]),
        accounts=pl.concat(accounts),
        covers=(since, last),
    )


def with_histories(
    source: Source, delivery: Delivery, landed: pl.DataFrame, last: date
) -> Delivery:
    """Ask for the whole history of lines of which a landed close comes with another value.

    It says since when, and by what: a window that begins within what has moved does not.

    Args:
        source: the source.
        delivery: what it delivered.
        landed: ``raw.prices`` before the delivery.
        last: the last session asked for.
    """
    if delivery.covers is None or delivery.accounts is None:
        return delivery
    since, _ = delivery.covers
    begins = landed.group_by("symbol").agg(pl.col("session_date").min())
    begin = dict(begins.filter(pl.col("symbol").is_in(moved_symbols(landed, delivery.rows)))
                 .iter_rows())  # fmt: skip
    further = {s: day for s, day in begin.items() if day < since.get(s, day)}
    if not further:
        return delivery
    told = asked_for(source, further, last)
    if told.accounts is None:
        return delivery
    came = told.accounts.filter(pl.col("outcome") == Outcome.OK)["symbol"]
    theirs = pl.col("symbol").is_in(came.implode())
    return replace(
        delivery,
        rows=pl.concat([delivery.rows.filter(~theirs), told.rows.filter(theirs)]),
        accounts=pl.concat([delivery.accounts.filter(~theirs), told.accounts.filter(theirs)]),
        covers=({**since, **{s: further[s] for s in came}}, last),
    )


def begun_on(inputs: Inputs, names: Names) -> pl.DataFrame:
    """Return the last session that was there when a line first came: symbol, begun_on.

    None of lines of which that is not known: they came in files.
    """
    told = told_of_lines(inputs, "prices", names)
    return covered(told).group_by("symbol").agg(begun_on=pl.col("asked_to").min())


def refuse_nothing(landing: Landing, first: date, last: date) -> None:
    """Fail where the source has not one bar of the run's sessions: none of them is done then.

    Raises:
        SourceError: naming the sessions.
    """
    refused = landing.quarantined
    of_run = pl.col("row_date").is_between(first, last)
    landed = landing.rows.filter(pl.col("session_date").is_between(first, last))
    if landed.is_empty() and (refused is None or refused.filter(of_run).is_empty()):
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


def refused_symbols(
    landed: pl.DataFrame,
    delivered: pl.DataFrame,
    actions: pl.DataFrame,
    decisions: pl.DataFrame,
    begun: pl.DataFrame = NEVER_BEGUN,
) -> dict[str, str]:
    """Return the symbols whose landed closes a delivery moves by a split's ratio, and what to say.

    A decision on the last session of what is moved lets it through.

    Args:
        landed: ``raw.prices`` before the delivery.
        delivered: the bars that passed the first gate.
        actions: what is known to go ex, landed and delivered: symbol, ex_date, ratio, kind.
        decisions: ``ref.split_decisions``.
        begun: symbol, begun_on: the last session that was there when a symbol first came.
    """
    blocks = rebased_blocks(landed, delivered, actions, begun).join(
        decisions, left_on=["symbol", "last_session"], right_on=["symbol", "ex_date"], how="anti"
    )
    said: dict[str, list[str]] = {}
    for block in blocks.sort("symbol", "first_session").iter_rows(named=True):
        first, last, ratio = block["first_session"], block["last_session"], block["ratio"]
        which = f"{first}" if first == last else f"{block['sessions']} sessions, {first} to {last},"
        does = f"divided by {ratio:.4g}" if ratio > 1 else f"multiplied by {1 / ratio:.4g}"
        whose = "a ratio that is recorded" if block["is_recorded"] else "as by a split"
        said.setdefault(block["symbol"], []).append(
            f"landed closes of {which} come {does} ({whose}); a line {block['symbol']},{last},"
            "none,1 in split_decisions.csv lets them through"
        )
    return {
        symbol: f"{symbol}: " + "; ".join(lines) + ". As-traded closes of ended sessions never "
        "change by a split: what has landed stays, until the source agrees with it again, or a "
        "person decides"
        for symbol, lines in said.items()
    }


def with_values_known(delivered: pl.DataFrame, landed: pl.DataFrame) -> pl.DataFrame:
    """Keep the values that have landed of a bar which comes again without them.

    A source that leaves out a value today has not unmade it. One with another close is another bar.

    Args:
        delivered: the bars that passed the first gate.
        landed: ``raw.prices`` before the delivery.
    """
    names = ["open", "high", "low", "volume"]
    lacking = pl.any_horizontal(pl.col(names).is_null())
    if not delivered.select(lacking.any()).item():
        return delivered
    key = ["symbol", "session_date"]
    had = landed.select(
        *key, pl.col("close").alias("was"), *(pl.col(name).alias(f"had_{name}") for name in names)
    )
    is_same = pl.col("was") == pl.col("close")
    return (
        delivered.join(had, on=key, how="left", maintain_order="left")
        .with_columns(
            pl.when(is_same).then(pl.coalesce(name, f"had_{name}")).otherwise(name).alias(name)
            for name in names
        )
        .select(delivered.columns)
    )


def known_actions(
    source: Source, since: Since, inputs: Inputs, names: Names, decisions: pl.DataFrame
) -> pl.DataFrame:
    """Return what is known to go ex, as it has landed and as it is delivered beside the prices.

    Args:
        source: where the prices came from: their splits come with them.
        since: lines to tell of, and the date from which each was asked for.
        inputs: what has landed.
        names: what names of lines stand for.
        decisions: ``ref.split_decisions``.
    """
    delivery = source.splits(since)
    told = pass_gate(delivery.rows, raw.Splits).passed
    landed = inputs.landed(raw.Splits, names)
    # One whose date is corrected by this very answer moves the closes between its two dates.
    gone = corrected(landed, told, answered(delivery), "ratio")
    columns = ["symbol", "ex_date", "ratio", "kind"]
    stays = landed.join(gone, on=["symbol", "ex_date"], how="anti")
    both = pl.concat([stays.select(columns), told.select(columns)])
    return classify(both.unique(maintain_order=True), decisions)


@table_asset(
    raw.Prices,
    {"decisions": ref.SplitDecisions},
    behind={"securities": ref.Securities, "changes": ref.SymbolChanges},
    kinds=KINDS,
)
def prices(
    securities: pl.DataFrame, decisions: pl.DataFrame, changes: pl.DataFrame, inputs: Inputs
) -> Landing:
    """Fetch the bars of the run's sessions; refuse those that contradict what has landed."""
    first, last = run_sessions(inputs)
    asked = securities["symbol"].to_list()
    names = names_in_force(changes, securities, inputs)
    source = source_of(inputs, names)
    lines = listed_within(securities, first, last)
    since = bars_since(inputs, lines, names)
    landed = inputs.landed(raw.Prices, names)
    delivery = with_histories(source, asked_for(source, since, last), landed, last)
    if delivery.covers is not None:
        since, _ = delivery.covers
    start = min(since.values(), default=first)

    def judge(gated: Gated) -> Judged:
        if delivery.keeps_absent:
            gated = replace(gated, passed=with_values_known(gated.passed, landed))
        moved = moved_symbols(landed, gated.passed)
        if not moved:
            return Judged(gated)
        of_moved = {symbol: since.get(symbol, first) for symbol in moved}
        actions = known_actions(source, of_moved, inputs, names, decisions)
        begun = begun_on(inputs, names)
        refused = refused_symbols(landed, gated.passed, actions, decisions, begun)
        of_window = landed.filter(pl.col("session_date").is_between(start, last))
        return refuse_symbols(gated, refused, of_window, raw.Prices, PRICES_AND_SPLITS)

    expected = Expected(Window("session_date", start, last), securities.select(COLUMNS))
    landing = land(delivery, raw.Prices, asked, inputs, expected, names=names, judge=judge)
    if len(since) == len(lines):
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
