"""Which input is named as the cause of a change: the nearest that the lineage leads to."""

from datetime import date

import polars as pl

from assets.ops.restatement_causes import explain
from warehouse.restatements import DIFFERENCE_SCHEMA, INPUT_SCHEMA, Differences
from warehouse.schemas import ref

LOSSES = "mart.market_cap_losses"
SECURITIES = pl.DataFrame(
    [{"symbol": s, "name": s, "company_symbol": c, "sector": sector, "sector_scheme": "made up"}
     for s, c, sector in (("A", "A", "Energy"), ("B", "B", "Water"), ("B2", "B", "Water"))],
    schema=ref.Securities.polars_schema(),
)  # fmt: skip

RENAMED = pl.DataFrame(
    [{"old_symbol": "OLD", "new_symbol": "A", "first_session": date(2025, 1, 9), "source": "x"}],
    schema=ref.SymbolChanges.polars_schema(),
)


def day(number: int) -> date:
    return date(2025, 1, number)


def entry(table: str, key: tuple, on: int | None, column: str | None, change: str = "changed"):
    return {
        "table_name": table, "row_key": [str(part) for part in key], "session_date": None,
        "column_name": column, "change": change, "old": "1", "new": "2", "rows": 1,
        "subjects": [part for part in key if isinstance(part, str)],
        "day": None if on is None else day(on),
    }  # fmt: skip


def changed(table: str, *subjects: str, on: int | None = None, what: str = "x 1 -> 2"):
    key = [*subjects, *([str(day(on))] if on else [])]
    return {"table_name": table, "row_key": key, "subjects": list(subjects),
            "day": on and day(on), "what": what}  # fmt: skip


def causes(entries: list[dict], inputs: list[dict], *, is_other_code: bool = False) -> list[tuple]:
    found = Differences(
        pl.DataFrame(entries, schema=DIFFERENCE_SCHEMA), pl.DataFrame(inputs, schema=INPUT_SCHEMA)
    )
    explained = explain(found, SECURITIES, RENAMED, is_other_code=is_other_code)
    assert explained["row_key"].to_list() == [one["row_key"] for one in entries]
    return explained.select("cause_table", "cause_key", "other_causes").rows()


def of(*inputs: dict, column: str | None = "loss_usd", **how: bool) -> tuple:
    (found,) = causes([entry(LOSSES, ("A", day(10)), 10, column)], list(inputs), **how)
    return found


def test_the_same_day_comes_before_an_earlier_one_and_that_before_a_later_one():
    same, before = changed("raw.prices", "A", on=10), changed("raw.prices", "A", on=9)
    after = changed("raw.prices", "A", on=13)
    assert of(after, before, same) == ("raw.prices", ["A", "2025-01-10"], 1)
    assert of(after, before) == ("raw.prices", ["A", "2025-01-09"], 0)
    assert of(after) == ("raw.prices", ["A", "2025-01-13"], 0)


def test_a_session_that_only_came_changes_nothing_of_the_one_before():
    """A close is corrected on the evening on which the next session comes."""
    close, next_bar = changed("raw.prices", "B", on=10), changed(
        "raw.prices", "A", on=13, what="appeared"
    )  # fmt: skip
    assert of(next_bar, close) == ("raw.prices", ["B", "2025-01-10"], 0)
    assert of(next_bar) == ("raw.prices", ["A", "2025-01-13"], 0)
    left = entry(LOSSES, ("A", day(10)), 10, None, "vanished")
    assert causes([left], [next_bar, close]) == [("raw.prices", ["B", "2025-01-10"], 0)]
    came = entry(LOSSES, ("A", day(10)), 10, None, "appeared")
    assert causes([came], [next_bar, close]) == [("raw.prices", ["A", "2025-01-13"], 0)]
    settled = entry(LOSSES, ("A", day(10)), 10, "witness", "settled")
    assert causes([settled], [next_bar, close]) == [("raw.prices", ["A", "2025-01-13"], 0)]


def test_the_own_symbol_comes_before_another_one():
    count, bar = changed("raw.shares_outstanding", "A", on=2), changed("raw.prices", "B", on=10)
    assert of(bar, count) == ("raw.shares_outstanding", ["A", "2025-01-02"], 0)
    assert of(bar) == ("raw.prices", ["B", "2025-01-10"], 0)


