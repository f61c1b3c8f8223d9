"""``raw.prices``: daily bars as the source delivers them."""

from datetime import date

import polars as pl

from assets.raw.delivery import KINDS, delivered, land
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.errors import SourceError
from warehouse.landing import Landing, Window
from warehouse.schemas import raw, ref


def run_sessions(inputs: Inputs) -> tuple[date, date]:
    """Return the first and the last session of the run.

    Raises:
        SourceError: if the run names none.
    """
    if inputs.sessions is None:
        raise SourceError(
            "raw.prices: the run names no session", "Choose partitions, or use `capshock run`."
        )
    return inputs.sessions


@table_asset(raw.Prices, {"securities": ref.Securities}, kinds=KINDS)
def prices(securities: pl.DataFrame, inputs: Inputs) -> Landing:
    """Fetch the bars of the run's sessions."""
    first, last = run_sessions(inputs)
    asked = securities["symbol"].to_list()
    delivery = inputs.open_source().prices(asked, first, last)
    window = Window("session_date", first, last)
    return land(delivery, raw.Prices, asked, inputs, window)


prices_delivered = delivered(raw.Prices)
