-- The companies that moved an index most on a session: the lines of one are added up.
CREATE OR REPLACE MACRO index_company_movers(index, session, n := 10) AS TABLE
SELECT
    coalesce(line.company_symbol, impact.symbol) AS company_symbol,
    coalesce(any_value(company.name), any_value(line.name)) AS name,
    list(impact.symbol ORDER BY impact.symbol) AS lines,
    sum(impact.weight_previous_close) AS weight_previous_close,
    sum(impact.contribution_return) / sum(impact.weight_previous_close) AS return_1d,
    sum(impact.contribution_points) AS contribution_points,
    sum(impact.contribution_return) AS contribution_return,
    list_sort(list_distinct(flatten(list(impact.flags)))) AS flags
FROM mart.index_impacts AS impact
LEFT JOIN ref.securities AS line ON line.symbol = impact.symbol
LEFT JOIN ref.securities AS company ON company.symbol = line.company_symbol
WHERE impact.index_symbol = index
  AND impact.session_date = session::DATE
GROUP BY coalesce(line.company_symbol, impact.symbol)
ORDER BY abs(sum(impact.contribution_return)) DESC NULLS LAST, 1
LIMIT n;

COMMENT ON MACRO TABLE index_company_movers IS
'index_company_movers(index, session, n := 10): the n companies that moved an index most on a session, in either direction, the lines of a company added up (GOOGL and GOOG are one): weight, points, part of the return. flags: why lines of a company have no part, or one in doubt; too_little_priced: nobody has, because less than nine tenths of the weight has a price.';
