"""The marts by hand-written SQL, over Arrow tables registered in an in-memory DuckDB."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

CAPS = """
WITH numbered AS (
    SELECT session_date, row_number() OVER (ORDER BY session_date) AS number FROM sessions
),
joined AS (
    SELECT p.symbol, p.session_date, p.close, p.low, p.open,
        p.adjustment_ratio AS ratio, p.adjustment_kind AS kind, n.number,
        c.shares_outstanding AS shares, c.reported_as_of AS as_of, c.has_warning AS warned
    FROM prices p
    JOIN numbered n USING (session_date)
    ASOF LEFT JOIN counts c ON c.symbol = p.symbol AND c.valid_from <= p.session_date
    WHERE p.symbol IN (SELECT symbol FROM securities WHERE symbol = company_symbol)
),
lagged AS (
    SELECT *,
        lag(number) OVER bars AS previous_number,
        lag(close) OVER bars AS lag_close,
        lag(shares) OVER bars AS lag_shares,
        lag(as_of) OVER bars AS lag_as_of,
        lag(warned) OVER bars AS lag_warned
    FROM joined
    WINDOW bars AS (PARTITION BY symbol ORDER BY session_date)
),
followed AS (
    SELECT *,
        coalesce(number - previous_number = 1, false) AS follows,
        CASE WHEN number - previous_number = 1 THEN lag_close END AS previous_close,
        CASE WHEN number - previous_number = 1 THEN lag_shares END AS previous_shares,
        CASE WHEN number - previous_number = 1 THEN lag_as_of END AS previous_as_of,
        CASE WHEN number - previous_number = 1 THEN lag_warned END AS previous_warned
    FROM lagged
),
compared AS (
    SELECT *,
        previous_close / ratio AS comparable_close,
        previous_shares * CASE WHEN kind = 'split' THEN ratio ELSE 1.0::DOUBLE END
            AS comparable_shares
    FROM followed
),
effects AS (
    SELECT *,
        close * shares AS market_cap_usd,
        previous_close * previous_shares AS previous_market_cap_usd,
        comparable_shares * (close - comparable_close) AS price_effect_usd
    FROM compared
),
masked AS (
    SELECT *,
        (shares IS NULL)::INT
        + 2 * (follows AND shares IS NOT NULL AND previous_shares IS NULL)::INT
        + 4 * coalesce(session_date - least(as_of, previous_as_of) > 120, false)::INT
        + 8 * coalesce(warned OR previous_warned, false)::INT
        + 16 * (kind <> 'none')::INT
        + 32 * (previous_number IS NOT NULL AND NOT follows)::INT
        + 64 * (previous_number IS NULL)::INT
        + 128 * (low IS NULL OR open IS NULL)::INT AS mask
    FROM effects
),
lists AS (
    SELECT mask::INT AS mask, list_filter([
        CASE WHEN mask & 1 > 0 THEN 'no_share_count' END,
        CASE WHEN mask & 2 > 0 THEN 'no_previous_share_count' END,
        CASE WHEN mask & 4 > 0 THEN 'stale_share_count' END,
        CASE WHEN mask & 8 > 0 THEN 'share_count_warning' END,
        CASE WHEN mask & 16 > 0 THEN 'corporate_action' END,
        CASE WHEN mask & 32 > 0 THEN 'gap' END,
        CASE WHEN mask & 64 > 0 THEN 'first_bar' END,
        CASE WHEN mask & 128 > 0 THEN 'close_only' END
    ], lambda flag: flag IS NOT NULL) AS flags
    FROM range(256) AS masks(mask)
)
SELECT symbol AS company_symbol, session_date, close AS close_usd, shares AS shares_outstanding,
    as_of AS shares_as_of, session_date - as_of AS share_count_age_days,
    market_cap_usd, previous_market_cap_usd, price_effect_usd,
    close * (shares - comparable_shares)
        + (comparable_close * comparable_shares - previous_market_cap_usd)
        AS share_count_effect_usd,
    close / comparable_close - 1 AS return_1d,
    low / comparable_close - 1 AS intraday_low_return,
    comparable_shares * (low - comparable_close) AS intraday_low_effect_usd,
    lists.flags
