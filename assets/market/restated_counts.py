"""Share counts that a source tells anew, all by one factor: in another basis, or another unit.

What was outstanding on a date does not change. One count that is corrected is a correction; where
most of those that have landed come multiplied by the same number, the source has restated them by
a split, tells another unit, or another class.
"""

import polars as pl

from assets.market.held_rows import held_for

RESTATED = "restated_counts"
"""The rule that a delivery breaks whose counts of dates gone by are others, all by one factor."""

SAME_TO = 2e-3
"""Relative distance within which two factors are one."""

NO_CORRECTION = 5e-3
"""A count that moves by no more than this part has not moved."""

AT_LEAST = 2
"""One count alone is a correction."""

MOST = 2 / 3
"""Of the counts that come again, this part is moved by the one factor."""

_KEY = ["symbol", "as_of_date"]
_COUNT = "shares_outstanding"


def restated_counts(landed: pl.DataFrame, delivered: pl.DataFrame) -> pl.DataFrame:
    """Find the symbols whose landed counts come multiplied by one factor.

    Args:
        landed: symbol, as_of_date, shares_outstanding.
        delivered: the same, of what is to replace it.

    Returns:
        symbol, factor (delivered over landed count), counts (how many), last (the last date of
        one), sorted by symbol.
    """
    factor = pl.col("now") / pl.col(_COUNT)
    again = (
        landed.select(*_KEY, _COUNT)
        .join(delivered.select(*_KEY, now=_COUNT), on=_KEY)
        .filter(pl.col(_COUNT) > 0)
        .with_columns(factor=factor, of=pl.len().over("symbol"))
    )
    moved = again.filter((pl.col("factor") - 1).abs() > NO_CORRECTION)
    common = pl.col("factor").median().over("symbol")
    return (
        moved.filter((pl.col("factor") / common - 1).abs() <= SAME_TO)
        .group_by("symbol")
        .agg(
            factor=pl.col("factor").median(),
            counts=pl.len().cast(pl.Int64),
            last=pl.col("as_of_date").max(),
            of=pl.col("of").first(),
        )
        .filter((pl.col("counts") >= AT_LEAST) & (pl.col("counts") >= MOST * pl.col("of")))
        .drop("of")
        .sort("symbol")
    )


def disputed_while_restated(counts: pl.DataFrame, quarantine: pl.DataFrame) -> pl.DataFrame:
    """Dispute the counts of symbols whose source tells them anew: either may be wrong.

    Args:
        counts: ``core.shares_outstanding``.
        quarantine: ``ops.quarantine``.

    Returns:
        The counts, with is_disputed and dispute.
    """
    anew = held_for(quarantine, "raw.shares_outstanding", RESTATED)["symbol"].unique()
    is_anew = pl.col("symbol").is_in(anew.implode())
    said = pl.lit("the source tells other counts of the same dates now")
    return counts.with_columns(
        is_disputed=pl.col("is_disputed") | is_anew,
        dispute=pl.when(is_anew).then(pl.coalesce("dispute", said)).otherwise("dispute"),
    )
