"""The faults a campaign's timeline may name, as pydantic models; whom they hit is not drawn yet.

Only shape and units are checked here. What a kind does to whom, and where it can be done, says its
row in faults.model.kind.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import Field, model_validator

from faults.model.kind import HOST_DRIFT_PPB_MAX
from harness.campaign.values import Duration, Offset, Ppb, Share, SignedDuration, Strict

Selector = str | list[str]
FaultId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class _FaultBase(Strict):
    id: FaultId | None = None
    at: Offset

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault, whomever it hits."""
        return {}


class _Lasting(_FaultBase):
    for_: Duration = Field(alias="for")

    @property
    def lasts_ns(self) -> int | None:
        """How long it is asked to last; None is to the end of the trial."""
        return self.for_


@runtime_checkable
class BetweenFault(Protocol):
    """A fault of all packets between pairs of hosts, both ways."""

    between: Selector | list[Selector]


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

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"delay_ns": self.delay_ns, "jitter_ns": self.jitter}


class PartitionFault(_Lasting):
    """The lab is cut into groups that cannot reach each other."""

    fault: Literal["partition"]
    shape: Literal["minority", "majority"] | list[list[str]]

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"shape": self.shape}


class ClockStepFault(_Lasting):
    """A wall clock is off by so much: the node's view of it, the time daemon's, or the host's."""

    fault: Literal["clock_step"]
    on: Selector
    by: SignedDuration
    level: Literal["process", "daemon", "host"] = "process"

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"by_ns": self.by, "level": self.level}


class KillFault(_FaultBase):
    """A node is killed; it stays down unless restart_after is given."""

    fault: Literal["kill"]
    on: Selector
    signal: Literal["SIGKILL"] = "SIGKILL"
    restart_after: Duration | None = None

    @property
    def lasts_ns(self) -> int | None:
        """How long until the restart; None is to the end of the trial."""
        return self.restart_after

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"signal": self.signal, "restart_after_ns": self.restart_after}


class SilentFault(_Lasting):
    """A node follows, but its producers sign only the first `keep` slots of a turn."""

    fault: Literal["silent"]
    on: Selector
    keep: Annotated[int, Field(ge=0)] = 0

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"keep_slots": self.keep}


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

    @property
    def lasts_ns(self) -> int | None:
        """How long until the restart; None is to the end of the trial."""
        return self.restart_after

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"restart_after_ns": self.restart_after, "loses": self.loses}


class LossFault(_Lasting):
    """That share of messages between hosts never arrives."""

    fault: Literal["loss"]
    between: Selector | list[Selector] = "all"
    share: Share

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"share": self.share}


class DuplicateFault(_Lasting):
    """That share of messages between hosts arrives twice."""

    fault: Literal["duplicate"]
    between: Selector | list[Selector] = "all"
    share: Share

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"share": self.share}


class ReorderFault(_Lasting):
    """That share of messages between hosts is late, so that younger ones overtake."""

    fault: Literal["reorder"]
    between: Selector | list[Selector] = "all"
    share: Share
    by: Duration

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"share": self.share, "by_ns": self.by}


class CutFault(_Lasting):
    """A one-way cut: nothing of `from` reaches `to`; the other way stays open."""

    fault: Literal["cut"]
    from_: Selector = Field(alias="from")
    to: Selector = "all"


class ClockDriftFault(_Lasting):
    """A wall clock runs fast (slow when negative) by so much: the node's view of it, or the host's.

    A host's clock can be bent by 500 ppm at most.
    """

    fault: Literal["clock_drift"]
    on: Selector
    by: Ppb
    level: Literal["process", "host"] = "process"

    @model_validator(mode="after")
    def _within_the_kernels_reach(self) -> ClockDriftFault:
        if self.level == "host" and abs(self.by) > HOST_DRIFT_PPB_MAX:
            raise ValueError("by: a host's clock drifts by 500ppm at most; lower it")
        return self

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"by_ppb": self.by, "level": self.level}


class NtpOffsetFault(_Lasting):
    """What a host's time servers answer is off by so much, for its node and its daemon alike."""

    fault: Literal["ntp_offset"]
    on: Selector
    by: SignedDuration

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"by_ns": self.by}


class NtpCutFault(_Lasting):
    """What a host's time servers answer does not arrive."""

    fault: Literal["ntp_cut"]
    on: Selector


class PowerCutFault(_Lasting):
    """A host loses its power and gets it back; its disk keeps what was synced."""

    fault: Literal["power_cut"]
    on: Selector


class FreezeHostFault(_Lasting):
    """A whole host stands still and goes on."""

    fault: Literal["freeze_host"]
    on: Selector


class LinkDownFault(_Lasting):
    """A host's network link is down, management and all."""

    fault: Literal["link_down"]
    on: Selector


class ByzantineFault(_FaultBase):
    """A node lies by one strategy of node/byzantine; to the end unless `for` is given."""

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

    @property
    def lasts_ns(self) -> int | None:
        """How long it lies; None is to the end of the trial."""
        return self.for_

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault."""
        return {"strategy": self.strategy, "by_ns": self.by}


AnyFault = (
    DelayFault
    | PartitionFault
    | CutFault
    | LossFault
    | DuplicateFault
    | ReorderFault
    | ClockStepFault
    | ClockDriftFault
    | NtpOffsetFault
    | NtpCutFault
    | KillFault
    | PauseFault
    | PowerCutFault
    | FreezeHostFault
    | LinkDownFault
    | SilentFault
    | CrashFault
    | ByzantineFault
)
FaultSpec = Annotated[AnyFault, Field(discriminator="fault")]
