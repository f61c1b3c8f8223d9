"""Symbols that a source was asked for and did not deliver, and how many of them may lack."""

import math
from collections.abc import Sequence

import polars as pl

from warehouse.schemas.vocabulary import Outcome

CAME = (Outcome.OK, Outcome.PARTIAL, Outcome.REFUSED)
"""Outcomes of what was delivered: what is refused has come, and the source is there."""


def may_lack(asked: int, min_ok_share: float) -> int:
    """Return how many symbols may lack: of a handful one, for seven are no tenth of anything.

    Args:
        asked: how many were asked for.
        min_ok_share: the part of them that has to come.
    """
    return math.ceil((1 - min_ok_share) * asked - 1e-9)


def undelivered(told: pl.DataFrame, symbols: Sequence[str]) -> pl.DataFrame:
    """Return the symbols of which the last sessions that were asked for have not come.

    However many runs have asked for them: one that brought a symbol is enough.

    Args:
        told: outcomes of a dataset, of all runs: symbol, outcome, message, asked_to (null: nothing
            landed, or it came in one piece).
        symbols: those that count now.

    Returns:
        symbol, asked_to, outcome, message, sorted by symbol; no row where none was asked for.
    """
    last = (
        told.filter(pl.col("symbol").is_in(list(symbols)))
        .drop_nulls("asked_to")
        .filter(pl.col("asked_to") == pl.col("asked_to").max())
    )
    came = last.filter(pl.col("outcome").is_in(CAME))
    return (
        last.join(came, on="symbol", how="anti")
        .sort("symbol", "outcome")
        .unique("symbol", keep="first", maintain_order=True)
        .select("symbol", "asked_to", "outcome", "message")
    )
