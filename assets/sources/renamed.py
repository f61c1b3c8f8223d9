"""A source behind the names of companies: asked under all they had, delivering under the present.

A source that is read whole names its rows as the lines were called then. One that is asked symbol
by symbol has the whole history under the name of today, or the earlier part under the one before:
what lacks under the new name is asked for under the old one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from assets.market.names import Former, Names
from assets.sources import ACCOUNTS_SCHEMA, Delivery, Since, Source
from warehouse.schemas.raw import DELIVERED
from warehouse.schemas.vocabulary import Outcome

GOOD = frozenset({Outcome.OK, Outcome.PARTIAL})
"""Outcomes with rows."""

SILENT = frozenset({Outcome.NOT_FOUND, Outcome.NO_DATA, Outcome.CONTRACT})
"""Outcomes of a former name that say no more than that the source knows it no longer."""


class RenamedSource:
    """Delivers what a source has of companies, under their present names.

    Args:
        source: where rows come from.
        names: what names stand for.
    """

    def __init__(self, source: Source, names: Names) -> None:
        self._source = source
        self._names = names
        self.name = source.name

    def bars(self, symbols: Sequence[str]) -> pl.DataFrame | None:
        """Return which bars can be delivered: symbol, session_date; None if it cannot tell."""
        known = {*symbols, *self._names.spans["name"]}
        bars = self._source.bars(sorted(known))
        if bars is None:
            return None
        return (
            self._names.present(bars, "symbol", pl.col("session_date"))
            .filter(pl.col("symbol").is_in(list(symbols)))
            .select("symbol", "session_date")
            .unique(maintain_order=True)
        )

    def fingerprint(self) -> str | None:
        """Return what changes when the prices behind the source change; None if it cannot tell."""
        return self._source.fingerprint()

    def prices(self, symbols: Sequence[str], first: date, last: date) -> Delivery:
        """Deliver daily bars as traded, both dates included."""

        def ask(since: Since) -> Delivery:
            return self._source.prices(list(since), first, last)

        return self._delivered(dict.fromkeys(symbols, first), ask, "session_date")

    def splits(self, since: Since) -> Delivery:
        """Deliver recorded splits, at least those since a date."""
        return self._delivered(since, self._source.splits, "ex_date")

    def dividends(self, since: Since) -> Delivery:
        """Deliver dividends, at least those since a date."""
        return self._delivered(since, self._source.dividends, "ex_date")

    def shares_outstanding(self, since: Since) -> Delivery:
        """Deliver all reported company share counts."""
        return self._delivered(since, self._source.shares_outstanding, "as_of_date")

    def index_levels(self, since: Since) -> Delivery:
        """Deliver index levels, at least those since a date."""
        return self._source.index_levels(since)

    def _delivered(self, since: Since, ask: Callable[[Since], Delivery], day: str) -> Delivery:
        delivery = ask(since)
        rows = delivery.rows
        if delivery.accounts is None:
            named = self._names.present(rows, "symbol", _date(rows.schema[day], day))
            return replace(delivery, rows=named)
        no_name = pl.lit(None, pl.String).alias(DELIVERED)
        delivery = replace(delivery, rows=rows.with_columns(no_name))
        for place in range(max(map(len, self._names.former.values()), default=0)):
            lacks = _Lacking(delivery, day)
            wanted = {
                symbol: former
                for symbol, first in since.items()
                for former in self._names.former.get(symbol, ())[place : place + 1]
                if first < former.until and lacks(symbol, former.until)
            }
            if wanted:
                told = ask({former.name: since[symbol] for symbol, former in wanted.items()})
                delivery = _with_former(delivery, told, wanted, day)
        return delivery


class _Lacking:
    """Tells what a delivery of symbols asked one by one lacks.

    Args:
        delivery: what came.
        day: the column of its date.
    """

    def __init__(self, delivery: Delivery, day: str) -> None:
        self._first = dict(delivery.rows.group_by("symbol").agg(pl.col(day).min()).iter_rows())
        self._outcome = _outcomes(delivery)

    def __call__(self, symbol: str, until: date) -> bool:
        """Return whether there is nothing of a symbol before a date."""
        first = self._first.get(symbol)
        return self._outcome[symbol] not in GOOD or first is None or first >= until


def _with_former(
    delivery: Delivery, told: Delivery, wanted: Mapping[str, Former], day: str
) -> Delivery:
    """Add what came of companies under a former name.

    Args:
        delivery: what came under the names after it.
        told: the answers under the former names.
        wanted: symbol -> the former name that was asked for.
        day: the column of the rows' date.
    """
    before, after = _outcomes(delivery), _outcomes(told)
    about = pl.DataFrame(
        [(f.name, s, f.until if before[s] in GOOD else None) for s, f in wanted.items()],
        schema={"symbol": pl.String, "present": pl.String, "until": pl.Date},
        orient="row",
    )
    rows = (
        told.rows.join(about, on="symbol", maintain_order="left")
        .filter(pl.col("until").is_null() | (pl.col(day) < pl.col("until")))
        .with_columns(pl.col("symbol").alias(DELIVERED), symbol="present")
        .select(delivery.rows.columns)
    )
    # What the former name could say later is asked for again.
    speaks = [
        s
        for s, f in wanted.items()
        if after[f.name] not in SILENT and not (before[s] in GOOD and after[f.name] in GOOD)
    ]
    said = pl.concat_str(
        pl.format("asked under its former name {}", "symbol"),
        pl.col("message"),
        separator=": ",
        ignore_nulls=True,
    )
    accounts = _accounts(told).join(about, on="symbol").filter(pl.col("present").is_in(speaks))
    accounts = accounts.with_columns(message=said, symbol="present").select(
        _accounts(delivery).columns
    )
    return replace(
        delivery,
        rows=pl.concat([delivery.rows, rows]),
        held=_held(delivery, told, about),
        accounts=pl.concat([_accounts(delivery).filter(~pl.col("symbol").is_in(speaks)), accounts]),
    )


def _held(delivery: Delivery, told: Delivery, about: pl.DataFrame) -> pl.DataFrame | None:
    """Return the rows that are in doubt, those under former names too, under the present ones."""
    if told.held is None:
        return delivery.held
    rows = told.held.join(about.select("symbol", "present"), on="symbol", maintain_order="left")
    rows = rows.with_columns(symbol="present").drop("present")
    return rows if delivery.held is None else pl.concat([delivery.held, rows], how="diagonal")


def _accounts(delivery: Delivery) -> pl.DataFrame:
    """Return what came of each symbol; empty where all came in one answer."""
    told = delivery.accounts
    return pl.DataFrame(schema=ACCOUNTS_SCHEMA) if told is None else told


def _outcomes(delivery: Delivery) -> dict[str, str]:
    return dict(_accounts(delivery).select("symbol", "outcome").iter_rows())


def _date(dtype: pl.DataType, name: str) -> pl.Expr:
    """Return a column as a date; cells of a CSV file are text. What is none is null."""
    if dtype == pl.String:
        return pl.col(name).str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    return pl.col(name).cast(pl.Date, strict=False)
