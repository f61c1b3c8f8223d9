"""``raw.shares_outstanding``: reported share counts as the source delivers them."""

import polars as pl

from assets.raw.delivery import KINDS, delivered, land
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import raw, ref


@table_asset(raw.SharesOutstanding, {"securities": ref.Securities}, kinds=KINDS)
def shares_outstanding(securities: pl.DataFrame, inputs: Inputs) -> Landing:
    """Fetch all reported share counts."""
    asked = securities["symbol"].to_list()
    delivery = inputs.open_source().shares_outstanding(asked)
    return land(delivery, raw.SharesOutstanding, asked, inputs)


shares_outstanding_delivered = delivered(raw.SharesOutstanding)
