"""A session is told once: console, page, Markdown and message speak of the same."""

import io
import random
import re
from datetime import date

import pytest
from rich.console import Console

from assets.products.brief import pages
from assets.products.story import story
from assets.products.telling.answers import ask, to_paste
from assets.products.telling.session import Telling, tell_session
from tests.warehouse.in_memory import warehouse
from warehouse.reader import Reader, read_published


@pytest.fixture(scope="module")
def published(founding):
    with read_published(founding.settings.warehouse) as reader:
        yield reader


def _printed(telling: Telling) -> str:
    out = io.StringIO()
    console = Console(file=out, width=120)
    for part in story(telling):
        console.print(part)
    return out.getvalue()


def _written(telling: Telling) -> str:
    return re.sub(r"<[^>]*>", "", pages.html(pages.Brief(telling, {})))


def _must_agree(telling: Telling) -> None:
    printed, written = _printed(telling), _written(telling)
    assert telling.lead is not None
    leading = telling.lead.leading
    company = leading.value("company_symbol")
    verb = {"loss": "lost", "gain": "gained"}[telling.lead.side]
    assert re.search(rf"^{re.escape(company)} {verb} \d", printed, re.MULTILINE)
    name = leading.figure("name", "long name")
    assert f"{name} ({company}) closes" in str(telling.sentences[0])
    assert str(telling.sentences[0]) in written.replace("&amp;", "&").replace("&#39;", "'")
    # The index that leads: first in the story's table, second sentence of the page.
    lead_index = telling.indices.answer
    table = printed[printed.index("\nIndices\n") :].splitlines()
    assert table[3].split()[0] == lead_index.value("index_symbol")
    assert f"{lead_index.value('name')} " in str(telling.sentences[1])
    # Who moved an index: the bars of the page are the companies of the story.
    for index, block in telling.steps.items():
        line = next(row for row in table if re.match(rf"  {re.escape(index)} +\S+ [+-]?\d", row)
                    and "," in row and "%" not in row)  # fmt: skip
        moved_by = set(re.findall(r"(\S+) [+-]?[\d.,]+\d(?:,|\s*$)", line.split(index, 1)[1]))
        bars = block.answer.table
        assert moved_by == set(bars.filter(step="company")["company"].to_list())


@pytest.mark.parametrize(
    ("day", "company", "side", "index"),
    [("2024-07-31", "NVDA", "gain", "^GSPC"), ("2025-01-28", "NVDA", "gain", "^GSPC"),
     ("2022-02-03", "META", "loss", "^GSPC"), ("2025-01-27", "NVDA", "loss", "^GSPC"),
     ("2024-12-18", "TSLA", "loss", "^GSPC")],
)  # fmt: skip
def test_story_and_page_lead_with_the_same(published, day, company, side, index):
    telling = tell_session(published, date.fromisoformat(day))
    assert telling.lead.side == side
    assert telling.lead.leading.value("company_symbol") == company
    assert telling.indices.answer.value("index_symbol") == index
    _must_agree(telling)


@pytest.mark.slow
def test_story_and_page_agree_on_any_session(published):
    days = [
        row["day"]
        for row in published.rows(
            "SELECT DISTINCT session_date AS day FROM mart.market_cap_losses ORDER BY day"
        )
    ]
    recent = [day for day in days if day >= date(2025, 1, 2)]
    drawn = random.Random(20250127).sample(days, 12)  # noqa: S311 - which sessions, by seed
    for day in [*drawn, *recent[::5]]:
        _must_agree(tell_session(published, day))


def test_a_line_never_moves_an_index_beside_its_company(published):
    telling = tell_session(published, date(2025, 1, 27))
    movers = {str(company): points.value for company, points in telling.movers("^GSPC")}
    assert list(movers) == ["NVDA", "AVGO", "AAPL", "GOOGL", "MSFT"]
    assert movers["GOOGL"] == pytest.approx(-10.363, abs=0.001)


def test_a_query_is_written_as_one_types_it():
    query = "FROM f($day, company := $company, n := $n) WHERE day = $day"
    text = to_paste(query, {"day": date(2025, 1, 27), "company": "O'X", "n": 5})
    assert text == "FROM f('2025-01-27', company := 'O''X', n := 5) WHERE day = '2025-01-27'"
    assert to_paste("FROM f(company := $company)", {"company": None}) == "FROM f(company := NULL)"


@pytest.mark.parametrize("company", [None, "'; DROP TABLE ref.securities; --", "$day"])
def test_what_is_asked_and_what_is_shown_are_one(company):
    connection = warehouse()
    answer = ask(Reader(connection), "q", "SELECT $day::DATE AS day, $company AS company",
                 day=date(2025, 1, 27), company=company)  # fmt: skip
    assert answer.value("company") == company
    assert connection.sql(answer.sql).fetchall() == [(date(2025, 1, 27), company)]
