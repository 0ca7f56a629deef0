"""Kill: end one of our own units by a signal; its undo is to start it again."""

from __future__ import annotations

from typing import Literal

from faults.host.unit_readback import read_killed, unit_state
from faults.model.evidence import Evidence
from faults.model.fault import FOR_NS_MAX, Command, Fault, HostContext, Recipe

KILLABLE = Literal["slotlab-node.service", "slotlab-probe.service", "slotlab-client.service"]


class Kill(Fault, frozen=True, kw_only=True, tag="kill"):
    """Send signal to unit; start it again after restart_after_ns, or never (None)."""

    unit: KILLABLE
    signal: Literal["SIGKILL", "SIGTERM", "SIGABRT"] = "SIGKILL"
    restart_after_ns: int | None = None

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if self.restart_after_ns is not None and not 0 < self.restart_after_ns <= FOR_NS_MAX:
            raise ValueError("restart_after_ns is outside 0..24 h")

    def lasts_ns(self) -> int | None:
        """Return the time to the restart; None when the unit stays down."""
        return self.restart_after_ns if self.restart_after_ns is not None else self.for_ns

    def recipe(self, _context: HostContext) -> Recipe:
        """Return: signal the unit's processes; start it again."""
        kill = ("systemctl", "kill", f"--signal={self.signal}", self.unit)
        if self.lasts_ns() is None:
            return Recipe(how="signal", inject=(Command(kill),))
        return Recipe(
            how="signal",
            inject=(Command(kill),),
            release=(
                Command(("systemctl", "reset-failed", self.unit), may_fail=True),
                Command(("systemctl", "start", "--no-block", self.unit), may_fail=True),
            ),
        )

    def read_back(self, _context: HostContext) -> Evidence:
        """Return whether the unit is down."""
        return read_killed(self.unit)

    def counters(self, _context: HostContext) -> dict[str, object]:
        """Return the unit's state."""
        return {"unit": unit_state(self.unit)}

    def ended_early(self, _context: HostContext) -> str:
        """Return "": whoever starts the unit again does what the campaign may have asked."""
        return ""
