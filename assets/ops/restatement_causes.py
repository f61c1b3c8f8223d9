"""Why a published value changed: the changed input that its lineage leads to, the nearest one.

What can have done it is told by the models: the columns that a value is made of, and theirs, down
to what people maintain and sources deliver.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import cache
from typing import Any

import polars as pl

from warehouse.restatements import CAUSE_SCHEMA, Differences
from warehouse.schemas import TABLES, ref
from warehouse.schemas.vocabulary import Change

CODE = "code"
"""What stands as cause_table where another version of capshock did it."""

_OWN, _OWN_LATER, _OWN_FAR, _OF_SESSION, _OWN_GROWTH, _OTHER, _OTHER_LATER = range(7)
"""How near an input is: of the same subject, up to the day, after it, or a bar of another week; of
another one, of the same day; a later bar that only came; of another one, before, or after."""

_BARS = ("raw.prices", "raw.index_levels")
_WEEK_DAYS = 7
"""A bar acts on its own session and the next; counts, splits and members act on."""

_BEHIND = 100
"""Added to the steps of what a column is not made of, but its row."""

_ALWAYS, _NEVER = date.min, date.max
_BY = ["cause_table", "subject"]
_AND_LATER = pl.col("all") - pl.col("so_far") + 1


def explain(
    found: Differences,
    securities: pl.DataFrame,
    changes: pl.DataFrame,
    *,
    is_other_code: bool,
) -> pl.DataFrame:
    """Name the input behind each change of a published value.

    The nearest one is named: of the same symbol or index before that of another one, at or before
    the day of the value before a later one; then the closest day; then the most direct by lineage.
    Where the code is another one too, inputs of other days of other subjects are no explanation,
    nor are later ones, but for what was pending. Rows that leave under one name and come under
    another do so because of the change of name.

    Args:
        found: what changed, and the inputs that did.
        securities: ``ref.securities``: a line's company and sector change with it.
        changes: ``ref.symbol_changes``, as it is and as it was.
        is_other_code: whether another version of capshock published before.

    Returns:
        The entries, in their order, with cause_table, cause_key, cause, other_causes.
    """
    entries = found.entries.with_row_index("entry")
    inputs = _without_followers(found.inputs).with_columns(
        pl.col("day").fill_null(_ALWAYS), pl.col("subjects").list.drop_nulls()
    )
    inputs = _with_company_and_sector(inputs, securities).rename(
        {"table_name": "cause_table", "row_key": "cause_key", "what": "cause"}
    )
    asked = (
        entries.filter(pl.col("change") != Change.MOVED)
        .with_columns(pl.col("day").fill_null(_NEVER))
        .join(_lineage(), on=["table_name", "column_name"], nulls_equal=True)
        .join(inputs.select("cause_table").unique(), on="cause_table", how="semi")
        .select("entry", "change", "subjects", "day", "cause_table", "depth")
    )
    candidates = pl.concat([*map(_bars_behind, _own(asked, inputs)), *_of_others(asked, inputs)])
    if is_other_code:
        is_settled = pl.col("change") == Change.SETTLED
        nearness = pl.col("nearness")
        candidates = candidates.filter(
            nearness.is_in([_OWN, _OF_SESSION]) | ((nearness == _OWN_LATER) & is_settled)
        )
    nearest = candidates.sort("entry", "nearness", "distance", "depth", "cause_table").group_by(
        "entry", maintain_order=True
    )
    named = nearest.agg(
        pl.col("cause_table", "cause_key", "cause").first(),
        other_causes=pl.col("alike").filter(pl.col("nearness") == pl.col("nearness").first()).sum()
        - 1,
    )
    unnamed = (
        pl.when(pl.col("change") != Change.MOVED).then(pl.lit(CODE)) if is_other_code else None
    )
    renamed = _renamed(entries, found.inputs, changes)
    named = pl.concat(
        [renamed, named.select(renamed.columns).join(renamed, on="entry", how="anti")],
        how="vertical_relaxed",
    )
    return (
        entries.join(named, on="entry", how="left", maintain_order="left")
        .with_columns(
            pl.col("other_causes").fill_null(0),
            cause_table=pl.coalesce("cause_table", unnamed),
        )
        .drop("entry")
        .cast(CAUSE_SCHEMA)  # type: ignore[arg-type]
    )


def _renamed(entries: pl.DataFrame, inputs: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Return the entries of rows whose name changed, with that change as their cause."""
    key = [c.name for c in ref.SymbolChanges.columns() if c.is_key]
    written = changes.select(
        "new_symbol", cause_key=pl.concat_list(pl.col(name).cast(pl.String) for name in key)
    )
    names = (
        inputs.filter(pl.col("table_name") == ref.SymbolChanges.table())
        .select(cause_table="table_name", cause_key="row_key", cause="what")
        .join(written, on="cause_key", how="left", maintain_order="left")
        .with_columns(
            subject=pl.concat_list(pl.col("cause_key").list.first(), "new_symbol").list.drop_nulls()
        )
        .explode("subject")
        .drop("new_symbol")
    )
    return (
        entries.filter(pl.col("change").is_in([Change.APPEARED, Change.VANISHED]))
        .explode("subjects")
        .join(names, left_on="subjects", right_on="subject", maintain_order="left")
        .unique("entry", keep="first", maintain_order=True)
        .select(
            "entry", "cause_table", "cause_key", "cause", other_causes=pl.lit(0, dtype=pl.Int64)
        )
    )


