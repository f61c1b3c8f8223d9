"""Whether contributions add up is said for every session of every index, and what is odd beside."""

from datetime import date

import polars as pl
import pytest

from assets.market import flags
from assets.market.index_divisors import level_moves
from assets.mart.index_reconciliations import index_reconciliations, with_disputed_levels
from assets.mart.index_residual_suspects import residual_suspects, residuals_as_usual
from tests.assets.mart.index_market import (
    DAYS,
    actions,
    counts,
    holdings,
    impacts,
    indices,
    levels,
    prices,
    went_ex,
)
from warehouse.schemas import mart, ops
from warehouse.validation import validate


def reconcile(
    held: pl.DataFrame,
    bars: pl.DataFrame,
    told_levels: pl.DataFrame,
    told_indices: pl.DataFrame | None = None,
    told_counts: pl.DataFrame | None = None,
    told_actions: pl.DataFrame | None = None,
) -> pl.DataFrame:
    told_indices = indices() if told_indices is None else told_indices
    found = index_reconciliations(
        impacts(
            held,
            bars,
            told_levels,
            told_indices,
            told_counts=told_counts,
            told_actions=told_actions,
        ),
        bars,
        actions(bars) if told_actions is None else told_actions,
        level_moves(told_levels, DAYS),
        held,
        told_indices,
    )
    validate(found, mart.IndexReconciliations)
    return found


def on(found: pl.DataFrame, place: int, index: str = "^X") -> dict:
    here = (pl.col("session_date") == DAYS[place]) & (pl.col("index_symbol") == index)
    return found.filter(here).row(0, named=True)


def test_a_session_by_hand() -> None:
    row = on(
        reconcile(
            holdings({"A": 10.0, "B": 30.0}), prices({"A": [6.0, 9.0], "B": [2.0, 1.5]}),
            levels([100.0, 112.4]),
        ), 1,
    )  # fmt: skip
    # A +30, B -15 of 120: +12.5 %.
    assert row["actual_points"] == pytest.approx(12.4)
    assert row["replicated_points"] == pytest.approx(12.5)
    assert row["replicated_return"] == pytest.approx(0.125)
    assert row["residual_bps"] == pytest.approx(-10.0)
    assert (row["members"], row["members_priced"], row["weight_priced"]) == (2, 2, 1.0)
    assert row["herfindahl"] == 0.5
    assert row["top_10_weight"] == 1.0
    assert row["members_for_half_of_move"] == 1
    assert row["holdings_source"] == "test"
    assert row["holdings_age_days"] == 6
    assert (row["is_estimate"], row["is_divisor_published"]) == (False, False)
    assert row["flags"] == []


def test_an_index_without_members_has_its_move_and_says_so() -> None:
    told = pl.concat([levels([100.0, 101.0]), levels([50.0, 49.0], "^Y")])
    found = reconcile(
        holdings({"A": 1.0}), prices({"A": [1.0, 1.01]}), told,
        pl.concat([indices(), indices(index="^Y")]),
    )  # fmt: skip
    row = on(found, 1, "^Y")
    assert row["actual_return"] == pytest.approx(-0.02)
    assert (row["members"], row["replicated_return"], row["residual_bps"]) == (0, None, None)
    assert row["flags"] == ["no_members"]
    assert on(found, 0, "^Y")["flags"] == ["no_members", "gap"]


def test_a_set_that_takes_effect_later_is_not_used_before() -> None:
    found = reconcile(
        holdings({"A": 1.0}, effective_from=DAYS[2]), prices({"A": [1.0, 1.1, 1.2, 1.3]}),
        levels([100.0, 110.0, 120.0, 130.0]),
    )  # fmt: skip
    assert [on(found, place)["members"] for place in range(4)] == [0, 0, 1, 1]
    assert on(found, 2)["holdings_effective_from"] == DAYS[2]


def test_units_dated_after_the_session_are_an_estimate_and_said() -> None:
    found = reconcile(
        holdings({"A": 1.0}, as_of=DAYS[2]), prices({"A": [1.0, 1.1, 1.2]}),
        levels([100.0, 110.0, 120.0]),
    )  # fmt: skip
    assert on(found, 1)["holdings_age_days"] == -1
    assert (on(found, 1)["is_estimate"], on(found, 1)["flags"]) == (True, ["dated_later"])
    assert (on(found, 2)["is_estimate"], on(found, 2)["flags"]) == (False, [])


