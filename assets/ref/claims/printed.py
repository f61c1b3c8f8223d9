"""Numbers as they were printed: their value, their unit, and how far they were rounded."""

import math
import re
from dataclasses import dataclass

from warehouse.schemas.vocabulary import Comparator

SLACK = 1e-9
"""Of the last printed digit: floats that are equal on paper are equal."""

_SCALES = {
    None: 1.0,
    "thousand": 1e3,
    "million": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "bn": 1e9,
    "trillion": 1e12,
    "tn": 1e12,
}
_UNITS = {"USD": ("USD", 1.0), "%": ("fraction", 0.01), "percent": ("fraction", 0.01)}
_NUMBER = re.compile(
    r"^(?P<sign>[+-]?)(?P<digits>\d[\d,]*(?:\.\d+)?)\s*"
    r"(?P<scale>thousand|million|billion|trillion|m|bn|tn)?\s*(?P<unit>USD|%|percent)?$"
)


@dataclass(frozen=True)
class Printed:
    """A printed number.

    Attributes:
        value: in its unit, signed.
        unit: USD, fraction, or rank for a bare number.
        rounded_to: the value of one in the last printed digit, in the same unit.
    """

    value: float
    unit: str
    rounded_to: float

    @property
    def sign(self) -> float:
        """Return -1 for a negative number, else 1."""
        return -1.0 if self.value < 0 else 1.0

    @property
    def size(self) -> float:
        """Return the number without its sign."""
        return abs(self.value)


def read_printed(text: str) -> Printed:
    """Read a number as printed: ``593 billion USD``, ``-16.97 %``, ``1.6 trillion USD``, ``1``.

    Raises:
        ValueError: saying how numbers are written.
    """
    found = _NUMBER.match(text.strip().replace("\N{MINUS SIGN}", "-"))
    if found is None or (found["unit"] is None and found["scale"] is not None):
        raise ValueError(
            f"'{text}' is not a number as printed: write it like 593 billion USD, 18 %, -2.97 %, "
            "or 1 for a rank"
        )
    digits = found["digits"].replace(",", "")
    decimals = len(digits.partition(".")[2])
    unit, base = _UNITS.get(found["unit"] or "", ("rank", 1.0))
    scale = _SCALES[found["scale"]] * base
    value = float(digits) * scale
    if not math.isfinite(value):
        raise ValueError(f"'{text[:20]}...' is no number that was ever printed")
    return Printed(-value if found["sign"] == "-" else value, unit, 10.0**-decimals * scale)


def holds(measured: float, claimed: Printed, comparator: Comparator) -> bool:
    """Tell whether a measured number is what was claimed, as exactly as it was printed.

    With X the size of the claim, u one in its last printed digit, and m the measured number in the
    direction of the claim:

    - exactly: m rounds to X (within u / 2);
    - about, around: within u;
    - almost, nearly: from X - u / 2 to X + u / 4: it rounds to X, and hardly exceeds it;
    - more than: m > X; at least: m >= X;
    - record: m is rank 1.

    Args:
        measured: in the unit of the claim, signed as the claim is.
        claimed: the printed number.
        comparator: the word before it.
    """
    size, unit = claimed.size, claimed.rounded_to
    over = measured * claimed.sign - size
    slack = SLACK * unit + 1e-14 * size
    bounds = {
        "exactly": -unit / 2 - slack <= over <= unit / 2 + slack,
        "about": -unit - slack <= over <= unit + slack,
        "almost": -unit / 2 - slack <= over <= unit / 4 + slack,
        "more than": over > slack,
        "at least": over >= -slack,
        "record": abs(over) <= slack,
    }
    return bounds[comparator]
