"""Bars that contradict themselves, or repeat the one before, do not get into ``core``.

Of companies and of indices alike.
"""

from collections.abc import Sequence

import polars as pl

from assets.market.bars import is_disordered, repeated
from warehouse.landing import Landing
from warehouse.schemas import Table
from warehouse.schemas.vocabulary import AdjustmentKind, RefusalStatus
from warehouse.validation import Gated, quarantine

_ROW = "__row"


def gate_order(rows: pl.DataFrame, model: type[Table]) -> Gated:
    """Reject bars that contradict themselves.

    Args:
        rows: bars with open, high, low, close.
        model: the core table that they are meant for.
    """
    indexed = rows.with_row_index(_ROW)
    # One chunk: Polars 2.1 panics where it formats a filtered frame of several, one of them empty.
    problems = (
        indexed.filter(is_disordered())
        .rechunk()
        .select(
            _ROW,
            rule=pl.lit("price_order"),
            reason=pl.format(
                "low {} <= open {}, close {} <= high {} does not hold",
                *(
                    pl.col(name).cast(pl.String).fill_null("unknown")
                    for name in ("low", "open", "close", "high")
                ),
            ),
        )
    )
    return Gated(
        passed=rows.filter(~is_disordered()),
        quarantined=quarantine(indexed, problems, model, status=RefusalStatus.REJECTED),
        received=rows.height,
    )


def hold_repeated_bars(rows: pl.DataFrame, decisions: pl.DataFrame, model: type[Table]) -> Gated:
    """Hold bars that are the one before once more, all four prices of it.

    Args:
        rows: bars with open, high, low, close, sorted by the model's key.
        decisions: ``ref.split_decisions``; kind none says that the bar of a session is real.
        model: the core table that they are meant for.
    """
    symbol = model.key()[0]
    real = decisions.filter(pl.col("kind") == AdjustmentKind.NONE)
    indexed = rows.with_row_index(_ROW)
    problems = (
        indexed.filter(repeated(rows, symbol))
        .join(
            real, left_on=[symbol, "session_date"], right_on=["symbol", "ex_date"], how="anti",
            maintain_order="left",
        )
        .select(
            _ROW,
            rule=pl.lit("repeated_bar"),
            reason=pl.format(
                "open, high, low and close are those of the bar before (close {}): a stale bar; a "
                "line {},{},none,1 in split_decisions.csv lets it through",
                "close",
                symbol,
                "session_date",
            ),
        )
    )  # fmt: skip
    return hold(indexed, problems, model)


def hold(indexed: pl.DataFrame, problems: pl.DataFrame, model: type[Table]) -> Gated:
    """Hold the bars that have a problem, and let the others pass.

    Args:
        indexed: bars with their row index ``__row``.
        problems: ``__row``, rule, reason.
        model: the core table that they are meant for.
    """
    return Gated(
        passed=indexed.join(problems, on=_ROW, how="anti", maintain_order="left").drop(_ROW),
        quarantined=quarantine(indexed, problems, model, status=RefusalStatus.HELD),
        received=indexed.height,
    )


def landing_of(rows: pl.DataFrame, gates: Sequence[Gated], model: type[Table]) -> Landing:
    """Return what lands of bars, and what the gates refused.

    Args:
        rows: the bars that passed.
        gates: what each gate made of the bars, the first one first.
        model: the core table.
    """
    refused = pl.concat([gate.quarantined for gate in gates])
    return Landing(
        rows=rows.select(model.names()),
        quarantined=refused,
        metadata={
            "received": gates[0].received,
            "held": refused.filter(pl.col("status") == RefusalStatus.HELD).height,
            "rejected": refused.filter(pl.col("status") == RefusalStatus.REJECTED).height,
        },
    )
