"""As-traded closes that are delivered again, in another share basis than the one they landed in.

A close as traded never changes by the ratio of a split: it did trade at that. Where a source says
so, it has divided its history by a split that it does not list, or lists one by which it has not.
"""

import polars as pl

from assets.market.corporate_actions import is_share_ratio, with_adjustments
from assets.market.moves import chained_ratio

PRICES_AND_SPLITS = "prices_and_splits"
"""The rule that a delivery breaks whose closes and splits are not one statement."""

MATCH = 5e-3
"""Relative distance within which a factor is the ratio of an action, and two factors are one."""

CENT = 0.01
"""Closes are rounded to it, divided or not: what that makes of a factor is noise."""

LARGEST_NOISE = 0.05
"""Rounding explains no more than this of a factor, however low the price."""

SAME_AS_ONE = 1 / 4
"""A factor within this part of a ratio's distance from 1 is that ratio: 1.015 is not 1.02."""

NO_CHANCE = 5
"""Sessions that one common factor does not move by chance."""

SURELY_NO_CHANCE = 10
"""... and that another basis moves, whatever the factor: that of a spin-off may be any."""

NEVER_BEGUN = pl.DataFrame(schema={"symbol": pl.String, "begun_on": pl.Date})
"""Where it is not known what was there when a symbol first came."""

_KEY = ["symbol", "session_date"]
_FOUND = pl.Schema(
    {
        "symbol": pl.String,
        "first_session": pl.Date,
        "last_session": pl.Date,
        "sessions": pl.Int64,
        "ratio": pl.Float64,
        "is_recorded": pl.Boolean,
    }
)


def _is_moved() -> pl.Expr:
    larger = pl.max_horizontal("was", "now")
    slack = pl.max_horizontal(MATCH * larger, pl.lit(CENT * (1 + 1e-9)))
    return (pl.col("now") - pl.col("was")).abs() > slack


def moved_symbols(landed: pl.DataFrame, delivered: pl.DataFrame) -> list[str]:
    """Return the symbols of which a landed close is delivered with another value.

    Args:
        landed: symbol, session_date, close, ...
        delivered: the same, of what is to replace it.
    """
    both = landed.select(*_KEY, was="close").join(delivered.select(*_KEY, now="close"), on=_KEY)
    return both.filter(_is_moved())["symbol"].unique().sort().to_list()


def rebased_blocks(
    landed: pl.DataFrame,
    delivered: pl.DataFrame,
    actions: pl.DataFrame,
    begun: pl.DataFrame = NEVER_BEGUN,
) -> pl.DataFrame:
    """Find the stretches of landed sessions whose closes a delivery moves by an action's ratio.

    A stretch is of consecutive landed sessions with one common factor. It counts if the factor is
    the ratio of a known action, its inverse or a product of several, or any ratio that splits have;
    a shorter stretch than ``NO_CHANCE`` counts only if such stretches are half of what moved of the
    symbol; one of ``SURELY_NO_CHANCE`` whatever the factor is, of a source that is asked evening by
    evening: nobody corrects its history by hand. One that stood apart from both its
    neighbours and comes into line with them is a correction; so is the newest bar alone that comes
    into line with the one before it, and a stretch with which the history begins that comes into
    line with the bar after it, if that bar was there when the history first came: in whose basis
    it came then, nobody had seen.

    Args:
        landed: symbol, session_date, close, ...
        delivered: the same, of what is to replace it.
        actions: all that is known to go ex, landed and delivered: symbol, ex_date, ratio, kind.
        begun: symbol, begun_on: the last session that was there when a symbol first came; none of
            those of which that is not known.

    Returns:
        symbol, first_session, last_session, sessions, ratio (landed over delivered close: above 1
        where it was divided), is_recorded (whether it is the ratio of known actions), sorted.
    """
    suspects = moved_symbols(landed, delivered)
    of_suspects = pl.col("symbol").is_in(suspects)
    if not suspects:
        return pl.DataFrame(schema=_FOUND)
    beside = (
        landed.filter(of_suspects)
        .select(*_KEY, was="close")
        .join(delivered.select(*_KEY, now="close"), on=_KEY, how="left")
        .with_columns(pl.col("now").fill_null(pl.col("was")))
        .sort(_KEY)
    )
    known = actions.filter(of_suspects)
    matched = _matched(_blocks(beside, known, begun), known)
    moved = pl.col("sessions").filter(pl.col("is_moved")).sum().over("symbol")
    of_ratio = pl.col("sessions").filter(pl.col("is_ratio")).sum().over("symbol")
    return (
        matched.with_columns(is_long=(pl.col("sessions") >= NO_CHANCE) | (2 * of_ratio >= moved))
        .filter(pl.col("is_ratio") & pl.col("is_long") & ~pl.col("is_correction"))
        .select(pl.col(name).cast(dtype) for name, dtype in _FOUND.items())
        .sort("symbol", "first_session")
    )


