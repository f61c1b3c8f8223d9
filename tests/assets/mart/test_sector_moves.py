from datetime import date, timedelta
from random import Random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.mart.sector_moves import sector_moves
from warehouse.schemas import mart, ref
from warehouse.validation import validate

SECTOR_OF = {"A": "Energy", "B": "Energy", "C": "Utilities", "D": "Utilities", "E": "Materials"}


def day(number: int) -> date:
    return date(2025, 1, 6) + timedelta(days=number)


def caps(*rows: tuple[str, int, float | None], uncounted: str = "") -> pl.DataFrame:
    """Company, number of the session, price effect; companies in ``uncounted`` have no count."""
    schema = {"company_symbol": pl.String, "session_date": pl.Date, "price_effect_usd": pl.Float64}
    told = pl.DataFrame(
        [(company, day(number), effect) for company, number, effect in rows],
        schema=schema,
        orient="row",
    )
    return told.with_columns(
        flags=pl.lit([], pl.List(pl.String)),
        shares_outstanding=pl.when(~pl.col("company_symbol").is_in(list(uncounted))).then(1e9),
    )


def securities() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"symbol": symbol, "name": symbol, "company_symbol": symbol, "sector": sector,
             "sector_scheme": "test"}
            for symbol, sector in SECTOR_OF.items()
        ],
        schema=ref.Securities.polars_schema(),
    )  # fmt: skip


def moves(told: pl.DataFrame) -> pl.DataFrame:
    return sector_moves(told, securities())


def test_a_sector_by_hand() -> None:
    added = moves(caps(("A", 0, -5.25), ("B", 0, 2.0), ("C", 0, 1.5), ("A", 1, 1.0)))

    validate(added, mart.SectorMoves)
    assert added.rows() == [
        ("Energy", day(0), 2, -3.25, 5.25, 2.0, 1, 1, 0, 0, 0),
        ("Utilities", day(0), 1, 1.5, 0.0, 1.5, 0, 1, 0, 0, 0),
        ("Energy", day(1), 1, 1.0, 0.0, 1.0, 0, 1, 0, 0, 0),
    ]


def test_companies_without_a_share_count_are_counted_and_not_added() -> None:
    added = moves(caps(("A", 0, None), ("B", 0, -2.0), uncounted="A"))

    row = added.row(0, named=True)
    assert row["companies"] == 2
    assert row["companies_without_share_count"] == 1
    assert row["net_change_usd"] == -2.0
    assert (row["losers"], row["gainers"]) == (1, 0)


def test_a_company_without_a_change_is_neither_loser_nor_gainer() -> None:
    row = moves(caps(("A", 0, None), ("B", 0, 0.0))).row(0, named=True)

    assert (row["companies"], row["losers"], row["gainers"]) == (2, 0, 0)
    assert (row["net_change_usd"], row["losers_usd"], row["gainers_usd"]) == (0.0, 0.0, 0.0)
    assert row["companies_without_share_count"] == 0


def test_no_market_caps_give_no_rows() -> None:
    assert moves(caps()).is_empty()


EFFECTS = st.one_of(st.none(), st.floats(-6e11, 6e11, allow_nan=False))
HISTORIES = st.dictionaries(
    st.tuples(st.sampled_from("ABCDE"), st.integers(0, 3)), EFFECTS, min_size=1, max_size=20
)


def cents(dollars: float | None) -> int:
    return round((dollars or 0.0) * 100)


@settings(deadline=None, max_examples=40)
@given(HISTORIES)
def test_sectors_add_up_to_the_companies_to_the_cent(
    effects: dict[tuple[str, int], float | None],
) -> None:
    added = moves(caps(*((company, n, effect) for (company, n), effect in effects.items())))

    for row in added.iter_rows(named=True):
        of_sector = [
            effect
            for (company, n), effect in effects.items()
            if SECTOR_OF[company] == row["sector"] and day(n) == row["session_date"]
        ]
        assert row["companies"] == len(of_sector)
        assert cents(row["net_change_usd"]) == sum(cents(effect) for effect in of_sector)
        assert cents(row["losers_usd"]) == sum(max(-cents(effect), 0) for effect in of_sector)
        assert cents(row["gainers_usd"]) == sum(max(cents(effect), 0) for effect in of_sector)
        assert cents(row["gainers_usd"]) - cents(row["losers_usd"]) == cents(row["net_change_usd"])
        assert row["losers"] == sum(effect is not None and effect < 0 for effect in of_sector)
        assert row["gainers"] == sum(effect is not None and effect > 0 for effect in of_sector)
    assert sum(cents(net) for net in added["net_change_usd"]) == sum(map(cents, effects.values()))


@settings(deadline=None, max_examples=25)
@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    effects: dict[tuple[str, int], float | None], random: Random
) -> None:
    rows = [(company, n, effect) for (company, n), effect in effects.items()]
    shuffled = list(rows)
    random.shuffle(shuffled)

    assert moves(caps(*shuffled)).equals(moves(caps(*rows)))
