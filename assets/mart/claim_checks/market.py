"""The tables, as the claim solver asks them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from warehouse.reader import Reader
from warehouse.schemas.vocabulary import ReconciliationFlag


@dataclass(frozen=True)
class Report:
    """A share count that was reported, in the share basis of a session."""

    as_of_date: date
    shares: float


class Market:
    """Questions to a database that has the tables of a warehouse.

    Args:
        reader: of the published file, or of tables in memory.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._companies = dict(self.rows("SELECT symbol, company_symbol FROM ref.securities"))
        self._sectors = [
            row[0]
            for row in self.rows("SELECT DISTINCT sector FROM ref.securities ORDER BY sector")
        ]
        self._sessions = {
            row[0] for row in self.rows("SELECT DISTINCT session_date FROM mart.market_caps")
        }

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run a query to its end."""
        return [tuple(row.values()) for row in self._reader.rows(query, **parameters)]

    def number(self, query: str) -> float | None:
        """Return the one number that a query gives; None if it gives none."""
        found = self.rows(query)
        return None if not found or found[0][0] is None else float(found[0][0])

    def bounds(self) -> tuple[date | None, date | None]:
        """Return the first and the last session; None without any."""
        if not self._sessions:
            return None, None
        return min(self._sessions), max(self._sessions)

    def has_session(self, day: date) -> bool:
        """Tell whether there are prices of a session."""
        return day in self._sessions

    def has_effects(self, day: date | None) -> bool:
        """Tell whether a one-day change in dollars of any company is known on a session."""
        return bool(
            self.rows(
                "SELECT 1 FROM mart.market_caps "
                "WHERE session_date = $day AND price_effect_usd IS NOT NULL LIMIT 1",
                day=day,
            )
        )

    def company_of(self, symbol: str) -> str | None:
        """Return the line that stands for a symbol's company; None if it is not covered."""
        return self._companies.get(symbol)

    def lines_of(self, company: str) -> list[str]:
        """Return all lines of a company."""
        return sorted(line for line, of in self._companies.items() if of == company)

    def sectors(self) -> Sequence[str]:
        """Return all sectors."""
        return self._sectors

    def has_share_count(self, company: str) -> bool:
        """Tell whether any share count of a company was accepted."""
        return bool(
            self.rows(
                "SELECT 1 FROM core.shares_outstanding WHERE symbol = $company LIMIT 1",
                company=company,
            )
        )

    def dispute(self, company: str, day: date | None) -> str:
        """Say that the count behind a company's change on a session is disputed; '' if not."""
        found = self.rows(
            "SELECT 1 FROM mart.market_caps WHERE company_symbol = $company "
            "AND session_date = $day AND list_contains(flags, 'disputed_share_count')",
            company=company,
            day=day,
        )
        return "a disputed share count" if found else ""

    def report(self, company: str, day: date | None, place: int) -> Report | None:
        """Return a reported share count: 0 the one in force, -1 the one before, 1 the next."""
        found = self.rows(
            "SELECT reported_as_of, shares_outstanding FROM share_counts($company, $day) "
            "WHERE place = $place",
            company=company,
            day=day,
            place=place,
        )
        return Report(*found[0]) if found else None

    def reports(self, company: str, day: date | None) -> list[Report]:
        """Return all reported share counts, in the share basis of a session."""
        return [
            Report(*row)
            for row in self.rows(
                "SELECT reported_as_of, shares_outstanding FROM share_counts($company, $day) "
                "ORDER BY place",
                company=company,
                day=day,
            )
        ]

    def has_level(self, index: str, day: date | None) -> bool:
        """Tell whether an index has a level on a session."""
        return bool(
            self.rows(
                "SELECT 1 FROM core.index_levels "
                "WHERE index_symbol = $index AND session_date = $day",
                index=index,
                day=day,
            )
        )

    def is_too_little_priced(self, index: str, day: date | None) -> bool:
        """Tell whether too little of an index has a price to say who moved it on a session."""
        return bool(
            self.rows(
                "SELECT 1 FROM mart.index_reconciliations "
                "WHERE index_symbol = $index AND session_date = $day "
                "AND list_contains(flags, $flag)",
                index=index,
                day=day,
                flag=ReconciliationFlag.TOO_LITTLE_PRICED,
            )
        )

    def has_impact(self, index: str, lines: Sequence[str], day: date | None) -> bool:
        """Tell whether any of some lines is a member of an index, with a price, on a session."""
        return bool(
            self.rows(
                "SELECT 1 FROM mart.index_impacts "
                "WHERE index_symbol = $index AND session_date = $day "
                "AND list_contains($lines, symbol) AND contribution_return IS NOT NULL LIMIT 1",
                index=index,
                day=day,
                lines=list(lines),
            )
        )
