"""The questions of a brief: SQL to paste into the DuckDB command line as it stands."""

from datetime import date
from textwrap import dedent

from assets.products.doubts import DOUBTS
from warehouse.ddl import literal

SHOWN = 10
"""Losses that are shown."""

CANDLES = 5
"""Sessions of the chart of the leading loser."""

RECENT_SESSIONS = 250
"""Sessions that a move is held against: a year, since dollars grow with the companies."""

COVERED = 0.9
"""Share of members with a price that it takes to say who moved an index."""

MOVERS = 5
"""Companies named in the waterfall of an index, beside the leading loser."""


def _day(session: date) -> str:
    return f"DATE '{session}'"


def leading(side: str, session: date) -> str:
    """Ask for the largest loss (or gain) and its size against history."""
    return dedent(f"""\
        WITH earlier AS (
            SELECT session_date, max({side}_usd) AS usd
            FROM mart.market_cap_{_plural(side)}
            WHERE session_date < {_day(session)}
            GROUP BY session_date ORDER BY session_date DESC LIMIT {RECENT_SESSIONS}
        )
        SELECT
            largest.company_symbol, line.name, largest.{side}_usd, largest.{side}_return,
            largest.rank_to_date, largest.is_record, largest.previous_record_usd,
            largest.previous_record_date, largest.history_from, largest.companies_covered,
            largest.flags, cap.intraday_low_effect_usd, cap.intraday_low_return,
            cap.effect_shares_outstanding, cap.effect_shares_as_of,
            session_date - cap.effect_shares_as_of AS share_count_age_days,
            (SELECT count(*) FROM earlier) AS sessions_before,
            (SELECT floor(100 * avg((usd < largest.{side}_usd)::INT)) FROM earlier)::BIGINT
                AS smaller_on_of_100,
            (
                SELECT min(before_line.name)
                FROM mart.market_cap_{_plural(side)} AS before
                JOIN ref.securities AS before_line ON before_line.symbol = before.company_symbol
                WHERE before.session_date = largest.previous_record_date
                  AND before.rank_on_session = 1
            ) AS previous_record_name
        FROM mart.market_cap_{_plural(side)} AS largest
        JOIN mart.market_caps AS cap USING (company_symbol, session_date)
        JOIN ref.securities AS line ON line.symbol = largest.company_symbol
        WHERE largest.session_date = {_day(session)} AND largest.rank_on_session = 1
        ORDER BY largest.company_symbol
        LIMIT 1""")


def _plural(side: str) -> str:
    return {"loss": "losses", "gain": "gains"}[side]


def market(session: date) -> str:
    """Ask what all companies did together."""
    return dedent(f"""\
        SELECT
            (
                SELECT count(price_effect_usd) FROM mart.market_caps
                WHERE session_date = {_day(session)}
            ) AS companies,
            sum(net_change_usd) AS net_change_usd,
            sum(losers)::BIGINT AS losers, sum(losers_usd) AS losers_usd,
            sum(gainers)::BIGINT AS gainers, sum(gainers_usd) AS gainers_usd
        FROM mart.sector_moves
        WHERE session_date = {_day(session)}""")


def lines_of(company: str | None) -> str:
    """Return the query for the lines of a company, for use in others."""
    return f"SELECT symbol FROM ref.securities WHERE company_symbol = {literal(company or '')}"


def indices(session: date, company: str | None) -> str:
    """Ask what the indices did, with and without a company, and when they last did as much."""
    return dedent(f"""\
        WITH part AS (
            SELECT
                index_symbol, contribution_points, contribution_return, weight_previous_close,
                symbol IN ({lines_of(company)}) AS is_left_out
            FROM mart.index_impacts
            WHERE session_date = {_day(session)} AND contribution_return IS NOT NULL
        ),
        without AS (
            SELECT
                index_symbol,
                sum(contribution_points) FILTER (is_left_out) AS points_left_out,
                sum(contribution_return) FILTER (NOT is_left_out)
                    / sum(weight_previous_close) FILTER (NOT is_left_out) AS return_without
            FROM part GROUP BY index_symbol HAVING bool_or(is_left_out)
        ),
        named AS (
            SELECT
                index_symbol,
                coalesce(
                    arg_max(name, effective_from) FILTER (effective_from <= {_day(session)}),
                    arg_min(name, effective_from)
                ) AS name,
                arg_max(weighting, effective_from) AS weighting
            FROM ref.indices GROUP BY index_symbol
        ),
        recent AS (
            SELECT DISTINCT session_date FROM mart.index_reconciliations
            WHERE session_date < {_day(session)}
            ORDER BY session_date DESC LIMIT {RECENT_SESSIONS}
        )
        SELECT
            moved.index_symbol, moved.session_date, named.name, named.weighting, moved.level,
            moved.actual_return, moved.actual_points, moved.members, moved.members_priced,
            moved.residual_bps,
            moved.is_estimate, moved.holdings_source,
            coalesce(
                moved.members_priced > 0
                AND (
                    moved.is_divisor_published
                    OR moved.members_priced >= {COVERED} * moved.members
                ),
                false
            ) AS is_covered,
            CASE WHEN is_covered THEN without.points_left_out END AS points_left_out,
            CASE WHEN is_covered THEN without.return_without END AS return_without,
            max(earlier.session_date) FILTER (
                earlier.actual_return * sign(moved.actual_return) >= abs(moved.actual_return)
            ) AS last_as_large_on,
            min(earlier.session_date) AS history_from,
            count(earlier.actual_return) AS sessions_before,
            floor(100 * avg((abs(earlier.actual_return) < abs(moved.actual_return))::INT) FILTER (
                earlier.session_date >= (SELECT min(session_date) FROM recent)
            ))::BIGINT AS smaller_on_of_100
        FROM mart.index_reconciliations AS moved
        JOIN named USING (index_symbol)
        LEFT JOIN without USING (index_symbol)
        LEFT JOIN mart.index_reconciliations AS earlier
            ON earlier.index_symbol = moved.index_symbol
            AND earlier.session_date < moved.session_date
        WHERE moved.session_date = {_day(session)} AND moved.level IS NOT NULL
        GROUP BY ALL
        ORDER BY
            bool_or(named.weighting = 'none'), moved.members_priced DESC, moved.index_symbol""")


