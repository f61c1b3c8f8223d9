from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.ref.decisions import check_contradictions, check_sessions
from assets.ref.reference_files import read_reference
from assets.ref.securities import Universe, check_companies, covered
from warehouse.errors import ReferenceDataError
from warehouse.schemas import Table, ref
from warehouse.schemas.vocabulary import SHARES, InstrumentType, Weighting

SECURITIES = "symbol,name,company_symbol,sector,sector_scheme,industry\n"
INDICES = "index_symbol,name,weighting,effective_from,divisor\n"
DECISIONS = "symbol,as_of_date,decision,reason,source\n"


def read(
    folder: Path,
    text: str | None,
    name: str = "indices",
    model: type[Table] = ref.Indices,
    *,
    optional: bool = False,
) -> pl.DataFrame:
    if text is not None:
        (folder / f"{name}.csv").write_text(text)
    return read_reference(folder, name, model, optional=optional)


def refusal(folder: Path, text: str | None, **options: object) -> ReferenceDataError:
    with pytest.raises(ReferenceDataError) as caught:
        read(folder, text, **options)  # type: ignore[arg-type]
    assert caught.value.next_step
    return caught.value


def test_rows_are_typed_sorted_and_empty_cells_are_null(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        INDICES
        + "^NDX,Nasdaq-100,market cap,2021-01-01,\n^DJI,Dow,price,2024-11-08,0.16268413125742\n",
    )

    assert rows.schema == ref.Indices.polars_schema()
    assert rows.rows() == [
        ("^DJI", date(2024, 11, 8), "Dow", "price", 0.16268413125742),
        ("^NDX", date(2021, 1, 1), "Nasdaq-100", "market cap", None),
    ]


def test_quoted_commas_booleans_and_extra_columns_are_read(tmp_path: Path) -> None:
    text = (
        "index_symbol,symbol,effective_from,units,as_of_date,is_estimate,source,note\n"
        '^GSPC,A,2025-01-02,3527080.0,2025-02-07,true,"shares held by SPY, 2025-02-07",x\n'
        "^DJI,B,2025-01-02,1,2025-01-02,False,exact,\n"
    )

    rows = read(tmp_path, text, name="index_holdings", model=ref.IndexHoldings)

    assert rows["is_estimate"].to_list() == [False, True]
    assert rows["source"].to_list() == ["exact", "shares held by SPY, 2025-02-07"]
    assert "note" not in rows.columns


def test_a_parquet_file_gives_the_rows_of_the_csv_file(tmp_path: Path) -> None:
    text = (
        "index_symbol,symbol,effective_from,units,as_of_date,is_estimate,source,note\n"
        "^GSPC,B,2025-01-02,,2025-02-07,true,shares held by SPY,x\n"
        "^GSPC,A,2025-01-02,3527080.5,2025-02-07,true,shares held by SPY,x\n"
    )
    from_csv = read(tmp_path, text, name="index_holdings", model=ref.IndexHoldings)
    path = tmp_path / "index_holdings.csv"
    pl.read_csv(path, try_parse_dates=True).write_parquet(path.with_suffix(".parquet"))
    path.unlink()

    assert read(tmp_path, None, name="index_holdings", model=ref.IndexHoldings).equals(from_csv)


def test_parquet_and_csv_side_by_side_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"index_symbol": ["^NDX"]}).write_parquet(tmp_path / "indices.parquet")

    error = refusal(tmp_path, INDICES)

    assert error.what == f"{tmp_path}: both indices.parquet and indices.csv are there"
    assert error.next_step == "Keep the one that counts."


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("much", "column divisor holds text, expected Float64"),
        ([1.0], "ref.indices: column divisor is List(Float64), expected Float64"),
    ],
)
def test_a_parquet_column_of_another_type_is_named(tmp_path: Path, cell: object, said: str) -> None:
    row = {
        "index_symbol": ["^NDX"], "name": ["x"], "weighting": ["price"],
        "effective_from": [date(2021, 1, 1)], "divisor": [cell],
    }  # fmt: skip
    path = tmp_path / "indices.parquet"
    pl.DataFrame(row).write_parquet(path)

    assert refusal(tmp_path, None).what == f"{path}: {said}"


