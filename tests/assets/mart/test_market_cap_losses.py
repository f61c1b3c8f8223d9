from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.mart.market_cap_losses import market_cap_gains, market_cap_losses
from warehouse.schemas import mart
from warehouse.validation import validate


def day(number: int) -> date:
    return date(2020, 1, 1) + timedelta(days=number)


def caps(*rows: tuple[str, int, float | None]) -> pl.DataFrame:
    """Rows of mart.market_caps: company, number of the session, price effect."""
    schema = {"company_symbol": pl.String, "session_date": pl.Date, "price_effect_usd": pl.Float64}
    told = pl.DataFrame(
        [(company, day(number), effect) for company, number, effect in rows],
        schema=schema,
        orient="row",
    )
    close = pl.lit(100.0)
    full = told.with_columns(
        close_usd=close,
        shares_outstanding=pl.lit(1e9),
        market_cap_usd=pl.lit(1e11),
        return_1d=pl.col("price_effect_usd") / 1e12,
        flags=pl.when(pl.col("price_effect_usd").is_null())
        .then(pl.lit(["gap"]))
        .otherwise(pl.lit(["stale_share_count"])),
    )
    missing = {
        name: pl.lit(None, dtype)
        for name, dtype in mart.MarketCaps.polars_schema().items()
        if name not in full.columns
    }
    return full.with_columns(**missing).select(mart.MarketCaps.names())


def seen(told: pl.DataFrame, witness: str = "next_session") -> pl.DataFrame:
    """The same witness of each row of mart.market_caps."""
    return told.select(
        "company_symbol", "session_date", took_back=pl.lit(value=False), witness=pl.lit(witness)
    )


def losses(*rows: tuple[str, int, float | None]) -> pl.DataFrame:
    told = caps(*rows)
    ranked = market_cap_losses(told, seen(told))
    return ranked.sort("session_date", "rank_on_session", "company_symbol")


def quiet(sessions: int, effect: float = -1.0) -> list[tuple[str, int, float | None]]:
    return [("Z", number, effect) for number in range(sessions)]


def test_losses_are_positive_and_gains_and_gaps_are_not_among_them() -> None:
    ranked = losses(("A", 0, None), ("A", 1, -5.0), ("A", 2, 7.0), ("A", 3, 0.0))

    assert ranked.select("company_symbol", "session_date", "loss_usd", "loss_return").rows() == [
        ("A", day(1), 5.0, 5e-12)
    ]


def test_losses_and_gains_conform_to_their_models() -> None:
    told = caps(("A", 0, -5.0), ("B", 0, 9.0), ("A", 1, -7.0), ("B", 1, None))

    validate(told, mart.MarketCaps)
    validate(market_cap_losses(told, seen(told)), mart.MarketCapLosses)
    validate(market_cap_gains(told, seen(told)), mart.MarketCapGains)


def test_ranks_on_the_session_and_to_date() -> None:
    ranked = losses(("A", 0, -5.0), ("B", 0, -9.0), ("A", 1, -7.0), ("B", 1, -1.0), ("C", 1, -20.0))

    columns = ["session_date", "company_symbol", "rank_on_session", "rank_to_date"]
    assert ranked.select(columns).rows() == [
        (day(0), "B", 1, 1),
        (day(0), "A", 2, 2),
        (day(1), "C", 1, 1),
        (day(1), "A", 2, 3),
        (day(1), "B", 3, 5),
    ]


@pytest.mark.parametrize("sessions", [2, 9, 40])
def test_losses_come_by_session_the_largest_first_and_equal_ones_by_symbol(sessions: int) -> None:
    effects = {"A": -1.0, "B": -5.0, "C": -3.0, "D": -3.0}
    told = [(symbol, n, effects[symbol]) for n in range(sessions) for symbol in "DCBA"]

    in_order = caps(*told).sort("company_symbol", "session_date")
    ranked = market_cap_losses(in_order, seen(in_order))

    assert ranked.select("session_date", "company_symbol").rows() == [
        (day(n), symbol) for n in range(sessions) for symbol in "BCDA"
    ]


def test_equal_losses_share_a_rank() -> None:
    ranked = losses(("B", 0, -5.0), ("A", 0, -5.0), ("C", 0, -1.0), ("A", 1, -5.0))

    columns = ["company_symbol", "rank_on_session", "rank_to_date"]
    assert ranked.select(columns).rows() == [("A", 1, 1), ("B", 1, 1), ("C", 3, 3), ("A", 1, 1)]


@pytest.mark.parametrize(("sessions", "is_record"), [(249, False), (250, True)])
def test_no_record_before_250_sessions_of_history(sessions: int, *, is_record: bool) -> None:
    ranked = losses(*quiet(sessions), ("A", sessions - 1, -100.0))

    last = ranked.row(by_predicate=pl.col("company_symbol") == "A", named=True)
    assert last["rank_to_date"] == 1
    assert last["is_record"] is is_record


def test_sessions_without_a_loss_count_as_history() -> None:
    ranked = losses(*quiet(249, effect=1.0), ("A", 249, -3.0))

    assert ranked["is_record"].to_list() == [True]