def bars(session: date, company: str) -> str:
    """Ask for the last bars of a company, in the share basis of the session."""
    return dedent(f"""\
        WITH bar AS (
            FROM core.prices
            WHERE symbol = {literal(company)} AND session_date <= {_day(session)}
            ORDER BY session_date DESC LIMIT {CANDLES}
        ),
        dated AS (
            SELECT *, coalesce(product(adjustment_ratio) OVER (
                ORDER BY session_date ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
            ), 1) AS later_ratio
            FROM bar
        )
        SELECT
            session_date, open / later_ratio AS open, high / later_ratio AS high,
            low / later_ratio AS low, close / later_ratio AS close, volume * later_ratio AS volume
        FROM dated ORDER BY session_date""")


def losses(session: date) -> str:
    """Ask for the largest losses and their place among all."""
    return f"FROM top_losses({_day(session)}, {SHOWN})"


def waterfall(session: date, index: str, company: str | None) -> str:
    """Ask who moved an index: the leading loser, other movers, the rest, the move, and without."""
    index_symbol = literal(index)
    return dedent(f"""\
        WITH part AS (
            SELECT
                coalesce(line.company_symbol, impact.symbol) AS company,
                sum(impact.contribution_points) AS points,
                company = {literal(company or "")} AS is_leader
            FROM mart.index_impacts AS impact
            LEFT JOIN ref.securities AS line USING (symbol)
            WHERE impact.index_symbol = {index_symbol} AND impact.session_date = {_day(session)}
              AND impact.contribution_points IS NOT NULL
            GROUP BY company
        ),
        placed AS (
            SELECT *, row_number() OVER (
                ORDER BY is_leader DESC, abs(points) DESC, company
            ) AS place
            FROM part
        ),
        moved AS (
            FROM mart.index_reconciliations
            WHERE index_symbol = {index_symbol} AND session_date = {_day(session)}
        )
        SELECT 'company' AS step, place, company, points, 1 AS companies
        FROM placed WHERE place <= {MOVERS}
        UNION ALL
        SELECT 'others', {MOVERS + 1}, NULL, sum(points), count(*)
        FROM placed WHERE place > {MOVERS} HAVING count(*) > 0
        UNION ALL
        SELECT 'residual', {MOVERS + 2}, NULL, actual_points - replicated_points, NULL FROM moved
        UNION ALL
        SELECT 'index', {MOVERS + 3}, NULL, actual_points, NULL FROM moved
        UNION ALL
        SELECT
            'without', {MOVERS + 4}, {literal(company or "")}, return_without * previous_level, NULL
        FROM moved, index_without({index_symbol}, {_day(session)}, (
            SELECT coalesce(list(symbol), []) FROM ({lines_of(company)})
        ))
        WHERE len(left_out) > 0
        ORDER BY place""")


def market_map(session: date) -> str:
    """Ask for the market cap and the return of every company, by sector."""
    return dedent(f"""\
        SELECT line.sector, cap.company_symbol, line.name, cap.market_cap_usd, cap.return_1d
        FROM mart.market_caps AS cap
        JOIN ref.securities AS line ON line.symbol = cap.company_symbol
        WHERE cap.session_date = {_day(session)} AND cap.market_cap_usd IS NOT NULL
        ORDER BY line.sector, cap.market_cap_usd DESC, cap.company_symbol""")


def sectors(session: date) -> str:
    """Ask what the sectors did."""
    return f"FROM mart.sector_moves WHERE session_date = {_day(session)} ORDER BY net_change_usd"


def claims(session: date) -> str:
    """Ask for the claims about the session, and for the convention under which others hold."""
    return dedent(f"""\
        SELECT
            standard.title, standard.outlet, standard.statement, standard.verdict,
            standard.explanation, arg_min(other.explanation, abs(other.difference)) AS holds_by
        FROM mart.claim_checks AS standard
        LEFT JOIN mart.claim_checks AS other
            ON other.claim_id = standard.claim_id AND other.holds AND NOT other.is_standard
        WHERE standard.session_date = {_day(session)} AND standard.is_standard
        GROUP BY ALL
        ORDER BY standard.title DESC, min(standard.position)""")


def doubts(session: date) -> dict[str, str]:
    """Ask for each kind of doubt: how many, and which."""
    return {
        label: "SELECT count(*) AS how_many, coalesce(list(subject), []) AS subjects\n"
        f"FROM ({query.replace('$day', _day(session))})"
        for label, query in DOUBTS.items()
    }


def sources(session: date) -> str:
    """Ask where the prices of the session come from."""
    return dedent(f"""\
        SELECT source, count(*) AS bars, count(DISTINCT response_id) AS responses,
            min(response_id) AS response_id
        FROM raw.prices WHERE session_date = {_day(session)} GROUP BY source ORDER BY source""")
