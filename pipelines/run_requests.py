"""What a run is asked for, whoever asks: the command line, the schedule, a sensor."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

from assets.market import calendar
from assets.raw.delivery import source_of
from assets.ref.securities import read_universe
from assets.resources import Inputs
from assets.table_asset import asset_key
from pipelines.plan import Offer, Plan, plan_live, plan_missing, plan_window
from pipelines.run_inputs import RANGE_END, RANGE_START
from pipelines.settings import Settings
from warehouse.errors import CapshockError
from warehouse.schemas import raw
from warehouse.storage import open_warehouse

REFRESH = "refresh"
"""The job that fetches sessions and brings every table up to date."""

PUBLISH = "publish"
"""The job that publishes what has been written."""

NOTES = "capshock/notes"
"""Tag with what a plan left out, as a JSON list of sentences."""


def make_plan(
    instance: dg.DagsterInstance, settings: Settings, first: date | None, last: date | None
) -> Plan:
    """Plan the sessions of a run: those named, or all that are missing."""
    inputs = Inputs(settings)
    universe = read_universe(inputs.reference())
    lines, source = universe.lines, source_of(inputs, universe.names)
    offer = Offer(
        bars=source.bars(lines["symbol"].to_list()),
        first_session=settings.first_session,
        last_closed=calendar.last_closed_session(inputs.moment()),
        fingerprint=source.fingerprint(),
    )
    if first is not None or last is not None:
        return plan_window(offer, first, last)
    warehouse = open_warehouse(settings.warehouse, settings.lock_wait_seconds)
    booked = instance.get_materialized_partitions(asset_key(raw.Prices))
    if offer.bars is None:
        return plan_live(offer, warehouse, booked, universe, settings.overlap_sessions)
    return plan_missing(offer, warehouse, booked, universe.names)


def plan_or_fail(instance: dg.DagsterInstance, settings: Settings) -> Plan:
    """Plan all that is missing, where nobody waits to be told that it cannot be planned.

    What stands in the way then stands in the way of the last closed session too: its run fails for
    the same reason, and failed runs are told of.
    """
    try:
        return make_plan(instance, settings, None, None)
    except CapshockError as error:
        inputs = Inputs(settings)
        closed = calendar.last_closed_session(inputs.moment())
        return Plan(closed, closed, (f"Nothing can be planned: {inputs.named(error.what)}",))


def tables_to_run(graph: BaseAssetGraph[Any], plan: Plan) -> list[dg.AssetKey]:
    """Return the assets of a run: all, or all but the prices if none are missing."""
    keys = graph.executable_asset_keys
    without = set() if plan.first else {asset_key(raw.Prices)}
    return sorted(keys - without)


def tags_of(
    notes: Sequence[str] = (), first: date | None = None, last: date | None = None
) -> dict[str, str]:
    """Return the tags that tell a run its sessions, and its readers what was left out."""
    tags = {NOTES: json.dumps(notes)} if notes else {}
    if first is not None and last is not None:
        tags |= {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
    return tags


def requests_for(graph: BaseAssetGraph[Any], plan: Plan) -> list[dg.RunRequest]:
    """Return one request for each stretch of missing sessions; one without prices if none are."""
    selected = tables_to_run(graph, plan)
    tags = [tags_of(plan.notes, *ends) for ends in plan.ranges()] or [tags_of(plan.notes)]
    return [dg.RunRequest(asset_selection=selected, tags=told) for told in tags]


def sessions_of(request: dg.RunRequest) -> str:
    """Say which sessions a request asks for."""
    first, last = request.tags.get(RANGE_START), request.tags.get(RANGE_END)
    if first is None:
        return "the tables after the prices"
    return f"session {first}" if first == last else f"sessions {first} to {last}"
