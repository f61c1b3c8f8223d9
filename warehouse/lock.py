"""One writer: whatever starts a run, a lock beside the private database lets one write."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from warehouse.errors import WarehouseError, WriterAtWork

NOTICED_SECONDS = 0.2
"""A wait is said when it is longer than this: who asks whether the lock is held has it briefly."""

LOOK_SECONDS = 5.0
"""Who only looks waits this long: longer than somebody else looks, shorter than a run lasts."""


class WriterLock:
    """Lock of a warehouse, held for a whole run, released by the system if the process dies.

    Whoever plans a run or looks into the private database from outside has it as well, for a
    moment: DuckDB would make both wait for each other without saying for whom.

    Args:
        folder: the private folder of the warehouse.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._holder = folder / "writer.json"
        self._lock = FileLock(folder / "writer.lock")

    def acquire(
        self,
        holder: str,
        wait_seconds: float,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take the lock, waiting for another writer to finish.

        Args:
            holder: who takes it, for the message that others get.
            wait_seconds: how long to wait.
            on_wait: told at the beginning of a wait for whom that is.

        Raises:
            WriterAtWork: after ``wait_seconds``, naming who holds it.
            WarehouseError: if the folder cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            at_once = min(NOTICED_SECONDS, wait_seconds)
            try:
                self._lock.acquire(timeout=at_once)
            except Timeout:
                on_wait(f"Waiting up to {wait_seconds:g} s for another writer: {self.holder()}.")
                self._lock.acquire(timeout=wait_seconds - at_once)
            self._holder.write_text(
                json.dumps({"holder": holder, "pid": os.getpid(), "since_epoch_s": time.time()})
            )
        except Timeout:
            raise WriterAtWork(
                f"{self._folder}: another writer works on this warehouse: {self.holder()} "
                f"(waited {wait_seconds:g} s)",
                "Wait until it has finished, or end it; then run again. Nothing was written.",
            ) from None
        except OSError as error:
            raise self._not_writable(error) from error

    def release(self) -> None:
        """Give the lock back."""
        self._holder.unlink(missing_ok=True)
        self._lock.release()

    @contextmanager
    def held(
        self,
        holder: str,
        wait_seconds: float,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> Iterator[None]:
        """Hold the lock; arguments and errors are those of ``acquire``."""
        self.acquire(holder, wait_seconds, on_wait)
        try:
            yield
        finally:
            self.release()

    def is_held(self) -> bool:
        """Tell whether a process holds the lock, this one included.

        Raises:
            WarehouseError: if the folder cannot be written, so that nobody can tell.
        """
        probe = FileLock(self._folder / "writer.lock")
        try:
            if not self._folder.exists():
                return False
            probe.acquire(timeout=0)
        except Timeout:
            return True
        except OSError as error:
            raise self._not_writable(error) from error
        probe.release()
        return False

    def holder(self) -> str:
        """Say who holds the lock, for people."""
        try:
            held = json.loads(self._holder.read_text())
            minutes = (time.time() - held["since_epoch_s"]) / 60
            return f"{held['holder']}, process {held['pid']}, for {minutes:.1f} minutes"
        except (OSError, ValueError, KeyError, TypeError):
            # It is being written, or was left half-written by a process that died.
            return "a process that did not leave its name"

    def _not_writable(self, error: OSError) -> WarehouseError:
        return WarehouseError(
            f"{self._folder}: cannot write the warehouse folder: {error}",
            "Make room or the folder writable, or point CAPSHOCK_WAREHOUSE somewhere else.",
        )
