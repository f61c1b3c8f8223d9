"""What is published and changes is remembered: from what to what, when, why; and told."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tests.end_to_end.publication_copies import KEYS, REMEMBERED, Copy, differences

DAYS = {"prices": "session_date", "index_levels": "session_date", "dividends": "ex_date",
        "splits": "ex_date", "shares_outstanding": "as_of_date"}  # fmt: skip


class Market:
    """Files of a market that change between runs, and a copy of each file that was published."""

    def __init__(self, deployment, source: Path, folder: Path) -> None:
        self.deployment, self.source = deployment, source
        self.data, self.reference = folder / "data", folder / "reference"
        shutil.copytree(source, folder)
        deployment.overrides |= {"data_dir": self.data, "reference_dir": self.reference}
        self.copies: list[Copy] = []

    def rows(self, name: str, change) -> None:
        """Change the rows of a data file."""
        path = self.data / f"{name}.parquet"
        change(pl.read_parquet(path)).write_parquet(path)

    def cut(self, last: date) -> None:
        for name, day in DAYS.items():
            self.rows(name, lambda rows, day=day: rows.filter(pl.col(day) <= last))

    def grow(self, session: date) -> None:
        """Let a session come, and what came since the one before."""
        for name, day in DAYS.items():
            whole = pl.read_parquet(self.source / "data" / f"{name}.parquet")
            last = pl.read_parquet(self.data / "prices.parquet")["session_date"].max()
            if name == "prices":
                continue
            more = whole.filter(pl.col(day).is_between(last, session, closed="right"))
            self.rows(name, lambda rows, more=more: pl.concat([rows, more]))
        whole = pl.read_parquet(self.source / "data" / "prices.parquet")
        more = whole.filter(pl.col("session_date") == session)
        self.rows("prices", lambda rows: pl.concat([rows, more]))

    def run(self):
        outcome = self.deployment.must_run()
        path = self.deployment.folder / f"published-{len(self.copies)}.duckdb"
        shutil.copyfile(self.deployment.settings.warehouse, path)
        self.copies.append(Copy(path))
        return outcome


def _is(symbol: str, column: str, day: str) -> pl.Expr:
    return (pl.col("symbol") == symbol) & (pl.col(column) == date.fromisoformat(day))


def _times(factor: float, *columns: str, where: pl.Expr):
    return lambda rows: rows.with_columns(
        pl.when(where).then((pl.col(c) * factor).cast(rows.schema[c])).otherwise(c).alias(c)
        for c in columns
    )


def ten_runs(market: Market) -> Iterator[str]:
    """Run ten times, each with a change of its own; yield the name of each."""
    claims = sorted((market.reference / "claims").glob("*.yaml"))
    (article,) = [path for path in claims if "deepseek" in path.name]
    article.rename(article.with_suffix(".later"))
    market.cut(date(2025, 2, 5))
    lam = pl.read_parquet(market.source / "data" / "splits.parquet").filter(
        pl.col("symbol") == "LRCX"
    )
    market.rows("splits", lambda rows: rows.filter(pl.col("symbol") != "LRCX"))
    yield "first"
    market.grow(date(2025, 2, 6))
    yield "growth"
    market.grow(date(2025, 2, 7))
    close = _is("MSFT", "session_date", "2024-11-26")
    market.rows("prices", _times(0.998, "low", "close", where=close))
    yield "close"
    count = (pl.col("symbol") == "NVDA") & (pl.col("shares_outstanding") == 24_490_000_000)
    market.rows("shares_outstanding", _times(0.996, "shares_outstanding", where=count))
    yield "count"
    market.grow(date(2025, 2, 10))
    market.rows("splits", lambda rows: pl.concat([rows, lam]))
    yield "split"
    holdings = market.reference / "index_holdings.parquet"
    sets = pl.read_parquet(holdings)
    last = sets.filter(pl.col("index_symbol") == "^DJI").filter(
        pl.col("effective_from") == pl.col("effective_from").max()
    )
    swapped = last.with_columns(
        pl.col("symbol").replace("VZ", "INTC"), effective_from=pl.lit(date(2025, 1, 10))
    )
    pl.concat([sets, swapped]).write_parquet(holdings)
    yield "members"
    article.with_suffix(".later").rename(article)
    yield "claims"
    gone = _is("JNJ", "session_date", "2025-01-14") | _is("NVDA", "session_date", "2024-12-18")
    market.rows("prices", lambda rows: rows.filter(~gone))
    yield "vanished"
    (market.reference / "share_count_decisions.csv").write_text(
        "symbol,as_of_date,decision,reason,source\nTEAM,2025-02-06,accept,seen,a test\n"
    )
    yield "decision"
    securities = market.reference / "securities.csv"
    lines = securities.read_text().splitlines(keepends=True)
    securities.write_text("".join(line for line in lines if not line.startswith("CTLT,")))
    back = pl.read_parquet(market.source / "data" / "prices.parquet").filter(gone)
    market.rows("prices", lambda rows: pl.concat([rows, back]))
    market.grow(date(2025, 2, 11))
    yield "line gone, bars back"


@pytest.mark.slow
def test_ten_publications_are_given_back_as_they_were_and_all_that_changed_is_in_the_log(
    deploy, cut_of_sample, tmp_path
):
    deployment = deploy(max_shrink_share=1.0)
    market = Market(deployment, cut_of_sample, tmp_path / "market")
    told = []
    for name in ten_runs(market):
        outcome = market.run()
        told.append((name, [said for said in outcome.warnings if "ops.restatements" in said]))
    assert len(market.copies) == 10

    last = market.copies[-1]
    for copy in market.copies:
        for table in REMEMBERED:
            was = copy.table(table)
            now = last.sql(f"FROM as_published('{table}', $1)", copy.published_at)
            assert now.schema == was.schema
            assert now.sort(KEYS[table]).equals(was), (copy.path.name, table)

    had: set[date] = set()
    for before, after in zip(market.copies, market.copies[1:], strict=False):
        had |= set(before.table("core.prices")["session_date"])
        entries, moved = differences(before, after, had)
        assert after.log() == entries, after.path.name
        assert after.moved() == moved, after.path.name
    print(told)  # noqa: T201
