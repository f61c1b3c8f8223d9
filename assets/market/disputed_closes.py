"""Closes that what is around them speaks against: every number that rests on one says so.

A wrong close below the size that the gate holds looks like news. An index tells the two apart: news
moves it, a wrong close moves only what its members add up to. Where no index speaks, a jump there
and back is what a mistyped bar looks like.
"""

from datetime import date
from typing import NamedTuple

import polars as pl

from assets.market.witnesses import (
    largest_usual,
    said_by_index,
    stays,
    usual_size,
)
from warehouse.schemas.vocabulary import ReconciliationFlag, Witness

STANDS_OUT = 4.0
"""A move that stands out is beyond this many robust deviations of the line's own returns."""

ORDINARY = 3.0
"""What is left of an accused move without its error is within this many."""

SMALLEST_ERROR = 0.03
"""Errors below this are an ordinary session's move."""

COMES_BACK = 0.25
"""An error is over when another one leaves no more than this part of it, in logarithms."""

NOTICED = 2.0
"""Beyond so many of them a move may explain a large residual."""

LARGE_RESIDUAL_BPS = 1.0
"""Residuals up to this come from stale units too: one alone accuses nobody."""

WITHIN_DAYS = 366
"""Errors that cancel each other lie no further apart."""

HIDDEN_DAYS = 14
"""... and no further than this where only one of the two is accused."""

_KEY = ["symbol", "session_date"]
_OF_INDEX = ["index_symbol", "session_date"]
_SCHEMA = pl.Schema({"symbol": pl.String, "session_date": pl.Date})


NO_CLOSES = pl.DataFrame(schema=_SCHEMA)
"""Where no close is disputed."""


def disputed_closes(
    impacts: pl.DataFrame,
    reconciliations: pl.DataFrame,
    prices: pl.DataFrame,
    by_action: pl.DataFrame = NO_CLOSES,
) -> pl.DataFrame:
    """Return the sessions on which a close, or the one that it is compared with, is disputed.

    Args:
        impacts: ``mart.index_impacts``.
        reconciliations: ``mart.index_reconciliations``.
        prices: ``core.prices``, sorted by symbol, session_date.
        by_action: what ``closes_of_disputed_actions`` returns.

    Returns:
        symbol, session_date, sorted.
    """
    residuals = reconciliations.select(*_OF_INDEX, "residual_bps")
    is_confirmed = pl.col("witness") == Witness.OFFICIAL_INDEX
    confirmed = said_by_index(impacts, residuals).filter(is_confirmed).select(_KEY)
    by_index = [
        closes_in_dispute(_accused(impacts, reconciliations), prices),
        contradicted_jumps(impacts, reconciliations, prices),
    ]
    found = [by_action, *by_index, there_and_back(prices, confirmed)]
    return pl.concat(found).unique().sort(_KEY)


def contradicted_jumps(
    impacts: pl.DataFrame, reconciliations: pl.DataFrame, prices: pl.DataFrame
) -> pl.DataFrame:
    """Return the jumps beyond what the line does that a large residual of an index contradicts.

    Others may have moved by as much that day, so that nothing accuses this close alone; a jump of
    that size without its index is in dispute until more is known.

    Args:
        impacts: ``mart.index_impacts``.
        reconciliations: ``mart.index_reconciliations``.
        prices: ``core.prices``, sorted by symbol, session_date.

    Returns:
        symbol, session_date, sorted.
    """
    large = reconciliations.filter(
        pl.col("flags").list.contains(ReconciliationFlag.UNUSUAL_RESIDUAL)
        & ~pl.col("flags").list.contains(ReconciliationFlag.TOO_LITTLE_PRICED)
        & (pl.col("residual_bps").abs() > LARGE_RESIDUAL_BPS)
    ).select(*_OF_INDEX, "residual_bps")
    said = said_by_index(impacts, large).filter(pl.col("witness") == Witness.CONTRADICTED)
    move = pl.col("close") / pl.col("comparable_close") - 1
    jumps = prices.select(*_KEY, return_1d=move, limit=largest_usual(move, "symbol")).filter(
        pl.col("return_1d").abs() > pl.col("limit")
    )
    return jumps.join(said, on=_KEY, how="semi").select(_KEY).sort(_KEY)


def disputed_by_index(impacts: pl.DataFrame, reconciliations: pl.DataFrame) -> pl.DataFrame:
    """Return the sessions on which an index speaks against a member's close.

    Args:
        impacts: ``mart.index_impacts``.
        reconciliations: ``mart.index_reconciliations``.

    Returns:
        symbol, session_date, sorted.
    """
    accused = _accused(impacts, reconciliations)
    return closes_in_dispute(accused, impacts.filter(pl.col("return_1d").is_not_null()))


def _accused(impacts: pl.DataFrame, reconciliations: pl.DataFrame) -> pl.DataFrame:
    is_unusual = pl.col("flags").list.contains(ReconciliationFlag.UNUSUAL_RESIDUAL)
    residuals = reconciliations.select(*_OF_INDEX, "residual_bps", is_unusual=is_unusual)
    return accused_moves(impacts, residuals)


