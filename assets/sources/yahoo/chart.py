"""Yahoo's chart: held against what it promises, and read as prices as traded and what goes ex.

Yahoo adjusts all prices for the splits it knows of at the moment of the answer. As traded, a price
is the adjusted one times the ratios of all splits after its session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.sources.yahoo.bars import NEW_YORK, PRICES, Bars, Clock, clock_of, official_bars
from assets.sources.yahoo.errors import BrokenPromise, YahooError
from assets.sources.yahoo.events import CURRENCY, Events, read_events
from assets.sources.yahoo.shapes import in_words, is_moment, no_result, part_of, result_of
from warehouse.schemas.vocabulary import SHARES, InstrumentType

PRICE_DECIMALS = 4
"""Prices as traded are rounded to a hundredth of a cent: un-adjusting leaves noise below that."""

_INDEX_ZONES = {NEW_YORK.key: NEW_YORK, "America/Chicago": ZoneInfo("America/Chicago")}
"""Where the exchanges of American indices are: Cboe's, such as ^VIX, say Chicago."""


@dataclass(frozen=True)
class Asked:
    """What a chart is asked for.

    Attributes:
        symbol: the symbol.
        is_index: whether it is an index, whose levels are points and no dollars.
        last_closed_end: end of the last session that counts, in epoch seconds.
        known_from: the earliest session that is known of the line under this name.
        listed_to: its last session, where it has ended.
        splits: its splits that have landed: ex_date, ratio, kind.
    """

    symbol: str
    is_index: bool
    last_closed_end: float
    known_from: date | None = None
    listed_to: date | None = None
    splits: Sequence[tuple[date, float, str | None]] = ()


@dataclass(frozen=True)
class Chart:
    """What a chart says.

    Attributes:
        bars: session_date, open, high, low, close, volume; as traded; close is never null, volume
            is where there is none.
        splits: ex_date, ratio, kind.
        dividends: ex_date, amount_usd.
        said: what was left out, moved or taken together, in words.
        has_doubted_split: whether a split is in doubt, and not among them.
        is_partial: whether bars are left out over it.
    """

    bars: pl.DataFrame
    splits: pl.DataFrame
    dividends: pl.DataFrame
    said: list[str]
    has_doubted_split: bool = False
    is_partial: bool = False


def read_chart(payload: Any, asked: Asked) -> Chart:
    """Read an answer of the chart endpoint.

    Args:
        payload: the answer, parsed.
        asked: what it is to be about.

    Raises:
        YahooError: if it is about something else, breaks its promises, or has no bars.
    """
    result = result_of(payload)
    if result is None:
        raise BrokenPromise(no_result(payload, "chart"))
    meta = part_of(result, "meta")
    clock = clock_of(meta, _zone(meta, asked), asked.last_closed_end)
    if not result.get("timestamp"):
        raise YahooError("no_data", "the answer has no bars")
    bars = official_bars(result, clock)
    if not asked.is_index:
        _refuse_another_company(meta, asked, bars, clock)
    events = read_events(result, clock, asked.splits)
    said = [*bars.said, *_early_splits(events, clock), *_without_bar(events, bars, clock)]
    frame = _as_traded(bars, events.splits)
    lacking = frame["close"].null_count()
    if lacking:
        said.append(f"{lacking} bars without a close left out")
        frame = frame.filter(pl.col("close").is_not_null())
    known = _known(frame, events, asked)
    return Chart(
        bars=known,
        splits=events.splits,
        dividends=events.dividends,
        said=[*said, *events.said],
        has_doubted_split=events.doubted_on is not None,
        is_partial=known.height < frame.height,
    )


def _zone(meta: dict[str, Any], asked: Asked) -> ZoneInfo:
    """Return the time zone of the exchange, if the answer is about what was asked for.

    Raises:
        BrokenPromise: if it is not.
    """
    kind, currency = meta.get("instrumentType"), meta.get("currency")
    zone = meta.get("exchangeTimezoneName")
    allowed = (InstrumentType.INDEX,) if asked.is_index else SHARES
    said = None
    if meta.get("symbol") != asked.symbol:
        said = f"the answer is about {_said(meta, 'symbol')}"
    elif str(kind).lower() not in allowed:
        what = "index" if asked.is_index else "share of a company"
        said = f"it is no {what}, Yahoo calls it {_said(meta, 'instrumentType')}"
    elif currency != CURRENCY and not (asked.is_index and currency is None):
        named = _said(meta, "currency") if currency else "a currency not named"
        said = f"prices are in {named}, not in {CURRENCY}"
    elif zone not in ([*_INDEX_ZONES] if asked.is_index else [NEW_YORK.key]):
        said = f"the exchange's time zone is {_said(meta, 'exchangeTimezoneName')}"
    elif meta.get("dataGranularity") not in ["1d", None]:
        said = f"bars are of {_said(meta, 'dataGranularity')}, not of a day"
    if said is not None:
        raise BrokenPromise(said)
    return _INDEX_ZONES[str(zone)]


