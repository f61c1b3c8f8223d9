from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.core.shares_outstanding import AcceptedCounts, accept_counts
from assets.market.corporate_actions import classify
from warehouse.schemas import core, ref
from warehouse.validation import validate

WEEKDAYS = [
    day
    for day in (date(2024, 1, 1) + timedelta(days=n) for n in range(420))
    if day.isoweekday() <= 5
]
EX = WEEKDAYS[60]


def s(number: int) -> date:
    """The n-th session of these tests."""
    return WEEKDAYS[number]


def before(days: int) -> date:
    return EX - timedelta(days=days)


def after(days: int) -> date:
    return EX + timedelta(days=days)


def reports(*rows: tuple[date, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [("A", *row) for row in rows],
        schema={"symbol": pl.String, "as_of_date": pl.Date, "shares_outstanding": pl.Int64},
        orient="row",
    )


def adjustments(*rows: tuple[date, float, str]) -> pl.DataFrame:
    schema = {"symbol": pl.String, "ex_date": pl.Date, "ratio": pl.Float64, "kind": pl.String}
    return pl.DataFrame([("A", *row) for row in rows], schema=schema, orient="row")


def decisions(*rows: tuple[date, str], symbol: str = "A") -> pl.DataFrame:
    full = [(symbol, day, verdict, "the annual report says so", "jd") for day, verdict in rows]
    return pl.DataFrame(full, schema=ref.ShareCountDecisions.polars_schema(), orient="row")


@dataclass(frozen=True)
class Outcome:
    """Counts as (valid_from, shares), and refused reports as date -> (rule, status)."""

    steps: list[tuple[date, float]]
    refused: dict[date, tuple[str, str]]
    accepted: AcceptedCounts

    def count(self, column: str, valid_from: date) -> object:
        return self.accepted.counts.filter(pl.col("valid_from") == valid_from)[column].item()

    def reason(self, as_of: date) -> str:
        found: str = self.accepted.gated.quarantined.filter(pl.col("row_date") == as_of)[
            "reason"
        ].item()
        return found


def accept(
    told: pl.DataFrame,
    actions: pl.DataFrame | None = None,
    decided: pl.DataFrame | None = None,
) -> Outcome:
    accepted = accept_counts(
        told,
        adjustments() if actions is None else actions,
        decisions() if decided is None else decided,
        WEEKDAYS,
    )
    assert_conserved(told, accepted)
    return Outcome(
        accepted.counts.select("valid_from", "shares_outstanding").rows(),
        {
            day: (rules[0], status)
            for day, rules, status in accepted.gated.quarantined.select(
                "row_date", "rules", "status"
            ).iter_rows()
        },
        accepted,
    )


def assert_conserved(told: pl.DataFrame, accepted: AcceptedCounts) -> None:
    """Each report took effect or is in quarantine, and none is both."""
    gated = accepted.gated
    assert gated.received == told.height
    assert gated.passed.height + gated.quarantined["occurrences"].sum() == told.height
    key = ["symbol", "as_of_date"]
    refused = gated.quarantined.select("symbol", as_of_date="row_date")
    assert gated.passed.join(refused, on=key, how="semi").is_empty()
    assert (
        pl.concat([gated.passed.select(key), refused]).sort(key).equals(told.select(key).sort(key))
    )


def test_the_first_count_is_accepted_whatever_it_is() -> None:
    outcome = accept(reports((s(0), 7)))

    assert outcome.steps == [(s(0), 7.0)]
    assert outcome.count("basis", s(0)) == "reported"
    assert outcome.count("has_warning", s(0)) is False


def test_an_ordinary_report_takes_over_on_its_date_and_ends_the_one_before() -> None:
    outcome = accept(reports((s(0), 100), (s(5), 101)))

    assert outcome.steps == [(s(0), 100.0), (s(5), 101.0)]
    assert outcome.accepted.counts["valid_to"].to_list() == [s(5) - timedelta(days=1), None]
    assert outcome.accepted.counts["reported_as_of"].to_list() == [s(0), s(5)]


# (1) splits


def test_on_the_ex_date_the_last_good_count_times_the_ratio_takes_over() -> None:
    outcome = accept(reports((before(50), 100)), adjustments((EX, 10.0, "split")))

    assert outcome.steps == [(before(50), 100.0), (EX, 1000.0)]
    assert outcome.count("basis", EX) == "split_adjusted"
    assert outcome.count("reported_as_of", EX) == before(50)


def test_a_split_before_the_first_count_changes_nothing() -> None:
    outcome = accept(reports((after(3), 100)), adjustments((EX, 10.0, "split")))

    assert outcome.steps == [(after(3), 100.0)]


@pytest.mark.parametrize("days", [1, 30])
def test_a_report_in_the_new_basis_before_the_ex_date_takes_effect_on_the_ex_date(
    days: int,
) -> None:
    told = reports((before(50), 100), (before(days), 402))

    outcome = accept(told, adjustments((EX, 4.0, "split")))

    assert outcome.steps == [(before(50), 100.0), (EX, 402.0)]
    assert outcome.count("reported_as_of", EX) == before(days)
    assert outcome.count("basis", EX) == "reported"
    assert outcome.refused == {}


def test_a_report_in_the_new_basis_31_days_before_the_ex_date_is_held() -> None:
    told = reports((before(50), 100), (before(31), 400))

    outcome = accept(told, adjustments((EX, 4.0, "split")))

    assert outcome.steps == [(before(50), 100.0), (EX, 400.0)]
    assert outcome.refused == {before(31): ("share_count_jump", "held")}
    assert outcome.count("basis", EX) == "split_adjusted"


@pytest.mark.parametrize(("shares", "is_matched"), [(407, True), (409, False), (393, True)])
def test_a_report_before_the_ex_date_matches_a_split_within_two_percent(
    shares: int, *, is_matched: bool
) -> None:
    told = reports((before(50), 100), (before(5), shares))

    outcome = accept(told, adjustments((EX, 4.0, "split")))

    assert dict(outcome.steps)[EX] == (shares if is_matched else 400)
    assert (before(5) in outcome.refused) is not is_matched


def test_of_two_reports_that_await_a_split_the_later_takes_effect() -> None:
    told = reports((before(50), 100), (before(9), 400), (before(5), 401))

    outcome = accept(told, adjustments((EX, 4.0, "split")))

    assert outcome.steps == [(before(50), 100.0), (EX, 401.0)]
    assert outcome.refused == {before(9): ("share_count_superseded", "resolved")}


def test_an_old_basis_report_between_an_awaited_one_and_the_ex_date_still_counts() -> None:
    told = reports((before(50), 100), (before(9), 400), (before(5), 101))

    outcome = accept(told, adjustments((EX, 4.0, "split")))

    assert outcome.steps == [(before(50), 100.0), (before(5), 101.0), (EX, 400.0)]


@pytest.mark.parametrize("days", [0, 1, 29])
def test_a_report_in_the_new_basis_on_or_after_the_ex_date_takes_effect_on_its_date(
    days: int,
) -> None:
    told = reports((before(50), 100), (after(days), 1002))

    outcome = accept(told, adjustments((EX, 10.0, "split")))

    assert dict(outcome.steps)[after(days)] == 1002.0
    assert dict(outcome.steps)[EX] == (1002.0 if days == 0 else 1000.0)
    assert outcome.refused == {}


def test_a_report_of_the_ex_date_supersedes_the_one_that_awaited_it() -> None:
    told = reports((before(50), 100), (before(5), 400), (EX, 402))

    outcome = accept(told, adjustments((EX, 4.0, "split")))

    assert outcome.steps == [(before(50), 100.0), (EX, 402.0)]
    assert outcome.refused == {before(5): ("share_count_superseded", "resolved")}


@pytest.mark.parametrize("ratio", [2.0, 3.0, 10.0, 0.125])
@pytest.mark.parametrize("days", [0, 1, 20])
def test_an_old_basis_report_on_or_after_the_ex_date_is_held(ratio: float, days: int) -> None:
    told = reports((before(50), 800), (after(days), 801))

    outcome = accept(told, adjustments((EX, ratio, "split")))

    assert outcome.steps == [(before(50), 800.0), (EX, 800.0 * ratio)]
    assert outcome.refused == {after(days): ("share_count_old_basis", "held")}


def test_a_reverse_split_reported_early_takes_effect_on_the_ex_date() -> None:
    told = reports((before(50), 800), (before(3), 101))

    outcome = accept(told, adjustments((EX, 0.125, "split")))

    assert outcome.steps == [(before(50), 800.0), (EX, 101.0)]


def test_two_splits_in_a_row_multiply() -> None:
    actions = adjustments((EX, 2.0, "split"), (after(40), 3.0, "split"))

    outcome = accept(reports((before(50), 100)), actions)

    assert outcome.steps == [(before(50), 100.0), (EX, 200.0), (after(40), 600.0)]


def test_a_split_of_another_symbol_explains_nothing() -> None:
    actions = adjustments((EX, 4.0, "split")).with_columns(symbol=pl.lit("B"))

    outcome = accept(reports((before(50), 100), (before(5), 400)), actions)

    assert outcome.steps == [(before(50), 100.0)]
    assert outcome.refused == {before(5): ("share_count_jump", "held")}


# (2) spin-offs


@pytest.mark.parametrize("day", [before(30), before(1), EX, after(4), after(30)])
def test_a_count_that_jumps_by_a_spin_offs_ratio_is_held(day: date) -> None:
    told = reports((before(50), 1000), (day, 1285))

    outcome = accept(told, adjustments((EX, 1.281, "spin_off")))

    assert outcome.steps == [(before(50), 1000.0)]
    assert outcome.refused == {day: ("share_count_spin_off", "held")}
    assert str(EX) in outcome.reason(day)


def test_a_count_that_jumps_like_a_spin_off_31_days_off_is_accepted_with_a_warning() -> None:
    told = reports((before(50), 1000), (after(31), 1281))

    outcome = accept(told, adjustments((EX, 1.281, "spin_off")))

    assert outcome.steps[-1] == (after(31), 1281.0)
    assert outcome.count("has_warning", after(31)) is True


def test_a_spin_off_itself_changes_no_count() -> None:
    outcome = accept(reports((before(50), 1000)), adjustments((EX, 1.973, "spin_off")))

    assert outcome.steps == [(before(50), 1000.0)]


def test_an_ordinary_report_near_a_spin_off_is_accepted() -> None:
    told = reports((before(50), 1000), (after(4), 1003))

    outcome = accept(told, adjustments((EX, 1.033, "spin_off")))

    assert outcome.steps == [(before(50), 1000.0), (after(4), 1003.0)]


def test_an_unchanged_count_is_no_jump_however_small_the_spin_offs_ratio() -> None:
    told = reports((before(50), 1000), (after(4), 1000))

    outcome = accept(told, adjustments((EX, 1.005, "spin_off")))

    assert outcome.refused == {}


# (3) jumps


@pytest.mark.parametrize("shares", [1501, 8000, 666, 125, 1])
def test_a_jump_is_held_and_the_last_good_count_stands(shares: int) -> None:
    outcome = accept(reports((s(0), 1000), (s(5), shares)))

    assert outcome.steps == [(s(0), 1000.0)]
    assert outcome.refused == {s(5): ("share_count_jump", "held")}
    assert str(s(0)) in outcome.reason(s(5))
    assert "share_count_decisions.csv" in outcome.reason(s(5))


@pytest.mark.parametrize("shares", [1500, 667])
def test_a_jump_of_at_most_one_and_a_half_is_accepted(shares: int) -> None:
    assert accept(reports((s(0), 1000), (s(5), shares))).steps[-1] == (s(5), float(shares))


def test_every_jump_is_measured_against_the_last_accepted_count() -> None:
    told = reports((s(0), 1000), (s(5), 8000), (s(6), 9000), (s(7), 1001), (s(8), 8000))

    outcome = accept(told)

    assert outcome.steps == [(s(0), 1000.0), (s(7), 1001.0)]
    assert set(outcome.refused) == {s(5), s(6), s(8)}


@pytest.mark.parametrize("repeated", [1600, 1631, 1569])
def test_a_held_value_repeated_20_sessions_later_holds_from_then_on(repeated: int) -> None:
    outcome = accept(reports((s(0), 1000), (s(5), 1600), (s(25), repeated)))

    assert outcome.steps == [(s(0), 1000.0), (s(25), float(repeated))]
    assert outcome.count("has_warning", s(25)) is True
    assert outcome.refused == {s(5): ("share_count_superseded", "resolved")}


def test_a_held_value_repeated_19_sessions_later_stays_held() -> None:
    outcome = accept(reports((s(0), 1000), (s(5), 1600), (s(24), 1600)))

    assert outcome.steps == [(s(0), 1000.0)]
    assert outcome.refused == dict.fromkeys((s(5), s(24)), ("share_count_jump", "held"))


def test_a_repetition_too_early_does_not_start_the_wait_anew() -> None:
    outcome = accept(reports((s(0), 1000), (s(5), 1600), (s(24), 1600), (s(25), 1600)))

    assert outcome.steps == [(s(0), 1000.0), (s(25), 1600.0)]


@pytest.mark.parametrize("other", [1640, 1560])
def test_a_held_value_is_not_confirmed_by_one_more_than_two_percent_away(other: int) -> None:
    outcome = accept(reports((s(0), 1000), (s(5), 1600), (s(30), other)))

    assert outcome.steps == [(s(0), 1000.0)]


def test_a_held_value_is_not_confirmed_once_a_normal_report_lies_between() -> None:
    outcome = accept(reports((s(0), 1000), (s(5), 8000), (s(12), 1001), (s(30), 8000)))

    assert outcome.steps == [(s(0), 1000.0), (s(12), 1001.0)]
    assert outcome.refused == dict.fromkeys((s(5), s(30)), ("share_count_jump", "held"))


def test_a_held_value_is_not_confirmed_once_a_report_that_awaited_a_split_lies_between() -> None:
    told = reports((before(50), 1000), (before(20), 8000), (before(5), 2001), (after(20), 16000))

    outcome = accept(told, adjustments((EX, 2.0, "split")))

    assert outcome.steps == [(before(50), 1000.0), (EX, 2001.0)]
    assert set(outcome.refused) == {before(20), after(20)}


def test_a_value_held_before_a_split_is_confirmed_in_the_new_basis_after_it() -> None:
    told = reports((before(50), 1000), (before(20), 1600), (after(20), 3200))

    outcome = accept(told, adjustments((EX, 2.0, "split")))

    assert outcome.steps == [(before(50), 1000.0), (EX, 2000.0), (after(20), 3200.0)]
    assert outcome.refused == {before(20): ("share_count_superseded", "resolved")}


def test_other_held_values_stay_held_when_one_is_confirmed() -> None:
    outcome = accept(reports((s(0), 1000), (s(5), 1600), (s(6), 9000), (s(25), 1600)))

    assert outcome.steps == [(s(0), 1000.0), (s(25), 1600.0)]
    assert outcome.refused[s(6)] == ("share_count_jump", "held")


# (4) warnings


@pytest.mark.parametrize(
    ("shares", "is_warned"), [(1150, False), (1151, True), (870, False), (869, True), (1, None)]
)
def test_a_change_beyond_15_percent_is_accepted_with_a_warning(
    shares: int, *, is_warned: bool | None
) -> None:
    outcome = accept(reports((s(0), 1000), (s(5), shares)))

    warned = dict(outcome.accepted.counts.select("valid_from", "has_warning").iter_rows())
    assert warned.get(s(5)) is is_warned


def test_the_warning_ends_with_the_next_ordinary_report() -> None:
    outcome = accept(reports((s(0), 1000), (s(5), 1300), (s(9), 1301)))

    assert outcome.accepted.counts["has_warning"].to_list() == [False, True, False]


# decisions


def test_a_decision_to_accept_lets_a_jump_through_from_its_date_on() -> None:
    told = reports((s(0), 1000), (s(5), 1600), (s(9), 1610))

    outcome = accept(told, decided=decisions((s(5), "accept")))

    assert outcome.steps == [(s(0), 1000.0), (s(5), 1600.0), (s(9), 1610.0)]
    assert outcome.count("basis", s(5)) == "decided"
    assert outcome.refused == {}


def test_a_decision_to_reject_keeps_an_ordinary_report_out_with_the_persons_reason() -> None:
    told = reports((s(0), 1000), (s(5), 1010))

    outcome = accept(told, decided=decisions((s(5), "reject")))

    assert outcome.steps == [(s(0), 1000.0)]
    assert outcome.refused == {s(5): ("share_count_decision", "rejected")}
    assert "the annual report says so" in outcome.reason(s(5))


def test_a_rejected_first_report_leaves_the_next_one_to_be_the_first() -> None:
    told = reports((s(0), 1), (s(5), 1000))

    outcome = accept(told, decided=decisions((s(0), "reject")))

    assert outcome.steps == [(s(5), 1000.0)]


def test_a_decision_lets_through_a_count_that_equals_a_spin_offs_ratio() -> None:
    told = reports((before(50), 1000), (after(4), 1281))

    outcome = accept(told, adjustments((EX, 1.281, "spin_off")), decisions((after(4), "accept")))

    assert outcome.steps[-1] == (after(4), 1281.0)


def test_a_decision_on_another_symbol_or_date_changes_nothing() -> None:
    told = reports((s(0), 1000), (s(5), 1600))
    decided = pl.concat([decisions((s(6), "accept")), decisions((s(5), "accept"), symbol="B")])

    assert accept(told, decided=decided).steps == [(s(0), 1000.0)]


def test_no_reports_give_no_counts_of_the_right_shape() -> None:
    accepted = accept_counts(reports(), adjustments((EX, 2.0, "split")), decisions(), WEEKDAYS)

    validate(accepted.counts, core.SharesOutstanding)
    assert accepted.counts.is_empty()
    assert accepted.gated.received == 0


# properties

FACTORS = [1, 1, 1.01, 0.98, 1.12, 1.3, 0.8, 2, 4, 8, 0.5, 0.25, 1.281, 5.124]
ACTIONS = [(2.0, "split"), (4.0, "split"), (0.25, "split"), (1.281, "spin_off")]


@st.composite
def histories(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    days = draw(st.lists(st.integers(0, 100), min_size=1, max_size=14, unique=True))
    told = [(s(n), int(1000 * draw(st.sampled_from(FACTORS)))) for n in sorted(days)]
    ex = draw(st.lists(st.integers(1, 100), max_size=3, unique=True))
    actions = [(s(n), *draw(st.sampled_from(ACTIONS))) for n in ex]
    decided = draw(st.lists(st.sampled_from(days), max_size=2, unique=True))
    verdicts = [(s(n), draw(st.sampled_from(["accept", "reject"]))) for n in decided]
    return reports(*told), adjustments(*sorted(actions)), decisions(*verdicts)


@settings(deadline=None, max_examples=60)
@given(histories(), st.integers(0, 100))
def test_what_held_on_a_date_is_not_changed_by_later_reports(
    history: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame], number: int
) -> None:
    told, actions, decided = history
    today = s(number)

    def known(rows: pl.DataFrame) -> pl.DataFrame:
        counts = accept_counts(rows, actions, decided, WEEKDAYS).counts
        return counts.filter(pl.col("valid_from") <= today).drop("valid_to")

    assert known(told).equals(known(told.filter(pl.col("as_of_date") <= today)))


@settings(deadline=None, max_examples=60)
@given(histories())
def test_reports_are_conserved_and_counts_conform(
    history: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
) -> None:
    told, actions, decided = history

    accepted = accept_counts(told, actions, decided, WEEKDAYS)

    assert_conserved(told, accepted)
    validate(accepted.counts, core.SharesOutstanding)
    following = accepted.counts["valid_from"].shift(-1)
    assert (accepted.counts["valid_to"] + timedelta(days=1)).equals(following, check_names=False)


@settings(deadline=None, max_examples=30)
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_reports_and_decisions_does_not_matter(
    history: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame], random: Random
) -> None:
    told, actions, decided = history
    order = list(range(told.height))
    random.shuffle(order)

    in_order = accept_counts(told, actions, decided, WEEKDAYS)
    shuffled = accept_counts(told[order], actions, decided[::-1], WEEKDAYS)

    assert shuffled.counts.equals(in_order.counts)
    assert shuffled.gated.quarantined.equals(in_order.gated.quarantined)


