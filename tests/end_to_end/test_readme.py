"""What the README shows is what a reader gets."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.story import tell

README = (Path(__file__).parents[2] / "README.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)\n```\n\n((?:\|[^\n]*\n)+)", README, re.DOTALL)
STORY = re.search(r"```text\n(.*?)\n```", README, re.DOTALL)[1]


def test_there_are_five_queries_with_answers():
    assert len(QUERIES) == 5


@pytest.mark.parametrize(("query", "answer"), QUERIES)
def test_a_query_gives_the_answer_shown(founding, query, answer):
    asked = subprocess.run(
        [Path(sys.executable).parent / "duckdb", "-readonly", "-markdown",
         founding.settings.warehouse, query],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert asked.stdout.strip() == answer.strip()


def test_the_story_shown_is_the_story_told(founding):
    told = io.StringIO()
    tell(Console(file=told, width=80), founding.settings.warehouse, None)
    lines = {line.rstrip() for line in told.getvalue().splitlines()}
    shown = [line for line in STORY.splitlines() if line.strip() != "..."]
    assert len(shown) > 30
    assert set(shown) <= lines


def test_links_lead_somewhere():
    root = Path(__file__).parents[2]
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (root / target).exists(), target
