"""Several actions of a line on one date, as a source delivers them."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.raw.corporate_actions import one_of_a_kind
from assets.raw.delivery import first_gate
from assets.sources.files import FilesSource
from warehouse.schemas import raw
from warehouse.validation import Gated

CLOSED = date(2026, 7, 1)
HON = "HON,2026-06-29"


def delivered(folder: Path, text: str) -> Gated:
    """A file of splits, read and passed through the first gate."""
    (folder / "splits.csv").write_text(text)
    rows = FilesSource(folder).splits({}).rows
    return one_of_a_kind(first_gate(rows, raw.Splits, ["HON", "GE"], CLOSED))


def test_a_spin_off_and_a_reverse_split_of_one_date_are_two_rows(tmp_path: Path) -> None:
    told = delivered(
        tmp_path, f"symbol,ex_date,ratio,kind\n{HON},1.907,spin_off\n{HON},0.5,split\n"
    )
    assert told.quarantined.is_empty()
    assert told.passed.select("ratio", "kind").rows() == [(1.907, "spin_off"), (0.5, "split")]


def test_a_file_without_the_column_is_read_as_before(tmp_path: Path) -> None:
    told = delivered(tmp_path, "symbol,ex_date,ratio\nGE,2023-01-04,1.281\nGE,2021-08-02,0.125\n")
    assert told.passed.select("ratio", "kind").rows() == [(1.281, None), (0.125, None)]
    rows = pl.DataFrame({"symbol": ["GE"], "ex_date": [date(2023, 1, 4)], "ratio": [1.281]})
    (tmp_path / "splits.csv").unlink()
    rows.write_parquet(tmp_path / "splits.parquet")
    (row,) = FilesSource(tmp_path).splits({}).rows.rows(named=True)
    assert (row["ratio"], row["kind"]) == (1.281, None)


def test_an_empty_kind_beside_a_said_one_is_told_by_its_ratio(tmp_path: Path) -> None:
    told = delivered(tmp_path, f"symbol,ex_date,ratio,kind\n{HON},1.907,\n{HON},0.5,split\n")
    assert told.passed["kind"].to_list() == [None, "split"]


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        ("0.5,", "0.5,split", "conflicting_duplicate"),  # both a split, one by its ratio
        ("1.907,", "1.281,spin_off", "conflicting_duplicate"),
        ("2,split", "3,split", "conflicting_duplicate"),
        ("1.907,", "0.5,", "conflicting_duplicate"),  # nobody says that these are two actions
    ],
)
def test_two_of_a_kind_on_one_date_are_both_rejected(
    tmp_path: Path, first: str, second: str, rule: str
) -> None:
    text = f"symbol,ex_date,ratio,kind\n{HON},{first}\n{HON},{second}\nGE,2023-01-04,1.281,\n"
    told = delivered(tmp_path, text)
    assert told.passed["symbol"].to_list() == ["GE"]
    assert told.quarantined["rules"].to_list() == [[rule], [rule]]
    assert told.received == told.passed.height + told.quarantined["occurrences"].sum()


def test_a_word_that_is_no_kind_costs_its_row_alone(tmp_path: Path) -> None:
    told = delivered(tmp_path, f"symbol,ex_date,ratio,kind\n{HON},2,none\nGE,2023-01-04,1.281,\n")
    assert told.passed["symbol"].to_list() == ["GE"]
    assert told.quarantined["status"].to_list() == ["rejected"]
