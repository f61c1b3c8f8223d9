"""``raw.splits``, ``raw.dividends``: corporate actions as the source delivers them."""

from dataclasses import replace

import polars as pl

from assets.market.corporate_actions import kind_told
from assets.market.corrected_events import corrected, undone
from assets.market.held_rows import held_for
from assets.market.rebased_closes import PRICES_AND_SPLITS
from assets.raw.delivery import (
    KINDS,
    Judged,
    delivered,
    land,
    lines_since,
    refuse_symbols,
    source_of,
)
from assets.ref.symbol_changes import names_in_force
from assets.resources import Inputs
from assets.sources import Delivery
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import Table, ops, raw, ref
from warehouse.schemas.vocabulary import Outcome, RefusalStatus
from warehouse.validation import Gated, quarantine

_ROW = "__row"

DATE_CORRECTED = "date_corrected"
"""The rule by which an event goes whose date the source has corrected."""

NEVER_WAS = "never_was"
"""The rule by which a split goes that the source lists no more, and no close has followed."""


def one_of_a_kind(gated: Gated) -> Gated:
    """Reject what would be two splits, or two spin-offs, of a line on one date.

    The key lets two rows of a date through whose kinds differ as written; one of them may be told
    by its ratio, and be what the other says it is.

    Args:
        gated: what the first gate made of a delivery of splits.
    """
    rows = gated.passed.with_row_index(_ROW)
    told = rows.with_columns(told=kind_told())
    # One chunk: Polars 2.1 panics where it formats a filtered frame of several.
    twice = told.filter(pl.struct("symbol", "ex_date", "told").is_duplicated()).rechunk()
    problems = twice.select(
        _ROW,
        rule=pl.lit("conflicting_duplicate"),
        reason=pl.format(
            "ratio {}: two rows of the date are a {}; a split and a spin-off on one date say so in "
            "the column kind",
            "ratio",
            "told",
        ),
    )
    refused = quarantine(rows, problems, raw.Splits, status=RefusalStatus.REJECTED)
    return replace(
        gated,
        passed=rows.join(problems, on=_ROW, how="anti", maintain_order="left").drop(_ROW),
        quarantined=pl.concat([gated.quarantined, refused]),
    )


def doubted(quarantine: pl.DataFrame) -> dict[str, str]:
    """Return the symbols whose prices are refused over their splits, and what to say of these.

    Args:
        quarantine: ``ops.quarantine``.
    """
    rows = held_for(quarantine, raw.Prices.table(), PRICES_AND_SPLITS)
    return {
        symbol: f"{symbol}: not used beside the prices that have landed: those delivered with it "
        "are refused (ops.quarantine, raw.prices)"
        for symbol in rows["symbol"].unique().sort()
    }


def answered(delivery: Delivery) -> pl.DataFrame:
    """Return the lines of which all events since a date have come: symbol, since.

    Args:
        delivery: what a source delivered; one that is read whole says nothing of lines.
    """
    since, _ = delivery.covers or ({}, None)
    asked = pl.DataFrame(
        list(since.items()), schema={"symbol": pl.String, "since": pl.Date}, orient="row"
    )
    if delivery.accounts is None:
        return asked.clear()
    good = delivery.accounts.filter(pl.col("outcome") == Outcome.OK)
    return asked.join(good, on="symbol", how="semi")


def with_corrections(  # noqa: PLR0913, PLR0917 - as many sides as it compares
    judged: Judged,
    delivery: Delivery,
    landed: pl.DataFrame,
    model: type[Table],
    value: str,
    bars: pl.DataFrame | None = None,
) -> Judged:
    """Let events go that the source has corrected since, and say so.

    Args:
        judged: what the gate made of the delivery.
        delivery: what the source delivered.
        landed: what has landed of the table.
        model: the raw table.
        value: its column that says how large an event is.
        bars: ``raw.prices`` beside splits: one that no close has followed may go. None: no event
            that is merely left out goes.
    """
    whole = answered(delivery).filter(~pl.col("symbol").is_in(list(judged.refused)))
    passed = judged.gated.passed
    found = corrected(landed, passed, whole, value)
    if bars is not None:
        others = landed.join(found, on=["symbol", "ex_date"], how="anti")
        found = pl.concat([found, undone(others, passed, whole, bars)])
    if found.is_empty():
        return judged
    rows = landed.join(found, on=["symbol", "ex_date"]).with_row_index(_ROW)
    is_dated, what = pl.col("corrected_to").is_not_null(), ["symbol", "ex_date", value]
    then = (
        pl.when(is_dated)
        .then(pl.format("is dated {} now: it is not counted twice", "corrected_to"))
        .otherwise(pl.lit("is listed no more, and no close has followed it: it never was"))
    )
    problems = rows.select(
        _ROW,
        rule=pl.when(is_dated).then(pl.lit(DATE_CORRECTED)).otherwise(pl.lit(NEVER_WAS)),
        reason=pl.format(f"{{}}: what went ex on {{}} ({value} {{}}) {{}}", *what, then),
    )
    lines = quarantine(rows, problems, model, status=RefusalStatus.RESOLVED)
    refused = pl.concat([judged.gated.quarantined, lines])
    return replace(
        judged,
        gated=replace(judged.gated, quarantined=refused),
        withdrawn=found,
        said=problems["reason"].to_list(),
    )


@table_asset(
    raw.Splits,
    {"securities": ref.Securities},
    behind={"quarantine": ops.Quarantine, "changes": ref.SymbolChanges},
    kinds=KINDS,
    after=[raw.Prices],
)
def splits(
    securities: pl.DataFrame, quarantine: pl.DataFrame, changes: pl.DataFrame, inputs: Inputs
) -> Landing:
    """Fetch recorded splits: prices and splits are one statement, and land together or not."""

    def judge(gated: Gated) -> Judged:
        refused = doubted(quarantine)
        landed = inputs.landed(raw.Splits, names)
        judged = refuse_symbols(
            one_of_a_kind(gated), refused, landed, raw.Splits, PRICES_AND_SPLITS
        )
        bars = inputs.landed(raw.Prices, names)
        return with_corrections(judged, delivery, landed, raw.Splits, "ratio", bars)

    asked = securities["symbol"].to_list()
    names = names_in_force(changes, securities, inputs)
    delivery = source_of(inputs, names).splits(lines_since(inputs, "splits", securities, names))
    return land(delivery, raw.Splits, asked, inputs, names=names, judge=judge)


@table_asset(
    raw.Dividends,
    {"securities": ref.Securities},
    behind={"changes": ref.SymbolChanges},
    kinds=KINDS,
)
def dividends(securities: pl.DataFrame, changes: pl.DataFrame, inputs: Inputs) -> Landing:
    """Fetch recorded dividends."""
    asked = securities["symbol"].to_list()
    names = names_in_force(changes, securities, inputs)
    delivery = source_of(inputs, names).dividends(
        lines_since(inputs, "dividends", securities, names)
    )

    def judge(gated: Gated) -> Judged:
        landed = inputs.landed(raw.Dividends, names)
        return with_corrections(Judged(gated), delivery, landed, raw.Dividends, "amount_usd")

    return land(delivery, raw.Dividends, asked, inputs, names=names, judge=judge)


splits_delivered = delivered(raw.Splits)
dividends_delivered = delivered(raw.Dividends)
