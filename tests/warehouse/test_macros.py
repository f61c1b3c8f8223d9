"""The SQL that users call, on tables small enough to add up by hand."""

import math
from datetime import date

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.warehouse.in_memory import day, fill, index, rows, too_little_priced, warehouse
from warehouse import ddl
from warehouse.schemas import mart, ref


def contributions(connection: duckdb.DuckDBPyConnection, last: date) -> dict[str, dict]:
    told = rows(connection, f"FROM index_contributions('^X', '2025-01-02', '{last}')")
    return {row["symbol"]: row for row in told}


def test_every_macro_is_documented():
    told = dict(
        warehouse()
        .sql("SELECT function_name, comment FROM duckdb_functions() WHERE NOT internal")
        .fetchall()
    )
    assert sorted(told) == [path.stem for path in sorted(ddl.VIEWS.glob("*.sql"))]
    for name, comment in told.items():
        assert comment.startswith(f"{name}("), name


def test_an_index_without_some_members():
    connection = warehouse()
    index(connection, [100.0, 101.0], [{"A": (0.5, -0.1), "B": (0.3, 0.1), "C": (0.2, 0.2)}])
    (found,) = rows(connection, "FROM index_without('^X', '2025-01-02', ['A', 'C', 'Z'])")
    assert found["return_without"] == pytest.approx(0.1)
    assert found["left_out"] == ["A", "C"]
    assert found["not_members"] == ["Z"]
    assert found["weight_left_out"] == pytest.approx(0.7)
    assert found["points_left_out"] == pytest.approx(-1.0)
    (all_out,) = rows(connection, "FROM index_without('^X', '2025-01-02', ['A', 'B', 'C'])")
    assert all_out["return_without"] is None
    (none_out,) = rows(connection, "FROM index_without('^X', DATE '2025-01-02', ['Z'])")
    assert none_out["return_without"] == pytest.approx(0.02)
    assert none_out["left_out"] == []
    assert rows(connection, "FROM index_without('^X', '2030-01-02', ['A'])") == []
    assert rows(connection, "FROM index_without('^Y', '2025-01-02', ['A'])") == []


def test_the_largest_movers_in_either_direction():
    connection = warehouse()
    index(connection, [100.0, 101.0], [{"A": (0.5, -0.1), "B": (0.3, 0.1), "C": (0.2, 0.2)}])
    assert [
        (row["symbol"], row["name"])
        for row in rows(connection, "FROM index_movers('^X', '2025-01-02', n := 2)")
    ] == [("A", "A Inc."), ("C", None)]


def test_sectors_of_an_index_add_up_and_strangers_are_a_sector():
    connection = warehouse()
    index(connection, [100.0, 101.0], [{"A": (0.5, -0.1), "B": (0.3, 0.1), "C": (0.2, 0.2)}])
    found = {
        r["sector"]: r for r in rows(connection, "FROM sector_contributions('^X', '2025-01-02')")
    }
    assert set(found) == {"Energy", "Water", "unknown"}
    assert found["unknown"]["sector_return"] == pytest.approx(0.2)
    assert sum(r["contribution_points"] for r in found.values()) == pytest.approx(2.0)


def test_any_line_names_its_company_in_the_history():
    connection = warehouse()
    fill(connection, mart.MarketCaps,
         [{"company_symbol": "B", "session_date": day(n), "close_usd": 1.0 + n, "flags": []}
          for n in range(3)])  # fmt: skip
    by_line = rows(connection, "FROM market_cap_history('B2')")
    assert [r["close_usd"] for r in by_line] == [1.0, 2.0, 3.0]
    assert by_line == rows(connection, "FROM market_cap_history('B')")
    assert rows(connection, "FROM market_cap_history('Z')") == []