def _said(meta: dict[str, Any], name: str) -> str:
    """Return a word of the metadata as it stands there, or what stands there instead."""
    word = meta.get(name)
    return word if isinstance(word, str) and word else in_words(word)


def _refuse_another_company(meta: dict[str, Any], asked: Asked, bars: Bars, clock: Clock) -> None:
    """Refuse a chart of a ticker that was given to another company since.

    Raises:
        BrokenPromise: if Yahoo knows it from later on than its bars, or ours; or if since when it
            knows it cannot be read.
    """
    stamp = meta.get("firstTradeDate")
    if stamp is None:
        return
    if not is_moment(stamp):
        raise BrokenPromise(
            f"{asked.symbol} was first traded at {in_words(stamp)}, Yahoo says, which is no moment "
            "in seconds: whether the ticker was another company's is not known"
        )
    first = clock.day(stamp)
    said = None
    if len(bars.days) and bars.days.min().astype(date) < first:
        said = f"it has bars from {bars.days.min()}"
    elif asked.known_from is not None and asked.known_from < first:
        said = f"bars from {asked.known_from} have landed"
    elif asked.listed_to is not None and asked.listed_to < first:
        said = f"the line has ended on {asked.listed_to}"
    if said is not None:
        raise BrokenPromise(
            f"{asked.symbol} was first traded on {first}, Yahoo says, but {said}: the ticker may "
            "be another company's now; if so, give the line its listed_to in securities.csv, or "
            "its new name in symbol_changes.csv"
        )


def _known(bars: pl.DataFrame, events: Events, asked: Asked) -> pl.DataFrame:
    """Return the bars that stand in a known basis, over the splits in doubt.

    What the bars before such a split were divided by is not known, nor what of the move on its date
    is a loss. Those after it land, if nothing from before it has: else they would be taken
    for its continuation, and its share counts for theirs.
    """
    if events.doubted_on is None:
        return bars
    if asked.known_from is not None and asked.known_from < events.doubted_on:
        return bars.clear()
    return bars.filter(pl.col("session_date") > events.doubted_on)


def _early_splits(events: Events, clock: Clock) -> list[str]:
    """Say which splits divide all prices though their session has not ended."""
    early = events.splits.filter(pl.col("ex_date") > clock.last_session)["ex_date"]
    return [
        f"split of the unfinished session {day} taken into account"
        for day in early.unique().sort().to_list()
    ]


def _without_bar(events: Events, bars: Bars, clock: Clock) -> list[str]:
    """Say what goes ex on a session of which there is no bar."""
    if not len(bars.days):
        return []
    within = pl.col("ex_date").is_between(bars.days.min().astype(date), clock.last_session)
    there = set(bars.days.astype(date))
    return [
        f"{name} of {day} kept on its date, which has no bar"
        for name, rows in (("split", events.splits), ("dividend", events.dividends))
        for day in rows.filter(within)["ex_date"].unique().sort().to_list()
        if day not in there
    ]


def _as_traded(bars: Bars, splits: pl.DataFrame) -> pl.DataFrame:
    """Undo Yahoo's split adjustment.

    As traded = adjusted * product of the ratios of all splits with ex_date after the session; the
    volume is divided by it. Prices are rounded to ``PRICE_DECIMALS``, volumes to whole shares.
    """
    columns: dict[str, NDArray[np.float64]] = dict(bars.columns)
    if splits.height:
        of_dates = splits.group_by("ex_date").agg(pl.col("ratio").product()).sort("ex_date")
        ex_dates = of_dates["ex_date"].to_numpy().astype("datetime64[D]")
        later = np.append(np.cumprod(of_dates["ratio"].to_numpy()[::-1])[::-1], 1.0)
        factor = later[np.searchsorted(ex_dates, bars.days, side="right")]
        columns = {name: columns[name] * factor for name in PRICES} | {
            "volume": columns["volume"] / factor
        }
    traded = {name: np.round(columns[name], PRICE_DECIMALS) for name in PRICES}
    return pl.DataFrame(
        {"session_date": bars.days, **traded, "volume": np.round(columns["volume"])},
        nan_to_null=True,
    ).with_columns(pl.col("volume").cast(pl.Int64))
