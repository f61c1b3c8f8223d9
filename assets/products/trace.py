"""``capshock trace``: from a market-cap loss back to the bytes it was read from."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from assets.products.despite import About, published_despite
from assets.products.restated import restated_before
from assets.products.wording import in_words, percent
from assets.sources.tables_in_files import SUFFIXES
from warehouse.errors import NothingToTrace, WarehouseError
from warehouse.reader import Reader, read_published
from warehouse.responses import ResponseStore

_BARS, _COUNTS = "raw.prices", "raw.shares_outstanding"


@dataclass(frozen=True)
class Origins:
    """Where the bytes lie that raw rows were read from.

    Attributes:
        data_dir: folder of the source ``files``.
        responses: what other sources answered.
    """

    data_dir: Path
    responses: ResponseStore


def report_trace(
    console: Console, path: Path, origins: Origins, symbol: str, session: date
) -> None:
    """Walk a session of a company back: market cap, core rows, raw rows, responses or files.

    Args:
        console: where to print.
        path: the published file.
        origins: where the bytes lie.
        symbol: a line of the company.
        session: the session.

    Raises:
        NothingToTrace: if the company has no market cap on the session.
        WarehouseError: if there is no published file.
    """
    with read_published(path) as published:

        def say(text: str, depth: int = 0, style: str = "") -> None:
            console.print(escape("  " * depth + text), style=style, highlight=False, soft_wrap=True)

        for said in published_despite(published, _about(published, symbol, session)):
            say(said, style="yellow")
        cap = _market_cap(published, symbol, session)
        company = cap["company_symbol"]
        effect = cap["price_effect_usd"]
        change = "" if cap["return_1d"] is None else f" ({percent(cap['return_1d'])})"
        if effect is not None:
            moved = f"{in_words(effect)} dollars by price"
        else:
            moved = "dollars not known" if change else "no one-day change"
        line = "" if company == symbol else f", for its line {symbol}"
        say(f"mart.market_caps: {company} on {session}{line}: {moved}{change}", style="bold")
        for said in restated_before(published, company, session):
            say(said, 1, "yellow")
        days = _bars(published, company, session)
        for bar in days:
            say(
                f"core.prices: close {bar['close']:g} on {bar['session_date']}, adjustment "
                f"{bar['adjustment_kind']} x{bar['adjustment_ratio']:g}",
                1,
            )
            _say_origin(say, origins, _BARS, _raw_bar(published, company, bar["session_date"]))
        count = _count(published, cap)
        if count is None:
            say("core.shares_outstanding: no share count is known", 1)
            return
        shares = cap["effect_shares_outstanding"]
        rebased = shares is not None and shares != count["shares_outstanding"]
        in_basis = f", {shares:,.0f} in the share basis of the session" if rebased else ""
        say(
            f"core.shares_outstanding: {count['shares_outstanding']:,.0f} shares from "
            f"{count['valid_from']} on ({count['basis']}, report of {count['reported_as_of']})"
            f"{in_basis}",
            1,
        )
        _say_origin(say, origins, _COUNTS, _raw_count(published, company, count["reported_as_of"]))


def _about(published: Reader, symbol: str, session: date) -> About:
    """Return whom and which sessions a trace is about: the session, and the bar before it."""
    lines = published.rows(
        "SELECT company_symbol FROM ref.securities WHERE symbol = $symbol", symbol=symbol
    )
    company = lines[0]["company_symbol"] if lines else symbol
    days = {bar["session_date"] for bar in _bars(published, company, session)}
    return About({symbol, company}, days | {session})


def _market_cap(published: Reader, symbol: str, session: date) -> dict[str, Any]:
    caps = published.rows(
        "FROM market_cap_history($symbol) WHERE session_date = $day",
        symbol=symbol,
        day=session,
    )
    if not caps:
        _refuse_former_name(published, symbol, session)
        _refuse_unlisted(published, symbol, session)
        _refuse_refused(published, symbol, session)
        raise NothingToTrace(
            f"{symbol} has no market cap on {session} in the published file",
            "Check the symbol (ref.securities) and that the date is a session; `capshock run` "
            "fetches more.",
        )
    return caps[0]


def _refuse_former_name(published: Reader, symbol: str, session: date) -> None:
    """Say under which name the history of a company stands that was called so."""
    for change in published.rows(
        "FROM ref.symbol_changes WHERE old_symbol = $symbol ORDER BY first_session DESC LIMIT 1",
        symbol=symbol,
    ):
        raise NothingToTrace(
            f"{symbol} has no market cap on {session}: the company is called "
            f"{change['new_symbol']} since {change['first_session']}, and so is its history",
            f"Ask for {change['new_symbol']}.",
        )


def _refuse_unlisted(published: Reader, symbol: str, session: date) -> None:
    """Say that a line is no longer, or not yet, listed: nothing of it is missing."""
    for line in published.rows("FROM ref.securities WHERE symbol = $symbol", symbol=symbol):
        first, last, why = line["listed_from"], line["listed_to"], line["delisting_reason"]
        if last is not None and session > last:
            because = f" ({why})" if why else ""
            raise NothingToTrace(
                f"{symbol} was listed until {last}{because}, and has no market cap on {session}",
                "Ask for a session up to then.",
            )
        if first is not None and session < first:
            raise NothingToTrace(
                f"{symbol} is listed since {first}, and has no market cap on {session}",
                "Ask for a session from then on.",
            )


def _refuse_refused(published: Reader, symbol: str, session: date) -> None:
    """Say why a session has no row: what was refused of it, and what was published before."""
    refused = published.rows(
        "SELECT source_table, reason FROM ops.quarantine WHERE symbol = $symbol "
        "AND status <> 'resolved' AND (row_date = $day OR row_date IS NULL) ORDER BY ALL",
        symbol=symbol,
        day=session,
    )
    said = [f"refused ({row['source_table']}): {row['reason']}" for row in refused]
    said += restated_before(published, symbol, session)
    if said:
        raise NothingToTrace(
            f"{symbol} has no market cap on {session}: " + "; ".join(said),
            "Mend the row at its source, or decide on it (split_decisions.csv, "
            "share_count_decisions.csv): `SELECT * FROM ops.quarantine` has all that is refused.",
        )


def _bars(published: Reader, company: str, session: date) -> list[dict[str, Any]]:
    return published.rows(
        "FROM core.prices WHERE symbol = $symbol AND session_date <= $day "
        "ORDER BY session_date DESC LIMIT 2",
        symbol=company,
        day=session,
    )


def _count(published: Reader, cap: dict[str, Any]) -> dict[str, Any] | None:
    """Find the count that the price effect rests on; without one, that of the market cap."""
    counts = published.rows(
        "FROM core.shares_outstanding WHERE symbol = $symbol AND valid_from <= $day "
        "AND reported_as_of = $as_of ORDER BY valid_from DESC LIMIT 1",
        symbol=cap["company_symbol"],
        day=cap["session_date"],
        as_of=cap["effect_shares_as_of"] or cap["shares_as_of"],
    )
    return counts[0] if counts else None


def _raw_bar(published: Reader, company: str, day: date) -> dict[str, Any] | None:
    bars = published.rows(
        "FROM raw.prices WHERE symbol = $symbol AND session_date = $day", symbol=company, day=day
    )
    return bars[0] if bars else None


def _raw_count(published: Reader, company: str, day: date) -> dict[str, Any] | None:
    counts = published.rows(
        "FROM raw.shares_outstanding WHERE symbol = $symbol AND as_of_date = $day",
        symbol=company,
        day=day,
    )
    return counts[0] if counts else None


def _say_origin(say: Any, origins: Origins, table: str, row: dict[str, Any] | None) -> None:
    """Say which bytes a raw row was read from, and whether they are still the same."""
    if row is None:
        say(f"{table}: no row of that date (the count was decided, or its row is gone)", 2)
        return
    provenance = {"source", "fetched_at", "response_id", "delivered_symbol"}
    values = ", ".join(f"{k} {v}" for k, v in row.items() if k not in provenance and v is not None)
    name = row["delivered_symbol"]
    say(f"{table}: {values}" + (f", delivered under its former name {name}" if name else ""), 2)
    say(
        f"first read {row['fetched_at']:%Y-%m-%d %H:%M:%S} UTC from source {row['source']}, "
        f"sha-256 {row['response_id']}",
        3,
    )
    if row["source"] == "files":
        say(_file_origin(origins.data_dir, table.removeprefix("raw."), row), 3)
        return
    store = origins.responses
    for fetch in store.fetches(row["response_id"])[:1]:
        say(f"asked {fetch.url}", 3)
        say(f"answered with status {fetch.status}, {json.dumps(dict(fetch.headers))}", 3)
    try:
        size = len(store.body(row["response_id"]))
    except WarehouseError as error:
        say(f"{error.what}", 3, "yellow")
        return
    say(f"stored: {size:,} bytes in {store.path(row['response_id'])}, sha-256 verified", 3)


def _file_origin(folder: Path, dataset: str, row: dict[str, Any]) -> str:
    """Say which row of which file a raw row is, and whether the file is still the one read."""
    import polars as pl

    path = next((p for e in SUFFIXES if (p := folder / f"{dataset}.{e}").is_file()), None)
    if path is None:
        return f"the file {dataset} is no longer in {folder}"
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    if digest != row["response_id"]:
        return f"{path} has changed since: its sha-256 is {digest}"
    rows = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    day = "session_date" if dataset == "prices" else "as_of_date"
    place = (
        rows.with_row_index("row", offset=1)
        .filter(
            (pl.col("symbol") == (row["delivered_symbol"] or row["symbol"]))
            & (pl.col(day).cast(pl.String) == str(row[day]))
        )["row"]
        .to_list()
    )
    return f"row {', '.join(map(str, place))} of {path}, sha-256 verified"
