"""The marts by pandas: asof merge, shift and group by."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from running_rank import running_rank

FLAGS = (
    "no_share_count",
    "no_previous_share_count",
    "stale_share_count",
    "share_count_warning",
    "corporate_action",
    "gap",
    "first_bar",
    "close_only",
)


def load(path: Path) -> pd.DataFrame:
    """Read a table; dates as numpy's, since Python's dates are slow."""
    table = pq.read_table(path)
    days = [n for n, field in enumerate(table.schema) if pa.types.is_date(field.type)]
    for n in days:
        table = table.set_column(n, table.schema[n].name, table.column(n).cast(pa.timestamp("s")))
    return table.to_pandas(split_blocks=True, self_destruct=True)


def market_caps(
    prices: pd.DataFrame, counts: pd.DataFrame, securities: pd.DataFrame, sessions: pd.DataFrame
) -> pd.DataFrame:
    lines = securities.loc[securities["symbol"] == securities["company_symbol"], "symbol"]
    bars = prices.loc[prices["symbol"].isin(lines)].drop(columns=["high", "volume"])
    # An asof merge wants the dates sorted over all symbols.
    bars = pd.merge_asof(
        bars.sort_values("session_date", kind="stable"),
        counts[
            ["symbol", "valid_from", "shares_outstanding", "reported_as_of", "has_warning"]
        ].sort_values("valid_from", kind="stable"),
        left_on="session_date",
        right_on="valid_from",
        by="symbol",
    ).sort_values(["symbol", "session_date"], ignore_index=True)
    number = pd.Series(np.arange(len(sessions)), index=sessions["session_date"])
    bars["number"] = bars["session_date"].map(number)
    bars["has_warning"] = bars["has_warning"].eq(True)
    earlier = bars[
        ["number", "close", "shares_outstanding", "reported_as_of", "has_warning"]
    ].shift()
    first = (bars["symbol"] != bars["symbol"].shift()).to_numpy()
    follows = (bars["number"] - earlier["number"]).eq(1).to_numpy() & ~first
    ratio, shares = bars["adjustment_ratio"], bars["shares_outstanding"]
    previous_close = earlier["close"].where(follows)
    previous_shares = earlier["shares_outstanding"].where(follows)
    comparable_close = previous_close / ratio
    comparable_shares = previous_shares * ratio.where(bars["adjustment_kind"] == "split", 1.0)
    market_cap = bars["close"] * shares
    previous_market_cap = previous_close * previous_shares
    price_effect = comparable_shares * (bars["close"] - comparable_close)
    age = (bars["session_date"] - bars["reported_as_of"]).dt.days
    previous_age = (bars["session_date"] - earlier["reported_as_of"]).dt.days
    raised = (
        shares.isna(),
        follows & shares.notna() & previous_shares.isna(),
        (age > 120) | (follows & (previous_age > 120)),
        bars["has_warning"] | (follows & earlier["has_warning"].eq(True)),
        bars["adjustment_kind"] != "none",
        ~first & ~follows,
        first,
        bars["low"].isna() | bars["open"].isna(),
    )
    mask = np.zeros(len(bars), dtype=np.uint8)
    for bit, flag in enumerate(raised):
        mask |= np.asarray(flag).astype(np.uint8) << bit
    lists = np.empty(1 << len(FLAGS), dtype=object)
    lists[:] = [[f for bit, f in enumerate(FLAGS) if m >> bit & 1] for m in range(len(lists))]
    return pd.DataFrame(
        {
            "company_symbol": bars["symbol"],
            "session_date": bars["session_date"],
            "close_usd": bars["close"],
            "shares_outstanding": shares,
            "shares_as_of": bars["reported_as_of"],
            "share_count_age_days": age,
            "market_cap_usd": market_cap,
            "previous_market_cap_usd": previous_market_cap,
            "price_effect_usd": price_effect,
            "share_count_effect_usd": bars["close"] * (shares - comparable_shares)
            + (comparable_close * comparable_shares - previous_market_cap),
            "return_1d": bars["close"] / comparable_close - 1,
            "intraday_low_return": bars["low"] / comparable_close - 1,
            "intraday_low_effect_usd": comparable_shares * (bars["low"] - comparable_close),
            "flags": lists[mask],
        },
        copy=False,
    )


def ranked(what: str, sign: int, caps: pd.DataFrame) -> pd.DataFrame:
    size = f"{what}_usd"
    chosen = (sign * caps["price_effect_usd"] > 0).to_numpy()
    moves = caps.loc[
        chosen, ["company_symbol", "session_date", "price_effect_usd", "return_1d", "flags"]
    ].rename(columns={"price_effect_usd": size, "return_1d": f"{what}_return"})
    moves[[size, f"{what}_return"]] *= sign
    moves = moves.sort_values(
        ["session_date", size, "company_symbol"], ascending=[True, False, True], ignore_index=True
    )
    moves["rank_on_session"] = (
        moves.groupby("session_date")[size].rank("min", ascending=False).astype("int64")
    )
    moves["rank_to_date"] = running_rank(moves[size].to_numpy(), moves["session_date"].to_numpy())
    changes = caps.loc[caps["price_effect_usd"].notna(), ["company_symbol", "session_date"]]
    matured = changes.loc[changes.groupby("company_symbol").cumcount() == 59, "session_date"]
    history = pd.DataFrame(index=np.sort(caps["session_date"].unique()))
    largest = moves.groupby("session_date")[size].max().reindex(history.index)
    record = largest.cummax().ffill()
    history["number"] = np.arange(1, len(history) + 1)
    history["previous_record_usd"] = record.shift()
    is_new = largest > record.shift(fill_value=0.0).fillna(0.0)
    history["previous_record_date"] = history.index.to_series().where(is_new).ffill().shift()
    history["history_from"] = history.index[0]
    history["companies_covered"] = (
        matured.value_counts().reindex(history.index, fill_value=0).cumsum()
    )
    moves = moves.join(history, on="session_date")
    moves["is_record"] = (moves["rank_to_date"] == 1) & (moves["number"] >= 250)
    return moves[
        [
            "company_symbol",
            "session_date",
            size,
            f"{what}_return",
            "rank_on_session",
            "rank_to_date",
            "is_record",
            "previous_record_usd",
            "previous_record_date",
            "history_from",
            "companies_covered",
            "flags",
        ]
    ]


def sector_moves(caps: pd.DataFrame, securities: pd.DataFrame) -> pd.DataFrame:
    effect = caps["price_effect_usd"]
    cents = (effect * 100).round().fillna(0).astype("int64")
    rows = pd.DataFrame(
        {
            "session_date": caps["session_date"],
            "sector": caps["company_symbol"].map(securities.set_index("symbol")["sector"]),
            "companies": 1,
            "net_change_usd": cents,
            "losers_usd": -cents.clip(upper=0),
            "gainers_usd": cents.clip(lower=0),
            "losers": effect < 0,
            "gainers": effect > 0,
            "companies_without_share_count": caps["shares_outstanding"].isna(),
        },
        copy=False,
    )
    sums = rows.groupby(["session_date", "sector"]).sum().reset_index()
    dollars = ["net_change_usd", "losers_usd", "gainers_usd"]
    sums[dollars] = sums[dollars] / 100
    return sums


def write(made: pd.DataFrame, path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(made, preserve_index=False), path, compression="lz4")


TABLES: dict[str, Callable[..., pd.DataFrame]] = {
    "market_caps": market_caps,
    "market_cap_losses": partial(ranked, "loss", -1),
    "market_cap_gains": partial(ranked, "gain", 1),
    "sector_moves": sector_moves,
}
