"""Share counts that agree with each other, and with which a company would be what none is.

A source that tells all counts of a company in another unit contradicts itself nowhere, and where no
index holds the company no units contradict it either. Its own bars do.
"""

import polars as pl

from assets.market.share_counts import IS_VOUCHED, RUN

LARGEST_CAP_USD = 10e12
"""No company has been worth half of it: the largest, NVIDIA, was at 5 trillion in October 2025."""

SMALLEST_CAP_USD = 1e6
"""A company that is worth less on each session is listed nowhere."""

FEWEST_TRADED = 1 / 20_000
"""Of the members of the S&P 500 the least traded has 30 times as many on a session in the middle
(BRK-B, 0.15 %), of those that are traded at home rather than here 7 times (NVO, the fewest of 60
sessions)."""

MOST_TRADED = 0.5
"""On a session in the middle of a month no company changes hands by halves: OKLO, the most traded
of the sample, does by a fifth, on a count that is disputed."""

ENOUGH_SESSIONS = 20
"""Sessions with a volume that a stretch of counts must have for their median to say something."""

NO_BARS = pl.DataFrame(
    schema={
        "symbol": pl.String,
        "session_date": pl.Date,
        "close": pl.Float64,
        "volume": pl.Int64,
    }
)
"""Where nothing is known of prices."""

_TOO_LARGE = "with it the company is worth more than 10 trillion dollars: none has been"
_TOO_SMALL = "with it the company is worth less than a million dollars"
_TOO_MANY = "of so many shares fewer than 1 in 20,000 are traded on a session: too many, by that"
_TOO_FEW = "of so few shares more than half are traded on a session: too few, by that"


def disputed_where_implausible(counts: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Dispute counts with which a company is what none is.

    Counts are judged by runs, as reports are weighed: consecutive ones without a jump between them.
    All of a run are disputed where on any session with a bar the market cap is beyond
    ``LARGEST_CAP_USD``, or on all below ``SMALLEST_CAP_USD``; or where, over ``ENOUGH_SESSIONS`` or
    more, the median of volume / count is below ``FEWEST_TRADED`` or beyond ``MOST_TRADED``. A
    volume of zero tells nothing. Runs that index units fit, or that a person let in, are not asked;
    what is disputed keeps its dispute.

    The limits are numbers, and not what is usual of the universe: one of three companies has them
    too, and what becomes of a company's counts does not depend on which others are covered.

    Args:
        counts: what ``weigh_reports`` returns.
        bars: symbol, session_date, close, volume; sorted by symbol, session_date.

    Returns:
        The counts, with is_disputed and dispute.
    """
    asked = counts.lazy().filter(~pl.col(IS_VOUCHED)).select("symbol").unique()
    largest_cap_usd = (pl.col("close") * pl.col("shares_outstanding")).max()
    traded = pl.col("volume") / pl.col("shares_outstanding")
    usual = pl.col("traded").median()
    is_told = pl.col("traded").count() >= ENOUGH_SESSIONS
    found = (
        bars.lazy()
        .select("symbol", "session_date", "close", "volume")
        .join(asked, on="symbol", how="semi")
        .sort("symbol", "session_date")
        .join_asof(
            counts.lazy()
            .select("symbol", RUN, IS_VOUCHED, "shares_outstanding", session_date="valid_from")
            .sort("symbol", "session_date"),
            on="session_date",
            by="symbol",
            check_sortedness=False,
        )
        .drop_nulls(RUN)
        .filter(~pl.col(IS_VOUCHED))
        .with_columns(traded=pl.when(pl.col("volume") > 0).then(traded))
        .group_by(RUN)
        .agg(
            against=pl.when(largest_cap_usd > LARGEST_CAP_USD)
            .then(pl.lit(_TOO_LARGE))
            .when(largest_cap_usd < SMALLEST_CAP_USD)
            .then(pl.lit(_TOO_SMALL))
            .when(is_told & (usual < FEWEST_TRADED))
            .then(pl.lit(_TOO_MANY))
            .when(is_told & (usual > MOST_TRADED))
            .then(pl.lit(_TOO_FEW))
        )
        .drop_nulls()
        .collect()
    )
    return (
        counts.join(found, on=RUN, how="left", maintain_order="left")
        .with_columns(
            is_disputed=pl.col("is_disputed") | pl.col("against").is_not_null(),
            dispute=pl.coalesce("dispute", "against"),
        )
        .drop("against")
    )
