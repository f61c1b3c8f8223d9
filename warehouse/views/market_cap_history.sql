-- A company's market cap over time. Any of its lines names it: GOOG gives GOOGL's.
CREATE OR REPLACE MACRO market_cap_history(company) AS TABLE
SELECT
    cap.company_symbol,
    cap.session_date,
    cap.close_usd,
    cap.return_1d,
    cap.shares_outstanding,
    cap.market_cap_usd,
    cap.price_effect_usd,
    cap.share_count_effect_usd,
    cap.flags,
    cap.shares_as_of,
    cap.effect_shares_outstanding,
    cap.effect_shares_as_of
FROM mart.market_caps AS cap
WHERE cap.company_symbol = (
    SELECT line.company_symbol FROM ref.securities AS line WHERE line.symbol = company
)
ORDER BY cap.session_date;

COMMENT ON MACRO TABLE market_cap_history IS
'market_cap_history(company): market cap of a company on every session, and how much of each change was price and how much share count, in USD. Any line of the company names it (GOOG gives GOOGL).';
