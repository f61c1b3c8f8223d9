"""Whether a large loss is borne out by the rows around it."""

import polars as pl

from warehouse.schemas.vocabulary import Support

LARGE_LOSS_USD = 150e9
"""A loss above this makes headlines: price and share count should rest on two rows each."""

ALIKE = 0.05
"""Two share counts this near to each other support each other."""

FAR = 1.5
"""A share count this many times another contradicts it."""

_LOSS = ["company_symbol", "session_date"]


def support_of_losses(
    losses: pl.DataFrame, caps: pl.DataFrame, prices: pl.DataFrame, counts: pl.DataFrame
) -> pl.DataFrame:
    """Say of the losses above ``LARGE_LOSS_USD`` which are not borne out by a second row.

    The close is supported by a bar around it, or by the next session not opening (closing, where
    only closes are known) more than half the way back; without a bar, a next session that is back
    contradicts it. The share count that the loss rests on is supported by another report within
    ``ALIKE`` of it; reports before and after it that agree with each other and are ``FAR`` from it
    contradict it. What a later session or report may still tell is pending.

    A bar is no witness of its own close: that is a weak support, and the place where a witness of
    the loss would be asked is ``_by_price``.

    Args:
        losses: ``mart.market_cap_losses``.
        caps: ``mart.market_caps``.
        prices: ``core.prices``.
        counts: ``core.shares_outstanding``.

    Returns:
        company_symbol, session_date, loss_usd, support (``Support``), lacks.
    """
    large = losses.filter(pl.col("loss_usd") > LARGE_LOSS_USD)
    return (
        _by_price(large, prices)
        .join(_by_count(large, caps, counts), on=_LOSS, how="left")
        .with_columns(
            support=pl.min_horizontal(_rank("price"), _rank("count")),
            lacks=pl.concat_str(
                [
                    pl.when(pl.col("price").is_not_null()).then(pl.lit("a second price")),
                    pl.when(pl.col("count").is_not_null()).then(pl.lit("a second share count")),
                ],
                separator=", ",
                ignore_nulls=True,
            ),
        )
        .filter(pl.col("support").is_not_null())
        .with_columns(support=pl.col("support").replace_strict(dict(enumerate(Support))))
        .select(*_LOSS, "loss_usd", "support", "lacks")
        .sort("loss_usd", descending=True)
    )


def _rank(column: str) -> pl.Expr:
    """Return how grave a kind of support is, 0 first; null where there is nothing to say."""
    order = {kind.value: place for place, kind in enumerate(Support)}
    return pl.col(column).replace_strict(order, return_dtype=pl.Int64)


def _by_price(large: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Add the column price to losses: what their close lacks; null where a second row bears it."""
    bars = prices.sort("symbol", "session_date").with_columns(
        next_price=pl.coalesce("open", "close").shift(-1).over("symbol"),
        next_ratio=pl.col("adjustment_ratio").shift(-1).over("symbol"),
    )
    back = pl.col("next_price") * pl.col("next_ratio").fill_null(1) / pl.col("close") - 1
    in_bar = pl.col("close").is_between(pl.col("low") - 0.005, pl.col("high") + 0.005)
    stays = back < pl.col("loss_return") / 2
    return large.join(bars, left_on=_LOSS, right_on=["symbol", "session_date"]).select(
        *_LOSS,
        "loss_usd",
        price=pl.when(in_bar.fill_null(value=False) | stays.fill_null(value=False))
        .then(None)
        .when(stays.is_null())
        .then(pl.lit(Support.PENDING.value))
        .otherwise(pl.lit(Support.CONTRADICTED.value)),
    )


def _by_count(large: pl.DataFrame, caps: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Return company_symbol, session_date, count: what the share count of each loss lacks."""
    count, used = pl.col("shares_outstanding"), pl.col("effect_shares_outstanding")
    as_of, used_as_of = pl.col("reported_as_of"), pl.col("effect_shares_as_of")
    before, after = (
        count.filter(side).sort_by(as_of.filter(side)) for side in (as_of < used_as_of,
                                                                    as_of > used_as_of)
    )  # fmt: skip
    rested_on = used.first()
    neighbours = (
        large.select(_LOSS)
        .join(caps.select(*_LOSS, "effect_shares_outstanding", "effect_shares_as_of"), on=_LOSS)
        .join(counts, left_on="company_symbol", right_on="symbol", how="left")
        .group_by(_LOSS)
        .agg(
            used=rested_on,
            has_alike=(((count / used - 1).abs() <= ALIKE) & (as_of != used_as_of)).any(),
            before=before.last(),
            after=after.first(),
        )
    )
    agree = (pl.col("before") / pl.col("after") - 1).abs() <= ALIKE
    ratio = pl.col("used") / pl.col("before")
    is_far = (ratio >= FAR) | (ratio <= 1 / FAR)
    return neighbours.select(
        *_LOSS,
        count=pl.when("has_alike")
        .then(None)
        .when((agree & is_far).fill_null(value=False))
        .then(pl.lit(Support.CONTRADICTED.value))
        .when(pl.col("after").is_null())
        .then(pl.lit(Support.PENDING.value))
        .otherwise(pl.lit(Support.WEAK.value)),
    )
