"""``raw.index_levels``: index levels as the source delivers them."""

import polars as pl

from assets.raw.delivery import KINDS, asked_since, delivered, land
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import raw, ref


@table_asset(raw.IndexLevels, {"indices": ref.Indices}, kinds=KINDS)
def index_levels(indices: pl.DataFrame, inputs: Inputs) -> Landing:
    """Fetch index levels."""
    asked = indices["index_symbol"].unique().sort().to_list()
    since = asked_since(inputs, "index_levels", asked)
    delivery = inputs.open_source().index_levels(since)
    return land(delivery, raw.IndexLevels, asked, inputs)


index_levels_delivered = delivered(raw.IndexLevels)