def test_a_wrong_row_of_a_parquet_file_is_named(tmp_path: Path) -> None:
    row = {
        "index_symbol": ["^NDX"], "name": ["x"], "weighting": ["by feel"],
        "effective_from": [date(2021, 1, 1)], "divisor": [None],
    }  # fmt: skip
    path = tmp_path / "indices.parquet"
    pl.DataFrame(row).write_parquet(path)

    error = refusal(tmp_path, None)

    assert f"{path}: 1 wrong rows" in error.what
    assert "by feel" in error.what


def test_a_parquet_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "indices.parquet"
    path.write_bytes(b"PAR1 and no more")

    assert f"{path}: cannot be read (16 bytes)" in refusal(tmp_path, None).what


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    error = refusal(tmp_path, None)

    assert str(tmp_path / "indices.csv") in error.what
    assert "CAPSHOCK_REFERENCE_DIR" in error.next_step


def test_a_missing_optional_file_means_no_rows(tmp_path: Path) -> None:
    rows = read(
        tmp_path, None, name="share_count_decisions", model=ref.ShareCountDecisions, optional=True
    )

    assert rows.is_empty()
    assert rows.schema == ref.ShareCountDecisions.polars_schema()


def test_a_missing_folder_is_an_error_even_for_an_optional_file(tmp_path: Path) -> None:
    error = refusal(tmp_path / "nowhere", None, optional=True)

    assert str(tmp_path / "nowhere") in error.what


def test_an_optional_file_that_is_there_is_held_to_its_rules(tmp_path: Path) -> None:
    error = refusal(
        tmp_path,
        DECISIONS + "IP,2025-02-06,perhaps,acquisition,jd\n",
        name="share_count_decisions",
        model=ref.ShareCountDecisions,
        optional=True,
    )

    assert "share_count_decisions.csv" in error.what
    assert "perhaps" in error.what


def test_optional_columns_of_a_file_are_read_and_null_where_it_lacks_them(tmp_path: Path) -> None:
    line = "NVDA,Nvidia,NVDA,IT,GICS,Semiconductors"
    today = read(tmp_path, SECURITIES + line + "\n", name="securities", model=ref.Securities)

    assert today.schema == ref.Securities.polars_schema()
    assert today.select(ref.Securities.optional_names()).row(0) == (None,) * 5

    header = SECURITIES.strip() + ",listed_to,currency,instrument_type\n"
    more = read(
        tmp_path,
        header + line + ",2025-01-27,USD,common\n",
        name="securities",
        model=ref.Securities,
    )

    assert more.select("instrument_type", "currency", "listed_from", "listed_to").row(0) == (
        "common", "USD", None, date(2025, 1, 27),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("instrument_type", "share", "instrument_type: 'share' breaks isin"),
        ("currency", "$", "currency: '$' breaks str_matches"),
        ("listed_to", "soon", "listed_to: 'soon' is not a Date"),
    ],
)
def test_an_optional_column_that_is_there_is_held_to_its_rules(
    tmp_path: Path, column: str, value: str, rule: str
) -> None:
    error = refusal(
        tmp_path,
        SECURITIES.strip() + f",{column}\nNVDA,Nvidia,NVDA,IT,GICS,Semiconductors,{value}\n",
        name="securities",
        model=ref.Securities,
    )

    assert rule in error.what


def test_a_missing_column_is_named_with_those_found(tmp_path: Path) -> None:
    error = refusal(tmp_path, "index_symbol,name,effective_from\n^NDX,x,2021-01-01\n")

    assert str(tmp_path / "indices.csv") in error.what
    assert "divisor, weighting is missing" in error.what
    assert "index_symbol, name, effective_from" in error.what


@pytest.mark.parametrize("text", ["", "index_symbol,name\n^NDX,x,y,z\n"])
def test_an_unreadable_file_is_named(tmp_path: Path, text: str) -> None:
    assert str(tmp_path / "indices.csv") in refusal(tmp_path, text).what


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("^NDX,Nasdaq-100,market cap,2021-13-01,", "effective_from: '2021-13-01' is not a Date"),
        ("^NDX,Nasdaq-100,market cap,2021-01-01,much", "divisor: 'much' is not a Float64"),
        ("^NDX,Nasdaq-100,market cap,2021-01-01,-1", "divisor: '-1.0' breaks greater_than(0)"),
        ("^NDX,,market cap,2021-01-01,", "name: 'null' breaks not_nullable"),
    ],
)
def test_a_wrong_row_is_an_error_that_names_file_rule_and_row(
    tmp_path: Path, row: str, rule: str
) -> None:
    error = refusal(tmp_path, INDICES + "^DJI,Dow,price,2021-01-01,\n" + row + "\n")

    assert str(tmp_path / "indices.csv") in error.what
    assert "1 wrong rows" in error.what
    assert rule in error.what
    assert '"index_symbol": "^NDX"' in error.what


