"""``mart.index_residual_suspects``: which member's record may explain an unusual residual."""

from datetime import timedelta

import dagster as dg
import polars as pl

from assets.market.last_known import last_known
from assets.metadata import as_table
from assets.table_asset import asset_key, table_asset
from warehouse.schemas import core, mart, ops
from warehouse.schemas.vocabulary import (
    AdjustmentKind,
    CapFlag,
    ReconciliationFlag,
    RefusalStatus,
)

NEAR = timedelta(days=30)
"""A corporate action or a refused row this near to a session, before or after, is near it."""

JUDGED_SESSIONS = 20
"""The check looks at this many sessions; older ones stay flagged in the table."""

_OF_MEMBER = ["index_symbol", "session_date", "symbol"]


def residual_suspects(
    impacts: pl.DataFrame,
    reconciliations: pl.DataFrame,
    prices: pl.DataFrame,
    counts: pl.DataFrame,
    quarantine: pl.DataFrame,
) -> pl.DataFrame:
    """Find the members with something odd near each session with an unusual residual.

    ``implied_return`` = return + residual / weight: what the member would have had to return for
    the residual to vanish. Where that is an ordinary return, and lies above the recorded one by the
    size of a distribution that the record lacks, the member explains the residual.

    Args:
        impacts: ``mart.index_impacts``.
        reconciliations: ``mart.index_reconciliations``.
        prices: ``core.prices``.
        counts: ``core.shares_outstanding``.
        quarantine: ``ops.quarantine``.

    Returns:
        Columns of ``mart.index_residual_suspects``, sorted by index_symbol, session_date, symbol.
    """
    members = impacts.join(
        reconciliations.filter(
            pl.col("flags").list.contains(ReconciliationFlag.UNUSUAL_RESIDUAL)
        ).select("index_symbol", "session_date", "residual_bps"),
        on=["index_symbol", "session_date"],
    )
    # One chunk: Polars 2.1 panics where it formats a filtered frame of several.
    actions = (
        prices.filter(pl.col("adjustment_kind") != AdjustmentKind.NONE)
        .rechunk()
        .select(
            "symbol",
            day="session_date",
            reason=pl.format(
                "{} x{} on {}",
                pl.col("adjustment_kind").replace("spin_off", "spin-off"),
                pl.col("adjustment_ratio").round_sig_figs(4),
                "session_date",
            ),
        )
    )
    refused = (
        quarantine.filter(pl.col("status") != RefusalStatus.RESOLVED)
        .rechunk()
        .select(
            "symbol",
            day="row_date",
            reason=pl.format(
                "{} row of {} on {}: {}",
                "status",
                pl.col("source_table").str.split(".").list.last().str.replace_all("_", " "),
                "row_date",
                pl.col("rules").list.join(", "),
            ),
        )
    )
    of_bar = {
        CapFlag.CORPORATE_ACTION: pl.col("adjustment_kind") != AdjustmentKind.NONE,
        CapFlag.GAP: pl.col("comparable_close").is_null()
        & (pl.col("symbol") == pl.col("symbol").shift()),
    }
    counted = last_known(
        members.select(_OF_MEMBER),
        counts,
        on="session_date",
        since="valid_from",
        by="symbol",
        has_warning="has_warning",
    )
    flagged = pl.concat(
        [
            *(
                prices.filter(raised).select("symbol", day="session_date", reason=pl.lit(flag))
                for flag, raised in of_bar.items()
            ),
            counted.filter("has_warning").select(
                "symbol", day="session_date", reason=pl.lit(CapFlag.SHARE_COUNT_WARNING)
            ),
        ]
    ).unique()
    distance = (pl.col("day") - pl.col("session_date")).abs()
    named = members.select(_OF_MEMBER)
    near = pl.concat([actions, refused]).join(named, on="symbol").filter(distance <= NEAR)
    of_session = flagged.join(
        named, left_on=["symbol", "day"], right_on=["symbol", "session_date"]
    ).with_columns(session_date="day")
    unpriced = members.filter(pl.col("return_1d").is_null()).select(
        *_OF_MEMBER, day="session_date", reason=pl.lit("no one-day return")
    )
    columns = [*_OF_MEMBER, "day", "reason"]
    reasons = (
        pl.concat([near.select(columns), of_session.select(columns), unpriced.select(columns)])
        .sort(*_OF_MEMBER, "day", "reason")
        .group_by(_OF_MEMBER, maintain_order=True)
        .agg(reasons=pl.col("reason"))
    )
    return (
        members.join(reasons, on=_OF_MEMBER)
        .with_columns(
            implied_return=pl.col("return_1d")
            + pl.col("residual_bps") / 1e4 / pl.col("weight_previous_close")
        )
        .select(mart.IndexResidualSuspects.names())
        .sort(_OF_MEMBER)
    )


@table_asset(
    mart.IndexResidualSuspects,
    {"reconciliations": mart.IndexReconciliations},
    behind={
        "impacts": mart.IndexImpacts,
        "prices": core.Prices,
        "counts": core.SharesOutstanding,
        "quarantine": ops.Quarantine,
    },
)
def mart_index_residual_suspects(
    impacts: pl.DataFrame,
    reconciliations: pl.DataFrame,
    prices: pl.DataFrame,
    counts: pl.DataFrame,
    quarantine: pl.DataFrame,
) -> pl.DataFrame:
    """Find all suspects."""
    return residual_suspects(impacts, reconciliations, prices, counts, quarantine)


@dg.asset_check(
    asset=asset_key(mart.IndexReconciliations),
    additional_ins={"suspects": dg.AssetIn(asset_key(mart.IndexResidualSuspects))},
    description="Whether the members of each index added up to its move as they usually do, over "
    "the last sessions; if not, the members whose records may be why.",
)
def residuals_as_usual(
    reconciliations: pl.DataFrame, suspects: pl.DataFrame
) -> dg.AssetCheckResult:
    """Warn of unusual residuals."""
    recent = reconciliations["session_date"].unique().sort().tail(JUDGED_SESSIONS)
    unusual = reconciliations.filter(
        pl.col("flags").list.contains(ReconciliationFlag.UNUSUAL_RESIDUAL)
        & pl.col("session_date").is_in(recent.implode())
    )
    # A return of ordinary size is the likelier explanation.
    shown = suspects.join(unusual, on=["index_symbol", "session_date"], how="semi").sort(
        "index_symbol", "session_date", pl.col("implied_return").abs(), nulls_last=True
    )
    percent = [(pl.col(name) * 100).round(2) for name in ("return_1d", "implied_return")]
    return dg.AssetCheckResult(
        passed=unusual.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{unusual.height or 'no'} unusual residuals in the last {len(recent)} sessions"
        + "".join(
            f"; {index} {session} {residual:+.2f} bps"
            for index, session, residual in unusual.select(
                "index_symbol", "session_date", "residual_bps"
            ).iter_rows()
        ),
        metadata={
            "sessions_judged": len(recent),
            "unusual_residuals": unusual.height,
            "suspects": as_table(
                shown.select(
                    "session_date",
                    pl.col("residual_bps").round(3),
                    "reasons",
                    percent[0].alias("return, %"),
                    percent[1].alias("would explain it, %"),
                    index="index_symbol",
                    member="symbol",
                ).select(
                    "index",
                    "session_date",
                    "residual_bps",
                    "member",
                    "return, %",
                    "would explain it, %",
                    "reasons",
                )
            ),
        },
    )
