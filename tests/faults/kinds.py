"""The table of faults: what is injected, and what must happen."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from random import Random
from typing import Any

import polars as pl

from tests.faults.places import Places
from tests.faults.run import Files


class Must(StrEnum):
    """What must become of a fault."""

    BE_CAUGHT = "caught"
    BE_HARMLESS = "harmless"
    NOT_CATCHABLE = "not catchable"


Inject = Callable[[Files, Places, Random], Files]


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: what it is called, unique.
        what: what is injected, in a sentence.
        inject: puts it into files; the places are those of the clean cut.
        must: what must happen.
        because: words of which one names the right reason, of a fault that must be caught; why
            nothing can tell, of one that is not catchable.
        over_landed: whether it comes over what has landed and readers see; else it comes first.
        truth: what is true besides, put into clean and faulty files alike by the same seed.
    """

    name: str
    what: str
    inject: Inject
    must: Must = Must.BE_CAUGHT
    because: tuple[str, ...] | str = ()
    over_landed: bool = False
    truth: Inject | None = None


KINDS: list[Kind] = []


def add(name: str, what: str, inject: Inject, because: Any = (), **more: Any) -> None:
    """Enter a kind into the table."""
    KINDS.append(Kind(name, what, inject, because=because, **more))


HARMLESS = {"must": Must.BE_HARMLESS}
NOT = {"must": Must.NOT_CATCHABLE}
PRICE = (
    "price_move", "price_order", "disputed_price", "unwitnessed", "witness contradicted",
    "witness none", "unusual_residual", "plausible", "repeated_bar", "members_explain",
)  # fmt: skip
COUNT = (
    "share_count", "disputed_share_count", "no_share_count", "stale_share_count",
    "no_previous_share_count", "median_plausible",
)  # fmt: skip
BARS = ("open", "high", "low", "close")
Pick = Callable[[Places, Random], str]


def where(symbol: str, days: Any = None, on: str = "session_date") -> pl.Expr:
    """Return the condition of a line's rows, on some dates."""
    is_it = pl.col("symbol") == symbol
    return is_it if days is None else is_it & pl.col(on).is_in(list(days))


def changed(frame: pl.DataFrame, condition: pl.Expr, **to: pl.Expr) -> pl.DataFrame:
    """Change columns where a condition holds."""
    return frame.with_columns(
        pl.when(condition).then(value).otherwise(pl.col(name)).alias(name)
        for name, value in to.items()
    )


def with_prices(files: Files, condition: pl.Expr, **to: pl.Expr) -> Files:
    return replace(files, prices=changed(files.prices, condition, **to))


# --- wrong bars -----------------------------------------------------------------------------------


