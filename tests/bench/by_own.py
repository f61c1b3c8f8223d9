"""The marts by the project's own functions."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from assets.market.moves import with_comparable_close
from assets.mart.market_cap_losses import market_cap_gains, market_cap_losses
from assets.mart.market_caps import market_caps
from assets.mart.sector_moves import sector_moves


def load(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path)


def caps(
    prices: pl.DataFrame, counts: pl.DataFrame, securities: pl.DataFrame, sessions: pl.DataFrame
) -> pl.DataFrame:
    comparable = with_comparable_close(prices, sessions["session_date"].to_list())
    return market_caps(comparable, counts, securities)


def write(made: pl.DataFrame, path: Path) -> None:
    made.write_parquet(path, compression="lz4")


TABLES: dict[str, Callable[..., pl.DataFrame]] = {
    "market_caps": caps,
    "market_cap_losses": market_cap_losses,
    "market_cap_gains": market_cap_gains,
    "sector_moves": sector_moves,
}
