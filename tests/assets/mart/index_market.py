"""A made-up market of a few members, written down in a line, for the tests of the indices."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import polars as pl

from assets.market.disputed_units import disputed_units
from assets.market.index_divisors import level_moves, with_published
from assets.market.index_units import members_in_force, with_units
from assets.market.moves import with_comparable_close
from assets.mart.index_impacts import index_impacts
from warehouse.schemas import core, mart, ref
from warehouse.validation import validate

DAYS = [date(2025, 1, 6), date(2025, 1, 7), date(2025, 1, 8), date(2025, 1, 10)]
START = date(2025, 1, 1)


def prices(
    closes: Mapping[str, Sequence[float | None]],
    splits: Mapping[tuple[str, int], tuple[float, str]] | None = None,
) -> pl.DataFrame:
    """Closes of each symbol on the first sessions; (symbol, place) -> (ratio, kind) goes ex."""
    rows = [
        (symbol, day, close, *(splits or {}).get((symbol, place), (1.0, "none")))
        for symbol, series in closes.items()
        for place, (day, close) in enumerate(zip(DAYS, series, strict=False))
        if close is not None
    ]
    told = pl.DataFrame(
        rows,
        schema={"symbol": pl.String, "session_date": pl.Date, "close": pl.Float64,
                "adjustment_ratio": pl.Float64, "adjustment_kind": pl.String},
        orient="row",
    )  # fmt: skip
    told = with_comparable_close(
        told.sort("symbol", "session_date").with_columns(
            split_ratio=pl.when(pl.col("adjustment_kind") == "split")
            .then("adjustment_ratio")
            .otherwise(1.0)
        ),
        DAYS,
    )
    blank = [pl.lit(None).cast(t).alias(n) for n, t in core.Prices.polars_schema().items()
             if n not in told.columns]  # fmt: skip
    return told.with_columns(blank).select(core.Prices.names())


def actions(bars: pl.DataFrame) -> pl.DataFrame:
    """What went ex on the sessions of bars, as the bars have it."""
    return bars.filter(pl.col("adjustment_kind") != "none").select(
        "symbol", ex_date="session_date", ratio="adjustment_ratio", kind="adjustment_kind"
    )


def went_ex(*rows: tuple[str, date, float, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=core.CorporateActions.polars_schema(), orient="row")


def levels(series: list[float | None], index: str = "^X") -> pl.DataFrame:
    rows = [(index, d, None, None, None, v) for d, v in zip(DAYS, series, strict=False) if v]
    return pl.DataFrame(rows, schema=core.IndexLevels.polars_schema(), orient="row")


def indices(
    weighting: str = "market cap", divisor: float | None = None, index: str = "^X"
) -> pl.DataFrame:
    return pl.DataFrame(
        [{"index_symbol": index, "effective_from": START, "name": index, "weighting": weighting,
          "divisor": divisor}],
        schema=ref.Indices.polars_schema(),
    )  # fmt: skip


def holdings(
    units: dict[str, float | None],
    effective_from: date = START,
    as_of: date | None = None,
    index: str = "^X",
) -> pl.DataFrame:
    return pl.DataFrame(
        [{"index_symbol": index, "effective_from": effective_from, "symbol": s, "units": u,
          "as_of_date": as_of or effective_from, "is_estimate": False, "source": "test"}
         for s, u in units.items()],
        schema=ref.IndexHoldings.polars_schema(),
    )  # fmt: skip


def securities(symbols: Iterable[str], company: Mapping[str, str] | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"symbol": s, "name": s, "company_symbol": (company or {}).get(s, s),
             "sector": "Energy", "sector_scheme": "test"}
            for s in symbols
        ],
        schema=ref.Securities.polars_schema(),
    )  # fmt: skip


def counts(told: dict[str, float], since: date = START) -> pl.DataFrame:
    rows = [
        (s, since, None, n, since, "reported", "own_date", False, "reports", False, None)
        for s, n in told.items()
    ]
    return pl.DataFrame(rows, schema=core.SharesOutstanding.polars_schema(), orient="row")


def impacts(
    held: pl.DataFrame,
    bars: pl.DataFrame,
    told_levels: pl.DataFrame,
    told_indices: pl.DataFrame | None = None,
    *,
    told_counts: pl.DataFrame | None = None,
    told_actions: pl.DataFrame | None = None,
    lines: pl.DataFrame | None = None,
) -> pl.DataFrame:
    told_indices = indices() if told_indices is None else told_indices
    told_actions = actions(bars) if told_actions is None else told_actions
    members = members_in_force(held, told_indices, DAYS)
    found = index_impacts(
        with_units(
            members,
            told_actions,
            counts({}) if told_counts is None else told_counts,
            securities("ABCDE") if lines is None else lines,
        ),
        bars,
        told_actions,
        told_indices,
        with_published(
            members.select("index_symbol", "session_date").unique(),
            held,
            told_actions,
            told_indices,
        ),
        level_moves(told_levels, DAYS),
        disputed_units(held, told_indices, told_actions),
    )
    validate(found, mart.IndexImpacts)
    return found
