"""What the UI shows of the marts, asked of tables in memory and of the founding file."""

import dagster as dg
import pytest

from assets.products.previews import previews
from tests.warehouse.in_memory import day, fill, warehouse
from warehouse.reader import Reader, read_published
from warehouse.schemas import mart

RECONCILIATIONS = mart.IndexReconciliations.table()


def _reconciled(residuals: list[float | None], priced: int = 2) -> list[dict]:
    return [
        {"index_symbol": "^X", "session_date": day(n), "residual_bps": bps, "members": 2,
         "members_priced": 0 if bps is None else priced, "flags": []}
        for n, bps in enumerate(residuals)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("residuals", "largest"), [([0.5, -10.0], 10.0), ([3.0, -10.0, None], 10.0), ([None], None)]
)
def test_each_run_says_the_largest_residual_that_is_known(residuals, largest):
    connection = warehouse()
    fill(connection, mart.IndexReconciliations, _reconciled(residuals))
    found = previews(Reader(connection))[RECONCILIATIONS]
    told = found.get("largest_residual_bps")
    assert (told and told.value) == largest
    assert ("plot" in found) == (largest is not None)


def test_a_residual_with_members_missing_is_not_drawn():
    connection = warehouse()
    fill(connection, mart.IndexReconciliations, _reconciled([0.5, -10.0], priced=1))
    found = previews(Reader(connection))[RECONCILIATIONS]
    assert "plot" not in found
    assert found["largest_residual_bps"] == dg.MetadataValue.float(10.0)


def test_marts_without_rows_have_no_preview():
    assert previews(Reader(warehouse())) == {}


def test_every_mart_of_the_founding_file_has_a_table_and_a_picture(founding):
    with read_published(founding.settings.warehouse) as published:
        found = previews(published)
        marts = published.rows(
            "SELECT 'mart.' || table_name AS name FROM duckdb_tables() WHERE schema_name = 'mart'"
        )
    assert set(found) == {row["name"] for row in marts}
    for preview in found.values():
        assert preview["preview"].records
        assert preview["plot"].md_str.startswith("![")
    losses = found["mart.market_cap_losses"]
    assert losses["largest_loss_usd"].value == pytest.approx(
        founding.one(
            "SELECT max(loss_usd) FROM mart.market_cap_losses "
            "WHERE session_date = (SELECT max(session_date) FROM mart.market_cap_losses)"
        )
    )
    assert losses["preview"].records[0].data["bn USD"] == pytest.approx(
        -losses["largest_loss_usd"].value / 1e9, abs=0.005
    )
    gains = found["mart.market_cap_gains"]["preview"].records
    assert len(gains) == 10
    assert all(row.data["bn USD"] > 0 for row in gains)
