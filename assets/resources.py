"""What the assets are given from outside: where raw and reference data come from, and limits."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, Field

from assets.market.held_rows import held_for
from assets.market.names import Names
from assets.sources import KnownLines, Source
from assets.sources.files import FilesSource
from warehouse.errors import CapshockError, SourceError, WarehouseError
from warehouse.integrity import first_landed, landed_of
from warehouse.responses import ResponseStore
from warehouse.schemas import Table, ref
from warehouse.storage import Warehouse, open_warehouse

SOURCES = ("files", "yahoo")

_DATA = Path(__file__).resolve().parent.parent / "warehouse"


@dataclass(frozen=True)
class Limits:
    """How much of a delivery may be wrong: more of it fails its asset.

    Attributes:
        max_rejected_share: share of the rows.
        max_rejected_rows: rows; fewer never are too many.
    """

    max_rejected_share: float
    max_rejected_rows: int


class DataSettings(BaseModel):
    """What can be set of the data. Relative paths start at the current folder.

    Attributes:
        source: files or yahoo.
        data_dir: folder of raw data for ``files``.
        reference_dir: folder of reference data.
        warehouse: the published file; the answers of a live source lie beside it.
        first_session: first session of the pipeline.
        now: the moment that counts as now; None: the time.
        requests_per_second: how fast a live source is asked at most; 0: without limit.
        min_ok_share: a live delivery with a smaller share of symbols delivered lands, and stops
            publishing.
        max_rejected_share: a delivery with a larger share of rejected rows ...
        max_rejected_rows: ... and at least this many of them fails its asset.
        max_shrink_share: a table of core or mart that lost a larger share of the rows that readers
            see stops publishing.
        max_restated_share: a published loss or gain among the largest that changes by a larger
            share is a warning ...
        restated_places: ... the largest: this many of each.
        keep_responses_days: answers that no row rests on are deleted after this many days.
        briefs: of which sessions of a run a page is written.
    """

    source: str = "files"
    data_dir: Path = _DATA / "sample"
    reference_dir: Path = _DATA / "reference"
    warehouse: Path = Path("warehouse/market.duckdb")
    first_session: date = date(2021, 1, 29)
    now: datetime | None = None
    requests_per_second: float = Field(default=5.0, ge=0)
    min_ok_share: float = Field(default=0.9, ge=0, le=1)
    max_rejected_share: float = Field(default=0.05, ge=0, le=1)
    max_rejected_rows: int = Field(default=50, ge=0)
    max_shrink_share: float = Field(default=0.02, ge=0, le=1)
    max_restated_share: float = Field(default=0.01, ge=0)
    restated_places: int = Field(default=10, ge=1)
    keep_responses_days: int = Field(default=400, ge=1)
    briefs: Literal["last", "all", "none"] = "last"

    @property
    def limits(self) -> Limits:
        """How much of a delivery may be wrong."""
        return Limits(self.max_rejected_share, self.max_rejected_rows)


@dataclass(frozen=True)
class Override:
    """A person's word that what is written is published despite checks that fail.

    Attributes:
        checks: names of the checks.
        reason: why.
        by: who says so.
    """

    checks: tuple[str, ...] = ()
    reason: str = ""
    by: str = ""


@dataclass(frozen=True)
class Inputs:
    """What the assets are given in a run, as the resource ``inputs``.

    Attributes:
        settings: where the data come from, and limits.
        run_id: the run that asks.
        sessions: first and last session that the run fetches; None: it fetches none.
        on_progress: told how many symbols of a dataset a live source has been asked for, of how
            many.
        on_refusal: told of the error for which a table is not written, before it is raised, or of
            what lacks of one that is about to be, and how many tries went before; whoever started
            the run may raise something else, and so ask for another try.
        override: what a person said of checks that fail.
        is_rebuilt: whether every table is made anew, whatever it follows from.
        verdicts: what checks have found in this run: the gate and the UI ask the same ones.
    """

    settings: DataSettings
    run_id: str = ""
    sessions: tuple[date, date] | None = None
    on_progress: Callable[[str, int, int], None] = lambda *_: None
    on_refusal: Callable[[CapshockError, int], None] = lambda *_: None
    override: Override = Override()
    is_rebuilt: bool = False
    verdicts: dict[Any, Any] = field(default_factory=dict)

    def open_source(self) -> Source:
        """Return the source of raw data.

        Raises:
            SourceError: if there is no source of that name.
        """
        settings = self.settings
        if settings.source == "files":
            return FilesSource(settings.data_dir.resolve())
        if settings.source == "yahoo":
            from assets.sources.yahoo import YahooSource
            from assets.sources.yahoo.session import Policy

            return YahooSource(
                self.responses(),
                self._state(),
                Policy(requests_per_second=settings.requests_per_second),
                settings.first_session,
                self.moment(),
                self.on_progress,
                self._known_lines,
            )
        raise SourceError(
            f"CAPSHOCK_SOURCE={settings.source}: there is no such source of raw data",
            f"Set it to {' or '.join(SOURCES)}.",
        )

    def responses(self) -> ResponseStore:
        """Return the stored answers of a live source."""
        return ResponseStore(self._beside("responses"))

    def book(self, outcomes: pl.DataFrame) -> None:
        """Write the outcomes of a delivery that was refused: they are what one looks for then."""
        self._warehouse().book(outcomes, self.run_id)

    def landed(self, model: type[Table], names: Names | None = None) -> pl.DataFrame:
        """Return what has landed of a table that is about to be written.

        Args:
            model: the table.
            names: what names of lines stand for: rows of raw are given under those that their lines
                have now; None: as they stand.
        """
        if names is None:
            return self._warehouse().read(model.table())
        return self._warehouse().landed(model, names.of_landed().spans)

    def outcomes(self, dataset: str) -> pl.DataFrame:
        """Return what came of each symbol of a dataset in this run."""
        return self.all_outcomes(dataset).filter(pl.col("run_id") == self.run_id)

    def all_outcomes(self, dataset: str) -> pl.DataFrame:
        """Return what came of each symbol of a dataset in all runs."""
        return self._warehouse().read("ops.ingest_outcomes").filter(dataset=dataset)

    def waiting(self, rule: str) -> dict[str, date]:
        """Return the lines whose bars are held for a rule, and the first of these of each."""
        held = held_for(self._warehouse().read("ops.quarantine"), "raw.prices", rule)
        first = held.drop_nulls("row_date").group_by("symbol").agg(pl.col("row_date").min())
        return dict(first.iter_rows())

    def refused_lines(self) -> pl.DataFrame:
        """Return the lines that securities.csv has and that are not covered: symbol, reason."""
        refused = self._warehouse().read("ops.quarantine")
        return refused.filter(
            (pl.col("source_table") == "ref.securities") & (pl.col("status") == "rejected")
        ).select("symbol", "reason")

    def landed_of(self, symbols: Iterable[str]) -> pl.DataFrame:
        """Count what has landed of lines or indices: symbol, table_name, rows."""
        return landed_of(self._warehouse(), symbols)

    def settle(self, referred_to: set[str]) -> int:
        """Note that a run has used the stored answers; delete old ones that no row refers to.

        Returns:
            How many were deleted.
        """
        store = self.responses()
        store.close()
        before = self.moment() - timedelta(days=self.settings.keep_responses_days)
        return store.prune(referred_to, before)

    def reference(self) -> Path:
        """Return the folder of reference data."""
        return self.settings.reference_dir.resolve()

    def named(self, text: str) -> str:
        """Return a text without the folders of this machine: files go by their names."""
        folders = {
            self.settings.data_dir.resolve(),
            self.reference(),
            self._beside("responses"),
            self._state(),
            self._beside(""),
        }
        for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
            if len(folder.parts) > 1:
                text = text.replace(f"{folder}/", "").replace(str(folder), folder.name)
        return text

    def moment(self) -> datetime:
        """Return the moment that counts as now (UTC)."""
        now = self.settings.now
        return datetime.now(UTC) if now is None else now.astimezone(UTC)

    @cached_property
    def published_changes(self) -> pl.DataFrame:
        """Changes of names as readers have them: ``ref.symbol_changes``; none without a file."""
        changes = ref.SymbolChanges
        try:
            with self._warehouse().open_published() as reader:
                return reader.frame("FROM ref.symbol_changes").cast(changes.polars_schema())
        except WarehouseError:
            return changes.no_rows()

    def _known_lines(self) -> KnownLines:
        """Return what is known of lines before a source is asked for them."""
        ended = self._warehouse().read("ref.securities").select("symbol", "listed_to").drop_nulls()
        name = pl.coalesce("delivered_symbol", "symbol").alias("name")
        splits = self._warehouse().read("raw.splits").select(name, "ex_date", "ratio", "kind")
        return KnownLines(
            since=dict(first_landed(self._warehouse()).iter_rows()),
            listed_to=dict(ended.iter_rows()),
            splits={
                key[0]: of_line.drop("name").rows()
                for key, of_line in splits.partition_by("name", as_dict=True).items()
            },
        )

    def _warehouse(self) -> Warehouse:
        return open_warehouse(self.settings.warehouse)

    def _beside(self, name: str) -> Path:
        return self.settings.warehouse.resolve().parent / name

    def _state(self) -> Path:
        """Return the folder for the caches of a live source."""
        return self._beside(".build") / "yahoo"
