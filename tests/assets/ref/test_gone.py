"""What has gone from a reference file is named: the first of many, and how many more."""

import polars as pl

from assets.ref.gone import NAMED, gone, some, told


def test_of_many_the_first_are_named_and_the_rest_counted():
    names = [f"S{n}" for n in range(NAMED + 3)]

    assert some(names[:2]) == "S0, S1"
    assert some(names[:NAMED]) == ", ".join(names[:NAMED])
    assert some(names) == ", ".join(names[:NAMED]) + " and 3 more"


def test_of_many_rows_the_first_have_a_sentence_and_the_rest_are_counted():
    rows = pl.DataFrame({"symbol": [f"S{n}" for n in range(NAMED + 3)]})

    def say(symbol: str) -> str:
        return f"{symbol} is gone."

    sentences = tuple(say(symbol) for symbol in rows["symbol"])
    assert told(rows.head(NAMED), say) == sentences[:NAMED]
    assert told(rows, say) == (*sentences[:NAMED], "and 3 more like the last.")


def test_a_row_is_gone_where_none_of_its_key_is_there_and_null_is_a_key():
    held = pl.DataFrame({"symbol": ["C", "B", "A", None], "name": ["c", "b", "a", "of the index"]})
    rows = pl.DataFrame({"symbol": ["B", None], "name": ["anew", "of the index"]})

    assert gone(held, rows, ["symbol"])["symbol"].to_list() == ["A", "C"]
