"""How the fund companies lay out the files in which they publish their holdings."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """How one fund company lays out its file: the names of the columns, and its way with dates.

    Attributes:
        provider: the fund company.
        ticker: column of the ticker.
        units: names that the company has had for the column of shares.
        weight: column of the weight in percent.
        day: how dates are written, as strptime has it.
        mark: a column that nobody else's file has.
        name: column of the member's name.
        close: column of the price in USD, if there is one.
        kinds: columns that tell cash from shares.
        has_notice: whether a notice always follows the table.
    """

    provider: str
    ticker: str
    units: tuple[str, ...]
    weight: str
    day: str
    mark: str
    name: str = "Name"
    close: str | None = None
    kinds: tuple[str, ...] = ()
    has_notice: bool = False

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns without which a file is not of this format."""
        return (self.ticker, self.name, self.weight, self.mark)

    def fits(self, cells: Sequence[str]) -> bool:
        """Tell whether a row of cells is the header of this format."""
        return set(self.needed) <= set(cells)

    def units_among(self, header: Sequence[str]) -> str | None:
        """Return the name that the column of shares has in a header, if it is there."""
        return next((name for name in self.units if name in header), None)


FORMATS = (
    Format("SSGA", "Ticker", ("Shares Held",), "Weight", "%d-%b-%Y", mark="SEDOL"),
    Format(
        "iShares",
        "Ticker",
        ("Quantity", "Shares"),
        "Weight (%)",
        "%b %d, %Y",
        mark="Asset Class",
        close="Price",
        has_notice=True,
    ),
    Format(
        "Invesco",
        "Holding Ticker",
        ("Shares/Par Value", "Shares/Par"),
        "Weight",
        "%m/%d/%Y",
        mark="Fund Ticker",
        kinds=("Class of Shares", "Sector"),
    ),
)
