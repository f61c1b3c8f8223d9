"""``raw.shares_outstanding``: reported share counts as the source delivers them."""

import polars as pl

from assets.market.restated_counts import RESTATED, restated_counts
from assets.raw.delivery import (
    KINDS,
    Judged,
    delivered,
    land,
    lines_since,
    refuse_symbols,
    source_of,
)
from assets.raw.held import with_held
from assets.ref.symbol_changes import names_in_force
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import raw, ref
from warehouse.schemas.vocabulary import Decision
from warehouse.validation import Gated


def refused_counts(
    landed: pl.DataFrame, delivered: pl.DataFrame, decisions: pl.DataFrame
) -> dict[str, str]:
    """Return the symbols whose landed counts come by one factor, and what to say of each.

    A word for the last of them lets them through.

    Args:
        landed: ``raw.shares_outstanding`` before the delivery.
        delivered: the counts that passed the first gate.
        decisions: ``ref.share_count_decisions``.
    """
    accepted = decisions.filter(pl.col("decision") == Decision.ACCEPT)
    found = restated_counts(landed, delivered).join(
        accepted, left_on=["symbol", "last"], right_on=["symbol", "as_of_date"], how="anti"
    )
    return {
        symbol: f"{symbol}: {counts} landed share counts come x{factor:.4g}. What was outstanding "
        "does not change: what has landed stays, until the source agrees with it again, or a line "
        f"{symbol},{last},accept in share_count_decisions.csv lets them through"
        for symbol, factor, counts, last in found.iter_rows()
    }


@table_asset(
    raw.SharesOutstanding,
    {"decisions": ref.ShareCountDecisions},
    behind={"securities": ref.Securities, "changes": ref.SymbolChanges},
    kinds=KINDS,
)
def shares_outstanding(
    decisions: pl.DataFrame, securities: pl.DataFrame, changes: pl.DataFrame, inputs: Inputs
) -> Landing:
    """Fetch all reported share counts; of several on a date the rest is held, with its reason."""
    asked = securities["symbol"].to_list()
    names = names_in_force(changes, securities, inputs)
    since = lines_since(inputs, "shares_outstanding", securities, names)
    delivery = source_of(inputs, names).shares_outstanding(since)

    def judge(gated: Gated) -> Judged:
        gated = with_held(gated, delivery, raw.SharesOutstanding)
        if not delivery.keeps_absent:
            # Files are a person's: who corrects them corrects them whole.
            return Judged(gated)
        landed = inputs.landed(raw.SharesOutstanding, names)
        refused = refused_counts(landed, gated.passed, decisions)
        return refuse_symbols(gated, refused, landed, raw.SharesOutstanding, RESTATED)

    return land(delivery, raw.SharesOutstanding, asked, inputs, names=names, judge=judge)


shares_outstanding_delivered = delivered(raw.SharesOutstanding)
