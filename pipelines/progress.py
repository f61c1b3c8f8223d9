"""A run as it is seen on the command line: a bar that moves, then durations or the reason."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn
from rich.text import Text

from assets.ops.published_file import PUBLISHED
from assets.resources import Override
from pipelines.dead_runs import bury_dead_runs
from pipelines.definitions import build
from pipelines.history import open_history
from pipelines.plan import Plan
from pipelines.run import Outcome, Step, execute, plan_run, publish
from pipelines.run_requests import tables_to_run
from pipelines.settings import Settings
from warehouse.storage import open_warehouse


def report_run(  # noqa: PLR0913 - as many as the command has
    console: Console,
    settings: Settings,
    first: date | None,
    last: date | None,
    *,
    verbose: bool = False,
    rebuild: bool = False,
) -> bool:
    """Execute a run, and print what happens.

    Returns:
        Whether everything landed.
    """
    started = time.perf_counter()
    with open_history() as instance:
        plan = plan_run(instance, settings, first, last, lambda said: _warn(console, said))
        _announce(console, plan, settings.source)
        with (
            _past_the_capture(console) as terminal,
            Progress(
                SpinnerColumn(),
                "{task.description:<48}",
                BarColumn(),
                MofNCompleteColumn(),
                "assets",
                TimeElapsedColumn(),
                console=terminal,
                transient=True,
                # What steps print belongs in their captured log.
                redirect_stdout=False,
                redirect_stderr=False,
                disable=verbose,
            ) as progress,
        ):
            task = progress.add_task("starting", total=None)

            pace = Pace()

            def show_asked(dataset: str, done: int, of: int) -> None:
                said = pace.told(dataset, done, of, time.perf_counter())
                progress.update(task, description=said)

            defs = build(settings, on_progress=show_asked)
            progress.update(task, total=len(tables_to_run(defs.resolve_asset_graph(), plan)))

            def show(news: Step | str) -> None:
                if isinstance(news, str):
                    _warn(terminal, news)
                elif news.seconds is None:
                    progress.update(task, description=news.table, refresh=True)
                else:
                    progress.update(task, advance=1, refresh=True)

            outcome = execute(instance, defs, plan, show, verbose=verbose, rebuild=rebuild)
    _conclude(console, outcome, settings.warehouse, time.perf_counter() - started)
    return outcome.succeeded


class Pace:
    """How far the questions to a live source are, how fast they go, and how long they will take."""

    def __init__(self) -> None:
        self._dataset = ""
        self._done = self._first = 0
        self._since_seconds = 0.0

    def told(self, dataset: str, done: int, of: int, at_seconds: float) -> str:
        """Say where a dataset stands.

        Args:
            dataset: what is asked for.
            done: symbols that have been asked for.
            of: how many there are.
            at_seconds: the time, by any clock.
        """
        if dataset != self._dataset or done <= self._done:
            # Measured from the first answer on: what went before it belongs to none.
            self._dataset, self._since_seconds, self._first = dataset, at_seconds, done
        self._done = done
        said = f"raw.{dataset} {done:,}/{of:,}"
        seconds = at_seconds - self._since_seconds
        if done == self._first or seconds <= 0:
            return said
        rate = (done - self._first) / seconds
        minutes, rest = divmod(round((of - done) / rate), 60)
        return f"{said}, {rate:.1f}/s, {minutes}:{rest:02} left"


def report_publish(console: Console, settings: Settings, override: Override) -> bool:
    """Publish what has been written, and print what came of it.

    Returns:
        Whether it is published.

    Raises:
        PublishingStopped: if the override names no check there is, or gives no reason.
    """
    started = time.perf_counter()

    def show(news: Step | str) -> None:
        if isinstance(news, str):
            _warn(console, news)

    with open_history() as instance:
        bury_dead_runs(instance, open_warehouse(settings.warehouse))
        outcome = publish(instance, build(settings), override, show)
    _conclude(console, outcome, settings.warehouse, time.perf_counter() - started)
    return outcome.succeeded


@contextmanager
def _past_the_capture(console: Console) -> Iterator[Console]:
    """Open a console on the terminal that stays one while steps run.

    Dagster points descriptors 1 and 2 at files meanwhile, for the logs of steps in the UI: a
    console on them finds itself on no terminal, and stops drawing.
    """
    own = os.dup(console.file.fileno())
    with open(own, "w", encoding=console.encoding) as file:  # noqa: PTH123, a descriptor
        yield Console(file=file)


def _announce(console: Console, plan: Plan, source: str) -> None:
    if plan.first is None:
        console.print(
            "No new prices: the warehouse has all that the source has. Refreshing tables."
        )
    else:
        count = len(plan.sessions)
        console.print(
            f"Fetching {count:,} session{'s' * (count != 1)}, {plan.first} to {plan.last}, "
            f"from source {source}.",
            highlight=False,
        )
    for note in plan.notes:
        console.print(f"Note: {escape(note)}", style="yellow", highlight=False)


def _warn(console: Console, said: str) -> None:
    console.print(f"Warning: {escape(said)}", style="yellow", highlight=False)


def _conclude(console: Console, outcome: Outcome, file: Path, seconds: float) -> None:
    if outcome.succeeded:
        made = [step for step in outcome.steps if step.table not in outcome.stands]
        standing = len(outcome.steps) - len(made)
        still = outcome.stands.get(".".join(PUBLISHED.path))
        if still is not None:
            console.print(
                f"[green]Nothing new[/] for {escape(str(file))} in {seconds:.1f} s: {still}. "
                f"Of {len(outcome.steps)} assets {standing} stand as they were.",
                highlight=False,
            )
        else:
            slowest = sorted(made, key=lambda s: s.seconds or 0, reverse=True)[:4]
            said = ", ".join(f"{step.table} {step.seconds:.1f} s" for step in slowest)
            stand = f" ({standing} stand as they were)" if standing else ""
            console.print(
                f"[green]Published[/] {escape(str(file))} in {seconds:.1f} s: "
                f"{len(outcome.steps)} assets{stand}, the slowest {said}.",
                highlight=False,
            )
        said = f", {len(outcome.remarks)} to look at:" if outcome.remarks else ", all passed."
        console.print(f"{outcome.checks} checks{said}", highlight=False)
        for remark in outcome.remarks:
            console.print(f"  {escape(remark)}", style="yellow", highlight=False, soft_wrap=True)
        return
    console.print(Text("The run failed:", style="bold red"), highlight=False)
    for reason in outcome.reasons:
        console.print(escape(reason), highlight=False, soft_wrap=True)
    console.print(
        f"The published file keeps the last complete state. Run {outcome.run_id[:8]} is in the UI "
        "(`make ui`); `capshock run --verbose` prints Dagster's log.",
        style="dim",
        highlight=False,
    )
