import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.market import calendar
from assets.market.names import Former, Names
from assets.market.undelivered import undelivered
from assets.raw.delivery import (
    ALWAYS,
    Expected,
    first_gate,
    outcomes,
    refuse_bad_delivery,
    refuse_symbols,
    since_when,
    the_rest,
    too_few,
    with_lines_refused,
    with_overlap,
)
from assets.resources import DataSettings, Inputs
from assets.sources import Delivery
from warehouse.errors import SourceError, TooFewDelivered
from warehouse.landing import Window
from warehouse.schemas import ops, raw
from warehouse.validation import QUARANTINE_SCHEMA, Gated

KNOWN = ["NVDA", "TSM"]
CLOSED = date(2025, 2, 14)
MONDAY = date(2025, 1, 27)
INJECTION = "x'; drop table raw.prices; --"
TYPES = {
    "symbol": pl.String,
    "session_date": pl.Date,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Int64,
}
PROVENANCE = {
    "source": pl.lit("files"),
    "fetched_at": pl.lit(datetime(2025, 2, 15, tzinfo=UTC), pl.Datetime("us", "UTC")),
    "response_id": pl.lit("0" * 64),
    "delivered_symbol": pl.lit(None, pl.String),
}


def row(**changed: object) -> dict[str, object]:
    return {
        "symbol": "NVDA",
        "session_date": MONDAY,
        "open": 124.8,
        "high": 128.4,
        "low": 116.7,
        "close": 118.42,
        "volume": 818_830_900,
    } | changed


def prices(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=TYPES).with_columns(**PROVENANCE)


def counts(shares: int) -> pl.DataFrame:
    one = {"symbol": "NVDA", "as_of_date": date(2024, 11, 20), "shares_outstanding": shares}
    return pl.DataFrame([one]).with_columns(**PROVENANCE)


def gate(rows: pl.DataFrame) -> Gated:
    gated = first_gate(rows, raw.Prices, KNOWN, CLOSED)
    assert_conserved(gated)
    return gated


def assert_conserved(gated: Gated) -> None:
    quarantined = gated.quarantined["occurrences"].sum()
    assert gated.received == gated.passed.height + quarantined + gated.collapsed
    assert gated.rejected == quarantined


def inputs(share: float = 0.05, rows: int = 50) -> Inputs:
    return Inputs(DataSettings(max_rejected_share=share, max_rejected_rows=rows))


def test_a_right_row_passes_as_it_is() -> None:
    gated = gate(prices(row()))

    assert gated.passed.equals(prices(row()))
    assert gated.quarantined.is_empty()
    assert gated.collapsed == 0


def test_open_high_low_and_volume_may_be_unknown() -> None:
    assert gate(prices(row(open=None, high=None, low=None, volume=None))).passed.height == 1


@pytest.mark.parametrize(
    ("changed", "rules"),
    [
        ({"symbol": "AAPL"}, ["symbol: known_symbol"]),
        ({"symbol": "nvda"}, ["symbol: known_symbol"]),
        ({"symbol": ""}, ["symbol: known_symbol"]),
        ({"symbol": INJECTION}, ["symbol: known_symbol"]),
        ({"symbol": None}, ["symbol: not_nullable"]),
        ({"close": None}, ["close: not_nullable"]),
        ({"close": float("inf")}, ["close: less_than(inf)"]),
        ({"close": float("-inf")}, ["close: greater_than(0)"]),
        ({"close": 0.0}, ["close: greater_than(0)"]),
        ({"close": -118.42}, ["close: greater_than(0)"]),
        ({"low": 0.0}, ["low: greater_than(0)"]),
        ({"high": float("inf")}, ["high: less_than(inf)"]),
        ({"open": float("nan")}, ["open: less_than(inf)"]),
        ({"volume": -1}, ["volume: greater_than_or_equal_to(0)"]),
        ({"session_date": date(2025, 1, 9)}, ["session_date: exchange_session"]),  # mourning
        ({"session_date": date(2025, 1, 20)}, ["session_date: exchange_session"]),  # holiday
        ({"session_date": date(2025, 1, 25)}, ["session_date: exchange_session"]),  # Saturday
        ({"session_date": date(2025, 2, 18)}, ["session_date: not_in_the_future"]),
        ({"session_date": None}, ["session_date: not_nullable"]),
        (
            {"close": -1.0, "low": 0.0, "symbol": "AAPL"},
            ["close: greater_than(0)", "low: greater_than(0)", "symbol: known_symbol"],
        ),
    ],
)
def test_a_wrong_row_is_rejected_by_its_rule_and_kept_as_json(
    changed: dict[str, object], rules: list[str]
) -> None:
    wrong = row(**changed)

    gated = gate(prices(row(session_date=date(2025, 1, 24)), wrong))

    assert gated.passed["session_date"].to_list() == [date(2025, 1, 24)]
    line = gated.quarantined.row(0, named=True)
    assert line["rules"] == rules
    assert line["status"] == "rejected"
    assert line["source_table"] == "raw.prices"
    assert (line["symbol"], line["row_date"]) == (wrong["symbol"], wrong["session_date"])
    kept = json.loads(line["rejected_row"])
    assert list(kept) == list(TYPES)
    for name, value in changed.items():
        is_number = isinstance(value, float) and abs(value) < float("inf")
        assert kept[name] == (value if is_number or value is None else _plain(value))
        assert name in line["reason"]


