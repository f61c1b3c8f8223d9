"""Faults of share counts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import polars as pl

from tests.faults.kinds import COUNT, NOT, Inject, Pick, add, where
from tests.faults.kinds_actions import fault_of_split, split_in_truth
from tests.faults.places import Places
from tests.faults.run import Files

DRIFT = (
    "Below x1.5 a count moves like an issue or a buyback, and index units are held to x1.3 of it: "
    "a second source of counts would tell."
)
OUTSIDE = (
    "One reporter, no index units, and no jump: the series agrees with itself, and a tenth of what "
    "is traded of one company is traded of another. A second source of counts, or the company's "
    "filings, would tell."
)
COUNTED = pl.col("shares_outstanding")


def counted(files: Files, condition: pl.Expr, to: pl.Expr) -> Files:
    value = pl.when(condition).then(to.round().cast(pl.Int64)).otherwise(COUNTED)
    rows = files.shares_outstanding.with_columns(shares_outstanding=value)
    return replace(files, shares_outstanding=rows)


def times(factor: float, pick: Pick, days: Callable[[Files, str, date], pl.Expr]) -> Inject:
    """Multiply reports of a company by a factor, on chosen dates."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        symbol, day = pick(places, rng), places.session(rng)
        return counted(files, where(symbol) & days(files, symbol, day), COUNTED * factor)

    return inject


def every(files: Files, symbol: str, day: date) -> pl.Expr:
    return pl.lit(value=True)


def one(files: Files, symbol: str, day: date) -> pl.Expr:
    """Choose the first report from a session on."""
    of_it = files.shares_outstanding.filter(where(symbol) & (pl.col("as_of_date") >= day))
    return pl.col("as_of_date") == of_it["as_of_date"].min()


def first(files: Files, symbol: str, day: date) -> pl.Expr:
    of_it = files.shares_outstanding.filter(where(symbol))
    return pl.col("as_of_date") == of_it["as_of_date"].min()


def last(files: Files, symbol: str, day: date) -> pl.Expr:
    of_it = files.shares_outstanding.filter(where(symbol))
    return pl.col("as_of_date") == of_it["as_of_date"].max()


def for_days(number: int) -> Callable[[Files, str, date], pl.Expr]:
    return lambda f, s, d: pl.col("as_of_date").is_between(d, d + timedelta(days=number))


def onwards(files: Files, symbol: str, day: date) -> pl.Expr:
    return pl.col("as_of_date") >= day


def alternating(files: Files, symbol: str, day: date) -> pl.Expr:
    """Choose every other report from a session on."""
    after = files.shares_outstanding.filter(where(symbol) & (pl.col("as_of_date") >= day))
    return pl.col("as_of_date").is_in(after["as_of_date"].sort().gather_every(2).implode())


for _factor in (0.001, 0.1, 0.5, 1.6, 2.0, 10.0, 1000.0):
    add(f"one count x{_factor:g}", f"one report of a large member times {_factor:g}",
        times(_factor, Places.large, one), COUNT)  # fmt: skip
for _factor in (0.1, 0.5, 2.0, 10.0, 1000.0):
    add(f"count x{_factor:g} for three months", f"reports of three months times {_factor:g}",
        times(_factor, Places.large, for_days(90)), COUNT)  # fmt: skip
    add(f"count x{_factor:g} from a session on", f"all reports from then on times {_factor:g}",
        times(_factor, Places.large, onwards), COUNT)  # fmt: skip
for _factor in (0.5, 2.0, 10.0):
    add(f"first count x{_factor:g}", f"the first report of a large member times {_factor:g}",
        times(_factor, Places.large, first), COUNT)  # fmt: skip
    add(f"last count x{_factor:g}", f"the last report of a large member times {_factor:g}",
        times(_factor, Places.large, last), COUNT)  # fmt: skip
    add(f"count alternates with x{_factor:g}", f"every other report times {_factor:g}",
        times(_factor, Places.large, alternating), COUNT)  # fmt: skip
for _factor, _said in ((0.5, "a class for a company"), (0.001, "in thousands"),
                       (10.0, "a digit too many"), (1000.0, "thousands too many"),
                       (1e-6, "in millions")):  # fmt: skip
    add(f"all counts of a member x{_factor:g}", f"all reports of a large member: {_said}",
        times(_factor, Places.large, every), COUNT)  # fmt: skip
for _factor in (0.001, 1000.0):
    add(f"all counts of a line outside x{_factor:g}",
        f"all reports of a company in no index times {_factor:g}",
        times(_factor, Places.stranger, every), COUNT)  # fmt: skip
