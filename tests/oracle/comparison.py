"""The product's tables held against the oracle's, number by number."""

from typing import Any

import polars as pl

from tests.oracle import oracle
from tests.oracle.actions import Rows
from tests.oracle.adapter import frames, keyed
from tests.oracle.market import Market

RELATIVE = 1e-9
OPTIONAL = {"effect_shares_outstanding", "effect_shares_as_of"}
"""Columns that are compared where the product has them."""


def differences(market: Market) -> list[str]:
    """Compute a market twice and say where the two differ."""
    expected = oracle.tables(market)
    return [
        line
        for table, frame in frames(market).items()
        for line in _of_table(table, frame, expected[table])
    ]


def must_agree(market: Market) -> None:
    """Fail with the market, and the first differences of each table."""
    found = differences(market)
    if found:
        shown = "\n".join(found[:12])
        raise AssertionError(f"{market.told}\n{len(found)} differences, the first:\n{shown}")


def _of_table(table: str, frame: pl.DataFrame, expected: Rows) -> list[str]:
    given = keyed(table, frame)
    lines = [f"{table} {_told(key)}: not in the product" for key in expected if key not in given]
    lines += [f"{table} {_told(key)}: not in the oracle" for key in given if key not in expected]
    for key in sorted(given.keys() & expected.keys(), key=_told):
        row = expected[key]
        for name, value in row.items():
            if name.startswith("_") or (name in OPTIONAL and name not in given[key]):
                continue
            size = row.get(f"_{name}", 0.0)
            is_fall = (table, name) == ("mart.drawdowns", "loss_usd")
            agrees = _agrees_on_a_fall if is_fall else _agree
            if not agrees(given[key][name], value, size):
                lines.append(
                    f"{table} {_told(key)} {name}: product {given[key][name]!r}, oracle {value!r}"
                )
    return lines


def _agree(given: Any, expected: Any, size: float) -> bool:
    """Compare: floats to 1e-9 of themselves or of the terms they are the sum of, flags as sets."""
    if isinstance(expected, float) and isinstance(given, float):
        return abs(given - expected) <= RELATIVE * max(abs(given), abs(expected), abs(size))
    if isinstance(expected, list) and isinstance(given, list):
        return sorted(given) == sorted(expected)
    return type(given) is type(expected) and given == expected


def _agrees_on_a_fall(given: float | None, expected: float | None, size: float) -> bool:
    """Compare dollars of a fall: where what is known of it is a gain, there is no loss to tell."""
    if expected is None or expected > RELATIVE * size:
        return _agree(given, expected, size)
    if expected < -RELATIVE * size:
        return given is None
    return given is None or _agree(given, expected, size)


def _told(key: tuple[Any, ...]) -> str:
    return " ".join(str(part) for part in key)