# the embedded sample


@pytest.fixture(scope="module")
def sample(
    recorded_counts: pl.DataFrame, recorded_splits: pl.DataFrame, all_sessions: Sequence[date]
) -> AcceptedCounts:
    actions = classify(recorded_splits, ref.SplitDecisions.no_rows())
    return accept_counts(recorded_counts, actions, decisions(), all_sessions)


def test_the_samples_reports_are_conserved(
    sample: AcceptedCounts, recorded_counts: pl.DataFrame
) -> None:
    assert_conserved(recorded_counts, sample)
    validate(sample.counts, core.SharesOutstanding)


@pytest.mark.parametrize(
    ("symbol", "as_of"),
    [
        ("BAC", date(2021, 3, 29)),
        ("KLAC", date(2021, 9, 9)),
        ("V", date(2023, 5, 24)),
        ("NOW", date(2023, 6, 14)),
        ("DELL", date(2022, 2, 9)),
        ("MRVL", date(2024, 9, 4)),
        ("IP", date(2025, 2, 6)),
        ("TEAM", date(2025, 2, 6)),
        ("GE", date(2023, 1, 6)),
        ("GE", date(2024, 4, 8)),
    ],
)
def test_the_samples_wrong_counts_are_held_with_a_reason(
    sample: AcceptedCounts, symbol: str, as_of: date
) -> None:
    line = sample.gated.quarantined.row(
        by_predicate=(pl.col("symbol") == symbol) & (pl.col("row_date") == as_of), named=True
    )

    assert line["status"] == "held"
    assert line["source_table"] == "core.shares_outstanding"
    assert line["rules"] == ["share_count_spin_off" if symbol == "GE" else "share_count_jump"]
    assert line["reason"].startswith("count x")
    assert sample.counts.filter(
        pl.col("symbol") == symbol, pl.col("reported_as_of") == as_of
    ).is_empty()


