"""``capshock holdings import``: a fund's file becomes a dated set in ``index_holdings.csv``."""

import csv
import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
from rich.console import Console
from rich.markup import escape

from assets.fund_files import HoldingsFile, read_fund_file
from assets.holdings_sets import ImportedSet, index_of, make_set
from assets.reference import read_reference
from pipelines.settings import Settings
from pipelines.telling import listed
from warehouse.connection import open_published
from warehouse.errors import HoldingsFileError, ReferenceDataError
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
        previous: symbols of the set in force before; None: there was none.
    """

    file: HoldingsFile
    index_symbol: str
    effective_from: date
    imported: ImportedSet
    replaced: bool
    previous: frozenset[str] | None


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
    securities = read_reference(folder, "securities", ref.Securities, optional=False)
    held = _held(folder)
    index_symbol = index_of(file, index, indices)
    since = effective_from or file.as_of_date
    lacks_units = file.rows.filter(pl.col("left_out").is_null())["units"].null_count() > 0
    described = indices.filter(pl.col("index_symbol") == index_symbol)
    imported = make_set(
        file,
        index_symbol,
        since,
        weighting=described["weighting"][-1],
        covered=securities["symbol"],
        closes=_closes(settings, file.as_of_date) if lacks_units else _NO_CLOSES,
    )
    of_set = (pl.col("index_symbol") == index_symbol) & (pl.col("effective_from") == since)
    before = held.filter(
        (pl.col("index_symbol") == index_symbol) & (pl.col("effective_from") < since)
    )
    last = before.filter(pl.col("effective_from") == pl.col("effective_from").max())
    _write(folder, index_symbol, since, imported.rows)
    return Import(
        file=file,
        index_symbol=index_symbol,
        effective_from=since,
        imported=imported,
        replaced=not held.filter(of_set).is_empty(),
        previous=frozenset(last["symbol"]) if last.height else None,
    )


_NO_CLOSES = pl.DataFrame(schema={"symbol": pl.String, "close": pl.Float64})


def _held(folder: Path) -> pl.DataFrame:
    """Return what the reference folder has; a folder without the file has nothing."""
    return read_reference(folder, NAME, ref.IndexHoldings, optional=True)


def _closes(settings: Settings, day: date) -> pl.DataFrame:
    """Return the closes of a session from the published file, if there is one."""
    published = settings.warehouse.resolve()
    if not published.exists():
        return _NO_CLOSES
    with open_published(published) as connection:
        closes: pl.DataFrame = connection.sql(
            "SELECT symbol, close FROM core.prices WHERE session_date = $day", params={"day": day}
        ).pl()
    return closes


def _write(folder: Path, index_symbol: str, since: date, rows: pl.DataFrame) -> None:
    """Put the set into the file, in one step; lines of other sets stay as they are written."""
    path = folder / f"{NAME}.csv"
    if path.exists():
        header, *lines = path.read_text(encoding="utf-8").splitlines()
    else:
        header, lines = ",".join(ref.IndexHoldings.names()), []
    columns = next(csv.reader([header]))
    key = (columns.index("index_symbol"), columns.index("effective_from"))
    kept = []
    for line in lines:
        cells = next(csv.reader([line]), [])
        if cells and tuple(cells[place] for place in key) != (index_symbol, since.isoformat()):
            kept.append(line)
    extra = [pl.lit(None, dtype=pl.String).alias(c) for c in columns if c not in rows.columns]
    added = rows.with_columns(extra).select(columns).write_csv(include_header=False)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".import-") as temporary:
        draft = Path(temporary) / path.name
        draft.write_text("\n".join([header, *kept]) + "\n" + added, encoding="utf-8")
        # Read as the pipeline will: what it would refuse is not written.
        read_reference(Path(temporary), NAME, ref.IndexHoldings, optional=False)
        try:
            draft.replace(path)
        except OSError as error:
            raise ReferenceDataError(
                f"{path}: cannot be written: {error.strerror}", "Make the folder writable."
            ) from error


def report_import(
    console: Console, settings: Settings, path: Path, index: str | None, since: date | None
) -> None:
    """Import a fund's file and tell what was done."""
    done = import_holdings(settings, path, index, since)
    file, rows = done.file, done.imported.rows

    def say(text: str, style: str = "") -> None:
        console.print(escape(text), style=style, highlight=False, soft_wrap=True)

    say(f"A file of {file.provider}: fund {file.fund}, holdings of {file.as_of_date}.")
    estimate = ", an estimate" if rows["is_estimate"].any() else ""
    verb = "Replaced" if done.replaced else "Wrote"
    say(
        f"{verb} {rows.height} members of {done.index_symbol}, effective from "
        f"{done.effective_from}{estimate}, in {settings.reference_dir / f'{NAME}.csv'}.",
        "green",
    )
    if done.previous is not None:
        new = set(rows["symbol"])
        say(f"  new against the set before: {listed(sorted(new - done.previous))}")
        say(f"  gone against the set before: {listed(sorted(done.previous - new))}")
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
