"""The checks as the UI shows them: each with the rows that fail it, and what overrides it."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import cast

import dagster as dg

from assets.market import calendar
from assets.metadata import as_table
from assets.ops.checks import CHECKS, WARN, Evidence
from assets.ops.gate import overrides_of, stop_of
from assets.resources import Inputs
from warehouse.io_manager import WarehouseIOManager
from warehouse.schemas import core


@dg.multi_asset_check(
    name="table_checks",
    specs=[
        dg.AssetCheckSpec(key.name, asset=key.asset_key, description=one.says)
        for key, one in CHECKS.items()
    ],
    can_subset=True,
    required_resource_keys={"io_manager", "inputs"},
)
def table_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Run the checks of the tables that this run made, in one step."""
    io_manager = cast("WarehouseIOManager", context.resources.io_manager)
    inputs = cast("Inputs", context.resources.inputs)
    evidence = Evidence(io_manager.open(), inputs)
    overrides = overrides_of(evidence.warehouse)
    for key in sorted(context.selected_asset_check_keys, key=str):
        failing, said = evidence.judge(key)
        severity = CHECKS[key].severity
        despite = stop_of(key, failing, said).reasons_given(overrides)
        if despite:
            severity, said = WARN, f"{said}; published despite it: {'; '.join(despite)}"
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=failing.is_empty(),
            severity=severity,
            description=said,
            metadata={"failing": failing.height, "failing_rows": as_table(failing)},
        )


@dg.asset_check(
    asset=["ops", "published_file"],
    required_resource_keys={"io_manager", "inputs"},
    description="Whether the last closed session is in the published file, by the exchange's "
    "calendar. A source of files ends where the files end.",
)
def fresh(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Warn where a live source should have more sessions."""
    warehouse = context.resources.io_manager.open()
    inputs = cast("Inputs", context.resources.inputs)
    last = cast("date | None", warehouse.read(core.Prices.table())["session_date"].max())
    closed = calendar.last_closed_session(inputs.moment())
    is_up_to_date, said, behind = freshness(last, closed, inputs.settings.source)
    return dg.AssetCheckResult(
        passed=is_up_to_date,
        severity=WARN,
        description=said,
        metadata={
            "last_session": str(last),
            "last_closed_session": str(closed),
            "sessions_behind": behind,
        },
    )


def freshness(last: date | None, closed: date, source: str) -> tuple[bool, str, int]:
    """Tell whether a source is up to date, in a sentence, and how many sessions it is behind.

    Args:
        last: last session with prices.
        closed: last session of the exchange that has ended.
        source: name of the source; files end where they end.
    """
    if last is None:
        return False, "there are no prices", 0
    behind = len(calendar.sessions(last + timedelta(days=1), closed))
    if source == "files":
        return True, f"source {source} ends on {last}", behind
    return not behind, f"the last session is {last}, {behind} closed since", behind