def times(factor: float, columns: tuple[str, ...], pick: Pick, number: int | None) -> Inject:
    """Multiply the bars of a line by a factor, on so many sessions; None: to the end."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        symbol, day = pick(places, rng), places.session(rng)
        days = places.from_session(day, number)
        to = {name: pl.col(name) * factor for name in columns}
        return with_prices(files, where(symbol, days), **to)

    return inject


ORDINARY = (
    "A move of two percent is an ordinary session. The index says so where the line weighs enough "
    "(unusual_residual, a lost witness); whose close it is, nothing in the files says."
)
SMALL_TAIL = (
    "Below x1.8 a level that moves once and stays looks like news, and in a small member the "
    "residual is no larger than stale units make it. A second source of prices would tell."
)
OUTSIDE = (
    "No index speaks for the line, and a level that moves once by less than x1.8 and stays looks "
    "like news. A second source of prices would tell."
)
SIZES = (0.1, 0.5, 0.738, 0.9, 1.02, 1.1, 1.5, 2.0, 10.0)
EXTENTS = {"one bar": 1, "five bars": 5, "all bars from one on": None}
for _size in SIZES:
    for _extent, _number in EXTENTS.items():
        for _which, _columns in (("close", ("close",)), ("four prices", BARS)):
            _is_small = abs(_size - 1) < 0.05
            add(
                f"{_which} x{_size:g}, {_extent}",
                f"{_which} of a large member of the S&P 500 times {_size:g}, {_extent}",
                times(_size, _columns, Places.large, _number),
                ORDINARY if _is_small else PRICE,
                **(NOT if _is_small else {}),
            )
for _size in (0.1, 0.5, 0.738, 0.9, 1.1, 1.5, 2.0, 10.0):
    add(
        f"four prices x{_size:g}, one bar, small member",
        f"all four prices of a small member times {_size:g} on one session",
        times(_size, BARS, Places.small, 1),
        PRICE,
    )
for _size in (0.1, 0.5, 0.738, 1.5, 2.0, 10.0):
    add(
        f"four prices x{_size:g}, one bar, outside of indices",
        f"all four prices of a line in no index times {_size:g} on one session",
        times(_size, BARS, Places.stranger, 1),
        PRICE,
    )
for _size in (0.738, 1.5):
    add(
        f"four prices x{_size:g}, all bars from one on, small member",
        f"all prices of a small member times {_size:g} from a session on",
        times(_size, BARS, Places.small, None), SMALL_TAIL, **NOT,
    )  # fmt: skip
    add(
        f"four prices x{_size:g}, all bars from one on, outside of indices",
        f"all prices of a line in no index times {_size:g} from a session on",
        times(_size, BARS, Places.stranger, None), OUTSIDE, **NOT,
    )  # fmt: skip


def last_bar(factor: float) -> Inject:
    def inject(files: Files, places: Places, rng: Random) -> Files:
        to = {name: pl.col(name) * factor for name in BARS}
        return with_prices(files, where(places.large(rng), places.sessions[-1:]), **to)

    return inject


for _size in (0.5, 0.738, 1.1, 1.5, 10.0):
    add(
        f"last bar x{_size:g}",
        f"all prices of a large member on the last session times {_size:g}: the night itself",
        last_bar(_size),
        PRICE,
    )


def whole_series(factor: float, pick: Pick) -> Inject:
    def inject(files: Files, places: Places, rng: Random) -> Files:
        to = {name: pl.col(name) * factor for name in BARS}
        return with_prices(files, where(pick(places, rng)), **to)

    return inject


for _size in (0.01, 0.5, 2.0, 100.0):
    add(
        f"whole series x{_size:g}",
        f"all prices of a large member times {_size:g} on all sessions: pence, another listing",
        whole_series(_size, Places.large),
        "No move is wrong, and nothing in the files says what a share costs: a second source, or "
        "prices beside the units of a fund, would tell.",
        **NOT,
    )
    add(
        f"whole series x{_size:g}, over landed",
        f"all prices of a large member times {_size:g}, where the right ones have landed",
        whole_series(_size, Places.large),
        ("prices_and_splits",),
        over_landed=True,
    )


def swap(days: Callable[[Places, Random], Any]) -> Inject:
    """Give two lines each other's bars."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        one, other = rng.sample(places.members[:60], 2)
        return replace(files, prices=_swapped(files.prices, one, other, days(places, rng)))

    return inject


def _swapped(prices: pl.DataFrame, one: str, other: str, days: Any) -> pl.DataFrame:
    names = {one: other, other: one}
    of_both = pl.col("symbol").is_in([one, other]) & pl.col("session_date").is_in(list(days))
    return prices.with_columns(
        symbol=pl.when(of_both).then(pl.col("symbol").replace(names)).otherwise("symbol")
    ).sort("symbol", "session_date")


add("symbols swapped, one session", "two large members have each other's bar",
    swap(lambda p, r: [p.session(r)]), PRICE)  # fmt: skip
add("symbols swapped from a session on", "two large members have each other's bars from then on",
    swap(lambda p, r: p.from_session(p.session(r), None)), PRICE)  # fmt: skip
add("symbols swapped, all sessions", "two large members have each other's bars",
    swap(lambda p, r: p.sessions), PRICE)  # fmt: skip


def of_another(number: int | None) -> Inject:
    def inject(files: Files, places: Places, rng: Random) -> Files:
        one, other = rng.sample(places.members[:LARGE_ENOUGH], 2)
        days = places.from_session(places.session(rng), number)
        rest = files.prices.filter(~where(one, days))
        taken = files.prices.filter(where(other, days)).with_columns(symbol=pl.lit(one))
        return replace(files, prices=pl.concat([rest, taken]).sort("symbol", "session_date"))

    return inject


LARGE_ENOUGH = 60
add("bar of another line", "a large member has another's bar on one session", of_another(1), PRICE)
add("bars of another line from a session on", "a large member has another's bars from then on",
    of_another(None), PRICE)  # fmt: skip


