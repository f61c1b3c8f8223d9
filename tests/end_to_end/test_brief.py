"""The brief of real sessions: every number is its table's, names do no harm, one page a run."""

import csv
import json
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from assets.products.brief import pages
from assets.products.brief.pages import compose
from assets.products.brief.writing import briefs_beside, write_brief
from assets.products.telling.answers import STYLES
from pipelines.run import failure_reasons
from pipelines.run_requests import tags_of
from tests.assets.products import brief_market
from tests.conftest import Deployment
from warehouse.reader import Reader

FOUNDING = date(2025, 1, 27)
QUIET = date(2022, 12, 30)
MISSING = date(2025, 2, 7)
"""An unusual residual, a member without bars, rows held the session before."""

BIN = Path(sys.executable).parent
BRIEF = dg.AssetKey(["ops", "shock_brief"])


@dataclass
class Page(HTMLParser):
    """A page as a reader of its source finds it: figures, queries, pictures, and the rest."""

    figures: list[tuple[str, str]] = field(default_factory=list)
    queries: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, list[str]] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)
    alternatives: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, dict[str, str]]] = []
        self._figure = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.add(tag)
        if tag in {"meta", "img", "br"}:
            return
        self._open.append((tag, given))
        if tag == "figure":
            self._figure = given["id"]
        if given.get("role") == "img":
            self.alternatives.append(given["aria-label"])

    def handle_endtag(self, tag):
        while self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tags = [tag for tag, _ in self._open]
        classes = {given.get("class") for _, given in self._open}
        _, given = self._open[-1] if self._open else ("", {})
        if "data-from" in given:
            self.figures.append((given["data-from"], data))
        elif "data-question" in given:
            self.queries[given["data-question"]] = data
        elif "svg" in tags:
            self.pictures.setdefault(self._figure, []).append(data)
        elif not {"style", "title", "time"} & set(tags) and "static" not in classes:
            self.rest.append(data)


def _read(page: str) -> Page:
    found = Page()
    found.feed(page)
    return found


@pytest.fixture(scope="module")
def connection(founding) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(founding.settings.warehouse), read_only=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def brief(connection):
    return compose(Reader(connection), FOUNDING)


@pytest.fixture(scope="module")
def page(brief) -> Page:
    return _read(pages.html(brief))


_UNITS = {"tn": 1e12, "bn": 1e9, "m": 1e6, " million": 1e6, "": 1}
_NUMBER = re.compile(r"([+-]?)\$?([\d,]+)(?:\.(\d+))?(tn|bn|m| million)?( %)?(?: bps)?")


def _is_written(text: str, value: object) -> bool:
    """Tell whether a text is a value, read back without the code that wrote it."""
    if value is None:
        return text == "not known"
    if isinstance(value, date):
        return text in {f"{value.day} {value:%B %Y}", f"{value:%a} {value.day} {value:%b}"}
    if isinstance(value, list):
        flags = ", ".join(value).replace("_", " ").replace("unwitnessed", "no witness")
        return text in {flags, ""} or (
            int(text.split(":", maxsplit=1)[0]) == len(value)
            and text.split(": ")[1].startswith(value[0])
        )
    if isinstance(value, str):
        return text == value or value.startswith(text.rstrip("…")[:16])
    found = _NUMBER.fullmatch(text)
    if found is None:  # a place in words
        return text == {2: "second", 3: "third", 10: "tenth"}.get(value)
    sign, whole, decimals, unit, percent = found.groups()
    scale = _UNITS[unit or ""] / (100 if percent else 1)
    step = scale * 10.0 ** -len(decimals or "")
    read = float(f"{whole.replace(',', '')}.{decimals or 0}") * scale
    # A size is written without its sign; a loss that is stored as a size, with it.
    return abs(read - abs(value)) <= step / 2 + 1e-9 * abs(value) and (
        sign != "+" or value > 0 or read == 0
    )


