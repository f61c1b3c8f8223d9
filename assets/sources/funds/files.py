"""The files in which fund companies publish their holdings, read strictly."""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from assets.sources.funds.formats import FORMATS, Format
from warehouse.errors import HoldingsFileError

WEIGHTS_ADD_UP_TO = (99.0, 101.0)
"""Percent. A file whose weights add up to less has lost rows."""

_ISHARES_FUNDS = {"iShares Core S&P 500 ETF": "IVV"}
_NO_TICKER = {"", "-", "--", "N/A"}
_NO_SHARE = re.compile(
    r"cash|currenc|money market|future|collateral|derivative|forward", re.IGNORECASE
)
_WHEN_ISSUED = re.compile(r"\bW/I\b|\bWHEN[- ]ISSUED\b", re.IGNORECASE)


@dataclass(frozen=True)
class HoldingsFile:
    """What a fund's file says.

    Attributes:
        name: file name.
        sha256: of its bytes.
        provider: the fund company.
        fund: the fund's ticker, or its name where the file gives no ticker.
        as_of_date: the date that the file gives for its holdings.
        rows: row (line in the file), ticker, name, units (null for all members: the file has
            none), weight (percent), close (USD, null: the file has none), left_out (why the row is
            no member; null: it is one).
    """

    name: str
    sha256: str
    provider: str
    fund: str
    as_of_date: date
    rows: pl.DataFrame

    @property
    def members(self) -> pl.DataFrame:
        """The rows that are members of an index."""
        return self.rows.filter(pl.col("left_out").is_null())

    @property
    def has_units(self) -> bool:
        """Whether the file says how many shares the fund holds."""
        return not self.members["units"].is_null().all()


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


def _header(path: Path, grid: list[list[str]]) -> tuple[int, Format]:
    for place, cells in enumerate(grid):
        for layout in FORMATS:
            if layout.fits(cells):
                return place, layout
    widest = max(grid, key=lambda cells: sum(map(bool, cells)), default=[])
    found = ", ".join(cell for cell in widest if cell)[:200] or "nothing"
    known = "; ".join(f"{f.provider}: {', '.join(f.needed)}" for f in FORMATS)
    raise HoldingsFileError(
        f"{path}: no header of a known holdings file; found {found}",
        f"Known are the columns of {known}.",
    )


def _table(
    path: Path, grid: list[list[str]], place: int, layout: Format
) -> Iterator[tuple[int, dict[str, str]]]:
    """Return the rows below the header with their lines, up to the first empty one."""
    header = grid[place]
    for line, cells in enumerate(grid[place + 1 :], start=place + 2):
        filled = sum(map(bool, cells))
        # Prose below a workbook's table is a row of one cell, padded to the sheet's width.
        if filled == 0 or (filled == 1 and len(cells) >= len(header)):
            notice = grid[line - 1 :]
            break
        if len(cells) < len(header):
            raise HoldingsFileError(
                f"{path}: row {line} ends after {len(cells)} of {len(header)} columns",
                "The file looks cut off: fetch it again.",
            )
        yield line, dict(zip(header, cells, strict=False))
    else:
        notice = []
    if layout.has_notice and not any(map(any, notice)):
        raise HoldingsFileError(
            f"{path}: it ends within its table, in row {len(grid)}; a notice follows the table of "
            f"each file of {layout.provider}",
            "The file looks cut off: fetch it again.",
        )