add("all counts of a line outside x10", "all reports of a company in no index times 10",
    times(10.0, Places.stranger, every), OUTSIDE, **NOT)  # fmt: skip
add("one count x2, outside of indices", "one report of a company in no index is doubled",
    times(2.0, Places.stranger, one), COUNT)  # fmt: skip
add("one count x1.2", "one report of a large member times 1.2: a jump within x1.5",
    times(1.2, Places.large, one), COUNT)  # fmt: skip
add("one count x1.1", "one report of a large member times 1.1", times(1.1, Places.large, one),
    DRIFT, **NOT)  # fmt: skip
add("all counts of a member x1.2", "all reports of a large member times 1.2: float is no less wide",
    times(1.2, Places.large, every), DRIFT, **NOT)  # fmt: skip


def of_universe(factor: float) -> Inject:
    return lambda f, p, r: counted(f, pl.lit(value=True), (COUNTED * factor).clip(1, 9e12))


for _factor, _said in ((0.001, "in thousands"), (1e-6, "in millions"), (1000.0, "x1000")):
    add(f"all counts of all companies x{_factor:g}", f"the file of counts is {_said}",
        of_universe(_factor), ("median_plausible", "shares_outstanding"))  # fmt: skip
add("all counts of all companies x0.5", "all counts of all companies are halved",
    of_universe(0.5),
    "All counts agree with each other and with index units, which have no scale of their own; a "
    "plausible market is wider than x2. A second source of counts would tell.", **NOT)  # fmt: skip