def _plain(value: object) -> object:
    return value if isinstance(value, int) else str(value)


def test_a_price_that_is_no_number_is_rejected_and_written_as_such() -> None:
    gated = gate(prices(row(close=float("nan"))))

    assert gated.passed.is_empty()
    assert "close: less_than(inf)" in gated.quarantined["rules"].item().to_list()
    assert json.loads(gated.quarantined["rejected_row"].item())["close"] == "nan"


def test_a_row_delivered_on_the_last_closed_session_is_not_in_the_future() -> None:
    assert gate(prices(row(session_date=CLOSED))).passed.height == 1


def test_a_cell_that_cannot_be_parsed_costs_its_row_alone() -> None:
    rows = prices(row(), row(session_date=date(2025, 1, 24)), row(symbol="TSM"))
    text = rows.with_columns(
        pl.col(name).cast(pl.String) for name in TYPES if name != "symbol"
    ).with_columns(close=pl.Series(["118.42", "n/a", "192.31"]))

    gated = gate(text)

    assert gated.passed.select("symbol", "close").rows() == [("NVDA", 118.42), ("TSM", 192.31)]
    assert gated.quarantined["rules"].to_list() == [["close: type"]]
    assert gated.quarantined["row_date"].to_list() == [date(2025, 1, 24)]


def test_a_row_with_an_empty_date_costs_its_row_alone() -> None:
    text = prices(row(), row(symbol="TSM")).with_columns(
        session_date=pl.Series(["", "2025-01-27"]), close=pl.Series(["1", "2"])
    )

    gated = gate(text)

    assert gated.passed["symbol"].to_list() == ["TSM"]
    assert gated.quarantined["row_date"].to_list() == [None]


@pytest.mark.parametrize(
    ("shares", "rule"),
    [(0, "greater_than(0)"), (-5, "greater_than(0)"), (10**13, "less_than(10000000000000)")],
)
def test_an_impossible_share_count_is_rejected(shares: int, rule: str) -> None:
    gated = first_gate(counts(shares), raw.SharesOutstanding, KNOWN, CLOSED)

    assert_conserved(gated)
    assert gated.quarantined["rules"].to_list() == [[f"shares_outstanding: {rule}"]]


def test_a_share_count_may_be_reported_on_a_sunday_but_not_in_the_future() -> None:
    sunday = counts(1000).with_columns(as_of_date=pl.lit(date(2025, 1, 26)))
    future = counts(1000).with_columns(as_of_date=pl.lit(date(2025, 2, 15)))

    assert first_gate(sunday, raw.SharesOutstanding, KNOWN, CLOSED).passed.height == 1
    refused = first_gate(future, raw.SharesOutstanding, KNOWN, CLOSED).quarantined
    assert refused["rules"].to_list() == [["as_of_date: not_in_the_future"]]


def test_an_index_is_known_by_its_index_symbol() -> None:
    level = {"session_date": MONDAY, "open": None, "high": None, "low": None, "close": 6012.28}
    schema = {"index_symbol": pl.String} | {k: v for k, v in TYPES.items() if k in level}
    rows = pl.DataFrame(
        [{"index_symbol": "^GSPC"} | level, {"index_symbol": "^XXX"} | level], schema=schema
    ).with_columns(**PROVENANCE)

    gated = first_gate(rows, raw.IndexLevels, ["^GSPC"], CLOSED)

    assert gated.passed["index_symbol"].to_list() == ["^GSPC"]
    assert gated.quarantined["symbol"].to_list() == ["^XXX"]


