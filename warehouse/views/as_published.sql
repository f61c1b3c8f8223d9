-- A table of sessions, or the claims, as readers had it at a time: what changed since is taken back.
--
-- Each row is what it is now, or what it was when it vanished; a value that changed between is what it
-- was before its first change after the time. Ranks are not in the log: they are ranked anew.
CREATE OR REPLACE MACRO as_published(of_table, at_time) AS TABLE
WITH dictionary AS (
    SELECT
        list("column" ORDER BY position) AS keys,
        bool_or("type" = 'DATE' AND "column" <> 'session_date') AS is_moved_on
    FROM ops.data_dictionary
    WHERE "schema" || '.' || "table" = of_table AND "schema" IN ('core', 'mart') AND is_key
),
grain AS (
    SELECT CASE
        WHEN keys IS NULL THEN error(of_table || ': only tables of core and mart are remembered')
        WHEN is_moved_on THEN error(
            of_table || ': each session moves rows of this table on; ops.restatements has what changed'
        )
        ELSE keys
    END AS keys
    FROM dictionary
),
later AS (
    SELECT entry.row_key, entry.column_name, entry.change, entry.old, entry.changed_at
    FROM ops.restatements AS entry
    WHERE entry.table_name = of_table AND entry.changed_at > at_time::TIMESTAMPTZ
        AND entry.change <> 'moved'
),
-- The first that became of a row as a whole.
fate AS (
    SELECT row_key, change, old, changed_at
    FROM later WHERE column_name IS NULL
    QUALIFY row_number() OVER (PARTITION BY row_key ORDER BY changed_at) = 1
),
undo AS (
    SELECT row_key, map_from_entries(list((column_name, {'old': old, 'until': changed_at}))) AS values_
    FROM (
        SELECT row_key, column_name, old, changed_at
        FROM later WHERE column_name IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY row_key, column_name ORDER BY changed_at) = 1
    )
    GROUP BY row_key
),
standing AS (
    SELECT
        list_transform(
            (SELECT keys FROM grain), lambda k: json_extract_string(to_json(stands), k)
        ) AS __key,
        to_json(stands) ->> 'session_date' AS __session,
        'infinity'::TIMESTAMPTZ AS __until,
        COLUMNS(stands.*)
    FROM query_table(of_table) AS stands
),
gone AS (
    SELECT
        fate.row_key AS __key,
        fate.old ->> 'session_date' AS __session,
        fate.changed_at AS __until,
        cast_to_type(fate.old ->> alias(COLUMNS(shape.*)), COLUMNS(shape.*))
    FROM fate
    LEFT JOIN (FROM query_table(of_table) LIMIT 0) AS shape ON true
    WHERE fate.change = 'vanished'
),
there AS (
    FROM standing WHERE __key NOT IN (SELECT row_key FROM fate)
    UNION ALL
    FROM gone
),
published AS (
    SELECT there.*
    FROM there, grain
    JOIN ops.published_sessions AS first_time
        ON first_time.table_name = of_table
        AND first_time.first_published_at <= at_time::TIMESTAMPTZ
        AND first_time.session_date IS NOT DISTINCT FROM CASE
            WHEN list_contains(grain.keys, 'session_date') THEN there.__session::DATE
        END
),
undone AS (
    SELECT
        CASE
            WHEN of_row.values_[alias(COLUMNS(published.*))].until < published.__until
                THEN cast_to_type(
                    of_row.values_[alias(COLUMNS(published.*))].old, COLUMNS(published.*)
                )
            WHEN of_session.values_[alias(COLUMNS(published.*))].until <= published.__until
                THEN cast_to_type(
                    of_session.values_[alias(COLUMNS(published.*))].old, COLUMNS(published.*)
                )
            ELSE COLUMNS(published.*)
        END
    FROM published
    LEFT JOIN undo AS of_row ON of_row.row_key = published.__key
    LEFT JOIN undo AS of_session ON of_session.row_key = [published.__session]
),
sized AS (
    SELECT __key, __session, greatest(*COLUMNS('^(loss_usd|gain_usd|__none)$')) AS size
    FROM (SELECT *, NULL::DOUBLE AS __none FROM undone)
),
ranked AS (
    SELECT
        __key,
        rank() OVER (PARTITION BY __session ORDER BY size DESC) AS on_session,
        rank(ORDER BY size DESC) OVER (
            ORDER BY __session RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS to_date
    FROM sized WHERE size IS NOT NULL
)
SELECT
    CASE alias(COLUMNS(undone.* EXCLUDE (__key, __session, __until)))
        WHEN 'rank_on_session' THEN cast_to_type(
            ranked.on_session::VARCHAR, COLUMNS(undone.* EXCLUDE (__key, __session, __until))
        )
        WHEN 'rank_to_date' THEN cast_to_type(
            ranked.to_date::VARCHAR, COLUMNS(undone.* EXCLUDE (__key, __session, __until))
        )
        ELSE COLUMNS(undone.* EXCLUDE (__key, __session, __until))
    END
FROM undone
LEFT JOIN ranked ON ranked.__key = undone.__key
-- Also since a bare LIMIT above these windows never ends in DuckDB 2.0.0.
ORDER BY undone.__key;

COMMENT ON MACRO TABLE as_published IS
'as_published(table, time): a table of core or mart as readers had it at a time, such as as_published(''mart.market_cap_losses'', ''2025-01-28 12:00-05''). All columns; ranks are ranked anew.';
