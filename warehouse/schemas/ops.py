"""``ops``: what the pipeline says about itself."""

from typing import Annotated, ClassVar

import polars as pl

from warehouse.schemas.table import Table, column, word
from warehouse.schemas.vocabulary import Change, Dataset, Outcome, RefusalStatus


class Quarantine(Table):
    """Rows that a gate did not let through. Nothing is dropped without a line here."""

    source_table: str = column(
        "The table whose gate refused the row: raw.* (first gate), core.* (second gate)"
    )
    rejected_row: str = column("The row as JSON, without its provenance")
    symbol: str = column("The row's symbol or index, for looking it up", nullable=True)
    row_date: pl.Date = column("The row's date, for looking it up", nullable=True)
    rules: Annotated[pl.List, pl.String] = column("The rules that the row broke")
    reason: str = column("Why, in a sentence, and what would let it through")
    occurrences: int = column("How often the source delivered the row", unit="rows", ge=1)
    first_seen_at: Annotated[pl.Datetime, "us", "UTC"] = column(
        "When a run first refused it", unit="UTC"
    )
    run_id: str = column("The run that first refused it")
    status: str = word(
        "held: waits for a decision or a later report; rejected: wrong in itself; resolved: gone "
        "from the source, or let through since",
        RefusalStatus,
    )

    class Config(Table.Config):
        name = "ops.quarantine"
        description = "Which rows were refused or held back, by which rule, and why."
        metadata: ClassVar = {"key": ("source_table", "rejected_row")}


class IngestOutcomes(Table):
    """What each run asked a source for, and what came of it."""

    run_id: str = column("The run that asked")
    dataset: str = word("prices, splits, dividends, shares_outstanding or index_levels", Dataset)
    symbol: str = column("The symbol or index asked for")
    outcome: str = word(
        "ok, partial (fewer rows than expected), no_data, not_found, throttled, auth, transient, "
        "contract (the answer is not what the source promises), skipped (not asked any more), "
        "refused (contradicts what has landed, which stays)",
        Outcome,
    )
    rows: int = column("Rows that passed the first gate", unit="rows", ge=0)
    expected_rows: int = column(
        "Rows expected: sessions from the first bar on; null where any number is right",
        unit="rows",
        nullable=True,
        ge=0,
    )
    attempts: int = column("How often the source was asked", unit="attempts", ge=0)
    message: str = column("What to know about the outcome", nullable=True)
    response_id: str = column("sha-256 of the file or response", nullable=True)
    asked_from: pl.Date = column(
        "First session asked for; null where nothing landed, or the source was read whole",
        nullable=True,
    )
    asked_to: pl.Date = column("Last session asked for; null likewise", nullable=True)

    class Config(Table.Config):
        name = "ops.ingest_outcomes"
        description = "Whether every symbol asked for was delivered, and if not, why."
        metadata: ClassVar = {"key": ("run_id", "dataset", "symbol")}


class Publications(Table):
    """Which runs passed the gate before publishing."""

    run_id: str = column("The run that published")
    passed_at: Annotated[pl.Datetime, "us", "UTC"] = column(
        "The moment that counted as now for the run", unit="UTC"
    )
    code_version: str = column(
        "Version of capshock, and a hash of its sources and of the versions of what it computes "
        "with; null: before this was kept",
        nullable=True,
    )

    class Config(Table.Config):
        name = "ops.publications"
        description = "When was this published, and by which runs?"
        metadata: ClassVar = {"key": ("run_id",)}


class PublishOverrides(Table):
    """What was published although a check of severity error failed, and why."""

    run_id: str = column("The run that published despite the check")
    table_name: str = column("The table that failed the check")
    check_name: str = column("The check")
    overridden_at: Annotated[pl.Datetime, "us", "UTC"] = column(
        "The moment that counted as now for the run", unit="UTC"
    )
    overridden_by: str = column("Who said so: the name of the account")
    reason: str = column("Why, in the words of who said so")
    failed: str = column("What failed then, in a sentence")
    failing_rows: Annotated[pl.List, pl.String] = column(
        "The rows that failed then, as JSON: it holds for these and no others"
    )
    is_in_force: bool = column("True where rows of these fail the check in what is published here")

    class Config(Table.Config):
        name = "ops.publish_overrides"
        description = "Which checks was this published in spite of, who said so, and why?"
        metadata: ClassVar = {"key": ("run_id", "table_name", "check_name")}


class PublishedSessions(Table):
    """Since when readers have had the rows of a session."""

    table_name: str = column("Table")
    session_date: pl.Date = column(
        "Session of its rows; null: the table, of one whose rows are not those of sessions",
        nullable=True,
    )
    first_published_at: Annotated[pl.Datetime, "us", "UTC"] = column(
        "When readers first had it. Of what was published before this was kept: the last "
        "publication before",
        unit="UTC",
    )
    run_id: str = column("The run that published it first")

    class Config(Table.Config):
        name = "ops.published_sessions"
        description = "When was each session published first?"
        metadata: ClassVar = {"key": ("table_name", "session_date")}