def test_share_counts_as_units_are_an_estimate_and_the_source_says_so() -> None:
    row = on(
        reconcile(holdings({"A": None}), prices({"A": [1.0, 1.1]}), levels([100.0, 110.0]),
                  told_counts=counts({"A": 5.0})), 1,
    )  # fmt: skip
    assert row["is_estimate"]
    assert row["holdings_source"] == "share counts as units; test"


def test_coverage_is_measured_at_last_known_closes() -> None:
    found = reconcile(
        holdings({"A": 1.0, "B": 1.0}), prices({"A": [30.0, 30.0, 30.0], "B": [10.0, None, 10.0]}),
        levels([100.0, 100.0, 100.0]),
    )  # fmt: skip
    row = on(found, 1)
    assert (row["members"], row["members_priced"], row["weight_priced"]) == (2, 1, 0.75)
    assert row["flags"] == ["members_without_price", "too_little_priced"]
    unknown = reconcile(
        holdings({"A": 1.0, "B": 1.0}), prices({"A": [30.0, 30.0]}), levels([100.0, 100.0])
    )
    assert on(unknown, 1)["weight_priced"] is None


def test_where_too_little_has_a_price_nothing_is_added_up() -> None:
    held = holdings({"A": 8.0, "B": 1.0, "C": 1.0})
    bars = prices({"A": [10.0] * 3, "B": [10.0, None, 10.0], "C": [10.0, None, 10.0]})
    found = reconcile(held, bars, levels([100.0, 101.0, 102.0]))
    row = on(found, 1)
    assert row["actual_points"] == 1.0
    assert (row["members"], row["members_priced"]) == (3, 1)
    assert row["weight_priced"] == pytest.approx(0.8)
    assert row["flags"] == ["members_without_price", "too_little_priced"]
    for name in (
        "replicated_points", "replicated_return", "residual_bps", "divisor", "herfindahl",
        "top_10_weight", "members_for_half_of_move", "is_divisor_published",
    ):  # fmt: skip
        assert row[name] is None, name
    # The first session has no close before it.
    assert on(found, 0)["flags"] == ["gap", "members_without_price", "too_little_priced"]
    assert on(found, 0)["weight_priced"] == 0.0


def test_where_too_little_has_a_price_a_published_divisor_still_adds_up_what_has() -> None:
    held = holdings({"A": 8.0, "B": 1.0, "C": 1.0})
    bars = prices({"A": [10.0, 11.0], "B": [10.0, None], "C": [10.0, None]})
    row = on(reconcile(held, bars, levels([100.0, 108.0]), indices(divisor=1.0)), 1)
    assert row["replicated_points"] == pytest.approx(8.0)
    assert row["replicated_return"] == pytest.approx(0.08)
    assert row["flags"] == ["members_without_price", "too_little_priced"]


def test_after_all_levels_the_rule_is_the_same() -> None:
    held = holdings({"A": 8.0, "B": 2.0})
    bars = prices({"A": [10.0] * 4, "B": [10.0, 10.0, 10.0, None]})
    row = on(reconcile(held, bars, levels([100.0, 100.0])), 3)
    assert row["replicated_return"] is None
    assert row["flags"] == ["no_level", "members_without_price", "too_little_priced"]


def test_a_missing_level_is_a_row_that_says_so() -> None:
    found = reconcile(
        holdings({"A": 1.0}), prices({"A": [1.0, 1.1, 1.2, 1.3]}),
        levels([100.0, None, 120.0, 130.0]),
    )  # fmt: skip
    assert on(found, 1)["flags"] == ["no_level"]
    assert on(found, 1)["replicated_return"] == pytest.approx(0.1)
    assert on(found, 2)["flags"] == ["gap"]
    assert on(found, 2)["actual_return"] is None
    assert on(found, 3)["flags"] == []


def test_an_index_without_any_level_still_has_its_members_moves() -> None:
    found = reconcile(holdings({"A": 1.0}), prices({"A": [1.0, 1.1]}), levels([]))
    assert on(found, 1)["replicated_return"] == pytest.approx(0.1)
    assert on(found, 1)["replicated_points"] is None
    assert on(found, 1)["flags"] == ["no_level"]


