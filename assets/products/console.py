"""How the command line asks the published file, and writes tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from warehouse.errors import SessionNotCovered
from warehouse.reader import Reader

_BILLION = 1e9


def require_session(published: Reader, session: date) -> date:
    """Return a session that the published file holds.

    Raises:
        SessionNotCovered: if it does not, naming the ones around it.
    """
    near = published.rows(
        "SELECT max(session_date) FILTER (session_date <= $day) AS before, "
        "min(session_date) FILTER (session_date > $day) AS after FROM mart.market_caps",
        day=session,
    )[0]
    if near["before"] != session:
        # A slow import, for the message alone.
        from assets.market import calendar

        around = " and ".join(str(d) for d in (near["before"], near["after"]) if d) or "none"
        if session not in calendar.sessions(session, session):
            what, more = "is no session of the New York Stock Exchange", ""
        else:
            what, more = "the published file holds no such session", "; `capshock run` fetches more"
        raise SessionNotCovered(f"{session}: {what}", f"The nearest in the file: {around}{more}.")
    return session


@dataclass(frozen=True)
class Unit:
    """The unit of a column of dollars: billions, or millions where nothing is larger."""

    name: str
    usd: float

    @classmethod
    def fitting(cls, dollars: Iterable[float]) -> "Unit":
        """Return the unit that fits the largest of some amounts."""
        largest = max((abs(usd) for usd in dollars), default=0.0)
        return cls("bn USD", _BILLION) if largest >= _BILLION else cls("m USD", 1e6)

    def write(self, usd: float, *, signed: bool = False) -> str:
        """Write dollars in this unit, with two decimals."""
        number = f"{usd / self.usd:+,.2f}" if signed else f"{usd / self.usd:,.2f}"
        return "0.00" if number in {"+0.00", "-0.00"} else number


def new_table(*headers: str, text_columns: int = 2) -> Table:
    """Make a table: text on the left, numbers on the right, flags may wrap."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, header in enumerate(headers):
        is_text = place < text_columns or header == "flags"
        table.add_column(header, justify="left" if is_text else "right", no_wrap=header != "flags")
    return table


def section(title: str, *bodies: Any) -> Group:
    """Put tables or lines below a title."""
    return Group(
        Text(f"\n{title}", style="bold"), *(Padding(body, (0, 0, 0, 2)) for body in bodies)
    )


def short_path(path: Path) -> Path:
    """Return a path as one types it in the current folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
