"""``mart.index_changes``: who joined and left an index between two of its sets, and why.

A set is dated, and so are its differences to the one before. What the reference data know of a
member then explains it: its listing ended, or began; what was spun off; its new name. A member that
is replaced by the index's own choice has no explanation here.
"""

import polars as pl

from assets.market.last_known import last_known
from assets.market.names import Names
from assets.ref.symbol_changes import names_in_force
from assets.resources import Inputs
from assets.table_asset import table_asset
from warehouse.schemas import core, mart, ref
from warehouse.schemas.vocabulary import AdjustmentKind, MembershipChange, MembershipReason

NEAR_DAYS = 10
"""An index follows the end of a listing, or the beginning of one, within this many days."""

_OF_SET = ["index_symbol", "effective_from"]


def set_differences(holdings: pl.DataFrame) -> pl.DataFrame:
    """Compare each set of an index with the one before.

    Args:
        holdings: ``ref.index_holdings``.

    Returns:
        index_symbol, effective_from, previous_effective_from, symbol, change (joined, left),
        units_before, units_after, is_estimate; nothing of an index's first set.
    """
    sets = (
        holdings.group_by(_OF_SET)
        .agg(is_estimate=pl.col("is_estimate").any())
        .sort(_OF_SET)
        .with_columns(
            previous_effective_from=pl.col("effective_from").shift().over("index_symbol"),
            is_estimate=pl.col("is_estimate")
            | pl.col("is_estimate").shift().over("index_symbol").fill_null(value=False),
        )
        .drop_nulls("previous_effective_from")
    )
    units = holdings.select(*_OF_SET, "symbol", "units")
    after = sets.join(units, on=_OF_SET).rename({"units": "units_after"})
    before = sets.join(
        units.rename({"effective_from": "previous_effective_from", "units": "units_before"}),
        on=["index_symbol", "previous_effective_from"],
    )
    on = [*sets.columns, "symbol"]
    missing = pl.lit(None, pl.Float64)
    return pl.concat(
        [
            after.join(before, on=on, how="anti").with_columns(
                units_before=missing, change=pl.lit(MembershipChange.JOINED.value)
            ),
            before.join(after, on=on, how="anti").with_columns(
                units_after=missing, change=pl.lit(MembershipChange.LEFT.value)
            ),
        ],
        how="diagonal",
    )


def explained(
    differences: pl.DataFrame, securities: pl.DataFrame, actions: pl.DataFrame
) -> pl.DataFrame:
    """Say what the reference data know of those that joined and left.

    A listing that ends until some days after the session explains who left, one that begins since
    some days before the set before explains who joined; a spin-off of one other company near that
    beginning says where it comes from.

    Args:
        differences: what ``set_differences`` returns.
        securities: ``ref.securities``.
        actions: ``core.corporate_actions``.

    Returns:
        differences with reason, explanation.
    """
    near = f"{NEAR_DAYS}d"
    listed = securities.select("symbol", "listed_from", "listed_to", "delisting_reason")
    parents = (
        actions.filter(pl.col("kind") == AdjustmentKind.SPIN_OFF)
        .select("ex_date", parent="symbol")
        .join(listed.drop_nulls("listed_from"), how="cross")
        .filter(
            pl.col("ex_date").is_between(
                pl.col("listed_from").dt.offset_by(f"-{near}"),
                pl.col("listed_from").dt.offset_by(near),
            ),
            pl.col("parent") != pl.col("symbol"),
        )
        .filter(pl.len().over("symbol") == 1)
        .select("symbol", "ex_date", "parent")
    )
    told = differences.join(listed, on="symbol", how="left").join(parents, on="symbol", how="left")
    has_ended = (pl.col("change") == MembershipChange.LEFT) & (
        pl.col("listed_to") <= pl.col("effective_from").dt.offset_by(near)
    )
    has_begun = (pl.col("change") == MembershipChange.JOINED) & (
        pl.col("listed_from") > pl.col("previous_effective_from").dt.offset_by(f"-{near}")
    )
    is_spun_off = has_begun & pl.col("parent").is_not_null()
    why = pl.concat_str(
        pl.format("last session {}", "listed_to"),
        pl.col("delisting_reason"),
        separator=": ",
        ignore_nulls=True,
    )
    return told.with_columns(
        reason=pl.when(has_ended)
        .then(pl.lit(MembershipReason.DELISTED.value))
        .when(is_spun_off)
        .then(pl.lit(MembershipReason.SPUN_OFF.value))
        .when(has_begun)
        .then(pl.lit(MembershipReason.NEWLY_LISTED.value)),
        explanation=pl.when(has_ended)
        .then(why)
        .when(is_spun_off)
        .then(pl.format("spun off from {} on {}", "parent", "ex_date"))
        .when(has_begun)
        .then(pl.format("listed since {}", "listed_from")),
    )


