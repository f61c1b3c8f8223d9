-- The largest one-day losses of market value on a session, with names and their place in history.
CREATE OR REPLACE MACRO top_losses(session, n := 10) AS TABLE
SELECT
    loss.rank_on_session,
    loss.company_symbol,
    line.name,
    line.sector,
    loss.loss_usd,
    loss.loss_return,
    loss.rank_to_date,
    loss.is_record,
    loss.history_from,
    loss.companies_covered,
    loss.flags,
    loss.witness
FROM mart.market_cap_losses AS loss
JOIN ref.securities AS line ON line.symbol = loss.company_symbol
WHERE loss.session_date = session::DATE
ORDER BY loss.rank_on_session, loss.company_symbol
LIMIT n;

COMMENT ON MACRO TABLE top_losses IS
'top_losses(session, n := 10): the n largest one-day losses of market value on a session, in USD (positive sizes), with names, sectors and their rank among all losses since history_from.';