def stale(number: int | None, pick: Pick) -> Inject:
    """Repeat the bar before, on so many sessions."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        symbol, day = pick(places, rng), places.session(rng)
        before = files.prices.filter(where(symbol, [places.beside(day, -1)])).row(0, named=True)
        to = {name: pl.lit(before[name]) for name in BARS}
        return with_prices(files, where(symbol, places.from_session(day, number)), **to)

    return inject


for _name, _number in (("one session", 1), ("five sessions", 5), ("to the end", None)):
    add(
        f"stale price, {_name}",
        f"one of the fifteen largest members repeats its last bar: {_name}",
        stale(_number, Places.giant),
        (*PRICE, "stale_price"),
    )


def repeated_session(files: Files, places: Places, rng: Random) -> Files:
    """Give a session all bars of the one before."""
    day = places.session(rng)
    before = files.prices.filter(pl.col("session_date") == places.beside(day, -1))
    rest = files.prices.filter(pl.col("session_date") != day)
    again = before.with_columns(session_date=pl.lit(day))
    return replace(files, prices=pl.concat([rest, again]).sort("symbol", "session_date"))


add("repeated session", "all lines have their bars of the session before", repeated_session,
    ("repeated_bar",))  # fmt: skip


def shifted(step: int, *, of_all: bool) -> Inject:
    """Date bars a session late or early."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        symbol = places.giant(rng)
        is_it = pl.lit(value=True) if of_all else where(symbol)
        dates = {
            day: places.sessions[n + step] if 0 <= n + step < len(places.sessions) else None
            for n, day in enumerate(places.sessions)
        }
        moved = pl.col("session_date").replace_strict(dates, return_dtype=pl.Date)
        rows = changed(files.prices, is_it, session_date=moved).drop_nulls("session_date")
        return replace(files, prices=rows.sort("symbol", "session_date"))

    return inject


add("bars a session late, one line", "a giant's bars are dated one session late",
    shifted(1, of_all=False), PRICE)  # fmt: skip
add("bars a session early, one line", "a giant's bars are dated one session early",
    shifted(-1, of_all=False), PRICE)  # fmt: skip
add("bars a session late, all lines", "all bars are dated one session late",
    shifted(1, of_all=True), ("unusual_residual", "witness", "members_explain"))  # fmt: skip
add("bars a session early, all lines", "all bars are dated one session early",
    shifted(-1, of_all=True), ("unusual_residual", "witness", "members_explain"))  # fmt: skip


def without(pick: Pick | None, part: float = 1.0) -> Inject:
    """Leave bars of a session out."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        day = pl.col("session_date") == places.session(rng)
        if pick is not None:
            return replace(files, prices=files.prices.filter(~where(pick(places, rng)) | ~day))
        gone = rng.sample(places.members, int(part * len(places.members)))
        left = ~pl.col("symbol").is_in(gone) if part < 1 else pl.lit(value=False)
        return replace(files, prices=files.prices.filter(left | ~day))

    return inject


LACK = (
    "gap",
    "companies_without_change",
    "members_without_price",
    "too_little_priced",
    "fewer",
    "no_return",
)
add("bar missing, one line", "a large member lacks a bar", without(Places.large), LACK)
add("session missing, all lines", "a session has no bars at all", without(None), LACK)
add("half of a session missing", "half of the members lack a bar", without(None, 0.5), LACK)
add("a tenth of a session missing", "a tenth of members lack a bar", without(None, 0.1), LACK)


def bars_on(day: Callable[[Places, Random], date]) -> Inject:
    """Add bars of all lines on another date: those of a session, a fifth off."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        on = day(places, rng)
        taken = files.prices.filter(pl.col("session_date") == places.session(rng))
        more = taken.with_columns(
            *(pl.col(name) * 1.2 for name in BARS), session_date=pl.lit(on)
        ).sample(40, seed=rng.randrange(1000))
        return replace(files, prices=pl.concat([files.prices, more]))

    return inject


CALENDAR = ("exchange_session", "not_in_the_future", "error")
add("bars on a Saturday", "forty lines have bars on a Saturday",
    bars_on(lambda p, r: date(2024, 11, 2)), CALENDAR)  # fmt: skip
add("bars on a holiday", "forty lines have bars on Thanksgiving",
    bars_on(lambda p, r: date(2024, 11, 28)), CALENDAR)  # fmt: skip
add("bars on a day of mourning", "forty lines have bars on 2025-01-09, when the exchange was shut",
    bars_on(lambda p, r: date(2025, 1, 9)), CALENDAR)  # fmt: skip
add("bars of the future", "forty lines have bars of a session to come",
    bars_on(lambda p, r: date(2025, 2, 18)), CALENDAR)  # fmt: skip
