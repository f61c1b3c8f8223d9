"""An event whose date a source corrects is not kept beside the corrected one."""

from datetime import date

import polars as pl
import pytest

from assets.market.corrected_events import corrected, undone

TUESDAY, WEDNESDAY, THURSDAY = (date(2022, 8, day) for day in (23, 24, 25))


def events(*rows: tuple[str, date, float]) -> pl.DataFrame:
    schema = {"symbol": pl.String, "ex_date": pl.Date, "ratio": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def asked(**since: date) -> pl.DataFrame:
    schema = {"symbol": pl.String, "since": pl.Date}
    return pl.DataFrame(list(since.items()), schema=schema, orient="row")


@pytest.mark.parametrize("since", [TUESDAY, WEDNESDAY])
@pytest.mark.parametrize("moved_to", [TUESDAY, THURSDAY, date(2022, 9, 1)])
def test_an_event_that_is_there_on_another_date_replaces_the_first_one(moved_to, since):
    landed, came = events(("TSLA", WEDNESDAY, 3.0)), events(("TSLA", moved_to, 3.0))
    found = corrected(landed, came, asked(TSLA=since), "ratio")
    assert found.rows() == [("TSLA", WEDNESDAY, moved_to)]


def test_where_both_have_landed_the_one_that_is_no_longer_told_goes():
    landed = events(("TSLA", WEDNESDAY, 3.0), ("TSLA", THURSDAY, 3.0))
    found = corrected(landed, events(("TSLA", THURSDAY, 3.0)), asked(TSLA=TUESDAY), "ratio")
    assert found.rows() == [("TSLA", WEDNESDAY, THURSDAY)]


@pytest.mark.parametrize(
    ("came", "since"),
    [
        (events(), TUESDAY),  # it merely vanished
        (events(("TSLA", THURSDAY, 5.0)), TUESDAY),  # another one
        (events(("OTHER", THURSDAY, 3.0)), TUESDAY),
        (events(("TSLA", date(2022, 9, 9), 3.0)), TUESDAY),  # too far
        (events(("TSLA", THURSDAY, 3.0)), THURSDAY),  # was not asked for
        (events(("TSLA", WEDNESDAY, 3.0), ("TSLA", THURSDAY, 3.0)), TUESDAY),  # is told too
    ],
)
def test_any_other_event_stays(came, since):
    found = corrected(events(("TSLA", WEDNESDAY, 3.0)), came, asked(TSLA=since), "ratio")
    assert found.is_empty()


def test_a_line_whose_answer_is_not_whole_has_corrected_nothing():
    landed, came = events(("TSLA", WEDNESDAY, 3.0)), events(("TSLA", THURSDAY, 3.0))
    assert corrected(landed, came, asked(), "ratio").is_empty()


def bars(*closes: tuple[date, float]) -> pl.DataFrame:
    rows = [("TSLA", day, close) for day, close in closes]
    return pl.DataFrame(rows, schema=["symbol", "session_date", "close"], orient="row")


@pytest.mark.parametrize("ratio", [3.0, 2.0, 1.5, 1.25, 0.125])
def test_a_split_that_is_listed_no_more_and_that_no_close_follows_goes(ratio):
    landed, came = events(("TSLA", WEDNESDAY, ratio)), events()
    flat = bars((TUESDAY, 900.0), (WEDNESDAY, 891.0))
    assert undone(landed, came, asked(TSLA=TUESDAY), flat).rows() == [("TSLA", WEDNESDAY, None)]
    followed = bars((TUESDAY, 900.0), (WEDNESDAY, 891.0 / ratio))
    assert undone(landed, came, asked(TSLA=TUESDAY), followed).is_empty()


@pytest.mark.parametrize(
    ("landed", "came", "since", "closes"),
    [
        pytest.param(("TSLA", WEDNESDAY, 3.0), [("TSLA", WEDNESDAY, 3.0)], TUESDAY,
                     [(TUESDAY, 9.0), (WEDNESDAY, 9.0)], id="listed still"),
        pytest.param(("TSLA", WEDNESDAY, 3.0), [], THURSDAY,
                     [(TUESDAY, 9.0), (WEDNESDAY, 9.0)], id="not asked for"),
        pytest.param(("TSLA", WEDNESDAY, 1.05), [], TUESDAY,
                     [(TUESDAY, 9.0), (WEDNESDAY, 9.0)], id="as small as a move"),
        pytest.param(("TSLA", WEDNESDAY, 1.5), [], TUESDAY,
                     [(TUESDAY, 9.0), (WEDNESDAY, 7.5)], id="the close tells neither"),
        pytest.param(("TSLA", WEDNESDAY, 3.0), [], TUESDAY, [(TUESDAY, 9.0)], id="no bar yet"),
        pytest.param(("TSLA", WEDNESDAY, 3.0), [], TUESDAY, [(WEDNESDAY, 9.0)], id="none before"),
    ],
)  # fmt: skip
def test_any_other_split_that_is_left_out_stays(landed, came, since, closes):
    found = undone(events(landed), events(*came), asked(TSLA=since), bars(*closes))
    assert found.is_empty()
