"""Which code a publication was made by: the version of capshock, and a hash of what computes."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

_ROOMS = ("assets", "warehouse")
_SOURCES = (".py", ".sql")
_COMPUTES_WITH = ("duckdb", "exchange-calendars", "numpy", "polars")


@cache
def code_version() -> str:
    """Return the version of capshock and twelve digits of a hash.

    Of the sources of the rooms that make a number, and of the versions of what they compute with:
    equal ones give equal tables from equal inputs.
    """
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for package in _COMPUTES_WITH:
        digest.update(f"{package} {version(package)}\n".encode())
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in _SOURCES:
                digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
                digest.update(path.read_bytes())
    return f"{version('capshock')}+{digest.hexdigest()[:12]}"
