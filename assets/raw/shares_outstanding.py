"""``raw.shares_outstanding``: reported share counts as the source delivers them."""

import polars as pl

from assets.raw.delivery import KINDS, Judged, delivered, land, lines_since, source_of
from assets.raw.held import with_held
from assets.ref.symbol_changes import names_in_force
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import raw, ref
from warehouse.validation import Gated


@table_asset(
    raw.SharesOutstanding,
    {"securities": ref.Securities},
    behind={"changes": ref.SymbolChanges},
    kinds=KINDS,
)
def shares_outstanding(securities: pl.DataFrame, changes: pl.DataFrame, inputs: Inputs) -> Landing:
    """Fetch all reported share counts; of several on a date the rest is held, with its reason."""
    asked = securities["symbol"].to_list()
    names = names_in_force(changes, securities, inputs)
    since = lines_since(inputs, "shares_outstanding", securities, names)
    delivery = source_of(inputs, names).shares_outstanding(since)

    def judge(gated: Gated) -> Judged:
        return Judged(with_held(gated, delivery, raw.SharesOutstanding))

    return land(delivery, raw.SharesOutstanding, asked, inputs, names=names, judge=judge)


shares_outstanding_delivered = delivered(raw.SharesOutstanding)
