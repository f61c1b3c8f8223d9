-- The losses and gains of a session that were published as something else before.
--
-- One row for each publication that changed one: its dollars, whether it is a record, or whether it is
-- there at all. Without a session: of all of them. run: those of the publication of that run alone.
-- A company is meant by the name that it has now; that it got another one is no row.
CREATE OR REPLACE MACRO session_restatements(session, run := NULL) AS TABLE
WITH RECURSIVE standing AS (
    SELECT 'loss' AS side, company_symbol, session_date, loss_usd AS usd, is_record
    FROM mart.market_cap_losses
    UNION ALL
    SELECT 'gain', company_symbol, session_date, gain_usd, is_record
    FROM mart.market_cap_gains
),
of_session AS (
    SELECT *, row_key[1] AS published_symbol
    FROM ops.restatements
    WHERE table_name IN ('mart.market_cap_losses', 'mart.market_cap_gains')
        AND (column_name IS NULL OR column_name IN ('loss_usd', 'gain_usd', 'is_record'))
        AND change IN ('changed', 'appeared', 'vanished')
        AND (session IS NULL OR session_date = session::DATE)
),
-- Each name that a company has had since the session, and the day from which it has had it.
called AS (
    SELECT DISTINCT published_symbol, session_date, published_symbol AS symbol, session_date AS since
    FROM of_session
    UNION
    SELECT called.published_symbol, called.session_date, later.new_symbol, later.first_session
    FROM called
    JOIN ref.symbol_changes AS later
        ON later.old_symbol = called.symbol AND later.first_session > called.since
),
present AS (
    SELECT published_symbol, session_date, arg_max(symbol, since) AS company_symbol
    FROM called
    GROUP BY ALL
),
entry AS (
    SELECT
        CASE table_name WHEN 'mart.market_cap_losses' THEN 'loss' ELSE 'gain' END AS side,
        company_symbol,
        session_date, changed_at, run_id,
        bool_or(change = 'appeared') AS came,
        bool_or(change = 'appeared') AND bool_or(change = 'vanished') AS is_renamed,
        -- The dollars before the record: what made them another number made it one, or none.
        first(
            {
                'change': CASE WHEN column_name = 'is_record' THEN 'changed' ELSE change END,
                'table': cause_table, 'key': cause_key, 'what': cause, 'others': other_causes
            } ORDER BY coalesce(column_name = 'is_record', false)
        ) AS told,
        max(CASE
            WHEN column_name IS NULL THEN coalesce(old ->> 'loss_usd', old ->> 'gain_usd')
            ELSE old
        END) FILTER (column_name IS DISTINCT FROM 'is_record')::DOUBLE AS old_usd,
        max(new) FILTER (column_name <> 'is_record')::DOUBLE AS new_usd,
        max(CASE WHEN column_name IS NULL THEN old ->> 'is_record' ELSE old END)
            FILTER (column_name IS NULL OR column_name = 'is_record')::BOOLEAN AS was_record,
        max(new) FILTER (column_name = 'is_record')::BOOLEAN AS became_record
    FROM of_session
    JOIN present USING (published_symbol, session_date)
    GROUP BY table_name, company_symbol, session_date, changed_at, run_id
),
dated AS (
    SELECT
        *,
        -- What came is what was published next, or what stands.
        lead(old_usd IGNORE NULLS) OVER publications AS next_usd,
        lead(was_record IGNORE NULLS) OVER publications AS next_is_record
    FROM entry
    WINDOW publications AS (PARTITION BY side, company_symbol, session_date ORDER BY changed_at)
),
known AS (
    SELECT
        dated.* EXCLUDE (new_usd, became_record),
        CASE
            WHEN dated.came THEN coalesce(dated.next_usd, standing.usd)
            ELSE dated.new_usd
        END AS new_usd,
        CASE
            WHEN dated.came THEN coalesce(dated.next_is_record, standing.is_record)
            ELSE dated.became_record
        END AS became_record
    FROM dated
    LEFT JOIN standing USING (side, company_symbol, session_date)
)
SELECT
    known.session_date,
    known.company_symbol,
    coalesce(line.name, known.company_symbol) AS name,
    known.side,
    CASE WHEN known.is_renamed THEN 'changed' ELSE known.told.change END AS change,
    known.old_usd,
    known.new_usd,
    abs(coalesce(known.new_usd, 0) - coalesce(known.old_usd, 0)) AS difference_usd,
    CASE
        WHEN coalesce(known.was_record, false) AND NOT coalesce(known.became_record, false)
            THEN 'lost'
        WHEN coalesce(known.became_record, false) AND NOT coalesce(known.was_record, false)
            THEN 'won'
    END AS record,
    known.changed_at,
    cause_in_words(known.told.table, known.told.key, known.told.what, known.told.others) AS because,
    known.run_id
FROM known
LEFT JOIN ref.securities AS line ON line.symbol = known.company_symbol
WHERE (run IS NULL OR known.run_id = run)
    AND NOT (
        known.is_renamed
        AND (known.old_usd, coalesce(known.was_record, false))
            IS NOT DISTINCT FROM (known.new_usd, coalesce(known.became_record, false))
    )
WINDOW alike AS (
    PARTITION BY
        known.side, known.session_date, known.changed_at, known.told.table,
        coalesce(known.new_usd, known.old_usd)
)
-- Of a name that was taken back: the same dollars that are gone under one name, and came under another.
QUALIFY known.told.table IS DISTINCT FROM 'ref.symbol_changes'
    OR known.is_renamed
    OR NOT (
        bool_or(known.told.change = 'vanished') OVER alike
        AND bool_or(known.told.change = 'appeared') OVER alike
    )
ORDER BY difference_usd DESC, known.company_symbol, known.changed_at;

COMMENT ON MACRO TABLE session_restatements IS
'session_restatements(session, run := NULL): the losses and gains of a session (NULL: of all sessions) that were published as something else before: from what to what, the record won or lost, when and because of which input; one row for each publication that changed one (run: of this one alone), under the name that the company has now.';
