"""Which sessions a run fetches: what the source has and the warehouse lacks."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

import polars as pl

from assets.market import calendar
from assets.market.listings import COLUMNS, is_listed
from assets.market.names import FOR_EVER, Names
from assets.market.rebased_closes import PRICES_AND_SPLITS
from assets.ref.securities import Universe
from warehouse.errors import SourceError
from warehouse.schemas.raw import DELIVERED
from warehouse.schemas.vocabulary import RefusalStatus
from warehouse.storage import Warehouse

UNKNOWN_SYMBOL = "symbol: known_symbol"
"""The rule of the first gate that a later line in securities.csv settles."""


@dataclass(frozen=True)
class Plan:
    """The sessions to fetch, and what to tell the user about them.

    Attributes:
        first: first session; None: the warehouse has all that the source has.
        last: last session.
        notes: what was left out, in sentences.
        wanted: the sessions between them that have to be fetched; None: all of them. One run
            fetches from first to last all the same; several may leave out the others.
    """

    first: date | None
    last: date | None
    notes: tuple[str, ...] = ()
    wanted: tuple[date, ...] | None = None

    @property
    def sessions(self) -> list[date]:
        """Return the sessions of the exchange in the plan."""
        if self.first is None:
            return []
        return calendar.sessions(self.first, self.last)

    def ranges(self) -> list[tuple[date, date]]:
        """Return the stretches of wanted sessions: as few runs as the gaps between them allow."""
        wanted = self.sessions if self.wanted is None else set(self.wanted)
        found: list[tuple[date, date]] = []
        is_open = False
        for session in self.sessions:
            if session in wanted and is_open:
                found[-1] = (found[-1][0], session)
            elif session in wanted:
                found.append((session, session))
            is_open = session in wanted
        return found


@dataclass(frozen=True)
class Offer:
    """What the source can deliver of the universe, and within which bounds a run may ask.

    Attributes:
        bars: symbol, session_date of every bar that can be had; None: the source cannot tell.
        first_session: first session the pipeline has a partition for.
        last_closed: last session that has ended.
        fingerprint: what changes when the content of the source changes; None if it cannot tell.
    """

    bars: pl.DataFrame | None
    first_session: date
    last_closed: date
    fingerprint: str | None

    def bounds(self) -> tuple[date, date]:
        """Return the first and the last date with a bar.

        Raises:
            SourceError: if there is no bar at all.
        """
        if self.bars is None:
            return self.first_session, self.last_closed
        if self.bars.is_empty():
            raise SourceError(
                "the source has no bar of any symbol in securities.csv",
                "Compare the symbols of the prices with CAPSHOCK_REFERENCE_DIR/securities.csv.",
            )
        return _bounds(self.bars["session_date"])


def plan_window(offer: Offer, first: date | None, last: date | None) -> Plan:
    """Plan the sessions that a user named.

    Args:
        offer: what the source has.
        first: first date asked for; None: the first the source has.
        last: last date asked for; None: the last the source has.

    Raises:
        SourceError: if the source has no session there.
    """
    if first is not None and last is not None and first > last:
        raise SourceError(f"--from {first} lies after --to {last}", "Swap them.")
    has_first, has_last = offer.bounds()
    start = max(d for d in (first, has_first, offer.first_session) if d)
    end = min(d for d in (last, has_last, offer.last_closed) if d)
    inside = calendar.sessions(start, end)
    if not inside:
        raise SourceError(
            f"no session between {first or 'the start'} and {last or 'the end'}: the source has "
            f"prices from {has_first} to {has_last}, partitions start at {offer.first_session}",
            "Ask for sessions in that range, or set CAPSHOCK_FIRST_SESSION.",
        )
    notes = []
    if has_first < offer.first_session and (first is None or first < offer.first_session):
        notes.append(
            f"Prices before {offer.first_session} are left out; "
            f"CAPSHOCK_FIRST_SESSION={has_first} brings them in."
        )
    if last is not None and last > has_last:
        notes.append(f"The source ends on {has_last}.")
    return Plan(inside[0], inside[-1], tuple(notes))


def plan_missing(
    offer: Offer, warehouse: Warehouse, booked: AbstractSet[str], names: Names
) -> Plan:
    """Plan what the source has and the warehouse lacks, by (symbol, session).

    A changed file is read again as a whole, over all that was landed before: what is gone from it
    goes. So is one of which a symbol has left the universe, or has another name now. Sessions that
    Dagster has not booked are fetched too.

    Args:
        offer: what the source has.
        warehouse: what has been landed.
        booked: partition keys of ``raw.prices`` that Dagster knows as materialised.
        names: what names of lines stand for.
    """
    everything = plan_window(offer, None, None)
    if offer.bars is None or not warehouse.exists():
        return everything
    bars = warehouse.read("raw.prices")
    landed = bars.select("symbol", "session_date")
    scans = warehouse.read("ops.scans").filter(pl.col("dataset") == "prices")
    has_changed = offer.fingerprint is not None and (
        scans["response_id"].unique().to_list() != [offer.fingerprint]
    )
    has_left = not landed["symbol"].unique().is_in(offer.bars["symbol"].unique().implode()).all()
    if has_changed or has_left or _is_renamed(bars, names):
        sessions = pl.concat([landed["session_date"], pl.Series(everything.sessions)])
        sessions = sessions.filter(sessions >= offer.first_session)
        return Plan(*_bounds(sessions), everything.notes)
    refused = warehouse.read("ops.quarantine").filter(
        (pl.col("source_table") == "raw.prices") & ~pl.col("rules").list.contains(UNKNOWN_SYMBOL)
    )
    dealt_with = pl.concat([landed, refused.select("symbol", session_date="row_date")])
    lacking = offer.bars.join(dealt_with, on=["symbol", "session_date"], how="anti")
    day = pl.col("session_date")
    is_read = pl.any_horizontal(
        pl.lit(value=False),
        *(
            day.is_between(first, last)
            for first, last in scans["first_session", "last_session"].rows()
        ),
    )
    is_booked = day.cast(pl.String).is_in(list(booked))
    missing = pl.concat([lacking, offer.bars.filter(~is_read | ~is_booked)])["session_date"]
    missing = pl.concat([missing, pl.Series(_refused_stretch(refused, everything), dtype=pl.Date)])
    missing = missing.filter(missing.is_in(pl.Series(everything.sessions).implode()))
    if missing.is_empty():
        return Plan(None, None, everything.notes)
    wanted = tuple(missing.unique().sort().to_list())
    return Plan(wanted[0], wanted[-1], everything.notes, wanted)


def _is_renamed(bars: pl.DataFrame, names: Names) -> bool:
    """Tell whether a bar stands under another name than its line has now.

    Args:
        bars: ``raw.prices``.
        names: what names of lines stand for.
    """
    told = bars.select("symbol", "session_date", name=pl.coalesce(DELIVERED, "symbol"))
    present = names.present(told, "name", pl.col("session_date"))
    return bool((present["name"] != present["symbol"]).any())


def _refused_stretch(refused: pl.DataFrame, everything: Plan) -> list[date]:
    """Return the sessions of deliveries that were refused as a whole: a decision may let them in.

    From the first to the last of them without a hole: they are judged together.
    """
    waiting = refused.filter(
        (pl.col("status") == RefusalStatus.HELD) & pl.col("rules").list.contains(PRICES_AND_SPLITS)
    )["row_date"].drop_nulls()
    if waiting.is_empty():
        return []
    first, last = _bounds(waiting)
    return [day for day in everything.sessions if first <= day <= last]


STILL_MISSED_DAYS = 30
"""A session that a symbol lacks is asked for again this long; older gaps are the source's."""