FROM masked JOIN lists USING (mask)
ORDER BY company_symbol, session_date
"""

RANKED = """
WITH sized AS (
    SELECT company_symbol, session_date, flags,
        {sign} * price_effect_usd AS {what}_usd, {sign} * return_1d AS {what}_return
    FROM caps
    WHERE {sign} * price_effect_usd > 0
),
ranked AS (
    SELECT *,
        rank() OVER (PARTITION BY session_date ORDER BY {what}_usd DESC) AS rank_on_session,
        rank(ORDER BY {what}_usd DESC)
            OVER (ORDER BY session_date RANGE UNBOUNDED PRECEDING) AS rank_to_date
    FROM sized
),
matured AS (
    SELECT session_date, count(*) AS matured
    FROM (
        SELECT session_date,
            row_number() OVER (PARTITION BY company_symbol ORDER BY session_date) AS number
        FROM caps
        WHERE price_effect_usd IS NOT NULL
    )
    WHERE number = 60
    GROUP BY session_date
),
largest AS (
    SELECT session_date, max({what}_usd) AS largest FROM sized GROUP BY session_date
),
sessions AS (
    SELECT session_date, coalesce(matured, 0) AS matured, largest,
        max(largest) OVER earlier AS previous_record_usd
    FROM (SELECT DISTINCT session_date FROM caps)
    LEFT JOIN matured USING (session_date)
    LEFT JOIN largest USING (session_date)
    WINDOW earlier AS (
        ORDER BY session_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
history AS (
    SELECT session_date, previous_record_usd,
        row_number() OVER (ORDER BY session_date) AS sessions_of_history,
        min(session_date) OVER () AS history_from,
        (sum(matured) OVER (ORDER BY session_date))::BIGINT AS companies_covered,
        max(CASE WHEN largest > coalesce(previous_record_usd, 0) THEN session_date END) OVER (
            ORDER BY session_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS previous_record_date
    FROM sessions
)
SELECT company_symbol, session_date, {what}_usd, {what}_return, rank_on_session, rank_to_date,
    rank_to_date = 1 AND sessions_of_history >= 250 AS is_record,
    previous_record_usd, previous_record_date, history_from, companies_covered, flags
FROM ranked JOIN history USING (session_date)
ORDER BY session_date, {what}_usd DESC, company_symbol
"""

SECTORS = """
WITH effects AS (
    SELECT s.sector, c.session_date, c.price_effect_usd AS effect, c.shares_outstanding,
        round_even(c.price_effect_usd * 100, 0)::BIGINT AS cents
    FROM caps c JOIN securities s ON s.symbol = c.company_symbol
)
SELECT sector, session_date, count(*) AS companies,
    coalesce(sum(cents), 0)::BIGINT / 100 AS net_change_usd,
    coalesce(sum(-cents) FILTER (cents < 0), 0)::BIGINT / 100 AS losers_usd,
    coalesce(sum(cents) FILTER (cents > 0), 0)::BIGINT / 100 AS gainers_usd,
    count(*) FILTER (effect < 0) AS losers,
    count(*) FILTER (effect > 0) AS gainers,
    count(*) FILTER (shares_outstanding IS NULL) AS companies_without_share_count
FROM effects
GROUP BY sector, session_date
ORDER BY session_date, sector
"""


def load(path: Path) -> pa.Table:
    return pq.read_table(path)


def query(sql: str, **inputs: pa.Table) -> pa.Table:
    with duckdb.connect() as connection:
        for name, table in inputs.items():
            connection.register(name, table)
        return connection.sql(sql).to_arrow_table()


def write(made: pa.Table, path: Path) -> None:
    pq.write_table(made, path, compression="lz4")


TABLES: dict[str, Callable[..., pa.Table]] = {
    "market_caps": partial(query, CAPS),
    "market_cap_losses": partial(query, RANKED.format(what="loss", sign=-1)),
    "market_cap_gains": partial(query, RANKED.format(what="gain", sign=1)),
    "sector_moves": partial(query, SECTORS),
}
