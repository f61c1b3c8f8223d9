"""The conventions under which a claim can be measured, each as the query that measures it.

A claim of a loss does not say at which prices and with which share count it was counted. Every way
that is in use is measured: the first one of a claim is the standard, which is meant where nothing
is said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from assets.market.share_counts import STALE_AFTER_DAYS
from assets.mart.claim_checks.market import Market
from assets.ref.claims.models import Claim
from assets.ref.claims.printed import holds
from warehouse.ddl import literal
from warehouse.errors import NotCheckable
from warehouse.schemas.vocabulary import Metric, Unit

MAX_SECTORS_OF_A_UNION = 4
"""Sectors that a union of sectors has at most."""


@dataclass(frozen=True)
class Convention:
    """A way to measure a claim.

    Attributes:
        name: as one says it: close to close.
        sql: the query that measures it: one row, one number.
        unit: unit of the number, where it is not the claim's.
        note: what to know about it beside the number.
        members: how many the number is a share of, where it is one.
        decides: whether a claim can hold by it.
    """

    name: str
    sql: str
    unit: Unit | None = None
    note: str = ""
    members: int = 1
    decides: bool = True


def conventions(claim: Claim, groups: dict[str, list[str]], market: Market) -> Sequence[Convention]:
    """Return the conventions that apply to a claim, the standard one first.

    Args:
        claim: the claim.
        groups: the groups that its file defines.
        market: the tables.

    Raises:
        NotCheckable: saying what the tables do not hold.
    """
    if claim.metric == Metric.OTHER:
        raise NotCheckable(
            f"it takes {claim.needs}; the warehouse holds prices, share counts and index levels"
        )
    _require_session(claim, market)
    return list(_BY_METRIC[claim.metric](claim, groups, market))


def _require_session(claim: Claim, market: Market) -> None:
    first, last = market.bounds()
    day = claim.session
    if first is None or last is None or day is None or not first <= day <= last:
        raise NotCheckable(f"the warehouse holds {first} to {last}, not {day}")
    if not market.has_session(day):
        raise NotCheckable(f"{day} is no session of the exchange")


def _company(symbol: str, market: Market) -> str:
    company = market.company_of(symbol)
    if company is None:
        raise NotCheckable(f"{symbol} is not in ref.securities")
    return company


def _cap(claim: Claim, symbol: str, column: str) -> str:
    return (
        f"SELECT {column} FROM mart.market_caps WHERE company_symbol = {literal(symbol)} "
        f"AND session_date = DATE '{claim.session}'"
    )


def _bar(claim: Claim, symbol: str, column: str) -> str:
    return (
        f"SELECT {column} FROM core.prices WHERE symbol = {literal(symbol)} "
        f"AND session_date = DATE '{claim.session}'"
    )


def _return(claim: Claim, _: object, market: Market) -> Iterator[Convention]:
    line = claim.company or ""
    if _company(line, market) == line:
        yield Convention("close to close", _cap(claim, line, "return_1d"))
        yield Convention("previous close to low", _cap(claim, line, "intraday_low_return"))
    else:
        # A second line of the company: the marts have its first one alone.
        yield Convention("close to close", _bar(claim, line, "close / comparable_close - 1"))
        yield Convention("previous close to low", _bar(claim, line, "low / comparable_close - 1"))
    yield Convention("open to close", _bar(claim, line, "close / open - 1"))


def _stands_for(claim: Claim, company: str) -> str:
    """Say that a claim about a second line is measured on the company."""
    return "" if claim.company == company else f"on {company}, which stands for the company"


def _joined(*notes: str) -> str:
    return ", ".join(note for note in notes if note)


def _stale(as_of: date, session: date | None) -> str:
    age = (session - as_of).days if session else 0
    return f"a stale count of {age} days before" if age > STALE_AFTER_DAYS else ""


_COUNTS = {0: "", -1: "count reported before", 1: "count reported next"}
_LOSS_PER_SHARE = {
    "close to close": "bar.comparable_close - bar.close",
    "previous close to low": "bar.comparable_close - bar.low",
    "open to close": "bar.open - bar.close",
}


def _loss(claim: Claim, _: object, market: Market) -> Iterator[Convention]:
    company = _company(claim.company or "", market)
    if not market.has_share_count(company):
        raise NotCheckable(f"no share count of {company} is known")
    bar = (
        f"FROM core.prices AS bar WHERE bar.symbol = {literal(company)} "
        f"AND bar.session_date = DATE '{claim.session}'"
    )
    for place, count in _COUNTS.items():
        report = market.report(company, claim.session, place)
        if report is None:
            continue
        shares = (
            f"(SELECT shares_outstanding FROM share_counts({literal(company)}, "
            f"DATE '{claim.session}') WHERE place = {place})"
        )
        note = _joined(
            _stands_for(claim, company),
            f"with {report.shares / 1e6:,.0f} million shares, reported {report.as_of_date}",
            _stale(report.as_of_date, claim.session) if place == 0 else "",
            market.dispute(company, claim.session) if place == 0 else "",
        )
        for prices, per_share in _LOSS_PER_SHARE.items():
            name = f"{prices}, {count}" if count else prices
            yield Convention(name, f"SELECT {shares} * ({per_share}) {bar}", note=note)
    claimed = claim.printed.size
    yield Convention(
        "share count it would take, close to close",
        f"SELECT {claimed!r} / nullif({_LOSS_PER_SHARE['close to close']}, 0) {bar}",
        unit=Unit.SHARES,
        decides=False,
    )


def _rank(claim: Claim, _: object, market: Market) -> Iterator[Convention]:
    company = _company(claim.company or "", market)
    where = (
        f"FROM mart.market_cap_losses WHERE company_symbol = {literal(company)} "
        f"AND session_date = DATE '{claim.session}'"
    )
    row = market.rows(f"SELECT history_from, companies_covered, is_record, rank_to_date {where}")
    if not row:
        raise NotCheckable(f"{company} has no loss on {claim.session}")
    history_from, covered, is_record, rank = row[0]
    if claim.is_record and rank == 1 and not is_record:
        raise NotCheckable(
            f"it is the largest loss since {history_from}, but the history is too short, the loss "
            "too close to an earlier one, or its count or price not confirmed, to call it a record"
        )
    since = f"since {history_from} among {covered} companies with a history"
    yield Convention(
        "among all losses of the warehouse",
        f"SELECT rank_to_date {where}",
        note=_joined(_stands_for(claim, company), since),
    )
    # The largest of a session is no record.
    yield Convention(
        "among the losses of the session",
        f"SELECT rank_on_session {where}",
        note=_stands_for(claim, company),
        decides=not claim.is_record,
    )


def _symbols(claim: Claim, groups: dict[str, list[str]], market: Market) -> list[str]:
    asked = claim.companies or groups.get(claim.group or "") or []
    if claim.company:
        asked = [claim.company]
    return list(dict.fromkeys(_company(symbol, market) for symbol in asked))


def _in(symbols: Sequence[str]) -> str:
    return f"IN ({', '.join(literal(symbol) for symbol in symbols)})"


def _direction(claim: Claim, groups: dict[str, list[str]], market: Market) -> Iterator[Convention]:
    sign = "<" if claim.claimed == "fell" else ">"
    day = f"session_date = DATE '{claim.session}'"
    if claim.index:
        index = _index(claim, market)
        yield Convention(
            "close to close",
            f"SELECT (actual_return {sign} 0)::INT FROM mart.index_reconciliations "
            f"WHERE index_symbol = {literal(index)} AND {day}",
        )
        return
    if claim.sector:
        sector = _sector(claim.sector, market)
        yield Convention(
            "net of all its companies",
            f"SELECT (net_change_usd {sign} 0)::INT FROM mart.sector_moves "
            f"WHERE sector = {literal(sector)} AND {day}",
        )
        return
    symbols = _symbols(claim, groups, market)
    moved = market.rows(
        f"SELECT company_symbol, return_1d FROM mart.market_caps "
        f"WHERE company_symbol {_in(symbols)} AND {day} ORDER BY return_1d"
    )
    told = [f"{symbol} {r * 100:+.2f} %" for symbol, r in moved if r is not None]
    lacking = [s for s in symbols if s not in {symbol for symbol, r in moved if r is not None}]
    note = ", ".join(told) + (f"; no move known of {', '.join(lacking)}" if lacking else "")
    moved_so = [r < 0 if claim.claimed == "fell" else r > 0 for _, r in moved if r is not None]
    yield Convention(
        "close to close",
        f"SELECT avg((return_1d {sign} 0)::INT) FROM mart.market_caps "
        f"WHERE company_symbol {_in(symbols)} AND {day}",
        note=note,
        members=len(told),
        # One that is not known may have done otherwise.
        decides=not lacking or not all(moved_so),
    )
    open_known = f"FROM core.prices WHERE symbol {_in(symbols)} AND {day} AND open IS NOT NULL"
    opened = int(market.number(f"SELECT count(*) {open_known}") or 0)
    yield Convention(
        "open to close",
        f"SELECT avg((close {sign} open)::INT) {open_known}",
        members=opened,
        # Of fewer companies it says something else.
        decides=opened == len(symbols),
    )


# In one order: what a sum of floats comes to in its last digit depends on it.
_SUMS = {
    "net": (
        "-sum(price_effect_usd ORDER BY company_symbol)",
        "-sum(net_change_usd ORDER BY sector)",
    ),
    "losers only": (
        "sum(-price_effect_usd ORDER BY company_symbol) FILTER (price_effect_usd < 0)",
        "sum(losers_usd ORDER BY sector)",
    ),
}


def _of_companies(
    name: str, symbols: Sequence[str], claim: Claim, market: Market, *, decides: bool
) -> Iterator[Convention]:
    here = f"WHERE company_symbol {_in(symbols)} AND session_date = DATE '{claim.session}'"
    known = {
        row[0]
        for row in market.rows(
            f"SELECT company_symbol FROM mart.market_caps {here} AND price_effect_usd IS NOT NULL"
        )
    }
    lacking = [symbol for symbol in symbols if symbol not in known]
    disputed = [symbol for symbol in symbols if market.dispute(symbol, claim.session)]
    note = _joined(
        f"without {', '.join(lacking)}, of which no dollars are known" if lacking else "",
        f"with a disputed share count of {', '.join(disputed)}" if disputed else "",
    )
    for how, (of_caps, _) in _SUMS.items():
        yield Convention(
            f"{name}, {how}",
            f"SELECT {of_caps} FROM mart.market_caps {here}",
            note=note,
            decides=decides,
        )


def _of_sectors(
    name: str, sectors: Sequence[str], claim: Claim, market: Market, *, decides: bool
) -> Iterator[Convention]:
    here = f"WHERE session_date = DATE '{claim.session}'"
    here += f" AND sector {_in(sectors)}" if sectors else ""
    counted = market.rows(
        "SELECT sum(companies_without_share_count), sum(companies_disputed) "
        f"FROM mart.sector_moves {here}"
    )
    lacking, disputed = counted[0] if counted else (0, 0)
    note = _joined(
        f"without {lacking:.0f} that have no share count" if lacking else "",
        f"with {disputed:.0f} on a disputed share count" if disputed else "",
    )
    for how, (_, of_moves) in _SUMS.items():
        yield Convention(
            f"{name}, {how}",
            f"SELECT {of_moves} FROM mart.sector_moves {here}",
            note=note,
            decides=decides,
        )


def _group_loss(claim: Claim, groups: dict[str, list[str]], market: Market) -> Iterator[Convention]:
    """Yield the sums that a claim may mean, and those that it does not, for comparison.

    What the claim speaks of decides, and a union of sectors that its sector is part of.
    """
    if not market.has_effects(claim.session):
        raise NotCheckable(f"no one-day change of any company is known on {claim.session}")
    if claim.sector:
        own = _sector(claim.sector, market)
        yield from _of_sectors(own, [own], claim, market, decides=True)
    else:
        symbols = _symbols(claim, groups, market)
        name = _group_name(claim.group, market) if claim.group else "these"
        yield from _of_companies(name, symbols, claim, market, decides=True)
    for group, symbols in groups.items():
        known = list(dict.fromkeys(c for c in map(market.company_of, symbols) if c))
        if group != claim.group and known:
            name = _group_name(group, market)
            yield from _of_companies(name, known, claim, market, decides=False)
    for sector in market.sectors():
        if sector != claim.sector:
            yield from _of_sectors(sector, [sector], claim, market, decides=False)
    yield from _of_sectors("all companies", [], claim, market, decides=False)
    for how in _SUMS:
        yield _closest_union(claim, market, how)


def _group_name(group: str, market: Market) -> str:
    """Return the name of a group, which must not be that of a sector."""
    taken = {*market.sectors(), "these", "all companies", "closest union of sectors"}
    return f"{group} as the file has it" if group in taken else group


def _closest_union(claim: Claim, market: Market, how: str) -> Convention:
    """Find the union of sectors whose sum comes closest, and say for how many the claim holds.

    Of a claim about a sector, the unions that it is part of.
    """
    of_moves = _SUMS[how][1]
    day = f"session_date = DATE '{claim.session}'"
    losses = dict(
        market.rows(f"SELECT sector, {of_moves} FROM mart.sector_moves WHERE {day} GROUP BY sector")
    )
    claimed = claim.printed
    unions = [
        union
        for size in range(1, MAX_SECTORS_OF_A_UNION + 1)
        for union in combinations(sorted(losses), size)
        if claim.sector is None or claim.sector in union
    ]
    sums = {union: sum(losses[sector] for sector in union) for union in unions}
    closest = min(unions, key=lambda union: (abs(sums[union] - claimed.size), len(union), union))
    fitting = sum(holds(measured, claimed, claim.comparator) for measured in sums.values())
    with_it = f" with {claim.sector}" if claim.sector else ""
    return Convention(
        f"closest union of sectors, {how}",
        f"SELECT {of_moves} FROM mart.sector_moves WHERE {day} AND sector {_in(closest)}",
        note=f"{' + '.join(closest)}; the claim holds for {fitting} of {len(unions)} unions of at "
        f"most {MAX_SECTORS_OF_A_UNION} sectors{with_it}",
        decides=claim.sector is not None,
    )


def _sector(name: str, market: Market) -> str:
    if name not in market.sectors():
        raise NotCheckable(f"sector {name} is not in ref.securities")
    return name


def _index(claim: Claim, market: Market) -> str:
    index = claim.index or ""
    if not market.has_level(index, claim.session):
        raise NotCheckable(f"no level of {index} on {claim.session} is known")
    return index


def _index_return(claim: Claim, _: object, market: Market) -> Iterator[Convention]:
    index = _index(claim, market)
    where = (
        f"FROM mart.index_reconciliations AS r JOIN core.index_levels AS l "
        f"USING (index_symbol, session_date) WHERE index_symbol = {literal(index)} "
        f"AND session_date = DATE '{claim.session}'"
    )
    yield Convention("close to close", f"SELECT r.actual_return {where}")
    yield Convention("previous close to low", f"SELECT l.low / r.previous_level - 1 {where}")
    yield Convention("open to close", f"SELECT l.close / l.open - 1 {where}")


def _contribution_share(claim: Claim, _: object, market: Market) -> Iterator[Convention]:
    company, index = _company(claim.company or "", market), _index(claim, market)
    lines = market.lines_of(company)
    if not market.has_impact(index, lines, claim.session):
        if market.is_too_little_priced(index, claim.session):
            raise NotCheckable(
                f"less than nine tenths of {index} has a price on {claim.session}: who moved it is "
                "not known"
            )
        raise NotCheckable(f"no holdings of {index} with {company} are in force on {claim.session}")
    where = f"WHERE index_symbol = {literal(index)} AND session_date = DATE '{claim.session}'"
    points = (
        "(SELECT sum(contribution_points ORDER BY symbol) FROM mart.index_impacts "
        f"{where} AND symbol {_in(lines)})"
    )
    yield Convention(
        "points of the official move",
        f"SELECT {points} / nullif(actual_points, 0) FROM mart.index_reconciliations {where}",
    )
    yield Convention(
        "points of what the members add up to",
        f"SELECT {points} / nullif(replicated_points, 0) FROM mart.index_reconciliations {where}",
    )
    listed = f"[{', '.join(literal(line) for line in lines)}]"
    yield Convention(
        "part of the return that is gone without it",
        f"SELECT 1 - return_without / nullif(replicated_return, 0) FROM "
        f"index_without({literal(index)}, DATE '{claim.session}', {listed})",
    )


_BY_METRIC = {
    Metric.RETURN: _return,
    Metric.LOSS_USD: _loss,
    Metric.RANK: _rank,
    Metric.DIRECTION: _direction,
    Metric.GROUP_LOSS_USD: _group_loss,
    Metric.INDEX_RETURN: _index_return,
    Metric.CONTRIBUTION_SHARE: _contribution_share,
}
