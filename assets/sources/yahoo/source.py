"""The source itself: yfinance is asked symbol by symbol, and each symbol has its own account.

yfinance asks; what came is read here (``chart``), from the answer as it is stored.
"""

import bisect
import contextlib
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
from assets.market.reported_counts import one_a_date
from assets.sources import ACCOUNTS_SCHEMA, Delivery, KnownLines, Since, delivered_columns
from assets.sources.yahoo.bars import NEW_YORK
from assets.sources.yahoo.chart import Asked as AskedChart
from assets.sources.yahoo.chart import Chart, read_chart
from assets.sources.yahoo.errors import YahooError
from assets.sources.yahoo.session import Asked, Policy, YahooSession
from assets.sources.yahoo.shapes import no_result, require_counts_of, result_of
from warehouse.responses import ResponseStore
from warehouse.schemas import Table, raw
from warehouse.schemas.vocabulary import Outcome

_NOT_FOUND, _BAD_REQUEST, _UNPROCESSABLE, _OK = 404, 400, 422, 200
_DENIED = frozenset({401, 403})

COUNTS_FROM = timedelta(days=366)
"""Share counts are asked for from this long before the first session: it rests on one of them."""


@dataclass(frozen=True)
class _Read:
    """A chart that this process has read, and the answer that it is in.

    Attributes:
        asked: the account of the answer.
        chart: what it says.
    """

    asked: Asked
    chart: Chart


_READ: dict[tuple[Path, str, date, date], _Read] = {}
"""Charts read by this process, by store, symbol, first and last date."""


@dataclass(frozen=True)
class Told:
    """What one symbol has of a dataset.

    Attributes:
        rows: the rows, without symbol and provenance.
        is_whole: whether nothing is left out that should be there.
        held: rows that are in doubt, with their reason.
    """

    rows: pl.DataFrame
    is_whole: bool = True
    held: pl.DataFrame | None = None


