"""``ref.securities``: the lines that are covered, and the companies they stand for.

A covered line is a share of a company, in dollars: everything downstream calls its prices dollars
and adds them up. A line in another currency, a fund, an index or a future is refused here, with a
sentence, and stays in ``ops.quarantine``; what is delivered of it goes the same way.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from assets.market.names import FOR_EVER, Names, names_of, with_taken_back
from assets.ref.gone import before, gone, refuse_gone, some, told
from assets.ref.reference_files import KINDS, read_reference
from assets.ref.symbol_changes import read_changes
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.errors import ReferenceDataError
from warehouse.landing import Landing
from warehouse.schemas import ref
from warehouse.schemas.raw import DELIVERED
from warehouse.schemas.vocabulary import SHARES, InstrumentType, RefusalStatus
from warehouse.validation import quarantine

CURRENCY = "USD"
"""What all prices are in; a line that names no currency is taken for one in it."""

NAMED = 8
"""As many refused lines are named in a note."""

WAYS_OUT = (
    "Put the lines back. What is no longer traded says so there, in listed_to and "
    "delisting_reason, and its history stays; a new name is a line in symbol_changes.csv. If the "
    'history is to go, say so: capshock forget {} --reason "..."; another universe has a warehouse '
    "of its own (CAPSHOCK_WAREHOUSE)."
)
"""What to do where lines are gone from the file."""

_SCHEMA = pl.Schema({"symbol": pl.String, "rule": pl.String, "reason": pl.String})


@dataclass(frozen=True)
class Universe:
    """What ``securities.csv`` says.

    Attributes:
        lines: rows of ``ref.securities``: those that are covered, under their present names.
        names: what names of lines stand for.
        renamed: lines that the file has under a former name: that one, and the present one.
        quarantined: those that are not (``validation.QUARANTINE_SCHEMA``), each with its sentence.
    """

    lines: pl.DataFrame
    quarantined: pl.DataFrame
    names: Names = field(default_factory=Names)
    renamed: tuple[tuple[str, str], ...] = ()


def check_companies(securities: pl.DataFrame) -> pl.DataFrame:
    """Return the securities if every company_symbol is a line that stands for itself.

    Raises:
        ReferenceDataError: naming the lines for which that is not so.
    """
    companies = securities.filter(pl.col("symbol") == pl.col("company_symbol"))["symbol"]
    orphans = securities.filter(~pl.col("company_symbol").is_in(companies.implode()))
    if orphans.height:
        lines = orphans.select("symbol", "company_symbol").rows()
        raise ReferenceDataError(
            "securities: company_symbol is not a covered line that stands for itself: "
            + ", ".join(f"{symbol} -> {company}" for symbol, company in lines),
            "Add the company's line, or let company_symbol be the symbol itself.",
        )
    return securities


def refusals(securities: pl.DataFrame) -> pl.DataFrame:
    """Say which lines are no share of a company in dollars.

    Args:
        securities: rows of ``securities.csv``.

    Returns:
        symbol, rule, reason: a row for each thing that is wrong with a line. The lines of a company
        whose own line is refused are refused with it.
    """
    symbol, kind = pl.col("symbol"), pl.col("instrument_type")
    found = pl.concat(
        [
            pl.DataFrame(schema=_SCHEMA),
            securities.filter(pl.col("currency") != CURRENCY).select(
                "symbol",
                rule=pl.lit("currency: usd"),
                reason=pl.format(
                    f"{{}} trades in {{}}, not in {CURRENCY}: its prices would be called dollars; "
                    "take the line out, or cover one of the company that trades in dollars",
                    symbol,
                    "currency",
                ),
            ),
            securities.filter(~kind.is_in(list(SHARES))).select(
                "symbol",
                rule=pl.lit("instrument_type: share"),
                reason=pl.format(
                    "{} is no share of a company, its instrument_type is {}: take the line out; {}",
                    symbol,
                    kind,
                    pl.when(kind == InstrumentType.INDEX)
                    .then(pl.lit("indices are followed in indices.csv"))
                    .otherwise(pl.lit("it has no market cap that one could lose")),
                ),
            ),
        ]
    )
    belonging = securities.join(found, on="symbol", how="anti").filter(
        pl.col("company_symbol").is_in(found["symbol"].implode())
    )
    return pl.concat(
        [
            found,
            belonging.select(
                "symbol",
                rule=pl.lit("company_symbol: covered"),
                reason=pl.format(
                    "{} stands for the company of {}, a line that is refused: let company_symbol "
                    "be a line that trades in dollars",
                    symbol,
                    "company_symbol",
                ),
            ),
        ]
    )


def covered(securities: pl.DataFrame) -> Universe:
    """Keep the lines that are shares of companies in dollars.

    Raises:
        ReferenceDataError: if a company_symbol leads nowhere, or no line is left.
    """
    rows = check_companies(securities).with_row_index("__row")
    refused = refusals(securities)
    lines = securities.join(refused, on="symbol", how="anti", maintain_order="left")
    if lines.is_empty() and refused.height:
        raise ReferenceDataError(
            f"securities: all {securities.height} lines are refused: {_named(refused)}",
            "Cover lines that are shares of companies and trade in dollars.",
        )
    problems = refused.join(rows.select("symbol", "__row"), on="symbol").drop("symbol")
    return Universe(lines, quarantine(rows, problems, ref.Securities, RefusalStatus.REJECTED))


def under_present_names(securities: pl.DataFrame, names: Names) -> pl.DataFrame:
    """Put lines, and the lines that stand for their companies, under their present names.

    Raises:
        ReferenceDataError: if two lines are then one.
    """
    is_now = pl.lit(FOR_EVER)
    renamed = names.present(securities, "symbol", is_now)
    twice = renamed.filter(pl.col("symbol").is_duplicated(), pl.col(DELIVERED).is_not_null())
    if twice.height:
        raise ReferenceDataError(
            "securities: two lines of one company, by symbol_changes.csv: "
            + ", ".join(f"{old} is {new} now" for old, new in twice[[DELIVERED, "symbol"]].rows()),
            "Keep the line of the present name.",
        )
    return names.present(renamed, "company_symbol", is_now).drop(DELIVERED).sort("symbol")


def universe_of(written: pl.DataFrame, changes: pl.DataFrame) -> Universe:
    """Make the universe of what the files say.

    Args:
        written: rows of ``securities.csv``.
        changes: ``ref.symbol_changes``.

    Raises:
        ReferenceDataError: if they contradict themselves or each other.
    """
    names = names_of(changes, written)
    renamed = tuple((old, new) for old in written["symbol"] if (new := names.now(old)) != old)
    lines = under_present_names(written, names)
    return replace(covered(lines), names=names, renamed=renamed)


def read_universe(folder: Path) -> Universe:
    """Read ``securities.csv`` and ``symbol_changes.csv`` of the reference folder.

    Raises:
        ReferenceDataError: if a file is not what it should be.
    """
    return universe_of(_read(folder), read_changes(folder))


def _read(folder: Path) -> pl.DataFrame:
    return read_reference(folder, "securities", ref.Securities, optional=False)


def sectors_gone(held: pl.DataFrame, lines: pl.DataFrame) -> tuple[str, ...]:
    """Say which sectors have no line any more, and where theirs are.

    Args:
        held: ``ref.securities`` until now.
        lines: as it is now.
    """

    def say(sector: str, count: int, into: list[str]) -> str:
        lines_of = f"its {count} line{'s' * (count != 1)}"
        where = f" {lines_of}: now in {some(into)}." if into else f" {lines_of} are gone too."
        return f"securities: the sector {sector} is gone, and with it its history;{where}"

    moved = gone(held, lines, ["sector"]).join(
        lines.select("symbol", into="sector"), on="symbol", how="left"
    )
    by_sector = moved.group_by("sector", maintain_order=True).agg(
        count=pl.len(), into=pl.col("into").drop_nulls().unique().sort()
    )
    return told(by_sector, say)


def _named(refused: pl.DataFrame) -> str:
    """Say which lines are refused and why, the first of them."""
    said = "; ".join(refused["reason"].head(NAMED))
    return said + (f"; and {refused.height - NAMED} more" if refused.height > NAMED else "")


@table_asset(ref.Securities, {"changes": ref.SymbolChanges}, kinds=KINDS)
def securities(changes: pl.DataFrame, inputs: Inputs) -> Landing:
    """Read ``securities.csv``; lines stand there under their present names."""
    universe = universe_of(_read(inputs.reference()), changes)
    refused = universe.quarantined
    names = with_taken_back(universe.names, inputs.published_changes, changes, universe.lines)
    held = before(inputs, ref.Securities, names)
    in_file = [*universe.lines["symbol"], *refused["symbol"]]
    refuse_gone(inputs, held["symbol"], in_file, "securities", WAYS_OUT)
    notes = [
        f"securities: {old} is called {new} now (symbol_changes.csv)."
        for old, new in universe.renamed
    ]
    if refused.height:
        notes.append(f"securities: {refused.height} lines are refused: {_named(refused)}.")
    notes += sectors_gone(held, universe.lines)
    return Landing(
        universe.lines,
        quarantined=refused,
        notes=tuple(notes),
        metadata={"refused_lines": refused.height},
    )