# duplicates


def test_equal_duplicates_collapse_and_are_counted() -> None:
    gated = gate(prices(row(), row(), row(symbol="TSM"), row()))

    assert gated.passed["symbol"].to_list() == ["NVDA", "TSM"]
    assert gated.collapsed == 2
    assert gated.quarantined.is_empty()


def test_duplicates_that_differ_in_provenance_alone_are_equal() -> None:
    again = prices(row()).with_columns(response_id=pl.lit("1" * 64))

    gated = gate(pl.concat([prices(row()), again]))

    assert gated.collapsed == 1
    assert gated.passed["response_id"].to_list() == ["0" * 64]


def test_conflicting_duplicates_are_all_rejected() -> None:
    gated = gate(prices(row(), row(close=118.43), row(), row(symbol="TSM")))

    assert gated.passed["symbol"].to_list() == ["TSM"]
    assert gated.collapsed == 0
    assert gated.quarantined["rules"].to_list() == [["conflicting_duplicate"]] * 2
    assert sorted(gated.quarantined["occurrences"]) == [1, 2]
    assert "(symbol, session_date)" in gated.quarantined["reason"][0]


def test_a_wrong_duplicate_does_not_spoil_the_right_row() -> None:
    gated = gate(prices(row(), row(close=-1.0)))

    assert gated.passed.height == 1
    assert gated.quarantined["rules"].to_list() == [["close: greater_than(0)"]]


def test_equal_wrong_rows_are_one_line_with_their_number() -> None:
    gated = gate(prices(*[row(close=0.0)] * 3))

    assert gated.quarantined["occurrences"].to_list() == [3]
    assert gated.rejected == 3


CELLS = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(["NVDA", "TSM", "XXX", "", None]),
        "session_date": st.sampled_from(
            ["2025-01-24", "2025-01-27", "2025-01-09", "2099-01-01", "yesterday"]
        ),
        "open": st.sampled_from(["1", None]),
        "high": st.sampled_from(["2", "x", None]),
        "low": st.sampled_from(["0.5", "-1", None]),
        "close": st.sampled_from(["1", "1.0", "1.5", "0", "inf", "NaN", "", None]),
        "volume": st.sampled_from(["7", "7.0", "7.5", "-1", None]),
    }
)


@settings(deadline=None, max_examples=15)
@given(st.lists(CELLS, min_size=1, max_size=10))
def test_rows_are_conserved_whatever_a_file_holds(cells: list[dict[str, str | None]]) -> None:
    rows = pl.DataFrame(cells, schema=dict.fromkeys(TYPES, pl.String)).with_columns(**PROVENANCE)

    gated = gate(rows)

    assert gated.received == len(cells)
    assert not gated.passed.select("symbol", "session_date").is_duplicated().any()
    assert set(gated.passed["symbol"]) <= set(KNOWN)
    assert (gated.passed["close"] > 0).all()
    assert gated.passed["close"].is_finite().all()


# too much of a delivery is wrong


def delivery(right: int, wrong: int) -> Gated:
    """A delivery of that many right rows, and as many with an unknown symbol."""
    model = raw.SharesOutstanding
    one = counts(1000)
    days = pl.date_range(date(2023, 1, 1), date(2025, 1, 1), "1d", eager=True)
    rows = pl.concat(
        [
            one.drop("as_of_date")
            .join(pl.DataFrame({"as_of_date": days[:number]}), how="cross")
            .with_columns(symbol=pl.lit(symbol))
            for number, symbol in ((right, "NVDA"), (wrong, INJECTION))
        ]
    )
    return first_gate(rows, model, KNOWN, CLOSED)


