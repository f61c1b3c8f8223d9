"""What goes ex: share splits and spin-offs, told apart by their ratio alone."""

import polars as pl

SPLIT_TOLERANCE = 5e-4
"""Relative distance from a simple ratio within which an adjustment is a share split."""

SMALLEST_SPLIT = 2
"""A ratio near 1 is no split: small spin-offs are recorded with ratios such as 1.033."""

_FRACTIONS = (3 / 2, 4 / 3, 5 / 4, 5 / 2, 5 / 3)


def kind_of(ratio: pl.Expr) -> pl.Expr:
    """Tell a share split from a spin-off: ``split`` or ``spin_off``.

    A split has a ratio within 5e-4 (relative) of an integer from 2 on, its reciprocal, or 3:2, 4:3,
    5:4, 5:2, 5:3. Everything else is a spin-off, which data vendors record as a split with an odd
    ratio (GE 1.281 on 2023-01-04).
    """
    whole = pl.when(ratio >= 1).then(ratio).otherwise(1 / ratio)
    nearest = whole.round()
    is_whole = (nearest >= SMALLEST_SPLIT) & ((whole / nearest - 1).abs() <= SPLIT_TOLERANCE)
    is_simple = pl.any_horizontal(
        *((ratio / fraction - 1).abs() <= SPLIT_TOLERANCE for fraction in _FRACTIONS)
    )
    return pl.when(is_whole | is_simple).then(pl.lit("split")).otherwise(pl.lit("spin_off"))


def classify(splits: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Classify recorded splits; a person's decision overrides, adds, or (kind none) removes one.

    Args:
        splits: symbol, ex_date, ratio.
        decisions: ``ref.split_decisions``.

    Returns:
        symbol, ex_date, ratio (new shares per old), kind (split, spin_off), sorted.
    """
    columns = ["symbol", "ex_date", "ratio", "kind"]
    by_rule = splits.with_columns(kind=kind_of(pl.col("ratio"))).select(columns)
    undecided = by_rule.join(decisions, on=["symbol", "ex_date"], how="anti")
    decided = decisions.filter(pl.col("kind") != "none").select(columns)
    return pl.concat([undecided, decided]).sort("symbol", "ex_date")
