-- What is missing, estimated, stale or held about a session.
--
-- A kind of doubt that nothing is subject to has one row, with a null subject; but for what the
-- file was published in spite of, and what was published as something else before: these are there
-- only where something is.
CREATE OR REPLACE MACRO session_doubts(session) AS TABLE
WITH kind(number, doubt, flag) AS (
    VALUES
        (0, 'published despite a check', NULL),
        (1, 'no share count', 'no_share_count'),
        (2, 'share count older than 120 days', 'stale_share_count'),
        (3, 'share count moved over 15 %', 'share_count_warning'),
        (4, 'share count disputed', 'disputed_share_count'),
        (5, 'gap: no bar the session before', 'gap'),
        (6, 'first bar: no close before', 'first_bar'),
        (7, 'no bar on this session', NULL),
        (8, 'index units from after the session', NULL),
        (9, 'index without members here', NULL),
        (10, 'index members without a price', NULL),
        (11, 'index with too little priced', NULL),
        (12, 'suspects of an unusual residual', NULL),
        (13, 'close only, no low', 'close_only'),
        (14, 'rows held up to this session', NULL),
        (15, 'rows rejected up to this session', NULL),
        (16, 'price disputed', 'disputed_price'),
        (17, 'published otherwise before', NULL)
),
reconciliation AS (
    SELECT moved.*
    FROM mart.index_reconciliations AS moved WHERE moved.session_date = session::DATE
),
found AS (
    SELECT
        0 AS number,
        check_name || ' of ' || string_agg(table_name, ', ' ORDER BY table_name)
        || ': ' || reason AS subject,
        check_name AS sort_key
    FROM ops.publish_overrides WHERE is_in_force GROUP BY check_name, reason
    UNION ALL
    SELECT kind.number, cap.company_symbol AS subject, cap.company_symbol AS sort_key
    FROM kind
    JOIN mart.market_caps AS cap ON list_contains(cap.flags, kind.flag)
    WHERE cap.session_date = session::DATE
    UNION ALL
    -- A line is expected while it is listed; from its first bar on, where no beginning is known.
    SELECT 7, symbol, symbol
    FROM raw.prices JOIN ref.securities AS line USING (symbol)
    WHERE line.listed_to IS NULL OR line.listed_to >= session::DATE
    GROUP BY symbol
    HAVING bool_or(coalesce(line.listed_from, session_date) <= session::DATE)
        AND NOT bool_or(session_date = session::DATE)
    UNION ALL
    SELECT 8, index_symbol || ' by ' || -holdings_age_days || ' days', index_symbol
    FROM reconciliation WHERE list_contains(flags, 'dated_later')
    UNION ALL
    -- No space before the sign: a list may break there.
    SELECT
        9, index_symbol || coalesce(printf(' %+.2f%%', actual_return * 100), ''), index_symbol
    FROM reconciliation WHERE members = 0
    UNION ALL
    SELECT 10, symbol || ' (' || index_symbol || ')', index_symbol || ' ' || symbol
    FROM mart.index_impacts WHERE session_date = session::DATE AND return_1d IS NULL
    UNION ALL
    SELECT
        11, index_symbol || ': ' || members_priced || ' of ' || members || ' members', index_symbol
    FROM reconciliation WHERE list_contains(flags, 'too_little_priced')
    UNION ALL
    SELECT
        12,
        index_symbol || ': ' || symbol || ' (' || reasons[1] || ')',
        index_symbol || printf(' %020.12f ', abs(implied_return)) || symbol
    FROM mart.index_residual_suspects WHERE session_date = session::DATE
    UNION ALL
    SELECT
        CASE status WHEN 'held' THEN 14 ELSE 15 END,
        coalesce(symbol, 'no symbol') || ' ' || coalesce(row_date::VARCHAR, 'without a date'),
        -- The last ones first; those without a date at the end.
        printf('%08d ', coalesce(session::DATE - row_date, 99999999)) || coalesce(symbol, '')
    FROM ops.quarantine
    WHERE status IN ('held', 'rejected') AND (row_date <= session::DATE OR row_date IS NULL)
    UNION ALL
    SELECT
        17,
        company_symbol || ' ' || side || CASE
            WHEN old_usd IS DISTINCT FROM new_usd
                THEN CASE
                    WHEN old_usd IS NULL THEN ': none'
                    WHEN old_usd >= 1e9 THEN printf(' of %.2fbn', old_usd / 1e9)
                    WHEN old_usd >= 1e6 THEN printf(' of %.2fm', old_usd / 1e6)
                    ELSE format(' of {:,}', old_usd::BIGINT)
                END
            WHEN record = 'lost' THEN ', a record,'
            ELSE ', no record,'
        END || ' until ' || changed_at::DATE,
        printf('%020.0f ', 1e15 - difference_usd) || company_symbol || changed_at
    FROM session_restatements(session) WHERE old_usd IS DISTINCT FROM new_usd OR record IS NOT NULL
)
SELECT
    kind.number,
    kind.doubt,
    row_number() OVER (
        PARTITION BY kind.number ORDER BY found.sort_key, found.subject
    ) AS place,
    found.subject
FROM kind
LEFT JOIN found ON found.number = kind.number
WHERE kind.number NOT IN (0, 17) OR found.subject IS NOT NULL
ORDER BY kind.number, place;

COMMENT ON MACRO TABLE session_doubts IS
'session_doubts(session): what is missing, estimated, stale or held about a session: a row for each kind of doubt and what is subject to it, in order; a null subject: nothing is.';
