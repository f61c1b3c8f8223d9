"""Gates: every row a source delivers goes through, or into quarantine with a reason.

``received = passed + quarantined + collapsed``: rows are counted in and out, and nothing is lost.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from warehouse.errors import SourceError, TableInvalid
from warehouse.schemas import Table, ops
from warehouse.schemas.raw import DELIVERED

_PROVENANCE_OF_QUARANTINE = ("first_seen_at", "run_id")
QUARANTINE_SCHEMA = pl.Schema(
    {
        name: dtype
        for name, dtype in ops.Quarantine.polars_schema().items()
        if name not in _PROVENANCE_OF_QUARANTINE
    }
)
"""Columns of a quarantined row before storage adds when and by which run it was first refused."""

_ROW = "__row"
_PROBLEM_SCHEMA = pl.Schema({_ROW: pl.UInt32, "rule": pl.String, "reason": pl.String})


@dataclass(frozen=True)
class Gated:
    """What a gate made of the rows it received.

    Attributes:
        passed: rows that conform to the model.
        quarantined: refused rows, columns of ``QUARANTINE_SCHEMA``; equal rows are one line with
            ``occurrences``.
        received: rows that came in.
        collapsed: exact duplicates that became one.
    """

    passed: pl.DataFrame
    quarantined: pl.DataFrame
    received: int
    collapsed: int = 0

    @property
    def rejected(self) -> int:
        """Count the refused rows that are wrong in themselves (held ones are not)."""
        rejected = self.quarantined.filter(pl.col("status") == "rejected")
        return int(rejected["occurrences"].sum())


def validate(frame: pl.DataFrame, model: type[Table]) -> None:
    """Check a whole frame against its model, keys included.

    Raises:
        TableInvalid: naming the table, each broken rule, how often, and an example.
    """
    problems: list[str] = []
    try:
        model.validate(frame, lazy=True)
    except SchemaErrors as error:
        problems = [
            f"{column}: {check} ({len(group)} rows, e.g. {group['failure_case'][0]!r})"
            for (column, check), group in error.failure_cases.group_by(
                "column", "check", maintain_order=True
            )
        ]
    key = list(model.key())
    if set(key) <= set(frame.columns):
        duplicates = frame.height - frame.select(pl.struct(key).n_unique()).item()
        if duplicates:
            problems.append(f"key ({', '.join(key)}): {duplicates} duplicated rows")
    if problems:
        raise TableInvalid(
            f"{model.table()}: the frame breaks its model: " + "; ".join(problems),
            "Nothing was written. Look at the inputs of this table and at ops.quarantine.",
        )


def pass_gate(
    frame: pl.DataFrame,
    model: type[Table],
    checks: Mapping[str, Sequence[pa.Check]] | None = None,
) -> Gated:
    """Split delivered rows into those that conform to the model and those that do not.

    Args:
        frame: rows as delivered, the model's columns (more are ignored); text is parsed, lossless
            numeric casts are made, all else is refused row by row.
        model: the table the rows are meant for.
        checks: further rules per column that need knowledge from outside the row.

    Raises:
        SourceError: if a column is missing or of a type that cannot hold its values.
    """
    received = frame.select(model.names()).with_row_index(_ROW)
    typed, problems = _conform(received, model)
    typed = typed.join(problems.select(_ROW), on=_ROW, how="anti")
    problems = pl.concat([problems, _broken_rules(typed, model, checks or {})])
    good = typed.join(problems.select(_ROW), on=_ROW, how="anti")
    good, conflicts, collapsed = _without_duplicates(good, model)
    problems = pl.concat([problems, conflicts])
    return Gated(
        passed=good.drop(_ROW),
        quarantined=quarantine(received, problems, model, status="rejected"),
        received=frame.height,
        collapsed=collapsed,
    )


def quarantine(
    rows: pl.DataFrame, problems: pl.DataFrame, model: type[Table], status: str
) -> pl.DataFrame:
    """Describe refused rows.

    Args:
        rows: the rows with their row index ``__row``.
        problems: ``__row``, rule, reason; several lines a row are joined.
        model: the table whose gate refuses them.
        status: held or rejected.

    Returns:
        Columns of ``QUARANTINE_SCHEMA``, one line per distinct row.
    """
    if problems.is_empty():
        return pl.DataFrame(schema=QUARANTINE_SCHEMA)
    key_types = {c.name: c.dtype for c in model.columns() if c.is_key}
    symbol = next(name for name, dtype in key_types.items() if dtype == pl.String)
    day = next((name for name, dtype in key_types.items() if dtype == pl.Date), None)
    values = [name for name in model.value_names() if name in rows.columns]
    refused = (
        problems.group_by(_ROW, maintain_order=True)
        .agg(rules=pl.col("rule").unique().sort(), reason=pl.col("reason").str.join("; "))
        .join(rows, on=_ROW, how="left", maintain_order="left")
    )
    lines = [
        (
            _as_json({name: row[name] for name in values} | _delivered_as(row)),
            _text(row[symbol]),
            _date(row[day]) if day else None,
        )
        for row in refused.iter_rows(named=True)
    ]
    described = pl.DataFrame(
        lines,
        schema={"rejected_row": pl.String, "symbol": pl.String, "row_date": pl.Date},
        orient="row",
    )
    return (
        pl.concat([refused.select("rules", "reason"), described], how="horizontal")
        .group_by("rejected_row", maintain_order=True)
        .agg(
            pl.all().first(),
            occurrences=pl.len().cast(pl.Int64),
        )
        .with_columns(source_table=pl.lit(model.table()), status=pl.lit(status))
        .select(QUARANTINE_SCHEMA.names())
    )


def _conform(received: pl.DataFrame, model: type[Table]) -> tuple[pl.DataFrame, pl.DataFrame]:
    typed = received.select(_ROW)
    problems = [pl.DataFrame(schema=_PROBLEM_SCHEMA)]
    for column in model.columns():
        given = received.schema[column.name]
        parsed = _parsed(pl.col(column.name), given, column.dtype)
        if parsed is None:
            raise SourceError(
                f"{model.table()}: column {column.name} is {given}, expected {column.dtype}",
                "Write the column with the expected type.",
            )
        value, is_broken = parsed
        typed = typed.with_columns(received.select(value.alias(column.name)))
        problems.append(
            # One chunk: Polars 2.1 panics where it formats a filtered frame of several.
            received.filter(is_broken)
            .rechunk()
            .select(
                _ROW,
                rule=pl.lit(f"{column.name}: type"),
                reason=pl.format(
                    f"{column.name}: '{{}}' is not a {column.dtype}",
                    pl.col(column.name).cast(pl.String),
                ),
            )
        )
    return typed, pl.concat(problems)


def _parsed(
    value: pl.Expr, given: pl.DataType, wanted: pl.DataType
) -> tuple[pl.Expr, pl.Expr] | None:
    """Return (typed value, is it broken) for a column, or None where no honest cast exists."""
    never = pl.lit(value=False)
    if given == wanted:
        return value, never
    if given == pl.Null or (given.is_float() and wanted == pl.Float64):
        return value.cast(wanted), never
    if isinstance(given, pl.Datetime) and wanted == pl.Date:
        return value.dt.date(), value.dt.time() != pl.time(0)
    if given == pl.String:
        present = value.str.strip_chars().replace("", None)
        typed = _from_text(present, wanted)
    elif given.is_integer() and wanted in {pl.Int64, pl.Float64}:
        present = value
        exact = value.cast(wanted, strict=False)
        typed = pl.when(exact.cast(given, strict=False) == value).then(exact)
    elif given.is_float() and wanted == pl.Int64:
        # A column of whole numbers with gaps is a float column in pandas.
        present = value.fill_nan(None)
        typed = pl.when(present == present.floor()).then(present).cast(pl.Int64, strict=False)
    else:
        return None
    return typed, present.is_not_null() & typed.is_null()


def _from_text(text: pl.Expr, wanted: pl.DataType) -> pl.Expr:
    """Parse text; what cannot be parsed becomes null."""
    if wanted == pl.Date:
        return text.str.to_date("%Y-%m-%d", strict=False)
    if wanted == pl.Boolean:
        return text.str.to_lowercase().replace_strict(
            {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
        )
    if wanted == pl.Int64:
        number = text.cast(pl.Float64, strict=False)
        whole = pl.when(number == number.floor()).then(number).cast(pl.Int64, strict=False)
        return pl.coalesce(text.cast(pl.Int64, strict=False), whole)
    return text.cast(wanted, strict=False)


def _broken_rules(
    typed: pl.DataFrame, model: type[Table], checks: Mapping[str, Sequence[pa.Check]]
) -> pl.DataFrame:
    schema = model.to_schema()
    for name, more in checks.items():
        schema = schema.update_column(name, checks=[*schema.columns[name].checks, *more])
    rows = typed[_ROW]
    try:
        schema.validate(typed.drop(_ROW), lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases.rechunk()
        if cases["index"].null_count():
            lines = cases.filter(pl.col("index").is_null()).select("column", "check").rows()
            raise SourceError(
                f"{model.table()}: the delivered frame has another shape: {lines}",
                "Compare the columns and types with the file contract in the README.",
            ) from None
        found: pl.DataFrame = cases.select(
            rows.gather(cases["index"]).alias(_ROW),
            rule=pl.format("{}: {}", "column", "check"),
            reason=pl.format(
                "{}: '{}' breaks {}",
                "column",
                pl.col("failure_case").cast(pl.String).fill_null("null"),
                "check",
            ),
        ).cast(_PROBLEM_SCHEMA)
        return found
    return pl.DataFrame(schema=_PROBLEM_SCHEMA)


def _without_duplicates(
    good: pl.DataFrame, model: type[Table]
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    key = list(model.key())
    distinct = good.unique(model.value_names(), keep="first", maintain_order=True)
    is_conflict = pl.struct(key).is_duplicated()
    conflicting = distinct.filter(is_conflict)
    if conflicting.is_empty():
        return distinct, pl.DataFrame(schema=_PROBLEM_SCHEMA), good.height - distinct.height
    conflicts = good.join(
        conflicting.select(key).unique(), on=key, how="semi", nulls_equal=True
    ).select(_ROW, rule=pl.lit("conflicting_duplicate"), reason=_conflict(model))
    kept = distinct.filter(~is_conflict)
    return kept, conflicts, good.height - kept.height - conflicts.height


def _conflict(model: type[Table]) -> pl.Expr:
    """Say what is wrong with rows of one key and other values, and under which names they came."""
    key = list(model.key())
    said = pl.lit(f"other rows of the source have the same ({', '.join(key)}), other values")
    if DELIVERED not in model.names():
        return said
    names = pl.coalesce(DELIVERED, key[0]).unique().sort()
    return pl.format(
        "{}{}",
        said,
        pl.when(names.len().over(key) > 1)
        .then(pl.format("; they came as {}", names.str.join(" and ").over(key)))
        .otherwise(pl.lit("")),
    )


def _delivered_as(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the name under which a row came, where that is another one."""
    name = row.get(DELIVERED)
    return {DELIVERED: name} if name else {}


def _as_json(row: Mapping[str, Any]) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        return value

    return json.dumps(
        {name: plain(value) for name, value in row.items()}, default=str, ensure_ascii=False
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _date(value: Any) -> date | None:
    """Return the value as a date where it is one, so that refused rows can be looked up by it."""
    try:
        return date.fromisoformat((_text(value) or "")[:10])
    except ValueError:
        return None
