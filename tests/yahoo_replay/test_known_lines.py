"""A live source is told what has landed of each line: a ticker may be another company's now."""

from datetime import date

from assets.resources import DataSettings, Inputs
from assets.sources import KnownLines
from warehouse.schemas import raw


def test_lines_are_known_from_what_has_landed_under_the_name_of_asking(small):
    settings = DataSettings(warehouse=small.settings.warehouse)
    known = Inputs(settings)._known_lines()
    first = date(2025, 1, 2)
    assert known == KnownLines(
        since={"AAA": first, "BBB": first, "CCC": first},
        splits={"AAA": [(date(2025, 1, 8), 2.0, None)]},
    )
    with small.warehouse.transaction() as connection:
        connection.execute(
            f"UPDATE {raw.Prices.table()} SET delivered_symbol = 'OLD' "
            "WHERE symbol = 'CCC' AND session_date < DATE '2025-01-13'"
        )
        connection.execute(
            "UPDATE ref.securities SET listed_to = DATE '2025-01-16' WHERE symbol = 'BBB'"
        )
    known = Inputs(settings)._known_lines()
    assert known.since == {"AAA": first, "BBB": first, "CCC": date(2025, 1, 13), "OLD": first}
    assert known.listed_to == {"BBB": date(2025, 1, 16)}
