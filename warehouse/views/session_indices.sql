-- What the indices did on a session, with and without a company; the one to lead with first.
--
-- is_covered: enough of the index has a price to say who moved it, nine tenths of its weight, or the
-- divisor is a published one: its members have contributions (mart.index_impacts).
--
-- The first row is the index whose members are known and cover most: covered ones first, by members
-- priced; then those whose largest known set of members is the largest, then the longest history. An
-- index that weighs nothing, such as one of volatility, comes last.
CREATE OR REPLACE MACRO session_indices(session, company := NULL) AS TABLE
WITH part AS (
    SELECT
        impact.index_symbol,
        impact.contribution_points AS points,
        impact.contribution_return AS part,
        impact.weight_previous_close AS weight,
        coalesce(line.company_symbol = (
            SELECT asked.company_symbol FROM ref.securities AS asked WHERE asked.symbol = company
        ), false) AS is_left_out
    FROM mart.index_impacts AS impact
    LEFT JOIN ref.securities AS line ON line.symbol = impact.symbol
    WHERE impact.session_date = session::DATE AND impact.contribution_return IS NOT NULL
),
without AS (
    SELECT
        index_symbol,
        sum(points) FILTER (is_left_out) AS points_left_out,
        sum(weight) FILTER (is_left_out) AS weight_left_out,
        sum(part) FILTER (NOT is_left_out) / sum(weight) FILTER (NOT is_left_out) AS return_without
    FROM part GROUP BY index_symbol HAVING bool_or(is_left_out)
),
named AS (
    SELECT
        index_symbol,
        coalesce(
            arg_max(name, effective_from) FILTER (effective_from <= session::DATE),
            arg_min(name, effective_from)
        ) AS name,
        coalesce(
            arg_max(weighting, effective_from) FILTER (effective_from <= session::DATE),
            arg_min(weighting, effective_from)
        ) AS weighting
    FROM ref.indices GROUP BY index_symbol
),
known AS (
    SELECT index_symbol, max(members) AS members
    FROM (
        SELECT index_symbol, effective_from, count(*) AS members
        FROM ref.index_holdings GROUP BY index_symbol, effective_from
    ) GROUP BY index_symbol
),
recent AS (
    SELECT DISTINCT session_date FROM mart.index_reconciliations
    WHERE session_date < session::DATE
    ORDER BY session_date DESC LIMIT 250
),
history AS (
    SELECT
        moved.index_symbol,
        max(earlier.session_date) FILTER (
            earlier.actual_return * sign(moved.actual_return) >= abs(moved.actual_return)
        ) AS last_as_large_on,
        min(earlier.session_date) AS history_from,
        count(earlier.actual_return) AS sessions_before,
        floor(100 * avg((abs(earlier.actual_return) < abs(moved.actual_return))::INT) FILTER (
            earlier.session_date >= (SELECT min(session_date) FROM recent)
        ))::BIGINT AS smaller_on_of_100
    FROM mart.index_reconciliations AS moved
    JOIN mart.index_reconciliations AS earlier
        ON earlier.index_symbol = moved.index_symbol AND earlier.session_date < moved.session_date
    WHERE moved.session_date = session::DATE
    GROUP BY moved.index_symbol
),
moved AS (
    SELECT
        *,
        replicated_return IS NOT NULL AS is_covered
    FROM mart.index_reconciliations
    WHERE session_date = session::DATE AND (level IS NOT NULL OR members_priced > 0)
)
SELECT
    moved.index_symbol,
    moved.session_date,
    named.name,
    named.weighting,
    moved.level,
    moved.actual_return,
    moved.actual_points,
    moved.replicated_points,
    moved.residual_bps,
    moved.members,
    moved.members_priced,
    moved.is_estimate,
    moved.holdings_source,
    moved.is_covered,
    without.points_left_out,
    without.weight_left_out,
    -- What the others returned is known where enough of them have a price, under any divisor.
    CASE WHEN NOT list_contains(moved.flags, 'too_little_priced') THEN without.return_without END
        AS return_without,
    history.last_as_large_on,
    history.history_from,
    coalesce(history.sessions_before, 0) AS sessions_before,
    history.smaller_on_of_100,
    moved.weight_priced,
    moved.flags
FROM moved
JOIN named USING (index_symbol)
LEFT JOIN without USING (index_symbol)
LEFT JOIN known USING (index_symbol)
LEFT JOIN history USING (index_symbol)
ORDER BY
    moved.level IS NULL,
    named.weighting = 'none',
    moved.is_covered DESC,
    CASE WHEN moved.is_covered THEN moved.members_priced ELSE 0 END DESC,
    coalesce(known.members, 0) DESC,
    history.history_from NULLS LAST,
    history.sessions_before DESC,
    moved.index_symbol;

COMMENT ON MACRO TABLE session_indices IS
'session_indices(session, company := NULL): what each index did, officially and by its members, named as on the session; without all lines of a company, where enough of the index has a price to say so (is_covered: nine tenths of its weight, or the divisor is published; else the flags have too_little_priced); when it last moved as far, and on how many of 100 sessions of the past year it moved less. The first row is the index to lead with: the one whose members are known and cover most.';
