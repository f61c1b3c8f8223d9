"""``ref.indices``, ``ref.index_holdings``: the indices, and who is in them with how many units."""

import polars as pl

from assets.ref.reference_files import KINDS, read_reference
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.schemas import ref


@table_asset(ref.Indices, kinds=KINDS)
def indices(inputs: Inputs) -> pl.DataFrame:
    """Read ``indices``."""
    return read_reference(inputs.reference(), "indices", ref.Indices, optional=False)


@table_asset(ref.IndexHoldings, kinds=KINDS)
def index_holdings(inputs: Inputs) -> pl.DataFrame:
    """Read ``index_holdings``."""
    return read_reference(inputs.reference(), "index_holdings", ref.IndexHoldings, optional=False)
