"""The one family of errors: each names what failed, where, and what to do next."""

from typing import Any


class CapshockError(Exception):
    """Base of every error that capshock raises on purpose.

    Args:
        what: what failed and where, in a sentence.
        next_step: what the reader can do about it.
    """

    def __init__(self, what: str, next_step: str) -> None:
        self.what = what
        self.next_step = next_step
        super().__init__(f"{what}\n  -> {next_step}")


class SourceError(CapshockError):
    """A source of raw data is missing, unreadable, or not of the promised shape."""


class TooFewDelivered(SourceError):
    """A source delivered too few of the symbols asked for.

    Args:
        what: what failed and where.
        next_step: what to do.
        outcomes: what came of each symbol (``ops.ingest_outcomes`` without run_id).
        passes: whether whatever kept the others away may be gone in minutes.
    """

    def __init__(self, what: str, next_step: str, outcomes: Any, *, passes: bool) -> None:
        super().__init__(what, next_step)
        self.outcomes = outcomes
        self.passes = passes


class ReferenceDataError(CapshockError):
    """A file of the reference folder is missing or wrong."""


class TableInvalid(CapshockError):
    """A frame does not conform to the model of the table it is meant for."""


class WarehouseError(CapshockError):
    """The warehouse cannot be read, written or published."""


class WarehouseLocked(WarehouseError):
    """Another process holds the private database; the message names it."""


class WarehouseDamaged(WarehouseError):
    """A database is cut short, or has bytes that are not the ones that were written."""


class WriterAtWork(WarehouseLocked):
    """Another writer has the warehouse's lock; the message names it."""


class InconsistentChain(WarehouseError):
    """A table was built from inputs that have changed since; nothing is published."""


class PublishingStopped(CapshockError):
    """A check of severity error fails, and nobody has said to publish despite it."""


class CannotForget(CapshockError):
    """A line or an index cannot be forgotten, or not yet; nothing has changed."""


class HoldingsFileError(CapshockError):
    """A fund's holdings file is not what it should be; the reference folder is unchanged."""


class ClaimsFileError(CapshockError):
    """A file of claims is not what it should be; its claims are left out."""


class HistoryUnusable(CapshockError):
    """Dagster's history, or its settings, cannot be read or written."""


class SettingsError(CapshockError):
    """A setting has a value that cannot be."""


class NotCheckable(CapshockError):
    """The tables hold nothing that a claim could be measured with."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, "")


class SessionNotCovered(CapshockError):
    """The published file has nothing about the session asked for."""


class NothingToTrace(CapshockError):
    """The published file has no row for what was asked."""


class CannotDraw(CapshockError):
    """The library that draws is missing or fails; the numbers are there without it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"a chart could not be drawn: {error}", "`make install` brings what draws."
        )


class NotDelivered(CapshockError):
    """The webhook did not take a message. Says nothing of its URL, which is a secret."""


def names_of_the_family() -> set[str]:
    """Return the names of all errors of the family that are defined so far."""
    found = [CapshockError]
    for known in found:
        found += known.__subclasses__()
    return {error.__name__ for error in found}
