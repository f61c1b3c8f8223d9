"""Source ``files``: a folder of Parquet or CSV files, the public file contract."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from assets.sources import PROVENANCE, Delivery, Since, delivered_columns, tables_in_files
from assets.sources.tables_in_files import CONTRACT
from warehouse.errors import SourceError
from warehouse.schemas import Table, raw
from warehouse.schemas.raw import DELIVERED


class FilesSource:
    """Reads ``prices``, ``splits``, ``shares_outstanding``, ``index_levels``, ``dividends``.

    Each is ``<name>.parquet`` or ``<name>.csv``; only ``dividends`` may be missing.

    Args:
        folder: the folder with the files.
    """

    name = "files"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def bars(self, symbols: Sequence[str]) -> pl.DataFrame:
        """Return which bars the price file holds: symbol, session_date."""
        path = self._find("prices")
        scan = self._scan(path, raw.Prices)
        found = scan.select("symbol", session_date=_as_date(scan, "session_date"))
        return self._collect(path, found.filter(pl.col("symbol").is_in(symbols)).drop_nulls())

    def last_session(self) -> date | None:
        """Return the last date with a bar of any symbol; None if there is none."""
        path = self._find("prices")
        scan = self._scan(path, raw.Prices)
        last: date | None = self._collect(
            path, scan.select(_as_date(scan, "session_date").max())
        ).item()
        return last

    def fingerprint(self) -> str:
        """Return the sha-256 of the price file."""
        return _sha256(self._find("prices"))

    def prices(self, symbols: Sequence[str], first: date, last: date) -> Delivery:  # noqa: ARG002
        """Deliver the whole file: the gate looks at every row, whatever sessions land."""
        path = self._find("prices")
        return self._deliver(path, self._scan(path, raw.Prices), raw.Prices, is_empty_wrong=True)

    def splits(self, since: Since) -> Delivery:  # noqa: ARG002
        """Deliver all splits of the folder."""
        return self._whole("splits", raw.Splits)

    def dividends(self, since: Since) -> Delivery:  # noqa: ARG002
        """Deliver all dividends of the folder, or none if it has no such file."""
        if self._find_optional("dividends") is None:
            return Delivery(
                raw.Dividends.no_rows(),
                None,
                "the folder has no file of dividends",
                is_complete=True,
            )
        return self._whole("dividends", raw.Dividends)

    def shares_outstanding(self, since: Since) -> Delivery:  # noqa: ARG002
        """Deliver all share counts of the folder."""
        return self._whole("shares_outstanding", raw.SharesOutstanding)

    def index_levels(self, since: Since) -> Delivery:  # noqa: ARG002
        """Deliver all index levels of the folder."""
        return self._whole("index_levels", raw.IndexLevels)

    def _whole(self, dataset: str, model: type[Table]) -> Delivery:
        path = self._find(dataset)
        return self._deliver(path, self._scan(path, model), model)

    def _deliver(
        self, path: Path, scan: pl.LazyFrame, model: type[Table], *, is_empty_wrong: bool = False
    ) -> Delivery:
        columns = [name for name in delivered_columns(model) if name not in PROVENANCE]
        rows = self._collect(path, scan.select(columns))
        if rows.is_empty() and is_empty_wrong:
            raise SourceError(f"{path}: the file has no rows", f"Put rows into it. {CONTRACT}")
        response_id = _sha256(path)
        provenance = {
            "source": pl.lit(self.name),
            "fetched_at": pl.lit(datetime.now(UTC)).dt.cast_time_unit("us"),
            "response_id": pl.lit(response_id),
        }
        return Delivery(rows.with_columns(**provenance), response_id, is_complete=True)

    def _find(self, dataset: str) -> Path:
        path = self._find_optional(dataset)
        if path is None:
            raise SourceError(
                f"{self.folder}: neither {dataset}.parquet nor {dataset}.csv is there",
                f"Put one of them there, or set CAPSHOCK_DATA_DIR. {CONTRACT}",
            )
        return path

    def _find_optional(self, dataset: str) -> Path | None:
        if not self.folder.is_dir():
            raise SourceError(
                f"{self.folder}: the folder of raw data does not exist",
                f"Make it, or set CAPSHOCK_DATA_DIR. {CONTRACT}",
            )
        return tables_in_files.find(self.folder, dataset, SourceError)

    def _scan(self, path: Path, model: type[Table]) -> pl.LazyFrame:
        return tables_in_files.scan(path, model, SourceError, leave_out=(*PROVENANCE, DELIVERED))

    def _collect(self, path: Path, rows: pl.LazyFrame) -> pl.DataFrame:
        return tables_in_files.collect(path, rows, SourceError)


def _as_date(scan: pl.LazyFrame, name: str) -> pl.Expr:
    if scan.collect_schema()[name] == pl.String:
        return pl.col(name).str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    return pl.col(name).cast(pl.Date)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
