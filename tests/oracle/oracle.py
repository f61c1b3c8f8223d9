"""The oracle: every table of a market, computed slowly and apart from the product.

It shares no line with the product and imports nothing of it; a test holds that. Each formula stands
in the docstring of the function that computes it.
"""

from tests.oracle.actions import Rows, classified
from tests.oracle.companies import (
    adjustments,
    drawdowns,
    market_caps,
    moves,
    ranked,
    sector_moves,
)
from tests.oracle.counts import count_rows, refused_rows, weighed
from tests.oracle.gate import believed
from tests.oracle.indices import Indices, index_impacts, index_reconciliations
from tests.oracle.market import Market
from tests.oracle.membership import index_changes
from tests.oracle.witnesses import unusual_moves, witnesses


def tables(market: Market) -> dict[str, Rows]:
    """Compute all tables: name -> key -> column -> value."""
    actions = classified(market)
    market = believed(market, actions)
    of_all = moves(market, actions)
    reports = weighed(market, actions)
    counted = {symbol: of_company.counts for symbol, of_company in reports.items()}
    caps = market_caps(market, of_all, counted)
    of_market = Indices(market, actions, of_all, counted)
    impacts = index_impacts(of_market)
    reconciliations = index_reconciliations(of_market, impacts)
    spoken = witnesses(market, of_all, caps, impacts, reconciliations)
    unusual = unusual_moves(caps)
    return {
        "core.prices": adjustments(of_all),
        "core.shares_outstanding": count_rows(reports),
        "ops.quarantine": refused_rows(reports),
        "mart.market_caps": caps,
        "mart.market_cap_losses": ranked(caps, "loss", spoken, unusual),
        "mart.market_cap_gains": ranked(caps, "gain", spoken, unusual),
        "mart.sector_moves": sector_moves(market, caps),
        "mart.drawdowns": drawdowns(market, of_all, caps),
        "mart.index_changes": index_changes(market, actions),
        "mart.index_impacts": impacts,
        "mart.index_reconciliations": reconciliations,
    }