def test_the_largest_losses_of_a_session():
    connection = warehouse()
    fill(connection, mart.MarketCapLosses,
         [{"company_symbol": c, "session_date": day(0), "loss_usd": usd, "loss_return": 0.1,
           "rank_on_session": rank, "rank_to_date": rank, "is_record": False,
           "witness": "next_session",
           "history_from": day(0), "companies_covered": 0, "flags": []}
          for c, usd, rank in (("A", 9.0, 1), ("B", 5.0, 2))])  # fmt: skip
    (only,) = rows(connection, "FROM top_losses('2025-01-01', 1)")
    assert (only["company_symbol"], only["name"], only["loss_usd"]) == ("A", "A Inc.", 9.0)
    assert len(rows(connection, "FROM top_losses('2025-01-01')")) == 2


RETURN = st.floats(-0.3, 0.3)
SESSIONS = st.lists(st.tuples(st.floats(0.05, 0.95), RETURN, RETURN, st.floats(-0.01, 0.01)),
                    min_size=1, max_size=8)  # fmt: skip


@settings(deadline=None, max_examples=17)
@given(SESSIONS)
def test_linked_contributions_add_up_to_the_compounded_return(sessions):
    levels, parts = [1000.0], []
    for weight, a, b, unexplained in sessions:
        parts.append({"A": (weight, a), "B": (1 - weight, b)})
        levels.append(levels[-1] * (1 + weight * a + (1 - weight) * b + unexplained))
    connection = warehouse()
    index(connection, levels, parts)
    found = contributions(connection, day(len(parts)))
    total = sum(r["contribution_return"] for r in found.values())
    assert total == pytest.approx(levels[-1] / levels[0] - 1, abs=1e-9)
    points = sum(r["contribution_points"] for r in found.values())
    assert points == pytest.approx(levels[-1] - levels[0], abs=1e-6)
    # Carino's factors by their definition, written down a second time.
    whole = levels[-1] / levels[0] - 1
    k = math.log1p(whole) / whole if abs(whole) > 1e-12 else 1.0
    expected = 0.0
    for n, (weight, a, _, _) in enumerate(sessions):
        r = levels[n + 1] / levels[n] - 1
        expected += weight * a * (math.log1p(r) / r if abs(r) > 1e-12 else 1.0) / k
    assert found["A"]["contribution_return"] == pytest.approx(expected, abs=1e-9)
    assert found["A"]["sessions"] == len(parts)


def test_one_session_is_that_sessions_contributions():
    connection = warehouse()
    index(connection, [100.0, 98.0, 99.0], [{"A": (0.5, -0.1), "B": (0.5, 0.06)}] * 2)
    found = contributions(connection, day(1))
    assert found["A"]["contribution_return"] == pytest.approx(-0.05)
    assert found["B"]["contribution_return"] == pytest.approx(0.03)
    assert found["(residual)"]["contribution_return"] == pytest.approx(0.0, abs=1e-12)


def test_sessions_without_members_or_level_are_in_the_residual_and_nothing_is_lost():
    connection = warehouse()
    index(connection, [100.0, None, 110.0, 121.0], [{}, {}, {"A": (1.0, 0.1)}])
    found = contributions(connection, day(3))
    assert sum(r["contribution_return"] for r in found.values()) == pytest.approx(0.21)
    assert found["A"]["contribution_points"] == pytest.approx(11.0)
    assert found["(residual)"]["contribution_points"] == pytest.approx(10.0)


def test_a_period_without_sessions_has_no_rows():
    connection = warehouse()
    index(connection, [100.0, 101.0], [{"A": (1.0, 0.01)}])
    assert rows(connection, "FROM index_contributions('^X', '2026-01-01', '2026-02-01')") == []


# --- where too little of an index has a price ---------------------------------------------------

PARTS = [{"A": (0.5, -0.1), "B": (0.3, 0.1), "C": (0.2, 0.2)}]
MOVERS = ("index_movers", "index_company_movers", "sector_contributions")


@pytest.mark.parametrize("macro", MOVERS)
def test_nobody_moved_an_index_of_which_too_little_has_a_price_and_each_row_says_so(macro):
    connection = warehouse()
    index(connection, [100.0, 101.0], PARTS)
    query = f"FROM {macro}('^X', '2025-01-02')"
    assert all(row["flags"] == [] for row in rows(connection, query))
    too_little_priced(connection, 1)
    found = rows(connection, query)
    assert len(found) == 3
    for row in found:
        assert row["flags"] == ["too_little_priced"]
        for name in ("contribution_points", "contribution_return", "weight_previous_close"):
            assert row[name] is None


