-- The share counts that were reported about a company, in the share basis of a session.
--
-- The session's price effect rests on one of them (place 0): the one that mart.market_caps names.
-- The others tell what another one would have given: -1 is the count before, 1 the next one, which
-- nobody could know on the session. A count that was reported again is the same one; it has the date of
-- its first report, and that of place 0 the date of the report that the price effect names. Without a
-- price effect there is no place 0.
CREATE OR REPLACE MACRO share_counts(company, session) AS TABLE
WITH line AS (
    SELECT company_symbol AS symbol FROM ref.securities WHERE symbol = company
),
effect AS (
    SELECT
        cap.effect_shares_as_of AS reported_as_of,
        cap.effect_shares_outstanding AS shares_outstanding
    FROM mart.market_caps AS cap
    JOIN line ON line.symbol = cap.company_symbol
    WHERE cap.session_date = session::DATE AND cap.price_effect_usd IS NOT NULL
),
report AS (
    SELECT
        count.reported_as_of,
        min(count.valid_from) AS valid_from,
        arg_min(count.shares_outstanding, count.valid_from) AS shares_outstanding
    FROM core.shares_outstanding AS count
    JOIN line ON line.symbol = count.symbol
    GROUP BY count.reported_as_of
),
split AS (
    SELECT action.ex_date, action.ratio
    FROM core.corporate_actions AS action
    JOIN line ON line.symbol = action.symbol
    WHERE action.kind = 'split'
),
in_basis AS (
    SELECT
        report.reported_as_of,
        report.valid_from,
        coalesce(
            any_value(effect.shares_outstanding),
            report.shares_outstanding * coalesce(
                product(split.ratio) FILTER (
                    split.ex_date > report.valid_from AND split.ex_date <= session::DATE
                ), 1
            ) / coalesce(
                product(split.ratio) FILTER (
                    split.ex_date <= report.valid_from AND split.ex_date > session::DATE
                ), 1
            )
        ) AS shares_outstanding,
        any_value(effect.reported_as_of) IS NOT NULL AS is_effect
    FROM report
    LEFT JOIN effect ON effect.reported_as_of = report.reported_as_of
    LEFT JOIN split ON true
    GROUP BY report.reported_as_of, report.valid_from, report.shares_outstanding
),
compared AS (
    SELECT
        *,
        round(shares_outstanding) IS DISTINCT FROM round(
            lag(shares_outstanding) OVER (ORDER BY valid_from, reported_as_of)
        ) AS is_another
    FROM in_basis
),
placed AS (
    SELECT
        *, count_if(is_another) OVER (ORDER BY valid_from, reported_as_of) AS number
    FROM compared
),
numbered AS (
    SELECT
        number,
        coalesce(
            min(reported_as_of) FILTER (is_effect), arg_min(reported_as_of, valid_from)
        ) AS reported_as_of,
        min(valid_from) AS valid_from,
        coalesce(
            min(shares_outstanding) FILTER (is_effect), arg_min(shares_outstanding, valid_from)
        ) AS shares_outstanding,
        bool_or(is_effect) AS is_effect
    FROM placed
    GROUP BY number
),
middle AS (
    SELECT
        max(number) FILTER (is_effect) AS of_effect,
        count(*) FILTER (valid_from < session::DATE) AS before
    FROM numbered
)
SELECT
    CASE
        WHEN middle.of_effect IS NOT NULL THEN numbered.number - middle.of_effect
        WHEN numbered.number <= middle.before THEN numbered.number - middle.before - 1
        ELSE numbered.number - middle.before
    END AS place,
    numbered.reported_as_of,
    numbered.valid_from,
    numbered.shares_outstanding
FROM numbered CROSS JOIN middle
ORDER BY place;

COMMENT ON MACRO TABLE share_counts IS
'share_counts(company, session): the accepted share counts of a company in the share basis of a session. place 0 is the one that the session''s price effect rests on (none without one), -1 the count before, 1 the next one, known only later. A count that is reported again is the same one.';