def plan_live(
    offer: Offer,
    warehouse: Warehouse,
    booked: AbstractSet[str],
    universe: Universe,
    overlap: int,
) -> Plan:
    """Plan what to ask of a source that cannot tell what it has.

    From the first session on that a symbol with bars lacks within the last month, and at least the
    last ones again, for values that were revised. What lies before that of a symbol that is new, or
    was left behind, is asked for of that symbol alone (``assets.raw.delivery.bars_since``).

    Args:
        offer: bounds of the source.
        warehouse: what has been landed.
        booked: partition keys of ``raw.prices`` that Dagster knows as materialised.
        universe: the lines. Where one is not listed, it lacks nothing.
        overlap: how many of the last sessions are asked for again.
    """
    everything = plan_window(offer, None, None)
    if not warehouse.exists():
        return everything
    lines, names = universe.lines, universe.names
    # A line that has another name now is not new.
    landed = names.present(warehouse.read("raw.prices"), "symbol", pl.lit(FOR_EVER))
    if landed.is_empty():
        return everything
    sessions = everything.sessions
    recent = sessions[-1] - timedelta(days=STILL_MISSED_DAYS)
    trading = landed.filter(pl.col("session_date") >= recent)["symbol"].unique()
    wanted = (
        pl.DataFrame({"symbol": trading})
        .join(lines.select(COLUMNS), on="symbol", how="left")
        .join(pl.DataFrame({"session_date": [s for s in sessions if s >= recent]}), how="cross")
        .filter(is_listed(pl.col("session_date")))
    )
    # A bar without all its values may get them.
    whole = landed.drop_nulls(["open", "high", "low", "volume"])
    lacking = wanted.join(whole, on=["symbol", "session_date"], how="anti")["session_date"]
    unbooked = [s for s in sessions if s.isoformat() not in booked]
    again = sessions[max(len(sessions) - max(overlap, 1), 0)]
    last = landed["session_date"].max()
    # After a pause: what came since, and the sessions before it once more.
    behind = [s for s in sessions if s <= cast("date", last)][-max(overlap, 1) :][:1]
    first = min([again, *behind, *lacking.to_list(), *unbooked])
    return Plan(first, everything.last, everything.notes)


def _bounds(days: pl.Series) -> tuple[date, date]:
    return cast("date", days.min()), cast("date", days.max())
