"""How the command line writes amounts, tables and paths."""

from pathlib import Path

import pytest

from assets.products.console import Unit, new_table, short_path


@pytest.mark.parametrize(
    ("dollars", "unit", "written"),
    [([2.5e8, -1e9], "bn USD", "0.25"), ([2.5e8, -9.99e8], "m USD", "250.00"), ([], "m USD", "")],
)
def test_a_column_is_in_billions_where_one_of_its_amounts_is(dollars, unit, written):
    fitting = Unit.fitting(dollars)

    assert fitting.name == unit
    assert [fitting.write(usd) for usd in dollars[:1]] == [written] * bool(dollars)


def test_a_sign_is_written_where_it_is_asked_for_and_never_before_nothing():
    unit = Unit.fitting([1e9])

    assert unit.write(1.5e9) == "1.50"
    assert [unit.write(usd, signed=True) for usd in (1.5e9, -1.5e9)] == ["+1.50", "-1.50"]
    assert {unit.write(usd, signed=True) for usd in (0.0, 1e6, -1e6)} == {"0.00"}


def test_text_stands_on_the_left_numbers_on_the_right_and_flags_may_wrap():
    columns = new_table("", "company", "loss", "return", "flags").columns

    assert [column.justify for column in columns] == ["left", "left", "right", "right", "left"]
    assert [column.no_wrap for column in columns] == [True, True, True, True, False]


def test_a_path_is_as_one_types_it_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert short_path(tmp_path / "a" / "market.duckdb") == Path("a/market.duckdb")
    assert short_path(tmp_path.parent / "b") == tmp_path.parent / "b"
