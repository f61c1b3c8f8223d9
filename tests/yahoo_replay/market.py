"""What the replay serves: a folder in the file contract, turned into what Yahoo makes of prices."""

import bisect
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from assets.market import calendar

NEW_YORK = ZoneInfo("America/New_York")
CHICAGO = ZoneInfo("America/Chicago")
CBOE = frozenset({"^VIX", "^TNX", "^SKEW"})
"""Indices of an exchange in Chicago, as their metadata say."""

BARS = ("open", "high", "low", "close", "volume")


def stamp(day: date, at: time = time(9, 30)) -> int:
    """Return the epoch second of a moment in New York."""
    return int(datetime.combine(day, at, NEW_YORK).timestamp())


@dataclass
class Market:
    """Everything the server knows, by symbol.

    Attributes:
        bars: symbol -> rows of session_date, open, high, low, close, volume, as traded.
        splits: symbol -> (ex_date, ratio).
        dividends: symbol -> (ex_date, amount).
        counts: symbol -> (as_of_date, shares).
        indices: symbols that are indices.
        round_to: decimals that prices are rounded to; None: none.
        currencies: symbol -> currency that its dividends name; others name none.
    """

    bars: dict[str, list[dict[str, Any]]]
    splits: dict[str, list[tuple[date, float]]] = field(default_factory=dict)
    dividends: dict[str, list[tuple[date, float]]] = field(default_factory=dict)
    counts: dict[str, list[tuple[date, float]]] = field(default_factory=dict)
    indices: frozenset[str] = frozenset()
    round_to: int | None = None
    currencies: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Market":
        """Read a folder in capshock's file contract."""
        prices = _read(folder, "prices")
        levels = _read(folder, "index_levels").rename({"index_symbol": "symbol"})
        every = pl.concat(
            [
                prices.select("symbol", "session_date", *BARS).cast(
                    dict.fromkeys(BARS, pl.Float64)
                ),
                levels.select("symbol", "session_date", *BARS[:4], volume=pl.lit(0.0)).cast(
                    dict.fromkeys(BARS[:4], pl.Float64)
                ),
            ]
        ).sort("symbol", "session_date")
        return cls(
            bars={key[0]: rows.to_dicts() for key, rows in _by_symbol(every)},
            splits=_pairs(_read(folder, "splits"), "ex_date", "ratio"),
            counts=_pairs(_read(folder, "shares_outstanding"), "as_of_date", "shares_outstanding"),
            dividends=_pairs(_read(folder, "dividends"), "ex_date", "amount_usd")
            if list(folder.glob("dividends.*"))
            else {},
            indices=frozenset(levels["symbol"]),
        )

    def chart(self, symbol: str, first: float, last: float, now: datetime) -> dict[str, Any]:
        """Return the answer of the chart endpoint between two moments, as of now."""
        splits = [s for s in self.splits.get(symbol, []) if stamp(s[0]) <= now.timestamp()]
        rows = [
            row
            for row in self.bars[symbol]
            if first <= stamp(row["session_date"]) < last
            and stamp(row["session_date"]) <= now.timestamp()
        ]
        result: dict[str, Any] = {"meta": self._meta(symbol, now)}
        if not rows:
            result["indicators"] = {"quote": [{}], "adjclose": [{}]}
            return {"chart": {"result": [result], "error": None}}
        days = [ex for ex, _ in splits]
        products = [1.0] * (len(splits) + 1)
        for place in range(len(splits) - 1, -1, -1):
            products[place] = products[place + 1] * splits[place][1]
        factors = [products[bisect.bisect_right(days, row["session_date"])] for row in rows]
        result["timestamp"] = [stamp(row["session_date"]) for row in rows]
        quote = {
            name: [self._price(row[name], f) for row, f in zip(rows, factors, strict=True)]
            for name in BARS[:4]
        }
        quote["volume"] = [
            None if row["volume"] is None else round(row["volume"] * f)
            for row, f in zip(rows, factors, strict=True)
        ]
        result["indicators"] = {
            "quote": [quote],
            "adjclose": [{"adjclose": list(quote["close"])}],
        }
        events = self._events(symbol, splits, first, last)
        if events:
            result["events"] = events
        return {"chart": {"result": [result], "error": None}}

    def shares(self, symbol: str, first: float, last: float) -> dict[str, Any]:
        """Return the answer of the fundamentals endpoint: reported share counts."""
        told: dict[str, Any] = {"meta": {"symbol": [symbol], "type": ["shares_out"]}}
        rows = [
            (int(datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp()), n)
            for d, n in self.counts.get(symbol, [])
        ]
        rows = [row for row in rows if first <= row[0] < last]
        if rows:
            told["timestamp"], told["shares_out"] = [r[0] for r in rows], [r[1] for r in rows]
        return {"timeseries": {"result": [told], "error": None}}

    def _price(self, price: float | None, factor: float) -> float | None:
        if price is None:
            return None
        return price / factor if self.round_to is None else round(price / factor, self.round_to)

    def _events(
        self, symbol: str, splits: list[tuple[date, float]], first: float, last: float
    ) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for ex, ratio in splits:
            if first <= stamp(ex) < last:
                share = Fraction(ratio).limit_denominator(10_000)
                of_date = told.setdefault("splits", {})
                moment = next(m for m in range(stamp(ex), stamp(ex) + 60) if str(m) not in of_date)
                of_date[str(moment)] = {
                    "date": moment,
                    "numerator": share.numerator,
                    "denominator": share.denominator,
                    "splitRatio": f"{share.numerator}:{share.denominator}",
                }
        for ex, amount in self.dividends.get(symbol, []):
            if first <= stamp(ex) < last:
                dividend = {"amount": amount, "date": stamp(ex)}
                if symbol in self.currencies:
                    dividend["currency"] = self.currencies[symbol]
                # A second one of the date has a stamp of its own.
                of_date = told.setdefault("dividends", {})
                place = next(n for n in range(60) if str(stamp(ex) + n) not in of_date)
                of_date[str(stamp(ex) + place)] = dividend
        return told

    def _meta(self, symbol: str, now: datetime) -> dict[str, Any]:
        today = now.astimezone(NEW_YORK).date()
        period = {"timezone": "EST", "start": stamp(today), "end": stamp(today, time(16)),
                  "gmtoffset": -18000}  # fmt: skip
        session = calendar.sessions(today, today)
        if session:
            period["end"] = int(calendar.end_of(today).timestamp())
        zone = CHICAGO if symbol in CBOE else NEW_YORK
        return {
            "currency": "USD",
            "symbol": symbol,
            "exchangeName": "CXI" if symbol in CBOE else "NMS",
            "instrumentType": "INDEX" if symbol in self.indices else "EQUITY",
            "firstTradeDate": stamp(self.bars[symbol][0]["session_date"]),
            "regularMarketTime": int(now.timestamp()),
            "gmtoffset": -18000,
            "timezone": "EST",
            "exchangeTimezoneName": zone.key,
            "priceHint": 2,
            "currentTradingPeriod": dict.fromkeys(("pre", "regular", "post"), period),
            "dataGranularity": "1d",
            "range": "",
            "validRanges": ["1d", "5d", "1mo", "1y", "max"],
        }


def _read(folder: Path, name: str) -> pl.DataFrame:
    parquet = folder / f"{name}.parquet"
    if parquet.exists():
        return pl.read_parquet(parquet)
    return pl.read_csv(folder / f"{name}.csv", try_parse_dates=True)


def _by_symbol(rows: pl.DataFrame) -> Any:
    return rows.partition_by("symbol", as_dict=True, include_key=False).items()


def _pairs(rows: pl.DataFrame, day: str, value: str) -> dict[str, list[tuple[date, float]]]:
    return {
        key[0]: [(d, float(v)) for d, v in of.sort(day).select(day, value).rows()]
        for key, of in _by_symbol(rows)
    }
