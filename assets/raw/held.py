"""Rows that a source delivers as held: it cannot tell whether they are right, and says why."""

from dataclasses import replace

import polars as pl

from assets.sources import Delivery
from warehouse.schemas import Table
from warehouse.schemas.vocabulary import RefusalStatus
from warehouse.validation import Gated, quarantine

_ROW = "__row"


def with_held(gated: Gated, delivery: Delivery, model: type[Table]) -> Gated:
    """Add the rows that the source itself holds to those that the gate has refused.

    Args:
        gated: what the first gate made of the rows.
        delivery: the delivery.
        model: the raw table.
    """
    if delivery.held is None or delivery.held.is_empty():
        return gated
    rows = delivery.held.with_row_index(_ROW)
    lines = quarantine(rows, rows.select(_ROW, "rule", "reason"), model, RefusalStatus.HELD)
    return replace(
        gated,
        quarantined=pl.concat([gated.quarantined, lines]),
        received=gated.received + rows.height,
    )
