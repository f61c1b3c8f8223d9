"""What was published as something else before: of a company's session, and by a run."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from assets.products.wording import in_words
from warehouse.reader import Reader
from warehouse.schemas.vocabulary import Change

# Claims come and go with their files, and an explanation names the last session: the log has that,
# and nobody is told. Of a claim it is told that it measures as something else.
_COUNTED = """
    SELECT change, table_name, sum("rows")::BIGINT AS "rows"
    FROM ops.restatements
    WHERE run_id = $run AND (
        table_name <> 'mart.claim_checks' OR column_name IN ('measured_value', 'holds', 'verdict')
    ) AND cause_table IS DISTINCT FROM 'ref.symbol_changes'
    GROUP BY ALL ORDER BY ALL
"""

# What vanished, beside what appeared in its place: the same key, but for one name. Where several
# changes of name come at once, rows of one change belong together before any others do.
_RENAMED = """
    WITH told AS (
        FROM ops.restatements
        WHERE run_id = $run AND cause_table = 'ref.symbol_changes'
            AND change IN ('appeared', 'vanished')
    ),
    renamed AS (
        SELECT
            gone.table_name,
            gone.row_key AS old_key,
            come.row_key AS new_key,
            gone.cause = 'vanished' AS is_taken_back,
            gone.cause_key = come.cause_key AS is_one_change,
            list_filter(
                list_zip(gone.row_key, come.row_key), lambda part: part[1] <> part[2]
            ) AS names
        FROM told AS gone
        JOIN told AS come
            ON gone.table_name = come.table_name
            AND gone.session_date IS NOT DISTINCT FROM come.session_date
        WHERE gone.change = 'vanished' AND come.change = 'appeared'
    ),
    named AS (
        FROM renamed
        WHERE len(names) = 1 AND try_cast(names[1][1] AS DATE) IS NULL
        QUALIFY is_one_change OR (
            count(*) OVER (PARTITION BY table_name, old_key) = 1
            AND count(*) FILTER (is_one_change) OVER (PARTITION BY table_name, new_key) = 0
        )
    )
    SELECT names[1][1] AS old_symbol, names[1][2] AS new_symbol, is_taken_back, count(*) AS "rows"
    FROM named
    GROUP BY ALL ORDER BY ALL
"""

_LEADING = """
    SELECT
        table_name, row_key, column_name, change, old, new,
        cause_in_words(cause_table, cause_key, cause, other_causes) AS because
    FROM ops.restatements
    WHERE run_id = $run AND change NOT IN ('moved', 'settled') AND (
        table_name <> 'mart.claim_checks' OR column_name IN ('measured_value', 'holds', 'verdict')
    ) AND cause_table IS DISTINCT FROM 'ref.symbol_changes'
    ORDER BY (table_name LIKE 'mart.%') DESC, table_name, row_key, column_name
    LIMIT 1
"""

_MOVES = """
    SELECT
        *,
        greatest(coalesce(old_usd, 0), coalesce(new_usd, 0)) >= (
            SELECT min(usd) FROM (
                SELECT usd FROM (
                    SELECT 'loss' AS of_side, loss_usd AS usd FROM mart.market_cap_losses
                    UNION ALL
                    SELECT 'gain', gain_usd FROM mart.market_cap_gains
                ) WHERE of_side = side ORDER BY usd DESC LIMIT $places
            )
        ) AS is_top,
        difference_usd / nullif(coalesce(old_usd, new_usd), 0) AS share
    FROM session_restatements(NULL, run := $run)
