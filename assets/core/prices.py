"""``core.prices`` and ``core.index_levels``: bars that make sense next to their neighbours.

The second gate for prices. A bar whose low lies above its close is wrong in itself and rejected. A
close beyond x1.8 of the last accepted one, or below /1.8, without a split is held: it waits for the
split's record, or for a decision that the move is real.
"""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from assets.market.bars import MAX_MOVE, is_disordered
from assets.market.corporate_actions import classify, with_adjustments, with_cumulative_ratio
from assets.raw.delivery import refuse_bad_delivery
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.landing import Landing
from warehouse.schemas import Table, core, raw, ref
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
        quarantined=quarantine(indexed, problems, model, status="rejected"),
        received=rows.height,
    )


def hold_unexplained_moves(
    prices: pl.DataFrame, adjustments: pl.DataFrame, decisions: pl.DataFrame
) -> Gated:
    """Hold closes that jump from the last accepted one without a corporate action.

    Args:
        prices: bars sorted by symbol, session_date.
        adjustments: symbol, ex_date, ratio, kind (``adjustments.classify``).
        decisions: ``ref.split_decisions``; kind none says that the move of a session is real.
    """
    comparable = with_cumulative_ratio(prices, adjustments).with_columns(
        comparable_close=pl.col("close") * pl.col("cumulative_ratio")
    )
    move = (pl.col("comparable_close") / pl.col("comparable_close").shift()).over("symbol")
    suspects = comparable.filter((move > MAX_MOVE) | (move < 1 / MAX_MOVE))["symbol"].unique()
    real = set(decisions.filter(pl.col("kind") == "none").select("symbol", "ex_date").rows())
    indexed = comparable.with_row_index(_ROW)
    held: list[tuple[int, str, str]] = []
    # Each bar is measured against the last accepted one: a walk, over the few suspects only.
    for (symbol,), bars in indexed.filter(pl.col("symbol").is_in(suspects.implode())).group_by(
        "symbol", maintain_order=True
    ):
        accepted = None
        for row, day, close, level in bars.select(
            _ROW, "session_date", "close", "comparable_close"
        ).iter_rows():
            if accepted is None or (symbol, day) in real:
                accepted = (level, day)
                continue
            factor = level / accepted[0]
            if 1 / MAX_MOVE <= factor <= MAX_MOVE:
                accepted = (level, day)
                continue
            reason = (
                f"close {close:g} is x{factor:.3g} of the last accepted close ({accepted[1]}) "
                "without a split; a split's record or a line in split_decisions.csv lets it through"
            )
            held.append((row, "price_move", reason))
    problems = pl.DataFrame(
        held, schema={_ROW: pl.UInt32, "rule": pl.String, "reason": pl.String}, orient="row"
    )
    passed = indexed.join(problems.select(_ROW), on=_ROW, how="anti", maintain_order="left")
    return Gated(
        passed=passed.select(prices.columns),
        quarantined=quarantine(indexed, problems, core.Prices, status="held"),
        received=prices.height,
    )


def _landing(rows: pl.DataFrame, gates: Sequence[Gated], model: type[Table]) -> Landing:
    refused = pl.concat([gate.quarantined for gate in gates])
    return Landing(
        rows=rows.select(model.names()),
        quarantined=refused,
        metadata={
            "received": gates[0].received,
            "held": refused.filter(pl.col("status") == "held").height,
            "rejected": refused.filter(pl.col("status") == "rejected").height,
        },
    )


@table_asset(
    core.Prices,
    {"prices": raw.Prices, "splits": raw.Splits, "decisions": ref.SplitDecisions},
)
def core_prices(
    prices: pl.DataFrame, splits: pl.DataFrame, decisions: pl.DataFrame, inputs: Inputs
) -> Landing:
    """Pass all bars through the second gate."""
    adjustments = classify(splits.select("symbol", "ex_date", "ratio"), decisions)
    ordered = gate_order(prices, core.Prices)
    refuse_bad_delivery(ordered, core.Prices, inputs)
    moved = hold_unexplained_moves(ordered.passed, adjustments, decisions)
    landing = _landing(with_adjustments(moved.passed, adjustments), [ordered, moved], core.Prices)
    idle = decisions.join(
        prices, left_on=["symbol", "ex_date"], right_on=["symbol", "session_date"], how="anti"
    )
    notes = tuple(
        f"split_decisions.csv: {symbol} {day} matches no bar: no effect on its price."
        for symbol, day in idle.select("symbol", "ex_date").rows()
    )
    return replace(landing, notes=notes)


@table_asset(core.IndexLevels, {"levels": raw.IndexLevels})
def core_index_levels(levels: pl.DataFrame, inputs: Inputs) -> Landing:
    """Pass all index levels through the second gate."""
    ordered = gate_order(levels, core.IndexLevels)
    refuse_bad_delivery(ordered, core.IndexLevels, inputs)
    return _landing(ordered.passed, [ordered], core.IndexLevels)
