"""A value that has landed stays where the same bar comes again without it."""

from datetime import date

import polars as pl

from assets.raw.prices import with_values_known

DAY = date(2025, 1, 8)


def bars(*rows: tuple[str, float | None, float, int | None]) -> pl.DataFrame:
    schema = {"symbol": pl.String, "low": pl.Float64, "close": pl.Float64, "volume": pl.Int64}
    told = pl.DataFrame(rows, schema=schema, orient="row")
    return told.with_columns(session_date=DAY, open="close", high="close")


def test_what_a_source_leaves_out_of_a_bar_it_has_not_unmade():
    landed = bars(("AAA", 9.0, 10.0, 500), ("BBB", 9.0, 10.0, 500), ("CCC", 9.0, 10.0, 500))
    # BBB has another close: it is another bar. CCC is whole, and revised.
    came = bars(("AAA", None, 10.0, None), ("BBB", 8.0, 9.5, None), ("CCC", 8.0, 10.0, 600))
    kept = with_values_known(came, landed)
    assert kept.select("symbol", "low", "volume").rows() == [
        ("AAA", 9.0, 500), ("BBB", 8.0, None), ("CCC", 8.0, 600),
    ]  # fmt: skip
    assert with_values_known(came, landed.clear()).equals(came)
