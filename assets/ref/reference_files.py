"""``ref.*``: the reference folder, read whole. A wrong row stops the table; it is the house's own.

Unlike a delivery from outside, a reference file is written by hand: it is mended, not quarantined.
"""

from pathlib import Path

import polars as pl

from assets.market import calendar
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.errors import ReferenceDataError
from warehouse.schemas import Table, ref
from warehouse.validation import pass_gate

_KINDS = frozenset({"csv", "duckdb"})


def read_reference(folder: Path, name: str, model: type[Table], *, optional: bool) -> pl.DataFrame:
    """Read a CSV file of the reference folder.

    Args:
        folder: the reference folder.
        name: file name without ending.
        model: the table that the file feeds.
        optional: whether a missing file means no rows.

    Raises:
        ReferenceDataError: naming the file, the columns or rows that are wrong, and why.
    """
    path = folder / f"{name}.csv"
    if not path.is_file():
        if optional and folder.is_dir():
            return model.no_rows()
        raise ReferenceDataError(
            f"{path}: the reference file is missing",
            "Put it there, or set CAPSHOCK_REFERENCE_DIR.",
        )
    try:
        rows = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ReferenceDataError(
            f"{path}: cannot be read: {str(error).splitlines()[0]}", "Mend or restore the file."
        ) from error
    missing = sorted(set(model.names()) - set(rows.columns))
    if missing:
        raise ReferenceDataError(
            f"{path}: column {', '.join(missing)} is missing; found {', '.join(rows.columns)}",
            "Add or rename the column.",
        )
    gated = pass_gate(rows, model)
    if gated.quarantined.height:
        shown = gated.quarantined.head(5)
        lines = [
            f"{reason} in {row}" for reason, row in shown.select("reason", "rejected_row").rows()
        ]
        raise ReferenceDataError(
            f"{path}: {gated.quarantined.height} wrong rows: " + "; ".join(lines),
            "Mend these rows.",
        )
    return gated.passed.sort(model.key())


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
            "securities.csv: company_symbol is not a covered line that stands for itself: "
            + ", ".join(f"{symbol} -> {company}" for symbol, company in lines),
            "Add the company's line, or let company_symbol be the symbol itself.",
        )
    return securities


def check_sessions(decisions: pl.DataFrame) -> pl.DataFrame:
    """Return the split decisions if every ex_date is a session.

    Raises:
        ReferenceDataError: naming the decisions for which that is not so.
    """
    off = decisions.filter(~pl.col("ex_date").is_in(calendar.sessions()))
    if off.height:
        named = off.select("symbol", "ex_date").rows()
        raise ReferenceDataError(
            "split_decisions.csv: ex_date is not a session of the exchange: "
            + ", ".join(f"{symbol} {day}" for symbol, day in named),
            "Name the first session that trades in the new basis.",
        )
    return decisions


@table_asset(ref.Securities, kinds=_KINDS)
def securities(inputs: Inputs) -> pl.DataFrame:
    """Read ``securities.csv``."""
    rows = read_reference(inputs.reference(), "securities", ref.Securities, optional=False)
    return check_companies(rows)


@table_asset(ref.Indices, kinds=_KINDS)
def indices(inputs: Inputs) -> pl.DataFrame:
    """Read ``indices.csv``."""
    return read_reference(inputs.reference(), "indices", ref.Indices, optional=False)


@table_asset(ref.IndexHoldings, kinds=_KINDS)
def index_holdings(inputs: Inputs) -> pl.DataFrame:
    """Read ``index_holdings.csv``."""
    return read_reference(inputs.reference(), "index_holdings", ref.IndexHoldings, optional=False)


@table_asset(ref.ShareCountDecisions, kinds=_KINDS)
def share_count_decisions(inputs: Inputs) -> pl.DataFrame:
    """Read ``share_count_decisions.csv``, if there is one."""
    return read_reference(
        inputs.reference(), "share_count_decisions", ref.ShareCountDecisions, optional=True
    )


@table_asset(ref.SplitDecisions, kinds=_KINDS)
def split_decisions(inputs: Inputs) -> pl.DataFrame:
    """Read ``split_decisions.csv``, if there is one."""
    rows = read_reference(inputs.reference(), "split_decisions", ref.SplitDecisions, optional=True)
    return check_sessions(rows)