def test_only_the_largest_loss_is_a_record() -> None:
    ranked = losses(
        *quiet(300), ("A", 260, -50.0), ("B", 260, -40.0), ("A", 270, -49.0), ("A", 280, -51.0)
    )

    records = ranked.filter("is_record").select("company_symbol", "session_date")
    assert records.filter(pl.col("company_symbol") != "Z").rows() == [
        ("A", day(260)),
        ("A", day(280)),
    ]


def test_the_previous_record_is_the_largest_loss_of_earlier_sessions_with_its_date() -> None:
    ranked = losses(("A", 0, -5.0), ("B", 1, -9.0), ("A", 1, -2.0), ("A", 2, -7.0), ("A", 3, -8.0))

    columns = ["session_date", "previous_record_usd", "previous_record_date"]
    assert ranked.select(columns).rows() == [
        (day(0), None, None),
        (day(1), 5.0, day(0)),
        (day(1), 5.0, day(0)),
        (day(2), 9.0, day(1)),
        (day(3), 9.0, day(1)),
    ]


def test_the_date_of_a_previous_record_is_that_of_its_first_session() -> None:
    ranked = losses(("A", 0, -5.0), ("A", 1, -5.0), ("A", 2, -1.0))

    assert ranked["previous_record_date"].to_list() == [None, day(0), day(0)]


def test_the_history_begins_with_the_first_session_even_without_a_loss() -> None:
    ranked = losses(("A", 0, None), ("A", 1, 5.0), ("A", 2, -5.0))

    assert ranked["history_from"].to_list() == [day(0)]
    assert ranked["previous_record_usd"].to_list() == [None]


def test_a_company_is_covered_from_its_sixtieth_one_day_change_on() -> None:
    told = [("A", number, -1.0) for number in range(1, 62)] + [("B", 61, -2.0), ("A", 0, None)]

    ranked = losses(*told).sort("session_date", "company_symbol")

    covered = ranked.filter(pl.col("company_symbol") == "A")["companies_covered"].to_list()
    assert covered == [0] * 59 + [1, 1]
    assert ranked.filter(pl.col("company_symbol") == "B")["companies_covered"].to_list() == [1]


def test_the_flags_of_the_market_cap_stand_beside_the_loss() -> None:
    assert losses(("A", 0, -5.0))["flags"].to_list() == [["stale_share_count"]]


@pytest.mark.parametrize("rank", [market_cap_losses, market_cap_gains])
@pytest.mark.parametrize("rows", [[], [("A", 0, None)], [("A", 0, 0.0)]])
def test_a_history_without_a_move_has_no_rows(
    rank: Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame],
    rows: list[tuple[str, int, float | None]],
) -> None:
    assert rank(caps(*rows), seen(caps(*rows))).is_empty()


def judged(
    of_a: list[tuple[int, float]], witnesses: dict[int, str], disputed: Sequence[int] = ()
) -> pl.DataFrame:
    """A's losses on 260 sessions, beside a quiet company; without a word, the next session's."""
    told = caps(*((("A"), n, -usd) for n, usd in of_a), *quiet(260)).with_columns(
        flags=pl.when(
            (pl.col("company_symbol") == "A")
            & pl.col("session_date").is_in([day(n) for n in disputed])
        )
        .then(pl.lit(["disputed_share_count"]))
        .otherwise(pl.lit([], pl.List(pl.String)))
    )
    said = seen(told).with_columns(
        witness=pl.when(pl.col("company_symbol") == "A")
        .then(
            pl.col("session_date").replace_strict(
                {day(n): word for n, word in witnesses.items()},
                default="next_session",
                return_dtype=pl.String,
            )
        )
        .otherwise("witness")
    )
    ranked = market_cap_losses(told.sort("company_symbol", "session_date"), said)
    return ranked.filter(pl.col("company_symbol") == "A")


@pytest.mark.parametrize("witness", ["official_index", "second_source", "next_session"])
def test_a_record_has_a_witness(witness: str) -> None:
    (row,) = judged([(255, 50.0)], {255: witness}).to_dicts()

    assert (row["is_record"], row["witness"], row["flags"]) == (True, witness, [])


@pytest.mark.parametrize("witness", ["pending", "contradicted", "none"])
def test_the_largest_loss_without_a_witness_is_flagged_and_no_record(witness: str) -> None:
    (row,) = judged([(255, 50.0)], {255: witness}).to_dicts()

    assert (row["rank_to_date"], row["is_record"]) == (1, False)
    assert row["flags"] == ["unwitnessed"]


def test_a_loss_on_a_disputed_count_is_no_record_whatever_its_witness() -> None:
    (row,) = judged([(255, 50.0)], {255: "official_index"}, disputed=[255]).to_dicts()

    assert (row["is_record"], row["flags"]) == (False, ["disputed_share_count"])


@pytest.mark.parametrize("witness", ["none", "pending"])
def test_a_loss_that_may_be_true_stands_against_a_smaller_record(witness: str) -> None:
    ranked = judged([(251, 70.0), (255, 50.0)], {251: witness})

    assert ranked["is_record"].to_list() == [False, False]
    assert ranked["previous_record_usd"].to_list() == [1.0, 70.0]


