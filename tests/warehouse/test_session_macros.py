"""The SQL about a session: who leads it, its indices and movers, its doubts."""

from datetime import UTC, datetime

import duckdb
import pytest

from tests.warehouse.in_memory import FIRST, day, fill, index, rows, warehouse
from warehouse.schemas import core, mart, ops, raw, ref


def changes(connection: duckdb.DuckDBPyConnection, sessions: list[dict[str, float]]) -> None:
    """Price effects of companies on sessions 0, 1, ...: caps, losses and gains, ranked."""
    fill(
        connection,
        mart.MarketCaps,
        [
            {
                "company_symbol": c,
                "session_date": day(n),
                "close_usd": 1.0,
                "price_effect_usd": usd,
                "return_1d": usd / 100,
                "intraday_low_effect_usd": usd - 1,
                "effect_shares_outstanding": 50.0,
                "effect_shares_as_of": day(0),
                "flags": ["close_only"],
            }
            for n, moved in enumerate(sessions)
            for c, usd in moved.items()
        ],
    )
    for model, kind, sign in (
        (mart.MarketCapLosses, "loss", -1),
        (mart.MarketCapGains, "gain", 1),
    ):
        made, record, record_date = [], None, None
        for n, moved in enumerate(sessions):
            sizes = sorted((-sign * usd, c) for c, usd in moved.items() if sign * usd > 0)
            for rank, (size, c) in enumerate(sizes, start=1):
                made.append(
                    {
                        "company_symbol": c,
                        "session_date": day(n),
                        f"{kind}_usd": -size,
                        f"{kind}_return": -size / 100,
                        "rank_on_session": rank,
                        "rank_to_date": 1,
                        "is_record": False,
                        "witness": "next_session",
                        "previous_record_usd": record,
                        "previous_record_date": record_date,
                        "history_from": day(0),
                        "companies_covered": 3,
                        "flags": ["close_only"],
                    }
                )
            if sizes and (record is None or -sizes[0][0] > record):
                record, record_date = -sizes[0][0], day(n)
        fill(connection, model, made)


def test_who_leads_a_session_and_how_large_that_is():
    connection = warehouse()
    changes(connection, [{"A": -1.0}, {"A": -4.0, "B": 9.0}, {"B": -2.0}, {"A": -3.0, "B": 5.0}])
    (loss,) = rows(connection, "FROM session_leader('2025-01-04')")
    assert (loss["side"], loss["company_symbol"], loss["name"]) == ("loss", "A", "A Inc.")
    assert (loss["size_usd"], loss["return_1d"]) == (3.0, pytest.approx(-0.03))
    # It was smaller on two of the three sessions before.
    assert (loss["sessions_before"], loss["smaller_on_of_100"]) == (3, 66)
    assert (loss["previous_record_usd"], loss["previous_record_date"]) == (4.0, day(1))
    assert (loss["previous_record_symbol"], loss["previous_record_name"]) == ("A", "A Inc.")
    assert loss["intraday_low_effect_usd"] == pytest.approx(-4.0)
    assert (loss["effect_shares_outstanding"], loss["effect_shares_as_of"]) == (50.0, day(0))
    assert loss["flags"] == ["close_only"]
    (gain,) = rows(connection, "FROM session_leader(DATE '2025-01-04', side := 'gain')")
    assert (gain["side"], gain["company_symbol"], gain["size_usd"]) == ("gain", "B", 5.0)
    assert (gain["return_1d"], gain["smaller_on_of_100"]) == (pytest.approx(0.05), 0)
    assert gain["previous_record_symbol"] == "B"
    assert rows(connection, "FROM session_leader('2025-01-03', side := 'gain')") == []


def test_a_session_is_held_against_a_year_before_it_and_no_more():
    connection = warehouse()
    changes(connection, [{"A": -9.0}] * 50 + [{"A": -1.0}] * 250 + [{"A": -2.0}])
    (loss,) = rows(connection, f"FROM session_leader('{day(300)}')")
    assert (loss["sessions_before"], loss["smaller_on_of_100"]) == (250, 100)


