"""The source itself: yfinance is asked symbol by symbol, and each symbol has its own account."""

import bisect
import logging
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from assets.market import calendar
from assets.sources import ACCOUNTS_SCHEMA, Delivery, Since, delivered_columns
from assets.sources.yahoo import bars as yahoo_bars
from assets.sources.yahoo.session import Asked, Policy, YahooError, YahooSession
from warehouse.responses import ResponseStore
from warehouse.schemas import Table, raw

_NOT_FOUND, _BAD_REQUEST, _OK = 404, 400, 200
_DENIED = frozenset({401, 403})
_COLUMNS = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Volume": "volume",
    "Stock Splits": "ratio",
    "Dividends": "amount_usd",
}
"""Columns of yfinance's frame, and what they are called here."""

COUNTS_FROM = timedelta(days=366)
"""Share counts are asked for from this long before the first session: it rests on one of them."""


@dataclass(frozen=True)
class _Read:
    """A chart that this process has read, and the answer that it is in.

    Attributes:
        asked: the account of the answer.
        chart: session_date, open, high, low, close, volume, ratio, amount_usd; prices as traded;
            close and volume null where there is none, ratio and amount_usd 0 where there is no
            split or dividend.
    """

    asked: Asked
    chart: pl.DataFrame


_READ: dict[tuple[Path, str, date, date], _Read] = {}
"""Charts read by this process, by store, symbol, first and last date."""


@dataclass(frozen=True)
class _Got:
    """What came of one symbol."""

    symbol: str
    rows: pl.DataFrame | None
    outcome: str
    message: str | None
    asked: Asked


