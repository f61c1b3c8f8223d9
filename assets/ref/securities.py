"""``ref.securities``: the lines that are covered, and the companies they stand for."""

import polars as pl

from assets.ref.reference_files import KINDS, read_reference
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.errors import ReferenceDataError
from warehouse.schemas import ref


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


@table_asset(ref.Securities, kinds=KINDS)
def securities(inputs: Inputs) -> pl.DataFrame:
    """Read ``securities.csv``."""
    rows = read_reference(inputs.reference(), "securities", ref.Securities, optional=False)
    return check_companies(rows)
