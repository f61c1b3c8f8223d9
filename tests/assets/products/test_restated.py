"""What a run says of what it changed."""

import polars as pl

from assets.products.restated import Restated


def restated(leading: dict | None = None, renamed: list[tuple] | None = None, values: int = 0):
    counted = [("changed", "mart.market_caps", values)] if values else []
    return Restated(
        pl.DataFrame(
            counted,
            schema={"change": pl.String, "table_name": pl.String, "rows": pl.Int64},
            orient="row",
        ),
        pl.DataFrame(
            renamed or [],
            schema={"old_symbol": pl.String, "new_symbol": pl.String,
                    "is_taken_back": pl.Boolean, "rows": pl.Int64},
            orient="row",
        ),
        pl.DataFrame(
            schema={"side": pl.String, "old_usd": pl.Float64, "new_usd": pl.Float64,
                    "record": pl.String}
        ),
        leading,
    )  # fmt: skip


def test_a_cause_whose_key_is_in_part_unknown_is_named():
    """A source that does not say of what kind a split is leaves a null in its key."""
    row = {
        "table_name": "mart.market_caps", "row_key": ["BBB", "2025-01-17"], "change": "changed",
        "column_name": "flags", "old": "[]", "new": "[disputed_price]",
        "cause_table": "raw.splits", "cause_key": ["BBB", "2025-01-17", None], "cause": "appeared",
    }  # fmt: skip
    said = restated(row, values=1).sentence()
    assert said is not None
    assert "because of raw.splits BBB 2025-01-17: appeared" in said


def test_names_are_told_before_numbers_and_alone_where_none_changed():
    now, again = ("FB", "META", False, 291), ("EEE", "CCC", True, 1031)
    assert restated(renamed=[now, again]).sentence() == (
        "FB is called META now, and 291 published rows with it; EEE is called CCC again, and "
        "1,031 published rows with it (ops.restatements)"
    )
    assert restated().sentence() is None
