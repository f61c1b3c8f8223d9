"""What the oracle is asked about: a market as plain values, every number as a source gives it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Line:
    """A listed line; a company's share count belongs to the line that stands for it."""

    symbol: str
    company_symbol: str
    sector: str = "Energy"
    listed_from: date | None = None
    listed_to: date | None = None


@dataclass(frozen=True)
class Bar:
    """A session's prices and volume, as traded."""

    close: float
    open: float | None = None
    high: float | None = None
    low: float | None = None
    volume: int | None = None


@dataclass(frozen=True)
class Recorded:
    """A split or spin-off as a source records it: by its ratio alone, or with its kind."""

    symbol: str
    ex_date: date
    ratio: float
    kind: str | None = None


@dataclass(frozen=True)
class Decision:
    """A person's word on what goes ex on a date: split, spin_off or none; two actions are two."""

    symbol: str
    ex_date: date
    kind: str
    ratio: float


@dataclass(frozen=True)
class Report:
    """A count of the whole company, and the first date on which it was seen."""

    symbol: str
    as_of_date: date
    shares: int


@dataclass(frozen=True)
class CountDecision:
    """A person's word on a report: accept or reject."""

    symbol: str
    as_of_date: date
    decision: str


@dataclass(frozen=True)
class Described:
    """How an index is weighted from a date on, with its published divisor if there is one."""

    index_symbol: str
    effective_from: date
    weighting: str
    divisor: float | None = None


@dataclass(frozen=True)
class Holding:
    """A member of a set; the set is all that shares index and effective_from."""

    index_symbol: str
    effective_from: date
    symbol: str
    units: float | None
    as_of_date: date
    is_estimate: bool = False
    source: str = "made up"


@dataclass(frozen=True)
class Market:
    """All inputs of the tables that the oracle computes.

    Attributes:
        sessions: sessions of the exchange, sorted, covering all bars and levels without a hole.
        told: how the market was made, for the message of a test that fails.
    """

    sessions: tuple[date, ...]
    lines: tuple[Line, ...]
    bars: Mapping[str, Mapping[date, Bar]]
    recorded: tuple[Recorded, ...] = ()
    decisions: tuple[Decision, ...] = ()
    reports: tuple[Report, ...] = ()
    count_decisions: tuple[CountDecision, ...] = ()
    levels: Mapping[str, Mapping[date, float]] = field(default_factory=dict)
    indices: tuple[Described, ...] = ()
    holdings: tuple[Holding, ...] = ()
    told: str = "written by hand"
