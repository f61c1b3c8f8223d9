"""``core.shares_outstanding``: reported counts that passed the second gate.

What a report is worth is weighed in ``assets.market.share_counts``; here its refusals become lines
of the quarantine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from assets.market import calendar
from assets.market.count_witnesses import company_units
from assets.market.implausible_counts import NO_BARS, disputed_where_implausible
from assets.market.restated_counts import disputed_while_restated
from assets.market.share_counts import ROW, weigh_reports
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import core, ops, raw, ref
from warehouse.schemas.vocabulary import RefusalStatus
from warehouse.validation import Gated
from warehouse.validation import quarantine as quarantined_rows


@dataclass(frozen=True)
class AcceptedCounts:
    """Counts over time, and what the gate made of the reports.

    Attributes:
        counts: columns of ``core.shares_outstanding``.
        gated: ``passed`` are the reports that took effect.
    """

    counts: pl.DataFrame
    gated: Gated


def accept_counts(  # noqa: PLR0913, PLR0917 - as many inputs as it weighs
    reports: pl.DataFrame,
    actions: pl.DataFrame,
    decisions: pl.DataFrame,
    units: pl.DataFrame,
    sessions: Sequence[date],
    bars: pl.DataFrame = NO_BARS,
) -> AcceptedCounts:
    """Pass reported counts through the second gate, by the rules of ``weigh_reports``.

    What passes and cannot be, by the bars of the company, is disputed
    (``disputed_where_implausible``).

    Args:
        reports: symbol, as_of_date, shares_outstanding (shares of the whole company).
        actions: ``core.corporate_actions``.
        decisions: ``ref.share_count_decisions``.
        units: what ``company_units`` returns.
        sessions: sessions of the exchange, sorted.
        bars: ``core.prices``, sorted by symbol, session_date.
    """
    weighed = weigh_reports(reports, actions, decisions, units, sessions)
    # The gate stands before core; the rows it refuses are reports, in the shape of raw.
    refused = pl.concat(
        quarantined_rows(
            weighed.reports,
            weighed.refused.filter(pl.col("status") == status),
            raw.SharesOutstanding,
            status,
        )
        for status in RefusalStatus
    ).with_columns(source_table=pl.lit(core.SharesOutstanding.table()))
    counts = disputed_where_implausible(weighed.counts, bars)
    return AcceptedCounts(
        counts=counts.select(core.SharesOutstanding.names()),
        gated=Gated(
            passed=weighed.reports.join(weighed.refused, on=ROW, how="anti").drop(ROW),
            quarantined=refused,
            received=reports.height,
        ),
    )


@table_asset(
    core.SharesOutstanding,
    {"prices": core.Prices},
    behind={
        "reports": raw.SharesOutstanding,
        "actions": core.CorporateActions,
        "holdings": ref.IndexHoldings,
        "indices": ref.Indices,
        "decisions": ref.ShareCountDecisions,
        "securities": ref.Securities,
        "quarantine": ops.Quarantine,
    },
)
def core_shares_outstanding(  # noqa: PLR0913, PLR0917 - as many inputs as it weighs
    prices: pl.DataFrame,
    reports: pl.DataFrame,
    actions: pl.DataFrame,
    decisions: pl.DataFrame,
    holdings: pl.DataFrame,
    indices: pl.DataFrame,
    securities: pl.DataFrame,
    quarantine: pl.DataFrame,
) -> Landing:
    """Pass all reported counts through the second gate."""
    units = company_units(holdings, indices, securities, actions)
    accepted = accept_counts(reports, actions, decisions, units, calendar.sessions(), prices)
    counts = disputed_while_restated(accepted.counts, quarantine)
    quarantined = accepted.gated.quarantined
    idle = decisions.join(reports, on=["symbol", "as_of_date"], how="anti")
    return Landing(
        rows=counts,
        quarantined=quarantined,
        notes=tuple(
            f"share_count_decisions.csv: {symbol} {day} matches no reported count: no effect."
            for symbol, day in idle.select("symbol", "as_of_date").rows()
        ),
        metadata={
            "received": accepted.gated.received,
            "held": quarantined.filter(pl.col("status") == RefusalStatus.HELD).height,
            "warnings": counts.filter(pl.col("has_warning")).height,
            "disputed_companies": counts.filter(pl.col("is_disputed"))["symbol"].n_unique(),
        },
    )
