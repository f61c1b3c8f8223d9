"""The convention solver: a claim measured under every convention that applies, and a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assets.mart.claim_checks.conventions import Convention, conventions
from assets.mart.claim_checks.market import Market
from assets.ref.claims.models import Claim, ClaimsFile
from assets.ref.claims.printed import Printed, holds
from assets.ref.claims.table import subject
from warehouse.errors import NotCheckable
from warehouse.schemas.vocabulary import Comparator, Metric, Unit, Verdict

NO_CONVENTION = "none"

_SCALES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


@dataclass(frozen=True)
class _Reading:
    """What a convention gave."""

    convention: Convention
    measured: float | None
    holds: bool | None


def check_claim(
    claim_id: str, position: int, file: ClaimsFile, claim: Claim, market: Market
) -> list[dict[str, Any]]:
    """Measure a claim under every convention that applies.

    Args:
        claim_id: its key.
        position: its place in the file.
        file: the article.
        claim: the claim.
        market: the tables.

    Returns:
        Rows of ``mart.claim_checks``, the standard convention first.
    """
    about = {
        "claim_id": claim_id,
        "position": position,
        "title": file.title,
        "outlet": file.outlet,
        "statement": claim.statement,
        "session_date": claim.session,
        "claimed": as_claimed(claim),
    }
    try:
        applying = conventions(claim, file.groups, market)
        readings = [_read(claim, convention, market) for convention in applying]
    except NotCheckable as error:
        return [_unchecked(about, error.what)]
    if all(reading.measured is None for reading in readings):
        return [_unchecked(about, f"no number is known of {subject(claim)} on {claim.session}")]
    told = verdict(
        claim.printed,
        [(r.convention.name, r.measured, r.holds) for r in readings if r.convention.decides],
    )
    return [
        about
        | {
            "convention": reading.convention.name,
            "claimed_value": None if reading.convention.unit else claim.printed.value,
            "unit": reading.convention.unit or claim.printed.unit,
            "measured_value": reading.measured,
            "difference": None
            if reading.convention.unit or reading.measured is None
            else reading.measured - claim.printed.value,
            "holds": reading.holds,
            "is_standard": place == 0,
            "verdict": told,
            "explanation": _explain(claim, reading, market),
            "sql": reading.convention.sql,
        }
        for place, reading in enumerate(readings)
    ]


def _read(claim: Claim, convention: Convention, market: Market) -> _Reading:
    measured = market.number(convention.sql)
    judged = measured is not None and convention.unit is None and convention.decides
    held = holds(measured or 0.0, claim.printed, claim.comparator) if judged else None
    return _Reading(convention, measured, held)


def _unchecked(about: dict[str, Any], reason: str) -> dict[str, Any]:
    blank = dict.fromkeys(("claimed_value", "unit", "measured_value", "difference", "holds", "sql"))
    return (
        about
        | blank
        | {
            "convention": NO_CONVENTION,
            "is_standard": True,
            "verdict": Verdict.NOT_CHECKABLE,
            "explanation": f"{reason[:1].upper()}{reason[1:]}.",
        }
    )


def verdict(claimed: Printed, readings: Sequence[tuple[str, float | None, bool | None]]) -> str:
    """Judge a claim as a whole.

    Args:
        claimed: the number as printed.
        readings: name, measured number and whether the claim holds, of each convention; the
            standard one first.

    Returns:
        ``holds`` if it does under the standard convention; ``holds only under ...`` if it does
        under others, the closest first; else ``overstated`` or ``understated``, by the first that
        could be measured; ``not checkable here`` if none could.
    """
    if readings and readings[0][2]:
        return Verdict.HOLDS
    holding = [(abs((n or 0.0) - claimed.value), name) for name, n, held in readings if held]
    if holding:
        return f"{Verdict.HOLDS_ONLY_UNDER} {'; '.join(name for _, name in sorted(holding))}"
    measured = next((number for _, number, _ in readings if number is not None), None)
    if measured is None:
        return Verdict.NOT_CHECKABLE
    over = measured * claimed.sign - claimed.size
    # A rank is the more, the smaller its number.
    falls_short = over > 0 if claimed.unit == Unit.RANK else over <= 0
    return Verdict.OVERSTATED if falls_short else Verdict.UNDERSTATED


def as_claimed(claim: Claim) -> str | None:
    """Return the number with the word before it: almost 18 %."""
    if claim.claimed is None:
        return None
    if claim.is_record:
        return "a record"
    plain = claim.comparator == Comparator.EXACTLY or claim.claimed in {"fell", "rose"}
    return claim.claimed if plain else f"{claim.comparator} {claim.claimed}"


def in_unit(value: float, unit: str) -> str:
    """Write a number in its unit: -16.97 %, 592.66 billion USD, number 3, 24,504 million shares."""
    if unit == Unit.FRACTION:
        return f"{value * 100:.2f} %"
    if unit == Unit.RANK:
        return f"number {value:,.0f}"
    if unit == Unit.SHARES:
        return f"{value / 1e6:,.0f} million shares"
    scale, word = next((s for s in _SCALES if abs(value) >= s[0]), (1.0, ""))
    if not word:
        return f"{value:,.0f} USD"
    digits = 3 if word == "trillion" else 2
    return f"{value / scale:,.{digits}f} {word} USD"


def _explain(claim: Claim, reading: _Reading, market: Market) -> str:
    convention, measured = reading.convention, reading.measured
    note = f" ({convention.note})" if convention.note else ""
    name = f"{convention.name[:1].upper()}{convention.name[1:]}{note}"
    if measured is None:
        return f"{name}: not known."
    if convention.unit == Unit.SHARES:
        return _explain_count(claim, measured, market)
    if claim.metric == Metric.DIRECTION:
        return _explain_direction(claim, name, measured, convention.members)
    return f"{name}: {_shown(claim, reading, measured)}{_judged(claim, reading, measured)}."


def _judged(claim: Claim, reading: _Reading, measured: float) -> str:
    if reading.holds is None:
        return ""
    said = f"; claimed {as_claimed(claim)}"
    if reading.holds:
        return f"{said}: holds"
    if claim.printed.unit == Unit.RANK:
        return said
    over = measured * claim.printed.sign - claim.printed.size
    off = in_unit(abs(over), claim.printed.unit)
    side = "more" if over > 0 else "less"
    opposite = measured * claim.printed.value < 0 and holds(
        -measured, claim.printed, claim.comparator
    )
    hint = f" (if a fall was meant, it is written -{claim.claimed})" if opposite else ""
    return f"{said}: {off.replace(' %', ' percentage points')} {side}{hint}"


def _shown(claim: Claim, reading: _Reading, measured: float) -> str:
    """Write what was measured, with a digit more where rounding would hide why a claim fails."""
    unit = claim.printed.unit
    rounded = round(measured, 4) if unit == Unit.FRACTION else measured
    if reading.holds is False and holds(rounded, claim.printed, claim.comparator):
        return f"{measured * 100:+.3f} %"
    if claim.metric in {Metric.RETURN, Metric.INDEX_RETURN}:
        return f"{measured * 100:+.2f} %"
    return in_unit(measured, unit)


def _explain_direction(claim: Claim, name: str, measured: float, members: int) -> str:
    if claim.index or claim.sector:
        return f"{name}: it {claim.claimed if measured else 'did not'}."
    if measured == 1:
        return f"{name}: all {claim.claimed}."
    return f"{name}: {measured * members:.0f} of {members} {claim.claimed}."


def _explain_count(claim: Claim, needed: float, market: Market) -> str:
    """Say which share count would make a loss true, and whether any report ever had it."""
    company = market.company_of(claim.company or "") or ""
    if needed < 0:
        return f"{company} gained on the session: no share count makes that a loss."
    reports = market.reports(company, claim.session)
    per_share = claim.printed.size / needed
    nearest = min(reports, key=lambda report: (abs(report.shares - needed), report.as_of_date))
    had = [r for r in reports if holds(r.shares * per_share, claim.printed, claim.comparator)]
    said = f"{in_unit(claim.printed.size, 'USD')} would take {in_unit(needed, 'shares')}"
    if not had:
        return (
            f"{said}: no report ever had that; the nearest is "
            f"{in_unit(nearest.shares, 'shares')}, reported {nearest.as_of_date}."
        )
    nearest = min(had, key=lambda report: (abs(report.shares - needed), report.as_of_date))
    return (
        f"{said}: the report of {nearest.as_of_date} had "
        f"{in_unit(nearest.shares, 'shares')}, with which it is true."
    )
