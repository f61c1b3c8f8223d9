-- What all companies did together on a session.
CREATE OR REPLACE MACRO session_market(session) AS TABLE
SELECT
    (
        SELECT count(cap.price_effect_usd)
        FROM mart.market_caps AS cap WHERE cap.session_date = session::DATE
    ) AS companies,
    sum(move.net_change_usd) AS net_change_usd,
    sum(move.losers)::BIGINT AS losers,
    sum(move.losers_usd) AS losers_usd,
    sum(move.gainers)::BIGINT AS gainers,
    sum(move.gainers_usd) AS gainers_usd
FROM mart.sector_moves AS move
WHERE move.session_date = session::DATE;

COMMENT ON MACRO TABLE session_market IS
'session_market(session): what all companies whose one-day change is known did together, in USD: net, the losers'' losses (a positive size), the gainers'' gains, and how many they are.';