def test_every_number_of_the_page_is_the_one_of_its_query(page, connection):
    answers = {name: connection.sql(sql).pl() for name, sql in page.queries.items()}
    assert len(page.figures) > 1000
    for place, text in page.figures:
        question, row, column = place.split("/")
        value = answers[question][int(row), column]
        value = value.to_list() if hasattr(value, "to_list") else value
        assert _is_written(text, value), f"{place}: {text!r} is not {value!r}"


def test_the_queries_run_in_the_command_line_that_analysts_have(page, founding):
    for sql in page.queries.values():
        subprocess.run(
            [BIN / "duckdb", "-readonly", founding.settings.warehouse, sql],
            check=True, capture_output=True,
        )  # fmt: skip


def test_no_number_stands_on_the_page_without_its_query(page):
    said = {"sha-256", "share count older than 120 days", "share count moved over 15 %"}
    rest = " ".join(page.rest)
    for known in said:
        rest = rest.replace(known, "")
    assert re.findall(r"\S*\d\S*", rest) == []


def test_every_number_in_a_picture_is_written_in_its_answer(page, brief):
    answers = {block.name: block.answer for block in brief.telling.blocks()}
    assert set(page.pictures) == {
        "bars", "losses", "map", "points-gspc", "points-ndx", "points-dji",
    }  # fmt: skip
    for name, texts in page.pictures.items():
        answer = answers[name]
        written = set()
        for column in answer.table.columns:
            for value in answer.table[column].drop_nulls().to_list():
                for style in STYLES.values():
                    try:
                        said = str(style(value))
                    except (TypeError, ValueError, AttributeError):
                        continue
                    written |= {said, f"no. {said}", f"{said} others"}
        numbers = {t.strip() for t in texts if any(c.isdigit() for c in t)}
        assert numbers
        assert numbers <= written


def test_the_founding_page_says_what_happened(page, brief):
    assert str(brief.telling.headline) == (
        "NVIDIA loses $592.7bn, the largest one-day loss of any company since 29 January 2021"
    )
    figures = {text for _, text in page.figures}
    # From the README of the sample, which names their sources.
    assert {
        "$592.7bn", "-16.97 %", "$634.8bn", "-18.17 %", "$278.9bn", "-70.1", "-320.1", "-148.8",
        "-0.33 %", "-1.64 %", "+1.01 %", "-$1.05tn", "$107.0bn", "24 January 2025",
    } <= figures  # fmt: skip
    assert all(len(text) > 20 for text in page.alternatives)
    # Each picture once for a wide page, two of them drawn again for a phone.
    assert len(page.alternatives) == 6 + 2


def test_the_page_needs_nothing_else(brief):
    text = pages.html(brief)
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", text)
    assert "url(" not in re.sub(r"url\(#", "", text)
    assert "default-src 'none'" in text
    assert len(text.encode()) < 1_500_000


def test_a_quiet_day_is_told_as_one(connection):
    brief = compose(Reader(connection), QUIET)
    assert str(brief.telling.headline) == "A quiet session: no company loses more than $8.9bn"


def test_a_record_gain_leads_the_page_of_a_day_without_a_loss(connection):
    brief = compose(Reader(connection), date(2022, 11, 10))
    assert str(brief.telling.headline) == (
        "Apple gains $190.9bn, the largest one-day gain of any company since 29 January 2021"
    )
    assert brief.telling.bars.title.parts[0].value == "Apple Inc. Common Stock"
    # What is drawn is the side of the lead; the other one is a table.
    assert {"gains", "losses"} & set(brief.pictures) == {"gains"}
    assert brief.pictures["gains"].svg
    names = [row[0].text for row in brief.telling.indices.rows()]
    assert "Dow Jones Industrial Average" in names


