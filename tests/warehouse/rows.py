"""Rows of ``raw.splits``, and how they are landed: what the tests of the warehouse share."""

import subprocess
import sys
import textwrap
from datetime import date
from pathlib import Path

import polars as pl

from warehouse.landing import Changes, Landing, Window
from warehouse.schemas import TABLES, raw
from warehouse.storage import Warehouse

WEEK = Window("ex_date", date(2025, 1, 6), date(2025, 1, 10))


_ROW = ("symbol", "day", "ratio")


def splits(*rows: tuple, response_id: str = "a") -> pl.DataFrame:
    """Rows of raw.splits in January 2025: symbol, day, ratio, and kind where it is said."""
    return pl.DataFrame(
        {
            "symbol": [r[0] for r in rows],
            "ex_date": [date(2025, 1, r[1]) for r in rows],
            "ratio": [float(r[2]) for r in rows],
            "kind": [r[3] if len(r) > len(_ROW) else None for r in rows],
            "source": "files",
            "fetched_at": pl.Series([0] * len(rows), dtype=pl.Int64).cast(pl.Datetime("us", "UTC")),
            "response_id": response_id,
            "delivered_symbol": None,
        },
        schema=raw.Splits.polars_schema(),
    )


def land(warehouse: Warehouse, rows: pl.DataFrame, window: Window | None = None) -> Changes:
    return warehouse.land(raw.Splits, Landing(rows, window), (), "run")


def land_all(warehouse: Warehouse) -> None:
    """Land every table, without rows."""
    land(warehouse, splits())
    land_rest(warehouse)


def land_rest(warehouse: Warehouse) -> None:
    """Land every table but raw.splits, without rows."""
    for name, model in TABLES.items():
        if not name.startswith("ops.") and model is not raw.Splits:
            warehouse.land(model, Landing(model.no_rows()), (), "run")


def ratios(warehouse: Warehouse) -> list[tuple]:
    return [(s, d.day, r) for s, d, r in
            warehouse.read("raw.splits").select("symbol", "ex_date", "ratio").rows()]  # fmt: skip


def in_another_process(code: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=Path.cwd(),
    )  # fmt: skip
