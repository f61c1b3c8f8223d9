"""What an answer has to look like, and how it is told that it does not.

Yahoo promises nothing: each part of an answer may be null, of another kind or of another unit.
"""

import math
from datetime import UTC, datetime
from typing import Any

from assets.sources.yahoo.errors import BrokenPromise

_FIRST_MOMENT = datetime(1900, 1, 1, tzinfo=UTC).timestamp()
_LAST_MOMENT = datetime(2200, 1, 1, tzinfo=UTC).timestamp()
_LONGEST = 40


def in_words(value: Any) -> str:
    """Say what stands where something else should."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        kind = "an object" if isinstance(value, dict) else "a list"
        return kind if value else f"{kind} with nothing in it"
    if isinstance(value, bool):
        return str(value).lower()
    said = repr(value)
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number; true and false are none."""
    return type(value) is int or (type(value) is float and math.isfinite(value))


def is_moment(stamp: Any) -> bool:
    """Tell whether a value is a moment in epoch seconds; in milliseconds, it is none."""
    return is_number(stamp) and _FIRST_MOMENT <= stamp < _LAST_MOMENT


def result_of(payload: Any, block: str = "chart") -> dict[str, Any] | None:
    """Return the result of an answer, in its block (chart, timeseries); None: it has none."""
    try:
        result = payload[block]["result"][0]
    except (KeyError, IndexError, TypeError):
        return None
    return result if isinstance(result, dict) and result else None


def no_result(payload: Any, block: str) -> str:
    """Say why an answer has no result in its block."""
    if not isinstance(payload, dict):
        return f"the answer is {in_words(payload)}, and no {block}"
    if block not in payload:
        return f"the answer has no {block}"
    if not isinstance(payload[block], dict):
        return f"the {block} of the answer is {in_words(payload[block])}"
    told = payload[block].get("result")
    if isinstance(told, list) and told:
        return f"the result of the answer is {in_words(told[0])}"
    return f"the result of the answer is {in_words(told)}"


def part_of(whole: Any, name: str) -> dict[str, Any]:
    """Return a part of an answer that is an object; empty where there is none.

    Raises:
        BrokenPromise: if something else stands there.
    """
    part = whole.get(name)
    if part is None or part == []:
        return {}
    if not isinstance(part, dict):
        raise BrokenPromise(f"the {name} of the answer is {in_words(part)}")
    return part


def require_counts_of(payload: Any, symbol: str) -> None:
    """Refuse share counts that are another company's, another number by their own word, or none.

    An answer without counts is not refused: its result does not have the word.

    Raises:
        BrokenPromise: if the answer is no list of dated numbers about the symbol.
    """
    result = result_of(payload, "timeseries")
    if result is None:
        raise BrokenPromise(no_result(payload, "timeseries"))
    if "shares_out" not in result:
        return
    meta = result.get("meta")
    about, kinds = (
        _named(meta.get(name)) if isinstance(meta, dict) else [] for name in ("symbol", "type")
    )
    if any(name.upper() != symbol.upper() for name in about):
        raise BrokenPromise(f"the share counts are about {', '.join(about)}")
    if kinds and "shares_out" not in kinds:
        raise BrokenPromise(f"the counts are of {', '.join(kinds)}")
    _require_dated_numbers(result["shares_out"], result.get("timestamp"))


def _require_dated_numbers(counts: Any, stamps: Any) -> None:
    for what, told in (("share counts", counts), ("dates of the share counts", stamps)):
        if not isinstance(told, list):
            raise BrokenPromise(f"the {what} are {in_words(told)}")
    if len(counts) != len(stamps):
        raise BrokenPromise(f"{len(counts)} share counts have {len(stamps)} dates")
    for count, stamp in zip(counts, stamps, strict=True):
        if not is_moment(stamp):
            raise BrokenPromise(f"a share count is dated {in_words(stamp)}: no moment in seconds")
        if not is_number(count):
            raise BrokenPromise(f"a share count is {in_words(count)}")


def _named(value: Any) -> list[str]:
    """Return the names that an answer gives, alone or in a list."""
    return [str(name) for name in (value if isinstance(value, list) else [value]) if name]