@pytest.mark.slow
def test_who_moved_an_index_is_not_said_where_most_members_lack_a_price(landed_cut):
    """The cut has all members of the Dow, and a tenth of the S&P 500's."""
    with duckdb.connect(str(landed_cut.settings.warehouse), read_only=True) as opened:
        brief = compose(Reader(opened), date(2025, 1, 2))
        assert [block.name for block in brief.telling.steps.values()] == ["points-dji"]
        about_the_index = str(brief.telling.sentences[1])
        assert about_the_index.startswith("The Dow Jones Industrial Average ")
        assert "S&P 500" not in " ".join(map(str, brief.telling.sentences))


def test_what_is_missing_and_held_is_on_the_page(connection):
    figures = [text for _, text in _read(pages.html(compose(Reader(connection), MISSING))).figures]
    assert any(t.startswith("2: ^GSPC: LEN (spin-off") for t in figures)
    assert any("SMR" in t for t in figures)
    assert any("TEAM 2025-02-06" in t for t in figures)


def test_markdown_has_the_numbers_and_reads_alone(brief):
    text = pages.markdown(brief.telling)
    assert text.startswith(f"# {brief.telling.headline}\n")
    assert "| NVDA | NVIDIA | $592.7bn | -16.97 % | 1 |  |" in text
    assert "| S&P 500 | 6,012.28 | -1.46 % | -89.0 | -70.1 | -0.33 % | 10 January 2025 |" in text
    assert "◐ **holds counted otherwise**: Nvidia plunged nearly 18 percent on Monday." in text
    assert "<" not in text


def test_the_parts_are_files_and_running_again_changes_none(founding, tmp_path, connection):
    page = pages.write(compose(Reader(connection), FOUNDING), tmp_path)
    first = {p.name: p.read_bytes() for p in tmp_path.rglob("*.*") if p.is_file()}
    (tmp_path / str(FOUNDING) / "of-another-day.csv").write_text("stale")
    pages.write(compose(Reader(connection), FOUNDING), tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.rglob("*.*") if p.is_file()} == first
    assert page == tmp_path / "2025-01-27.html"
    assert {n for n in first if n.endswith((".svg", ".png"))} == {
        f"{name}.{ending}" for ending in ("svg", "png")
        for name in ("bars", "losses", "map", "points-gspc", "points-ndx", "points-dji")
    }  # fmt: skip
    assert first["map.png"].startswith(b"\x89PNG")
    rows = list(csv.DictReader(first["losses.csv"].decode().splitlines()))
    assert [rows[0]["company_symbol"], rows[2]["flags"]] == [
        "NVDA", "close_only; unwitnessed",
    ]  # fmt: skip
    assert {"brief.md", "indices.csv", "claims.csv", "sectors.csv", "sources.csv"} <= set(first)


# --- made-up companies ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def landed(instance, tmp_path_factory):
    """The market of six after one run, and what came of it. Tests only read it."""
    base = tmp_path_factory.mktemp("six")
    data = brief_market.write(base / "data")
    (base / "landed").mkdir()
    deployment = Deployment(
        base / "landed", instance, {"data_dir": data, "reference_dir": data, "briefs": "last"}
    )
    return deployment, deployment.must_run()


@pytest.fixture
def six(landed, tmp_path):
    """A copy of it without briefs, for the brief alone to be made again."""
    copied = landed[0].copy(tmp_path / "six")
    shutil.rmtree(briefs_beside(copied.settings.warehouse))
    return copied


def _brief_alone(deployment, *window: str) -> dg.ExecuteInProcessResult:
    """Run the step that writes the brief, as part of a run over a window."""
    tags = tags_of((), *map(date.fromisoformat, window))
    return deployment.carry_out(dg.RunRequest(asset_selection=[BRIEF], tags=tags))


def _pages(deployment) -> set[str]:
    return {page.stem for page in briefs_beside(deployment.settings.warehouse).glob("*.html")}


