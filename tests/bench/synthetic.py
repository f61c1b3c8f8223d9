"""A seeded market of any size: bars, share counts and securities in the shapes of the warehouse."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.market import calendar
from warehouse.schemas import core, ref

LAST_SESSION = date(2025, 6, 30)
SECTORS = 11
QUARTER_SESSIONS = 63
SECOND_LINES = 0.01
"""Share of symbols that are a second listed class of another company."""
WITHOUT_COUNTS = 0.02
"""Share of symbols for which no share count was ever reported."""
MISSING_REPORTS = 0.03
MISSING_BARS = 5e-4
CLOSE_ONLY = 0.01
RATIOS = (2.0, 3.0, 4.0, 10.0, 0.1, 1.281)
"""What goes ex: splits, a reverse split, and a spin-off."""
SPIN_OFF = 1.281
WARN_BEYOND = 0.15


class Market:
    """A market drawn from a seed: the same size gives the same tables.

    Attributes:
        sessions: all sessions that are known.
        prices: ``core.prices``.
        counts: ``core.shares_outstanding``.
        securities: ``ref.securities``.
    """

    def __init__(self, symbols: int, sessions: int, seed: int = 20250127) -> None:
        self._draw = np.random.default_rng(seed)
        self.sessions = pl.DataFrame(
            {"session_date": calendar.sessions()}, schema={"session_date": pl.Date}
        )
        known = self.sessions.filter(pl.col("session_date") <= LAST_SESSION)["session_date"]
        self._days = known.tail(sessions)
        self._symbols = pl.Series("symbol", [f"S{n:05d}" for n in range(symbols)])
        self._shape = (symbols, len(self._days))
        ratios = self._ratios()
        self.securities = self._securities()
        self.prices = self._prices(ratios)
        self.counts = self._counts(ratios)

    def write(self, folder: Path) -> None:
        """Write the tables as Parquet, one file each."""
        for name in ("sessions", "prices", "counts", "securities"):
            table: pl.DataFrame = getattr(self, name)
            table.write_parquet(folder / f"{name}.parquet", compression="lz4")

    def _ratios(self) -> NDArray[np.float64]:
        """What goes ex, per symbol and session: about one corporate action in ten symbols."""
        ratios = np.ones(self._shape)
        actions = max(1, self._shape[0] // 10)
        rows = self._draw.integers(0, self._shape[0], actions)
        columns = self._draw.integers(1, self._shape[1], actions)
        ratios[rows, columns] = self._draw.choice(RATIOS, actions)
        return ratios

    def _securities(self) -> pl.DataFrame:
        symbols = self._symbols.to_list()
        second = self._draw.random(len(symbols)) < SECOND_LINES
        second[0] = False
        companies = [
            symbols[n - 1] if second[n] and not second[n - 1] else symbol
            for n, symbol in enumerate(symbols)
        ]
        sectors = self._draw.integers(0, SECTORS, len(symbols))
        return pl.DataFrame(
            {
                "symbol": symbols,
                "name": [f"Company {symbol}" for symbol in symbols],
                "company_symbol": companies,
                "sector": [f"Sector {n:02d}" for n in sectors],
                "sector_scheme": ["synthetic"] * len(symbols),
                **{
                    name: [None] * len(symbols)
                    for name in ("industry", *ref.Securities.optional_names())
                },
            },
            schema=ref.Securities.polars_schema(),
        )

    def _prices(self, ratios: NDArray[np.float64]) -> pl.DataFrame:
        moves = self._draw.normal(0.0002, 0.02, self._shape)
        start = self._draw.lognormal(4, 1, (self._shape[0], 1))
        close = start * np.exp(np.cumsum(moves - np.log(ratios), axis=1))
        close = np.maximum(np.round(close, 2), 0.01)
        low, high, opened = (
            np.round(close * factor, 4)
            for factor in (
                1 - np.abs(self._draw.normal(0, 0.01, self._shape)),
                1 + np.abs(self._draw.normal(0, 0.01, self._shape)),
                1.0,
            )
        )
        close_only = pl.Series(self._draw.random(close.size) < CLOSE_ONLY)
        there = pl.Series(self._draw.random(close.size) >= MISSING_BARS)
        ratio = ratios.ravel()
        kind = np.where(ratio == 1, 0, np.where(ratio == SPIN_OFF, 2, 1))
        symbol, day = (place.ravel() for place in np.indices(self._shape))
        bars = pl.DataFrame(
            {
                "symbol": self._symbols.gather(symbol),
                "session_date": self._days.gather(day),
                "open": opened.ravel(),
                "high": high.ravel(),
                "low": low.ravel(),
                "close": close.ravel(),
                "volume": self._draw.integers(1_000, 10_000_000, close.size),
                "adjustment_ratio": ratio,
                "adjustment_kind": pl.Series(["none", "split", "spin_off"]).gather(kind.ravel()),
            },
        )
        known = pl.when(~pl.lit(close_only))
        return (
            bars.with_columns(known.then(name).alias(name) for name in ("open", "high", "low"))
            .filter(there)
            .with_columns(
                # What the marts compute from is theirs to find out.
                split_ratio=pl.when(pl.col("adjustment_kind") == "split")
                .then("adjustment_ratio")
                .otherwise(1.0),
                comparable_close=pl.lit(None),
            )
            .select(core.Prices.names())
            .cast(dict(core.Prices.polars_schema()))
        )

    def _counts(self, ratios: NDArray[np.float64]) -> pl.DataFrame:
        """Quarterly reports, some missing; on the day of a split the last count times the ratio."""
        days = self._days.to_list()
        rows: list[tuple[str, date, float, date, str, bool]] = []
        for place, symbol in enumerate(self._symbols):
            if self._draw.random() < WITHOUT_COUNTS:
                continue
            shares = float(self._draw.lognormal(18, 1.5)) // 1
            splits = {
                int(day): float(ratios[place, day])
                for day in np.flatnonzero((ratios[place] != 1) & (ratios[place] != SPIN_OFF))
            }
            reports = range(
                int(self._draw.integers(0, QUARTER_SESSIONS)), len(days), QUARTER_SESSIONS
            )
            reported, warned = None, False
            for day in sorted({*splits, *reports}):
                if day in splits:
                    shares *= splits[day]
                    if reported is not None:
                        rows.append((symbol, days[day], shares, reported, "split_adjusted", warned))
                elif self._draw.random() >= MISSING_REPORTS:
                    change = float(self._draw.normal(0, 0.05))
                    shares = shares * (1 + change) // 1
                    reported, warned = days[day] - timedelta(days=1), abs(change) > WARN_BEYOND
                    rows.append((symbol, days[day], shares, reported, "reported", warned))
        schema = core.SharesOutstanding.polars_schema()
        columns = [name for name in schema if name != "valid_to"]
        until = pl.col("valid_from").shift(-1).over("symbol") - timedelta(days=1)
        return (
            pl.DataFrame(rows, schema={name: schema[name] for name in columns}, orient="row")
            .sort("symbol", "valid_from")
            .with_columns(valid_to=until)
            .select(schema.names())
        )
