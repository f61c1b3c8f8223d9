-- The largest one-day gains of market value on a session, with names and their place in history.
CREATE OR REPLACE MACRO top_gains(session, n := 10) AS TABLE
SELECT
    gain.rank_on_session,
    gain.company_symbol,
    line.name,
    line.sector,
    gain.gain_usd,
    gain.gain_return,
    gain.rank_to_date,
    gain.is_record,
    gain.history_from,
    gain.companies_covered,
    gain.flags,
    gain.witness
FROM mart.market_cap_gains AS gain
JOIN ref.securities AS line ON line.symbol = gain.company_symbol
WHERE gain.session_date = session::DATE
ORDER BY gain.rank_on_session, gain.company_symbol
LIMIT n;

COMMENT ON MACRO TABLE top_gains IS
'top_gains(session, n := 10): the n largest one-day gains of market value on a session, in USD, with names, sectors and their rank among all gains since history_from.';
