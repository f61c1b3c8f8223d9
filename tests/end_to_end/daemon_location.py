"""The code location as it is, with a clock that is quick enough for tests."""

import os

import dagster as dg

from pipelines import dead_runs, definitions
from pipelines.schedule import decide
from pipelines.settings import Settings

dead_runs.GRACE_SECONDS = 2.0
dead_runs.STARTING_SECONDS = 40.0

settings = Settings.load()


@dg.sensor(
    job_name="refresh",
    minimum_interval_seconds=2,
    default_status=dg.DefaultSensorStatus.RUNNING
    if os.environ.get("TEST_TICKS")
    else dg.DefaultSensorStatus.STOPPED,
)
def quick_ticks(context: dg.SensorEvaluationContext):
    """Decide as the schedule does, every two seconds: cron knows minutes only."""
    return decide(context.instance, settings, context.repository_def.asset_graph, settings.now)


defs = dg.Definitions.merge(
    definitions.build(
        settings, cron=os.environ.get("TEST_CRON", "30 18 * * 1-5"), watch_every_seconds=1
    ),
    dg.Definitions(sensors=[quick_ticks]),
)
