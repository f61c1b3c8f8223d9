"""What a table is: a pandera model whose fields carry meaning, unit, type and rules.

Everything else that describes a table (DuckDB DDL, COMMENTs, the Columns tab of the UI, the data
dictionary) is a projection of these models. Nothing about a column is written anywhere else.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import pandera.polars as pa
import polars as pl
from pandera import extensions
from pandera.api.polars.types import PolarsData

_DUCKDB_TYPES: dict[str, str] = {
    "String": "VARCHAR",
    "Date": "DATE",
    "Float64": "DOUBLE",
    "Int64": "BIGINT",
    "Boolean": "BOOLEAN",
    "Datetime(time_unit='us', time_zone='UTC')": "TIMESTAMPTZ",
    "List(String)": "VARCHAR[]",
}


@dataclass(frozen=True)
class Column:
    """One column of a table, projected from its model."""

    name: str
    dtype: pl.DataType
    duckdb_type: str
    unit: str | None
    meaning: str
    nullable: bool
    rules: tuple[str, ...]
    is_key: bool
    is_optional: bool
    is_provenance: bool
    made_of: tuple[str, ...]

    @property
    def comment(self) -> str:
        """Meaning and unit in one line, as SQL users and the UI read it."""
        return f"{self.meaning} [{self.unit}]" if self.unit else self.meaning


@dataclass(frozen=True)
class Life:
    """How published values of a table become others: see ``Table``."""

    positional: tuple[str, ...]
    of_session: tuple[str, ...]
    pending: tuple[str, str, tuple[str, ...]] | None
    sessions_of: str | None
    begins: str | None
    open: str | None
    grows: Mapping[str, tuple[str, ...]]


def _in_words(rule: str) -> str:
    """Write the bounds that keep NaN and infinity out as what they are for."""
    if rule in {"greater_than(-inf)", "less_than(inf)"}:
        return "finite"
    return rule.replace("each_in(vocabulary=", "each_in(")


def column(
    meaning: str,
    *,
    unit: str | None = None,
    provenance: bool = False,
    optional: bool = False,
    made_of: tuple[str, ...] = (),
    **rules: Any,
) -> Any:
    """Declare a column: what it means, its unit, and the pandera rules its values obey.

    Args:
        meaning: what the column says, for an analyst.
        unit: unit of the values (USD, shares, points, bps, fraction, days ...).
        provenance: true for columns that say where a row came from, not what it says.
        optional: whether a file may lack the column; its values are null then.
        made_of: the columns of other tables (``schema.table.column``) a computed value comes from;
            a column of an input that keeps its name needs no mention.
        **rules: arguments of ``pandera.Field`` (nullable, gt, ge, isin, ...).
    """
    return pa.Field(
        description=meaning,
        metadata={
            "unit": unit,
            "provenance": provenance,
            "optional": optional,
            "made_of": made_of,
        },
        **rules,
    )


def positive(
    meaning: str,
    *,
    unit: str | None = None,
    nullable: bool = False,
    made_of: tuple[str, ...] = (),
) -> Any:
    """Declare a column of finite numbers above zero; NaN and infinity break it."""
    return column(meaning, unit=unit, nullable=nullable, made_of=made_of, gt=0, lt=math.inf)


def number(
    meaning: str,
    *,
    unit: str | None = None,
    nullable: bool = False,
    made_of: tuple[str, ...] = (),
) -> Any:
    """Declare a column of finite numbers of either sign; NaN and infinity break it."""
    return column(meaning, unit=unit, nullable=nullable, made_of=made_of, gt=-math.inf, lt=math.inf)


def size(
    meaning: str,
    *,
    unit: str | None = None,
    nullable: bool = False,
    made_of: tuple[str, ...] = (),
) -> Any:
    """Declare a column of finite numbers, zero or above; NaN and infinity break it."""
    return column(meaning, unit=unit, nullable=nullable, made_of=made_of, ge=0, lt=math.inf)


@extensions.register_check_method(statistics=["vocabulary"])  # type: ignore[untyped-decorator]
def each_in(data: PolarsData, *, vocabulary: list[str]) -> pl.LazyFrame:
    """Check that a list holds words of a vocabulary alone."""
    known = pl.element().is_in(vocabulary)
    return data.lazyframe.select(pl.col(data.key).list.eval(known).list.all())


def word(meaning: str, vocabulary: Iterable[StrEnum], **rules: Any) -> Any:
    """Declare a column of words of a vocabulary."""
    return column(meaning, isin=[one.value for one in vocabulary], **rules)


def words(meaning: str, vocabulary: Iterable[StrEnum], **rules: Any) -> Any:
    """Declare a column of lists of words of a vocabulary."""
    return column(meaning, each_in=[one.value for one in vocabulary], **rules)


class Table(pa.DataFrameModel):
    """Base of all table models.

    A model's ``Config`` sets ``name`` (``schema.table``), ``description`` (what the table tells an
    analyst), ``metadata["key"]`` (the columns of its grain) and, if its rows rest on those of other
    tables, ``metadata["references"]``: table -> column here -> column there. Where several rows are
    one statement of a source, ``metadata["stated_by"]`` has the columns that they share.

    How values of a table become others once they are published is said by:

    - ``positional``: columns that move because something else moved, such as ranks;
    - ``of_session``: columns that say the same in all rows of a session;
    - ``pending``: column, its word for what is not known yet, and the columns that settle with it;
    - ``sessions_of``: the table whose sessions are those of its rows, where a session may have
      none, or the date of its key is no session; and, for the latter, ``begins``: from which date
      on a row can be there, as SQL (else that date);
    - ``open``: a row is open as long as this column is null, and ``grows``: a date, as SQL -> the
      columns that look no further. Of an open row they are moved on, and not restated, where that
      date is null or in a session that is new.
    """

    class Config:
        """Frames have exactly the model's columns, and nothing is cast silently."""

        name: str = ""
        description: str = ""
        metadata: ClassVar[dict[str, Any]] = {"key": ()}
        strict = True
        coerce = False

    @classmethod
    def table(cls) -> str:
        """Return the table's name, ``schema.table``."""
        return cls.Config.name

    @classmethod
    def answers(cls) -> str:
        """Return what the table tells an analyst."""
        return cls.Config.description

    @classmethod
    def key(cls) -> tuple[str, ...]:
        """Return the columns that identify a row."""
        return tuple(cls.Config.metadata["key"])

    @classmethod
    def stated_by(cls) -> tuple[str, ...]:
        """Return the columns of what a source states as one: the key, or a part of it."""
        return tuple(cls.Config.metadata.get("stated_by", cls.key()))

    @classmethod
    def date_of_key(cls) -> str | None:
        """Return the date among the columns that identify a row; None where there is none."""
        dates = [c.name for c in cls.columns() if c.is_key and c.dtype == pl.Date]
        return dates[0] if dates else None

    @classmethod
    def references(cls) -> dict[str, dict[str, str]]:
        """Return the tables in which rows of this one must have a row, and by which columns."""
        return dict(cls.Config.metadata.get("references", {}))

    @classmethod
    def life(cls) -> Life:
        """Return how published values of the table become others."""
        said = cls.Config.metadata
        return Life(
            positional=tuple(said.get("positional", ())),
            of_session=tuple(said.get("of_session", ())),
            pending=said.get("pending"),
            sessions_of=said.get("sessions_of"),
            begins=said.get("begins", cls.date_of_key()),
            open=said.get("open"),
            grows=dict(said.get("grows", {})),
        )

    @classmethod
    def columns(cls) -> tuple[Column, ...]:
        """Return the table's columns in order, provenance last."""
        found = (
            Column(
                name=name,
                dtype=field.dtype.type,
                duckdb_type=_DUCKDB_TYPES[str(field.dtype.type)],
                unit=field.metadata["unit"],
                meaning=field.description,
                nullable=field.nullable,
                rules=tuple(dict.fromkeys(_in_words(str(check.error)) for check in field.checks)),
                is_key=name in cls.key(),
                is_optional=field.metadata["optional"],
                is_provenance=field.metadata["provenance"],
                made_of=field.metadata["made_of"],
            )
            for name, field in cls.to_schema().columns.items()
        )
        return tuple(sorted(found, key=lambda c: c.is_provenance))

    @classmethod
    def names(cls) -> list[str]:
        """Return the column names in order."""
        return [c.name for c in cls.columns()]

    @classmethod
    def optional_names(cls) -> list[str]:
        """Return the names of the columns that a file may lack."""
        return [c.name for c in cls.columns() if c.is_optional]

    @classmethod
    def value_names(cls) -> list[str]:
        """Return the names of the columns that say something, provenance left out."""
        return [c.name for c in cls.columns() if not c.is_provenance]

    @classmethod
    def polars_schema(cls) -> pl.Schema:
        """Return the table's Polars schema."""
        return pl.Schema({c.name: c.dtype for c in cls.columns()})

    @classmethod
    def no_rows(cls) -> pl.DataFrame:
        """Return a frame of the right shape without rows."""
        return pl.DataFrame(schema=cls.polars_schema())