@pytest.mark.parametrize(
    ("right", "wrong", "is_refused"),
    [
        (50, 49, False),  # many, but fewer than 50
        (50, 50, True),
        (730, 38, False),  # fewer than 50, and fewer than 5 %
        (0, 50, True),
        (0, 49, False),
    ],
)
def test_a_delivery_is_refused_from_50_wrong_rows_on(
    right: int, wrong: int, *, is_refused: bool
) -> None:
    gated = delivery(right, wrong)
    assert (gated.passed.height, gated.rejected) == (right, wrong)

    if is_refused:
        with pytest.raises(SourceError):
            refuse_bad_delivery(gated, raw.SharesOutstanding, inputs().settings.limits)
    else:
        refuse_bad_delivery(gated, raw.SharesOutstanding, inputs().settings.limits)


@pytest.mark.parametrize(("wrong", "is_refused"), [(5, False), (6, True)])
def test_a_delivery_is_refused_beyond_five_percent_of_wrong_rows(
    wrong: int, *, is_refused: bool
) -> None:
    gated = delivery(100 - wrong, wrong)

    if is_refused:
        with pytest.raises(SourceError):
            refuse_bad_delivery(gated, raw.SharesOutstanding, inputs(rows=1).settings.limits)
    else:
        refuse_bad_delivery(gated, raw.SharesOutstanding, inputs(rows=1).settings.limits)


def test_a_refused_delivery_names_table_number_rule_example_and_setting() -> None:
    with pytest.raises(SourceError) as caught:
        refuse_bad_delivery(delivery(10, 60), raw.SharesOutstanding, inputs().settings.limits)

    assert "raw.shares_outstanding: 60 of 70" in caught.value.what
    assert "symbol: known_symbol: 60 rows" in caught.value.what
    assert INJECTION in caught.value.what
    assert "CAPSHOCK_MAX_REJECTED_ROWS" in caught.value.next_step


def test_held_rows_do_not_count_as_wrong() -> None:
    gated = delivery(0, 60)
    held = Gated(
        passed=gated.passed,
        quarantined=gated.quarantined.with_columns(status=pl.lit("held")),
        received=gated.received,
    )

    refuse_bad_delivery(held, raw.SharesOutstanding, inputs().settings.limits)


# outcomes

WEEK = [date(2025, 1, 21), date(2025, 1, 22), date(2025, 1, 23), date(2025, 1, 24)]
IN_THAT_WEEK = Expected(Window("session_date", WEEK[0], WEEK[-1]))


def told(
    rows: pl.DataFrame,
    asked: Sequence[str],
    dataset: str = "prices",
    expected: Expected | None = IN_THAT_WEEK,
    note: str | None = None,
) -> dict[str, tuple[str, int, int | None]]:
    gated = Gated(passed=rows, quarantined=pl.DataFrame(), received=rows.height)
    found = outcomes(Delivery(rows, "0" * 64, note), gated, dataset, asked, expected)
    assert found.columns == [name for name in ops.IngestOutcomes.names() if name != "run_id"]
    assert found.height == len(asked)
    assert set(found["response_id"]) <= {"0" * 64}
    for outcome, message in found.select("outcome", "message").iter_rows():
        absent = "the source has no row of this symbol"
        assert message == (absent if outcome == "no_data" else note)
    return {
        symbol: (outcome, number, expected)
        for symbol, outcome, number, expected in found.select(
            "symbol", "outcome", "rows", "expected_rows"
        ).iter_rows()
    }


def week(symbol: str, *days: int) -> list[dict[str, object]]:
    return [row(symbol=symbol, session_date=WEEK[n]) for n in days]


def test_every_symbol_asked_for_has_an_outcome() -> None:
    rows = prices(*week("NVDA", 0, 1, 2, 3), *week("TSM", 0, 1, 3))

    assert told(rows, ["TSM", "NVDA", "VZ"]) == {
        "TSM": ("partial", 3, 4),
        "NVDA": ("ok", 4, 4),
        "VZ": ("no_data", 0, 4),
    }


def test_a_symbol_is_expected_from_its_first_bar_on() -> None:
    assert told(prices(*week("NVDA", 2, 3)), ["NVDA"]) == {"NVDA": ("ok", 2, 2)}


def test_a_symbol_that_stops_is_partial() -> None:
    assert told(prices(*week("NVDA", 0, 1)), ["NVDA"]) == {"NVDA": ("partial", 2, 4)}