"""

UNEXPLAINED = "no input that changed explains it"
"""What ``cause_in_words`` says where there is no cause."""


@dataclass(frozen=True)
class Restated:
    """What a run changed of what was published.

    Attributes:
        counted: change, table_name, rows; without those that another name alone takes along.
        renamed: old_symbol, new_symbol, is_taken_back (whether it is a former name), rows.
        moves: losses and gains that changed, as ``session_restatements`` has them, is_top (as large
            as the largest of all) and share (the difference as a part of what was published).
        leading: the first change of all, where no loss or gain changed.
    """

    counted: pl.DataFrame
    renamed: pl.DataFrame
    moves: pl.DataFrame
    leading: dict[str, Any] | None

    def rows(self, *changes: Change) -> int:
        """Return how many values or rows changed so."""
        return int(self.counted.filter(pl.col("change").is_in([*changes]))["rows"].sum())

    def side(self, side: str) -> pl.DataFrame:
        """Return the losses (or gains) whose dollars changed, the largest differences first."""
        differ = pl.col("old_usd").ne_missing(pl.col("new_usd"))
        return self.moves.filter(differ, pl.col("side") == side)

    def sentence(self) -> str | None:
        """Say what changed and why; None where nothing did, or was but pending before."""
        values = self.rows(Change.CHANGED)
        rows = self.rows(Change.APPEARED, Change.VANISHED)
        names = [
            f"{old} is called {new} {'again' if is_taken_back else 'now'}, and {count:,} published "
            f"{'row' if count == 1 else 'rows'} with it"
            for old, new, is_taken_back, count in self.renamed.iter_rows()
        ]
        if not values and not rows:
            return f"{'; '.join(names)} (ops.restatements)" if names else None
        sides = [
            f"{found.height} published {_plural(side, found.height)} changed, the largest "
            f"{told(found.row(0, named=True))}"
            for side in ("loss", "gain")
            if (found := self.side(side)).height
        ]
        records = [
            f"{row['company_symbol']} {row['session_date']} {row['record']} its record"
            for row in self.moves.drop_nulls("record").iter_rows(named=True)
        ]
        if self.leading is not None:
            sides = [f"published values changed, the first {_of_row(self.leading)}"]
        tables = self.counted.filter(pl.col("change").is_in(_REMEMBERED))["table_name"].n_unique()
        moved = self.rows(Change.MOVED)
        counted = f"in all {values:,} values and {rows:,} rows of {tables} tables" + (
            f", beside {moved:,} places that moved" if moved else ""
        )
        return "; ".join([*names, *sides, *records, f"{counted} (ops.restatements)"])

    def beyond(self, share: float) -> pl.DataFrame:
        """Return what deserves a look: a large one that changed by more than this, and records."""
        is_large = pl.col("is_top") & (pl.col("share") > share)
        return self.moves.filter(is_large.fill_null(value=False) | pl.col("record").is_not_null())


_REMEMBERED = [Change.CHANGED.value, Change.APPEARED.value, Change.VANISHED.value]


def restated_by(published: Reader, run_id: str, places: int) -> Restated:
    """Ask the published file what the publication of a run changed.

    Args:
        published: the published file.
        run_id: the run.
        places: how many of the largest losses, and of the gains, are the largest of all.
    """
    moves = published.frame(_MOVES, run=run_id, places=places)
    return Restated(
        published.frame(_COUNTED, run=run_id),
        published.frame(_RENAMED, run=run_id),
        moves,
        None if moves.height else next(iter(published.rows(_LEADING, run=run_id)), None),
    )


def restated_before(published: Reader, company: str, session: date) -> list[str]:
    """Return a sentence for each change of a company's loss or gain on a session."""
    rows = published.rows(
        "FROM session_restatements($day) WHERE company_symbol = $company ORDER BY changed_at",
        day=session,
        company=company,
    )
    return [
        f"ops.restatements: {row['changed_at']:%Y-%m-%d %H:%M} UTC, {row['side']} {told(row)}"
        for row in rows
    ]


def told(row: dict[str, Any]) -> str:
    """Say from what to what a loss or gain changed, and why: a row of ``session_restatements``."""
    where = f"{row['company_symbol']} {row['session_date']}"
    old, new = row["old_usd"], row["new_usd"]
    if old is None and new is None:
        what = f"{row['record']} its record"
    elif old is None:
        what = f"of {in_words(new)} dollars came"
    elif new is None:
        what = f"of {in_words(old)} dollars is gone"
    elif in_words(old) == in_words(new):
        what = f"from {old:,.0f} to {new:,.0f} dollars"
    else:
        what = f"from {in_words(old)} to {in_words(new)} dollars"
    return f"{where} {what}{connective(row['because'])}{row['because']}"


def connective(because: str) -> str:
    """Return what joins a clause of ``cause_in_words`` to what it explains, or does not."""
    return ", and " if because == UNEXPLAINED else ", because "


def _of_row(row: dict[str, Any]) -> str:
    place = f"{row['table_name']} {_key_in_words(row['row_key'])}"
    what = (
        row["change"] if row["column_name"] is None
        else f"{row['column_name']} {row['old']} -> {row['new']}"
    )  # fmt: skip
    return f"{place} {what}{connective(row['because'])}{row['because']}"


def _key_in_words(key: list[str | None]) -> str:
    """Write a key; a part of it may be null: the kind of a split, where nobody said it."""
    return " ".join(part for part in key if part is not None)


def _plural(side: str, number: int) -> str:
    return side if number == 1 else {"loss": "losses", "gain": "gains"}[side]