@dataclass(frozen=True)
class _Got:
    """What came of one symbol; of rows that are not all that should be, the outcome is partial."""

    symbol: str
    told: Told | None
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
        known: tells what is known of lines; asked once.
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
        known: Callable[[], KnownLines] = KnownLines,
    ) -> None:
        self._on_progress = on_progress
        self._first_session = first_session
        self._last_closed = calendar.last_closed_session(now)
        self._today = now.astimezone(NEW_YORK).date()
        ended = calendar.end_of(self._last_closed)
        self._ended = ended.timestamp()
        self._session = YahooSession(store, policy, ended)
        self._store = store
        self._state = state
        self._known = cache(known)

    def bars(self, symbols: Sequence[str]) -> pl.DataFrame | None:  # noqa: ARG002
        """Return None: what Yahoo has is known by asking for it."""
        return None

    def fingerprint(self) -> str | None:
        """Return None: there is no file."""
        return None

    def prices(self, symbols: Sequence[str], first: date, last: date) -> Delivery:
        """Deliver daily bars as traded, both dates included."""

        def bars(chart: Chart) -> Told:
            return Told(chart.bars, is_whole=not chart.is_partial)

        within = pl.col("session_date") <= last
        delivery = self._charts("prices", dict.fromkeys(symbols, first), raw.Prices, bars, within)
        return replace(delivery, covers=(dict.fromkeys(symbols, first), last))

    def splits(self, since: Since) -> Delivery:
        """Deliver the splits since a date that are in force: they come with the bars."""

        def of_chart(chart: Chart) -> Told:
            return Told(chart.splits, is_whole=not chart.has_doubted_split)

        return self._charts("splits", since, raw.Splits, of_chart, self._is_in_force())

    def dividends(self, since: Since) -> Delivery:
        """Deliver the dividends since a date: they come with the bars."""

        def of_chart(chart: Chart) -> Told:
            return Told(chart.dividends)

        return self._charts("dividends", since, raw.Dividends, of_chart, self._is_in_force())

    def _is_in_force(self) -> pl.Expr:
        return pl.col("ex_date") <= self._last_closed

    def index_levels(self, since: Since) -> Delivery:
        """Deliver index levels since the session before a date: moves start there."""
        known = calendar.sessions(last=max(since.values(), default=self._last_closed))
        before = {
            index: known[max(bisect.bisect_left(known, day) - 1, 0)] for index, day in since.items()
        }

        def bars(chart: Chart) -> Told:
            return Told(chart.bars)

        return self._charts("index_levels", before, raw.IndexLevels, bars)

    def shares_outstanding(self, since: Since) -> Delivery:
        """Deliver all reported share counts: each on the date on which it was first seen."""
        start = self._first_session - COUNTS_FROM

        def ask(symbol: str) -> Told:
            series = self._counts(symbol, start)
            if series is None:
                raise YahooError("no_data", "no share count in the answer")
            counts = one_a_date(
                pl.DataFrame(
                    {
                        "as_of_date": pl.Series([s.date() for s in series.index], dtype=pl.Date),
                        "shares_outstanding": pl.Series(
                            [float(n) for n in series.to_numpy()], dtype=pl.Float64
                        ),
                    }
                )
            )
            self._session.asked.said += counts.said
            rule = pl.lit("several_counts_of_a_date").alias("rule")
            return Told(
                counts.rows,
                is_whole=counts.is_whole,
                held=counts.held.with_columns(rule),
            )

        delivery = self._deliver("shares_outstanding", list(since), raw.SharesOutstanding, ask)
        return replace(delivery, covers=(since, self._last_closed))

    # --- asking ---------------------------------------------------------------------------------

    def _counts(self, symbol: str, start: date) -> Any:
        """Ask for the share counts of a symbol; None: there are none."""
        try:
            series = self._ticker(symbol).get_shares_full(start=start, end=self._end())
        except YahooError:
            raise
        except Exception:
            # What is wrong with the answer says more than what its parsing ran into.
            self._refuse_what_are_no_counts(symbol)
            raise
        self._refuse_what_are_no_counts(symbol)
        return series

    def _refuse_what_are_no_counts(self, symbol: str) -> None:
        asked = self._session.asked
        if asked.status == _OK and _described(asked.payload) is None:
            require_counts_of(asked.payload, symbol)

    def _charts(
        self,
        dataset: str,
        since: Since,
        model: type[Table],
        pick: Callable[[Chart], Told],
        within: pl.Expr | None = None,
    ) -> Delivery:
        def ask(symbol: str) -> Told:
            chart = self._chart(symbol, since[symbol], is_index=dataset == "index_levels")
            self._session.asked.said += chart.said
            return pick(chart)

        delivery = self._deliver(dataset, list(since), model, ask, within)
        return replace(delivery, covers=(since, self._last_closed))

    def _chart(self, symbol: str, first: date, *, is_index: bool) -> Chart:
        """Ask for the chart of a symbol; prices, splits and dividends in one: it is read once."""
        question = (self._store.folder, symbol, first, self._end())
        read = _READ.get(question)
        if read is not None and self._session.is_open(read.asked):
            self._session.recall(read.asked)
            return read.chart
        from yfinance.exceptions import YFPricesMissingError

        try:
            self._ticker(symbol).history(start=first, end=self._end(), auto_adjust=False)
        except YFPricesMissingError:
            # It is shown no bars; that some have come is known here.
            if result_of(self._session.asked.payload) is None:
                raise
        asked, known = self._session.asked, self._known()
        chart = read_chart(
            asked.payload,
            AskedChart(
                symbol,
                is_index=is_index,
                last_closed_end=self._ended,
                known_from=known.since.get(symbol),
                listed_to=known.listed_to.get(symbol),
                splits=known.splits.get(symbol, ()),
            ),
        )
        _READ[question] = _Read(replace(asked, payload=None), chart)
        return chart

    def _deliver(
        self,
        dataset: str,
        symbols: Sequence[str],
        model: type[Table],
        ask: Callable[[str], Told],
        within: pl.Expr | None = None,
    ) -> Delivery:
        """Ask for each symbol, and account for it.

        Args:
            dataset: its name.
            symbols: what is asked for.
            model: the raw table.
            ask: gives what one symbol has.
            within: which of the rows are delivered; None: all.
        """
        got: list[_Got] = []
        for done, symbol in enumerate(symbols, start=1):
            got.append(self._ask(symbol, ask))
            self._on_progress(dataset, done, len(symbols))
        key = model.key()[0]
        rows = self._stacked([(o, o.told.rows) for o in got if o.told is not None], key)
        if within is not None and rows is not None:
            rows = rows.filter(within)
        held = self._stacked(
            [(o, o.told.held) for o in got if o.told is not None and o.told.held is not None], key
        )
        return Delivery(
            rows=(model.no_rows() if rows is None else rows).select(delivered_columns(model)),
            held=held,
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

    def _stacked(
        self, of_symbols: Sequence[tuple[_Got, pl.DataFrame]], key: str
    ) -> pl.DataFrame | None:
        """Stack rows of symbols, each with its symbol and provenance; None: there are none."""
        come = [(got, rows) for got, rows in of_symbols if rows.height]
        if not come:
            return None
        about = pl.DataFrame(
            {
                key: [got.symbol for got, _ in come],
                "source": self.name,
                "fetched_at": pl.Series(
                    [got.asked.fetched_at for got, _ in come]
                ).dt.cast_time_unit("us"),
                "response_id": [got.asked.response_id for got, _ in come],
            }
        )
        owner = np.repeat(np.arange(len(come)), [rows.height for _, rows in come])
        return pl.concat([rows for _, rows in come]).hstack(about[owner])

    def _ask(self, symbol: str, ask: Callable[[str], Told]) -> _Got:
        asked = self._session.about()
        try:
            told = ask(symbol)
        except YahooError as error:
            outcome, message = error.kind, error.message
        except Exception as error:  # noqa: BLE001 - yfinance raises whatever its parsing runs into
            outcome, message = _classified(asked, error)
        else:
            said = "; ".join(dict.fromkeys(asked.said)) or None
            outcome = Outcome.OK if told.is_whole else Outcome.PARTIAL
            # The parsed answer is ten times as large as its rows.
            return _Got(symbol, told, outcome, said, replace(asked, payload=None))
        # What was not good is asked for again by the next run.
        self._store.close(asked.url)
        return _Got(symbol, None, outcome, message, replace(asked, payload=None))

    def _ticker(self, symbol: str) -> Any:
        """Return yfinance's ticker over the own session."""
        import yfinance
        from yfinance.data import YfData

        _ignore_warnings()
        yfinance.config.debug.hide_exceptions = False
        # What it logs is in the outcomes.
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        _do_without_caches(self._state)
        # It keeps bad answers too.
        YfData.cache_get.cache_clear()
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


class _Remembered:
    """A cache of yfinance's that is no file: nobody else locks it, and nothing damages it.

    Args:
        lookup: what is known of a key; None: nothing.
    """

    def __init__(self, lookup: Callable[[str], Any]) -> None:
        self.lookup = lookup

    def store(self, *_: object) -> None:
        """Keep nothing."""


@cache
def _do_without_caches(state: Path) -> None:
    """Let yfinance keep nothing between runs; what it would write all the same goes to a folder.

    All exchanges asked here are in New York's time zone or in step with it, so no zone is looked
    up; a cookie costs one request a run. Its own caches are SQLite files, which another process may
    lock for seconds a symbol, and which may be damaged.
    """
    import yfinance
    from yfinance import cache as yfinance_cache

    with contextlib.suppress(OSError):
        state.mkdir(parents=True, exist_ok=True)
    yfinance.set_tz_cache_location(str(state))
    # It has no other way to be given a cache.
    yfinance_cache._TzCacheManager._tz_cache = _Remembered(lambda _: NEW_YORK.key)  # noqa: SLF001
    yfinance_cache._CookieCacheManager._Cookie_cache = _Remembered(lambda _: None)  # noqa: SLF001


_SAID = (
    # Words of an error, the first that fits; what they mean.
    (("no data found, symbol may be delisted",), "not_found"),
    (
        (
            "data doesn't exist",
            "no data found",
            "no data for",
            "no data available",
            "data not available",
            "no price data",
        ),
        "no_data",
    ),
    (("invalid crumb", "invalid cookie", "unauthorized", "forbidden"), "auth"),
    (("not found",), "not_found"),
    (
        ("internal server error", "service unavailable", "gateway timeout", "will be right back"),
        "transient",
    ),
)

_COUNTS_PATH = "/fundamentals-timeseries/"
"""What the address of a question about share counts has in it."""

_MEANS = {_NOT_FOUND: "not_found", _BAD_REQUEST: "contract", _UNPROCESSABLE: "no_data",
          _OK: "contract"}  # fmt: skip
"""What a status means where the words of the error say nothing."""


def _classified(asked: Asked, error: Exception) -> tuple[str, str]:
    """Say what an error of yfinance means, by the answer that it came from, and by its words."""
    described = _described(asked.payload)
    status = f"HTTP status {asked.status}"
    if asked.status in _DENIED:
        return "auth", f"{status}: {described}" if described else status
    text = (described or "").lower()
    kinds = (kind for words, kind in _SAID if any(word in text for word in words))
    kind = next(kinds, _MEANS.get(asked.status or 0, "transient"))
    if described is not None:
        return kind, described
    ran_into = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
    if asked.status is None:
        return kind, f"no answer: the client ran into {ran_into}"
    if asked.status != _OK:
        return kind, f"{status}, without a word why"
    block = "timeseries" if _COUNTS_PATH in asked.url else "chart"
    if result_of(asked.payload, block) is None:
        return kind, no_result(asked.payload, block)
    return kind, f"the answer has come and cannot be read: the client ran into {ran_into}"


def _described(payload: Any) -> str | None:
    """Return Yahoo's own description of an error, if the answer has one."""
    for name in ("chart", "timeseries", "finance"):
        block = payload.get(name) if isinstance(payload, dict) else None
        error = block.get("error") if isinstance(block, dict) else None
        told = error if isinstance(error, dict) else {"description": error}
        words = [w for w in (told.get("code"), told.get("description")) if w and isinstance(w, str)]
        if words:
            return ": ".join(words)
    return None
