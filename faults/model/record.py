"""One line of agent.jsonl: what the agent writes, the simulator imitates and metrics reads."""

from typing import Annotated, Any, Literal

import msgspec

Time = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
"""Nanoseconds; bounded, as a line that is read may have been damaged."""
State = Literal[
    "armed", "applied", "installed", "skipped", "indeterminate", "healed", "failed", "started",
    "stopped",
]  # fmt: skip
LEASE_EXPIRED, NO_ROOM = "lease_expired", "no_room"
"""Why an agent stopped what a trial was running on its host."""
PROVIDER = "provider"
"""Whose journal it is that tells of faults done to hosts from outside."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A fault (or the agent itself) changed state on a host.

    t_ns and between_ns count from T0 and are None before a trial is armed.
    """

    v: Literal[1] = 1
    host: str
    boot: str
    trial: str
    fault: str
    kind: str
    state: State
    mono_ns: Time
    wall_ns: Time
    t_ns: Time | None
    between_ns: tuple[Time, Time] | None
    asked: dict[str, Any]
    read_back: dict[str, Any]
    how: str
    reason: str

    @property
    def fault_id(self) -> str:
        """Return the plan's id of the fault: a provider's agent has one entry a host."""
        return self.fault.partition(".")[0] if self.host == PROVIDER else self.fault

    @property
    def acted_on(self) -> str:
        """Return the host the change was made to."""
        return str(self.asked.get("host", "")) if self.host == PROVIDER else self.host
