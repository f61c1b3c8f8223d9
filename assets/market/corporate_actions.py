"""What goes ex: share splits and spin-offs, told apart by their ratio where no one says it."""

import polars as pl

from warehouse.schemas.vocabulary import AdjustmentKind

SPLIT_TOLERANCE = 5e-4
"""Relative distance from a simple ratio within which an adjustment is a share split."""

SMALLEST_SPLIT = 2
"""A ratio near 1 is no split: small spin-offs are recorded with ratios such as 1.033."""

_FRACTIONS = (3 / 2, 4 / 3, 5 / 4, 5 / 2, 5 / 3)


def is_share_ratio(ratio: pl.Expr, tolerance: float | pl.Expr = SPLIT_TOLERANCE) -> pl.Expr:
    """Tell whether a ratio is one that share splits have.

    An integer from 2 on, its reciprocal, or 3:2, 4:3, 5:4, 5:2, 5:3, within a relative tolerance.
    """
    whole = pl.when(ratio >= 1).then(ratio).otherwise(1 / ratio)
    nearest = whole.round()
    is_whole = (nearest >= SMALLEST_SPLIT) & ((whole / nearest - 1).abs() <= tolerance)
    return is_whole | pl.any_horizontal(
        *((ratio / fraction - 1).abs() <= tolerance for fraction in _FRACTIONS)
    )


def kind_of(ratio: pl.Expr) -> pl.Expr:
    """Tell a share split from a spin-off: ``split`` or ``spin_off``.

    A split has a ratio within 5e-4 (relative) of an integer from 2 on, its reciprocal, or 3:2, 4:3,
    5:4, 5:2, 5:3. Everything else is a spin-off, which data vendors record as a split with an odd
    ratio (GE 1.281 on 2023-01-04).
    """
    return (
        pl.when(is_share_ratio(ratio))
        .then(pl.lit(AdjustmentKind.SPLIT))
        .otherwise(pl.lit(AdjustmentKind.SPIN_OFF))
    )


def kind_told() -> pl.Expr:
    """Return the kind of a recorded action: as the source says, else by its ratio."""
    return pl.coalesce("kind", kind_of(pl.col("ratio")))


def classify(splits: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Classify recorded splits; a person's decisions replace all that is recorded on their date.

    What the source or a person calls a split or a spin-off is one, whatever its ratio.

    Args:
        splits: symbol, ex_date, ratio, kind (null: told by the ratio); several on one date are
            several rows.
        decisions: ``ref.split_decisions``; kind none says that nothing went ex.

    Returns:
        symbol, ex_date, ratio (new shares per old), kind (split, spin_off), sorted.
    """
    columns = ["symbol", "ex_date", "ratio", "kind"]
    by_rule = splits.with_columns(kind=kind_told()).select(columns)
    undecided = by_rule.join(decisions, on=["symbol", "ex_date"], how="anti")
    decided = decisions.filter(pl.col("kind") != AdjustmentKind.NONE).select(columns)
    return pl.concat([undecided, decided]).sort("symbol", "ex_date", "kind")


def with_adjustments(prices: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Add what went ex since the previous bar: adjustment_ratio, split_ratio, adjustment_kind.

    An action on a session without a bar shows on the symbol's next bar; one before its first bar on
    none. Several between two bars are multiplied, and are a split only if all of them are;
    ``split_ratio`` has those alone that change the number of shares. 1 and none if nothing did.

    Args:
        prices: symbol, session_date, ...
        actions: ``core.corporate_actions``.
    """
    bars = prices.select("symbol", "session_date").sort("symbol", "session_date")
    first = bars.group_by("symbol").agg(first_bar=pl.col("session_date").first())
    is_split = pl.col("kind") == AdjustmentKind.SPLIT
    ex = (
        actions.sort("symbol", "ex_date")
        .join_asof(
            bars,
            left_on="ex_date",
            right_on="session_date",
            by="symbol",
            strategy="forward",
            coalesce=False,
            check_sortedness=False,
        )
        .join(first, on="symbol")
        .filter(pl.col("session_date").is_not_null() & (pl.col("ex_date") >= pl.col("first_bar")))
        .group_by("symbol", "session_date")
        .agg(
            adjustment_ratio=pl.col("ratio").product(),
            split_ratio=pl.col("ratio").filter(is_split).product(),
            adjustment_kind=pl.when(is_split.all())
            .then(pl.lit(AdjustmentKind.SPLIT))
            .otherwise(pl.lit(AdjustmentKind.SPIN_OFF)),
        )
    )
    return prices.join(
        ex, on=["symbol", "session_date"], how="left", maintain_order="left"
    ).with_columns(
        pl.col("adjustment_ratio", "split_ratio").fill_null(1.0),
        pl.col("adjustment_kind").fill_null(AdjustmentKind.NONE),
    )


def split_factors(actions: pl.DataFrame) -> pl.DataFrame:
    """Return how many shares one share has become, from each split on.

    By the splits' own dates, whether or not there is a bar on them.

    Args:
        actions: ``core.corporate_actions``.

    Returns:
        symbol, ex_date, split_factor (product of the ratios up to this date), sorted.
    """
    return (
        actions.filter(pl.col("kind") == AdjustmentKind.SPLIT)
        .group_by("symbol", "ex_date")
        .agg(pl.col("ratio").product())
        .sort("symbol", "ex_date")
        .select("symbol", "ex_date", split_factor=pl.col("ratio").cum_prod().over("symbol"))
    )
