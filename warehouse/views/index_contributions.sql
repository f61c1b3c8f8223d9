-- Who moved an index over many sessions, linked so that the parts add up to its return.
--
-- One-day parts c of returns R do not add up over sessions, because returns compound. Carino links
-- them: with k(t) = ln(1 + R(t)) / R(t) of each session and K the same of the whole period, the sum
-- of c * k(t) / K over all parts and sessions is the period's return, exactly.
-- Source: D. Carino, "Combining Attribution Effects Over Time", Journal of Performance Measurement,
-- Summer 1999.
--
-- What the members leave unexplained is a part of its own, the row '(residual)': with it the rows
-- add up to the official return. A session without members is in it as a whole, and so is one on which
-- too little of the index has a price.
CREATE OR REPLACE MACRO index_contributions(index, first_session, last_session) AS TABLE
WITH official AS (
    SELECT
        reconciliation.session_date,
        reconciliation.level,
        lag(reconciliation.level) OVER (ORDER BY reconciliation.session_date) AS before
    FROM mart.index_reconciliations AS reconciliation
    WHERE reconciliation.index_symbol = index AND reconciliation.level IS NOT NULL
),
session AS (
    SELECT session_date, level, before, level / before - 1 AS r
    FROM official
    WHERE session_date BETWEEN first_session::DATE AND last_session::DATE AND before IS NOT NULL
),
period AS (
    SELECT
        arg_max(level, session_date) - arg_min(before, session_date) AS points,
        arg_max(level, session_date) / arg_min(before, session_date) - 1 AS r
    FROM session
),
link AS (
    SELECT
        session.session_date,
        session.r,
        (CASE WHEN abs(session.r) < 1e-12 THEN 1 ELSE ln(1 + session.r) / session.r END)
        / (CASE WHEN abs(period.r) < 1e-12 THEN 1 ELSE ln(1 + period.r) / period.r END) AS factor
    FROM session CROSS JOIN period
),
member AS (
    SELECT
        impact.symbol,
        count(impact.contribution_return) AS sessions,
        sum(impact.contribution_points) AS contribution_points,
        sum(impact.contribution_return * link.factor) AS contribution_return,
        list_sort(list_distinct(flatten(list(impact.flags)))) AS flags
    FROM mart.index_impacts AS impact
    JOIN link ON link.session_date = impact.session_date
    WHERE impact.index_symbol = index
    GROUP BY impact.symbol
),
everything AS (
    SELECT symbol, sessions, contribution_points, contribution_return, flags FROM member
    UNION ALL
    SELECT
        '(residual)',
        (SELECT count(*) FROM link),
        (SELECT points FROM period) - coalesce((SELECT sum(contribution_points) FROM member), 0),
        (SELECT sum(r * factor) FROM link)
        - coalesce((SELECT sum(contribution_return) FROM member), 0),
        (SELECT coalesce(list_sort(list_distinct(flatten(list(flags)))), []) FROM member)
    WHERE EXISTS (FROM link)
)
SELECT
    everything.symbol,
    line.name,
    line.sector,
    everything.sessions,
    everything.contribution_points,
    everything.contribution_return,
    everything.flags
FROM everything
LEFT JOIN ref.securities AS line ON line.symbol = everything.symbol
ORDER BY everything.symbol = '(residual)', abs(everything.contribution_return) DESC NULLS LAST,
    everything.symbol;

COMMENT ON MACRO TABLE index_contributions IS
'index_contributions(index, first_session, last_session): who moved an index over sessions, both included, in points and in parts of its return, linked by Carino''s method. With the row (residual) the rows add up to the official move. sessions: on how many of them the part is known; flags: why it is not on the others, which are in the residual (too_little_priced: as a whole), or is in doubt.';
