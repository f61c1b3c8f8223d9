"""Changes of names as they are read, and what else the reference files say under old names."""

from datetime import date

import polars as pl
import pytest

from assets.market.names import names_of
from assets.ref.claims.models import Claim, ClaimsFile
from assets.ref.claims.table import in_present_names
from assets.ref.securities import universe_of
from assets.ref.symbol_changes import check_changes, read_under_present_names
from warehouse.errors import ReferenceDataError
from warehouse.schemas import ref

MONDAY = date(2025, 1, 13)


def _changes(*rows: tuple) -> pl.DataFrame:
    told = [(*row, "a test") for row in rows]
    return pl.DataFrame(told, schema=ref.SymbolChanges.polars_schema(), orient="row")


def _lines(*symbols: str | tuple) -> pl.DataFrame:
    told = [s if isinstance(s, tuple) else (s, s) for s in symbols]
    rows = [
        {name: {"symbol": symbol, "company_symbol": company}.get(name) for name in
         ref.Securities.names()}
        for symbol, company in told
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=ref.Securities.polars_schema())


def test_a_change_that_is_none_and_one_off_the_calendar_are_refused():
    with pytest.raises(ReferenceDataError, match="no change of name: CCC to CCC on 2025-01-13"):
        check_changes(_changes(("CCC", "CCC", MONDAY)))
    with pytest.raises(ReferenceDataError, match=r"not a session .*: CCC to DDD on 2025-01-12"):
        check_changes(_changes(("CCC", "DDD", date(2025, 1, 12))))


def test_lines_and_the_lines_of_companies_stand_under_their_present_names():
    universe = universe_of(
        _lines("CCC", ("CCC-B", "CCC"), "NVDA"), _changes(("CCC", "DDD", MONDAY))
    )
    assert universe.lines.select("symbol", "company_symbol").rows() == [
        ("CCC-B", "DDD"), ("DDD", "DDD"), ("NVDA", "NVDA"),
    ]  # fmt: skip
    both = _changes(("A", "C", date(2025, 1, 6)), ("C", "B", MONDAY))
    with pytest.raises(ReferenceDataError, match=r"two lines of one company.*: [AC] is B now"):
        universe_of(_lines("A", "C"), both)


def test_a_member_under_two_of_its_names_is_refused(tmp_path):
    (tmp_path / "index_holdings.csv").write_text(
        "index_symbol,symbol,effective_from,units,as_of_date,is_estimate,source\n"
        "^IDX,CCC,2025-01-06,1,2025-01-06,false,x\n^IDX,DDD,2025-01-13,1,2025-01-13,false,x\n"
    )
    names = names_of(_changes(("CCC", "DDD", MONDAY)), _lines("DDD"))

    def read() -> pl.DataFrame:
        return read_under_present_names(
            tmp_path, "index_holdings", ref.IndexHoldings, names, optional=False
        )

    assert read()["symbol"].to_list() == ["DDD", "DDD"]
    with (tmp_path / "index_holdings.csv").open("a") as file:
        file.write("^IDX,DDD,2025-01-06,1,2025-01-06,false,x\n")
    with pytest.raises(ReferenceDataError, match="under two of its names: CCC and DDD, 2025-01-06"):
        read()


def test_an_article_speaks_of_a_company_by_the_name_of_its_day():
    article = ClaimsFile(
        title="What fell", outlet="An outlet", date=date(2025, 1, 11), groups={"all": ["CCC"]},
        claims=[Claim(id="fell", statement="CCC fell", metric="direction", company="CCC",
                      session=date(2025, 1, 10), claimed="fell")],
    )  # fmt: skip
    told = in_present_names(article, names_of(_changes(("CCC", "DDD", MONDAY)), _lines("DDD")))
    assert (told.claims[0].company, told.groups) == ("DDD", {"all": ["DDD"]})
    assert told.claims[0].statement == "CCC fell"