add("bars of a year in the future", "forty lines have bars of a year ahead",
    bars_on(lambda p, r: date(2026, 2, 17)), CALENDAR)  # fmt: skip


def one_cell(column: str, value: pl.Expr) -> Inject:
    """Change a cell of a large member's bar."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        day = places.session(rng)
        return with_prices(files, where(places.large(rng), [day]), **{column: value})

    return inject


GATE = ("close", "open", "high", "low", "volume", "price_order", "error")
for _column in ("open", "high", "low", "volume"):
    add(f"{_column} null", f"a large member's {_column} is null on one session",
        one_cell(_column, pl.lit(None)), **HARMLESS)  # fmt: skip
for _said, _value in (("null", None), ("zero", 0.0), ("negative", -12.5),
                      ("infinite", float("inf")), ("NaN", float("nan"))):  # fmt: skip
    add(f"close {_said}", f"a large member's close is {_said} on one session",
        one_cell("close", pl.lit(_value, pl.Float64)), GATE)  # fmt: skip
for _said, _value in (("zero", 0.0), ("negative", -3.0), ("NaN", float("nan"))):
    add(f"low {_said}", f"a large member's low is {_said} on one session",
        one_cell("low", pl.lit(_value, pl.Float64)), GATE)  # fmt: skip
add("volume negative", "a volume is negative", one_cell("volume", pl.lit(-5)), GATE)
add(
    "high below the close", "a high is a tenth too low", one_cell("high", pl.col("low") * 0.9), GATE
)
add("low above the close", "a low is above the high", one_cell("low", pl.col("high") * 1.1), GATE)
add("low a tenth too low", "a low is a tenth too low: within a bar, and the close is right",
    one_cell("low", pl.col("low") * 0.9),
    "Nothing else in the files knows the low of a session. A second source would tell.",
    **NOT)  # fmt: skip
add("close is the volume", "a close is the volume of the session",
    one_cell("close", pl.col("volume").cast(pl.Float64)), GATE)  # fmt: skip
add("close is the open", "the close of a giant is its open on five sessions",
    lambda f, p, r: with_prices(
        f, where(p.giant(r), p.from_session(p.session(r), 5)), close=pl.col("open")),
    ORDINARY, **NOT)  # fmt: skip


def text(column: str, value: str) -> Inject:
    """Write a cell as text: the file is a CSV."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        cell = where(places.large(rng), [places.session(rng)])
        rows = files.prices.with_columns(pl.col(column).cast(pl.String))
        return replace(files, prices=changed(rows, cell, **{column: pl.lit(value)}))

    return inject


def american_date(files: Files, places: Places, rng: Random) -> Files:
    symbol, day = places.large(rng), places.session(rng)
    rows = files.prices.with_columns(
        session_date=pl.when(where(symbol, [day]))
        .then(pl.lit("02/03/2025"))
        .otherwise(pl.col("session_date").cast(pl.String))
    )
    return replace(files, prices=rows)


for _value in ("n/a", "1.234,50", "$187.20", "187.20 EUR", ""):
    add(f"close {_value!r}", f"a close is written {_value!r} in a CSV", text("close", _value), GATE)
add("date 02/03/2025", "a date is written the American way", american_date,
    ("session_date", "error"))  # fmt: skip
add("dates as text", "all dates are text, as in a CSV",
    lambda f, p, r: replace(f, prices=f.prices.with_columns(
        pl.col("session_date").cast(pl.String))), **HARMLESS)  # fmt: skip