def test_a_published_divisor_is_told_apart_from_an_implied_one() -> None:
    told = [holdings({"A": 1.0}), prices({"A": [10.0, 11.0]}), levels([100.0, 110.0])]
    assert on(reconcile(*told, indices("price", 0.1)), 1)["is_divisor_published"] is True
    assert on(reconcile(*told, indices("price")), 1)["is_divisor_published"] is False


def test_concentration_of_many_members() -> None:
    symbols = [f"S{n:02}" for n in range(20)]
    row = on(
        reconcile(
            holdings(dict.fromkeys(symbols, 1.0)),
            # Nineteen rise by 1 and one falls by 1: +18; ten of those that rise make more than 9.
            prices({s: [100.0, 99.0 if s == "S00" else 101.0] for s in symbols}),
            levels([100.0, 100.9]),
        ), 1,
    )  # fmt: skip
    assert row["herfindahl"] == pytest.approx(0.05)
    assert row["top_10_weight"] == pytest.approx(0.5)
    assert row["members_for_half_of_move"] == 9


def test_an_index_that_stands_still_has_no_half_of_a_move() -> None:
    row = on(reconcile(holdings({"A": 1.0}), prices({"A": [1.0, 1.0]}), levels([9.0, 9.0])), 1)
    assert row["members_for_half_of_move"] is None


# --- unusual residuals ------------------------------------------------------------------------


def test_a_divisor_that_ended_is_implied_even_where_it_equals_the_published_one() -> None:
    found = reconcile(
        holdings({"A": 10.0, "B": 10.0}),
        prices({"A": [50.0] * 4, "B": [48.0, 40.0, 40.0, 40.0]}, {("B", 1): (1.2, "spin_off")}),
        levels([100.0] * 4), indices(divisor=9.0),
    )  # fmt: skip
    assert found["divisor"].to_list() == [None, 9.0, 9.0, 9.0]
    assert found["is_divisor_published"].to_list() == [None, False, False, False]


def test_a_split_in_a_gap_moves_no_weight_priced() -> None:
    # B's last known value is 10 x 40 of 400 + 500.
    bars = prices({"A": [50.0] * 4, "B": [40.0, 40.0, None, None]})
    split = went_ex(("B", DAYS[2], 2.0, "split"))
    for weighting in ("market cap", "price"):
        found = reconcile(
            holdings({"A": 10.0, "B": 10.0}), bars, levels([100.0] * 4), indices(weighting),
            told_actions=split,
        )  # fmt: skip
        assert found["weight_priced"].to_list()[2:] == pytest.approx([5 / 9] * 2)


def test_a_session_after_the_last_level_has_its_previous_one_where_there_are_members() -> None:
    held, bars = holdings({"A": 10.0}), prices({"A": [50.0] * 4})
    found = reconcile(held, bars, levels([100.0, 100.0, 100.0]))
    assert found["previous_level"].to_list() == [None, 100.0, 100.0, 100.0]
    assert found["divisor"].to_list() == [None, 5.0, 5.0, 5.0]
    later = holdings({"A": 10.0}, effective_from=date(2025, 2, 3))
    without = reconcile(later, prices({}), levels([1.0]))
    assert without["session_date"].to_list() == [DAYS[0]]


def _history(last_bps: float, usual_bps: float = 0.2, sessions: int = 12) -> pl.DataFrame:
    """Reconciliations of an index with small residuals and a last one."""
    bare = pl.DataFrame(
        {
            "index_symbol": "^X",
            "session_date": pl.date_range(
                date(2025, 3, 3), date(2025, 3, 3 + sessions), eager=True
            ),
            "residual_bps": [usual_bps * (-1) ** n for n in range(sessions)] + [last_bps],
        }
    ).with_columns(
        members=2, members_priced=2, is_too_little=False, level=1.0, previous_level=1.0,
        holdings_age_days=1, is_divisor_published=False, weight=1.0,
        evening_of=None,
    )  # fmt: skip
    return bare.with_columns(pl.Series("flags", _flagged(bare), dtype=pl.List(pl.String)))


def _flagged(reconciled: pl.DataFrame) -> list[list[str]]:
    from assets.mart.index_reconciliations import _raised

    raised = _raised()
    return flags.named(reconciled.select(flags.mask(raised)).to_series(), raised).to_list()


