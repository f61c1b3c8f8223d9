"""The marts by plain Polars: window functions, asof join and group by, as one would write them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
from running_rank import running_rank


def load(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path)


def market_caps(
    prices: pl.DataFrame, counts: pl.DataFrame, securities: pl.DataFrame, sessions: pl.DataFrame
) -> pl.DataFrame:
    lines = securities.lazy().filter(pl.col("symbol") == pl.col("company_symbol"))
    # Bars are sorted by symbol: no window function is needed to look at the row before.
    first = (pl.col("symbol") != pl.col("symbol").shift()).fill_null(True)
    follows = ~first & (pl.col("number") - pl.col("number").shift() == 1)

    def previous(column: str) -> pl.Expr:
        return pl.when(pl.col("follows")).then(pl.col(column).shift())

    age = (pl.col("session_date") - pl.col("reported_as_of")).dt.total_days()
    previous_age = (pl.col("session_date") - pl.col("previous_as_of")).dt.total_days()
    has_count = pl.col("shares_outstanding").is_not_null()
    flags = {
        "no_share_count": ~has_count,
        "no_previous_share_count": pl.col("follows")
        & has_count
        & pl.col("previous_shares").is_null(),
        "stale_share_count": (age > 120).fill_null(False) | (previous_age > 120).fill_null(False),
        "share_count_warning": pl.col("has_warning").fill_null(False)
        | pl.col("previous_warning").fill_null(False),
        "corporate_action": pl.col("adjustment_kind") != "none",
        "gap": ~pl.col("follows") & ~pl.col("first"),
        "first_bar": pl.col("first"),
        "close_only": pl.col("low").is_null() | pl.col("open").is_null(),
    }
    return (
        prices.lazy()
        .join(lines, on="symbol", how="semi", maintain_order="left")
        .join_asof(
            counts.lazy(),
            left_on="session_date",
            right_on="valid_from",
            by="symbol",
            check_sortedness=False,
        )
        .join(
            sessions.lazy().with_row_index("number").with_columns(pl.col("number").cast(pl.Int32)),
            on="session_date",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            follows=follows.fill_null(False),
            first=first,
        )
        .with_columns(
            previous_close=previous("close"),
            previous_shares=previous("shares_outstanding"),
            previous_as_of=previous("reported_as_of"),
            previous_warning=previous("has_warning"),
        )
        .with_columns(
            comparable_close=pl.col("previous_close") / pl.col("adjustment_ratio"),
            comparable_shares=pl.when(pl.col("adjustment_kind") == "split")
            .then(pl.col("previous_shares") * pl.col("adjustment_ratio"))
            .otherwise(pl.col("previous_shares")),
            market_cap_usd=pl.col("close") * pl.col("shares_outstanding"),
            previous_market_cap_usd=pl.col("previous_close") * pl.col("previous_shares"),
        )
        .with_columns(
            price_effect_usd=pl.col("comparable_shares")
            * (pl.col("close") - pl.col("comparable_close"))
        )
        .select(
            pl.col("symbol").alias("company_symbol"),
            "session_date",
            pl.col("close").alias("close_usd"),
            "shares_outstanding",
            pl.col("reported_as_of").alias("shares_as_of"),
            age.alias("share_count_age_days"),
            "market_cap_usd",
            "previous_market_cap_usd",
            "price_effect_usd",
            (
                pl.col("close") * (pl.col("shares_outstanding") - pl.col("comparable_shares"))
                + (
                    pl.col("comparable_close") * pl.col("comparable_shares")
                    - pl.col("previous_market_cap_usd")
                )
            ).alias("share_count_effect_usd"),
            (pl.col("close") / pl.col("comparable_close") - 1).alias("return_1d"),
            (pl.col("low") / pl.col("comparable_close") - 1).alias("intraday_low_return"),
            (pl.col("comparable_shares") * (pl.col("low") - pl.col("comparable_close"))).alias(
                "intraday_low_effect_usd"
            ),
            pl.sum_horizontal(
                raised.cast(pl.Int16) * 2**bit for bit, raised in enumerate(flags.values())
            ).alias("mask"),
        )
        .join(flag_lists(list(flags)), on="mask", how="left", maintain_order="left")
        .drop("mask")
        .collect()
    )


def flag_lists(names: list[str]) -> pl.LazyFrame:
    masks = range(2 ** len(names))
    lists = [[name for bit, name in enumerate(names) if mask & 2**bit] for mask in masks]
    return pl.LazyFrame({"mask": masks, "flags": lists}, schema_overrides={"mask": pl.Int16})


def ranked(what: str, sign: int, caps: pl.DataFrame) -> pl.DataFrame:
    size = f"{what}_usd"
    moves = (
        caps.lazy()
        .select(
            "company_symbol",
            "session_date",
            (sign * pl.col("price_effect_usd")).alias(size),
            (sign * pl.col("return_1d")).alias(f"{what}_return"),
            "flags",
        )
        .filter(pl.col(size) > 0)
        .sort("session_date", size, "company_symbol", descending=[False, True, False])
        .with_columns(
            rank_on_session=pl.col(size)
            .rank("min", descending=True)
            .over("session_date")
            .cast(pl.Int64)
        )
        .collect()
    )
    moves = moves.with_columns(
        rank_to_date=running_rank(moves[size].to_numpy(), moves["session_date"].to_numpy())
    )
    covered = (
        caps.lazy()
        .filter(pl.col("price_effect_usd").is_not_null())
        .select("session_date", nth=pl.int_range(1, pl.len() + 1).over("company_symbol"))
        .filter(pl.col("nth") == 60)
        .group_by("session_date")
        .agg(covered=pl.len())
    )
    largest = moves.lazy().group_by("session_date").agg(largest=pl.col(size).max())
    record = pl.col("largest").cum_max().forward_fill()
    history = (
        caps.lazy()
        .select(pl.col("session_date").unique().sort())
        .join(covered, on="session_date", how="left", maintain_order="left")
        .join(largest, on="session_date", how="left", maintain_order="left")
        .with_columns(
            number=pl.int_range(1, pl.len() + 1),
            history_from=pl.col("session_date").min(),
            companies_covered=pl.col("covered").fill_null(0).cum_sum().cast(pl.Int64),
            previous_record_usd=record.shift(),
            previous_record_date=pl.when(
                (pl.col("largest") > record.shift()) | record.shift().is_null()
            )
            .then(pl.when(pl.col("largest").is_not_null()).then("session_date"))
            .forward_fill()
            .shift(),
        )
    )
    return (
        moves.lazy()
        .join(history, on="session_date", how="left", maintain_order="left")
        .select(
            "company_symbol",
            "session_date",
            size,
            f"{what}_return",
            "rank_on_session",
            "rank_to_date",
            ((pl.col("rank_to_date") == 1) & (pl.col("number") >= 250)).alias("is_record"),
            "previous_record_usd",
            "previous_record_date",
            "history_from",
            "companies_covered",
            "flags",
        )
        .collect()
    )


def sector_moves(caps: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    effect = pl.col("price_effect_usd")
    cents = (effect * 100).round().cast(pl.Int64)
    return (
        caps.lazy()
        .join(securities.lazy(), left_on="company_symbol", right_on="symbol")
        .group_by("sector", "session_date")
        .agg(
            companies=pl.len().cast(pl.Int64),
            net_change_usd=cents.sum() / 100,
            losers_usd=-cents.filter(cents < 0).sum() / 100,
            gainers_usd=cents.filter(cents > 0).sum() / 100,
            losers=(effect < 0).sum().cast(pl.Int64),
            gainers=(effect > 0).sum().cast(pl.Int64),
            companies_without_share_count=pl.col("shares_outstanding")
            .is_null()
            .sum()
            .cast(pl.Int64),
        )
        .sort("session_date", "sector")
        .collect()
    )


def write(made: pl.DataFrame, path: Path) -> None:
    made.write_parquet(path, compression="lz4")


TABLES: dict[str, Callable[..., pl.DataFrame]] = {
    "market_caps": market_caps,
    "market_cap_losses": partial(ranked, "loss", -1),
    "market_cap_gains": partial(ranked, "gain", 1),
    "sector_moves": sector_moves,
}