def look_alike(frame: str, spelled: Callable[[str], str], pick: Pick) -> Inject:
    """Spell a symbol otherwise in one of the files."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        symbol = pick(places, rng)
        rows = getattr(files, frame)
        to = changed(rows, where(symbol), symbol=pl.lit(spelled(symbol)))
        return replace(files, **{frame: to})

    return inject


SPELLED: dict[str, tuple[Callable[[str], str], Pick]] = {
    "dot for dash": (lambda s: s.replace("-", "."), lambda p, r: "BRK-B"),
    "slash for dash": (lambda s: s.replace("-", "/"), lambda p, r: "BRK-B"),
    "space after it": (lambda s: f"{s} ", Places.giant),
    "lower case": (str.lower, Places.giant),
    "suffix of an exchange": (lambda s: f"{s}.US", Places.giant),
    "a letter of another alphabet": (lambda s: s.replace("A", "\u0410") + "\u200b", Places.giant),
}
UNKNOWN = ("known_symbol", *LACK, *COUNT, "error", "members_without_price", "no_return")
for _said, (_spelled, _pick) in SPELLED.items():
    add(f"look-alike symbol in prices: {_said}", f"the symbol of a giant's bars: {_said}",
        look_alike("prices", _spelled, _pick), UNKNOWN)  # fmt: skip
add("look-alike symbol in share counts", "the symbol of a giant's counts is in lower case",
    look_alike("shares_outstanding", str.lower, Places.giant), UNKNOWN)  # fmt: skip
add("look-alike symbol in a set", "a member's symbol is spelled otherwise in all sets",
    look_alike("index_holdings", lambda s: f"{s}.US", Places.giant), UNKNOWN)  # fmt: skip
add("look-alike symbol in splits", "the symbol of a split is spelled otherwise",
    lambda f, p, r: look_alike("splits", lambda s: f"{s}.US", lambda p, r: r.choice(p.split)[0])(
        f, p, r), ("known_symbol", "price_move"))  # fmt: skip


def doubled(change: float) -> Inject:
    """Deliver a bar twice, the second one changed."""

    def inject(files: Files, places: Places, rng: Random) -> Files:
        row = files.prices.filter(where(places.large(rng), [places.session(rng)]))
        twice = row.with_columns(pl.col(name) * change for name in BARS)
        return replace(files, prices=pl.concat([files.prices, twice]))

    return inject


add("bar twice, the same", "a bar is there twice", doubled(1.0), **HARMLESS)
add("bar twice, another", "a bar is there twice, one a tenth higher", doubled(1.1),
    ("conflicting_duplicate",))  # fmt: skip
add("file twice", "all bars are there twice",
    lambda f, p, r: replace(f, prices=pl.concat([f.prices, f.prices])), **HARMLESS)  # fmt: skip
add("rows in another order", "the bars are shuffled",
    lambda f, p, r: replace(f, prices=f.prices.sample(fraction=1, shuffle=True, seed=7)),
    **HARMLESS)  # fmt: skip
add("a column more", "the file of prices has an adjusted close beside",
    lambda f, p, r: replace(f, prices=f.prices.with_columns(adj=pl.col("close") * 0.97)),
    **HARMLESS)  # fmt: skip
add("column missing", "the file of prices lacks the column close",
    lambda f, p, r: replace(f, prices=f.prices.drop("close")), ("error",))  # fmt: skip
add("column renamed", "the column close is called Close",
    lambda f, p, r: replace(f, prices=f.prices.rename({"close": "Close"})), ("error",))  # fmt: skip
add("no rows", "the file of prices has a head and no rows",
    lambda f, p, r: replace(f, prices=f.prices.clear()), ("error",))  # fmt: skip


def columns_swapped(one: str, other: str) -> Inject:
    def inject(files: Files, places: Places, rng: Random) -> Files:
        swapped = files.prices.rename({one: other, other: one})
        return replace(files, prices=swapped.select(files.prices.columns))

    return inject


add("columns high and low swapped", "high stands under low in the whole file",
    columns_swapped("high", "low"), ("error", "price_order"))  # fmt: skip
add("columns close and open swapped", "open stands under close in the whole file",
    columns_swapped("open", "close"), ("unusual_residual", "witness", "members_explain",
    "error"))  # fmt: skip
add("columns close and volume swapped", "volume stands under close in the whole file",
    lambda f, p, r: replace(f, prices=f.prices.with_columns(
        close=pl.col("volume").cast(pl.Float64), volume=pl.col("close").cast(pl.Int64))),
    ("error",))  # fmt: skip
add("columns close and high swapped", "high stands under close in the whole file",
    columns_swapped("high", "close"), ("error",))  # fmt: skip
add("last third cut off", "the last third of the file's rows is gone, where all has landed",
    lambda f, p, r: replace(f, prices=f.prices.head(f.prices.height * 2 // 3)),
    ("rows_kept",), over_landed=True)  # fmt: skip
add("dividend-adjusted closes", "the history of a large member is adjusted for its dividends",
    lambda f, p, r: _dividend_adjusted(f, p, r),
    "A dividend is a percent or less of a close: an ordinary session's move. A second source tells.",
    **NOT)  # fmt: skip


def _dividend_adjusted(files: Files, places: Places, rng: Random) -> Files:
    symbol, day = places.large(rng), places.session(rng)
    days = [d for d in places.sessions if d < day]
    return with_prices(files, where(symbol, days), **{n: pl.col(n) * 0.992 for n in BARS})
