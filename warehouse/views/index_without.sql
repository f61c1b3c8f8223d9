-- What an index would have returned without some of its members.
CREATE OR REPLACE MACRO index_without(index, session, symbols) AS TABLE
WITH member AS (
    SELECT
        impact.symbol,
        impact.weight_previous_close AS weight,
        impact.contribution_points AS points,
        impact.contribution_return AS part,
        list_contains(symbols, impact.symbol) AS is_left_out
    FROM mart.index_impacts AS impact
    WHERE impact.index_symbol = index AND impact.session_date = session::DATE
)
SELECT
    reconciliation.index_symbol,
    reconciliation.session_date,
    reconciliation.actual_return,
    reconciliation.replicated_return,
    -- What the others returned is known where enough of them have a price, under any divisor.
    CASE WHEN NOT list_contains(reconciliation.flags, 'too_little_priced') THEN (
        SELECT sum(part) FILTER (NOT is_left_out) / sum(weight) FILTER (NOT is_left_out) FROM member
    ) END AS return_without,
    (SELECT coalesce(list(symbol ORDER BY symbol) FILTER (is_left_out), []) FROM member)
        AS left_out,
    (SELECT sum(weight) FILTER (is_left_out) FROM member) AS weight_left_out,
    (SELECT sum(points) FILTER (is_left_out) FROM member) AS points_left_out,
    (
        SELECT coalesce(list(DISTINCT asked.symbol ORDER BY asked.symbol), [])
        FROM (SELECT unnest(symbols) AS symbol) AS asked
        ANTI JOIN member ON member.symbol = asked.symbol
    ) AS not_members,
    reconciliation.residual_bps,
    reconciliation.is_estimate,
    reconciliation.flags
FROM mart.index_reconciliations AS reconciliation
WHERE reconciliation.index_symbol = index AND reconciliation.session_date = session::DATE;

COMMENT ON MACRO TABLE index_without IS
'index_without(index, session, symbols): what an index would have returned without the members in the list symbols, e.g. index_without(''^GSPC'', ''2025-01-27'', [''NVDA'', ''AVGO'']). not_members are symbols that were no members that session. Null where the flags have too_little_priced.';
