"""The values a campaign file is made of, with their units, and the base that refuses unknown keys.

After reading, durations are int nanoseconds, shares ratios, rates events per 1,000 s, clock rates
parts per billion.
"""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from harness.errors import nearest
from harness.notation import units

PPB_MAX = 100_000_000


class Notation(NamedTuple):
    """How values with a unit are written: their pattern, in words, and how one is written again."""

    name: str
    pattern: str
    said: str
    text_of: Callable[[Any], str]

    def schema(self) -> WithJsonSchema:
        """Return what the JSON Schema says of it."""
        return WithJsonSchema({"type": "string", "pattern": self.pattern})


DURATION = Notation(
    "duration",
    r"^[+-]?\d+(\.\d+)?(ns|us|ms|s|m|h)$",
    "a duration: 250ms, 1.5s, 2m",
    units.text_of_ns,
)
SIZE = Notation(
    "size", r"^\d+(\.\d+)?(B|kB|MB|KiB|MiB|GiB)$", "bytes: 256B, 64KiB", lambda size: f"{size}B"
)
RATE = Notation(
    "rate", r"^\d+(\.\d+)?/(s|m|h)$", "a rate: 40/s, 90/m", lambda milli: f"{milli / 1000:g}/s"
)
SHARE = Notation(
    "share", r"^\d+(\.\d+)?(%|ppm)$", "a share: 5%, 50ppm", lambda ratio: f"{100 * ratio:.10g}%"
)
PPM = Notation(
    "ppm",
    r"^[+-]?\d+(\.\d+)?(ppm|%)$",
    "a rate of a clock: 50ppm",
    lambda ppb: f"{ppb / 1000:g}ppm",
)
BIT_RATE = Notation(
    "bit rate",
    r"^\d+(\.\d+)?(bit|kbit|mbit|gbit)$",
    "bits a second: 64kbit, 1mbit",
    lambda bits: f"{bits}bit",
)
NOTATIONS = {each.pattern: each for each in (DURATION, SIZE, RATE, SHARE, PPM, BIT_RATE)}
"""By pattern, every notation that there is."""


def _seconds(value: object) -> int:
    value_ns = units.duration_ns(value, "20s")
    if value_ns < 0:
        raise ValueError(f"{value} must not be negative")
    return value_ns


def _length(value: object) -> int:
    value_ns = units.duration_ns(value)
    if value_ns < 0:
        raise ValueError(f"{value} must not be negative")
    return value_ns


def _lease(value: object) -> str | int:
    return "trial" if value == "trial" else units.positive_ns(value)


def _share(value: object) -> float:
    ratio = units.share(value)
    if not 0 < ratio <= 1:
        raise ValueError(f"{value} must be more than 0% and at most 100%")
    return ratio


def _part(value: object) -> float:
    ratio = units.share(value)
    if not 0 <= ratio <= 1:
        raise ValueError(f"{value} must be 0% to 100%")
    return ratio


def _ppb(value: object) -> int:
    ppb = round(units.share(value) * 1_000_000_000)
    if abs(ppb) > PPB_MAX:
        raise ValueError(f"{value} must be at most 100000ppm, either way")
    return ppb


Duration = Annotated[int, BeforeValidator(units.positive_ns), DURATION.schema()]
Length = Annotated[int, BeforeValidator(_length), DURATION.schema()]
"""A duration that may be nothing."""
Lease = Annotated[
    str | int,
    BeforeValidator(_lease),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "trial", "type": "string"},
                {"type": "string", "pattern": DURATION.pattern},
            ]
        }
    ),
]
"""Until the trial ends, or a duration that the controller renews."""
Offset = Annotated[int, BeforeValidator(_seconds), DURATION.schema()]
SignedDuration = Annotated[int, BeforeValidator(units.duration_ns), DURATION.schema()]
Size = Annotated[int, BeforeValidator(units.size_bytes), SIZE.schema()]
Rate = Annotated[int, BeforeValidator(units.rate_milli), RATE.schema()]
Share = Annotated[float, BeforeValidator(_share), SHARE.schema()]
Part = Annotated[float, BeforeValidator(_part), SHARE.schema()]
"""A share that may be nothing."""
BitRate = Annotated[int, BeforeValidator(units.bit_rate), BIT_RATE.schema()]
Ppb = Annotated[int, BeforeValidator(_ppb), PPM.schema()]


class Strict(BaseModel):
    """Base of every part: an unknown key is an error naming the nearest known; x-* is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    rules: ClassVar[type | None] = None
    """The struct of rules that its keys are of, which says what each is."""

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        kept = {key: value for key, value in data.items() if not str(key).startswith("x-")}
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in kept:
            if key not in known:
                raise PydanticCustomError(
                    "unknown_key", "{hint}", {"key": str(key), "hint": _unknown(str(key), known)}
                )
        return kept


def _unknown(key: str, known: list[str]) -> str:
    if key == "latency":
        return "the word latency is not accepted; write delay (one way) or rtt (split evenly)"
    return f"unknown key; {nearest(key, known)}"
