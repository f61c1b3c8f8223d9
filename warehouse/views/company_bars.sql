-- The last bars of a company up to a session, in the share basis of that session.
CREATE OR REPLACE MACRO company_bars(company, session, n := 5) AS TABLE
WITH bar AS (
    SELECT price.*
    FROM core.prices AS price
    WHERE price.symbol = (
        SELECT line.company_symbol FROM ref.securities AS line WHERE line.symbol = company
    ) AND price.session_date <= session::DATE
    ORDER BY price.session_date DESC LIMIT n
),
dated AS (
    SELECT *, coalesce(product(adjustment_ratio) OVER (
        ORDER BY session_date ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ), 1) AS later_ratio
    FROM bar
)
SELECT
    session_date,
    open / later_ratio AS open,
    high / later_ratio AS high,
    low / later_ratio AS low,
    close / later_ratio AS close,
    volume * later_ratio AS volume
FROM dated
ORDER BY session_date;

COMMENT ON MACRO TABLE company_bars IS
'company_bars(company, session, n := 5): the last n bars of a company up to a session, in USD per share in the share basis of that session: earlier bars are divided by what went ex since.';