@pytest.mark.parametrize(
    ("days", "since", "until", "outcome", "expected", "said"),
    [
        ((0, 1), None, WEEK[1], "ok", 2, None),
        ((0,), None, WEEK[1], "partial", 2, None),
        ((2, 3), WEEK[2], None, "ok", 2, None),
        ((3,), WEEK[2], None, "partial", 2, None),
        ((1, 2), date(2021, 4, 1), WEEK[2], "partial", 3, None),
        ((), None, date(2025, 1, 17), "ok", 0, "not listed on these sessions; its last one is "
         "2025-01-17"),
        ((), date(2025, 2, 3), None, "ok", 0, "not listed on these sessions; its first one is "
         "2025-02-03"),
        ((), None, WEEK[0], "no_data", 1, "the source has no row of this symbol"),
    ],
)  # fmt: skip
def test_a_line_is_expected_while_it_is_listed(
    days: tuple[int, ...],
    since: date | None,
    until: date | None,
    outcome: str,
    expected: int,
    said: str | None,
) -> None:
    rows = prices(*week("XLNX", *days)) if days else raw.Prices.no_rows()
    gated = Gated(passed=rows, quarantined=pl.DataFrame(), received=rows.height)
    listed = pl.DataFrame([("XLNX", since, until)], schema=ALWAYS.schema, orient="row")

    (found,) = outcomes(
        Delivery(rows, "0" * 64),
        gated,
        "prices",
        ["XLNX"],
        Expected(IN_THAT_WEEK.window, listed),
    ).to_dicts()

    assert (found["outcome"], found["rows"], found["expected_rows"], found["message"]) == (
        outcome, len(days), expected, said,
    )  # fmt: skip


def test_where_any_number_of_rows_is_right_only_none_at_all_is_no_data() -> None:
    found = told(counts(1000), ["NVDA", "VZ"], "shares_outstanding", None)

    assert found == {"NVDA": ("ok", 1, None), "VZ": ("no_data", 0, None)}


@pytest.mark.parametrize("dataset", ["splits", "dividends"])
def test_a_symbol_without_splits_or_dividends_is_ok(dataset: str) -> None:
    rows = raw.Splits.no_rows() if dataset == "splits" else raw.Dividends.no_rows()

    assert told(rows, ["NVDA"], dataset, None, note="none here") == {"NVDA": ("ok", 0, None)}


def test_a_symbol_goes_on_where_it_was_left_and_a_new_one_starts_at_the_first_session():
    first, left, run = date(2021, 1, 29), date(2025, 1, 7), date(2025, 1, 13)
    covered = pl.DataFrame(
        [("OLD", first, date(2024, 12, 2)), ("OLD", date(2024, 12, 2), left),
         ("LATE", date(2025, 1, 2), left), ("NOW", first, date(2025, 1, 16))],
        schema={"symbol": pl.String, "asked_from": pl.Date, "asked_to": pl.Date}, orient="row",
    )  # fmt: skip
    asked = ["OLD", "LATE", "NOW", "NEW"]
    assert since_when(covered, asked, first, run) == {
        "OLD": left, "LATE": first, "NOW": run, "NEW": first,
    }  # fmt: skip
    assert since_when(covered, ["NOW"], first, None) == {"NOW": date(2025, 1, 16)}


@pytest.mark.parametrize(
    ("good", "of", "share", "is_too_few"),
    [(6, 7, 0.9, False), (5, 7, 0.9, True), (6, 7, 1.0, True), (0, 1, 0.9, True),
     (18, 20, 0.9, False), (17, 20, 0.9, True), (480, 534, 0.9, False), (479, 534, 0.9, True)],
)  # fmt: skip
def test_a_handful_may_lack_one_and_a_crowd_its_share(good, of, share, is_too_few):
    told = pl.DataFrame(
        [(f"S{n}", "ok" if n < good else "not_found", None, None, None) for n in range(of)],
        schema={"symbol": pl.String, "outcome": pl.String, "message": pl.String,
                "asked_from": pl.Date, "asked_to": pl.Date}, orient="row",
    )  # fmt: skip
    inputs = Inputs(DataSettings(source="yahoo", min_ok_share=share))
    if not good:
        with pytest.raises(TooFewDelivered, match=f"only 0 of {of}"):
            too_few(told, raw.IndexLevels, inputs)
        return
    found = too_few(told, raw.IndexLevels, inputs)
    assert (found is not None) == is_too_few
    assert found is None or f"only {good} of {of}" in found.what