def test_the_samples_share_issue_of_amd_is_accepted_with_a_warning(sample: AcceptedCounts) -> None:
    count = sample.counts.row(
        by_predicate=(pl.col("symbol") == "AMD") & (pl.col("valid_from") == date(2022, 2, 22)),
        named=True,
    )

    assert count["shares_outstanding"] == 1_627_364_975
    assert count["has_warning"]


@pytest.mark.parametrize("symbol", ["ANET", "AVGO", "TSLA", "WMT", "NVDA", "AMZN", "SMCI"])
def test_the_samples_splits_multiply_the_count_by_their_ratio_and_nothing_else(
    sample: AcceptedCounts, recorded_splits: pl.DataFrame, symbol: str
) -> None:
    counts = sample.counts.filter(pl.col("symbol") == symbol)
    for ex_date, ratio in recorded_splits.filter(pl.col("symbol") == symbol)[
        ["ex_date", "ratio"]
    ].iter_rows():
        from_then = counts.filter(pl.col("valid_from") < ex_date).tail(1)
        near = counts.filter(
            pl.col("valid_from").is_between(
                ex_date - timedelta(days=30), ex_date + timedelta(days=30)
            )
        )
        assert ex_date in near["valid_from"]
        old_basis = pl.concat([from_then, near]).select(
            shares=pl.col("shares_outstanding")
            / pl.when(pl.col("valid_from") >= ex_date).then(ratio).otherwise(1.0)
        )["shares"]
        assert old_basis.max() / old_basis.min() <= 1.02


def test_a_decision_lets_through_the_samples_acquisition_of_ip(
    recorded_counts: pl.DataFrame, all_sessions: Sequence[date]
) -> None:
    ip = recorded_counts.filter(pl.col("symbol") == "IP")
    decided = decisions((date(2025, 2, 6), "accept"), symbol="IP")

    accepted = accept_counts(ip, adjustments(), decided, all_sessions)

    assert accepted.counts.select("valid_from", "shares_outstanding", "basis").row(-1) == (
        date(2025, 2, 6),
        525_534_917.0,
        "decided",
    )
    assert accepted.gated.quarantined.is_empty()
    assert accepted.gated.passed.equals(ip)


@pytest.mark.parametrize("ratio", [1.25, 4 / 3, 1.5])
def test_an_old_basis_report_after_a_small_split_is_held_too(ratio: float) -> None:
    told = reports((before(50), 900), (after(2), 900))

    outcome = accept(told, adjustments((EX, ratio, "split")))

    assert outcome.steps == [(before(50), 900.0), (EX, 900.0 * ratio)]
    assert outcome.refused == {after(2): ("share_count_old_basis", "held")}