@pytest.mark.parametrize("doubt", ["contradicted", "disputed"])
def test_a_doubtful_loss_takes_no_record_from_a_sure_one(doubt: str) -> None:
    """The 709 billion of one mistyped bar must not stand above the true record of later."""
    ranked = judged(
        [(251, 709e9), (255, 593e9)],
        {251: "contradicted"} if doubt == "contradicted" else {},
        disputed=[251] if doubt == "disputed" else [],
    )

    assert ranked["is_record"].to_list() == [False, True]
    assert ranked["rank_to_date"].to_list() == [1, 2]
    assert ranked["previous_record_usd"].to_list() == [1.0, 1.0]


@pytest.mark.parametrize(("usd", "is_flagged"), [(100e9, False), (100.1e9, True)])
def test_above_a_hundred_billion_a_loss_without_a_witness_is_flagged(
    usd: float, *, is_flagged: bool
) -> None:
    ranked = judged([(5, 200e9), (10, usd)], {10: "none"})

    assert ranked["flags"].to_list() == [[], ["unwitnessed"] if is_flagged else []]


@pytest.mark.parametrize(("times", "is_flagged"), [(11.8, False), (11.9, True)])
def test_beyond_eight_robust_deviations_a_loss_without_a_witness_is_flagged(
    times: float, *, is_flagged: bool
) -> None:
    usual = [(n, 1.0 + n % 3) for n in range(1, 100)]
    # The median of 1, 2, 3 is 2; a deviation is 1.4826 times it.
    ranked = judged([(0, 1000.0), *usual, (100, 2.0 * times)], {100: "none"})

    assert (ranked["flags"].to_list()[-1] == ["unwitnessed"]) is is_flagged


EFFECTS = st.one_of(st.none(), st.integers(-20, 20).map(float))


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, float | None]]:
    keys = st.tuples(st.sampled_from("ABCD"), st.integers(0, 15))
    found = draw(st.lists(keys, min_size=1, max_size=30, unique=True))
    rows: list[tuple[str, int, float | None]] = [
        (company, number, draw(EFFECTS)) for company, number in sorted(found)
    ]
    return [*rows, ("Y", 0, -1.0), ("Z", 0, 1.0)]


@settings(deadline=None, max_examples=30)
@given(histories())
def test_losses_equal_those_found_by_comparing_every_pair(
    rows: list[tuple[str, int, float | None]],
) -> None:
    falls = [(c, day(n), -effect) for c, n, effect in rows if effect is not None and effect < 0]

    ranked = losses(*rows)

    assert ranked.height == len(falls)
    for company, when, size in falls:
        row = ranked.row(
            by_predicate=(pl.col("company_symbol") == company) & (pl.col("session_date") == when),
            named=True,
        )
        earlier = [other for _, then, other in falls if then < when]
        assert row["loss_usd"] == size
        assert row["rank_on_session"] == 1 + sum(
            other > size for _, then, other in falls if then == when
        )
        assert row["rank_to_date"] == 1 + sum(
            other > size for _, then, other in falls if then <= when
        )
        assert row["previous_record_usd"] == max(earlier, default=None)
        assert row["is_record"] is False


@settings(deadline=None, max_examples=20)
@given(histories())
def test_gains_are_the_mirror_of_losses(rows: list[tuple[str, int, float | None]]) -> None:
    mirrored = [(c, n, None if effect is None else -effect) for c, n, effect in rows]

    gains = market_cap_gains(caps(*mirrored), seen(caps(*mirrored)))

    renamed = gains.rename({"gain_usd": "loss_usd", "gain_return": "loss_return"})
    assert renamed.sort("session_date", "rank_on_session", "company_symbol").equals(losses(*rows))


@settings(deadline=None, max_examples=20)
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_the_market_caps_does_not_matter(
    rows: list[tuple[str, int, float | None]], random: Random
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)

    assert losses(*shuffled).equals(losses(*rows))


@settings(deadline=None, max_examples=20)
@given(histories(), st.integers(0, 15))
def test_a_loss_is_not_changed_by_later_sessions(
    rows: list[tuple[str, int, float | None]], today: int
) -> None:
    then = losses(*(row for row in rows if row[1] <= today))

    assert then.equals(losses(*rows).filter(pl.col("session_date") <= day(today)))


def test_a_loss_that_equals_the_record_is_no_record() -> None:
    ranked = losses(*quiet(260), ("A", 255, -100.0), ("A", 258, -100.0))

    told = ranked.filter(pl.col("company_symbol") == "A").sort("session_date")
    assert told["rank_to_date"].to_list() == [1, 1]
    assert told["is_record"].to_list() == [True, False]


def test_an_ordinary_loss_is_contradicted_by_nothing() -> None:
    ranked = judged([(5, 200e9), (10, 5.0)], {5: "contradicted", 10: "contradicted"})

    assert ranked["witness"].to_list() == ["contradicted", "none"]
