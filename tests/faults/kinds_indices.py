"""Faults of index levels, member sets, and of what people maintain by hand."""

from dataclasses import replace
from datetime import date
from random import Random

import polars as pl

from tests.faults.kinds import BARS, HARMLESS, NOT, Inject, Pick, add, changed, where
from tests.faults.places import Places
from tests.faults.run import Files

LEVEL = (
    "level_move", "price_order", "unusual_residual", "no_level", "gap", "levels_with_prices",
    "close", "members_explain", "repeated_bar", "disputed_level",
)  # fmt: skip
SET = (
    "unusual_residual", "witness", "fewer", "members_explain", "disputed_share_count",
    "share_count", "dated_later", "error", "disputed_units",
)  # fmt: skip
SPX = "^GSPC"


def levels(files: Files, condition: pl.Expr, **to: pl.Expr) -> Files:
    return replace(files, index_levels=changed(files.index_levels, condition, **to))


def of_level(index: str, days: object = None) -> pl.Expr:
    is_it = pl.col("index_symbol") == index
    return is_it if days is None else is_it & pl.col("session_date").is_in(list(days))  # type: ignore[call-overload]


def times(factor: float, columns: tuple[str, ...], number: int | None, index: str = SPX) -> Inject:
    def inject(files: Files, places: Places, rng: Random) -> Files:
        days = places.from_session(places.session(rng), number)
        to = {name: pl.col(name) * factor for name in columns}
        return levels(files, of_level(index, days), **to)

    return inject


for _factor in (0.1, 0.5, 0.9, 0.99, 1.01, 1.1, 2.0, 10.0):
    add(f"one level x{_factor:g}", f"all four levels of the S&P 500 times {_factor:g} on one session",
        times(_factor, BARS, 1), LEVEL)  # fmt: skip
    add(f"levels x{_factor:g} from a session on", f"its levels from then on times {_factor:g}",
        times(_factor, BARS, None), LEVEL)  # fmt: skip
for _factor in (0.9, 1.01):
    add(f"one level's close x{_factor:g}", f"one close of the S&P 500 times {_factor:g}",
        times(_factor, ("close",), 1), LEVEL)  # fmt: skip
for _factor in (0.5, 1.1, 10.0):
    add(f"one level of the Nasdaq Composite x{_factor:g}",
        f"all four levels of an index without members here times {_factor:g}",
        times(_factor, BARS, 1, "^IXIC"), LEVEL)  # fmt: skip
for _factor in (10.0, 0.1):
    add(f"one level of the VIX x{_factor:g}", f"the VIX times {_factor:g} on one session",
        times(_factor, BARS, 1, "^VIX"), LEVEL)  # fmt: skip


def all_levels(factor: float) -> Inject:
    to = {name: pl.col(name) * factor for name in BARS}
    return lambda f, p, r: levels(f, of_level(SPX), **to)


for _factor in (10.0, 0.01):
    add(f"all levels x{_factor:g}", f"all levels of the S&P 500 times {_factor:g}",
        all_levels(_factor),
        "Returns and residuals are right, and an implied divisor has no scale of its own: points "
        "alone are wrong. A published divisor, or a second source, would tell.",
        **NOT)  # fmt: skip


