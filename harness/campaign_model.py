"""What a campaign file may say (schema slotlab.campaign/v1), as pydantic models.

Only shape and units are checked here; what needs an inventory (hosts, weights, safety) is the
plan's work. After reading, durations are int nanoseconds, shares ratios, rates events per 1,000 s.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from harness import units

SCHEMA = "slotlab.campaign/v1"

_DURATION_SCHEMA = WithJsonSchema(
    {
        "type": "string",
        "pattern": r"^[+-]?\d+(\.\d+)?(ns|us|ms|s|m|h)$",
        "examples": ["250ms", "20s"],
    }
)


def _positive(value: object) -> int:
    value_ns = units.duration_ns(value)
    if value_ns <= 0:
        raise ValueError(f"{value} must be more than zero")
    return value_ns


def _seconds(value: object) -> int:
    value_ns = units.duration_ns(value, "20s")
    if value_ns < 0:
        raise ValueError(f"{value} must not be negative")
    return value_ns


Duration = Annotated[int, BeforeValidator(_positive), _DURATION_SCHEMA]
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
Selector = str | list[str]
FaultId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


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


def nearest(word: str, known: list[str]) -> str:
    """Return a text that names the known word most like word, or all of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def _unknown(key: str, known: list[str]) -> str:
    if key == "latency":
        return "the word latency is not accepted; write delay (one way) or rtt (split evenly)"
    return f"unknown key; {nearest(key, known)}"


class ChainSpec(Strict):
    """The consensus system under test."""

    profile: Literal["eosio"] = "eosio"
    contracts: Literal["fio"] = "fio"
    timing: Literal["fio"] = "fio"
    producers: Annotated[int, Field(ge=1, le=26)] = 4
    slot: Duration = 500_000_000
    blocks_per_turn: Annotated[int, Field(ge=1, le=100)] = 12
    assign: dict[str, list[str]] = {}


class LoadSpec(Strict):
    """Transactions of the whole lab, shared evenly by its hosts."""

    rate: Rate
    size: Size = 256


class TrialsSpec(Strict):
    """How often each cell is run, and in which order."""

    repeat: Annotated[int, Field(ge=1, le=1000)] = 1
    order: Literal["random", "listed"] = "random"


class SafetySpec(Strict):
    """Limits the plan keeps: hosts out of reach at once, life of a lab without its controller."""

    lease: Literal["trial"] | Duration = "trial"
    max_unreachable: Annotated[int, Field(ge=0)] | None = None


class _FaultBase(Strict):
    id: FaultId | None = None
    at: Offset


class _Lasting(_FaultBase):
    for_: Duration = Field(alias="for")


class DelayFault(_Lasting):
    """One-way delay of the node's packets between hosts; rtt is the same, split evenly."""

    fault: Literal["delay"]
    between: Selector | list[Selector] = "all"
    delay: Duration | None = None
    rtt: Duration | None = None
    jitter: Offset = 0

    @model_validator(mode="after")
    def _one_of_delay_and_rtt(self) -> DelayFault:
        if (self.delay is None) == (self.rtt is None):
            raise ValueError("give exactly one of delay (one way) and rtt (split evenly)")
        if self.jitter > self.delay_ns:
            raise ValueError("jitter is larger than the delay itself; lower it")
        return self

    @property
    def delay_ns(self) -> int:
        """One-way delay."""
        return self.delay if self.delay is not None else (self.rtt or 0) // 2


class PartitionFault(_Lasting):
    """The lab is cut into groups that cannot reach each other."""

    fault: Literal["partition"]
    shape: Literal["minority", "majority"] | list[list[str]]


class ClockStepFault(_Lasting):
    """A node's wall clock is off by so much."""

    fault: Literal["clock_step"]
    on: Selector
    by: SignedDuration
    level: Literal["process"] = "process"


class KillFault(_FaultBase):
    """A node is killed; it stays down unless restart_after is given."""

    fault: Literal["kill"]
    on: Selector
    signal: Literal["SIGKILL"] = "SIGKILL"
    restart_after: Duration | None = None


FaultSpec = Annotated[
    DelayFault | PartitionFault | ClockStepFault | KillFault, Field(discriminator="fault")
]
FAULTS = ("delay", "partition", "clock_step", "kill")


class Campaign(Strict):
    """A whole campaign file, of one cell: `${name}` is already replaced."""

    schema_: Literal["slotlab.campaign/v1"] = Field(alias="schema")
    title: str
    seed: Annotated[int, Field(ge=0)] = 0
    chain: ChainSpec = ChainSpec()
    load: LoadSpec | None = None
    trials: TrialsSpec = TrialsSpec()
    warmup: Offset | None = None
    cooldown: Offset | None = None
    matrix: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    safety: SafetySpec = SafetySpec()
    expect: dict[str, Any] = {}
    timeline: list[FaultSpec] = []
