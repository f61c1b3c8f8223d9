"""The questions of a telling: macros of the published file where there is one."""

TOP = 10
"""Losses and gains that are named."""

BARS = 5
"""Sessions of the leader that are told."""

LEADER = "FROM session_leader($day, side := $side)"

MARKET = "FROM session_market($day)"

INDICES = "FROM session_indices($day, company := $company)"

STEPS = "FROM index_steps($index, $day, company := $company)"

LAST_BARS = "FROM company_bars($company, $day, n := $n)"

LOSSES = "FROM top_losses($day, n := $n)"

GAINS = "FROM top_gains($day, n := $n)"

RESTATED = "FROM session_restatements($day)"

SECTORS = """
    FROM mart.sector_moves WHERE session_date = $day ORDER BY net_change_usd, sector
"""

MARKET_MAP = """
    SELECT line.sector, cap.company_symbol, line.name, cap.market_cap_usd, cap.return_1d
    FROM mart.market_caps AS cap
    JOIN ref.securities AS line ON line.symbol = cap.company_symbol
    WHERE cap.session_date = $day AND cap.market_cap_usd IS NOT NULL
    ORDER BY line.sector, cap.market_cap_usd DESC, cap.company_symbol
"""

CLAIMS = """
    SELECT
        standard.title, standard.outlet, standard.statement, standard.verdict,
        standard.explanation, arg_min(other.explanation, abs(other.difference)) AS holds_by
    FROM mart.claim_checks AS standard
    LEFT JOIN mart.claim_checks AS other
        ON other.claim_id = standard.claim_id AND other.holds AND NOT other.is_standard
    WHERE standard.session_date = $day AND standard.is_standard
    GROUP BY ALL
    ORDER BY standard.title DESC, min(standard.position)
"""
"""The claims about a session, and the convention under which others hold."""

DOUBTS = """
    SELECT
        doubt, count(subject) AS how_many,
        coalesce(list(subject ORDER BY place) FILTER (subject IS NOT NULL), []) AS subjects
    FROM session_doubts($day) GROUP BY number, doubt ORDER BY number
"""

SOURCES = """
    SELECT
        source, count(*) AS bars, count(DISTINCT response_id) AS responses,
        min(response_id) AS response_id
    FROM raw.prices WHERE session_date = $day GROUP BY source ORDER BY source
"""
"""Where the prices of a session come from."""