def of_other(days: Callable[[Files, str, date], pl.Expr]) -> Inject:
    """Give a company the count of one that has five times as many, or a fifth."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        symbol, day = places.large(rng), places.session(rng)
        known = files.shares_outstanding.group_by("symbol").agg(COUNTED.last())
        mine = known.filter(pl.col("symbol") == symbol)["shares_outstanding"][0]
        others = known.filter(~(COUNTED / mine).is_between(0.2, 5))["shares_outstanding"].sort()
        other = rng.choice(others.to_list())
        return counted(files, where(symbol) & days(files, symbol, day), pl.lit(float(other)))

    return inject


add("count of another company, once", "one report is another company's", of_other(one), COUNT)
add("count of another company from a session on", "reports from then on are another company's",
    of_other(onwards), COUNT)  # fmt: skip
add("count of another company, all reports", "all reports are another company's", of_other(every),
    COUNT)  # fmt: skip


def counts_swapped(files: Files, places: Places, rng: Random) -> Files:
    """Let two companies have each other's reports, a giant's and one with far fewer shares."""
    known = dict(
        files.shares_outstanding.group_by("symbol").agg(COUNTED.last()).sort("symbol").rows()
    )
    one_ = places.giant(rng)
    other = rng.choice([s for s in places.members if known[s] * 5 < known[one_]])
    names = {one_: other, other: one_}
    rows = files.shares_outstanding.with_columns(pl.col("symbol").replace(names))
    return replace(files, shares_outstanding=rows)


add("counts of two companies swapped", "two members have each other's reports", counts_swapped,
    COUNT)  # fmt: skip


def left_out(days: Callable[[Files, str, date], pl.Expr]) -> Inject:
    def inject(files: Files, places: Places, rng: Random) -> Files:
        symbol, day = places.large(rng), places.session(rng)
        gone = where(symbol) & days(files, symbol, day)
        return replace(files, shares_outstanding=files.shares_outstanding.filter(~gone))

    return inject


add("count missing for six months", "a large member has no report for six months",
    left_out(for_days(180)),
    "A company whose count has not changed reports nothing: after 120 days it is flagged stale.",
    **NOT)  # fmt: skip
add("no count at all", "a large member has no report", left_out(every), COUNT)
add("no report before a session", "a large member's reports begin in the middle",
    left_out(lambda f, s, d: pl.col("as_of_date") < d), COUNT)  # fmt: skip
add("no counts of anybody", "the file of counts is empty",
    lambda f, p, r: replace(f, shares_outstanding=f.shares_outstanding.clear()), COUNT)  # fmt: skip


def basis(days: tuple[int, int], *, back: bool) -> object:
    """Report in the basis of the other side of a split, on days around it."""

    def make(f: Files, p: Places, s: str, d: date, k: float) -> Files:
        around = pl.col("as_of_date").is_between(
            d + timedelta(days=days[0]), d + timedelta(days=days[1])
        )
        return counted(f, where(s) & around, COUNTED / k if back else COUNTED * k)

    return make


for _ratio, _said in ((2.0, "2:1"), (10.0, "10:1"), (0.1, "1:10")):
    _truth = split_in_truth(_ratio)
    add(f"count in the old basis a month after a split {_said}", "reports follow a split late",
        fault_of_split(basis((0, 30), back=True)), COUNT, truth=_truth)  # fmt: skip
    add(f"count in the old basis four months after a split {_said}", "reports follow a split late",
        fault_of_split(basis((0, 120), back=True)), COUNT, truth=_truth)  # fmt: skip
    add(f"count in the coming basis before a split {_said}", "reports are ahead of a split",
        fault_of_split(basis((-40, -1), back=False)), COUNT, truth=_truth)  # fmt: skip
    add(f"all counts in the coming basis before a split {_said}",
        "all reports before a split are in its basis: the source divides its history",
        fault_of_split(basis((-400, -1), back=False)), COUNT, truth=_truth)  # fmt: skip
    add(f"first count in the coming basis, {_said}", "the first report alone is in a coming basis",
        fault_of_split(lambda f, p, s, d, k: counted(
            f, where(s) & first(f, s, d), COUNTED * k)), COUNT, truth=_truth)  # fmt: skip


def merger(files: Files, places: Places, rng: Random) -> Files:
    """Let a large member issue shares for another company: counts and units x1.8."""
    symbol, day = places.large(rng), places.session(rng)
    files = counted(files, where(symbol) & (pl.col("as_of_date") >= day), COUNTED * 1.8)
    grown = where(symbol) & (pl.col("as_of_date") >= day) & (pl.col("index_symbol") != "^DJI")
    holdings = files.index_holdings.with_columns(
        units=pl.when(grown).then(pl.col("units") * 1.8).otherwise("units")
    )
    return replace(files, index_holdings=holdings)


def late(number: int) -> Inject:
    def inject(files: Files, places: Places, rng: Random) -> Files:
        symbol, day = places.large(rng), places.session(rng)
        soon = pl.col("as_of_date").is_between(day, day + timedelta(days=number))
        return counted(files, where(symbol) & soon, COUNTED / 1.8)

    return inject


for _days in (30, 90):
    add(f"merger's count {_days} days late",
        f"a member's shares and units grow x1.8; reports have it {_days} days later",
        late(_days), COUNT, truth=merger)  # fmt: skip


def report(**values: object) -> Inject:
    """Add a report that cannot be."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        row = {"symbol": places.large(rng), "as_of_date": places.session(rng),
               "shares_outstanding": 10**9, **values}  # fmt: skip
        rows = files.shares_outstanding.join(
            pl.DataFrame([row]).select("symbol", "as_of_date"), on=["symbol", "as_of_date"],
            how="anti",
        )  # fmt: skip
        more = pl.DataFrame([row], schema=rows.schema)
        return replace(files, shares_outstanding=pl.concat([rows, more]))

    return inject


GATE = ("shares_outstanding", "not_in_the_future", "known_symbol", "conflicting_duplicate")
add("count zero", "a report of no shares", report(shares_outstanding=0), GATE)
add("count negative", "a report of fewer than no shares", report(shares_outstanding=-(10**9)), GATE)
add("count of ten trillions", "a report of 10^14 shares", report(shares_outstanding=10**14), GATE)
add("count of the future", "a report of a day to come", report(as_of_date=date(2025, 6, 30)), GATE)
add("count of a stranger", "a report of a line that is not covered", report(symbol="ZZZZ"), GATE)
add("counts with a fraction", "all counts are floats, one with a fraction",
    lambda f, p, r: replace(f, shares_outstanding=f.shares_outstanding.with_columns(
        COUNTED.cast(pl.Float64) + pl.when(where(p.large(r))).then(0.5).otherwise(0.0))),
    (*GATE, *COUNT))  # fmt: skip
add("count twice, another", "two reports of one date",
    lambda f, p, r: replace(f, shares_outstanding=pl.concat([
        f.shares_outstanding,
        f.shares_outstanding.filter(where(p.large(r))).head(1).with_columns(COUNTED * 2)])),
    GATE)  # fmt: skip
add("counts as text with commas", "counts are written 24,490,000,000",
    lambda f, p, r: replace(f, shares_outstanding=f.shares_outstanding.with_columns(
        COUNTED.map_elements(lambda n: f"{n:,}", return_dtype=pl.String))), ("error",))  # fmt: skip