def of_evenings(*rows: tuple[str, str, date | None]) -> pl.DataFrame:
    """Outcomes of several runs, in any order."""
    schema = {"symbol": pl.String, "outcome": pl.String, "asked_to": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(message=pl.lit("why"))


def test_a_symbol_is_undelivered_until_a_run_brings_the_last_sessions_asked_for():
    first, last = WEEK[2], WEEK[3]
    told = of_evenings(
        ("NVDA", "transient", last), ("NVDA", "ok", last), ("VZ", "ok", first),
        ("VZ", "throttled", last), ("TSM", "refused", last), ("GONE", "404", last),
        ("MSFT", "transient", None),
    )  # fmt: skip
    lacking = undelivered(told, ["NVDA", "VZ", "TSM", "MSFT"])
    assert lacking.rows() == [("VZ", last, "throttled", "why")]
    assert undelivered(told.clear(), ["NVDA"]).is_empty()


def test_where_there_is_nobody_to_ask_for_another_try_is_no_way_out():
    told = pl.DataFrame(schema={"symbol": pl.String, "outcome": pl.String, "message": pl.String})
    with pytest.raises(SourceError, match=r"raw\.prices: there is no symbol to ask") as refused:
        too_few(told, raw.Prices, Inputs(DataSettings(source="yahoo")))
    assert not isinstance(refused.value, TooFewDelivered)


def asked(*rows: tuple[str, str, date, date]) -> pl.DataFrame:
    schema = {"symbol": pl.String, "outcome": pl.String, "asked_from": pl.Date,
              "asked_to": pl.Date}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(message=pl.lit(None))


FIRST, LAST = WEEK[0], WEEK[3]


@pytest.mark.parametrize(
    ("others", "is_alone"),
    [("transient", True), ("contract", True), ("not_found", False), ("ok", False)],
)
def test_the_next_run_of_an_evening_asks_for_what_may_still_come_alone(others, is_alone):
    since = dict.fromkeys(("NVDA", "VZ"), FIRST)
    told = asked(("NVDA", "ok", FIRST, LAST), ("VZ", others, FIRST, LAST))
    assert the_rest(since, told, LAST, 0.5) == ({"VZ": FIRST} if is_alone else since)
    # Another evening, or an earlier session: of all.
    assert the_rest(since, told, WEEK[2], 0.5) == since
    earlier = dict.fromkeys(since, date(2021, 3, 1))
    assert the_rest(earlier, told, LAST, 0.5) == earlier
    assert the_rest(since, told, None, 0.5) == since


def test_prices_and_splits_are_seen_again_over_twenty_sessions_under_the_present_name():
    changed = WEEK[1]
    former = {"NEW": (Former("OLD", changed),)}
    names = replace(Names(), former=former)
    since = {"NVDA": LAST, "NEW": LAST, "LEFT": date(2021, 3, 1)}
    seen = with_overlap(since, date(2021, 2, 16), names)
    days = calendar.sessions()
    assert seen == {
        "NVDA": days[days.index(LAST) - 20], "NEW": changed, "LEFT": date(2021, 2, 16),
    }  # fmt: skip
    # What was asked for under the former name anyway goes no further back.
    assert with_overlap({"NEW": WEEK[0]}, date(2021, 2, 16), names) == {"NEW": WEEK[0]}


def test_beyond_what_may_lack_the_rest_is_asked_for_alone_whatever_it_is():
    since = dict.fromkeys(("NVDA", "VZ"), FIRST)
    told = asked(("NVDA", "ok", FIRST, LAST), ("VZ", "not_found", FIRST, LAST))
    assert the_rest(since, told, LAST, 1.0) == {"VZ": FIRST}


HOLIDAY = date(2021, 11, 25)


@pytest.mark.parametrize(
    ("of_session", "also_wrong", "is_refused"),
    [({"session_date": HOLIDAY}, 0, False), ({"close": -1.0}, 0, False),
     ({"close": math.nan}, 0, False), ({"session_date": HOLIDAY}, 49, False),
     ({"session_date": HOLIDAY}, 60, True)],
)  # fmt: skip
def test_one_wrong_session_of_all_symbols_is_quarantined_and_the_rest_lands(
    of_session: dict[str, Any], also_wrong: int, *, is_refused: bool
) -> None:
    symbols = [f"S{n}" for n in range(60)]
    days = [date(2021, 11, 23), date(2021, 11, 24), date(2021, 11, 26)]
    right = [row(symbol=s, session_date=day) for s in symbols for day in days]
    wrong = [row(symbol=s, **{"session_date": date(2021, 11, 22), **of_session}) for s in symbols]
    more = [row(symbol=s, session_date=days[0], close=-2.0) for s in symbols[:also_wrong]]
    gated = first_gate(prices(*right[also_wrong * 3 :], *wrong, *more), raw.Prices, symbols, CLOSED)
    assert gated.rejected == 60 + also_wrong
    if is_refused:
        with pytest.raises(SourceError, match="rows are wrong"):
            refuse_bad_delivery(gated, raw.Prices, inputs().settings.limits)
    else:
        refuse_bad_delivery(gated, raw.Prices, inputs().settings.limits)


def test_a_delivery_of_one_wrong_session_alone_is_refused() -> None:
    symbols = [f"S{n}" for n in range(60)]
    wrong = prices(*(row(symbol=s, session_date=HOLIDAY) for s in symbols))
    with pytest.raises(SourceError, match="60 of 60 delivered rows are wrong"):
        refuse_bad_delivery(
            first_gate(wrong, raw.Prices, symbols, CLOSED), raw.Prices, inputs().settings.limits
        )


# --- lines that securities.csv has and that are not covered ---------------------------------------

REFUSED_LINE = pl.DataFrame({"symbol": ["AAPL"], "reason": ["AAPL trades in EUR"]})


def test_rows_of_a_refused_line_say_why_it_is_refused() -> None:
    rows = pl.concat([prices(row(symbol="AAPL")), prices(row(symbol="AAPL", close=-1.0)),
                      prices(row(symbol="MSFT"))])  # fmt: skip
    told = with_lines_refused(first_gate(rows, raw.Prices, KNOWN, CLOSED), REFUSED_LINE)

    assert_conserved(told)
    alone, also_wrong, unknown = told.quarantined.sort("symbol", "rules")["reason"]
    if "close" in alone:
        alone, also_wrong = also_wrong, alone
    assert alone == "AAPL trades in EUR"
    assert also_wrong.startswith("AAPL trades in EUR; ")
    assert "close" in also_wrong
    assert "known_symbol" in unknown


def test_rows_of_a_refused_line_say_nothing_about_the_rest_of_a_delivery() -> None:
    gated = delivery(10, 60)
    lines = gated.quarantined.select("symbol", "reason").unique("symbol")

    refuse_bad_delivery(gated, raw.SharesOutstanding, inputs().settings.limits, lines)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(KNOWN), st.integers(0, 4), st.sampled_from((1.0, 2.0)))),
    st.lists(st.tuples(st.sampled_from(KNOWN), st.integers(0, 4), st.sampled_from((1.0, 2.0)))),
)
def test_of_a_refused_symbol_what_landed_stays_and_every_row_is_accounted_for(
    stood: list[tuple[str, int, float]], came: list[tuple[str, int, float]]
) -> None:
    def of(rows: list[tuple[str, int, float]]) -> pl.DataFrame:
        keyed = {(symbol, day): close for symbol, day, close in rows}
        return prices(
            *(row(symbol=s, session_date=date(2025, 1, 6 + n), close=c, low=None, open=None)
              for (s, n), c in keyed.items())
        )  # fmt: skip

    landed, delivered = of(stood), of(came)
    gated = Gated(delivered, pl.DataFrame(schema=QUARANTINE_SCHEMA), delivered.height)
    judged = refuse_symbols(gated, {"TSM": "TSM: why"}, landed, raw.Prices, "a_rule")
    lines = judged.gated.quarantined
    assert delivered.height == judged.gated.passed.height + lines["occurrences"].sum()
    assert set(lines["status"]) <= {"held"}
    assert set(lines["symbol"]) <= {"TSM"}
    kept = landed.clear() if judged.kept is None else judged.kept
    after = pl.concat([judged.gated.passed, kept])
    tsm = pl.col("symbol") == "TSM"
    assert after.filter(tsm).sort("session_date").equals(landed.filter(tsm).sort("session_date"))
    assert after.filter(~tsm).equals(delivered.filter(~tsm))
