"""``core.index_levels``: official levels that make sense in themselves."""

import polars as pl

from assets.core.order_gate import gate_order, landing_of
from assets.raw.delivery import refuse_bad_delivery
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import core, raw


@table_asset(core.IndexLevels, {"levels": raw.IndexLevels})
def core_index_levels(levels: pl.DataFrame, inputs: Inputs) -> Landing:
    """Pass all index levels through the second gate."""
    ordered = gate_order(levels, core.IndexLevels)
    refuse_bad_delivery(ordered, core.IndexLevels, inputs)
    return landing_of(ordered.passed, [ordered], core.IndexLevels)
