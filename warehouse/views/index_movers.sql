-- The members that moved an index most on a session, in either direction.
CREATE OR REPLACE MACRO index_movers(index, session, n := 10) AS TABLE
SELECT
    impact.symbol,
    line.name,
    line.sector,
    impact.weight_previous_close,
    impact.return_1d,
    impact.contribution_points,
    impact.contribution_return,
    impact.index_return_without,
    impact.flags
FROM mart.index_impacts AS impact
LEFT JOIN ref.securities AS line ON line.symbol = impact.symbol
WHERE impact.index_symbol = index
  AND impact.session_date = session::DATE
ORDER BY abs(impact.contribution_return) DESC NULLS LAST, impact.symbol
LIMIT n;

COMMENT ON MACRO TABLE index_movers IS
'index_movers(index, session, n := 10): the n members that moved an index most on a session, in either direction: points, part of the return, and what the index returned without each. flags: why a member has none, or one in doubt; too_little_priced: nobody has, because less than nine tenths of the weight has a price.';
