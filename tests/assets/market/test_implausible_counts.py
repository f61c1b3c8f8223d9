"""Counts that agree with each other, and with which a company is what none is."""

from datetime import date, timedelta

import polars as pl
import pytest

from assets.core.shares_outstanding import accept_counts
from assets.market import calendar
from assets.market.count_witnesses import company_units
from warehouse.schemas import core, ref

SESSIONS = calendar.sessions(date(2024, 1, 2), date(2024, 12, 31))
BILLION = 10**9
NO_UNITS = company_units(
    ref.IndexHoldings.no_rows(),
    ref.Indices.no_rows(),
    ref.Securities.no_rows(),
    core.CorporateActions.no_rows(),
)


def reports(*counts: int, symbol: str = "A", every: int = 30) -> pl.DataFrame:
    rows = [(symbol, SESSIONS[0] + timedelta(days=every * n), c) for n, c in enumerate(counts)]
    schema = {"symbol": pl.String, "as_of_date": pl.Date, "shares_outstanding": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def bars(
    close: float, volume: int | None, symbol: str = "A", days: slice = slice(None)
) -> pl.DataFrame:
    sessions = SESSIONS[days]
    return pl.DataFrame(
        {
            "symbol": [symbol] * len(sessions),
            "session_date": sessions,
            "close": [close] * len(sessions),
            "volume": pl.Series([volume] * len(sessions), dtype=pl.Int64),
        }
    )


def counts(
    told: pl.DataFrame,
    seen: pl.DataFrame,
    actions: tuple[tuple[str, date, float, str], ...] = (),
    accepted: tuple[date, ...] = (),
    units: pl.DataFrame = NO_UNITS,
) -> pl.DataFrame:
    went_ex = core.CorporateActions.polars_schema()
    decisions = pl.DataFrame(
        [("A", day, "accept", "the annual report says so", "jd") for day in accepted],
        schema=ref.ShareCountDecisions.polars_schema(),
        orient="row",
    )
    adjusted = pl.DataFrame(actions, schema=went_ex, orient="row")
    return accept_counts(told, adjusted, decisions, units, SESSIONS, seen).counts


def said(found: pl.DataFrame) -> set[str | None]:
    assert (found["is_disputed"] == found["dispute"].is_not_null()).all()
    return set(found["dispute"])


LARGE = "with it the company is worth more than 10 trillion dollars: none has been"
SMALL = "with it the company is worth less than a million dollars"
MANY = "of so many shares fewer than 1 in 20,000 are traded on a session: too many, by that"
FEW = "of so few shares more than half are traded on a session: too few, by that"


@pytest.mark.parametrize(
    ("factor", "close", "volume", "dispute"),
    [
        (1, 50.0, 6_000_000, None),
        # a line of 50 billion dollars of which six in a thousand are traded, in another unit
        (1000, 50.0, 6_000_000, LARGE),
        (1000, 50.0, None, LARGE),
        (1000, 50.0, 0, LARGE),
        # one of 5 billion is no larger than the largest company, a thousandfold
        (1000, 5.0, 6_000_000, MANY),
        (0.001, 50.0, 6_000_000, FEW),
        (1e-6, 50.0, 6_000_000, SMALL),
        (1e-6, 50.0, None, SMALL),
        # nothing is told by what is not told, or by a zero that stands for that
        (1000, 5.0, None, None),
        (1000, 5.0, 0, None),
        (0.001, 50.0, None, None),
        # a depositary receipt is traded at home
        (1, 50.0, 60_000, None),
        # a small company that everybody trades
        (1, 0.05, 200_000_000, None),
    ],
)
def test_a_company_that_none_is_has_a_disputed_count(
    factor: float, close: float, volume: int | None, dispute: str | None
) -> None:
    told = [round(BILLION * n * factor) for n in (1.0, 1.01, 1.005)]
    assert said(counts(reports(*told), bars(close, volume))) == {dispute}


def test_one_company_alone_is_judged_as_among_many() -> None:
    others = pl.concat([reports(BILLION, BILLION, symbol=f"B{n}") for n in range(30)])
    of_others = pl.concat([bars(50.0, 6_000_000, f"B{n}") for n in range(30)])
    told, seen = reports(1000 * BILLION, 1000 * BILLION), bars(5.0, 6_000_000)
    found = counts(pl.concat([told, others]), pl.concat([seen, of_others]))
    assert said(found.filter(pl.col("symbol") == "A")) == {MANY} == said(counts(told, seen))
    assert said(found.filter(pl.col("symbol") != "A")) == {None}


def test_a_few_sessions_of_frenzy_say_nothing() -> None:
    told = reports(BILLION, BILLION)
    assert said(counts(told, bars(5.0, 2 * BILLION, days=slice(0, 19)))) == {None}
    assert said(counts(told, bars(5.0, 2 * BILLION, days=slice(0, 20)))) == {FEW}


def test_volumes_are_held_against_the_count_of_their_session() -> None:
    """A split of 50:1, volumes as traded: neither side is traded beyond what companies are."""
    ex_date = SESSIONS[100]
    told = reports(BILLION, BILLION, every=20)
    seen = pl.concat(
        [
            bars(500.0, 100_000, days=slice(0, 100)),
            bars(10.0, 5_000_000, days=slice(100, None)),
        ]
    )
    split = (("A", ex_date, 50.0, "split"),)
    assert said(counts(told, seen, split)) == {None}
    # A thousand times too many are too many on both sides of it.
    assert said(counts(reports(1000 * BILLION, 1000 * BILLION, every=20), seen, split)) == {LARGE}


def test_a_run_of_counts_is_judged_by_its_own_sessions() -> None:
    """Told in another unit at first, then mended: both are disputed, each for its own reason."""
    told = reports(*[1000 * BILLION] * 4, *[BILLION] * 6, every=30)
    found = counts(told, bars(5.0, 6_000_000))
    mended = found.filter(pl.col("shares_outstanding") == BILLION)
    assert said(found.filter(pl.col("shares_outstanding") > BILLION)) == {MANY}
    assert all("without a witness" in str(dispute) for dispute in said(mended))


def test_what_a_person_let_in_is_not_asked() -> None:
    told = reports(1000 * BILLION, 1000 * BILLION)
    assert said(counts(told, bars(5.0, 6_000_000), accepted=(SESSIONS[0],))) == {None}


def test_units_of_an_index_are_the_better_witness() -> None:
    """Twelve members whose volumes are a thousandth of what they are: their counts fit units."""
    names = [f"M{n:02}" for n in range(12)]
    told = pl.concat([reports(BILLION, BILLION, symbol=name) for name in names])
    seen = pl.concat([bars(5.0, 6_000, name) for name in names])
    units = pl.DataFrame(
        [("^IDX", SESSIONS[1], SESSIONS[1], name, 1e6) for name in names],
        schema=NO_UNITS.schema,
        orient="row",
    )
    assert said(counts(told, seen)) == {MANY}
    assert said(counts(told, seen, units=units)) == {None}
