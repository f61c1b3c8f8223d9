"""What the assets are given from outside: where raw and reference data come from, and limits."""

from datetime import date
from pathlib import Path

import dagster as dg

from assets.sources import Source
from assets.sources.files import FilesSource
from warehouse.errors import SourceError


class Inputs(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Raw data, reference data, and how many rejected rows a delivery may have.

    Attributes:
        source: files.
        data_dir: folder of raw data for ``files``.
        reference_dir: folder of reference data.
        max_rejected_share: a delivery with a larger share of rejected rows ...
        max_rejected_rows: ... and at least this many of them fails its asset.
    """

    source: str
    data_dir: str
    reference_dir: str
    max_rejected_share: float = 0.05
    max_rejected_rows: int = 50

    def open_source(self) -> Source:
        """Return the source of raw data.

        Raises:
            SourceError: if there is no source of that name.
        """
        if self.source == "files":
            return FilesSource(Path(self.data_dir))
        raise SourceError(
            f"CAPSHOCK_SOURCE={self.source}: there is no such source of raw data",
            "Set it to files.",
        )

    def reference(self) -> Path:
        """Return the folder of reference data."""
        return Path(self.reference_dir)


def session_range(first: str, last: str) -> tuple[date, date]:
    """Parse the partition keys that bound a run's sessions."""
    return date.fromisoformat(first), date.fromisoformat(last)
