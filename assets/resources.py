"""What the assets are given from outside: where raw and reference data come from, and limits."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl

from assets.sources import Source
from assets.sources.files import FilesSource
from warehouse.errors import SourceError
from warehouse.responses import ResponseStore
from warehouse.storage import Warehouse

SOURCES = ("files", "yahoo")


class Inputs(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Raw data, reference data, and how many rejected rows a delivery may have.

    Attributes:
        source: files or yahoo.
        data_dir: folder of raw data for ``files``.
        reference_dir: folder of reference data.
        warehouse: the published file.
        responses_dir: folder of the answers of a live source.
        state_dir: folder for the caches of a live source.
        first_session: first session of the pipeline, ISO.
        now: the moment that counts as now, ISO; empty: the time.
        requests_per_second: how fast a live source is asked at most; 0: without limit.
        max_rejected_share: a delivery with a larger share of rejected rows ...
        max_rejected_rows: ... and at least this many of them fails its asset.
        keep_responses_days: answers that no row rests on are deleted after this many days.
        briefs: of which sessions of a run a page is written: last, all or none.
        min_ok_share: a live delivery with a smaller share of symbols delivered fails its asset.
    """

    source: str
    data_dir: str
    reference_dir: str
    warehouse: str = "market.duckdb"
    responses_dir: str = "responses"
    state_dir: str = ".yahoo"
    first_session: str = "2021-01-29"
    now: str = ""
    requests_per_second: float = 5.0
    max_rejected_share: float = 0.05
    max_rejected_rows: int = 50
    min_ok_share: float = 0.9
    keep_responses_days: int = 400
    briefs: str = "last"

    def open_source(self) -> Source:
        """Return the source of raw data.

        Raises:
            SourceError: if there is no source of that name.
        """
        if self.source == "files":
            return FilesSource(Path(self.data_dir))
        if self.source == "yahoo":
            from assets.sources.yahoo import YahooSource
            from assets.sources.yahoo.session import Policy

            return YahooSource(
                self.responses(),
                Path(self.state_dir),
                Policy(requests_per_second=self.requests_per_second),
                date.fromisoformat(self.first_session),
                self.moment(),
            )
        raise SourceError(
            f"CAPSHOCK_SOURCE={self.source}: there is no such source of raw data",
            f"Set it to {' or '.join(SOURCES)}.",
        )

    def responses(self) -> ResponseStore:
        """Return the stored answers of a live source."""
        return ResponseStore(Path(self.responses_dir))

    def book(self, outcomes: pl.DataFrame, run_id: str) -> None:
        """Write the outcomes of a delivery that was refused: they are what one looks for then."""
        Warehouse(Path(self.warehouse)).book(outcomes, run_id)

    def covered(self, dataset: str) -> pl.DataFrame:
        """Return what has landed of a dataset: symbol, asked_from, asked_to of good outcomes."""
        return (
            Warehouse(Path(self.warehouse))
            .read("ops.ingest_outcomes")
            .filter(
                (pl.col("dataset") == dataset)
                & pl.col("outcome").is_in(["ok", "partial"])
                & pl.col("asked_to").is_not_null()
            )
            .select("symbol", "asked_from", "asked_to")
        )

    def settle(self, referred_to: set[str]) -> int:
        """Note that a run has used the stored answers; delete old ones that no row refers to.

        Returns:
            How many were deleted.
        """
        store = self.responses()
        store.close()
        before = self.moment() - timedelta(days=self.keep_responses_days)
        return store.prune(referred_to, before)

    def reference(self) -> Path:
        """Return the folder of reference data."""
        return Path(self.reference_dir)

    def named(self, text: str) -> str:
        """Return a text without the folders of this machine: files go by their names."""
        found = (self.data_dir, self.reference_dir, self.responses_dir, self.state_dir)
        folders = {Path(folder) for folder in found} | {Path(self.warehouse).parent}
        for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
            if len(folder.parts) > 1:
                text = text.replace(f"{folder}/", "").replace(str(folder), folder.name)
        return text

    def moment(self) -> datetime:
        """Return the moment that counts as now (UTC)."""
        if not self.now:
            return datetime.now(UTC)
        return datetime.fromisoformat(self.now).astimezone(UTC)


def session_range(first: str, last: str) -> tuple[date, date]:
    """Parse the partition keys that bound a run's sessions."""
    return date.fromisoformat(first), date.fromisoformat(last)


def session_bounds(run: dg.DagsterRun) -> tuple[date, date] | None:
    """Return the first and the last session that a run fetches; None where it names none."""
    one = run.tags.get("dagster/partition")
    first = run.tags.get("dagster/asset_partition_range_start", one)
    last = run.tags.get("dagster/asset_partition_range_end", one)
    return None if first is None or last is None else session_range(first, last)


def first_session_of(run: dg.DagsterRun) -> date | None:
    """Return the first session that a run fetches; None where it names none."""
    bounds = session_bounds(run)
    return None if bounds is None else bounds[0]
