"""``raw.splits``, ``raw.dividends``: corporate actions as the source delivers them."""

import polars as pl

from assets.raw.delivery import KINDS, asked_since, delivered, land
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import raw, ref


@table_asset(raw.Splits, {"securities": ref.Securities}, kinds=KINDS)
def splits(securities: pl.DataFrame, inputs: Inputs) -> Landing:
    """Fetch recorded splits."""
    asked = securities["symbol"].to_list()
    since = asked_since(inputs, "splits", asked)
    return land(inputs.open_source().splits(since), raw.Splits, asked, inputs)


@table_asset(raw.Dividends, {"securities": ref.Securities}, kinds=KINDS)
def dividends(securities: pl.DataFrame, inputs: Inputs) -> Landing:
    """Fetch recorded dividends."""
    asked = securities["symbol"].to_list()
    since = asked_since(inputs, "dividends", asked)
    return land(inputs.open_source().dividends(since), raw.Dividends, asked, inputs)


splits_delivered = delivered(raw.Splits)
dividends_delivered = delivered(raw.Dividends)
