"""Levels of an index that are beyond belief next to the ones before."""

import math
from datetime import date
from itertools import pairwise
from statistics import median

import polars as pl

from warehouse.schemas.vocabulary import AdjustmentKind

SMALLEST_LIMIT = 1.25
"""No move of a level within this is beyond belief: the exchange shuts at a fifth."""

DEVIATIONS = 25.0
"""Beyond this many robust deviations of an index's own moves a level is held: a VIX may double."""

JUDGED_AFTER = 20
"""An index with fewer moves is given the widest limit."""

WIDEST_LIMIT = 3.0
"""No index moves beyond this in a session."""

_NORMAL = 1.4826


def largest_move(levels: list[float]) -> float:
    """Return the largest believable move of an index, either way, by its own moves."""
    moves = [abs(math.log(now / before)) for before, now in pairwise(levels)]
    if len(moves) < JUDGED_AFTER:
        return WIDEST_LIMIT
    own = math.exp(min(DEVIATIONS * _NORMAL * median(moves), math.log(WIDEST_LIMIT)))
    return max(own, SMALLEST_LIMIT)


def unbelievable_levels(levels: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Find the levels that jump from the last accepted one.

    A stock index moves by a percent, the VIX by six: each is held against its own moves.

    Args:
        levels: index_symbol, session_date, close, ..., sorted by index_symbol, session_date.
        decisions: ``ref.split_decisions``; kind none says that the move of a session is real.

    Returns:
        row (UInt32, place in ``levels``), reason.
    """
    is_real = pl.col("kind") == AdjustmentKind.NONE
    real = set(decisions.filter(is_real).select("symbol", "ex_date").rows())
    found: list[tuple[int, str]] = []
    for (index,), of_index in levels.with_row_index("row").group_by(
        "index_symbol", maintain_order=True
    ):
        limit = largest_move(of_index["close"].to_list())
        accepted: tuple[float, date] | None = None
        for row, day, close in of_index.select("row", "session_date", "close").iter_rows():
            move = 1.0 if accepted is None else close / accepted[0]
            if accepted is None or 1 / limit <= move <= limit or (index, day) in real:
                accepted = (close, day)
                continue
            reason = (
                f"level {close:g} is x{move:.3g} of the last accepted one ({accepted[1]}); beyond "
                f"x{limit:.3g} a level is held: a line {index},{day},none,1 in split_decisions.csv "
                "lets it through"
            )
            found.append((row, reason))
    return pl.DataFrame(found, schema={"row": pl.UInt32, "reason": pl.String}, orient="row")
