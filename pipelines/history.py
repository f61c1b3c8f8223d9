"""Dagster's history on disk: opened, or a sentence that says which of its files is in the way.

Losing it loses no data: only which runs there were, what they said, and what the schedule has done.
``make ui`` looks at it before the UI starts, which would end in a traceback.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dagster as dg
import yaml
from dagster import DagsterError
from dagster._check import CheckError
from sqlalchemy.exc import SQLAlchemyError

from pipelines.settings import prepare_dagster_home
from warehouse.errors import HistoryUnusable

_WHAT_IS_LOST = "that loses the history of runs, and no data"


@contextmanager
def open_history() -> Iterator[dg.DagsterInstance]:
    """Open Dagster's history under DAGSTER_HOME (default ``.dagster`` here), made if need be.

    Raises:
        HistoryUnusable: if it cannot be opened, or turns out to be damaged later, naming the file.
    """
    home = prepared_home()
    try:
        with _opened(home) as instance:
            yield instance
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise _unusable(home, error) from error


def prepared_home() -> Path:
    """Return DAGSTER_HOME, with its folder and its instance settings.

    Raises:
        HistoryUnusable: if the folder cannot be made or written.
    """
    try:
        return prepare_dagster_home()
    except OSError as error:
        home = os.environ.get("DAGSTER_HOME") or ".dagster"
        raise HistoryUnusable(
            f"{error.filename or home}: cannot make or write Dagster's folder: {error.strerror}",
            "Set DAGSTER_HOME to a folder that can be written.",
        ) from error


def damaged_files(home: Path) -> list[tuple[Path, str]]:
    """Return the files of the history that SQLite cannot use, and why."""
    found = []
    for path in sorted(home.rglob("*.db")):
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            said = str(error)
        if said != "ok":
            found.append((path, said))
    return found


def require_sound(home: Path) -> None:
    """Look at the settings and every file of the history.

    Raises:
        HistoryUnusable: naming what is damaged.
    """
    for path, said in damaged_files(home):
        raise _damaged(path, said)
    with _opened(home):
        pass


@contextmanager
def _opened(home: Path) -> Iterator[dg.DagsterInstance]:
    try:
        instance = dg.DagsterInstance.get()
    except (DagsterError, CheckError, yaml.YAMLError, ValueError, TypeError) as error:
        # What is wrong with the settings has as many types as there are ways to be wrong.
        raise HistoryUnusable(
            f"{home / 'dagster.yaml'}: Dagster cannot use its settings: "
            f"{' '.join(str(error).split())}",
            "Mend the file, or move it aside and run again: it is written anew.",
        ) from error
    with instance:
        yield instance


def _unusable(home: Path, error: Exception) -> HistoryUnusable:
    for path, said in damaged_files(home):
        return _damaged(path, said)
    cause = str(getattr(error, "orig", None) or error).splitlines()[0]
    return HistoryUnusable(
        f"{home}: cannot read or write Dagster's history: {cause}",
        f"Make room or the folder writable, or move it aside and run again: {_WHAT_IS_LOST}.",
    )


def _damaged(path: Path, said: str) -> HistoryUnusable:
    return HistoryUnusable(
        f"{path}: this file of Dagster's history is damaged: {said}",
        f"Move it aside and run again: {_WHAT_IS_LOST}.",
    )