def test_of_two_on_the_first_place_the_first_by_symbol_leads():
    connection = warehouse()
    fill(
        connection,
        mart.MarketCaps,
        [
            {"company_symbol": c, "session_date": day(0), "close_usd": 1.0, "flags": []}
            for c in ("B", "A")
        ],
    )
    fill(
        connection,
        mart.MarketCapGains,
        [
            {
                "company_symbol": c,
                "session_date": day(0),
                "gain_usd": 1.0,
                "gain_return": 0.1,
                "rank_on_session": 1,
                "rank_to_date": 1,
                "is_record": False,
                "witness": "next_session",
                "history_from": day(0),
                "companies_covered": 0,
                "flags": [],
            }
            for c in ("B", "A")
        ],
    )
    found = rows(connection, "FROM session_leader('2025-01-01', side := 'gain')")
    assert [row["company_symbol"] for row in found] == ["A"]
    assert [r["company_symbol"] for r in rows(connection, "FROM top_gains('2025-01-01')")] == [
        "A",
        "B",
    ]


def test_what_all_did_together():
    connection = warehouse()
    changes(connection, [{"A": -3.0, "B": 5.0}])
    fill(
        connection,
        mart.SectorMoves,
        [
            {
                "sector": s,
                "session_date": day(0),
                "companies": 1,
                "net_change_usd": usd,
                "losers_usd": max(-usd, 0.0),
                "gainers_usd": max(usd, 0.0),
                "losers": int(usd < 0),
                "gainers": int(usd > 0),
                "companies_without_share_count": 0,
                "companies_disputed": 0,
                "companies_without_change": 0,
            }
            for s, usd in (("Energy", -3.0), ("Water", 5.0))
        ],
    )
    assert rows(connection, "FROM session_market('2025-01-01')") == [
        {
            "companies": 2,
            "net_change_usd": 2.0,
            "losers": 1,
            "losers_usd": 3.0,
            "gainers": 1,
            "gainers_usd": 5.0,
        }
    ]


NAMED = {
    # The alphabet would lead with ^A, the number of members with ^Q, which few of have a price.
    "^A": (10, 9, True),
    "^P": (10, 5, True),
    "^Q": (900, 809, False),
    "^S": (500, 450, True),
    "^N": (0, 0, False),
    "^V": (0, 0, False),
    "^M": (0, 0, False),
}


def reconciled(connection: duckdb.DuckDBPyConnection) -> None:
    """Two sessions of seven indices; members, members priced, whether they have contributions."""
    fill(
        connection,
        ref.Indices,
        [
            {
                "index_symbol": s,
                "name": name,
                "weighting": "none" if s == "^V" else "market cap",
                "effective_from": since,
            }
            for s in NAMED
            for name, since in ((f"{s} once", day(0)), (f"{s} later", day(9)))
        ],
    )
    fill(
        connection,
        ref.IndexHoldings,
        [
            {
                "index_symbol": "^M",
                "symbol": s,
                "effective_from": day(9),
                "units": 1.0,
                "as_of_date": day(9),
                "is_estimate": False,
                "source": "made up",
            }
            for s in ("A", "B")
        ],
    )
    fill(
        connection,
        mart.IndexReconciliations,
        [
            {
                "index_symbol": s,
                "session_date": day(n),
                "level": 100.0,
                "actual_return": move,
                "members": members,
                "members_priced": priced,
                "replicated_return": move if told else None,
                "flags": [] if told else ["too_little_priced"],
            }
            for s, (members, priced, told) in NAMED.items()
            for n, move in enumerate((-0.01, 0.02, -0.01))
        ],
    )