@pytest.mark.parametrize(
    ("last", "usual", "sessions", "unusual"),
    [
        (1.1, 0.2, 12, True),
        (-1.1, 0.2, 12, True),
        (0.9, 0.2, 12, False),  # not five times the usual
        (0.09, 0.001, 12, False),  # rounding
        (9.9, 0.2, 9, False),  # too short a history to call anything usual
    ],
)
def test_a_residual_is_unusual_against_those_before(last, usual, sessions, unusual) -> None:
    flags = _history(last, usual, sessions)["flags"].to_list()
    assert all(flag == [] for flag in flags[:-1])
    assert flags[-1] == (["unusual_residual"] if unusual else [])


def test_sessions_on_which_members_lack_a_price_do_not_say_what_is_usual() -> None:
    sound = _history(1.1, 0.2, 12).drop("flags")
    # As many sessions before: half of the members unpriced, and a residual to go with it.
    gappy = sound.with_columns(
        pl.col("session_date") - pl.duration(days=30), residual_bps=pl.lit(100.0), members_priced=1
    )
    history = pl.concat([gappy, sound], how="vertical_relaxed")
    assert _flagged(history)[-1] == ["unusual_residual"]


def _suspects(status: str = "held", row_date: date = DAYS[1]) -> pl.DataFrame:
    bars = prices(
        {s: [10.0, 11.0, 12.0, 13.0] for s in "ABCD"}, {("B", 1): (1.1, "spin_off")}
    ).filter((pl.col("symbol") != "D") | (pl.col("session_date") != DAYS[3]))
    held, told = holdings(dict.fromkeys("ABC", 1.0) | {"D": 0.1}), levels([10.0, 11.0, 12.0, 13.0])
    found = impacts(held, bars, told)
    unusual = reconcile(held, bars, told).with_columns(
        flags=pl.when(pl.col("session_date") == DAYS[3])
        .then(pl.lit(["unusual_residual"]))
        .otherwise("flags"),
        residual_bps=pl.lit(2.0),
    )
    quarantine = pl.DataFrame(
        [{"source_table": "core.shares_outstanding", "rejected_row": "{}", "symbol": "C",
          "row_date": row_date, "rules": ["share_count_jump"], "status": status}],
        schema_overrides=ops.Quarantine.polars_schema(),
    )  # fmt: skip
    count = {"symbol": "A", "valid_from": DAYS[0], "shares_outstanding": 5.0, "has_warning": True}
    counts = pl.DataFrame(
        [count | {"has_warning": False}, count | {"valid_from": DAYS[3]}],
        schema_overrides={"valid_from": pl.Date},
    )  # fmt: skip
    suspects = residual_suspects(found, unusual, bars, counts, quarantine)
    validate(suspects, mart.IndexResidualSuspects)
    return suspects


def test_members_with_something_odd_near_the_session_are_named_with_the_reason() -> None:
    told = {row["symbol"]: row for row in _suspects().to_dicts()}
    assert {s: row["reasons"] for s, row in told.items()} == {
        "A": ["share_count_warning"],
        "B": ["spin-off x1.1 on 2025-01-07"],
        "C": ["held row of shares outstanding on 2025-01-07: share_count_jump"],
        "D": ["no one-day return"],
    }
    # Two basis points at a weight of a third are six of the member's.
    assert told["B"]["implied_return"] == pytest.approx(13 / 12 - 1 + 0.0006)
    assert told["D"]["implied_return"] is None
    assert set(_suspects()["session_date"]) == {DAYS[3]}


@pytest.mark.parametrize(
    ("status", "row_date"), [("resolved", DAYS[1]), ("held", date(2024, 11, 1))]
)
def test_what_is_settled_or_long_ago_is_no_suspect(status, row_date) -> None:
    assert "C" not in _suspects(status, row_date)["symbol"]


@pytest.mark.parametrize(
    ("row_date", "is_near"),
    [
        (date(2024, 12, 10), False),
        (date(2024, 12, 11), True),  # thirty days before 10 January
        (date(2025, 2, 9), True),  # thirty days after
        (date(2025, 2, 10), False),
    ],
)
def test_near_is_thirty_days_to_either_side(row_date, *, is_near) -> None:
    assert ("C" in _suspects("held", row_date)["symbol"]) == is_near