def test_a_weighting_that_is_none_is_refused_with_those_that_are(tmp_path: Path) -> None:
    error = refusal(tmp_path, INDICES + "^NDX,Nasdaq-100,by cap,2021-01-01,\n")

    assert str(tmp_path / "indices.csv") in error.what
    assert "weighting: 'by cap' breaks isin" in error.what
    for weighting in Weighting:
        assert f"'{weighting.value}'" in error.what
    assert '"index_symbol": "^NDX"' in error.what


def test_every_weighting_is_accepted(tmp_path: Path) -> None:
    lines = [f"^{n},Index,{weighting},2021-01-01,\n" for n, weighting in enumerate(Weighting)]

    assert read(tmp_path, INDICES + "".join(lines)).height == len(Weighting)


def test_a_wrong_row_of_a_table_without_a_date_in_its_key_is_named_too(tmp_path: Path) -> None:
    error = refusal(
        tmp_path,
        SECURITIES + "NVDA,,NVDA,IT,GICS,Semiconductors\n",
        name="securities",
        model=ref.Securities,
    )

    assert "securities.csv" in error.what
    assert "name: 'null' breaks not_nullable" in error.what
    assert '"symbol": "NVDA"' in error.what


def test_a_row_whose_date_is_empty_is_named(tmp_path: Path) -> None:
    error = refusal(tmp_path, INDICES + "^NDX,Nasdaq-100,market cap,,\n")

    assert "effective_from: 'null' breaks not_nullable" in error.what
    assert '"index_symbol": "^NDX"' in error.what


def test_two_rows_with_one_key_and_other_values_are_an_error(tmp_path: Path) -> None:
    row = "^NDX,Nasdaq-100,{},2021-01-01,\n"

    error = refusal(tmp_path, INDICES + row.format("market cap") + row.format("price"))

    assert "2 wrong rows" in error.what
    assert "(index_symbol, effective_from)" in error.what


def test_equal_rows_are_one(tmp_path: Path) -> None:
    row = "^NDX,Nasdaq-100,market cap,2021-01-01,\n"

    assert read(tmp_path, INDICES + row + row).height == 1


def securities(**company_of: str) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"symbol": symbol, "name": symbol, "company_symbol": company, "sector": "IT",
             "sector_scheme": "test"}
            for symbol, company in company_of.items()
        ],
        schema=ref.Securities.polars_schema(),
    )  # fmt: skip


def test_a_second_class_points_to_the_line_of_its_company() -> None:
    rows = securities(GOOG="GOOGL", GOOGL="GOOGL")

    assert check_companies(rows).equals(rows)


def test_an_orphan_company_symbol_is_named_with_its_line() -> None:
    with pytest.raises(ReferenceDataError, match="FOX -> FOXA") as caught:
        check_companies(securities(GOOGL="GOOGL", FOX="FOXA"))

    assert "securities: company_symbol" in caught.value.what
    assert "GOOGL" not in caught.value.what
    assert caught.value.next_step


def test_a_split_decision_off_the_calendar_is_named() -> None:
    # Applied on no bar, it would explain a move and turn it into a loss of the whole company.
    decisions = pl.DataFrame(
        {
            "symbol": ["AAA", "BBB"],
            "ex_date": [date(2025, 1, 11), date(2025, 1, 13)],
            "kind": ["split", "split"],
            "ratio": [10.0, 2.0],
            "reason": ["", ""],
            "source": ["", ""],
        }
    )
    with pytest.raises(ReferenceDataError, match="not a session of the exchange: AAA 2025-01-11"):
        check_sessions(decisions)
    assert check_sessions(decisions.tail(1)).height == 1