def test_what_acts_on_comes_before_a_bar_of_another_week():
    split, bar = changed("raw.splits", "A", on=13), changed("raw.prices", "A", on=31)
    assert of(bar, split)[0] == "raw.splits"
    assert of(bar, changed("raw.shares_outstanding", "A", on=2),
              changed("raw.prices", "A", on=1))[0] == "raw.shares_outstanding"  # fmt: skip


def test_only_what_a_value_is_made_of_or_its_row_rests_on_is_named():
    level, claim = changed("raw.index_levels", "^X", on=10), changed("ref.claims", "file/id")
    assert of(claim) == (None, None, 0)
    (found,) = causes([entry("core.prices", ("A", day(10)), 10, "close")], [level, claim])
    assert found == (None, None, 0)
    # A return is made of closes alone; the count stands behind them.
    assert of(changed("raw.shares_outstanding", "A", on=10), changed("raw.prices", "A", on=10),
              column="loss_return")[0] == "raw.prices"  # fmt: skip


def test_a_line_speaks_for_its_company_and_its_sector():
    bar = changed("raw.prices", "B2", on=10)
    (of_sector, of_company) = causes(
        [entry("mart.sector_moves", ("Water", day(10)), 10, "net_change_usd"),
         entry(LOSSES, ("B", day(10)), 10, "loss_usd")],
        [bar, changed("raw.prices", "A", on=10)],
    )  # fmt: skip
    assert of_sector == of_company == ("raw.prices", ["B2", "2025-01-10"], 0)


def test_rows_that_left_with_their_line_left_because_of_it():
    inputs = [changed("raw.prices", "A", on=10, what="vanished"),
              changed("ref.securities", "A", what="vanished")]  # fmt: skip
    (found,) = causes([entry(LOSSES, ("A", day(10)), 10, None, "vanished")], inputs)
    assert found == ("ref.securities", ["A"], 0)


def test_a_claim_is_explained_by_its_file():
    row = entry("mart.claim_checks", ("file/id", "close to close"), None, None, "appeared")
    assert causes([row], [changed("ref.claims", "file/id", what="appeared")]) == [
        ("ref.claims", ["file/id"], 0)
    ]


def test_another_version_explains_what_no_input_of_the_day_does():
    night = changed("raw.prices", "A", on=13)
    assert of(night, is_other_code=True) == ("code", None, 0)
    assert of(is_other_code=True) == ("code", None, 0)
    assert of() == (None, None, 0)
    assert of(changed("raw.prices", "A", on=10), is_other_code=True)[0] == "raw.prices"
    settled = entry(LOSSES, ("A", day(10)), 10, "witness", "settled")
    assert causes([settled], [night], is_other_code=True)[0][0] == "raw.prices"


def test_what_only_moved_has_no_cause_of_its_own():
    moved = entry(LOSSES, (), None, "rank_to_date", "moved")
    for is_other_code in (True, False):
        (found,) = causes([moved], [changed("raw.prices", "A", on=1)], is_other_code=is_other_code)
        assert found == (None, None, 0)


def test_rows_that_change_their_name_do_so_because_of_that():
    """Whatever else changed of the line on the day: what became of its values is told apart."""
    renamed, bar = changed("ref.symbol_changes", "OLD", on=9), changed("raw.prices", "A", on=6)
    because = ("ref.symbol_changes", ["OLD", "2025-01-09"], 0)
    told = causes(
        [entry(LOSSES, (name, day(6)), 6, column, change) for name, column, change in (
            ("OLD", None, "vanished"), ("A", None, "appeared"), ("A", "loss_usd", "changed"),
            ("B", None, "vanished"))],
        [bar, renamed],
    )  # fmt: skip
    assert told[:2] == [because, because]
    assert told[2] == ("raw.prices", ["A", "2025-01-06"], 0)
    assert told[3][0] == "raw.prices"


def test_a_change_of_name_that_is_taken_back_is_a_cause_too():
    withdrawn = changed("ref.symbol_changes", "GONE", on=9, what="vanished")
    (told,) = causes([entry(LOSSES, ("GONE", day(6)), 6, None, "appeared")], [withdrawn])
    assert told == ("ref.symbol_changes", ["GONE", "2025-01-09"], 0)
