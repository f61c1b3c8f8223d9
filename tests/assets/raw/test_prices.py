"""Which lines are asked for, and sessions without a bar: no run of them is green, and one among
others is named.
"""

from datetime import date

import dagster as dg
import polars as pl
import pytest

from assets.raw.prices import listed_within, refuse_nothing, sessions_without_bars
from assets.table_asset import asset_key
from tests.conftest import Deployment
from warehouse.errors import SourceError
from warehouse.landing import Landing
from warehouse.schemas import raw

HOLE = "2025-01-10"
WEEK = date(2025, 1, 6), date(2025, 1, 10)


def _with_a_hole(small_market) -> None:
    path = small_market / "prices.csv"
    path.write_text(
        "".join(
            line for line in path.read_text().splitlines(keepends=True) if f",{HOLE}," not in line
        )
    )


def test_the_lines_asked_for_are_those_listed_on_a_session_of_the_run():
    listed = {
        "ALWAYS": (None, None),
        "TO_FIRST": (None, date(2025, 1, 6)),
        "FROM_LAST": (date(2025, 1, 10), None),
        "WITHIN": (date(2025, 1, 7), date(2025, 1, 8)),
        "ALL_OF_IT": (date(2024, 1, 2), date(2025, 12, 31)),
        "GONE": (None, date(2025, 1, 3)),
        "TO_COME": (date(2025, 1, 13), None),
    }
    securities = pl.DataFrame(
        [(symbol, *bounds) for symbol, bounds in listed.items()],
        schema={"symbol": pl.String, "listed_from": pl.Date, "listed_to": pl.Date},
        orient="row",
    )
    assert listed_within(securities, *WEEK) == [
        "ALWAYS", "TO_FIRST", "FROM_LAST", "WITHIN", "ALL_OF_IT",
    ]  # fmt: skip


def _landing(bars: list[date], refused: list[date] | None = None) -> Landing:
    quarantined = None
    if refused is not None:
        quarantined = pl.DataFrame({"row_date": refused}, schema={"row_date": pl.Date})
    return Landing(
        pl.DataFrame({"session_date": bars}, schema={"session_date": pl.Date}),
        quarantined=quarantined,
    )


@pytest.mark.parametrize("refused", [None, [], [date(2025, 1, 3), date(2025, 1, 13)]])
def test_a_run_without_a_bar_of_its_sessions_fails_and_names_them(refused):
    nothing = _landing([date(2025, 1, 3), date(2025, 1, 13)], refused)

    with pytest.raises(SourceError, match=r"no bar of any symbol on 2025-01-06 to 2025-01-10"):
        refuse_nothing(nothing, *WEEK)
    with pytest.raises(SourceError, match=r"no bar of any symbol on 2025-01-06(?! to)"):
        refuse_nothing(nothing, WEEK[0], WEEK[0])


@pytest.mark.parametrize("day", [*WEEK, date(2025, 1, 8)])
def test_one_bar_of_a_run_is_enough_whether_it_lands_or_is_refused(day):
    refuse_nothing(_landing([day]), *WEEK)
    refuse_nothing(_landing([day], []), *WEEK)
    refuse_nothing(_landing([], [day]), *WEEK)


def test_sessions_without_a_bar_are_those_of_the_run_on_which_no_symbol_has_one():
    bars = pl.DataFrame({"session_date": [date(2025, 1, day) for day in (3, 6, 8, 8, 10)]})

    # The exchange was closed on the 9th.
    assert sessions_without_bars(bars, *WEEK) == [date(2025, 1, 7)]


@pytest.mark.slow
def test_a_session_without_a_bar_is_not_green_and_among_others_it_is_named(small_market, tmp_path):
    _with_a_hole(small_market)
    with dg.DagsterInstance.ephemeral() as instance:
        given = {"data_dir": small_market, "reference_dir": small_market}
        (tmp_path / "w").mkdir()
        deployment = Deployment(tmp_path / "w", instance, given)
        failed = deployment.run(HOLE, HOLE)
        assert not failed.succeeded
        assert failed.reasons[0].startswith(
            f"raw.prices: the source has no bar of any symbol on {HOLE}"
        )
        assert instance.get_materialized_partitions(asset_key(raw.Prices)) == set()

        landed = deployment.must_run()
        said = (
            f"warning, raw.prices, every_session: no symbol has a bar on {date.fromisoformat(HOLE)}"
        )
        assert said in landed.remarks
