-- How each sector moved an index on a session.
CREATE OR REPLACE MACRO sector_contributions(index, session) AS TABLE
SELECT
    coalesce(line.sector, 'unknown') AS sector,
    count(*) AS members,
    count(impact.return_1d) FILTER (impact.units IS NOT NULL) AS members_priced,
    sum(impact.weight_previous_close) AS weight_previous_close,
    sum(impact.contribution_return) / sum(impact.weight_previous_close) AS sector_return,
    sum(impact.contribution_points) AS contribution_points,
    sum(impact.contribution_return) AS contribution_return,
    list_sort(list_distinct(flatten(list(impact.flags)))) AS flags
FROM mart.index_impacts AS impact
LEFT JOIN ref.securities AS line ON line.symbol = impact.symbol
WHERE impact.index_symbol = index AND impact.session_date = session::DATE
GROUP BY ALL
ORDER BY contribution_return, sector;

COMMENT ON MACRO TABLE sector_contributions IS
'sector_contributions(index, session): weight, return and points of each sector within an index on a session; the points add up to the replicated move. flags: why members of a sector have no part, or one in doubt; too_little_priced: nobody has, because less than nine tenths of the weight has a price.';
