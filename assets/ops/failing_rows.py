"""What checks look for, frame to frame: the rows that fail."""

from datetime import date

import polars as pl

from assets.market.listings import COLUMNS, is_listed

PLAUSIBLE_MEDIAN_USD = (5e7, 1e13)
"""The company in the middle of a universe is worth this; counts in thousands show in it."""

MANY_COMPANIES = 20
"""Fewer companies have a median that may be anything."""


def implausible_market(caps: pl.DataFrame) -> pl.DataFrame:
    """Return the last session if the company in the middle is worth what none in the middle is.

    Counts that are wrong by the same factor agree with each other, and with index units, which have
    no scale: only what the market is worth tells.

    Args:
        caps: ``mart.market_caps``.

    Returns:
        session_date, companies, median_market_cap_usd; no row where it is plausible, or where there
        are too few companies.
    """
    smallest, largest = PLAUSIBLE_MEDIAN_USD
    return (
        caps.filter(pl.col("session_date") == pl.col("session_date").max())
        .drop_nulls("market_cap_usd")
        .group_by("session_date")
        .agg(companies=pl.len(), median_market_cap_usd=pl.col("market_cap_usd").median())
        .filter(
            (pl.col("companies") >= MANY_COMPANIES)
            & ~pl.col("median_market_cap_usd").is_between(smallest, largest)
        )
    )


LARGEST_RESIDUAL_BPS = 50.0
"""What the members of a fresh set leave unexplained of an index is a hundredth of this."""

FRESH_DAYS = 200
"""Units that are older, or dated later, by more than this may be off by much."""


def unexplained_sessions(reconciliations: pl.DataFrame) -> pl.DataFrame:
    """Return the sessions on which the members of an index do not make up what it did.

    What is above that is wrong of a giant, of many, or of the index: bars of another session or
    column, other members, another divisor.

    Args:
        reconciliations: ``mart.index_reconciliations``.

    Returns:
        index_symbol, session_date, residual_bps, sorted.
    """
    return (
        reconciliations.filter(
            (pl.col("residual_bps").abs() > LARGEST_RESIDUAL_BPS)
            & (pl.col("holdings_age_days").abs() <= FRESH_DAYS)
            & (pl.col("members_priced") >= WHOLE * pl.col("members"))
            & (pl.col("members") >= MIN_MEMBERS)
        )
        .select("index_symbol", "session_date", "residual_bps")
        .sort("index_symbol", "session_date")
    )


WHOLE = 0.9
"""Part of the members that must have a price."""

MIN_MEMBERS = 10
"""Fewer members are a part of an index, or made up: they need not make up anything."""


def missing_bars(
    prices: pl.DataFrame, symbol: str, sessions: list[date], listed: pl.DataFrame
) -> pl.DataFrame:
    """Return the sessions that a symbol lacks among the last ones, while it is listed.

    Args:
        prices: a table of bars.
        symbol: its symbol column.
        sessions: the exchange's sessions, the last ones.
        listed: symbol, listed_from, listed_to; a symbol that is not there, or has no known
            beginning, is expected from its first bar on.

    Returns:
        symbol, sessions (how many are missing), first_missing, last_missing.
    """
    firsts = prices.group_by(symbol).agg(first=pl.col("session_date").min())
    days = pl.DataFrame({"session_date": sessions}, schema={"session_date": pl.Date})
    return (
        firsts.join(listed.select(COLUMNS), left_on=symbol, right_on="symbol", how="left")
        .with_columns(pl.coalesce("listed_from", "first").alias("listed_from"))
        .join(days, how="cross")
        .filter(is_listed(pl.col("session_date")))
        .join(prices, on=[symbol, "session_date"], how="anti")
        .group_by(symbol)
        .agg(
            sessions=pl.len(),
            first_missing=pl.col("session_date").min(),
            last_missing=pl.col("session_date").max(),
        )
        .sort("sessions", symbol, descending=[True, False])
    )


def lost_rows(now: pl.DataFrame, before: pl.DataFrame, by: str) -> pl.DataFrame:
    """Return the groups that have fewer rows than readers see.

    Args:
        now: rows of each group.
        before: the same, as published.
        by: the column that names the group.

    Returns:
        The column, rows, published_rows; those that lost most first.
    """
    return (
        before.rename({"rows": "published_rows"})
        .join(now, on=by, how="left")
        .with_columns(pl.col("rows").fill_null(0))
        .filter(pl.col("rows") < pl.col("published_rows"))
        .select(by, "rows", "published_rows")
        .sort(pl.col("rows") - pl.col("published_rows"), by)
    )


WHOLE_HISTORY = 60
"""A group of so many rows is a history: it does not leave by a correction."""


def too_many_lost(lost: pl.DataFrame, published: int, allowed_share: float) -> bool:
    """Tell whether what readers see has lost more rows than may go without a person's word.

    A small part of all may; the whole history of one company or index may not, however small a
    part it is: it has become another's.

    Args:
        lost: what ``lost_rows`` returns.
        published: the rows that readers see.
        allowed_share: the part of them that may go.
    """
    gone = int((lost["published_rows"] - lost["rows"]).sum())
    histories = lost.filter((pl.col("rows") == 0) & (pl.col("published_rows") >= WHOLE_HISTORY))
    return gone > allowed_share * published or not histories.is_empty()


def sessions_without_levels(
    prices: pl.DataFrame, levels: pl.DataFrame, refused: pl.DataFrame
) -> pl.DataFrame:
    """Return the sessions with bars that lack a level of an index which had one the session before.

    Args:
        prices: ``core.prices``.
        levels: ``core.index_levels``.
        refused: symbol, row_date of levels that came, and are in quarantine: told of there.

    Returns:
        index_symbol, session_date.
    """
    sessions = prices.select(pl.col("session_date").unique().sort()).with_columns(
        next=pl.col("session_date").shift(-1)
    )
    expected = (
        levels.select("index_symbol", "session_date")
        .join(sessions, on="session_date")
        .select("index_symbol", session_date="next")
        .drop_nulls()
    )
    return (
        expected.join(levels, on=["index_symbol", "session_date"], how="anti")
        .join(
            refused,
            left_on=["index_symbol", "session_date"],
            right_on=["symbol", "row_date"],
            how="anti",
        )
        .sort("index_symbol", "session_date")
    )