def _rows(path: Path, grid: list[list[str]], place: int, layout: Format) -> pl.DataFrame:
    units_name = layout.units_among(grid[place])
    told = []
    for line, row in _table(path, grid, place, layout):
        ticker, left_out = row[layout.ticker], _left_out(row, layout)
        weight, units, close = (
            _number(path, line, column, row, strict=left_out is None)
            for column in (layout.weight, units_name, layout.close)
        )
        if left_out is None:
            if weight is None:
                raise HoldingsFileError(
                    f"{path}: row {line} has no {layout.weight}",
                    "The file may be cut off: fetch it again.",
                )
            if min(weight, units or 0.0) < 0:
                raise HoldingsFileError(
                    f"{path}: row {line}, {ticker}: negative: {layout.weight} {weight:g}, "
                    f"{units_name} {units if units is None else f'{units:g}'}",
                    "An index holds no member short: is this the file of a fund that follows one?",
                )
            if units is None and close is not None and close <= 0:
                raise HoldingsFileError(
                    f"{path}: row {line}, {ticker}: {layout.close} {close:g} is not above zero",
                    "Mend or fetch the file again.",
                )
            left_out = "zero shares" if units == 0 else None
        told.append((line, ticker, row[layout.name], units, weight, close, left_out))
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
    is_member = pl.col("left_out").is_null()
    lacking = rows.filter(is_member & pl.col("units").is_null())
    if lacking.height < rows.filter(is_member).height:
        if lacking.height:
            line, ticker = lacking.select("row", "ticker").row(0)
            raise HoldingsFileError(
                f"{path}: row {line}, {ticker}: no {units_name}, which other rows have",
                "Mend or fetch the file again.",
            )
    else:
        # Units are to follow from the weights, and a weight that is rounded to zero gives none.
        no_weight = pl.when(is_member & (pl.col("weight") == 0)).then(pl.lit("zero weight"))
        rows = rows.with_columns(left_out=no_weight.otherwise("left_out"))
    if rows["left_out"].null_count() == 0:
        raise HoldingsFileError(
            f"{path}: no holdings below the header in row {place + 1}",
            "The file is empty or cut off: fetch it again.",
        )
    return rows


def _number(
    path: Path, line: int, column: str | None, row: Mapping[str, str], *, strict: bool
) -> float | None:
    """Read a number; what is none is null in a row that is no member (not strict)."""
    text = row.get(column or "", "").replace(",", "")
    if text in _NO_TICKER:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        if not strict:
            return None
        raise HoldingsFileError(
            f"{path}: row {line}: {column} '{text}' is not a number",
            "Mend or fetch the file again.",
        )
    return value


def _left_out(row: Mapping[str, str], layout: Format) -> str | None:
    """Say why a row is no member of an index, if it is none."""
    if layout.provider == "iShares" and row[layout.mark] != "Equity":
        return row[layout.mark] or "no asset class"
    for kind in layout.kinds:
        if _NO_SHARE.search(row.get(kind, "")):
            return row[kind]
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
    layout: Format,
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
        fund, text = _fund_and_date_in_rows(path, header, below, layout)
    try:
        day = datetime.strptime(text, layout.day).date()  # noqa: DTZ007 - a date without a time
    except ValueError as error:
        raise HoldingsFileError(
            f"{path}: no date of the holdings: '{text}' is not written like "
            f"{date(2025, 2, 7).strftime(layout.day)}",
            f"{layout.provider} gives it with the holdings: fetch the file again.",
        ) from error
    return fund, day


def _fund_and_date_in_rows(
    path: Path, header: list[str], below: list[list[str]], layout: Format
) -> tuple[str, str]:
    """Return the fund and the date, which stand in each row: if the same in all of them."""
    found = ("", "")
    rows = _table(path, [header, *below], 0, layout)
    for place, (_, row) in enumerate(rows):
        told = (row[layout.mark], row.get("Date", ""))
        if place == 0:
            found = told
        elif told != found:
            raise HoldingsFileError(
                f"{path}: a row is of {' '.join(told)}, the first one of {' '.join(found)}",
                "A file holds one fund on one day: fetch it again.",
            )
    return found


def _check_sum(path: Path, rows: pl.DataFrame) -> None:
    total = rows["weight"].sum()
    low, high = WEIGHTS_ADD_UP_TO
    if not low <= total <= high:
        raise HoldingsFileError(
            f"{path}: the weights of its {rows.height} rows add up to {total:.2f} %, not to 100 %",
            "The file looks cut off: fetch it again.",
        )