def test_the_index_to_lead_with_is_the_one_whose_members_are_known_and_cover_most():
    connection = warehouse()
    reconciled(connection)
    found = rows(connection, "FROM session_indices('2025-01-03')")
    assert [row["index_symbol"] for row in found] == [
        "^S",
        "^A",
        "^P",
        "^M",
        "^N",
        "^Q",
        "^V",
    ]
    assert {row["index_symbol"] for row in found if row["is_covered"]} == {"^S", "^A", "^P"}
    assert found[0]["name"] == "^S once"
    assert (found[0]["last_as_large_on"], found[0]["sessions_before"]) == (day(0), 2)
    # Half of the moves before were smaller than 1 %: none; 2 % is larger, 1 % is as large.
    assert found[0]["smaller_on_of_100"] == 0
    later = rows(connection, "FROM session_indices('2025-01-02')")
    assert later[0]["last_as_large_on"] is None
    assert later[0]["smaller_on_of_100"] == 100


def test_indices_without_all_lines_of_a_company():
    connection = warehouse()
    fill(
        connection,
        ref.Indices,
        [{"index_symbol": "^X", "name": "X", "weighting": "price", "effective_from": FIRST}],
    )
    index(connection, [100.0, 101.0], [{"A": (0.5, -0.1), "B": (0.3, 0.1), "B2": (0.2, 0.2)}])
    for any_line in ("B", "B2"):
        (found,) = rows(connection, f"FROM session_indices('2025-01-02', company := '{any_line}')")
        assert found["return_without"] == pytest.approx(-0.1)
        assert found["points_left_out"] == pytest.approx(7.0)
        assert found["weight_left_out"] == pytest.approx(0.5)
    (found,) = rows(connection, "FROM session_indices('2025-01-02')")
    assert found["return_without"] is None
    assert (found["is_covered"], found["replicated_points"]) == (True, None)


def test_movers_and_steps_add_up_the_lines_of_a_company():
    connection = warehouse()
    index(
        connection,
        [100.0, 102.3],
        [{"A": (0.4, -0.1), "B": (0.3, 0.1), "B2": (0.2, 0.2), "C": (0.1, -0.01)}],
    )
    found = rows(connection, "FROM index_company_movers('^X', '2025-01-02', n := 2)")
    assert [(r["company_symbol"], r["lines"]) for r in found] == [("B", ["B", "B2"]), ("A", ["A"])]
    assert found[0]["contribution_points"] == pytest.approx(7.0)
    assert found[0]["return_1d"] == pytest.approx(0.14)
    steps = rows(connection, "FROM index_steps('^X', '2025-01-02', company := 'A', n := 2)")
    connection.execute(
        "UPDATE mart.index_reconciliations SET actual_points = 2.3, "
        "replicated_points = 2.9 WHERE session_date = '2025-01-02'"
    )
    steps = rows(connection, "FROM index_steps('^X', '2025-01-02', company := 'A', n := 2)")
    assert [(r["step"], r["company"], r["companies"]) for r in steps] == [
        ("company", "A", 1),
        ("company", "B", 1),
        ("others", None, 1),
        ("residual", None, None),
        ("index", None, None),
        ("without", "A", None),
    ]
    assert [r["points"] for r in steps] == [
        pytest.approx(n) for n in (-4.0, 7.0, -0.1, -0.6, 2.3, 100 * 0.069 / 0.6)
    ]
    assert "without" not in {
        r["step"] for r in rows(connection, "FROM index_steps('^X', '2025-01-02')")
    }


def test_bars_are_in_the_share_basis_of_the_session():
    connection = warehouse()
    fill(
        connection,
        core.Prices,
        [
            {
                "symbol": "B",
                "session_date": day(n),
                "close": close,
                "volume": 10,
                "open": close,
                "adjustment_ratio": ratio,
                "split_ratio": ratio,
                "adjustment_kind": "split" if ratio != 1 else "none",
            }
            for n, (close, ratio) in enumerate([(90.0, 1.0), (96.0, 1.0), (50.0, 2.0), (20.0, 2.5)])
        ],
    )
    found = rows(connection, "FROM company_bars('B2', '2025-01-04', n := 3)")
    assert [r["close"] for r in found] == [96 / 5, 50 / 2.5, 20]
    assert [r["volume"] for r in found] == [50, 25, 10]
    assert found[0]["low"] is None
    before = rows(connection, "FROM company_bars('B', '2025-01-02')")
    assert [r["close"] for r in before] == [90, 96]


