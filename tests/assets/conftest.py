"""The embedded sample and the exchange's sessions, read once for all tests of this room."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.market import calendar

SAMPLE = Path(__file__).parents[2] / "warehouse" / "sample"


@pytest.fixture(scope="session")
def all_sessions() -> Sequence[date]:
    return calendar.sessions(date(2020, 1, 2), date(2025, 2, 14))


@pytest.fixture(scope="session")
def recorded_splits() -> pl.DataFrame:
    splits = pl.read_parquet(SAMPLE / "splits.parquet")
    return splits if "kind" in splits.columns else splits.with_columns(kind=None)


@pytest.fixture(scope="session")
def recorded_counts() -> pl.DataFrame:
    return pl.read_parquet(SAMPLE / "shares_outstanding.parquet")
