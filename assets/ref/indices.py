"""``ref.indices``, ``ref.index_holdings``: the indices, and who is in them with how many units."""

import polars as pl

from assets.ref.reference_files import KINDS, read_reference
from assets.ref.symbol_changes import names_in_force, read_under_present_names
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.schemas import ref


@table_asset(ref.Indices, kinds=KINDS)
def indices(inputs: Inputs) -> pl.DataFrame:
    """Read ``indices``."""
    return read_reference(inputs.reference(), "indices", ref.Indices, optional=False)


@table_asset(
    ref.IndexHoldings,
    {"securities": ref.Securities},
    behind={"changes": ref.SymbolChanges},
    kinds=KINDS,
)
def index_holdings(securities: pl.DataFrame, changes: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """Read ``index_holdings``; members stand there under their present names."""
    names = names_in_force(changes, securities, inputs)
    return read_under_present_names(
        inputs.reference(), "index_holdings", ref.IndexHoldings, names, optional=False
    )
