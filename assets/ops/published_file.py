"""``ops.published_file``: the file that readers open."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import cast

import dagster as dg
import polars as pl

from assets.catalogue import place_of
from assets.code_version import code_version
from assets.metadata import as_table
from assets.ops.checks import Evidence
from assets.ops.gate import Passage, Stop, open_stops, pass_gate, write_down
from assets.ops.observations import observations
from assets.ops.restatement_causes import explain
from assets.products.restated import restated_by
from assets.resources import Inputs
from assets.table_asset import asset_key
from warehouse.errors import PublishingStopped
from warehouse.io_manager import STANDS
from warehouse.schemas import Table, mart, ops, raw, ref
from warehouse.schemas.vocabulary import Change
from warehouse.storage import Publication, Warehouse

PUBLISHED = dg.AssetKey(["ops", "published_file"])
"""The file that readers open."""

GATE = "gate"
"""Name of the check that runs before publishing."""

RESTATED = "restated"
"""Name of the check of what changed of what was published before."""

_LAST: tuple[type[Table], ...] = (
    raw.Dividends,
    mart.MarketCapGains,
    mart.IndexResidualSuspects,
    mart.IndexChanges,
    mart.Drawdowns,
    mart.ClaimChecks,
)
"""Tables that no other is made from: where they are there, all are."""


@dg.asset(
    key=PUBLISHED,
    deps=[asset_key(ops.DataDictionary), *(asset_key(model) for model in _LAST)],
    **place_of("ops.published_file"),
    kinds={"duckdb"},
    required_resource_keys={"io_manager", "inputs"},
    description="The DuckDB file that readers open: a compact copy of all tables, put in place in "
    "one step, and only from tables that belong together and pass the gate.",
    check_specs=[
        dg.AssetCheckSpec(
            GATE,
            asset=PUBLISHED,
            blocking=True,
            description="No check of severity error fails, but those that a person has overridden: "
            "else nothing is published, and readers keep what was published before.",
        ),
        dg.AssetCheckSpec(
            RESTATED,
            asset=PUBLISHED,
            description="No published loss or gain among the largest changed by more than "
            "CAPSHOCK_MAX_RESTATED_SHARE, and no record was won or lost by a change. What changed "
            "is in ops.restatements.",
        ),
    ],
)
def published_file(
    context: dg.AssetExecutionContext,
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
    """Publish the private database, if it passes the gate, and tell what changed for readers.

    Where readers have all of it already, made by this code, their file stays as it is.
    """
    warehouse = cast("Warehouse", context.resources.io_manager.open())
    inputs = cast("Inputs", context.resources.inputs)
    evidence = Evidence(warehouse, inputs)
    try:
        passage = pass_gate(evidence)
    except PublishingStopped as stopped:
        found = open_stops(evidence)
        yield _told(found, passed=False, said=f"not published: {len(found)} checks fail")
        raise dg.Failure(str(stopped), allow_retries=False) from stopped
    despite = passage.despite
    for stop in despite:
        context.log.warning("Published despite a check that fails: %s", stop)
    said = f"published despite {len(despite)} checks that fail" if despite else "nothing fails"
    yield _told(despite, passed=True, said=said)
    standing = None if inputs.is_rebuilt else _standing(warehouse, inputs, passage)
    if standing is None:
        write_down(passage, evidence)
        seen: dict[str, int | str] = {
            "size_bytes": warehouse.publish(_publication(context, warehouse, inputs))
        }
        yield _restated(context, warehouse, inputs)
        for observation in observations(warehouse, inputs.run_id):
            context.log_event(observation)
    else:
        seen = {STANDS: f"readers have all of it since {standing:%Y-%m-%d %H:%M} UTC"}
        yield dg.AssetCheckResult(
            check_name=RESTATED, passed=True, description="nothing is published anew"
        )
    # Whether it is published or known already: what the source has answered is used.
    pruned = inputs.settle(warehouse.response_ids())
    yield dg.MaterializeResult(
        metadata={"file": warehouse.name, **seen, "stored_responses_pruned": pruned}
    )


def _standing(warehouse: Warehouse, inputs: Inputs, passage: Passage) -> datetime | None:
    """Return since when readers have all that is written; None where they lack anything."""
    last = warehouse.last_publication()
    if last is None or passage.is_to_be_kept or last["code_version"] != code_version():
        return None
    return None if warehouse.has_news(inputs.run_id) else last["passed_at"]


def _publication(
    context: dg.AssetExecutionContext, warehouse: Warehouse, inputs: Inputs
) -> Publication:
    """Return who publishes, and what names the causes of what changes."""
    last = warehouse.last_publication()
    is_other_code = last is None or last["code_version"] != code_version()
    securities, changes = (
        warehouse.read(model.table()) for model in (ref.Securities, ref.SymbolChanges)
    )
    # Those that are taken back gave names too.
    changes = pl.concat([changes, inputs.published_changes]).unique(maintain_order=True)
    # The moment that the gate wrote down: one publication has one time.
    passed = dict(
        warehouse.read(ops.Publications.table()).select("run_id", "passed_at").iter_rows()
    )
    return Publication(
        inputs.run_id,
        passed[inputs.run_id],
        lambda found: explain(found, securities, changes, is_other_code=is_other_code),
        context.log.warning,
    )


def _restated(
    context: dg.AssetExecutionContext, warehouse: Warehouse, inputs: Inputs
) -> dg.AssetCheckResult:
    """Tell what the publication changed of what was published before."""
    settings = inputs.settings
    with warehouse.open_published() as reader:
        restated = restated_by(reader, inputs.run_id, settings.restated_places)
    said = restated.sentence()
    if said is not None:
        context.log.warning(said)
    beyond = restated.beyond(settings.max_restated_share)
    losses, gains = restated.side("loss"), restated.side("gain")
    shown = beyond if beyond.height else restated.moves
    return dg.AssetCheckResult(
        check_name=RESTATED,
        passed=beyond.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=said or "nothing of what was published before changed",
        metadata={
            "values_changed": restated.rows(Change.CHANGED),
            "values_settled": restated.rows(Change.SETTLED),
            "rows_appeared": restated.rows(Change.APPEARED),
            "rows_vanished": restated.rows(Change.VANISHED),
            "rows_renamed": int(restated.renamed["rows"].sum()),
            "places_moved": restated.rows(Change.MOVED),
            "losses_changed": losses.height,
            "gains_changed": gains.height,
            "largest_difference_usd": float(
                restated.moves.select(pl.col("difference_usd").max()).item() or 0.0
            ),
            "records_won_or_lost": restated.moves.drop_nulls("record").height,
            "beyond_limits": beyond.height,
            "largest": as_table(shown),
        },
    )


def _told(stops: Sequence[Stop], *, passed: bool, said: str) -> dg.AssetCheckResult:
    rows = pl.DataFrame(
        [(stop.table, stop.check, stop.said) for stop in stops],
        schema=["table", "check", "said"],
        orient="row",
    )
    return dg.AssetCheckResult(
        check_name=GATE,
        passed=passed,
        description=said,
        metadata={"failing": len(stops), "failing_checks": as_table(rows)},
    )
