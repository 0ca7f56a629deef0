"""The values a campaign file is made of, with their units, and the base that refuses unknown keys.

After reading, durations are int nanoseconds, shares ratios, rates events per 1,000 s, clock rates
parts per billion.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from harness.errors import nearest
from harness.notation import units

PPB_MAX = 100_000_000

_DURATION = {
    "type": "string",
    "pattern": r"^[+-]?\d+(\.\d+)?(ns|us|ms|s|m|h)$",
    "examples": ["250ms", "20s"],
}
_DURATION_SCHEMA = WithJsonSchema(_DURATION)


def _seconds(value: object) -> int:
    value_ns = units.duration_ns(value, "20s")
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


def _ppb(value: object) -> int:
    ppb = round(units.share(value) * 1_000_000_000)
    if not 0 < abs(ppb) <= PPB_MAX:
        raise ValueError(f"{value} must be between 0.001ppm and 100000ppm, either way")
    return ppb


Duration = Annotated[int, BeforeValidator(units.positive_ns), _DURATION_SCHEMA]
Lease = Annotated[
    str | int,
    BeforeValidator(_lease),
    WithJsonSchema({"anyOf": [{"const": "trial", "type": "string"}, _DURATION]}),
]
"""Until the trial ends, or a duration that the controller renews."""
Offset = Annotated[int, BeforeValidator(_seconds), _DURATION_SCHEMA]
SignedDuration = Annotated[int, BeforeValidator(units.duration_ns), _DURATION_SCHEMA]
Size = Annotated[
    int,
    BeforeValidator(units.size_bytes),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(B|kB|MB|KiB|MiB|GiB)$"}),
]
Rate = Annotated[
    int,
    BeforeValidator(units.rate_milli),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?/(s|m|h)$"}),
]
Share = Annotated[
    float,
    BeforeValidator(_share),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(%|ppm)$"}),
]
Ppb = Annotated[
    int,
    BeforeValidator(_ppb),
    WithJsonSchema({"type": "string", "pattern": r"^[+-]?\d+(\.\d+)?ppm$"}),
]


class Strict(BaseModel):
    """Base of every part: an unknown key is an error naming the nearest known; x-* is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

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
