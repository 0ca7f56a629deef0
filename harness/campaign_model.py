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


def _share(value: object) -> float:
    ratio = units.share(value)
    if not 0 < ratio <= 1:
        raise ValueError(f"{value} must be more than 0% and at most 100%")
    return ratio


def _ppm(value: object) -> int:
    return round(units.share(value) * 1_000_000)


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
Share = Annotated[
    float,
    BeforeValidator(_share),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(%|ppm)$"}),
]
Ppm = Annotated[
    int,
    BeforeValidator(_ppm),
    WithJsonSchema({"type": "string", "pattern": r"^[+-]?\d+ppm$"}),
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


class BitsharesSpec(Strict):
    """What only the bitshares profile has; see the genesis file."""

    block_interval: Duration | None = None
    maintenance_interval: Duration = 86_400_000_000_000
    maintenance_skip_slots: Annotated[int, Field(ge=0, le=100)] = 3
    required_participation: Share = 0.33
    undo_limit: Annotated[int, Field(ge=2)] = 10_000
    fork_choice: Literal["longest", "participation", "literal_s0"] = "longest"
    faithful_window: bool = False
    strict_slot_alignment: bool = True


class ChainSpec(Strict):
    """The consensus system under test.

    Under bitshares a slot is 5 s and a turn one block, unless said otherwise; a slot that is not
    the chain's block_interval runs the same chain at another speed.
    """

    profile: Literal["eosio", "bitshares"] = "eosio"
    contracts: Literal["fio"] = "fio"
    timing: Literal["fio", "eosio2", "leap"] = "fio"
    producers: Annotated[int, Field(ge=1, le=26)] = 4
    slot: Duration = 500_000_000
    blocks_per_turn: Annotated[int, Field(ge=1, le=100)] = 12
    assign: dict[str, list[str]] = {}
    lock_on_proposed: bool = False
    bitshares: BitsharesSpec | None = None

    @model_validator(mode="before")
    @classmethod
    def _lengths_of_bitshares(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("profile") == "bitshares":
            return {"slot": "5s", "blocks_per_turn": 1, **data}
        return data

    @model_validator(mode="after")
    def _fits_profile(self) -> ChainSpec:
        if self.profile != "bitshares":
            if self.bitshares is not None:
                raise ValueError("bitshares is for profile bitshares; remove it or set profile")
            return self
        if self.blocks_per_turn != 1:
            raise ValueError("blocks_per_turn must be 1 under bitshares; remove it")
        if self.lock_on_proposed or self.timing != "fio":
            raise ValueError("lock_on_proposed and timing are for profile eosio; remove them")
        spec = self.bitshares or BitsharesSpec()
        interval_ns = spec.block_interval or self.slot
        if interval_ns % units.SECOND_NS or not 1 <= interval_ns // units.SECOND_NS <= 30:
            raise ValueError(
                "slot must be 1s to 30s in whole seconds under bitshares; write that, or give"
                " bitshares.block_interval and any slot"
            )
        if spec.maintenance_interval % interval_ns:
            raise ValueError("bitshares.maintenance_interval must be a multiple of the interval")
        return self

    def bitshares_options(self) -> dict[str, Any] | None:
        """Return the `bitshares` part of the genesis file, None under another profile."""
        if self.profile != "bitshares":
            return None
        spec = self.bitshares or BitsharesSpec()
        return {
            "block_interval_s": (spec.block_interval or self.slot) // units.SECOND_NS,
            "maintenance_interval_s": spec.maintenance_interval // units.SECOND_NS,
            "maintenance_skip_slots": spec.maintenance_skip_slots,
            "required_participation": round(spec.required_participation * 10_000),
            "undo_limit": spec.undo_limit,
            "fork_choice": spec.fork_choice,
            "faithful_window": spec.faithful_window,
            "strict_slot_alignment": spec.strict_slot_alignment,
        }


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


class SilentFault(_Lasting):
    """A node follows, but its producers sign only the first `keep` slots of a turn."""

    fault: Literal["silent"]
    on: Selector
    keep: Annotated[int, Field(ge=0)] = 0


class PauseFault(_Lasting):
    """A node is frozen; what arrives meanwhile waits, in order."""

    fault: Literal["pause"]
    on: Selector


class CrashFault(_FaultBase):
    """A machine dies; `loses` says what its disk does not have afterwards."""

    fault: Literal["crash"]
    on: Selector
    restart_after: Duration | None = None
    loses: Literal["nothing", "uncommitted", "watermarks", "everything"] = "uncommitted"


class LossFault(_Lasting):
    """That share of messages between hosts never arrives."""

    fault: Literal["loss"]
    between: Selector | list[Selector] = "all"
    share: Share


class DuplicateFault(_Lasting):
    """That share of messages between hosts arrives twice."""

    fault: Literal["duplicate"]
    between: Selector | list[Selector] = "all"
    share: Share


class ReorderFault(_Lasting):
    """That share of messages between hosts is late, so that younger ones overtake."""

    fault: Literal["reorder"]
    between: Selector | list[Selector] = "all"
    share: Share
    by: Duration


class CutFault(_Lasting):
    """A one-way cut: nothing of `from` reaches `to`; the other way stays open."""

    fault: Literal["cut"]
    from_: Selector = Field(alias="from")
    to: Selector = "all"


class ClockDriftFault(_Lasting):
    """A node's wall clock runs fast (slow when negative) by so much."""

    fault: Literal["clock_drift"]
    on: Selector
    by: Ppm


class ByzantineFault(_FaultBase):
    """A node lies by one strategy of node/byzantine.py; to the end unless `for` is given."""

    fault: Literal["byzantine"]
    on: Selector
    strategy: Literal[
        "double_production",
        "ignore_watermark",
        "withhold",
        "wrong_confirmed",
        "late",
        "censor",
        "invalid_block",
        "fork_flood",
    ]
    for_: Duration | None = Field(default=None, alias="for")
    by: Duration = 1_000_000_000
    """How long late and withhold keep a block back."""


LabFault = DelayFault | PartitionFault | ClockStepFault | KillFault
LinkFault = LossFault | DuplicateFault | ReorderFault
SimFault = (
    SilentFault | PauseFault | CrashFault | LinkFault | CutFault | ClockDriftFault | ByzantineFault
)
AnyFault = LabFault | SimFault
FaultSpec = Annotated[AnyFault, Field(discriminator="fault")]
LAB_FAULTS = ("delay", "partition", "clock_step", "kill")
SIM_FAULTS = (
    *("silent", "pause", "crash", "loss", "duplicate", "reorder", "cut", "clock_drift"),
    "byzantine",
)
"""Faults that only the simulator can do: a plan for real hosts refuses them by name."""
FAULTS = (*LAB_FAULTS, *SIM_FAULTS)


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
