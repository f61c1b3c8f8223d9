"""How numbers and names are written for people, wherever they are told."""

import re
from collections.abc import Sequence
from datetime import date

from warehouse.schemas.vocabulary import CapFlag, Witness

NAME_LENGTH = 26
"""Characters of a company's name that tables show."""

LISTED = 8
"""Things that a list names before it counts the rest."""

_LEGAL_TAIL = re.compile(
    r" (?:Common Stock|Class [A-C]|Ordinary Shares|Capital Stock|American Depositary|\()"
)
_LEGAL_FORM = re.compile(
    r",? (?:Inc\.?|Incorporated|Corporation|Corp\.?|PLC|Ltd\.?|Limited|N\.?V\.?|S\.?A\.?|SE|AG)$",
    re.IGNORECASE,
)
_WORDS = ((1e9, "billion"), (1e6, "million"))
_SCALES = ((1e12, "tn", 2), (1e9, "bn", 1), (1e6, "m", 1))
_ORDINALS = ("", "", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
             "tenth")  # fmt: skip
_TEENS = range(11, 14)


def in_words(usd: float) -> str:
    """Write dollars with the word for their size: 592.66 billion, 15.00 million, 620,000."""
    for unit, word in _WORDS:
        # 999.996 million would round to 1,000.00 million.
        if round(abs(usd) / unit, 2) >= 1:
            return f"{usd / unit:,.2f} {word}"
    return f"{usd:,.0f}"


def dollars(usd: float) -> str:
    """Write dollars as newsrooms do: $592.7bn, -$1.05tn, $15.0m."""
    sign = "-" if usd < 0 else ""
    for unit, letters, digits in _SCALES:
        # 999.96 billion would round to 1,000.0 billion.
        if round(abs(usd) / unit, digits) >= 1:
            return f"{sign}${abs(usd) / unit:,.{digits}f}{letters}"
    return f"{sign}${abs(usd):,.0f}"


def percent(fraction: float) -> str:
    """Write a signed fraction in percent: -16.97 %."""
    return f"{fraction * 100:+.2f} %"


def points(number: float) -> str:
    """Write signed index points: -88.98."""
    return f"{number:+,.2f}"


def day_in_words(day: date) -> str:
    """Write a date: 27 January 2025."""
    return f"{day.day} {day:%B %Y}"


def ordinal(number: int) -> str:
    """Write a place: second, third ... tenth, 11th, 23rd."""
    if number < len(_ORDINALS):
        return _ORDINALS[number]
    letters = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{'th' if number % 100 in _TEENS else letters}"


def short(name: str, length: int = NAME_LENGTH) -> str:
    """Cut the legal tail of a line's name: 'Apple Inc. Common Stock' -> 'Apple Inc.'."""
    name = _LEGAL_TAIL.split(name, maxsplit=1)[0]
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


def plain_name(name: str, length: int = NAME_LENGTH) -> str:
    """Cut the legal form too, as one says the name: 'NVIDIA Corporation' -> 'NVIDIA'."""
    return short(_LEGAL_FORM.sub("", _LEGAL_TAIL.split(name, maxsplit=1)[0]), length)


def flags_in_words(flags: Sequence[str]) -> str:
    """Write flags as words."""
    words = {CapFlag.UNWITNESSED.value: "no witness"}
    return ", ".join(words.get(flag, flag.replace("_", " ")) for flag in flags)


def unconfirmed(flags: Sequence[str], witness: str | None) -> str:
    """Say that a loss or gain is not confirmed; '' where it is.

    Args:
        flags: those of ``mart.market_cap_losses``.
        witness: what speaks for the price move, of the vocabulary ``Witness``.
    """
    if CapFlag.DISPUTED_SHARE_COUNT in flags:
        return "on a disputed share count"
    if CapFlag.DISPUTED_PRICE in flags:
        return "on a disputed price"
    if CapFlag.UNWITNESSED in flags:
        words = {
            Witness.PENDING.value: "not yet confirmed",
            Witness.CONTRADICTED.value: "contradicted by an index or by the next session",
        }
        return words.get(witness or "", "not confirmed by anything beside its price")
    return ""


def listed(found: Sequence[str]) -> str:
    """Count things and name the first of them."""
    if not found:
        return "none"
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return f"{len(found)}: {', '.join(found[:LISTED])}{more}"