@pytest.mark.parametrize("macro", MOVERS)
def test_under_a_published_divisor_contributions_stay(macro):
    connection = warehouse()
    index(connection, [100.0, 101.0], PARTS)
    too_little_priced(connection, 1, published=True)
    found = rows(connection, f"FROM {macro}('^X', '2025-01-02')")
    assert sum(row["contribution_points"] for row in found) == pytest.approx(2.0)
    assert all(row["flags"] == ["too_little_priced"] for row in found)


def test_members_without_a_price_come_last_and_say_so():
    connection = warehouse()
    index(connection, [100.0, 101.0], PARTS)
    unpriced = {"index_symbol": "^X", "session_date": day(1), "symbol": "B2"}
    fill(connection, mart.IndexImpacts, [unpriced | {"flags": ["no_return"]}])
    last = rows(connection, "FROM index_movers('^X', '2025-01-02')")[-1]
    assert (last["symbol"], last["contribution_points"], last["flags"]) == (
        "B2", None, ["no_return"],
    )  # fmt: skip
    # A company of which one line has a price has the part of that line, and says so.
    found = {r["company_symbol"]: r for r in
             rows(connection, "FROM index_company_movers('^X', '2025-01-02')")}  # fmt: skip
    assert found["B"]["contribution_points"] == pytest.approx(3.0)
    assert (found["B"]["flags"], found["A"]["flags"]) == (["no_return"], [])


@pytest.mark.parametrize("published", [False, True])
def test_without_some_members_nothing_is_known_where_too_little_has_a_price(published):
    connection = warehouse()
    index(connection, [100.0, 101.0], PARTS)
    too_little_priced(connection, 1, published=published)
    (found,) = rows(connection, "FROM index_without('^X', '2025-01-02', ['A'])")
    assert found["return_without"] is None
    assert found["points_left_out"] == (pytest.approx(-5.0) if published else None)
    assert found["flags"] == ["too_little_priced"]
    fill(connection, ref.Indices, [{"index_symbol": "^X", "name": "X", "weighting": "price",
                                    "effective_from": day(0)}])  # fmt: skip
    (found,) = rows(connection, "FROM session_indices('2025-01-02', company := 'A')")
    assert (found["is_covered"], found["return_without"]) == (published, None)
    assert found["points_left_out"] == (pytest.approx(-5.0) if published else None)
    assert found["flags"] == ["too_little_priced"]


def test_steps_of_an_index_of_which_too_little_has_a_price_are_its_move_alone():
    connection = warehouse()
    index(connection, [100.0, 101.0], PARTS)
    query = "FROM index_steps('^X', '2025-01-02', company := 'A')"
    too_little_priced(connection, 1, published=True)
    assert [row["step"] for row in rows(connection, query)] == [
        "company", "company", "company", "residual", "index",
    ]  # fmt: skip
    too_little_priced(connection, 1)
    found = rows(connection, query)
    assert [(row["step"], row["flags"]) for row in found] == [
        ("residual", ["too_little_priced"]), ("index", ["too_little_priced"]),
    ]  # fmt: skip
    assert found[0]["points"] is None


def test_such_a_session_is_in_the_residual_as_a_whole_and_flagged():
    connection = warehouse()
    index(connection, [100.0, 110.0, 121.0], [{"A": (1.0, 0.1)}, {"A": (1.0, 0.1)}])
    too_little_priced(connection, 1)
    found = contributions(connection, day(2))
    assert found["A"]["sessions"] == 1
    assert found["A"]["contribution_points"] == pytest.approx(11.0)
    assert found["(residual)"]["contribution_points"] == pytest.approx(10.0)
    assert found["A"]["flags"] == found["(residual)"]["flags"] == ["too_little_priced"]
    alone = contributions(connection, day(1))
    assert (alone["A"]["contribution_points"], alone["A"]["contribution_return"]) == (None, None)
    assert alone["(residual)"]["contribution_return"] == pytest.approx(0.1)
