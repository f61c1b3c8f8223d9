"""Stored responses: the bytes that a live source answered with, each once, by their sha-256.

A folder of zstd files and an index of what was asked when. Raw rows carry the ``response_id``; with
it every number walks back to the bytes it was read from.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from warehouse.errors import WarehouseError

_SUFFIX = ".zst"
_TABLE = """
CREATE TABLE IF NOT EXISTS fetches (
    response_id TEXT NOT NULL,
    url TEXT NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    fetched_at TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    PRIMARY KEY (url, fetched_at)
)
"""


@dataclass(frozen=True)
class Fetch:
    """One answer of a source.

    Attributes:
        response_id: sha-256 of the body.
        url: what was asked, without secrets.
        status: HTTP status.
        headers: headers that say something about the answer.
        fetched_at: when the answer was complete (UTC).
    """

    response_id: str
    url: str
    status: int
    headers: Mapping[str, str]
    fetched_at: datetime


class ResponseStore:
    """The folder of stored responses.

    Args:
        folder: where they lie; made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: sqlite3.Connection | None = None

    def put(
        self, url: str, status: int, headers: Mapping[str, str], body: bytes, fetched_at: datetime
    ) -> str:
        """Store an answer and return its response_id. Equal bodies are stored once."""
        response_id = hashlib.sha256(body).hexdigest()
        path = self.path(response_id)
        try:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                draft = path.with_suffix(".part")
                with pa.CompressedOutputStream(str(draft), "zstd") as out:
                    out.write(body)
                draft.replace(path)
            with self._index() as index:
                index.execute(
                    "INSERT OR REPLACE INTO fetches VALUES (?, ?, ?, ?, ?, 1)",
                    (response_id, url, status, json.dumps(dict(headers)), fetched_at.isoformat()),
                )
        except OSError as error:
            raise WarehouseError(
                f"{self.folder}: cannot store a response: {error}",
                "Make room or the folder writable, and run again.",
            ) from error
        return response_id

    def path(self, response_id: str) -> Path:
        """Return where the body of a response lies."""
        return self.folder / response_id[:2] / f"{response_id}{_SUFFIX}"

    def body(self, response_id: str) -> bytes:
        """Return the bytes of a response.

        Raises:
            WarehouseError: if they are gone, or are not the ones that were stored.
        """
        path = self.path(response_id)
        try:
            with pa.CompressedInputStream(str(path), "zstd") as stream:
                body: bytes = stream.read()
        except OSError as error:
            raise WarehouseError(
                f"{path}: the stored response cannot be read: {error}",
                "It may have been pruned (CAPSHOCK_KEEP_RESPONSES_DAYS); fetch the session again.",
            ) from error
        if hashlib.sha256(body).hexdigest() != response_id:
            raise WarehouseError(
                f"{path}: the stored response was altered: its sha-256 is another one",
                "Delete the file and fetch the session again.",
            )
        return body

    def fetches(self, response_id: str) -> list[Fetch]:
        """Return when a response came and what had been asked, the first time first."""
        if not self._file.exists():
            return []
        with self._index() as index:
            rows = index.execute(
                "SELECT response_id, url, status, headers, fetched_at FROM fetches "
                "WHERE response_id = ? ORDER BY fetched_at",
                (response_id,),
            ).fetchall()
        return [_fetch(row) for row in rows]

    def resumable(self, url: str, since: datetime) -> Fetch | None:
        """Return the good answer that a stopped run had already got to a question, if any.

        Args:
            url: the question.
            since: answers from before are outdated.
        """
        if not self._file.exists():
            return None
        with self._index() as index:
            row = index.execute(
                "SELECT response_id, url, status, headers, fetched_at FROM fetches "
                "WHERE url = ? AND is_open AND status = 200 AND fetched_at >= ? "
                "ORDER BY fetched_at DESC LIMIT 1",
                (url, since.isoformat()),
            ).fetchone()
        found = _fetch(row) if row else None
        return found if found and self.path(found.response_id).exists() else None

    def close(self, url: str | None = None) -> None:
        """Note that answers are not to be used again: those to a question, or all there are."""
        if not self._file.exists():
            return
        with self._index() as index:
            index.execute("UPDATE fetches SET is_open = 0 WHERE ? IS NULL OR url = ?", (url, url))

    def prune(self, keep: set[str], before: datetime) -> int:
        """Delete responses fetched before a time, but for those to keep.

        Args:
            keep: response_ids that raw rows refer to.
            before: later ones stay (UTC).

        Returns:
            How many bodies were deleted.
        """
        if not self._file.exists():
            return 0
        with self._index() as index:
            rows = index.execute(
                "SELECT response_id FROM fetches GROUP BY response_id HAVING max(fetched_at) < ?",
                (before.isoformat(),),
            ).fetchall()
            old = [response_id for (response_id,) in rows if response_id not in keep]
            for response_id in old:
                self.path(response_id).unlink(missing_ok=True)
            index.executemany("DELETE FROM fetches WHERE response_id = ?", [(r,) for r in old])
        return len(old)

    @property
    def _file(self) -> Path:
        return self.folder / "index.sqlite"

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._open is None or not self._file.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                opened = sqlite3.connect(self._file, timeout=30, check_same_thread=False)
                opened.execute("PRAGMA journal_mode = WAL")
                opened.execute("PRAGMA synchronous = NORMAL")
                opened.execute(_TABLE)
                self._open = opened
            with self._open:
                yield self._open
        except sqlite3.DatabaseError as error:
            raise WarehouseError(
                f"{self._file}: the index of stored responses cannot be used: {error}",
                "Make room if the disk is full. Move it aside if it is damaged, and run again: "
                "what is lost is when each response came and what had been asked; the responses "
                "stay.",
            ) from error


def _fetch(row: tuple[str, str, int, str, str]) -> Fetch:
    response_id, url, status, headers, fetched_at = row
    return Fetch(response_id, url, status, json.loads(headers), datetime.fromisoformat(fetched_at))
