"""``ref.indices``, ``ref.index_holdings``: the indices, and who is in them with how many units."""

from datetime import date

import polars as pl

from assets.ref.gone import before, gone, refuse_gone, some, told
from assets.ref.reference_files import KINDS, read_reference
from assets.ref.symbol_changes import names_in_force, read_under_present_names
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import ref

WAYS_OUT = (
    "Put the index back. If its history is to go, say so: capshock forget {} --reason "
    '"..."; other indices have a warehouse of their own (CAPSHOCK_WAREHOUSE).'
)
"""What to do where an index is gone from the file."""


@table_asset(ref.Indices, kinds=KINDS)
def indices(inputs: Inputs) -> Landing:
    """Read ``indices``."""
    rows = read_reference(inputs.reference(), "indices", ref.Indices, optional=False)
    held = before(inputs, ref.Indices)
    refuse_gone(inputs, held["index_symbol"], rows["index_symbol"], "indices", WAYS_OUT)

    def say(index_symbol: str, effective_from: date, **_: object) -> str:
        return (
            f"indices: what held for {index_symbol} from {effective_from} on is gone: the row "
            "before it holds on."
        )

    return Landing(rows, notes=told(gone(held, rows, ref.Indices.key()), say))


def members_gone(held: pl.DataFrame, rows: pl.DataFrame) -> tuple[str, ...]:
    """Say which sets, and which members of sets that stay, are gone.

    Args:
        held: ``ref.index_holdings`` until now.
        rows: as it is read.
    """
    a_set = ["index_symbol", "effective_from"]

    def say_set(index_symbol: str, effective_from: date, members: int) -> str:
        earlier = rows.filter(
            pl.col("index_symbol") == index_symbol, pl.col("effective_from") < effective_from
        )["effective_from"]
        instead = "no set holds before the next"
        if len(earlier):
            instead = f"the set of {earlier.to_list()[-1]} holds on"
        return (
            f"index_holdings: the set of {index_symbol} of {effective_from} ({members} members) is "
            f"gone: {instead}."
        )

    def say_members(index_symbol: str, effective_from: date, symbol: list[str]) -> str:
        return (
            f"index_holdings: gone from the set of {index_symbol} of {effective_from}: "
            f"{some(symbol)}."
        )

    sets = gone(held, rows, a_set).group_by(a_set, maintain_order=True).len("members")
    members = (
        gone(held, rows, ref.IndexHoldings.key())
        .join(sets, on=a_set, how="anti", maintain_order="left")
        .group_by(a_set, maintain_order=True)
        .agg("symbol")
    )
    return (*told(sets, say_set), *told(members, say_members))


@table_asset(
    ref.IndexHoldings,
    {"securities": ref.Securities},
    behind={"changes": ref.SymbolChanges},
    kinds=KINDS,
)
def index_holdings(securities: pl.DataFrame, changes: pl.DataFrame, inputs: Inputs) -> Landing:
    """Read ``index_holdings``; members stand there under their present names."""
    names = names_in_force(changes, securities, inputs)
    rows = read_under_present_names(
        inputs.reference(), "index_holdings", ref.IndexHoldings, names, optional=False
    )
    return Landing(rows, notes=members_gone(before(inputs, ref.IndexHoldings, names), rows))
