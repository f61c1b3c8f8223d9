"""The warehouse as Dagster sees it: the IO manager of its tables, which is its one writer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import polars as pl
from dagster import InitResourceContext, InputContext, OutputContext
from dagster import _check as check
from pydantic import PrivateAttr

from warehouse.landing import Landing, Standing
from warehouse.schemas import TABLES
from warehouse.storage import Warehouse, open_warehouse

STANDS = "stands"
"""Metadata of a materialisation that left a table as it is: why."""

INPUTS_KEY = "capshock/inputs"
"""Definition metadata under which a table asset names the tables it is made from."""


class WarehouseIOManager(dg.ConfigurableIOManager):
    """Asset key ``[schema, table]`` is ``schema.table``: land outputs, read inputs whole.

    Locks the warehouse for one writer as long as a run lasts.

    Attributes:
        path: where the warehouse is.
        wait_seconds: how long to wait for another writer.
    """

    path: str
    wait_seconds: float = 60.0

    _warehouse: Warehouse = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator["WarehouseIOManager"]:
        """Be the warehouse's one writer for the run; a wait for another is in the run's log.

        Raises:
            WriterAtWork: if another run keeps it, naming the run.
        """
        self._warehouse = open_warehouse(self.path, self.wait_seconds)
        run = context.run
        holder = f"run {run.run_id[:8]} of {run.job_name}" if run else "a process"
        with self._warehouse.writing(holder, check.not_none(context.log).warning):
            yield self

    def open(self) -> Warehouse:
        """Return the locked warehouse."""
        return self._warehouse

    def handle_output(self, context: OutputContext, obj: Landing | Standing) -> None:
        """Land what a table asset returns, and say what changed, or that nothing did."""
        model = TABLES[".".join(context.asset_key.path)]
        inputs = tuple(context.definition_metadata[INPUTS_KEY])
        changes = self._warehouse.land(model, obj, inputs, context.run_id)
        numbers: dict[str, Any] = {
            "dagster/row_count": changes.rows,
            "inserted": changes.inserted,
            "updated": changes.updated,
            "deleted": changes.deleted,
        }
        if isinstance(obj, Standing):
            numbers[STANDS] = "nothing that its rows follow from has changed: not made again"
        else:
            numbers |= obj.metadata
        context.add_output_metadata(numbers)

    def load_input(self, context: InputContext) -> pl.DataFrame:
        """Read a whole table."""
        return self._warehouse.read(".".join(context.asset_key.path))
