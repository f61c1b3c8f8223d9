-- The share counts that were reported about a company, in the share basis of a session.
--
-- A market cap rests on one of them (place 0). The others tell what another one would have given:
-- -1 is the report before, 1 the next one, which nobody could know on the session.
CREATE OR REPLACE MACRO share_counts(company, session) AS TABLE
WITH line AS (
    SELECT company_symbol AS symbol FROM ref.securities WHERE symbol = company
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
    SELECT price.session_date AS ex_date, price.adjustment_ratio AS ratio
    FROM core.prices AS price
    JOIN line ON line.symbol = price.symbol
    WHERE price.adjustment_kind = 'split'
),
in_basis AS (
    SELECT
        report.reported_as_of,
        report.valid_from,
        report.shares_outstanding * coalesce(
            product(split.ratio) FILTER (
                split.ex_date > report.valid_from AND split.ex_date <= session::DATE
            ), 1
        ) / coalesce(
            product(split.ratio) FILTER (
                split.ex_date <= report.valid_from AND split.ex_date > session::DATE
            ), 1
        ) AS shares_outstanding
    FROM report
    LEFT JOIN split ON true
    GROUP BY report.reported_as_of, report.valid_from, report.shares_outstanding
)
SELECT
    row_number() OVER (ORDER BY valid_from, reported_as_of)
    - count(*) FILTER (valid_from < session::DATE) OVER () AS place,
    reported_as_of,
    valid_from,
    shares_outstanding
FROM in_basis
ORDER BY place;

COMMENT ON MACRO TABLE share_counts IS
'share_counts(company, session): the accepted share counts of a company in the share basis of a session. place 0 is the one that the session''s loss rests on, -1 the report before, 1 the next one, known only later.';
