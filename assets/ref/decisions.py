"""``ref.share_count_decisions``, ``ref.split_decisions``: what a person decided on held rows."""

from datetime import date

import polars as pl

from assets.market import calendar
from assets.ref.gone import before, gone, told
from assets.ref.reference_files import KINDS
from assets.ref.symbol_changes import names_in_force, read_under_present_names
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.errors import ReferenceDataError
from warehouse.landing import Landing
from warehouse.schemas import ref
from warehouse.schemas.vocabulary import AdjustmentKind


@table_asset(
    ref.ShareCountDecisions,
    {"securities": ref.Securities},
    behind={"changes": ref.SymbolChanges},
    kinds=KINDS,
)
def share_count_decisions(
    securities: pl.DataFrame, changes: pl.DataFrame, inputs: Inputs
) -> Landing:
    """Read ``share_count_decisions.csv``, if there is one."""
    names = names_in_force(changes, securities, inputs)
    rows = read_under_present_names(
        inputs.reference(), "share_count_decisions", ref.ShareCountDecisions, names, optional=True
    )

    def say(symbol: str, as_of_date: date, decision: str, **_: str) -> str:
        return (
            f"share_count_decisions: {decision} of {symbol} {as_of_date} is gone: the rules decide."
        )

    model = ref.ShareCountDecisions
    return Landing(rows, notes=told(gone(before(inputs, model, names), rows, model.key()), say))


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


def check_contradictions(decisions: pl.DataFrame) -> pl.DataFrame:
    """Return the split decisions if no two of one date contradict each other.

    The same kind twice on a date is refused by the table's key.

    Raises:
        ReferenceDataError: naming the dates on which something and nothing is to have gone ex.
    """
    of_date = ["symbol", "ex_date"]
    is_none = pl.col("kind") == AdjustmentKind.NONE
    torn = decisions.filter(is_none.any().over(of_date) & (pl.len().over(of_date) > 1))
    if torn.height:
        named = torn.select(of_date).unique(maintain_order=True).rows()
        raise ReferenceDataError(
            "split_decisions: kind none says that nothing went ex, another row of the date that "
            "something did: " + ", ".join(f"{symbol} {day}" for symbol, day in named),
            "Keep none alone, or a row for each action of the date.",
        )
    return decisions


@table_asset(
    ref.SplitDecisions,
    {"securities": ref.Securities},
    behind={"changes": ref.SymbolChanges},
    kinds=KINDS,
)
def split_decisions(securities: pl.DataFrame, changes: pl.DataFrame, inputs: Inputs) -> Landing:
    """Read ``split_decisions.csv``, if there is one."""
    names = names_in_force(changes, securities, inputs)
    rows = read_under_present_names(
        inputs.reference(), "split_decisions", ref.SplitDecisions, names, optional=True
    )

    def say(symbol: str, ex_date: date, kind: str, ratio: float, **_: str) -> str:
        return (
            f"split_decisions: {kind} x{ratio:g} of {symbol} {ex_date} is gone: what is recorded, "
            "and the rules, decide."
        )

    lacking = gone(before(inputs, ref.SplitDecisions, names), rows, ref.SplitDecisions.key())
    return Landing(check_contradictions(check_sessions(rows)), notes=told(lacking, say))
