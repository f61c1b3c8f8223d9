"""The files in which fund companies publish their holdings, read strictly."""

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from warehouse.errors import HoldingsFileError

WEIGHTS_ADD_UP_TO = (99.0, 101.0)
"""Percent. A file whose weights add up to less has lost rows."""

_ISHARES_FUNDS = {"iShares Core S&P 500 ETF": "IVV"}
_NO_TICKER = {"", "-", "--", "N/A"}
_NO_SHARE = re.compile(
    r"cash|currenc|money market|future|collateral|derivative|forward", re.IGNORECASE
)
_WHEN_ISSUED = re.compile(r"\bW/I\b|\bWHEN[- ]ISSUED\b", re.IGNORECASE)
_CELLS_OF_A_ROW = 4


@dataclass(frozen=True)
class _Format:
    """How one fund company lays out its file: the names of the columns, and its way with dates."""

    provider: str
    ticker: str
    name: str
    units: str
    weight: str
    day: str
    close: str | None = None
    kind: str | None = None

    def fits(self, cells: Sequence[str]) -> bool:
        return {self.ticker, self.name, self.weight} <= set(cells)


_FORMATS = (
    _Format("SSGA", "Ticker", "Name", "Shares Held", "Weight", "%d-%b-%Y"),
    _Format(
        "iShares", "Ticker", "Name", "Quantity", "Weight (%)", "%b %d, %Y", "Price", "Asset Class"
    ),
    _Format(
        "Invesco",
        "Holding Ticker",
        "Name",
        "Shares/Par Value",
        "Weight",
        "%m/%d/%Y",
        kind="Class of Shares",
    ),
)


@dataclass(frozen=True)
class HoldingsFile:
    """What a fund's file says.

    Attributes:
        name: file name.
        sha256: of its bytes.
        provider: the fund company.
        fund: the fund's ticker, or its name where the file gives no ticker.
        as_of_date: the date that the file gives for its holdings.
        rows: row (line in the file), ticker, name, units (null: the file has none), weight
            (percent), close (USD, null: the file has none), left_out (why the row is no member;
            null: it is one).
    """

    name: str
    sha256: str
    provider: str
    fund: str
    as_of_date: date
    rows: pl.DataFrame