class Restatements(Table):
    """Every published value that was another one before, and every row that came late or left."""

    table_name: str = column("Table of the value")
    row_key: Annotated[pl.List, pl.String] = column(
        "Key of the row, in the order of its columns. The session alone, where a column says the "
        "same in all rows of a session; empty for a count of what moved"
    )
    session_date: pl.Date = column("Session of the row; null: its table has none", nullable=True)
    column_name: str = column("Column of the value; null where it is the row", nullable=True)
    change: str = word(
        "changed; settled: what was said to be pending is known; appeared, vanished: a row, of a "
        "session that was published before; moved: a place in an order, or what each session "
        "moves on, counted and not listed",
        Change,
    )
    old: str = column(
        "What was published until then, as text; of a row that vanished all of it, as JSON; null "
        "of one that appeared",
        nullable=True,
    )
    new: str = column("What is published since, as text; null of a row", nullable=True)
    rows: int = column("Rows that have the value", unit="rows", ge=1)
    cause_table: str = column(
        "Table of the input that did it; code: another version of capshock; null: unknown, and "
        "of what moved: the other entries of the publication",
        nullable=True,
    )
    cause_key: Annotated[pl.List, pl.String] = column("Key of the input's row", nullable=True)
    cause: str = column("What became of that row: close 118.42 -> 118.60", nullable=True)
    other_causes: int = column(
        "Inputs that changed beside it, and may have done it too", unit="rows", ge=0
    )
    changed_at: Annotated[pl.Datetime, "us", "UTC"] = column(
        "Time of the publication in which it changed", unit="UTC"
    )
    run_id: str = column("The run that published it")

    class Config(Table.Config):
        name = "ops.restatements"
        description = (
            "Which published values changed since, from what to what, when and why? Never pruned."
        )
        metadata: ClassVar = {"key": ("changed_at", "table_name", "row_key", "column_name")}


class Forgotten(Table):
    """What a person said to forget: a line or an index, and its history with it."""

    symbol: str = column("The line or index")
    forgotten_at: Annotated[pl.Datetime, "us", "UTC"] = column("When it was said", unit="UTC")
    forgotten_by: str = column("Who said so: the name of the account")
    reason: str = column("Why, in the words of who said so")
    name: str = column("Name of the line or index", nullable=True)
    bars: int = column("Bars that had landed, and went", unit="rows", ge=0)
    first_session: pl.Date = column("Session of the first of them", nullable=True)
    last_session: pl.Date = column("Session of the last of them", nullable=True)
    losses: int = column("One-day losses that were told of it, and went", unit="rows", ge=0)
    largest_loss_usd: float = column("The largest of them", unit="USD", nullable=True, gt=0)

    class Config(Table.Config):
        name = "ops.forgotten"
        description = "Which lines and indices are here no longer, who said so, and why?"
        metadata: ClassVar = {"key": ("symbol", "forgotten_at")}


class Scans(Table):
    """How much of a source's present content has been read: a row for each stretch."""

    dataset: str = word("The dataset", Dataset)
    response_id: str = column("sha-256 of the content that was read")
    first_session: pl.Date = column("First session read from it")
    last_session: pl.Date = column("Last session read from it")

    class Config(Table.Config):
        name = "ops.scans"
        description = "Which sessions were read from the file as it is now."
        metadata: ClassVar = {"key": ("dataset", "first_session")}


class TableVersions(Table):
    """Which version of its inputs each table was built from: what publishing checks."""

    table_name: str = column("Table")
    version: int = column("Counts the writes that changed a value", unit="writes", ge=0)
    built_from: Annotated[pl.List, pl.String] = column(
        "Inputs and their versions, table@version; and what else its rows follow from, name#hash, "
        "of a table that is not made again while none of it changes"
    )
    changed_at: Annotated[pl.Datetime, "us", "UTC"] = column("Last change of a value", unit="UTC")
    run_id: str = column("The run of that change")

    class Config(Table.Config):
        name = "ops.table_versions"
        description = "Whether all tables belong together, and when each last changed."
        metadata: ClassVar = {"key": ("table_name",)}


class SchemaVersion(Table):
    """What a SQL user or a tool talks to."""

    schema_version: int = column("Rises when a table changes its shape", ge=1)

    class Config(Table.Config):
        name = "ops.schema_version"
        description = "Which layout of tables this file has."
        metadata: ClassVar = {"key": ("schema_version",)}


class DataDictionary(Table):
    """The models, as a table."""

    schema_name: str = column("Schema: ref, raw, core, mart or ops", alias="schema")
    table_name: str = column("Table", alias="table")
    column_name: str = column("Column", alias="column")
    position: int = column("Place of the column in its table, from 1 on", ge=1)
    duckdb_type: str = column("Type in DuckDB", alias="type")
    unit: str = column("Unit of the values; null where there is none", nullable=True)
    meaning: str = column("What the column says")
    is_key: bool = column("True for the columns that identify a row")
    is_nullable: bool = column("True where null is a value with a meaning")
    rules: Annotated[pl.List, pl.String] = column("Rules that every value obeys")
    made_of: Annotated[pl.List, pl.String] = column(
        "Columns of other tables it is computed from; empty for what is taken over as it is"
    )

    class Config(Table.Config):
        name = "ops.data_dictionary"
        description = (
            "What each column of each table means, its unit, type and rules, and what it is "
            "computed from."
        )
        metadata: ClassVar = {"key": ("schema", "table", "column")}
