"""Faults of splits, spin-offs and dividends."""

from dataclasses import replace
from datetime import date
from random import Random

import polars as pl

from tests.faults.kinds import BARS, HARMLESS, NOT, PRICE, Inject, add, where, with_prices
from tests.faults.places import Places
from tests.faults.run import Files

ACTION = (*PRICE, "share_count", "disputed_share_count", "conflicting_duplicate")
NEAR_NEWS = (
    "A ratio below 1.1 is as large as news: the price does not tell whether it followed. The index "
    "does where the line weighs enough."
)


def recorded(files: Files, symbol: str, ex_date: date, ratio: float) -> Files:
    """Record a split."""
    row = pl.DataFrame([(symbol, ex_date, ratio)], schema=files.splits.schema, orient="row")
    return replace(files, splits=pl.concat([files.splits, row]).sort("symbol", "ex_date"))


def unlisted(files: Files, symbol: str, ex_date: date) -> Files:
    return replace(files, splits=files.splits.filter(~where(symbol, [ex_date], "ex_date")))


def split_in_truth(ratio: float) -> Inject:
    """Let a large member split: prices, counts, units and the record."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        symbol, day = places.large(rng), places.session(rng)
        after = places.from_session(day, None)
        files = with_prices(files, where(symbol, after), **{n: pl.col(n) / ratio for n in BARS})
        is_after = where(symbol) & (pl.col("as_of_date") >= day)
        counts = files.shares_outstanding.with_columns(
            shares_outstanding=pl.when(is_after)
            .then((pl.col("shares_outstanding") * ratio).cast(pl.Int64))
            .otherwise("shares_outstanding")
        )
        capped = is_after & (pl.col("index_symbol") != "^DJI")
        units = files.index_holdings.with_columns(
            units=pl.when(capped).then(pl.col("units") * ratio).otherwise("units")
        )
        files = replace(files, shares_outstanding=counts, index_holdings=units)
        return recorded(files, symbol, day, ratio)

    return inject


def fault_of_split(make: object) -> Inject:
    """Put a fault into the split that the truth has: the same seed finds it."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        symbol, day = places.large(rng), places.session(rng)
        ratio = files.splits.filter(where(symbol, [day], "ex_date"))["ratio"][0]
        return make(files, places, symbol, day, ratio)  # type: ignore[operator]

    return inject


def moved(step: int) -> object:
    return lambda f, p, s, d, k: recorded(unlisted(f, s, d), s, p.beside(d, step), k)


def divided(f: Files, p: Places, s: str, d: date, k: float) -> Files:
    """Divide the history before the ex-date, as a source does that adjusts it."""
    before = [day for day in p.sessions if day < d]
    return with_prices(f, where(s, before), **{n: pl.col(n) / k for n in BARS})


FAULTS = {
    "unlisted": ("it is not recorded", lambda f, p, s, d, k: unlisted(f, s, d)),
    "a session early": ("it is recorded one session early", moved(-1)),
    "five sessions early": ("it is recorded five sessions early", moved(-5)),
    "a session late": ("it is recorded one session late", moved(1)),
    "five sessions late": ("it is recorded five sessions late", moved(5)),
    "twice": ("it is recorded again three sessions later",
              lambda f, p, s, d, k: recorded(f, s, p.beside(d, 3), k)),
    "inverted": ("its ratio is inverted",
                 lambda f, p, s, d, k: recorded(unlisted(f, s, d), s, d, 1 / k)),
    "listed, history divided": ("closes before it come divided by it", divided),
    "another ratio": ("its ratio is recorded half as large again",
                      lambda f, p, s, d, k: recorded(unlisted(f, s, d), s, d, k * 1.5)),
}  # fmt: skip
for _ratio, _said in ((2.0, "2:1"), (10.0, "10:1"), (1.5, "3:2"), (1.25, "5:4"), (0.1, "1:10")):
    for _name, (_what, _make) in FAULTS.items():
        add(
            f"split {_said}, {_name}",
            f"a large member splits {_said}, and {_what}",
            fault_of_split(_make),
            ACTION,
            truth=split_in_truth(_ratio),
        )


