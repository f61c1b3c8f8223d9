"""A name stands for a company for a time: chains, swaps, and names that others take later."""

from datetime import date

import polars as pl
import pytest

from assets.market.names import Former, names_of, with_taken_back
from warehouse.errors import ReferenceDataError

FIRST, SECOND, THIRD = date(2022, 1, 10), date(2023, 1, 10), date(2024, 1, 10)
BEFORE, BETWEEN, AFTER = date(2021, 6, 1), date(2022, 6, 1), date(2024, 6, 3)


def _changes(*changes: tuple) -> pl.DataFrame:
    return pl.DataFrame(
        [(*change, "a test") for change in changes],
        schema={"old_symbol": pl.String, "new_symbol": pl.String, "first_session": pl.Date,
                "source": pl.String},
        orient="row",
    )  # fmt: skip


def _lines(*lines: str | tuple) -> pl.DataFrame:
    told = [line if isinstance(line, tuple) else (line, None) for line in lines]
    return pl.DataFrame(told, schema={"symbol": pl.String, "listed_from": pl.Date}, orient="row")


def _names(*changes: tuple, lines: tuple = ()):
    return names_of(_changes(*changes), _lines(*lines))


def _on(names, *asked: tuple) -> list[str]:
    return [names.on(name, day) for name, day in asked]


def test_a_company_is_one_through_its_names():
    names = _names(("FB", "META", FIRST), lines=("META", "NVDA"))
    days = (BEFORE, FIRST, AFTER)
    assert _on(names, *(("FB", day) for day in days)) == ["META"] * 3
    assert _on(names, *(("META", day) for day in days)) == ["META"] * 3
    assert _on(names, ("NVDA", BEFORE), ("FBX", AFTER)) == ["NVDA", "FBX"]
    assert names.former == {"META": (Former("FB", FIRST),)}


def test_a_chain_of_names():
    names = _names(("B", "C", SECOND), ("A", "B", FIRST), lines=("C",))
    assert _on(names, ("A", BEFORE), ("B", BETWEEN), ("C", AFTER), ("B", BEFORE)) == ["C"] * 4
    assert names.former == {"C": (Former("B", SECOND), Former("A", FIRST))}
    back = _names(("A", "B", FIRST), ("B", "A", SECOND), lines=("A",))
    assert _on(back, ("A", BEFORE), ("B", BETWEEN), ("A", AFTER)) == ["A"] * 3
    assert back.former == {"A": (Former("B", SECOND),)}


def test_two_companies_swap_their_names():
    names = _names(("A", "B", FIRST), ("B", "A", FIRST), lines=("A", "B"))
    assert _on(names, ("A", BEFORE), ("B", BEFORE), ("A", FIRST), ("B", AFTER)) == [
        "B", "A", "A", "B",
    ]  # fmt: skip
    # A live source knows both by their names of today alone.
    assert names.former == {}


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ([("FB", "META", FIRST)], ("FB", "META")),
        ([("FB", "META", FIRST)], (("FB", SECOND),)),
        ([("FB", "META", FIRST), ("ZZ", "FB", SECOND)], ("FB", "META")),
    ],
    ids=["both are lines", "listed since", "another one is renamed"],
)
def test_a_name_that_another_company_takes_later(changes, lines):
    names = _names(*changes, lines=lines)
    assert _on(names, ("FB", BEFORE), ("FB", AFTER), ("META", AFTER)) == ["META", "FB", "META"]
    assert "META" not in names.former


def test_a_company_that_has_ended_leaves_its_name_by_a_line_of_its_own():
    taken = ("IIVI", "COHR", SECOND)
    # Coherent ended on 2022-07-01; II-VI took its name in September.
    names = _names(("COHR", "COHR.1", FIRST), taken, lines=("COHR", "COHR.1"))
    assert _on(names, ("COHR", BEFORE), ("IIVI", BEFORE), ("COHR", AFTER)) == [
        "COHR.1", "COHR", "COHR",
    ]  # fmt: skip
    with pytest.raises(ReferenceDataError, match="IIVI takes the name COHR on 2023-01-10") as told:
        _names(("OLD", "COHR", FIRST), taken)
    assert "COHR,COHR.1,2023-01-10" in told.value.next_step


def test_rows_keep_their_order_and_say_under_which_name_they_came():
    names = _names(("FB", "META", FIRST), ("A", "B", FIRST), ("B", "A", FIRST))
    rows = pl.DataFrame(
        [
            ("NVDA", BEFORE, 1),
            ("FB", BEFORE, 2),
            ("META", AFTER, 3),
            ("B", BEFORE, 4),
            ("FB", None, 5),
        ],
        schema=["symbol", "day", "n"],
        orient="row",
    )  # fmt: skip
    assert names.present(rows, "symbol", pl.col("day")).rows() == [
        ("NVDA", BEFORE, 1, None),
        ("META", BEFORE, 2, "FB"),
        ("META", AFTER, 3, None),
        ("A", BEFORE, 4, "B"),
        ("FB", None, 5, None),
    ]


FB, META, TYPO = ("FB", "META", FIRST), ("META", "FB2", SECOND), ("FB", "METAA", FIRST)


@pytest.mark.parametrize(
    ("before", "now", "lines", "landed"),
    [
        pytest.param([FB], [], ("FB",), {"FB": "FB", "META": "FB"}, id="taken back"),
        pytest.param([FB, META], [], ("FB",), {"FB": "FB", "META": "FB", "FB2": "FB"},
                     id="a chain, whole"),
        pytest.param([FB, META], [FB], ("META",), {"FB": "META", "META": "META", "FB2": "META"},
                     id="a chain, its last link"),
        pytest.param([TYPO], [FB], ("META",), {"FB": "META", "METAA": "META"},
                     id="corrected: the new name was wrong"),
        pytest.param([("FBX", "META", FIRST)], [FB], ("META", "FBX"),
                     {"FBX": "FBX", "FB": "META", "META": "META"},
                     id="corrected: the old name was wrong"),
        pytest.param([FB], [("FB", "META", SECOND)], ("META",), {"FB": "META", "META": "META"},
                     id="corrected: another date"),
        pytest.param([("A", "B", FIRST), ("B", "A", FIRST)], [], ("A", "B"),
                     {"A": "A", "B": "B"}, id="a swap"),
        pytest.param([FB], [], ("NVDA",), {"FB": "FB", "META": "META"}, id="the line is gone too"),
        pytest.param([], [FB], ("META",), {"FB": "META", "META": "META"}, id="nothing taken back"),
    ],
)  # fmt: skip
def test_what_has_landed_under_a_name_that_was_taken_back_is_its_companys(
    before, now, lines, landed
):
    names = names_of(_changes(*now), _lines(*lines))
    of_landed = with_taken_back(names, _changes(*before), _changes(*now), _lines(*lines))
    assert {name: of_landed.of_landed().now(name) for name in landed} == landed
    # What comes is not meant by it: a name that nobody has stands for itself.
    assert of_landed.spans.equals(names.spans)
