"""What the published file was published in spite of."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from warehouse.reader import Reader
from warehouse.schemas import mart

_NAMES = ("symbol", "company_symbol")
"""Columns of a row that fails a check which say whom it is about."""

_OF_MANY = mart.SectorMoves.table()
"""What is said of sums over companies is about none of them."""


@dataclass(frozen=True)
class About:
    """What is told about: nothing but what concerns it is said.

    Attributes:
        names: a company, and its line.
        days: the sessions that its number rests on.
    """

    names: Collection[str]
    days: Collection[date]

    def is_met_by(self, row: dict[str, Any]) -> bool:
        """Tell whether a row that fails a check is about it.

        A row that names somebody else, or dates of none of its sessions, is not. One of an index
        is about all companies on its date, and without a date about none.
        """
        names = {row[name] for name in _NAMES if row.get(name) is not None}
        days = {told for name, told in row.items() if name.endswith("_date") and told is not None}
        if names and names.isdisjoint(self.names):
            return False
        if row.get("index_symbol") is not None and not days:
            return False
        return not days or not days.isdisjoint(day.isoformat() for day in self.days)


def published_despite(published: Reader, about: About | None = None) -> list[str]:
    """Return a sentence for each check that fails in the published file, by a person's word.

    Args:
        published: the published file.
        about: what it has to concern; None: all are told.
    """
    rows = published.rows(
        "SELECT table_name, check_name, failed, reason, failing_rows FROM ops.publish_overrides "
        "WHERE is_in_force ORDER BY ALL"
    )
    return [
        f"Published although {row['table_name']} fails {row['check_name']}: {row['failed']}; "
        f"{row['reason']}"
        for row in rows
        if about is None or _concerns(row, about)
    ]


def _concerns(override: dict[str, Any], about: About) -> bool:
    return override["table_name"] != _OF_MANY and any(
        about.is_met_by(json.loads(row)) for row in override["failing_rows"]
    )