def history_divided(ratio: float, *, listed: bool) -> Inject:
    """Deliver landed closes divided, by a split that went ex on a session or is not recorded."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        symbol, day = places.large(rng), places.session(rng)
        files = divided(files, places, symbol, day, ratio)
        return recorded(files, symbol, day, ratio) if listed else files

    return inject


for _ratio, _said in ((2.0, "2:1"), (1.5, "3:2"), (1.25, "5:4"), (0.1, "1:10")):
    add(
        f"divided but not listed, {_said}, over landed",
        f"landed closes of a large member come divided by {_said}, and no split is recorded",
        history_divided(_ratio, listed=False),
        ("prices_and_splits",),
        over_landed=True,
    )
    add(
        f"divided and listed, {_said}, over landed",
        f"landed closes of a large member come divided by {_said}, with a split that was none",
        history_divided(_ratio, listed=True),
        ("prices_and_splits",),
        over_landed=True,
    )


def no_action(ratio: float) -> Inject:
    """Record an action that never was."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        return recorded(files, places.large(rng), places.session(rng), ratio)

    return inject


for _ratio in (1.25, 1.5, 2.0, 10.0, 0.5, 0.1, 1.17):
    add(
        f"recorded but never was, {_ratio:g}",
        f"an action of ratio {_ratio:g} is recorded that never was",
        no_action(_ratio),
        ACTION,
    )
add("recorded but never was, 1.03", "a spin-off of ratio 1.03 is recorded that never was",
    no_action(1.03), NEAR_NEWS, **NOT)  # fmt: skip


def spin_off_in_truth(files: Files, places: Places, rng: Random) -> Files:
    """Let a giant spin off a seventh of its value."""
    symbol, day = places.large(rng), places.session(rng)
    after = places.from_session(day, None)
    to = {n: pl.col(n) / 1.17 for n in BARS}
    return recorded(with_prices(files, where(symbol, after), **to), symbol, day, 1.17)


add("spin-off unlisted", "a large member spins off a seventh of its value, and it is not recorded",
    fault_of_split(lambda f, p, s, d, k: unlisted(f, s, d)), ACTION,
    truth=spin_off_in_truth)  # fmt: skip


def split_row(**values: object) -> Inject:
    """Add a row of splits that cannot be."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        row = {"symbol": places.large(rng), "ex_date": places.session(rng), "ratio": 2.0, **values}
        more = pl.DataFrame([row], schema=files.splits.schema)
        return replace(files, splits=pl.concat([files.splits, more]))

    return inject


GATE = ("ratio", "exchange_session", "not_in_the_future", "known_symbol", "conflicting_duplicate")
add("split of ratio zero", "a split of ratio 0", split_row(ratio=0.0), GATE)
add("split of negative ratio", "a split of ratio -2", split_row(ratio=-2.0), GATE)
add(
    "split of ratio NaN", "a split whose ratio is not a number", split_row(ratio=float("nan")), GATE
)
add("split on a Saturday", "a split on a Saturday", split_row(ex_date=date(2024, 11, 2)), GATE)
add("split in the future", "a split to come", split_row(ex_date=date(2025, 3, 3)), GATE)
add("split of a stranger", "a split of a line that is not covered", split_row(symbol="ZZZZ"), GATE)
add("split twice, the same", "a row of splits is there twice",
    lambda f, p, r: replace(f, splits=pl.concat([f.splits, f.splits])), **HARMLESS)  # fmt: skip
add("split twice on a date, two ratios", "a split is recorded as 4:1 and as 3:1 on one date",
    lambda f, p, r: (lambda row: recorded(f, row[0], row[1], 3.5))(r.choice(p.split)),
    (*GATE, "price_move"))  # fmt: skip
add("no splits at all", "the file of splits is empty",
    lambda f, p, r: replace(f, splits=f.splits.clear()), ACTION)  # fmt: skip


def dividend(**values: object) -> Inject:
    def inject(files: Files, places: Places, rng: Random) -> Files:
        row = {
            "symbol": places.large(rng),
            "ex_date": places.session(rng),
            "amount_usd": 1.0,
            **values,
        }
        more = pl.DataFrame([row], schema=files.dividends.schema)
        return replace(files, dividends=pl.concat([files.dividends, more]))

    return inject


add("dividend in yen", "a dividend of 154 stands for one of a dollar", dividend(amount_usd=154.0),
    **HARMLESS)  # fmt: skip
add("dividend negative", "a dividend of minus a dollar", dividend(amount_usd=-1.0), ("amount_usd",))
add("no dividends", "the file of dividends is empty",
    lambda f, p, r: replace(f, dividends=f.dividends.clear()), **HARMLESS)  # fmt: skip
