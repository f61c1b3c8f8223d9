"""``capshock holdings import``: a fund's file becomes a dated set of ``index_holdings``."""

import csv
import io
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import polars as pl
from rich.console import Console
from rich.markup import escape

from assets.products.wording import listed
from assets.ref.reference_files import read_reference
from assets.ref.securities import read_universe
from assets.sources.funds.files import HoldingsFile, read_fund_file
from assets.sources.funds.holdings_sets import ImportedSet, index_of, make_set
from assets.sources.tables_in_files import find
from pipelines.settings import Settings
from warehouse.errors import HoldingsFileError, ReferenceDataError
from warehouse.reader import read_published
from warehouse.schemas import ref

NAME = "index_holdings"
"""File of the reference folder, without ending."""


@dataclass(frozen=True)
class Import:
    """What an import did.

    Attributes:
        file: what the fund's file says.
        index_symbol: the index it was imported for.
        effective_from: first session of the set.
        imported: the set.
        replaced: whether the reference file had a set of that index and date.
        previous: symbols of the set that held on that date before; None: there was none.
        until: first session of the next set of that index, which ends this one; None: none does.
        written: name of the reference file that has the set now.
    """

    file: HoldingsFile
    index_symbol: str
    effective_from: date
    imported: ImportedSet
    replaced: bool
    previous: frozenset[str] | None
    until: date | None
    written: str


def import_holdings(
    settings: Settings, path: Path, index: str | None, effective_from: date | None
) -> Import:
    """Read a fund's file and write its holdings into the reference folder.

    Raises:
        HoldingsFileError: if the file is not what it should be; nothing is written.
        ReferenceDataError: if the reference folder is not; nothing is written.
    """
    folder = settings.reference_dir.resolve()
    file = read_fund_file(path)
    today = datetime.now(ZoneInfo("America/New_York")).date()
    if file.as_of_date > today:
        raise HoldingsFileError(
            f"{path}: its holdings are of {file.as_of_date}, which is in the future",
            "Mend the date, or fetch the file again.",
        )
    indices = read_reference(folder, "indices", ref.Indices, optional=False)
    universe = read_universe(folder)
    in_force = pl.col("effective_from")
    held = universe.names.present(_held(folder), "symbol", in_force)
    index_symbol = index_of(file, index, indices)
    since = effective_from or file.as_of_date
    imported = make_set(
        file,
        index_symbol,
        since,
        weighting=_weighting(indices, index_symbol, since),
        covered=universe.lines["symbol"],
        closes=_NO_CLOSES if file.has_units else _closes(settings, file.as_of_date),
        names=universe.names,
    )
    before = held.filter(
        (pl.col("index_symbol") == index_symbol) & (pl.col("effective_from") <= since)
    )
    last = before.filter(pl.col("effective_from") == pl.col("effective_from").max())
    later = held.filter(
        (pl.col("index_symbol") == index_symbol) & (pl.col("effective_from") > since)
    )
    written = _write(folder, index_symbol, since, imported.rows)
    return Import(
        file=file,
        index_symbol=index_symbol,
        effective_from=since,
        imported=imported,
        replaced=bool((last["effective_from"] == since).any()),
        previous=frozenset(last["symbol"]) if last.height else None,
        until=cast("date | None", later["effective_from"].min()),
        written=written.name,
    )


_NO_CLOSES = pl.DataFrame(schema={"symbol": pl.String, "close": pl.Float64})


def _weighting(indices: pl.DataFrame, index_symbol: str, since: date) -> str:
    """Return how an index is weighted on a date; its first row speaks for the time before, too."""
    of_index = indices.filter(pl.col("index_symbol") == index_symbol).sort("effective_from")
    in_force = of_index.filter(pl.col("effective_from") <= since)
    return str(in_force["weighting"][-1] if in_force.height else of_index["weighting"][0])


def _held(folder: Path) -> pl.DataFrame:
    """Return what the reference folder has; a folder without the file has nothing."""
    return read_reference(folder, NAME, ref.IndexHoldings, optional=True)


def _closes(settings: Settings, day: date) -> pl.DataFrame:
    """Return the closes of a session from the published file, if there is one."""
    published = settings.warehouse.resolve()
    if not published.exists():
        return _NO_CLOSES
    with read_published(published) as reader:
        return reader.frame(
            "SELECT symbol, close FROM core.prices WHERE session_date = $day", day=day
        )


