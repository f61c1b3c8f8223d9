"""What index units say of share counts: a fund's units of a company follow its shares."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

import polars as pl

from assets.market.corporate_actions import split_factors
from assets.market.last_known import last_known
from warehouse.schemas.vocabulary import Weighting

FULL_CAP_WEIGHTED = (Weighting.FLOAT_ADJUSTED_MARKET_CAP, Weighting.MARKET_CAP)
"""Weightings under which a member's units are its shares, times float and a factor of the set."""

MIN_MEMBERS = 10
"""Members with counts that a set must have for their median to say what is usual."""


@dataclass(frozen=True)
class Witness:
    """What one set of holdings says of one company's count.

    Attributes:
        index_symbol: the index.
        as_of_date: date of the units.
        ratio: reported count over units, relative to the median of the set's members. About 1; more
            where shares are closely held; 0.5 where only half of the shares were reported.
    """

    index_symbol: str
    as_of_date: date
    ratio: float


def company_units(
    holdings: pl.DataFrame, indices: pl.DataFrame, securities: pl.DataFrame, actions: pl.DataFrame
) -> pl.DataFrame:
    """Return the units of companies in all sets of indices that are weighted by market cap.

    Units of one set that are dated apart are sets of their own.

    Args:
        holdings: ``ref.index_holdings``.
        indices: ``ref.indices``.
        securities: ``ref.securities``.
        actions: ``core.corporate_actions``.

    Returns:
        index_symbol, effective_from, as_of_date, company_symbol, units (all lines of the company,
        in the share basis after all splits), sorted.
    """
    weighted = indices.filter(pl.col("weighting").is_in(FULL_CAP_WEIGHTED))
    in_basis = last_known(
        holdings.join(weighted, on="index_symbol", how="semi").drop_nulls("units"),
        split_factors(actions),
        on="as_of_date",
        since="ex_date",
        by="symbol",
        factor_then="split_factor",
    ).join(
        split_factors(actions).group_by("symbol").agg(factor_ever=pl.col("split_factor").last()),
        on="symbol",
        how="left",
    )
    of_company = ["index_symbol", "effective_from", "as_of_date", "company_symbol"]
    factor = pl.col("factor_ever").fill_null(1.0) / pl.col("factor_then").fill_null(1.0)
    return (
        in_basis.join(securities.select("symbol", "company_symbol"), on="symbol")
        .with_columns(pl.col("units") * factor)
        .sort(*of_company, "symbol")
        .group_by(of_company, maintain_order=True)
        .agg(pl.col("units").sum())
    )


def unit_witnesses(
    units: pl.DataFrame, counts: Mapping[str, Sequence[tuple[date, float]]]
) -> dict[str, list[Witness]]:
    """Hold reported counts against units.

    The scale of a set (a fund grows and shrinks) is the median of its members' ratios of count to
    units: no price and no level is needed, and some wrong counts do not move it. A company's count
    is its last one by the date of the units, whatever becomes of it later.

    Args:
        units: what ``company_units`` returns.
        counts: company -> (as_of_date, count in the share basis after all splits), sorted.

    Returns:
        company -> its witnesses by as_of_date.
    """
    said: dict[str, list[Witness]] = defaultdict(list)
    of_set = ["index_symbol", "effective_from", "as_of_date"]
    for (index, _, as_of), members in units.group_by(of_set, maintain_order=True):
        ratios: dict[str, float] = {}
        for company, held in members.select("company_symbol", "units").iter_rows():
            reports = counts.get(company, ())
            place = bisect_right(reports, (as_of, math.inf)) - 1
            if place >= 0:
                ratios[company] = reports[place][1] / held
        if len(ratios) >= MIN_MEMBERS:
            usual = median(ratios.values())
            for company, ratio in ratios.items():
                said[company].append(Witness(index, as_of, ratio / usual))
    return {company: sorted(those, key=lambda w: w.as_of_date) for company, those in said.items()}