def read_fund_file(path: Path) -> HoldingsFile:
    """Read the holdings file of a fund: SSGA's workbook, iShares' or Invesco's CSV.

    Raises:
        HoldingsFileError: naming the file, the row, and what is wrong with it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HoldingsFileError(
            f"{path}: cannot be read: {error.strerror}", "Check the path."
        ) from error
    grid = _workbook(path, content) if content.startswith(b"PK") else _csv(path, content)
    place, layout = _header(path, grid)
    header = grid[place]
    rows = _rows(path, grid, place, layout)
    fund, day = _fund_and_day(path, grid[:place], header, grid[place + 1 :], layout)
    _check_sum(path, rows)
    return HoldingsFile(
        path.name, hashlib.sha256(content).hexdigest(), layout.provider, fund, day, rows
    )


def _workbook(path: Path, content: bytes) -> list[list[str]]:
    import fastexcel

    try:
        sheet = pl.read_excel(
            io.BytesIO(content),
            has_header=False,
            infer_schema_length=0,
            drop_empty_rows=False,
            raise_if_empty=False,
        )
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, ValueError) as error:
        raise HoldingsFileError(
            f"{path}: no readable workbook: {str(error).splitlines()[0]}",
            "The file may be cut off: fetch it again.",
        ) from error
    return [[(cell or "").strip() for cell in row] for row in sheet.rows()]


def _csv(path: Path, content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
        return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise HoldingsFileError(
            f"{path}: neither a workbook nor CSV text: {error}",
            "Known are SSGA's workbook (.xlsx), iShares' CSV and Invesco's CSV.",
        ) from error


def _header(path: Path, grid: list[list[str]]) -> tuple[int, _Format]:
    for place, cells in enumerate(grid):
        # Invesco's columns contain the names of SSGA's, hence the most particular first.
        for layout in reversed(_FORMATS):
            if layout.fits(cells):
                return place, layout
    widest = max(grid, key=lambda cells: sum(map(bool, cells)), default=[])
    found = ", ".join(cell for cell in widest if cell)[:200] or "nothing"
    known = "; ".join(f"{f.provider}: {f.ticker}, {f.name}, {f.weight}" for f in _FORMATS)
    raise HoldingsFileError(
        f"{path}: no header of a known holdings file; found {found}",
        f"Known are the columns of {known}.",
    )


def _rows(path: Path, grid: list[list[str]], place: int, layout: _Format) -> pl.DataFrame:
    header = grid[place]
    told = []
    for line, cells in enumerate(grid[place + 1 :], start=place + 2):
        if sum(map(bool, cells)) < _CELLS_OF_A_ROW:
            break
        row = dict(zip(header, cells, strict=False))

        def number(column: str | None, row: dict[str, str] = row, line: int = line) -> float | None:
            return _number(path, line, column, row)

        left_out = _left_out(row, layout)
        units, weight = number(layout.units), number(layout.weight)
        if weight is None:
            raise HoldingsFileError(
                f"{path}: row {line} has no {layout.weight}",
                "The file may be cut off: fetch it again.",
            )
        if left_out is None and min(weight, units or 0.0) < 0:
            raise HoldingsFileError(
                f"{path}: row {line}, {row[layout.ticker]}: negative: {layout.weight} {weight:g}, "
                f"{layout.units} {units if units is None else f'{units:g}'}",
                "An index holds no member short: is this the file of a fund that follows one?",
            )
        if left_out is None and units == 0:
            left_out = "zero shares"
        told.append(
            (line, row[layout.ticker], row[layout.name], units, weight, number(layout.close),
             left_out)
        )  # fmt: skip
    rows = pl.DataFrame(
        told,
        schema={
            "row": pl.Int64,
            "ticker": pl.String,
            "name": pl.String,
            "units": pl.Float64,
            "weight": pl.Float64,
            "close": pl.Float64,
            "left_out": pl.String,
        },
        orient="row",
    )
    if rows["left_out"].null_count() == 0:
        raise HoldingsFileError(
            f"{path}: no holdings below the header in row {place + 1}",
            "The file is empty or cut off: fetch it again.",
        )
    return rows


def _number(path: Path, line: int, column: str | None, row: Mapping[str, str]) -> float | None:
    text = row.get(column or "", "").replace(",", "")
    if text in _NO_TICKER:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise HoldingsFileError(
            f"{path}: row {line}: {column} '{text}' is not a number",
            "Mend or fetch the file again.",
        )
    return value


def _left_out(row: Mapping[str, str], layout: _Format) -> str | None:
    """Say why a row is no member of an index, if it is none."""
    kind = row.get(layout.kind or "", "")
    if layout.provider == "iShares" and kind != "Equity":
        return kind or "no asset class"
    if _NO_SHARE.search(kind):
        return kind
    if row[layout.ticker] in _NO_TICKER:
        return row[layout.name] or "no ticker"
    if _WHEN_ISSUED.search(row[layout.name]):
        return f"when-issued {row[layout.ticker]}"
    return None


def _fund_and_day(
    path: Path,
    above: list[list[str]],
    header: list[str],
    below: list[list[str]],
    layout: _Format,
) -> tuple[str, date]:
    """Find the fund and the date where each provider puts them."""
    labelled = {cells[0].rstrip(":"): cells[1] for cells in above if len(cells) > 1 and cells[1]}
    if layout.provider == "SSGA":
        fund = labelled.get("Ticker Symbol") or labelled.get("Fund Name", "")
        text = labelled.get("Holdings", "").removeprefix("As of").strip()
    elif layout.provider == "iShares":
        named = next((cells[0] for cells in above if cells and cells[0]), "")
        fund = _ISHARES_FUNDS.get(named, named)
        text = labelled.get("Fund Holdings as of", "")
    else:
        first = dict(zip(header, below[0], strict=False))
        fund, text = first.get("Fund Ticker", ""), first.get("Date", "")
    try:
        day = datetime.strptime(text, layout.day).date()  # noqa: DTZ007 - a date without a time
    except ValueError as error:
        raise HoldingsFileError(
            f"{path}: no date of the holdings: '{text}' is not written like "
            f"{date(2025, 2, 7).strftime(layout.day)}",
            f"{layout.provider} gives it with the holdings: fetch the file again.",
        ) from error
    return fund, day


def _check_sum(path: Path, rows: pl.DataFrame) -> None:
    total = rows["weight"].sum()
    low, high = WEIGHTS_ADD_UP_TO
    if not low <= total <= high:
        raise HoldingsFileError(
            f"{path}: the weights of its {rows.height} rows add up to {total:.2f} %, not to 100 %",
            "The file looks cut off: fetch it again.",
        )
