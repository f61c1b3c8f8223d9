"""What the README and the guide show is what a reader gets."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from assets.products.story import report_story

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "docs" / "sql.md").read_text()
STORY = re.search(r"```text\n(.*?)\n```", README, re.DOTALL)[1]


def _answered(page: str) -> list[tuple[str, str]]:
    return re.findall(r"```sql\n(.*?)\n```\n\n((?:\|[^\n]*\n)+)", page, re.DOTALL)


def test_the_readme_has_five_queries_with_answers_and_the_guide_seventeen():
    assert len(_answered(README)) == 5
    assert len(_answered(GUIDE)) == 17 == len(re.findall(r"^### \d+\. ", GUIDE, re.MULTILINE))


@pytest.mark.parametrize(("query", "answer"), _answered(README) + _answered(GUIDE))
def test_a_query_gives_the_answer_shown(founding, query, answer):
    asked = subprocess.run(
        [Path(sys.executable).parent / "duckdb", "-readonly", "-markdown",
         founding.settings.warehouse, query],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert asked.stdout.strip() == answer.strip()
    # The same through the newer DuckDB of the Python package.
    heading, _, *rows = answer.strip().splitlines()
    from_python = founding.sql(query)
    assert from_python.columns == [name.strip() for name in heading.strip("|").split("|")]
    assert from_python.height == len(rows)


def test_the_story_shown_is_the_story_told(founding):
    told = io.StringIO()
    report_story(Console(file=told, width=80), founding.settings.warehouse, None)
    lines = {line.rstrip() for line in told.getvalue().splitlines()}
    shown = [line for line in STORY.splitlines() if line.strip() != "..."]
    assert len(shown) > 30
    assert set(shown) <= lines


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
    assert "@@" not in page.read_text(), "a figure that was left to be measured"


def test_every_macro_is_in_the_guide():
    for path in (ROOT / "warehouse" / "views").glob("*.sql"):
        assert f"`{path.stem}(" in GUIDE