def _own(asked: pl.DataFrame, inputs: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the nearest inputs of the same subject, before and after."""
    of_subject = (
        inputs.explode("subjects")
        .rename({"subjects": "subject"})
        .drop_nulls("subject")
        .sort("day", "cause_table", "subject")
        .with_columns(so_far=pl.int_range(1, pl.len() + 1).over(_BY), all=pl.len().over(_BY))
        .with_columns(found="day")
    )
    own = (
        asked.explode("subjects").rename({"subjects": "subject"}).drop_nulls("subject").sort("day")
    )
    backward = own.join_asof(of_subject, on="day", by=_BY, check_sortedness=False)
    yield _candidates(backward, pl.lit(_OWN), pl.col("so_far"))
    forward = own.join_asof(
        of_subject, on="day", by=_BY, strategy="forward", check_sortedness=False
    )
    yield _candidates(forward, pl.lit(_OWN_LATER), _AND_LATER)


def _of_others(asked: pl.DataFrame, inputs: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the nearest inputs whatever their subject, before and after."""
    of_table = (
        inputs.sort("day", "cause_table", "cause_key")
        .with_columns(
            on_day=pl.len().over("cause_table", "day"),
            so_far=pl.int_range(1, pl.len() + 1).over("cause_table"),
            all=pl.len().over("cause_table"),
            found="day",
        )
        .drop("subjects")
    )
    asked = asked.drop("subjects").sort("day")
    is_same = pl.col("found") == pl.col("day")
    backward = asked.join_asof(of_table, on="day", by="cause_table", check_sortedness=False)
    yield _candidates(
        backward,
        pl.when(is_same).then(_OF_SESSION).otherwise(_OTHER),
        pl.when(is_same).then("on_day").otherwise("so_far"),
    )
    forward = asked.join_asof(
        of_table, on="day", by="cause_table", strategy="forward", check_sortedness=False
    )
    yield _candidates(forward, pl.lit(_OTHER_LATER), _AND_LATER)


def _candidates(joined: pl.DataFrame, nearness: pl.Expr, alike: pl.Expr) -> pl.DataFrame:
    return joined.drop_nulls("cause_key").select(
        "entry",
        "change",
        "depth",
        "cause_table",
        "cause_key",
        "cause",
        nearness=nearness.cast(pl.Int64),
        distance=(pl.col("day") - pl.col("found")).dt.total_days().abs(),
        alike=alike.cast(pl.Int64),
    )


def _bars_behind(candidates: pl.DataFrame) -> pl.DataFrame:
    """Put bars behind what else may have done it: of another week, and later ones that only came.

    That a session came settles what was pending of the one before, and may bring a row that was
    held; what was known it leaves alone.
    """
    is_bar = pl.col("cause_table").is_in(_BARS)
    is_far = is_bar & (pl.col("distance") > _WEEK_DAYS)
    is_growth = (
        is_bar
        & (pl.col("nearness") == _OWN_LATER)
        & (pl.col("cause") == Change.APPEARED)
        & pl.col("change").is_in([Change.CHANGED, Change.VANISHED])
    )
    return candidates.with_columns(
        nearness=pl.when(is_growth)
        .then(pl.lit(_OWN_GROWTH))
        .when(is_far)
        .then(pl.lit(_OWN_FAR))
        .otherwise("nearness")
    )


def _without_followers(inputs: pl.DataFrame) -> pl.DataFrame:
    """Leave out the raw rows that came or left with their line in ``ref.securities``."""
    lines = (
        inputs.filter(pl.col("table_name") == "ref.securities", pl.col("what").is_in(
            [Change.APPEARED, Change.VANISHED]))
        .select("what", subject=pl.col("row_key").list.first())
    )  # fmt: skip
    is_raw = pl.col("table_name").str.starts_with("raw.")
    with_line = inputs.with_columns(subject=pl.col("row_key").list.first())
    return pl.concat(
        [
            with_line.filter(~is_raw),
            with_line.filter(is_raw).join(lines, on=["what", "subject"], how="anti"),
        ]
    ).drop("subject")


def _with_company_and_sector(inputs: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Add the company and the sector of a line to the subjects of its rows."""
    more = securities.select(
        subjects="symbol",
        more=pl.concat_list("company_symbol", "sector"),
    )
    added = (
        inputs.with_row_index("input")
        .explode("subjects")
        .join(more, on="subjects", how="left", maintain_order="left")
        .group_by("input", maintain_order=True)
        .agg(pl.col("more").explode().drop_nulls())
    )
    return inputs.with_columns(
        pl.concat_list("subjects", added["more"].fill_null([])).list.unique(maintain_order=True)
    )


@cache
def _lineage() -> pl.DataFrame:
    """Return table_name, column_name (null: the row), cause_table, depth.

    What a column is not made of may still decide whether and how its row is there: it stands
    behind what it is made of.
    """
    rows: list[tuple[str, str | None, str, int]] = []
    for name, model in TABLES.items():
        if not name.startswith(("core.", "mart.")):
            continue
        of_row = _inputs([name], _parents)
        rows += [(name, None, table, depth) for table, depth in of_row.items()]
        for column in model.names():
            of_column = _inputs([(name, column)], _made_of)
            behind = {table: depth + _BEHIND for table, depth in of_row.items()}
            rows += [(name, column, *step) for step in (behind | of_column).items()]
    schema = {"table_name": pl.String, "column_name": pl.String,
              "cause_table": pl.String, "depth": pl.Int64}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _inputs(begin: list[Any], parents: Callable[[Any], Iterable[Any]]) -> dict[str, int]:
    """Walk to the tables of ref and raw, and count the steps to each.

    Args:
        begin: a table, or a table and a column.
        parents: what one of them is made of.
    """
    steps, frontier, depth = dict.fromkeys(begin, 0), begin, 0
    while frontier:
        depth += 1
        found = {parent for one in frontier for parent in parents(one)} - steps.keys()
        steps |= dict.fromkeys(found, depth)
        frontier = list(found)
    nearest: dict[str, int] = {}
    for one, count in steps.items():
        table = one if isinstance(one, str) else one[0]
        if table.startswith(("ref.", "raw.")):
            nearest[table] = min(count, nearest.get(table, count))
    return nearest


@cache
def _parents(table: str) -> frozenset[str]:
    """Return the tables that a table is made of or refers to."""
    model = TABLES[table]
    made_of = {path.rpartition(".")[0] for c in model.columns() for path in c.made_of}
    found = made_of | model.references().keys()
    return frozenset(name for name in found if not name.startswith("ops."))


@cache
def _made_of(place: tuple[str, str]) -> frozenset[tuple[str, str]]:
    """Return the columns that a column is made of: those its model names, or its namesakes.

    Rows of raw are there because of the line or index in ref that they refer to.
    """
    table, column = place
    model = TABLES[table]
    if table.startswith("raw."):
        return frozenset(
            (other, there) for other, columns in model.references().items()
            for there in columns.values()
        )  # fmt: skip
    if table.startswith("ref."):
        return frozenset()
    (named,) = (c.made_of for c in model.columns() if c.name == column)
    if named:
        split = (path.rpartition(".") for path in named)
        return frozenset((other, there) for other, _, there in split if other in TABLES)
    return frozenset((other, column) for other in _parents(table)
                     if column in TABLES[other].names())  # fmt: skip
