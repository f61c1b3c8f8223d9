"""``ref.share_count_decisions``, ``ref.split_decisions``: what a person decided on held rows."""

import polars as pl

from assets.market import calendar
from assets.ref.reference_files import KINDS, read_reference
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.errors import ReferenceDataError
from warehouse.schemas import ref


@table_asset(ref.ShareCountDecisions, kinds=KINDS)
def share_count_decisions(inputs: Inputs) -> pl.DataFrame:
    """Read ``share_count_decisions.csv``, if there is one."""
    return read_reference(
        inputs.reference(), "share_count_decisions", ref.ShareCountDecisions, optional=True
    )


def check_sessions(decisions: pl.DataFrame) -> pl.DataFrame:
    """Return the split decisions if every ex_date is a session.

    Raises:
        ReferenceDataError: naming the decisions for which that is not so.
    """
    off = decisions.filter(~pl.col("ex_date").is_in(calendar.sessions()))
    if off.height:
        named = off.select("symbol", "ex_date").rows()
        raise ReferenceDataError(
            "split_decisions: ex_date is not a session of the exchange: "
            + ", ".join(f"{symbol} {day}" for symbol, day in named),
            "Name the first session that trades in the new basis.",
        )
    return decisions


@table_asset(ref.SplitDecisions, kinds=KINDS)
def split_decisions(inputs: Inputs) -> pl.DataFrame:
    """Read ``split_decisions.csv``, if there is one."""
    rows = read_reference(inputs.reference(), "split_decisions", ref.SplitDecisions, optional=True)
    return check_sessions(rows)
