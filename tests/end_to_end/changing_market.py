"""Files of a market that change between runs, and a copy of each file that was published."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl

from pipelines.run import Outcome
from tests.conftest import Deployment
from tests.end_to_end.publication_copies import Copy

DAYS = {"prices": "session_date", "index_levels": "session_date", "dividends": "ex_date",
        "splits": "ex_date", "shares_outstanding": "as_of_date"}  # fmt: skip

Change = Callable[[pl.DataFrame], pl.DataFrame]


class Market:
    """A copy of a market's folders ``data`` and ``reference``, for a deployment to run on.

    Args:
        deployment: what runs.
        source: the folders as they are in the end.
        folder: where the copy goes.
    """

    def __init__(self, deployment: Deployment, source: Path, folder: Path) -> None:
        self.deployment, self.source = deployment, source
        self.data, self.reference = folder / "data", folder / "reference"
        shutil.copytree(source, folder)
        deployment.overrides |= {"data_dir": self.data, "reference_dir": self.reference}
        self.copies: list[Copy] = []

    def rows(self, name: str, change: Change) -> None:
        """Change the rows of a data file."""
        path = self.data / f"{name}.parquet"
        change(pl.read_parquet(path)).write_parquet(path)

    def cut(self, last: date) -> None:
        """Take away all that is later than a session."""
        for name, day in DAYS.items():
            self.rows(name, lambda rows, day=day: rows.filter(pl.col(day) <= last))

    def grow(self, session: date) -> None:
        """Let a session come, and what came since the one before."""
        last = pl.read_parquet(self.data / "prices.parquet")["session_date"].max()
        for name, day in DAYS.items():
            whole = pl.read_parquet(self.source / "data" / f"{name}.parquet")
            more = whole.filter(pl.col(day).is_between(last, session, closed="right"))
            self.rows(name, lambda rows, more=more: pl.concat([rows, more]))

    def run(self) -> Outcome:
        """Run, and keep a copy of what is published."""
        outcome = self.deployment.must_run()
        path = self.deployment.folder / f"published-{len(self.copies)}.duckdb"
        shutil.copyfile(self.deployment.settings.warehouse, path)
        self.copies.append(Copy(path))
        return outcome


def row_of(symbol: str, column: str, day: str) -> pl.Expr:
    """Tell the row of a symbol on a date."""
    return (pl.col("symbol") == symbol) & (pl.col(column) == date.fromisoformat(day))


def times(factor: float, *columns: str, where: pl.Expr) -> Change:
    """Multiply columns of some rows."""
    return lambda rows: rows.with_columns(
        pl.when(where).then((pl.col(c) * factor).cast(rows.schema[c])).otherwise(c).alias(c)
        for c in columns
    )