def _write(folder: Path, index_symbol: str, since: date, rows: pl.DataFrame) -> Path:
    """Put the set into the file, in one step, and return it; other sets stay as they are."""
    path = (find(folder, NAME, ReferenceDataError) or folder / f"{NAME}.csv").resolve()
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".import-") as temporary:
            draft = Path(temporary) / path.name
            if path.suffix == ".parquet":
                shutil.copy(path, draft)
                _rows_with_set(pl.read_parquet(path), index_symbol, since, rows).write_parquet(
                    draft
                )
            else:
                if path.exists():
                    shutil.copy(path, draft)
                    text = draft.read_bytes().decode("utf-8")
                else:
                    text = ",".join(ref.IndexHoldings.names()) + "\n"
                draft.write_bytes(_with_set(text, index_symbol, since, rows).encode("utf-8"))
            # Read as the pipeline will: what it would refuse is not written.
            try:
                read_reference(draft.parent, NAME, ref.IndexHoldings, optional=False)
            except ReferenceDataError as error:
                raise ReferenceDataError(
                    error.what.replace(str(draft), f"{path} would not be read again, with the set"),
                    "Nothing was written. Mend the rows of this set by hand first.",
                ) from error
            draft.replace(path)
    except OSError as error:
        raise ReferenceDataError(
            f"{path}: cannot be written: {error.strerror}", "Make the folder writable."
        ) from error
    return path


def _rows_with_set(
    held: pl.DataFrame, index_symbol: str, since: date, rows: pl.DataFrame
) -> pl.DataFrame:
    """Return the rows of a Parquet file with the set in place of the same one; its types stay."""
    is_same = (pl.col("index_symbol") == index_symbol) & (
        pl.col("effective_from").cast(pl.String).str.slice(0, 10) == since.isoformat()
    )
    typed = rows.cast({name: held.schema[name] for name in rows.columns})
    return pl.concat([held.filter(~is_same), typed], how="diagonal")


def _with_set(text: str, index_symbol: str, since: date, rows: pl.DataFrame) -> str:
    """Return the text of the file with the rows in place of those of the same set."""
    header, *records = _records(text)
    end = "\r\n" if header.endswith("\r\n") else "\n"
    columns = next(csv.reader([header.lstrip("\ufeff")]))
    key = (columns.index("index_symbol"), columns.index("effective_from"))
    kept = [header]
    for record in records:
        cells = [cell.strip() for cell in next(csv.reader(io.StringIO(record, newline="")), [])]
        if not cells or tuple(cells[place] for place in key) != (index_symbol, since.isoformat()):
            kept.append(record)
    if not kept[-1].endswith("\n"):
        kept.append(end)
    extra = [pl.lit(None, dtype=pl.String).alias(c) for c in columns if c not in rows.columns]
    ordered = rows.with_columns(extra).select(columns)
    return "".join(kept) + ordered.write_csv(include_header=False, line_terminator=end)


def _records(text: str) -> Iterator[str]:
    """Split the text of a CSV file into its rows as written: a quoted cell may hold line ends."""
    pending = ""
    for line in io.StringIO(text, newline="\n"):
        pending += line
        if pending.count('"') % 2 == 0:
            yield pending
            pending = ""
    if pending:
        yield pending


def report_import(
    console: Console, settings: Settings, path: Path, index: str | None, since: date | None
) -> None:
    """Import a fund's file and tell what was done."""
    done = import_holdings(settings, path, index, since)
    file, rows = done.file, done.imported.rows

    def say(text: str, style: str = "") -> None:
        console.print(escape(text), style=style, highlight=False, soft_wrap=True, emoji=False)

    say(f"A file of {file.provider}: fund {file.fund}, holdings of {file.as_of_date}.")
    estimate = ", an estimate" if rows["is_estimate"].any() else ""
    verb = "Replaced" if done.replaced else "Wrote"
    say(
        f"{verb} {rows.height} members of {done.index_symbol}, effective from "
        f"{done.effective_from}{estimate}, in {settings.reference_dir / done.written}.",
        "green",
    )
    if done.until is not None:
        say(
            f"  in force until {done.until}, when the next set of {done.index_symbol} takes over; "
            "--effective-from sets another first session",
            "yellow",
        )
    if done.previous is not None:
        new = set(rows["symbol"])
        other = "the set replaced" if done.replaced else "the set before"
        say(f"  new against {other}: {listed(sorted(new - done.previous))}")
        say(f"  gone against {other}: {listed(sorted(done.previous - new))}")
    left_out = file.rows.drop_nulls("left_out")
    for reason, count, weight in (
        left_out.group_by("left_out", maintain_order=True)
        .agg(pl.len(), pl.col("weight").sum())
        .rows()
    ):
        say(f"  left out: {count} x {reason}, {weight:.2f} % of the weight")
    if done.imported.unknown:
        say(
            "  not in securities.csv, so members without a price: "
            f"{listed(list(done.imported.unknown))}",
            "yellow",
        )
    say("Next: `capshock run` computes the index impacts with them.")
