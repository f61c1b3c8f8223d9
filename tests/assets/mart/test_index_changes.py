"""Who joined, left and was renamed between two sets, and what the reference data know of it."""

from datetime import date

import polars as pl

from assets.market.names import names_of
from assets.mart.index_changes import index_changes, renamed_members
from warehouse.schemas import core, mart, ref
from warehouse.validation import validate

FIRST, SECOND, THIRD = date(2024, 1, 2), date(2024, 3, 18), date(2024, 6, 24)


def _rows(model, *rows: dict) -> pl.DataFrame:
    schema = model.polars_schema()
    return pl.DataFrame([{n: row.get(n) for n in schema} for row in rows], schema=schema)


def _sets(*sets: tuple, index: str = "^X", estimated: tuple = ()) -> pl.DataFrame:
    return _rows(
        ref.IndexHoldings,
        *(
            {"index_symbol": index, "effective_from": day, "symbol": symbol, "units": units,
             "as_of_date": day, "is_estimate": day in estimated, "source": "made up"}
            for day, members in sets
            for symbol, units in members.items()
        ),
    )  # fmt: skip


def _line(symbol: str, **more) -> dict:
    return {"symbol": symbol, "name": symbol, "company_symbol": symbol, "sector": "Energy",
            "sector_scheme": "made up"} | more  # fmt: skip


def _changes(holdings, *lines: dict, actions=(), renamed=()) -> list[tuple]:
    securities = _rows(ref.Securities, *lines)
    changes = pl.DataFrame(
        [(*change, "a test") for change in renamed],
        schema=ref.SymbolChanges.polars_schema(),
        orient="row",
    )
    indices = _rows(
        ref.Indices,
        {"index_symbol": "^X", "effective_from": FIRST, "name": "X", "weighting": "market cap"},
    )
    frame = index_changes(
        holdings,
        indices,
        securities,
        _rows(core.CorporateActions, *actions),
        renamed_members(holdings, changes, names_of(changes, securities)),
    )
    validate(frame, mart.IndexChanges)
    return frame.select("effective_from", "symbol", "change", "reason", "explanation").rows()


def test_sets_differ_by_who_joined_and_who_left():
    holdings = _sets(
        (FIRST, {"A": 1.0, "B": 2.0}), (SECOND, {"A": 1.5, "C": 3.0}), (THIRD, {"A": 1.0, "B": 2.0})
    )
    # Of an index that nobody follows nothing is told; nor of a first set, nor of other units.
    strange = _sets((FIRST, {"A": 1.0}), (SECOND, {"B": 1.0}), index="^Y")
    assert _changes(pl.concat([holdings, strange]), *map(_line, "ABC")) == [
        (SECOND, "B", "left", None, None),
        (SECOND, "C", "joined", None, None),
        (THIRD, "B", "joined", None, None),
        (THIRD, "C", "left", None, None),
    ]


def test_a_listing_that_ends_or_begins_and_a_spin_off_explain_a_change():
    holdings = _sets(
        (FIRST, {"A": 1, "DEAD": 2, "OLD": 1}), (SECOND, {"A": 1, "NEW": 3, "SPUN": 1})
    )
    spun = {"symbol": "A", "ex_date": date(2024, 3, 14), "ratio": 1.2, "kind": "spin_off"}
    lines = (
        _line("A"),
        _line("DEAD", listed_to=date(2024, 3, 15), delisting_reason="acquired by A"),
        # It went on trading for months: the index let it go by its own choice.
        _line("OLD", listed_to=THIRD),
        _line("NEW", listed_from=date(2024, 2, 1)),
        _line("SPUN", listed_from=date(2024, 3, 12)),
    )
    assert _changes(holdings, *lines, actions=(spun,)) == [
        (SECOND, "DEAD", "left", "delisted", "last session 2024-03-15: acquired by A"),
        (SECOND, "NEW", "joined", "newly_listed", "listed since 2024-02-01"),
        (SECOND, "OLD", "left", None, None),
        (SECOND, "SPUN", "joined", "spun_off", "spun off from A on 2024-03-14"),
    ]
    # Two companies spun something off then: who can tell?
    both = (spun, spun | {"symbol": "OLD", "ex_date": date(2024, 3, 13)})
    assert _changes(holdings, *lines, actions=both)[3][3] == "newly_listed"


def test_a_member_that_is_renamed_has_neither_joined_nor_left():
    holdings = _sets((FIRST, {"META": 1.0, "A": 1.0}), (THIRD, {"META": 1.0}))
    changes = [("FB", "META", SECOND), ("XX", "A", THIRD), ("YY", "FB", THIRD)]
    assert _changes(holdings, _line("META"), _line("A"), _line("FB"), renamed=changes) == [
        (SECOND, "META", "renamed", "symbol_change", "FB is called META since"),
        (THIRD, "A", "left", None, None),
    ]
