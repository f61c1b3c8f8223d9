"""How the command line writes tables and paths."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_BILLION = 1e9


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
