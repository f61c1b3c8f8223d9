"""The brief in a real browser: four sessions, desktop and phone, light and dark, and on paper."""

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from assets.products.brief.writing import write_brief
from tests.assets.products import brief_market
from tests.browser.conftest import PICTURES

pytestmark = pytest.mark.slow

DESKTOP, PHONE = 1200, 390
SESSIONS = {
    "founding": date(2025, 1, 27),
    "quiet": date(2022, 12, 30),
    "missing": date(2025, 2, 7),
    "six": brief_market.LAST,
}


@pytest.fixture(scope="module", autouse=True)  # before Playwright's event loop, see chromium
def written(founding, instance, tmp_path_factory) -> dict[str, Path]:
    """The pages of four sessions: the founding one, a quiet one, one with gaps, six companies."""
    from tests.conftest import Deployment

    PICTURES.mkdir(parents=True, exist_ok=True)
    folder = tmp_path_factory.mktemp("six")
    data = brief_market.write(folder / "data")
    six = Deployment(folder, instance, {"data_dir": data, "reference_dir": data})
    six.must_run()
    return {
        name: write_brief((six if name == "six" else founding).settings.warehouse, day)[1]
        for name, day in SESSIONS.items()
    }


@dataclass
class Seen:
    """What the browser had to say while a page was open."""

    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def _open(chromium, path: Path, **options):
    page = chromium.new_page(**options)
    seen = Seen()
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.said.append(message.text))
    page.on("pageerror", lambda error: seen.said.append(str(error)))
    page.goto(path.as_uri())
    return page, seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("name", SESSIONS)
def test_a_page_is_quiet_whole_and_readable(chromium, written, name, width, scheme):
    page, seen = _open(
        chromium, written[name], viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    with page:
        assert seen.requests == [written[name].as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert "broken" not in page.title() or page.title().startswith("<script>")
        page.screenshot(path=PICTURES / f"brief-{name}-{width}-{scheme}.png", full_page=True)
        found = Axe().run(page).response["violations"]
        grave = [v["id"] for v in found if v["impact"] in {"serious", "critical"}]
        assert grave == [], found
        # Unfolded, nothing overlaps or runs out of the page either.
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert seen.said == []


@pytest.mark.parametrize(
    ("name", "width", "height"), [("brief", 1200, 1500), ("brief-phone", 390, 900)]
)
def test_the_pictures_of_the_readme(chromium, written, name, width, height):
    page, _ = _open(chromium, written["founding"], viewport={"width": width, "height": height})
    with page:
        assert page.locator("h1").is_visible()
        page.screenshot(path=PICTURES / f"{name}.png")


@pytest.mark.parametrize("name", SESSIONS)
def test_a_page_prints_on_two(chromium, written, name):
    page, _ = _open(chromium, written[name], color_scheme="dark")
    with page:
        printed = page.pdf(prefer_css_page_size=True)
    (PICTURES / f"brief-{name}.pdf").write_bytes(printed)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= 2


def test_a_number_unfolds_to_the_query_that_gives_it(chromium, written):
    page, _ = _open(chromium, written["founding"])
    with page:
        figures = page.locator("[data-from]")
        places = figures.evaluate_all("all => all.map(one => one.dataset.from.split('/')[0])")
        queries = page.locator("pre").evaluate_all("all => all.map(one => one.dataset.question)")
        assert set(places) <= set(queries)
        losses = page.locator("#losses summary")
        losses.click()
        assert page.locator("#losses pre").is_visible()
        assert page.locator("#losses td", has_text="$592.7bn").is_visible()