def _blocks(beside: pl.DataFrame, actions: pl.DataFrame, begun: pl.DataFrame) -> pl.DataFrame:
    """Cut the closes of suspects into stretches of one factor; where nothing moved, of one bar."""
    once = actions.unique(["symbol", "ex_date", "kind"], keep="first", maintain_order=True)
    factor = pl.col("now") / pl.col("was")
    noise = 2 * MATCH + CENT / pl.min_horizontal("now", "was")
    goes_on = (
        (pl.col("symbol") == pl.col("symbol").shift())
        & pl.col("is_moved")
        & pl.col("is_moved").shift()
        & ((factor / factor.shift() - 1).abs() <= noise)
    )
    chain = chained_ratio()
    return (
        with_adjustments(beside, once)
        .with_columns(is_moved=_is_moved(), level_was=pl.col("was") * chain)
        .with_columns(
            level_now=pl.col("now") * chain,
            block=(~goes_on.fill_null(value=False)).cum_sum(),
        )
        .group_by("block", maintain_order=True)
        .agg(
            pl.col("symbol", "is_moved").first(),
            first_session=pl.col("session_date").first(),
            last_session=pl.col("session_date").last(),
            sessions=pl.len().cast(pl.Int64),
            ratio=pl.col("was").sum() / pl.col("now").sum(),
            cheapest=pl.min_horizontal("was", "now").min(),
            **{
                f"{end}_{when}": getattr(pl.col(f"level_{when}"), end)()
                for end in ("first", "last")
                for when in ("was", "now")
            },
        )
        .join(begun, on="symbol", how="left", maintain_order="left")
        .with_columns(is_correction=_is_correction())
    )


def _is_correction() -> pl.Expr:
    """Tell whether a stretch stood apart from what did not move beside it, and no longer does."""

    def comes_into_line(end: str, other: pl.Expr, *, beside_moved: pl.Expr) -> pl.Expr:
        was, now = ((pl.col(f"{end}_{when}") / other).log().abs() for when in ("was", "now"))
        return pl.when(~beside_moved).then(now < was / 2)

    def of_symbol(name: str, places: int) -> pl.Expr:
        return pl.col(name).shift(places).over("symbol")

    from_before = comes_into_line(
        "first", of_symbol("last_was", 1), beside_moved=of_symbol("is_moved", 1)
    )
    to_next = comes_into_line(
        "last", of_symbol("first_was", -1), beside_moved=of_symbol("is_moved", -1)
    )
    is_newest_alone = (pl.col("sessions") == 1) & of_symbol("is_moved", -1).is_null()
    begins = of_symbol("is_moved", 1).is_null() & (pl.col("last_session") < pl.col("begun_on"))
    between = from_before & (to_next | is_newest_alone)
    return between.fill_null(value=False) | (begins & to_next).fill_null(value=False)


def _matched(blocks: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Add whether a stretch moved by a ratio (is_ratio), and by a known one (is_recorded)."""
    tolerance = pl.min_horizontal(MATCH + CENT / pl.col("cheapest"), LARGEST_NOISE)
    blocks = blocks.with_columns(tolerance=tolerance)
    known = pl.col("known")
    slack = pl.min_horizontal("tolerance", (pl.max_horizontal(known, 1 / known) - 1) * SAME_AS_ONE)
    recorded = (
        blocks.join(_products(actions), on="symbol")
        .filter(
            ((pl.col("ratio") / known - 1).abs() <= slack)
            | ((pl.col("ratio") * known - 1).abs() <= slack)
        )["block"]
        .unique()
    )
    is_plausible = is_share_ratio(pl.col("ratio"), pl.col("tolerance")) | is_share_ratio(
        1 / pl.col("ratio"), pl.col("tolerance")
    )
    is_of_a_basis = (pl.col("sessions") >= SURELY_NO_CHANCE) & pl.col("begun_on").is_not_null()
    return blocks.with_columns(is_recorded=pl.col("block").is_in(recorded.implode())).with_columns(
        is_ratio=pl.col("is_moved") & (pl.col("is_recorded") | is_plausible | is_of_a_basis)
    )


def _products(actions: pl.DataFrame) -> pl.DataFrame:
    """Return the ratios by which known actions can move a close: symbol, known.

    Those of each action, and of several that follow one another.
    """
    found: set[tuple[str, float]] = set()
    for (symbol,), of_symbol in actions.sort("symbol", "ex_date").group_by("symbol"):
        ratios = of_symbol["ratio"].to_list()
        for start in range(len(ratios)):
            product = 1.0
            for ratio in ratios[start:]:
                product *= ratio
                found.add((str(symbol), product))
    return pl.DataFrame(
        sorted(found), schema={"symbol": pl.String, "known": pl.Float64}, orient="row"
    )
