-- How the companies of an index add up to its move on a session, and what it was without one.
--
-- Steps, in order: n companies (the one asked for first, then those that moved it most), the others
-- together, what the members leave unexplained, the official move, and what the move would have been
-- without the company asked for.
CREATE OR REPLACE MACRO index_steps(index, session, company := NULL, n := 5) AS TABLE
WITH asked AS (
    SELECT line.company_symbol FROM ref.securities AS line WHERE line.symbol = company
),
member AS (
    SELECT
        coalesce(line.company_symbol, impact.symbol) AS company_symbol,
        sum(impact.contribution_points) AS points,
        sum(impact.contribution_return) AS part,
        sum(impact.weight_previous_close) AS weight
    FROM mart.index_impacts AS impact
    LEFT JOIN ref.securities AS line ON line.symbol = impact.symbol
    WHERE impact.index_symbol = index
      AND impact.session_date = session::DATE
      AND impact.contribution_points IS NOT NULL
    GROUP BY coalesce(line.company_symbol, impact.symbol)
),
placed AS (
    SELECT
        member.*,
        asked.company_symbol IS NOT NULL AS is_asked,
        row_number() OVER (
            ORDER BY
                asked.company_symbol IS NOT NULL DESC, abs(member.points) DESC,
                member.company_symbol
        ) AS place
    FROM member LEFT JOIN asked USING (company_symbol)
),
moved AS (
    SELECT reconciliation.*
    FROM mart.index_reconciliations AS reconciliation
    WHERE reconciliation.index_symbol = index AND reconciliation.session_date = session::DATE
)
SELECT step.*, moved.flags
FROM (
    SELECT 'company' AS step, place, company_symbol AS company, points, 1 AS companies
    FROM placed WHERE place <= n
    UNION ALL
    SELECT 'others', n + 1, NULL, sum(points), count(*)
    FROM placed WHERE place > n HAVING count(*) > 0
    UNION ALL
    SELECT 'residual', n + 2, NULL, actual_points - replicated_points, NULL FROM moved
    UNION ALL
    SELECT 'index', n + 3, NULL, actual_points, NULL FROM moved
    UNION ALL
    SELECT
        'without',
        n + 4,
        (FROM asked),
        (SELECT sum(part) FILTER (NOT is_asked) / sum(weight) FILTER (NOT is_asked) FROM placed)
        * previous_level,
        NULL
    FROM moved
    -- What the others returned is known where enough of them have a price, under any divisor.
    WHERE EXISTS (FROM placed WHERE is_asked) AND NOT list_contains(flags, 'too_little_priced')
) AS step
CROSS JOIN moved
ORDER BY step.place;

COMMENT ON MACRO TABLE index_steps IS
'index_steps(index, session, company := NULL, n := 5): how the companies of an index add up to its move, in points: n of them (the one asked for, then those that moved it most; lines of a company added up), the others together, the residual, the official move, and what it would have been without the company asked for. flags of the session: with too_little_priced no company has points, unless the divisor is published, and nothing is known without one.';
