"""A dated set of index holdings, made of what a fund that follows the index holds.

The fund holds the members in the index's proportions: its shares are units up to a common factor,
which is all that the mathematics needs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from assets.market.names import Names
from assets.sources.funds.files import HoldingsFile
from warehouse.errors import HoldingsFileError
from warehouse.schemas import ref
from warehouse.schemas.raw import DELIVERED
from warehouse.schemas.vocabulary import Weighting

INDEX_OF_FUND = {"SPY": "^GSPC", "IVV": "^GSPC", "DIA": "^DJI", "QQQ": "^NDX"}
"""Funds whose index is known."""

MAX_UNKNOWN_WEIGHT = 0.10
"""A set with more of its weight in symbols that nobody covers belongs to another market."""

EQUAL_SHARES = 0.01
"""A fund of a price-weighted index holds the same number of each share, within this."""


@dataclass(frozen=True)
class ImportedSet:
    """A set of holdings made from a fund's file.

    Attributes:
        rows: columns of ``ref.index_holdings``, sorted by symbol.
        unknown: symbols that securities.csv does not have: members without a price.
    """

    rows: pl.DataFrame
    unknown: Sequence[str]


def index_of(file: HoldingsFile, asked: str | None, indices: pl.DataFrame) -> str:
    """Return which index a fund's holdings speak for.

    Args:
        file: what ``read_fund_file`` returns.
        asked: the index that the user names, if any.
        indices: ``ref.indices``.

    Raises:
        HoldingsFileError: if it is unknown, or contradicts what the user says.
    """
    known = INDEX_OF_FUND.get(file.fund)
    if known is None and asked is None:
        raise HoldingsFileError(
            f"{file.name}: fund '{file.fund}' follows no index that is known here",
            f"Known are {', '.join(f'{f} ({i})' for f, i in INDEX_OF_FUND.items())}; if it follows "
            "one of indices.csv, name it with --index.",
        )
    if known is not None and asked not in {None, known}:
        raise HoldingsFileError(
            f"{file.name}: fund {file.fund} follows {known}, not {asked}", "Leave --index out."
        )
    index = asked or known or ""
    if index not in indices["index_symbol"]:
        raise HoldingsFileError(
            f"{file.name}: index {index} is not in indices.csv", "Add a line for it there."
        )
    return index


def make_set(  # noqa: PLR0913 - a set rests on this much
    file: HoldingsFile,
    index_symbol: str,
    effective_from: date,
    *,
    weighting: str,
    covered: pl.Series,
    closes: pl.DataFrame,
    names: Names | None = None,
) -> ImportedSet:
    """Make a set of holdings of a fund's file.

    Units are the shares that the fund holds, one each under price weighting, or, where the file has
    no shares, weight over close: an estimate. A member that is not covered and has no close then
    has no units either.

    Args:
        file: what ``read_fund_file`` returns.
        index_symbol: the index.
        effective_from: first session for which the set is to hold.
        weighting: how the index is weighted (``ref.indices``).
        covered: the symbols of ``ref.securities``.
        closes: symbol, close (USD) on the file's date, for a file without shares.
        names: what the names of that date stand for; None: each for itself.

    Raises:
        HoldingsFileError: if members appear twice, are not covered, or have no close to derive
            units from; if shares differ under price weighting.
    """
    members = file.members
    members = members.with_columns(symbol=_symbols(members["ticker"], covered))
    members = (names or Names()).present(members, "symbol", pl.lit(file.as_of_date)).drop(DELIVERED)
    _check_members(file, members, covered)
    by_weight = not file.has_units
    if by_weight:
        members = _units_by_weight(file, members, closes, covered)
    if weighting == Weighting.PRICE:
        members = _one_each(file, members, index_symbol)
    held = f"weights of {file.fund} over the close" if by_weight else f"shares held by {file.fund}"
    rows = members.select(
        index_symbol=pl.lit(index_symbol),
        effective_from=pl.lit(effective_from),
        symbol="symbol",
        units="units",
        as_of_date=pl.lit(file.as_of_date),
        is_estimate=pl.lit(by_weight or file.as_of_date > effective_from),
        source=pl.lit(f"{held}, {file.as_of_date} ({file.name}, sha-256 {file.sha256[:16]})"),
    )
    unknown = members.filter(~pl.col("symbol").is_in(covered.implode()))
    return ImportedSet(
        rows.select(ref.IndexHoldings.names()).sort("symbol"), unknown["symbol"].sort().to_list()
    )


def _symbols(tickers: pl.Series, covered: pl.Series) -> pl.Series:
    """Write tickers in the spelling of securities.csv: BRK.B, BRK/B and BRKB are BRK-B."""
    known = set(covered)
    by_letters: dict[str, list[str]] = {}
    for symbol in covered:
        by_letters.setdefault(symbol.replace("-", ""), []).append(symbol)

    def spelt(ticker: str) -> str:
        dashed = re.sub(r"[./ ]+", "-", ticker)
        if ticker in known or dashed in known:
            return ticker if ticker in known else dashed
        alike = by_letters.get(dashed.replace("-", ""), [])
        return alike[0] if len(alike) == 1 else dashed

    return pl.Series("symbol", [spelt(ticker) for ticker in tickers], dtype=pl.String)


def _check_members(file: HoldingsFile, members: pl.DataFrame, covered: pl.Series) -> None:
    twice = members.filter(pl.col("symbol").is_duplicated())
    if twice.height:
        raise HoldingsFileError(
            f"{file.name}: {twice['symbol'][0]} stands in rows "
            f"{', '.join(map(str, twice.filter(pl.col('symbol') == twice['symbol'][0])['row']))}",
            "A member has one row: mend or fetch the file again.",
        )
    unknown = members.filter(~pl.col("symbol").is_in(covered.implode()))
    share = sum(unknown["weight"]) / (sum(members["weight"]) or 1.0)
    if share > MAX_UNKNOWN_WEIGHT:
        raise HoldingsFileError(
            f"{file.name}: {unknown.height} members with {share * 100:.0f} % of the weight are not "
            f"in securities.csv: {', '.join(unknown['symbol'].head(8))} ...",
            "Is this the file of another market? Else add their lines to securities.csv first.",
        )


def _units_by_weight(
    file: HoldingsFile, members: pl.DataFrame, closes: pl.DataFrame, covered: pl.Series
) -> pl.DataFrame:
    told = members.join(
        closes.select("symbol", known_close="close"),
        on="symbol",
        how="left",
        maintain_order="left",
    ).with_columns(close=pl.coalesce("close", "known_close"))
    is_covered = pl.col("symbol").is_in(covered.implode())
    lacking = told.filter(pl.col("close").is_null() & is_covered)["symbol"]
    if len(lacking):
        raise HoldingsFileError(
            f"{file.name}: it has no shares, and {len(lacking)} members have no close on "
            f"{file.as_of_date} to derive units from: {', '.join(lacking.head(8))}",
            f"`capshock run` with prices of {file.as_of_date} first, or take a file with shares.",
        )
    return told.with_columns(units=pl.col("weight") / pl.col("close"))


def _one_each(file: HoldingsFile, members: pl.DataFrame, index_symbol: str) -> pl.DataFrame:
    usual = float(np.median(members["units"].drop_nulls().to_numpy()))
    differing = members.filter((pl.col("units") / usual - 1).abs() > EQUAL_SHARES)
    if differing.height:
        row = differing.row(0, named=True)
        raise HoldingsFileError(
            f"{file.name}: {index_symbol} is price weighted, but the fund holds "
            f"{row['units']:g} of {row['symbol']} and {usual:g} of the others",
            "Is this the file of a fund that follows it?",
        )
    return members.with_columns(units=pl.lit(1.0))
