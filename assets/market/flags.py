"""Flags of rows: conditions in, the list of those that are met out."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

import polars as pl

_Flag = TypeVar("_Flag", bound=StrEnum)


def mask(raised: Mapping[_Flag, pl.Expr]) -> pl.Expr:
    """Return which flags a row raises as bits, in the order of the mapping; null is not raised."""
    return pl.sum_horizontal(
        condition.fill_null(value=False).cast(pl.UInt32) * (1 << bit)
        for bit, condition in enumerate(raised.values())
    )


def named(masks: pl.Series, flags: Iterable[_Flag]) -> pl.Series:
    """Return the flags of each row as a list, in their order.

    There are few combinations: gathering whole lists is much faster than making one per row.

    Args:
        masks: what ``mask`` gave for the same mapping.
        flags: the flags of that mapping, in its order.
    """
    names = [flag.value for flag in flags]
    raised = masks.unique().sort()
    combinations = pl.Series(
        "flags",
        [[name for bit, name in enumerate(names) if number >> bit & 1] for number in raised],
        dtype=pl.List(pl.String),
    )
    return combinations.gather(raised.search_sorted(masks))