def of_other(number: int | None, other: str) -> Inject:
    """Give the S&P 500 the levels of another index."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        days = places.from_session(places.session(rng), number)
        rest = files.index_levels.filter(~of_level(SPX, days))
        taken = files.index_levels.filter(of_level(other, days)).with_columns(
            index_symbol=pl.lit(SPX)
        )
        return replace(files, index_levels=pl.concat([rest, taken]))

    return inject


for _other in ("^NDX", "^DJI", "^RUT"):
    add(
        f"level of {_other} once",
        f"the S&P 500 has a level of {_other}",
        of_other(1, _other),
        LEVEL,
    )
    add(f"levels of {_other} from a session on", f"it has those of {_other} from then on",
        of_other(None, _other), LEVEL)  # fmt: skip


def shifted_levels(step: int) -> Inject:
    def inject(files: Files, places: Places, rng: Random) -> Files:
        dates = {
            day: places.sessions[n + step] if 0 <= n + step < len(places.sessions) else None
            for n, day in enumerate(places.sessions)
        }
        moved = pl.col("session_date").replace_strict(dates, return_dtype=pl.Date)
        rows = changed(files.index_levels, of_level(SPX), session_date=moved)
        return replace(files, index_levels=rows.drop_nulls("session_date"))

    return inject


add("levels a session late", "all levels of the S&P 500 are dated a session late",
    shifted_levels(1), LEVEL)  # fmt: skip
add("levels a session early", "all levels of the S&P 500 are dated a session early",
    shifted_levels(-1), LEVEL)  # fmt: skip


def level_missing(number: int) -> Inject:
    def inject(files: Files, places: Places, rng: Random) -> Files:
        gone = of_level(SPX, places.from_session(places.session(rng), number))
        return replace(files, index_levels=files.index_levels.filter(~gone))

    return inject


add("level missing", "the S&P 500 lacks a level", level_missing(1), LEVEL)
add("levels missing", "the S&P 500 lacks five levels", level_missing(5), LEVEL)


def stale_level(files: Files, places: Places, rng: Random) -> Files:
    day = places.session(rng)
    before = files.index_levels.filter(of_level(SPX, [places.beside(day, -1)])).row(0, named=True)
    return levels(files, of_level(SPX, [day]), **{name: pl.lit(before[name]) for name in BARS})


add("stale level", "the S&P 500 repeats its level", stale_level, LEVEL)
for _said, _value in (("zero", 0.0), ("negative", -6000.0), ("NaN", float("nan")), ("null", None)):
    add(f"level {_said}", f"a level of the S&P 500 is {_said}",
        lambda f, p, r, v=_value: levels(f, of_level(SPX, [p.session(r)]), close=pl.lit(v, pl.Float64)),
        LEVEL)  # fmt: skip
add("level without high and low", "high and low of all levels are null",
    lambda f, p, r: levels(f, pl.lit(value=True), high=pl.lit(None), low=pl.lit(None)),
    **HARMLESS)  # fmt: skip
add("level on a Saturday", "a level on a Saturday",
    lambda f, p, r: replace(f, index_levels=pl.concat([
        f.index_levels, f.index_levels.tail(1).with_columns(session_date=date(2024, 11, 2))])),
    ("exchange_session",))  # fmt: skip
add("level of a stranger", "levels of an index that is not followed",
    lambda f, p, r: replace(f, index_levels=pl.concat([
        f.index_levels, f.index_levels.tail(1).with_columns(index_symbol=pl.lit("^FTSE"))])),
    ("known_symbol",))  # fmt: skip
add("two indices swapped", "S&P 500 and Nasdaq-100 have each other's levels",
    lambda f, p, r: replace(f, index_levels=f.index_levels.with_columns(
        pl.col("index_symbol").replace({SPX: "^NDX", "^NDX": SPX}))), LEVEL)  # fmt: skip


# --- member sets ----------------------------------------------------------------------------------


def sets(files: Files, condition: pl.Expr, **to: pl.Expr) -> Files:
    return replace(files, index_holdings=changed(files.index_holdings, condition, **to))


def in_set(index: str = SPX) -> pl.Expr:
    return pl.col("index_symbol") == index


def later_set(files: Files, rng: Random) -> date:
    """Choose a set of the second half of the cut."""
    found = files.index_holdings.filter(in_set())["effective_from"].unique().sort()
    return rng.choice(found.to_list()[8:-1])


def units(factor: float, pick: Pick) -> Inject:
    """Multiply a member's units in one set."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        of_set = pl.col("effective_from") == later_set(files, rng)
        return sets(
            files, in_set() & of_set & where(pick(places, rng)), units=pl.col("units") * factor
        )

    return inject


for _factor in (0.1, 0.5, 2.0, 10.0):
    add(f"units of a member x{_factor:g}", f"a giant's units times {_factor:g} in one set",
        units(_factor, Places.giant), SET)  # fmt: skip
add("units of a member x1.1", "a giant's units a tenth too many in one set",
    units(1.1, Places.giant), SET)  # fmt: skip
add("units of a set x1000", "all units of a set in another scale",
    lambda f, p, r: (lambda d: sets(f, in_set() & (pl.col("effective_from") == d),
                                    units=pl.col("units") * 1000))(later_set(f, r)),
    **HARMLESS)  # fmt: skip
add("units all alike", "all units of the S&P 500 are one",
    lambda f, p, r: sets(f, in_set(), units=pl.lit(1.0)), SET)  # fmt: skip