def test_names_do_no_harm(landed):
    six, _ = landed
    text = (briefs_beside(six.settings.warehouse) / f"{brief_market.LAST}.html").read_text()
    found = _read(text)
    assert not {"script", "em", "marquee", "u", "i", "img"} & found.tags
    said = " ".join(text for _, text in found.figures)
    for name in ("<script>", "\u202e", "Consolidated Amalgamated", "<marquee>", "<img src=x>"):
        assert name in said
    drawn = " ".join(found.pictures["losses"] + found.pictures["map"])
    assert re.search(r"<script>docum\S*… \(EVIL\)", drawn)
    assert "<i>Sector</i>" in drawn
    parts = briefs_beside(six.settings.warehouse) / str(brief_market.LAST)
    assert (parts / "points-six-more.svg").exists()
    chat = (parts / "brief.md").read_text()
    assert re.search(r"(?<!\\)[<>`]", chat) is None


def test_a_run_writes_the_brief_of_its_last_session(landed):
    six, outcome = landed
    folder = briefs_beside(six.settings.warehouse)
    assert [p.name for p in folder.glob("*.html")] == ["2025-01-17.html"]
    told = next(
        entry.dagster_event.event_specific_data.materialization.metadata
        for entry in six.instance.all_logs(
            outcome.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        if entry.dagster_event.asset_key == BRIEF
    )
    assert told["headline"].value.startswith("<script>")
    assert told["brief"].value == "briefs/2025-01-17.html"
    assert told["as_markdown"].value.startswith("# ")
    assert str(folder) not in json.dumps({k: str(v.value) for k, v in told.items()})


@pytest.mark.slow
def test_the_brief_of_a_window_is_of_its_last_session_of_all_or_of_none(six):
    six.overrides["briefs"] = "none"
    assert _brief_alone(six).success
    assert not briefs_beside(six.settings.warehouse).exists()
    six.overrides["briefs"] = "last"
    assert _brief_alone(six, "2025-01-06", "2025-01-08").success
    assert _pages(six) == {"2025-01-08"}
    six.overrides["briefs"] = "all"
    assert _brief_alone(six, "2025-01-06", "2025-01-10").success
    # 2025-01-09 was no session.
    assert _pages(six) == {"2025-01-06", "2025-01-07", "2025-01-08", "2025-01-10"}


@pytest.mark.slow
@pytest.mark.parametrize(("library", "not_drawn"), [("vl_convert", 4), ("altair", 3)])
def test_without_what_draws_the_run_goes_on_and_says_so(six, monkeypatch, library, not_drawn):
    monkeypatch.setitem(sys.modules, library, None)
    result = _brief_alone(six)
    assert result.success
    warnings = [
        entry.user_message
        for entry in six.instance.all_logs(result.run_id)
        if entry.level == logging.WARNING
    ]
    assert any("tables instead of pictures" in w and library in w for w in warnings)
    text = (briefs_beside(six.settings.warehouse) / f"{brief_market.LAST}.html").read_text()
    assert text.count("The picture could not be drawn") == not_drawn
    found = _read(text)
    # The market map is drawn without Altair.
    assert set(found.pictures) == ({"map"} if library == "altair" else set())
    assert ("losses/0/loss_usd", "$1.9m") in found.figures


def test_a_folder_that_cannot_be_written_is_named(six):
    briefs_beside(six.settings.warehouse).write_text("in the way")
    result = _brief_alone(six, "2025-01-17", "2025-01-17")
    assert not result.success
    (reason,) = failure_reasons(six.instance, result.run_id)
    assert "cannot write the brief of 2025-01-17" in reason
    assert "`capshock brief` writes it" in reason
    assert six.one("SELECT count(*) FROM mart.market_caps") > 0


def test_a_session_without_losses_and_an_empty_index_have_pages_too(small):
    for day, said in (
        ("2025-01-02", "No one-day change of any company's market value is known"),
        (
            "2025-01-03",
            # Its only report is confirmed by no other.
            "Alpha gains $2.0m; the history is too short to tell how much that is; on a disputed "
            "share count",
        ),
    ):
        brief, page = write_brief(small.settings.warehouse, date.fromisoformat(day))
        assert str(brief.telling.headline) == said
        assert "None on this session" in page.read_text()
