"""Values with units as people write them (`250ms`, `40/s`, `256B`, `5%`), turned into numbers.

Every parser raises ValueError with a text that fits after "key: " and names the remedy. A bare
number is never a duration, size or share.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

from faults.model.fault import SECOND_NS

Scale = TypeVar("Scale", int, Decimal)


_DURATION: Mapping[str, int] = {
    "ns": 1, "us": 1_000, "ms": 1_000_000,
    "s": SECOND_NS, "m": 60 * SECOND_NS, "h": 3600 * SECOND_NS,
}  # fmt: skip
_SIZE: Mapping[str, int] = {
    "B": 1, "kB": 1000, "MB": 1000**2, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3,
}  # fmt: skip
_RATE: Mapping[str, Decimal] = {
    "/s": Decimal(1), "/m": Decimal(1) / 60, "/h": Decimal(1) / 3600,
}  # fmt: skip
_BIT_RATE: Mapping[str, int] = {"bit": 1, "kbit": 1000, "mbit": 1000**2, "gbit": 1000**3}
_NUMBER = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*(\S*)\s*", re.ASCII)
_SHOWN_MAX = 40
DURATION_MAX = "720h"
SIZE_MAX = "1GiB"
RATE_MAX = "1000000/s"
BIT_RATE_MIN = 8_000
BIT_RATE_MAX = "100gbit"
"""No trial lasts, carries or bears more; a larger number is a slip, and would overflow later."""


def duration_ns(value: object, example: str = "80ms") -> int:
    """Return nanoseconds of a text such as 250ms, 1.5s, 2m or -300ms."""
    return _whole(_amount(value, _DURATION, example, DURATION_MAX), value)


def positive_ns(value: object, example: str = "80ms") -> int:
    """Return nanoseconds of such a text that is more than zero."""
    value_ns = duration_ns(value, example)
    if value_ns <= 0:
        raise ValueError(f"{value} must be more than zero")
    return value_ns


def size_bytes(value: object) -> int:
    """Return bytes of a text such as 256B or 64KiB."""
    return _whole(_not_negative(_amount(value, _SIZE, "256B", SIZE_MAX), value), value)


def rate_milli(value: object) -> int:
    """Return events per 1,000 seconds of a text such as 40/s or 90/m."""
    return round(_not_negative(_amount(value, _RATE, "40/s", RATE_MAX), value) * 1000)


def bit_rate(value: object) -> int:
    """Return bits a second of a text such as 64kbit or 1mbit."""
    bits = _whole(_amount(value, _BIT_RATE, "1mbit", BIT_RATE_MAX), value)
    if bits < BIT_RATE_MIN:
        raise ValueError(f"{value} is less than {BIT_RATE_MIN // 1000}kbit, the least there is")
    return bits


def share(value: object) -> float:
    """Return the ratio of a text such as 1% (0.01) or 50ppm (0.00005)."""
    number, scale = _split(value, {"%": Decimal("0.01"), "ppm": Decimal("0.000001")}, "5%")
    return float(number * scale)


def text_of_ns(value_ns: int) -> str:
    """Return a duration as people write it: 1500000000 -> 1.5s."""
    if value_ns == 0:
        return "0s"
    for unit in ("s", "ms", "us"):
        scale = _DURATION[unit]
        if abs(value_ns) >= scale:
            return f"{(Decimal(value_ns) / scale).normalize():f}{unit}"
    return f"{value_ns}ns"


def _split(value: object, units: Mapping[str, Scale], example: str) -> tuple[Decimal, Scale]:
    known = ", ".join(units)
    unit = _NUMBER.fullmatch(example)
    assert unit is not None
    text, shown = _brief(str(value)), _brief(repr(value))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{shown} is not a value with a unit; write for example {example}")
    match = _NUMBER.fullmatch(str(value))
    if match is None:
        raise ValueError(f"{shown} is not a number with a unit ({known}); write {example}")
    if not match[2]:
        raise ValueError(f"{text} has no unit; write {text}{unit[2]}")
    if match[2] not in units:
        unknown = _brief(repr(match[2]))
        raise ValueError(f"{shown} has an unknown unit {unknown}; known are {known}")
    return Decimal(match[1]), units[match[2]]


def _amount(value: object, units: Mapping[str, Scale], example: str, most: str) -> Decimal:
    """Return what a value with a unit comes to; nothing is beyond the most there is."""
    number, scale = _split(value, units, example)
    most_number, most_scale = _split(most, units, most)
    if abs(number * scale) > most_number * most_scale:
        raise ValueError(f"{_brief(str(value))} is beyond {most}, the most there is")
    return number * scale


def _not_negative(number: Decimal, value: object) -> Decimal:
    if number < 0:
        raise ValueError(f"{_brief(str(value))} must not be negative")
    return number


def _brief(text: str) -> str:
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def _whole(number: Decimal, value: object) -> int:
    if number != number.to_integral_value():
        raise ValueError(f"{_brief(repr(value))} is finer than one unit can be; round it")
    return int(number)