def member_gone(pick: Pick) -> Inject:
    def inject(files: Files, places: Places, rng: Random) -> Files:
        gone = (
            in_set()
            & (pl.col("effective_from") == later_set(files, rng))
            & where(pick(places, rng))
        )
        return replace(files, index_holdings=files.index_holdings.filter(~gone))

    return inject


add("member missing, a giant", "a giant is not in one set", member_gone(Places.giant), SET)
add("member missing, small", "a small member is not in one set", member_gone(Places.small),
    **HARMLESS)  # fmt: skip


def set_cut(files: Files, places: Places, rng: Random) -> Files:
    of_set = in_set() & (pl.col("effective_from") == later_set(files, rng))
    kept = files.index_holdings.filter(of_set).sort("symbol").head(250)
    return replace(files, index_holdings=pl.concat([files.index_holdings.filter(~of_set), kept]))


add("set cut in half", "a set has the first half of its members", set_cut, SET)


def set_moved(step: int) -> Inject:
    """Let all sets take effect a session late or early."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        days = places.sessions
        dates = {d: days[max(0, min(len(days) - 1, n + step))] for n, d in enumerate(days)}
        moved = pl.col("effective_from").replace(dates)
        return sets(files, in_set(), effective_from=moved)

    return inject


STALE_UNITS = (
    "Members change between sets by less than a hundredth of the index: the residual grows, and "
    "each number stays within tolerance."
)
add("sets a session late", "all sets take effect a session late", set_moved(1), **HARMLESS)
add("sets a session early", "all sets take effect a session early", set_moved(-1), **HARMLESS)
add("a set left out", "a set is not there: the one before stays",
    lambda f, p, r: (lambda d: replace(f, index_holdings=f.index_holdings.filter(
        ~(in_set() & (pl.col("effective_from") == d)))))(later_set(f, r)), **HARMLESS)  # fmt: skip
add("a set dated in the future", "a set's units are dated a month after it takes effect",
    lambda f, p, r: (lambda d: sets(f, in_set() & (pl.col("effective_from") == d),
        as_of_date=pl.col("as_of_date") + pl.duration(days=30)))(later_set(f, r)),
    **HARMLESS)  # fmt: skip


def two_swapped(files: Files, places: Places, rng: Random) -> Files:
    """Give two members each other's units in one set: a giant and one with far fewer."""
    of_set = in_set() & (pl.col("effective_from") == later_set(files, rng))
    names = {(g := places.giant(rng)): (s := places.small(rng)), s: g}
    return sets(files, of_set, symbol=pl.col("symbol").replace(names))


add("units of two members swapped", "a giant and a small member have each other's units",
    two_swapped, SET)  # fmt: skip


def of_nasdaq(files: Files, places: Places, rng: Random) -> Files:
    """Give the S&P 500 the set of the Nasdaq-100."""
    of_set = in_set() & (pl.col("effective_from") == date(2025, 1, 2))
    ndx = files.index_holdings.filter(in_set("^NDX")).with_columns(index_symbol=pl.lit(SPX))
    return replace(files, index_holdings=pl.concat([files.index_holdings.filter(~of_set), ndx]))


add("set of another index", "the S&P 500 has the members of the Nasdaq-100", of_nasdaq, SET)


def before_split(files: Files, places: Places, rng: Random) -> Files:
    """Leave a giant's units in the basis before a split in one set: ten times too few."""
    return units(0.1, Places.giant)(files, places, rng)


add("units in the basis before a split", "a giant's units are ten times too few in one set",
    before_split, SET)  # fmt: skip
for _said, _value in (("null", None), ("zero", 0.0), ("negative", -5.0), ("NaN", float("nan"))):
    add(f"units {_said}", f"a giant's units are {_said} in one set",
        lambda f, p, r, v=_value: sets(
            f, in_set() & (pl.col("effective_from") == later_set(f, r)) & where(p.giant(r)),
            units=pl.lit(v, pl.Float64)), SET)  # fmt: skip
add("member twice", "a giant is twice in a set, with other units",
    lambda f, p, r: replace(f, index_holdings=pl.concat([
        f.index_holdings,
        f.index_holdings.filter(in_set() & where(p.giant(r))).tail(1).with_columns(
            pl.col("units") * 2)])), ("error",))  # fmt: skip