def renamed_members(holdings: pl.DataFrame, changes: pl.DataFrame, names: Names) -> pl.DataFrame:
    """Find the members whose name changed while a set with them was in force.

    Args:
        holdings: ``ref.index_holdings``.
        changes: ``ref.symbol_changes``.
        names: what names of lines stand for.

    Returns:
        index_symbol, effective_from (of the name), symbol, previous_effective_from, reason,
        explanation, units_before, units_after, is_estimate, change.
    """
    present = names.present(
        changes.with_columns(symbol="new_symbol"), "symbol", pl.col("first_session")
    )
    sets = holdings.select(_OF_SET).unique()
    at = present.select("symbol", "old_symbol", "new_symbol", "first_session").join(
        sets.select("index_symbol").unique(), how="cross"
    )
    in_force = last_known(
        at,
        sets,
        on="first_session",
        since="effective_from",
        by="index_symbol",
        previous_effective_from="effective_from",
    ).drop_nulls("previous_effective_from")
    return in_force.join(
        holdings.rename({"effective_from": "previous_effective_from"}),
        on=["index_symbol", "previous_effective_from", "symbol"],
    ).select(
        "index_symbol",
        "symbol",
        "previous_effective_from",
        "is_estimate",
        effective_from="first_session",
        units_before="units",
        units_after="units",
        change=pl.lit(MembershipChange.RENAMED.value),
        reason=pl.lit(MembershipReason.SYMBOL_CHANGE.value),
        explanation=pl.format("{} is called {} since", "old_symbol", "new_symbol"),
    )


def index_changes(
    holdings: pl.DataFrame,
    indices: pl.DataFrame,
    securities: pl.DataFrame,
    actions: pl.DataFrame,
    renamed: pl.DataFrame,
) -> pl.DataFrame:
    """Compute ``mart.index_changes``.

    Args:
        holdings: ``ref.index_holdings``.
        indices: ``ref.indices``; sets of an index that is not there are left out.
        securities: ``ref.securities``.
        actions: ``core.corporate_actions``.
        renamed: what ``renamed_members`` returns.
    """
    columns = mart.IndexChanges.names()
    found = explained(set_differences(holdings), securities, actions)
    return (
        pl.concat([found.select(columns), renamed.select(columns)])
        .join(indices, on="index_symbol", how="semi")
        .sort(mart.IndexChanges.key())
    )


@table_asset(
    mart.IndexChanges,
    {
        "holdings": ref.IndexHoldings,
        "indices": ref.Indices,
        "actions": core.CorporateActions,
    },
    behind={"securities": ref.Securities, "changes": ref.SymbolChanges},
)
def mart_index_changes(  # noqa: PLR0913, PLR0917 - as many inputs as explain a change
    holdings: pl.DataFrame,
    indices: pl.DataFrame,
    actions: pl.DataFrame,
    securities: pl.DataFrame,
    changes: pl.DataFrame,
    inputs: Inputs,
) -> pl.DataFrame:
    """Compute all changes."""
    names = names_in_force(changes, securities, inputs)
    renamed = renamed_members(holdings, changes, names)
    return index_changes(holdings, indices, securities, actions, renamed)
