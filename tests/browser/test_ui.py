"""The Dagster UI in a real browser: what a data engineer sees and clicks."""

import time

import dagster as dg
import pytest
from playwright.sync_api import expect

from assets.catalogue import GROUPS
from tests.browser.conftest import PICTURES
from warehouse.schemas import TABLES, mart

pytestmark = pytest.mark.slow

MARTS = [model for name, model in TABLES.items() if name.startswith("mart.")]
_EXTENT = """() => {
    const boxes = [...document.querySelectorAll("svg foreignObject")].map(
        node => node.getBoundingClientRect());
    const x = Math.min(...boxes.map(box => box.left)) - 8;
    const y = Math.min(...boxes.map(box => box.top)) - 8;
    return {x, y, width: Math.max(...boxes.map(box => box.right)) + 8 - x,
            height: Math.max(...boxes.map(box => box.bottom)) + 8 - y};
}"""
"""Where the nodes of the lineage lie on the page."""


def _picture(page, name: str, **options) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", **options)


def _wait_for_run(instance, before: set[str]) -> dg.DagsterRun:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        new = [run for run in instance.get_runs() if run.run_id not in before]
        if new and all(run.is_finished for run in new):
            (run,) = new
            return run
        time.sleep(0.5)
    raise AssertionError(f"no run has finished: {instance.get_runs()}")


def test_the_lineage_reads_from_left_to_right(ui, page):
    page.goto(f"{ui.url}/asset-groups")
    places = {}
    for group in GROUPS:
        box = page.locator("svg").get_by_text(group, exact=True).first
        expect(box).to_be_visible()
        places[group] = box.bounding_box()["x"]
    assert sorted(GROUPS, key=places.__getitem__) == list(GROUPS)
    _picture(page, "lineage-groups", clip={"x": 540, "y": 350, "width": 1040, "height": 320})
    page.set_viewport_size({"width": 1700, "height": 3000})
    page.goto(f"{ui.url}/asset-groups?expanded={','.join(f'global@global:{g}' for g in GROUPS)}")
    for name in ("securities", "market_caps", "claim_checks", "published_file"):
        expect(page.locator("svg").get_by_text(name, exact=True).first).to_be_attached()
    page.wait_for_timeout(2000)
    drawn = page.evaluate(_EXTENT)
    assert 100 < drawn["y"] < drawn["y"] + drawn["height"] < 3000, "the graph fits the page"
    _picture(page, "lineage", clip=drawn)


@pytest.mark.parametrize("model", MARTS, ids=lambda model: model.table())
def test_each_mart_tells_what_it_holds_and_shows_its_last_run(ui, page, model):
    path = model.table().replace(".", "/")
    page.goto(f"{ui.url}/assets/{path}")
    expect(page.get_by_text(model.answers()).first).to_be_visible()
    for column in model.columns():
        expect(page.get_by_text(column.name, exact=True).first).to_be_attached()
    _picture(page, f"asset-{model.table().split('.')[1]}")
    page.goto(f"{ui.url}/assets/{path}?view=events")
    # What readers see is told once the run is published.
    expect(page.get_by_text("Observed in run")).to_be_visible()
    expect(page.get_by_text("readers see", exact=True)).to_be_visible()
    expect(page.get_by_text("preview", exact=True)).to_be_visible()
    expect(page.get_by_text("dagster/row_count", exact=True)).to_be_visible()
    page.get_by_text("[Show Markdown]").click()
    drawn = page.locator("img[src^='data:image/png']")
    expect(drawn).to_be_visible()
    assert drawn.evaluate("picture => picture.naturalWidth") > 400
    _picture(page, f"plot-{model.table().split('.')[1]}")


@pytest.mark.parametrize("table", ["quarantine", "ingest_outcomes"])
def test_what_the_gates_write_shows_its_rows(ui, page, table):
    page.goto(f"{ui.url}/assets/ops/{table}")
    expect(page.get_by_text("Row count")).to_be_visible()
    expect(page.get_by_text("Never materialized")).not_to_be_attached()
    _picture(page, f"asset-{table}")


def test_the_partitions_of_files_end_where_the_files_end(ui, page):
    page.goto(f"{ui.url}/assets/raw/prices?view=partitions")
    expect(page.get_by_text("2025-02-14").first).to_be_visible()
    expect(page.get_by_text("1,017").first).to_be_visible()
    _picture(page, "partitions")


def test_the_checks_of_a_table_are_there_with_their_reasons(ui, page):
    page.goto(f"{ui.url}/assets/{mart.MarketCapLosses.table().replace('.', '/')}?view=checks")
    for name in ("conforms", "plausible", "published", "references", "unique_key"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    page.get_by_text("supported", exact=True).first.click()
    expect(page.get_by_text("A loss above $150bn rests on two rows")).to_be_visible()
    # One that does not pass shows the rows that fail it.
    page.goto(f"{ui.url}/assets/{mart.IndexReconciliations.table().replace('.', '/')}?view=checks")
    page.get_by_text("residuals_as_usual", exact=True).first.click()
    expect(page.get_by_text("unusual residuals in the last 20 sessions")).to_be_visible()
    expect(page.get_by_text("LEN", exact=True).first).to_be_visible()
    _picture(page, "checks")


def test_the_schedule_runs_by_default_and_says_what_it_does(ui, page):
    page.goto(f"{ui.url}/locations/capshock/schedules/after_the_close")
    expect(page.get_by_text("fetches every closed session")).to_be_visible()
    expect(page.get_by_text("(30 18 * * 1-5)")).to_be_visible()
    expect(page.get_by_text("America/New_York")).to_be_visible()
    assert page.get_by_role("checkbox").first.is_checked()
    _picture(page, "schedule")


def test_a_click_materialises_a_table(ui, page):
    with ui.instance() as instance:
        before = {run.run_id for run in instance.get_runs()}
        page.goto(f"{ui.url}/assets/ref/indices")
        page.get_by_role("button", name="Materialize").first.click()
        expect(page.get_by_text("Launched run")).to_be_visible()
        run = _wait_for_run(instance, before)
        assert run.status == dg.DagsterRunStatus.SUCCESS
        page.goto(f"{ui.url}/runs/{run.run_id}")
        expect(page.get_by_text("RUN_SUCCESS").first).to_be_visible()
        _picture(page, "run")


def test_a_backfill_from_the_page_of_the_prices_is_one_run(ui, page):
    with ui.instance() as instance:
        before = {run.run_id for run in instance.get_runs()}
        page.goto(f"{ui.url}/assets/raw/prices")
        page.get_by_role("button", name="Materialize").first.click()
        page.get_by_text("Custom", exact=True).click()
        wanted = page.locator("[role=dialog] input[type=text], .dialog input").first
        wanted.fill("[2025-02-10...2025-02-14]")
        wanted.press("Enter")
        _picture(page, "backfill")
        page.get_by_role("button", name="Launch backfill").click()
        run = _wait_for_run(instance, before)
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert run.tags["dagster/asset_partition_range_start"] == "2025-02-10"
        assert run.tags["dagster/asset_partition_range_end"] == "2025-02-14"