def accused_moves(impacts: pl.DataFrame, residuals: pl.DataFrame) -> pl.DataFrame:
    """Return the moves of members that an unusual residual of an index can be laid to.

    A member's return is wrong by the residual over its weight, if it alone is wrong. It is accused
    where its move stands out among its own, and without that error would not. Under a small
    residual, which stale units make too, it must stand out by more.

    Args:
        impacts: index_symbol, session_date, symbol, return_1d, weight_previous_close.
        residuals: index_symbol, session_date, residual_bps, is_unusual.

    Returns:
        symbol, session_date, error (log of the close over what it should be), is_accused, is_alone
        (whether the residual is large, and no other member's move of some size would explain it),
        unique, sorted. Lines that are accused alone have their errors of other sessions beside.
    """
    told = impacts.select(*_OF_INDEX, "symbol", "return_1d", "weight_previous_close").drop_nulls()
    returns = told.select(*_KEY, "return_1d").unique(_KEY).sort(_KEY)
    size, true = pl.col("return_1d").abs(), pl.col("true").abs()
    is_large = pl.col("residual_bps").abs() > LARGE_RESIDUAL_BPS
    suspects = (
        told.join(residuals.filter("is_unusual").drop_nulls(), on=_OF_INDEX)
        .join(returns.select(*_KEY, usual=usual_size(pl.col("return_1d"), "symbol")), on=_KEY)
        .with_columns(
            wrong_by=-pl.col("residual_bps") / 1e4 / pl.col("weight_previous_close"),
        )
        .with_columns(true=pl.col("return_1d") - pl.col("wrong_by"))
        .with_columns(
            is_possible=((size > NOTICED * pl.col("usual")) & (true < size / 2)).fill_null(
                value=False
            )
        )
        .with_columns(possible=pl.col("is_possible").sum().over(_OF_INDEX))
        .filter((pl.col("wrong_by").abs() > SMALLEST_ERROR) & (pl.col("true") > -1))
        .with_columns(
            error=((1 + pl.col("return_1d")) / (1 + pl.col("true"))).log(),
            is_accused=(
                (size > pl.when(is_large).then(NOTICED).otherwise(STANDS_OUT) * pl.col("usual"))
                & (true < ORDINARY * pl.col("usual"))
            ).fill_null(value=False),
        )
        .with_columns(
            is_alone=pl.col("is_accused")
            & is_large
            & (size > STANDS_OUT * pl.col("usual"))
            & (pl.col("possible") <= pl.col("is_possible").cast(pl.UInt32)),
        )
        .filter(pl.col("is_accused") | (is_large & pl.col("is_alone").any().over("symbol")))
    )
    best = ["is_accused", "weight_previous_close"]
    return (
        suspects.group_by(_KEY)
        .agg(pl.col("error").sort_by(best).last(), pl.col("is_accused", "is_alone").any())
        .sort(_KEY)
    )


class _Error(NamedTuple):
    """What an index says a close is wrong by, as a logarithm; columns of ``accused_moves``."""

    session_date: date
    error: float
    is_accused: bool
    is_alone: bool

    def is_taken_back_by(self, other: "_Error") -> bool:
        """Tell whether a later error cancels this one, and the two are no coincidence."""
        days = (other.session_date - self.session_date).days
        are_accused = self.is_accused and other.is_accused and days <= WITHIN_DAYS
        is_hidden = (self.is_alone or other.is_alone) and days <= HIDDEN_DAYS
        cancel = abs(self.error + other.error) <= COMES_BACK * abs(self.error)
        return cancel and (are_accused or is_hidden)


def closes_in_dispute(accused: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """Return the sessions from an accused move to the one that takes its error back.

    That one is disputed too: it is measured against a close that is. Two errors that cancel each
    other speak for themselves; one that nothing takes back stays, if it stands alone. Where news
    hides an error, so that its own session accuses nobody, the one that takes it back alone tells.

    Args:
        accused: what ``accused_moves`` returns.
        sessions: symbol, session_date of all bars.

    Returns:
        symbol, session_date, sorted.
    """
    found: list[tuple[str, date, date | None]] = []
    for (symbol,), moves in accused.group_by("symbol", maintain_order=True):
        errors = [_Error(*row) for row in moves.select(*_Error._fields).iter_rows()]
        place = 0
        while place < len(errors):
            error = errors[place]
            later = range(place + 1, len(errors))
            back = next((n for n in later if error.is_taken_back_by(errors[n])), None)
            if back is not None:
                found.append((str(symbol), error.session_date, errors[back].session_date))
                place = back
            elif error.is_alone:
                found.append((str(symbol), error.session_date, None))
            place += 1
    spans = pl.DataFrame(
        found, schema={"symbol": pl.String, "since": pl.Date, "until": pl.Date}, orient="row"
    )
    day = pl.col("session_date")
    return (
        sessions.select(_KEY)
        .join(spans, on="symbol")
        .filter((day >= pl.col("since")) & (day <= pl.col("until")).fill_null(value=True))
        .select(_KEY)
        .unique()
        .sort(_KEY)
    )


def there_and_back(prices: pl.DataFrame, confirmed: pl.DataFrame) -> pl.DataFrame:
    """Return both sessions of a jump that is beyond what the line does, and that the next undoes.

    Args:
        prices: ``core.prices``, sorted by symbol, session_date.
        confirmed: symbol, session_date of moves that an index confirms.

    Returns:
        symbol, session_date, sorted.
    """
    is_same = pl.col("symbol") == pl.col("symbol").shift(-1)
    move = pl.col("close") / pl.col("comparable_close")
    moved = prices.select(
        *_KEY,
        move=move,
        limit=largest_usual(move - 1, "symbol"),
        next_move=pl.when(is_same).then(move.shift(-1)),
        next_date=pl.when(is_same).then(pl.col("session_date").shift(-1)),
    )
    there, back = pl.col("move").log().abs(), pl.col("next_move").log().abs()
    jumps = moved.filter(
        (there > pl.col("limit").log1p())
        & ~stays(pl.col("move"), pl.col("next_move"))
        & (back < 2 * there)
    ).join(confirmed, on=_KEY, how="anti")
    both = [jumps.select(_KEY), jumps.select("symbol", session_date="next_date")]
    return pl.concat([pl.DataFrame(schema=_SCHEMA), *both]).unique().sort(_KEY)