def test_the_check_warns_of_recent_unusual_residuals_and_shows_the_likeliest_first() -> None:
    recent = _history(1.1)
    day = recent["session_date"].max()
    suspects = pl.DataFrame(
        [{"index_symbol": "^X", "session_date": day, "symbol": s, "reasons": ["spin-off"],
          "residual_bps": 1.1, "weight_previous_close": 0.1, "return_1d": -0.04,
          "implied_return": implied}
         for s, implied in (("A", 0.3), ("B", 0.02))]
    )  # fmt: skip
    warned = residuals_as_usual(recent, suspects)
    assert not warned.passed
    assert warned.severity.name == "WARN"
    records = warned.metadata["suspects"].records
    assert [r.data["member"] for r in records] == ["B", "A"]
    assert records[0].data["would explain it, %"] == 2.0
    assert residuals_as_usual(_history(0.2), suspects).passed


# --- divisors and levels ----------------------------------------------------------------------


@pytest.mark.parametrize(("divisor", "is_disputed"), [(9.0, False), (9.09, True), (9.003, False)])
def test_a_published_divisor_that_does_not_give_the_level_before_is_disputed(
    divisor: float, *, is_disputed: bool
) -> None:
    found = reconcile(
        holdings({"A": 10.0, "B": 10.0}), prices({"A": [50.0] * 4, "B": [40.0] * 4}),
        levels([100.0] * 4), indices(divisor=divisor),
    )  # fmt: skip
    flagged = found["flags"].list.contains("disputed_divisor").to_list()
    assert flagged == [False] + [is_disputed] * 3


def test_where_a_member_has_no_price_a_divisor_is_not_asked() -> None:
    found = reconcile(
        holdings({"A": 10.0, "B": 10.0}), prices({"A": [50.0] * 4, "B": [40.0, None, None, None]}),
        levels([100.0] * 4), indices(divisor=9.0),
    )  # fmt: skip
    assert not found["flags"].list.contains("disputed_divisor").any()


def _levels_there_and_back(residual_bps: float | None, flagged: list[str]) -> pl.DataFrame:
    """An index that moves by a percent, and on the last two sessions by a fifth there and back."""
    closes = [100.0 + n % 2 for n in range(100)] + [120.0, 101.0]
    days = pl.date_range(date(2024, 1, 1), date(2024, 4, 11), eager=True)
    return pl.DataFrame(
        {"index_symbol": "^X", "session_date": days, "level": closes, "residual_bps": residual_bps},
        schema_overrides={"residual_bps": pl.Float64},
    ).with_columns(
        previous_level=pl.col("level").shift(),
        actual_return=pl.col("level") / pl.col("level").shift() - 1,
        flags=pl.lit(flagged, dtype=pl.List(pl.String)),
    )


@pytest.mark.parametrize(
    ("residual_bps", "flagged", "weighting", "places"),
    [
        (None, [], "market cap", [100, 101]),
        (900.0, ["unusual_residual"], "market cap", [100, 101]),
        (0.1, [], "market cap", []),  # the members moved with it
        (None, [], "none", []),  # a volatility index does
    ],
)
def test_a_level_that_jumps_there_and_back_is_disputed(
    residual_bps: float | None, flagged: list[str], weighting: str, places: list[int]
) -> None:
    told = _levels_there_and_back(residual_bps, flagged)
    found = with_disputed_levels(told, indices(weighting))["flags"]
    assert [n for n, row in enumerate(found.to_list()) if "disputed_level" in row] == places


def test_a_set_that_replaces_another_on_the_day_of_its_own_units_is_dated_later() -> None:
    """A fund's evening has the members of the next morning."""
    bars, told = prices({"A": [50.0] * 4, "B": [40.0] * 4}), levels([100.0] * 4)

    def dated_later(as_of: date) -> list[bool]:
        sets = [holdings({"A": 1.0}), holdings({"B": 1.0}, effective_from=DAYS[2], as_of=as_of)]
        found = reconcile(pl.concat(sets), bars, told, indices())
        return found["flags"].list.contains("dated_later").to_list()

    assert dated_later(DAYS[2]) == [False, False, True, False]
    assert dated_later(DAYS[1]) == [False] * 4
