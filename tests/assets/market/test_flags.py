from enum import StrEnum

import polars as pl

from assets.market import flags


class Doubt(StrEnum):
    LATE = "late"
    ODD = "odd"
    LARGE = "large"


def test_flags_are_those_of_the_row_in_their_order_and_the_unknown_is_none() -> None:
    rows = pl.DataFrame({"n": [1, 2, None, 12, 11]})
    raised = {
        Doubt.LARGE: pl.col("n") > 10,
        Doubt.ODD: pl.col("n") % 2 == 1,
        Doubt.LATE: pl.col("n").is_null(),
    }
    found = flags.named(rows.select(flags.mask(raised)).to_series(), raised)
    assert found.name == "flags"
    assert found.to_list() == [["odd"], [], ["late"], ["large"], ["large", "odd"]]


def test_no_rows_have_no_flags_of_the_right_type() -> None:
    raised = {Doubt.ODD: pl.col("n") == 1}
    rows = pl.DataFrame(schema={"n": pl.Int64})
    found = flags.named(rows.select(flags.mask(raised)).to_series(), raised)
    assert found.dtype == pl.List(pl.String)
    assert found.is_empty()
