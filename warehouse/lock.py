"""One writer: whatever starts a run, a lock beside the private database lets one write."""

import json
import os
import time
from pathlib import Path

from filelock import FileLock, Timeout

from warehouse.errors import WarehouseError, WarehouseLocked


class WriterLock:
    """Lock of a warehouse, held for a whole run, released by the system if the process dies.

    Args:
        folder: the private folder of the warehouse.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._holder = folder / "writer.json"
        self._lock = FileLock(folder / "writer.lock")

    def acquire(self, holder: str, wait_seconds: float) -> None:
        """Take the lock, waiting for another writer to finish.

        Raises:
            WarehouseLocked: after ``wait_seconds``, naming who holds it.
            WarehouseError: if the folder cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=wait_seconds)
            self._holder.write_text(
                json.dumps({"holder": holder, "pid": os.getpid(), "since_epoch_s": time.time()})
            )
        except Timeout:
            raise WarehouseLocked(
                f"{self._folder}: another writer works on this warehouse: {self.holder()} "
                f"(waited {wait_seconds:g} s)",
                "Wait until it has finished, or end it; then run again. Nothing was written.",
            ) from None
        except OSError as error:
            raise WarehouseError(
                f"{self._folder}: cannot write the warehouse folder: {error}",
                "Make the folder writable, or point CAPSHOCK_WAREHOUSE somewhere else.",
            ) from error

    def release(self) -> None:
        """Give the lock back."""
        self._holder.unlink(missing_ok=True)
        self._lock.release()

    def is_held(self) -> bool:
        """Tell whether a process holds the lock, this one included."""
        if not self._folder.exists():
            return False
        probe = FileLock(self._folder / "writer.lock")
        try:
            probe.acquire(timeout=0)
        except Timeout:
            return True
        probe.release()
        return False

    def holder(self) -> str:
        """Say who holds the lock, for people."""
        try:
            held = json.loads(self._holder.read_text())
        except (OSError, ValueError):
            return "a process that did not leave its name"
        minutes = (time.time() - held["since_epoch_s"]) / 60
        return f"{held['holder']}, process {held['pid']}, for {minutes:.1f} minutes"
