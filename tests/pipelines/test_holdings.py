"""Holdings from funds' files: what is read, what is refused, and that refusing changes nothing."""

import io
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from rich.console import Console

from assets.ref.reference_files import read_reference
from assets.sources.funds.files import read_fund_file
from pipelines import cli
from pipelines.holdings import import_holdings, report_import
from pipelines.settings import Settings
from warehouse.errors import HoldingsFileError, ReferenceDataError
from warehouse.schemas import ref

SECURITIES = ("AAA", "BBB", "BRK-B", "CCC", "DDD")
BEFORE = (
    "index_symbol,symbol,effective_from,units,as_of_date,is_estimate,source\n"
    '^GSPC,AAA,2025-01-02,1.0,2025-01-02,false,"by hand, as it was"\n'
    '^GSPC,EEE,2025-01-02,2.50,2025-01-02,false,"by hand, as it was"\n'
    "^NDX,AAA,2025-02-07,7.0,2025-02-07,true,another index\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "reference"
    place.mkdir()
    (place / "indices.csv").write_text(
        "index_symbol,name,weighting,effective_from,divisor\n"
        "^GSPC,S&P 500,market cap,2021-01-01,\n^NDX,Nasdaq-100,modified market cap,2021-01-01,\n"
        "^DJI,Dow,price,2021-01-01,0.16\n"
    )
    (place / "securities.csv").write_text(
        "symbol,name,company_symbol,sector,sector_scheme,industry\n"
        + "".join(f"{s},{s} Inc.,{s},Energy,made up,\n" for s in SECURITIES)
    )
    (place / "index_holdings.csv").write_text(BEFORE)
    return place


def settings(folder: Path) -> Settings:
    return Settings(_env_file=None, reference_dir=folder, warehouse=folder.parent / "market.duckdb")


def take(folder: Path, file: Path, index: str | None = None, since: str | None = None):
    return import_holdings(
        settings(folder), file, index, date.fromisoformat(since) if since else None
    )


def stored(folder: Path, index: str = "^GSPC", since: str = "2025-02-07") -> pl.DataFrame:
    held = read_reference(folder, "index_holdings", ref.IndexHoldings, optional=False)
    return held.filter(
        (pl.col("index_symbol") == index) & (pl.col("effective_from") == date.fromisoformat(since))
    )


def units(held: pl.DataFrame) -> dict[str, float]:
    return dict(held.select("symbol", "units").rows())


def command(folder: Path, monkeypatch, *arguments: str) -> int:
    """Call ``capshock holdings import`` and return its exit code."""
    monkeypatch.setenv("CAPSHOCK_REFERENCE_DIR", str(folder))
    monkeypatch.setattr("sys.argv", ["capshock", "holdings", "import", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def _said(capsys) -> str:
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


# --- files as the fund companies lay them out, of companies that do not exist -------------------

SSGA_HEADER = (
    "Name", "Ticker", "Identifier", "SEDOL", "Weight", "Sector", "Shares Held", "Local Currency",
)  # fmt: skip
SSGA_ROWS = (
    ("ALPHA INC", "AAA", "1", "1", 60.0, "-", 6000.0, "USD"),
    ("BERKSHIRE", "BRK.B", "2", "2", 30.0, "-", 3000.5, "USD"),
    ("GAMMA", "CCC", "3", "3", 9.9, "-", 1000.0, "USD"),
    ("DELTA PROPERTIES W/I", "DDW", "4", "4", 0.05, "-", 10.0, "USD"),
    ("US DOLLAR", "-", "999USDZ92", "-", 0.05, "-", 444.0, "USD"),
)


def ssga(
    folder: Path, rows=SSGA_ROWS, fund: str = "SPY", day: str = "As of 07-Feb-2025",
    header=SSGA_HEADER,
) -> Path:  # fmt: skip
    path = folder.parent / "holdings.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("holdings")
        above = [("Fund Name:", f"A Fund ({fund})"), ("Ticker Symbol:", fund), ("Holdings:", day)]
        lines = [*above, (), header, *rows, (), ("Past performance is no reliable indicator.",)]
        for place, line in enumerate(lines):
            sheet.write_row(place, 0, line)
    return path


def ishares(folder: Path, rows: str | None = None, day: str = '"Feb 07, 2025"') -> Path:
    path = folder.parent / "IVV.csv"
    table = rows or (
        '"AAA","ALPHA","Energy","Equity","1,000.00","90.00","1,000.00","1,234.00","10.00"\n'
        '"BRKB","BERKSHIRE","Energy","Equity","100.00","9.80","100.00","50.00","2.00"\n'
        '"USD","USD CASH","Cash and/or Derivatives","Cash","2.00","0.20","2.00","2.00","100.00"\n'
        '"ESH5","EMINI","Cash and/or Derivatives","Futures","-9.00","0.00","5.00","-4.00","6.00"\n'
    )
    path.write_text(
        "\ufeffiShares Core S&P 500 ETF\n"
        f'Fund Holdings as of,{day}\nInception Date,"May 15, 2000"\n\xa0\n'
        "Ticker,Name,Sector,Asset Class,Market Value,Weight (%),Notional Value,Quantity,Price\n"
        f'{table}\xa0\n"The content contained herein, is owned or licensed."\n',
        encoding="utf-8",
    )
    return path


INVESCO_HEADER = (
    "Fund Ticker,Security Identifier,Holding Ticker,Shares/Par Value,MarketValue,Weight,Name,"
    "Class of Shares,Sector,Date"
)


def invesco(folder: Path, header: str = INVESCO_HEADER, fund: str = "QQQ") -> Path:
    path = folder.parent / "invesco.csv"
    lines = (
        f'{fund},1,AAA     ,"9,000","90,000.00",90.0,Alpha,Common Stock,Energy,02/07/2025',
        f'{fund},2,CCC     ,"1,000","9,900.00",9.9,Gamma,ADR,Energy,02/07/2025',
        f'{fund},3,USD     ,"99","99.00",0.1,Cash,Currency,,02/07/2025',
    )
    if "Shares/Par Value" not in header:
        lines = tuple(_without_shares(line) for line in lines)
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def _without_shares(line: str) -> str:
    cells = line.split('"')
    return f'{cells[0]}{cells[2][1:]}"{cells[3]}"{cells[4]}'


# --- what is read -------------------------------------------------------------------------------


def test_ssgas_workbook(folder):
    done = take(folder, ssga(folder))
    assert (done.file.provider, done.file.fund, done.index_symbol) == ("SSGA", "SPY", "^GSPC")
    held = stored(folder)
    assert units(held) == {"AAA": 6000.0, "BRK-B": 3000.5, "CCC": 1000.0}
    assert set(held["as_of_date"]) == {date(2025, 2, 7)}
    assert set(held["is_estimate"]) == {False}
    assert held["source"][0].startswith("shares held by SPY, 2025-02-07 (holdings.xlsx, sha-256 ")
    left_out = done.file.rows.drop_nulls("left_out")["left_out"].to_list()
    assert left_out == ["when-issued DDW", "US DOLLAR"]


def test_isharess_csv(folder):
    done = take(folder, ishares(folder))
    assert (done.file.provider, done.file.fund) == ("iShares", "IVV")
    assert units(stored(folder)) == {"AAA": 1234.0, "BRK-B": 50.0}
    assert done.file.rows.drop_nulls("left_out")["left_out"].to_list() == ["Cash", "Futures"]


def test_invescos_csv(folder):
    done = take(folder, invesco(folder))
    assert (done.file.provider, done.file.fund, done.index_symbol) == ("Invesco", "QQQ", "^NDX")
    assert units(stored(folder, "^NDX")) == {"AAA": 9000.0, "CCC": 1000.0}
    assert done.replaced


def test_other_sets_stay_as_they_are_written(folder):
    take(folder, ssga(folder))
    after = (folder / "index_holdings.csv").read_text()
    assert after.startswith(BEFORE)
    take(folder, ssga(folder, rows=(*SSGA_ROWS[:2], ("G", "CCC", "3", "3", 10, "-", 5, "USD"))))
    assert units(stored(folder))["CCC"] == 5.0
    assert (folder / "index_holdings.csv").read_text().startswith(BEFORE)
    take(folder, invesco(folder))
    assert "^NDX,AAA,2025-02-07,7.0" not in (folder / "index_holdings.csv").read_text()


def test_a_set_that_is_to_hold_before_its_date_is_an_estimate(folder):
    take(folder, ssga(folder), since="2025-01-15")
    held = stored(folder, since="2025-01-15")
    assert set(held["is_estimate"]) == {True}
    assert set(held["as_of_date"]) == {date(2025, 2, 7)}


def test_weights_over_the_files_own_close_are_an_estimate(folder):
    rows = "\n".join(
        f'"{s}","{s}","Energy","Equity","1","{w}","1","-","{price}"'
        for s, w, price in (("AAA", 60, 20), ("BBB", 40, 10))
    )
    take(folder, ishares(folder, rows + "\n"))
    held = stored(folder)
    assert units(held) == {"AAA": 3.0, "BBB": 4.0}
    assert set(held["is_estimate"]) == {True}
    assert held["source"][0].startswith("weights of IVV over the close, 2025-02-07")


def test_weights_without_shares_or_close_take_the_close_from_the_warehouse(folder, small):
    header = INVESCO_HEADER.replace("Shares/Par Value,", "")
    path = invesco(folder, header)
    path.write_text(path.read_text().replace("02/07/2025", "01/10/2025"))
    before = (folder / "index_holdings.csv").read_bytes()
    with pytest.raises(HoldingsFileError, match=r"2 members have no close on 2025-01-10"):
        take(folder, path)
    assert (folder / "index_holdings.csv").read_bytes() == before
    with_warehouse = settings(folder).model_copy(update={"warehouse": small.settings.warehouse})
    import_holdings(with_warehouse, path, None, None)
    # AAA closed at 45 and CCC at 10.2 on that day.
    assert units(stored(folder, "^NDX", "2025-01-10")) == pytest.approx(
        {"AAA": 90 / 45, "CCC": 9.9 / 10.2}
    )


def test_a_price_weighted_index_has_one_unit_each_of_equal_shares(folder):
    held = {"AAA": 5000, "BBB": 5010, "CCC": 5000, "DDD": 4990}
    rows = [("A", symbol, "1", "1", 25.0, "-", shares, "USD") for symbol, shares in held.items()]
    take(folder, ssga(folder, rows, "DIA"))
    assert units(stored(folder, "^DJI")) == dict.fromkeys(("AAA", "BBB", "CCC", "DDD"), 1.0)
    rows[3] = ("A", "DDD", "1", "1", 25.0, "-", 9000, "USD")
    with pytest.raises(HoldingsFileError, match=r"holds 9000 of DDD and 5005 of the others"):
        take(folder, ssga(folder, rows, "DIA"), since="2025-03-03")


@pytest.mark.parametrize("ticker", ["BRK.B", "BRK/B", "BRKB", "BRK B", "BRK-B"])
def test_tickers_are_spelt_as_securities_are(folder, ticker):
    rows = [("A", "AAA", "1", "1", 60.0, "-", 1, "USD"), ("B", ticker, "1", "1", 40, "-", 2, "USD")]
    take(folder, ssga(folder, rows))
    assert units(stored(folder)) == {"AAA": 1.0, "BRK-B": 2.0}


def test_a_few_strangers_are_kept_and_said(folder):
    rows = [("A", "AAA", "1", "1", 95.0, "-", 1, "USD"), ("Z", "ZZZ", "1", "1", 5, "-", 2, "USD")]
    done = take(folder, ssga(folder, rows))
    assert list(done.imported.unknown) == ["ZZZ"]
    assert units(stored(folder)) == {"AAA": 1.0, "ZZZ": 2.0}


def test_any_fund_can_be_named_to_follow_a_known_index(folder):
    assert take(folder, ssga(folder, fund="XYZ"), index="^GSPC").index_symbol == "^GSPC"


def test_the_command_tells_what_it_did(folder):
    out = io.StringIO()
    report_import(Console(file=out, width=200), settings(folder), ssga(folder), None, None)
    told = out.getvalue()
    for part in (
        "A file of SSGA: fund SPY, holdings of 2025-02-07.",
        "Wrote 3 members of ^GSPC, effective from 2025-02-07, in",
        "new against the set before: 2: BRK-B, CCC",
        "gone against the set before: 1: EEE",
        "left out: 1 x when-issued DDW, 0.05 % of the weight",
        "left out: 1 x US DOLLAR, 0.05 % of the weight",
    ):
        assert part in told


def test_replacing_a_set_compares_with_the_one_replaced(folder):
    take(folder, ssga(folder))
    rows = [SSGA_ROWS[0], (*SSGA_ROWS[1][:4], 40.0, *SSGA_ROWS[1][5:])]
    out = io.StringIO()
    report_import(Console(file=out, width=200), settings(folder), ssga(folder, rows), None, None)
    assert "Replaced 2 members of ^GSPC" in out.getvalue()
    assert "new against the set replaced: none" in out.getvalue()
    assert "gone against the set replaced: 1: CCC" in out.getvalue()


def test_a_set_that_a_later_one_ends_says_when(folder):
    take(folder, ssga(folder))
    out = io.StringIO()
    earlier = date(2025, 1, 13)
    report_import(Console(file=out, width=200), settings(folder), ssga(folder), None, earlier)
    assert "in force until 2025-02-07, when the next set of ^GSPC takes over" in out.getvalue()


@pytest.mark.parametrize(
    ("make", "old", "new", "index"),
    [(ishares, "Quantity", "Shares", "^GSPC"), (invesco, "Shares/Par Value", "Shares/Par", "^NDX")],
)
def test_the_column_of_shares_has_had_two_names(folder, make, old, new, index):
    take(folder, _replaced(make(folder), old, new))
    held = stored(folder, index)
    assert units(held)["AAA"] in {1234.0, 9000.0}
    assert set(held["is_estimate"]) == {False}


def test_cash_needs_no_numbers(folder):
    rows = [*SSGA_ROWS[:4], ("US DOLLAR", "-", "9", "-", "-", "-", "n.m.", "USD")]
    take(folder, ssga(folder, rows))
    assert units(stored(folder)) == {"AAA": 6000.0, "BRK-B": 3000.5, "CCC": 1000.0}


def test_invescos_cash_is_told_by_its_sector_too(folder):
    path = _replaced(invesco(folder), "Cash,Currency,,", "Dollar,,Cash,")
    done = take(folder, path)
    assert done.file.rows["left_out"].to_list() == [None, None, "Cash"]


def test_a_weight_rounded_to_zero_gives_no_units_and_is_said(folder):
    rows = "".join(
        f'"{s}","{s}","E","Equity","1","{weight}","1","-","10"\n'
        for s, weight in (("AAA", 60), ("BBB", 40), ("CCC", "0.00"))
    )
    done = take(folder, ishares(folder, rows))
    assert units(stored(folder)) == {"AAA": 6.0, "BBB": 4.0}
    assert done.file.rows["left_out"].to_list() == [None, None, "zero weight"]


def test_a_stranger_without_a_close_is_a_member_without_units(folder, small):
    header = INVESCO_HEADER.replace("Shares/Par Value,", "")
    path = _replaced(invesco(folder, header), "02/07/2025", "01/10/2025")
    _replaced(path, "2,CCC ", "2,ZZZ ")
    with_warehouse = settings(folder).model_copy(update={"warehouse": small.settings.warehouse})
    done = import_holdings(with_warehouse, path, None, None)
    assert units(stored(folder, "^NDX", "2025-01-10")) == {"AAA": 90 / 45, "ZZZ": None}
    assert list(done.imported.unknown) == ["ZZZ"]


def test_the_weighting_is_that_of_the_date(folder):
    (folder / "indices.csv").write_text(
        "index_symbol,name,weighting,effective_from,divisor\n"
        "^GSPC,S,market cap,2021-01-01,\n^GSPC,S,price,2025-06-01,\n"
    )
    take(folder, ssga(folder))
    assert units(stored(folder))["AAA"] == 6000.0
    with pytest.raises(HoldingsFileError, match=r"\^GSPC is price weighted"):
        take(folder, ssga(folder), since="2025-06-01")


@pytest.mark.parametrize(
    "before",
    [
        BEFORE.replace("\n", "\r\n"),
        "\ufeff" + BEFORE,
        BEFORE + '^NDX,BBB,2025-02-07,7.0,2025-02-07,true,"two\nlines, ""quoted"""\n',
        BEFORE.rstrip("\n"),
    ],
    ids=["carriage returns", "byte order mark", "line end in a cell", "no last line end"],
)
def test_lines_of_other_sets_stay_byte_for_byte(folder, before):
    file = folder / "index_holdings.csv"
    file.write_bytes(before.encode())
    file.chmod(0o664)
    take(folder, ssga(folder))
    assert file.read_bytes().startswith(before.encode())
    assert file.stat().st_mode & 0o777 == 0o664
    assert units(stored(folder)) == {"AAA": 6000.0, "BRK-B": 3000.5, "CCC": 1000.0}


def test_a_set_lands_in_a_parquet_file_where_that_is_what_counts(folder, capsys, monkeypatch):
    text = folder / "index_holdings.csv"
    held = pl.read_csv(text, try_parse_dates=True).with_columns(note=pl.lit("mine"))
    path = text.with_suffix(".parquet")
    held.write_parquet(path)
    text.unlink()
    for verb in ("Wrote", "Replaced"):
        assert command(folder, monkeypatch, str(ssga(folder))) == 0
        said = _said(capsys)
        assert f"{verb} 3 members of ^GSPC" in said
        assert "index_holdings.parquet" in said
        after = pl.read_parquet(path)
        assert after.schema == held.schema
        assert after.head(held.height).equals(held)
        assert after.height == held.height + 3
        assert units(stored(folder)) == {"AAA": 6000.0, "BRK-B": 3000.5, "CCC": 1000.0}
    assert not text.exists()


def test_the_command_writes_and_exits_with_0(folder, capsys, monkeypatch):
    assert command(folder, monkeypatch, str(ssga(folder)), "--effective-from", "2025-01-15") == 0
    assert "Wrote 3 members of ^GSPC, effective from 2025-01-15, an estimate" in _said(capsys)


# --- what is refused, with the reference folder as it was -----------------------------------------


def _negative(folder: Path, place: int, value: float) -> Path:
    rows = [list(row) for row in SSGA_ROWS]
    rows[1][place] = value
    rows[0][4] += rows[1][4] * 0 if place != 4 else 30 - value
    return ssga(folder, rows)


def _cut(path: Path, share: float = 0.5) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def _replaced(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def _text(folder: Path, content: bytes) -> Path:
    path = folder.parent / "file.csv"
    path.write_bytes(content)
    return path


def _many_ishares_rows() -> str:
    symbols = ["AAA", "BBB", "CCC", "DDD"]
    return "".join(f'"{s}","{s}","E","Equity","1","25.00","1","5","10"\n' for s in symbols)


REFUSED = {
    "missing": (lambda f: f.parent / "none.xlsx", r"none\.xlsx: cannot be read: No such file"),
    "workbook cut in half": (lambda f: _cut(ssga(f)), r"holdings\.xlsx: no readable workbook"),
    "CSV cut in half": (
        lambda f: _cut(ishares(f, _many_ishares_rows()), 0.75),
        r"IVV\.csv: it ends within its table, in row 8; a notice follows",
    ),
    "rows lost": (
        lambda f: ishares(f, _many_ishares_rows().split("\n", 1)[1]),
        r"IVV\.csv: the weights of its 3 rows add up to 75\.00 %, not to 100 %\n.*looks cut off",
    ),
    "no shares in one row": (
        lambda f: ssga(f, [(*SSGA_ROWS[0][:6], "", "USD"), *SSGA_ROWS[1:]]),
        r"row 6, AAA: no Shares Held, which other rows have",
    ),
    "close of zero": (
        lambda f: ishares(f, _many_ishares_rows().replace('"5","10"', '"-","0.00"')),
        r"row 6, AAA: Price 0 is not above zero",
    ),
    "anybody's table": (
        lambda f: _text(f, b"Ticker,Name,Weight\nAAA,Alpha,60\nBBB,Beta,40\n"),
        r"no header of a known holdings file; found Ticker, Name, Weight\n.*SSGA.*iShares.*Invesco",
    ),
    "two dates": (
        lambda f: _replaced(invesco(f), "Gamma,ADR,Energy,02/07/2025", "Gamma,ADR,,02/06/2025"),
        r"a row is of QQQ 02/06/2025, the first one of QQQ 02/07/2025",
    ),
    "empty file": (lambda f: _text(f, b""), r"no header of a known holdings file; found nothing"),
    "empty sheet": (lambda f: ssga(f, ()), r"no holdings below the header in row 5"),
    "only cash": (lambda f: ssga(f, [("US DOLLAR", "-", "9", "-", 100.0, "-", 5, "USD")]),
                  r"no holdings below the header"),
    "another format": (lambda f: _text(f, b"Symbol,Shares\nAAA,5\n"),
                       r"no header of a known holdings file; found Symbol, Shares"),
    "no text": (lambda f: _text(f, b"\x89PNG\xff\xfe\x00"), r"neither a workbook nor CSV text"),
    "negative weight": (lambda f: _negative(f, 4, -30.0), r"row 7, BRK\.B: negative: Weight -30"),
    "negative shares": (lambda f: _negative(f, 6, -5.0), r"row 7, .*Shares Held -5"),
    "no number": (lambda f: ssga(f, [(*SSGA_ROWS[0][:6], "many", "USD")]),
                  r"row 6: Shares Held 'many' is not a number"),
    "infinite": (lambda f: ssga(f, [(*SSGA_ROWS[0][:6], "inf", "USD")]),
                 r"row 6: Shares Held 'inf' is not a number"),
    "no weight": (lambda f: ssga(f, [(*SSGA_ROWS[0][:4], "-", "-", 5, "USD")]),
                  r"row 6 has no Weight"),
    "twice": (lambda f: ssga(f, [*SSGA_ROWS[:2], ("B", "BRKB", "2", "2", 10, "-", 1, "USD")]),
              r"BRK-B stands in rows 7, 8"),
    "another fund": (lambda f: ssga(f, fund="XLK"), r"fund 'XLK' follows no index .*\n.*SPY.*QQQ"),
    "no date": (lambda f: ssga(f, day="soon"),
                r"no date of the holdings: 'soon' is not written like 07-Feb-2025"),
    "future": (
        lambda f: ssga(f, day=f"As of {date.today() + timedelta(days=3):%d-%b-%Y}"),  # noqa: DTZ011
        r"which is in the future",
    ),
    "another market": (
        lambda f: ssga(f, [("A", "AAA", "1", "1", 80.0, "-", 1, "USD"),
                           ("Y", "YYY", "1", "1", 20, "-", 1, "USD")]),
        r"1 members with 20 % of the weight are not in securities\.csv: YYY",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_refused_and_changes_nothing(folder, case):
    make, message = REFUSED[case]
    path = make(folder)
    with pytest.raises(HoldingsFileError, match=message) as refused:
        take(folder, path)
    assert refused.value.next_step
    assert path.name in refused.value.what
    assert (folder / "index_holdings.csv").read_text() == BEFORE
    assert sorted(p.name for p in folder.iterdir()) == [
        "index_holdings.csv", "indices.csv", "securities.csv",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("index", "message"),
    [("^NDX", r"fund SPY follows \^GSPC, not \^NDX"), ("^FOO", r"follows \^GSPC, not \^FOO")],
)
def test_a_known_fund_is_not_taken_for_another_index(folder, index, message):
    with pytest.raises(HoldingsFileError, match=message):
        take(folder, ssga(folder), index=index)
    assert (folder / "index_holdings.csv").read_text() == BEFORE


def test_an_index_that_nobody_described_is_refused(folder):
    with pytest.raises(HoldingsFileError, match=r"index \^FOO is not in indices\.csv"):
        take(folder, ssga(folder, fund="XYZ"), index="^FOO")


def test_a_broken_reference_file_is_not_written_over(folder):
    (folder / "index_holdings.csv").write_text(BEFORE + "^GSPC,AAA,someday,1,,false,x\n")
    before = (folder / "index_holdings.csv").read_text()
    with pytest.raises(ReferenceDataError, match=r"index_holdings\.csv: 1 wrong rows"):
        take(folder, ssga(folder))
    assert (folder / "index_holdings.csv").read_text() == before


def test_a_folder_without_holdings_gets_its_first_set(folder):
    (folder / "index_holdings.csv").unlink()
    assert take(folder, ssga(folder)).previous is None
    assert units(stored(folder)) == {"AAA": 6000.0, "BRK-B": 3000.5, "CCC": 1000.0}


def test_no_cut_of_isharess_csv_is_read(folder):
    path = ishares(folder, _small_last_rows())
    whole = path.read_bytes()
    for end in range(whole.index(b"Ticker,Name"), whole.index(b"The content")):
        path.write_bytes(whole[:end])
        with pytest.raises(HoldingsFileError):
            read_fund_file(path)


def test_no_cut_of_invescos_csv_is_read_with_wrong_shares(folder):
    path = invesco(folder)
    whole = path.read_bytes()
    told = {"AAA": 9000.0, "CCC": 1000.0}
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        try:
            members = read_fund_file(path).members
        except HoldingsFileError:
            continue
        # What is cut off right after a row cannot be told, but by the sum of the weights.
        assert dict(members.select("ticker", "units").rows()) == told


def _small_last_rows() -> str:
    rows = (("AAA", "99.20", "1,234"), ("BBB", "0.70", "567"), ("CCC", "0.10", "4,968,681"))
    return "".join(f'"{s}","{s}","E","Equity","1","{w}","1","{n}","10"\n' for s, w, n in rows)


def test_a_folder_that_cannot_be_written_is_named(folder, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(ReferenceDataError, match=r"index_holdings\.csv: cannot be written: Permis"):
        take(folder, ssga(folder))
    assert (folder / "index_holdings.csv").read_text() == BEFORE


def test_the_command_refuses_with_1_and_says_why(folder, capsys, monkeypatch):
    assert command(folder, monkeypatch, str(ssga(folder)), "--index", "^NDX") == 1
    said = _said(capsys)
    assert "fund SPY follows ^GSPC, not ^NDX -> Leave --index out." in said
    assert "Traceback" not in said
    assert (folder / "index_holdings.csv").read_text() == BEFORE


def test_members_under_former_names_are_the_companies_of_today(folder):
    (folder / "symbol_changes.csv").write_text(
        "old_symbol,new_symbol,first_session,source\nEEE,AAA,2025-01-13,a test\n"
        "ALPH,DDD,2025-02-10,a test\n"
    )
    rows = (("ALPHA INC", "ALPH", "1", "1", 60.0, "-", 6000.0, "USD"), *SSGA_ROWS[1:])
    (folder / "index_holdings.csv").write_text(
        BEFORE.replace("^GSPC,AAA,2025-01-02", "^NDX,AAA,2025-01-02")
    )
    told = take(folder, ssga(folder, rows))
    assert set(units(stored(folder))) == {"BRK-B", "CCC", "DDD"}
    assert list(told.imported.unknown) == []
    # EEE of January is the AAA of February.
    assert told.previous == {"AAA"}
