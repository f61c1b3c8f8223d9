"""``raw.prices``: daily bars as the source delivers them."""

import dagster as dg
import polars as pl

from assets.raw.delivery import KINDS, delivered, land
from assets.resources import Inputs, session_range
from assets.table_asset import table_asset
from warehouse.landing import Landing, Window
from warehouse.schemas import raw, ref


@table_asset(raw.Prices, {"securities": ref.Securities}, kinds=KINDS)
def prices(context: dg.AssetExecutionContext, securities: pl.DataFrame, inputs: Inputs) -> Landing:
    """Fetch the bars of the run's sessions."""
    keys = context.partition_key_range
    first, last = session_range(keys.start, keys.end)
    asked = securities["symbol"].to_list()
    delivery = inputs.open_source().prices(asked, first, last)
    window = Window("session_date", first, last)
    return land(delivery, raw.Prices, asked, inputs, window)


prices_delivered = delivered(raw.Prices)
