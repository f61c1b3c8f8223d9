from datetime import UTC, date, datetime

import polars as pl

from assets.raw.held import with_held
from assets.sources import Delivery
from warehouse.schemas import raw
from warehouse.validation import pass_gate

DAY = date(2025, 1, 8)


def _delivery(held: pl.DataFrame | None) -> Delivery:
    rows = _counts((date(2025, 1, 7), 1000))
    return Delivery(rows=rows, response_id=None, held=held)


def _counts(*told: tuple[date, float]) -> pl.DataFrame:
    rows = [("A", day, n, "yahoo", datetime(2025, 1, 9, tzinfo=UTC), "x", None) for day, n in told]
    return pl.DataFrame(rows, schema=raw.SharesOutstanding.polars_schema() | {
        "shares_outstanding": pl.Float64}, orient="row")  # fmt: skip


def test_what_a_source_holds_is_in_quarantine_and_counted():
    held = _counts((DAY, 1000), (DAY, 1040)).with_columns(
        rule=pl.lit("several_counts_of_a_date"), reason=pl.lit("nothing decides")
    )
    delivery = _delivery(held)
    gated = pass_gate(delivery.rows, raw.SharesOutstanding)
    told = with_held(gated, delivery, raw.SharesOutstanding)
    assert told.received == 3 == told.passed.height + told.quarantined["occurrences"].sum()
    assert told.quarantined.select("symbol", "row_date", "status", "reason").unique().rows() == [
        ("A", DAY, "held", "nothing decides")
    ]
    # Held is not wrong in itself: it fails no table.
    assert told.rejected == 0


def test_a_source_that_holds_nothing_changes_nothing():
    delivery = _delivery(None)
    gated = pass_gate(delivery.rows, raw.SharesOutstanding)
    assert with_held(gated, delivery, raw.SharesOutstanding) is gated
