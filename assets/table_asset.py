"""``@table_asset``: an asset that is a table, with everything its model says projected on it."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any, cast

import dagster as dg
import polars as pl

from assets.catalogue import place_of
from assets.code_version import code_version
from assets.resources import Inputs
from warehouse.ddl import VIEWS
from warehouse.errors import CapshockError, TableInvalid
from warehouse.io_manager import INPUTS_KEY
from warehouse.landing import Landing
from warehouse.schemas import Table
from warehouse.storage import Warehouse
from warehouse.validation import validate

CONFORMS = "conforms"
"""Name of the blocking check that runs before each write."""


def asset_key(model: type[Table]) -> dg.AssetKey:
    """Return the asset key of a table: ``[schema, table]``."""
    return dg.AssetKey(model.table().split("."))


def column_schema(model: type[Table]) -> dg.TableSchema:
    """Project a model on the UI's Columns tab."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                c.name,
                type=c.duckdb_type,
                description=c.comment,
                constraints=dg.TableColumnConstraints(
                    nullable=c.nullable, unique=(c.name,) == model.key(), other=list(c.rules)
                ),
                tags={"key": ""} if c.is_key else {},
            )
            for c in model.columns()
        ]
    )


def column_lineage(
    model: type[Table], inputs: Mapping[str, type[Table]]
) -> dg.TableColumnLineage | None:
    """Return the columns each column comes from: those its model names, and its namesakes.

    Raw and reference tables are where columns begin; what lineage they have is their file.
    """
    if model.table().split(".")[0] in ("raw", "ref", "ops"):
        return None
    deps = {}
    for column in model.columns():
        namesakes = tuple(
            f"{source.table()}.{column.name}"
            for source in inputs.values()
            if not column.made_of and column.name in source.names()
        )
        deps[column.name] = [
            dg.TableColumnDep(dg.AssetKey(schema_and_table.split(".")), name)
            for schema_and_table, _, name in (
                path.rpartition(".") for path in column.made_of or namesakes
            )
        ]
    return dg.TableColumnLineage(deps)


def macros_over(model: type[Table]) -> list[str]:
    """Return the files of SQL macros that read a table."""
    return [
        f"warehouse/views/{path.name}"
        for path in sorted(VIEWS.glob("*.sql"))
        if re.search(rf"\b{re.escape(model.table())}\b", path.read_text(encoding="utf-8"))
    ]


def definition_metadata(model: type[Table], inputs: Mapping[str, type[Table]]) -> dict[str, Any]:
    """Return what the UI knows about a table before its first run."""
    # Raw tables hold what was delivered: another universe does not make them outdated. Tables of
    # ops are written together with those they speak of, and have no version of their own.
    built_from = [
        input_model
        for input_model in inputs.values()
        if not model.table().startswith("raw.") and not input_model.table().startswith("ops.")
    ]
    found: dict[str, Any] = {
        "dagster/column_schema": column_schema(model),
        "dagster/table_name": model.table(),
        "model": f"{model.__module__.replace('.', '/')}.py, class {model.__name__}",
        INPUTS_KEY: [input_model.table() for input_model in built_from],
    }
    lineage = column_lineage(model, inputs)
    if lineage is not None:
        found["dagster/column_lineage"] = lineage
    macros = macros_over(model)
    if macros:
        found["sql_macros"] = macros
    return found


def table_asset(
    model: type[Table],
    inputs: Mapping[str, type[Table]] | None = None,
    behind: Mapping[str, type[Table]] | None = None,
    kinds: frozenset[str] = frozenset({"polars", "duckdb"}),
    after: Sequence[type[Table]] = (),
) -> Callable[[Callable[..., Landing | pl.DataFrame]], dg.AssetsDefinition]:
    """Make a table asset of a function that returns its rows.

    The function is called with what it names: the frames of ``inputs`` and ``behind``, and, if it
    has parameters of these names, the resource ``inputs``, or the ``limits`` of the settings. One
    that does not ask for the resource is a function of frames and limits alone: where none of them
    has changed, nor the code, its rows stand, and it is not called, unless it has had something to
    note. The rows are validated against the model
    before anything is written: a failed check leaves the last good data. Errors of the capshock
    family are permanent, unless whoever started the run asks for another try
    (``Inputs.on_refusal``).

    Args:
        model: the table.
        inputs: parameter name -> table to read and pass to the function as a frame.
        behind: the same of tables that the inputs are made from, and of what the gates write beside
            them: passed too, but the lineage leads through the inputs, and draws no arrow of its
            own.
        kinds: technologies, for the UI.
        after: tables that must have been written before, and are not read.
    """
    read = {**(inputs or {}), **(behind or {})}

    def decorate(function: Callable[..., Landing | pl.DataFrame]) -> dg.AssetsDefinition:
        parameters = inspect.signature(function).parameters
        wants_inputs, wants_limits = "inputs" in parameters, "limits" in parameters
        tables = [m.table() for m in read.values()]

        def compute(context: dg.AssetExecutionContext) -> Iterator[Any]:
            outside = cast("Inputs", context.resources.inputs)
            warehouse = cast("Warehouse", context.resources.io_manager.open())
            limits = outside.settings.limits
            rests_on: tuple[str, ...] = ()
            if not wants_inputs:
                states = warehouse.states(tables)
                rests_on = (
                    *(state for state in states if "#" in state),
                    *([f"limits#{astuple(limits)}"] if wants_limits else []),
                    f"code#{code_version()}",
                )
                stands = warehouse.standing(model.table(), {*states, *rests_on})
                if stands is not None and not outside.is_rebuilt:
                    yield dg.AssetCheckResult(
                        check_name=CONFORMS, passed=True, metadata={"rows": stands.rows}
                    )
                    yield dg.Output(stands)
                    return
            given: dict[str, Any] = {n: warehouse.read(m.table()) for n, m in read.items()}
            try:
                made = function(
                    **given,
                    **({"inputs": outside} if wants_inputs else {}),
                    **({"limits": limits} if wants_limits else {}),
                )
                landing = made if isinstance(made, Landing) else Landing(made)
                validate(landing.rows, model)
                if landing.lacks is not None:
                    outside.on_refusal(landing.lacks, context.retry_number)
            except TableInvalid as error:
                yield _not_conforming({"broken": error.what})
                raise dg.Failure(str(error), allow_retries=False) from error
            except CapshockError as error:
                outside.on_refusal(error, context.retry_number)
                # Where the folders lie is the machine's business.
                yield _not_conforming({"error": outside.named(error.what)})
                raise dg.Failure(str(error), allow_retries=False) from error
            if not landing.notes:
                landing = replace(landing, rests_on=rests_on)
            for note in landing.notes:
                context.log.warning(note)
            yield dg.AssetCheckResult(
                check_name=CONFORMS, passed=True, metadata={"rows": landing.rows.height}
            )
            yield dg.Output(landing)

        key = asset_key(model)
        return dg.asset(
            key=key,
            deps=[asset_key(m) for m in (*(inputs or {}).values(), *after)],
            **place_of(model.table()),
            kinds=set(kinds),
            description=model.answers(),
            metadata=definition_metadata(model, read),
            required_resource_keys={"inputs", "io_manager"},
            check_specs=[
                dg.AssetCheckSpec(
                    CONFORMS,
                    asset=key,
                    blocking=True,
                    description="Shape, types, key and column rules, before anything is written.",
                )
            ],
        )(compute)

    return decorate


def _not_conforming(metadata: dict[str, str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(check_name=CONFORMS, passed=False, metadata=metadata)