def test_doubts_have_a_row_for_each_subject_and_one_for_each_kind_without():
    connection = warehouse()
    assert {r["subject"] for r in rows(connection, "FROM session_doubts('2025-01-02')")} == {None}
    fill(
        connection,
        mart.MarketCaps,
        [
            {
                "company_symbol": c,
                "session_date": day(n),
                "close_usd": 1.0,
                "flags": ["no_share_count", "gap"] if n else ["first_bar"],
            }
            for n in (0, 1)
            for c in ("B", "A")
        ],
    )
    fill(
        connection,
        raw.Prices,
        [
            {
                "symbol": s,
                "session_date": day(n),
                "close": 1.0,
                "source": "files",
                "fetched_at": datetime(2025, 1, 9, tzinfo=UTC),
                "response_id": "0" * 64,
            }
            for s, n in (("A", 0), ("B", 1), ("B2", 0), ("Z", 0))
        ],
    )
    fill(
        connection,
        mart.IndexReconciliations,
        [
            {
                "index_symbol": s,
                "session_date": day(1),
                "actual_return": move,
                "members": members,
                "members_priced": 0,
                "holdings_age_days": -11 if members else None,
                "flags": ["dated_later", "too_little_priced"] if members else [],
            }
            for s, move, members in (("^X", 0.01, 2), ("^Z", -0.0307, 0), ("^Y", None, 0))
        ],
    )
    fill(
        connection,
        mart.IndexImpacts,
        [
            {
                "index_symbol": "^X",
                "session_date": day(1),
                "symbol": s,
                "return_1d": 0.1 if s == "A" else None,
                "flags": ["too_little_priced"],
            }
            for s in ("B", "A")
        ],
    )
    fill(
        connection,
        mart.IndexResidualSuspects,
        [
            {
                "index_symbol": "^X",
                "session_date": day(1),
                "symbol": s,
                "implied_return": r,
                "residual_bps": 3.0,
                "reasons": ["spin-off", "gap"],
            }
            for s, r in (("A", -0.5), ("B", 0.02))
        ],
    )
    fill(
        connection,
        ops.Quarantine,
        [
            {
                "source_table": "raw.prices",
                "rejected_row": "{}",
                "symbol": s,
                "row_date": when,
                "status": status,
                "rules": [],
                "reason": "",
                "occurrences": 1,
                "first_seen_at": datetime(2025, 1, 9, tzinfo=UTC),
                "run_id": "1",
            }
            for s, when, status in (
                ("A", day(0), "held"),
                ("B", day(1), "held"),
                ("A", day(5), "held"),
                (None, None, "rejected"),
                ("B", day(0), "rejected"),
                ("A", day(0), "corrected"),
            )
        ],
    )
    found: dict[str, list] = {}
    for row in rows(connection, "FROM session_doubts('2025-01-02')"):
        found.setdefault(row["doubt"], []).append(row["subject"])
    assert found == {
        "no share count": ["A", "B"],
        "share count older than 120 days": [None],
        "share count moved over 15 %": [None],
        "share count disputed": [None],
        "price disputed": [None],
        "gap: no bar the session before": ["A", "B"],
        "first bar: no close before": [None],
        "no bar on this session": ["A", "B2"],
        "index units from after the session": ["^X by 11 days"],
        "index without members here": ["^Y", "^Z -3.07%"],
        "index members without a price": ["B (^X)"],
        "index with too little priced": ["^X: 0 of 2 members"],
        "suspects of an unusual residual": ["^X: B (spin-off)", "^X: A (spin-off)"],
        "close only, no low": [None],
        "rows held up to this session": ["B 2025-01-02", "A 2025-01-01"],
        "rows rejected up to this session": ["B 2025-01-01", "no symbol without a date"],
    }