class YahooSource:
    """Asks Yahoo Finance through the unmodified yfinance client.

    Args:
        store: where answers are kept.
        state: folder for yfinance's caches (time zones, cookie).
        policy: how the source is asked.
        first_session: first session of the pipeline.
        now: the moment that counts as now (UTC).
        on_progress: told how many symbols of a dataset have been asked for, of how many.
    """

    name = "yahoo"

    def __init__(  # noqa: PLR0913, PLR0917 - as many sides as it has
        self,
        store: ResponseStore,
        state: Path,
        policy: Policy,
        first_session: date,
        now: datetime,
        on_progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> None:
        self._on_progress = on_progress
        self._first_session = first_session
        self._last_closed = calendar.last_closed_session(now)
        self._today = now.astimezone(yahoo_bars.EXCHANGE).date()
        ended = calendar.end_of(self._last_closed)
        self._session = YahooSession(store, policy, ended, ended.timestamp())
        self._store = store
        self._state = state
        self._zoned: set[str] = set()

    def bars(self, symbols: Sequence[str]) -> pl.DataFrame | None:  # noqa: ARG002
        """Return None: what Yahoo has is known by asking for it."""
        return None

    def fingerprint(self) -> str | None:
        """Return None: there is no file."""
        return None

    def prices(self, symbols: Sequence[str], first: date, last: date) -> Delivery:
        """Deliver daily bars as traded, both dates included."""

        def until(charts: pl.DataFrame) -> pl.DataFrame:
            return _bars(charts).filter(pl.col("session_date") <= last)

        delivery = self._charts("prices", dict.fromkeys(symbols, first), raw.Prices, until)
        return replace(delivery, covers=(dict.fromkeys(symbols, first), last))

    def splits(self, since: Since) -> Delivery:
        """Deliver the splits since a date that are in force: they come with the bars."""

        def in_force(charts: pl.DataFrame) -> pl.DataFrame:
            return _splits(charts).filter(pl.col("ex_date") <= self._last_closed)

        return self._charts("splits", since, raw.Splits, in_force)

    def dividends(self, since: Since) -> Delivery:
        """Deliver the dividends since a date: they come with the bars."""

        def dividends(charts: pl.DataFrame) -> pl.DataFrame:
            paid = (pl.col("amount_usd") > 0) & (pl.col("session_date") <= self._last_closed)
            return charts.filter(paid).rename({"session_date": "ex_date"})

        return self._charts("dividends", since, raw.Dividends, dividends)

    def index_levels(self, since: Since) -> Delivery:
        """Deliver index levels since the session before a date: moves start there."""
        known = calendar.sessions(last=max(since.values(), default=self._last_closed))
        before = {
            index: known[max(bisect.bisect_left(known, day) - 1, 0)] for index, day in since.items()
        }
        return self._charts("index_levels", before, raw.IndexLevels, _bars)

    def shares_outstanding(self, since: Since) -> Delivery:
        """Deliver all reported share counts: each on the date on which it was first seen."""
        start = self._first_session - COUNTS_FROM

        def ask(symbol: str) -> pl.DataFrame:
            series = self._ticker(symbol).get_shares_full(start=start, end=self._end())
            if series is None:
                raise YahooError("no_data", "no share count in the answer")
            return _one_a_day(
                pl.DataFrame(
                    {
                        "as_of_date": pl.Series([s.date() for s in series.index], dtype=pl.Date),
                        "shares_outstanding": pl.Series(
                            [float(n) for n in series.to_numpy()], dtype=pl.Float64
                        ),
                    }
                )
            )

        delivery = self._deliver(
            "shares_outstanding", list(since), raw.SharesOutstanding, ask, lambda counts: counts
        )
        return replace(delivery, covers=(since, self._last_closed))

    # --- asking ---------------------------------------------------------------------------------

    def _charts(
        self,
        dataset: str,
        since: Since,
        model: type[Table],
        pick: Callable[[pl.DataFrame], pl.DataFrame],
    ) -> Delivery:
        def ask(symbol: str) -> pl.DataFrame:
            first = since[symbol]
            question = (self._store.folder, symbol, first, self._end())
            read = _READ.get(question)
            # Prices, splits and dividends come in one answer: it is read once.
            if read is not None and self._session.is_open(read.asked):
                self._session.recall(read.asked)
                return read.chart
            frame = self._ticker(symbol).history(
                start=first, end=self._end(), auto_adjust=False, actions=True, keepna=True
            )
            asked = self._session.asked
            broken = yahoo_bars.broken_promise(
                asked.payload, symbol, is_index=dataset == "index_levels"
            )
            if broken:
                raise YahooError("contract", broken)
            chart = _chart(frame, asked)
            _READ[question] = _Read(replace(asked, payload=None), chart)
            return chart

        delivery = self._deliver(dataset, list(since), model, ask, pick)
        return replace(delivery, covers=(since, self._last_closed))

    def _deliver(
        self,
        dataset: str,
        symbols: Sequence[str],
        model: type[Table],
        ask: Callable[[str], pl.DataFrame],
        pick: Callable[[pl.DataFrame], pl.DataFrame],
    ) -> Delivery:
        """Ask for each symbol, account for it, and pick the rows of all at once.

        Args:
            dataset: its name.
            symbols: what is asked for.
            model: the raw table.
            ask: gives the frame of one symbol.
            pick: makes the table's rows of those frames, stacked, with the symbol's column.
        """
        got: list[_Got] = []
        for done, symbol in enumerate(symbols, start=1):
            got.append(self._ask(symbol, ask))
            self._on_progress(dataset, done, len(symbols))
        key = model.key()[0]
        come = [o for o in got if o.rows is not None and o.rows.height]
        rows = model.no_rows().select(delivered_columns(model))
        if come:
            about = pl.DataFrame(
                {
                    key: [o.symbol for o in come],
                    "source": self.name,
                    "fetched_at": pl.Series([o.asked.fetched_at for o in come]).dt.cast_time_unit(
                        "us"
                    ),
                    "response_id": [o.asked.response_id for o in come],
                }
            )
            frames = [o.rows for o in come if o.rows is not None]
            owner = np.repeat(np.arange(len(frames)), [frame.height for frame in frames])
            stacked = pl.concat(frames).hstack(about[owner])
            rows = pick(stacked).select(delivered_columns(model))
        return Delivery(
            rows=rows,
            response_id=None,
            accounts=pl.DataFrame(
                [
                    (o.symbol, o.outcome, o.asked.attempts, o.message, o.asked.response_id)
                    for o in got
                ],
                schema=ACCOUNTS_SCHEMA,
                orient="row",
            ),
            keeps_absent=True,
        )

    def _ask(self, symbol: str, ask: Callable[[str], pl.DataFrame]) -> _Got:
        asked = self._session.about()
        try:
            rows = ask(symbol)
        except YahooError as error:
            outcome, message = error.kind, error.message
        except Exception as error:  # noqa: BLE001 - yfinance raises whatever its parsing runs into
            outcome, message = _classified(asked, error)
        else:
            said = "; ".join(asked.cleaned) or None
            # The parsed answer is ten times as large as its rows.
            return _Got(symbol, rows, "ok", said, replace(asked, payload=None))
        # What was not good is asked for again by the next run.
        self._store.close(asked.url)
        return _Got(symbol, None, outcome, message, replace(asked, payload=None))

    def _ticker(self, symbol: str) -> Any:
        """Return yfinance's ticker over the own session."""
        import yfinance
        from yfinance import cache as yfinance_cache
        from yfinance.data import YfData

        _ignore_warnings()
        yfinance.config.debug.hide_exceptions = False
        # What it logs is in the outcomes.
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        _use_caches(self._state)
        # It keeps bad answers too.
        YfData.cache_get.cache_clear()
        zones = yfinance_cache.get_tz_cache()
        if symbol not in self._zoned and zones.lookup(symbol) is None:
            # All symbols here trade in New York; without this, each costs a question more.
            zones.store(symbol, yahoo_bars.EXCHANGE.key)
        self._zoned.add(symbol)
        return yfinance.Ticker(symbol, session=self._session)

    def _end(self) -> date:
        """Return tomorrow, in New York: all later splits are needed, those of today too.

        From the opening of an ex-date on, all older bars come divided by its ratio.
        """
        return max(self._last_closed, self._today) + timedelta(days=1)


_YFINANCE = re.compile("yfinance")


def _ignore_warnings() -> None:
    """Ignore the warnings of yfinance: it uses what pandas 3.1 deprecates; theirs to mend."""
    # Each new filter makes Python forget what it has warned of.
    if not any(told[0] == "ignore" and told[3] == _YFINANCE for told in warnings.filters):
        warnings.filterwarnings("ignore", module=_YFINANCE.pattern)


@cache
def _use_caches(state: Path) -> None:
    """Put yfinance's caches into the project's state folder, once: it opens them once."""
    import yfinance

    state.mkdir(parents=True, exist_ok=True)
    yfinance.set_tz_cache_location(str(state))


def _chart(frame: Any, asked: Asked) -> pl.DataFrame:
    """Make a chart of yfinance's frame, and say how many bars of it have no close.

    Raises:
        YahooError: if the frame lacks a split that the answer has.
    """
    columns = {name: frame[column].to_numpy(dtype="float64") for column, name in _COLUMNS.items()}
    if (columns["ratio"] > 0).sum() != yahoo_bars.split_count(asked.payload):
        raise YahooError("contract", "a split of the answer is on no bar")
    # The frame's clock is New York's: its dates are the sessions.
    days = frame.index.tz_localize(None).to_numpy().astype("datetime64[ms]")
    chart = pl.DataFrame(
        {"session_date": pl.Series(days).dt.date()} | yahoo_bars.as_traded(columns),
        nan_to_null=True,
    ).with_columns(pl.col("volume").cast(pl.Int64))
    lacking = chart["close"].null_count()
    if lacking:
        asked.cleaned.append(f"{lacking} bars without a close left out")
    without_volume = yahoo_bars.null_volumes(asked.payload)
    if without_volume:
        unknown = pl.col("session_date").is_in(list(without_volume))
        chart = chart.with_columns(volume=pl.when(~unknown).then("volume"))
    return chart


def _bars(charts: pl.DataFrame) -> pl.DataFrame:
    """Return the bars of all charts."""
    return charts.filter(pl.col("close").is_not_null())


def _splits(charts: pl.DataFrame) -> pl.DataFrame:
    """Return the splits of all charts."""
    kind = pl.lit(None, pl.String)
    return (
        charts.filter(pl.col("ratio") > 0)
        .rename({"session_date": "ex_date"})
        .with_columns(kind=kind)
    )


def _one_a_day(reports: pl.DataFrame) -> pl.DataFrame:
    """Keep the last count of each date; one that repeats another is news too: it is younger."""
    return reports.unique("as_of_date", keep="last", maintain_order=True).sort("as_of_date")


def _classified(asked: Asked, error: Exception) -> tuple[str, str]:
    """Say what an error of yfinance means, by the answer that it came from."""
    said = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
    described = _described(asked.payload)
    if asked.status in _DENIED:
        return "auth", f"HTTP status {asked.status}: {described or said}"
    if asked.status == _NOT_FOUND:
        return "not_found", described or said
    if asked.status == _BAD_REQUEST:
        kind = "no_data" if "doesn't exist" in (described or "") else "contract"
        return kind, described or said
    if asked.status == _OK:
        return ("no_data" if yahoo_bars.is_empty(asked.payload) else "contract"), described or said
    return "transient", said


def _described(payload: Any) -> str | None:
    """Return Yahoo's own description of an error, if the answer has one."""
    for name in ("chart", "timeseries", "finance"):
        block = payload.get(name) if isinstance(payload, dict) else None
        error = block.get("error") if isinstance(block, dict) else None
        if isinstance(error, dict):
            return f"{error.get('code')}: {error.get('description')}"
    return None