add("member too many", "a line that is no member is in a set, as heavy as a giant",
    lambda f, p, r: (lambda d: replace(f, index_holdings=pl.concat([
        f.index_holdings,
        f.index_holdings.filter(in_set() & (pl.col("effective_from") == d) & where(p.giant(r)))
        .with_columns(symbol=pl.lit(p.stranger(r)))])))(later_set(f, r)), SET)  # fmt: skip
add("a Dow member too few", "the Dow lacks a member",
    lambda f, p, r: replace(f, index_holdings=f.index_holdings.filter(
        ~(in_set("^DJI") & where("GS")))), SET)  # fmt: skip


# --- by hand --------------------------------------------------------------------------------------


def line(**to: pl.Expr) -> Inject:
    return lambda f, p, r: replace(f, securities=changed(f.securities, where(p.giant(r)), **to))


REFUSED = ("currency", "instrument_type", "company_symbol", "error", "known_symbol", "listed")
for _currency in ("EUR", "GBp", "CZK", "JPY"):
    add(f"currency {_currency}", f"a giant's line trades in {_currency}",
        line(currency=pl.lit(_currency)), REFUSED)  # fmt: skip
add("currency dollars", "a currency is written dollars", line(currency=pl.lit("dollars")), REFUSED)
for _kind in ("etf", "index", "future", "mutual_fund"):
    add(
        f"kind {_kind}",
        f"a giant's line is a {_kind}",
        line(instrument_type=pl.lit(_kind)),
        REFUSED,
    )
add("company that is no line", "company_symbol leads nowhere", line(company_symbol=pl.lit("ZZZZ")),
    REFUSED)  # fmt: skip
add("company of another", "a giant's line stands for another company",
    lambda f, p, r: replace(f, securities=changed(
        f.securities, where(p.members[0]), company_symbol=pl.lit(p.members[20]))),
    ("rows_kept",), over_landed=True)  # fmt: skip
add("line twice", "a line is there twice with two sectors",
    lambda f, p, r: replace(f, securities=pl.concat([
        f.securities, f.securities.filter(where(p.giant(r))).with_columns(
            sector=pl.lit("Energy"))])), ("error",))  # fmt: skip
add("line left out", "a giant is not in the file of lines, where all has landed",
    lambda f, p, r: replace(f, securities=f.securities.filter(~where(p.giant(r)))),
    ("known_symbol", "rows_kept", "fewer", "no_return", "error"), over_landed=True)  # fmt: skip
add("sector of another", "a giant is in another sector", line(sector=pl.lit("Utilities")),
    "A sector is a person's word, and every one is as good: sums by sector follow it.",
    **NOT)  # fmt: skip
add("listed_to too early", "a line is said to have ended months ago, and trades",
    line(listed_to=pl.lit(date(2024, 9, 30))), ("listed", "rows_kept", "no_return"))  # fmt: skip
add("name of another", "a line has another's name", line(name=pl.lit("Acme Corp.")), **HARMLESS)


def of_index(index: str, **to: pl.Expr) -> Inject:
    is_it = pl.col("index_symbol") == index
    return lambda f, p, r: replace(f, indices=changed(f.indices, is_it, **to))


DOW = ("unusual_residual", "witness", "members_explain")
add("weighting price for market cap", "the S&P 500 is said to be price weighted",
    of_index(SPX, weighting=pl.lit("price")), SET)  # fmt: skip
add("weighting market cap for price", "the Dow is said to be weighted by market cap",
    of_index("^DJI", weighting=pl.lit("market cap")), SET)  # fmt: skip
add("weighting unknown", "a weighting is none of the vocabulary",
    of_index("^DJI", weighting=pl.lit("by feeling")), ("error",))  # fmt: skip
for _factor in (2.0, 1.01, 0.1):
    add(f"published divisor x{_factor:g}", f"the Dow's divisor times {_factor:g}",
        of_index("^DJI", divisor=pl.col("divisor") * _factor), (*DOW, "divisor"))  # fmt: skip
add("divisor missing", "the Dow's divisor is null", of_index("^DJI", divisor=pl.lit(None, pl.Float64)),
    **HARMLESS)  # fmt: skip
add("index left out", "the S&P 500 is not in the file of indices, where all has landed",
    lambda f, p, r: replace(f, indices=f.indices.filter(pl.col("index_symbol") != SPX)),
    ("rows_kept", "known_symbol", "error"), over_landed=True)  # fmt: skip