def test_nothing_and_something_on_one_date_is_a_contradiction_and_two_actions_are_none() -> None:
    def decided(*kinds: str) -> pl.DataFrame:
        return pl.DataFrame({"symbol": "HON", "ex_date": date(2025, 1, 13), "kind": kinds})

    with pytest.raises(ReferenceDataError, match="that something did: HON 2025-01-13"):
        check_contradictions(decided("none", "split"))
    for kinds in (["none"], ["spin_off", "split"]):
        assert check_contradictions(decided(*kinds))["kind"].to_list() == kinds


def test_the_same_kind_twice_on_a_date_is_refused(tmp_path: Path) -> None:
    (tmp_path / "split_decisions.csv").write_text(
        "symbol,ex_date,kind,ratio,reason,source\n"
        "HON,2025-01-13,split,0.5,because,a person\nHON,2025-01-13,split,2,because,a person\n"
    )
    with pytest.raises(ReferenceDataError, match=r"same \(symbol, ex_date, kind\)"):
        read_reference(tmp_path, "split_decisions", ref.SplitDecisions, optional=True)


def test_a_company_line_must_stand_for_itself() -> None:
    chain = pl.DataFrame({"symbol": ["A", "B", "C"], "company_symbol": ["B", "C", "C"]})
    with pytest.raises(ReferenceDataError, match="A -> B"):
        check_companies(chain)


# --- what is a share of a company in dollars ------------------------------------------------------


def described(symbol: str, **what: str) -> dict[str, str]:
    return {"symbol": symbol, "name": symbol, "company_symbol": symbol, "sector": "IT",
            "sector_scheme": "test"} | what  # fmt: skip


def universe(*rows: dict[str, str]) -> Universe:
    return covered(pl.DataFrame(rows, schema=ref.Securities.polars_schema()))


@pytest.mark.parametrize(
    "what", [{}, {"currency": "USD"}, *({"instrument_type": kind} for kind in SHARES)]
)
def test_a_share_in_dollars_is_covered_and_so_is_a_line_that_does_not_say(what) -> None:
    found = universe(described("A", **what))
    assert found.lines["symbol"].to_list() == ["A"]
    assert found.quarantined.is_empty()


@pytest.mark.parametrize("kind", sorted(set(InstrumentType) - set(SHARES)))
def test_whatever_is_no_share_of_a_company_is_refused(kind: str) -> None:
    found = universe(described("A"), described("X", instrument_type=kind, currency="USD"))
    assert found.lines["symbol"].to_list() == ["A"]
    (row,) = found.quarantined.to_dicts()
    assert (row["symbol"], row["rules"], row["status"]) == (
        "X", ["instrument_type: share"], "rejected",
    )  # fmt: skip
    assert f"X is no share of a company, its instrument_type is {kind}" in row["reason"]


@pytest.mark.parametrize("currency", ["EUR", "CZK", "GBp"])
def test_a_line_in_another_currency_is_refused(currency: str) -> None:
    (row,) = universe(described("A"), described("X", currency=currency)).quarantined.to_dicts()
    assert (row["symbol"], row["rules"]) == ("X", ["currency: usd"])
    assert f"X trades in {currency}, not in USD" in row["reason"]


def test_both_reasons_are_said() -> None:
    what = {"currency": "EUR", "instrument_type": "etf"}
    (row,) = universe(described("A"), described("X", **what)).quarantined.to_dicts()
    assert row["rules"] == ["currency: usd", "instrument_type: share"]
    assert "trades in EUR" in row["reason"]
    assert "is etf" in row["reason"]


def test_the_lines_of_a_refused_company_go_with_it() -> None:
    found = universe(
        described("A"),
        described("X", currency="EUR"),
        described("Y", company_symbol="X", currency="USD"),
    )
    assert found.lines["symbol"].to_list() == ["A"]
    reasons = dict(found.quarantined.select("symbol", "reason").rows())
    assert set(reasons) == {"X", "Y"}
    assert "Y stands for the company of X, a line that is refused" in reasons["Y"]


def test_a_refused_line_of_a_company_leaves_the_others() -> None:
    found = universe(described("A"), described("B", company_symbol="A", currency="EUR"))
    assert found.lines["symbol"].to_list() == ["A"]


def test_a_universe_of_which_nothing_is_left_is_an_error() -> None:
    with pytest.raises(ReferenceDataError, match="all 1 lines are refused: X trades in EUR"):
        universe(described("X", currency="EUR"))
