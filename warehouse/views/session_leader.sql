-- The largest loss (or gain) of a session, and how large it was against history.
--
-- It is held against the largest of each of the 250 sessions before, a year, since dollars grow with
-- the companies. Two companies on the first place: the first by symbol.
CREATE OR REPLACE MACRO session_leader(session, side := 'loss') AS TABLE
WITH change AS (
    SELECT
        'loss' AS kind, company_symbol, session_date, loss_usd AS size_usd, rank_on_session,
        rank_to_date, is_record, previous_record_usd, previous_record_date, history_from,
        companies_covered, flags, witness
    FROM mart.market_cap_losses
    UNION ALL
    SELECT
        'gain', company_symbol, session_date, gain_usd, rank_on_session,
        rank_to_date, is_record, previous_record_usd, previous_record_date, history_from,
        companies_covered, flags, witness
    FROM mart.market_cap_gains
),
largest AS (
    SELECT change.*, cap.* EXCLUDE (company_symbol, session_date, flags)
    FROM change
    JOIN mart.market_caps AS cap USING (company_symbol, session_date)
    WHERE change.kind = side AND session_date = session::DATE AND change.rank_on_session = 1
    ORDER BY company_symbol
    LIMIT 1
),
earlier AS (
    SELECT session_date, max(size_usd) AS size_usd
    FROM change
    WHERE kind = side AND session_date < session::DATE
    GROUP BY session_date ORDER BY session_date DESC LIMIT 250
)
SELECT
    largest.kind AS side,
    largest.company_symbol,
    line.name,
    largest.size_usd,
    largest.return_1d,
    largest.rank_to_date,
    largest.is_record,
    largest.previous_record_usd,
    largest.previous_record_date,
    before.company_symbol AS previous_record_symbol,
    before_line.name AS previous_record_name,
    largest.history_from,
    largest.companies_covered,
    (SELECT count(*) FROM earlier) AS sessions_before,
    (
        SELECT floor(100 * avg((earlier.size_usd < largest.size_usd)::INT)) FROM earlier
    )::BIGINT AS smaller_on_of_100,
    largest.intraday_low_effect_usd,
    largest.intraday_low_return,
    largest.effect_shares_outstanding,
    largest.effect_shares_as_of,
    session::DATE - largest.effect_shares_as_of AS effect_shares_age_days,
    largest.flags,
    largest.witness,
    (
        SELECT arg_max(count.dispute, count.valid_from)
        FROM core.shares_outstanding AS count
        WHERE
            count.symbol = largest.company_symbol AND count.is_disputed
            AND count.valid_from <= session::DATE
            AND list_contains(largest.flags, 'disputed_share_count')
    ) AS share_count_dispute
FROM largest
JOIN ref.securities AS line ON line.symbol = largest.company_symbol
LEFT JOIN (
    SELECT kind, session_date, min(company_symbol) AS company_symbol
    FROM change WHERE rank_on_session = 1 GROUP BY kind, session_date
) AS before
    ON before.kind = largest.kind AND before.session_date = largest.previous_record_date
LEFT JOIN ref.securities AS before_line ON before_line.symbol = before.company_symbol;

COMMENT ON MACRO TABLE session_leader IS
'session_leader(session, side := ''loss''): the largest loss of a session (side := ''gain'': the largest gain), size_usd a positive size, with its place among all to date, the record before it and whose it was, its size at the session''s low, the share count behind it and what speaks against it, the witness of its price, and on how many of 100 sessions of the past year the largest was smaller.';
