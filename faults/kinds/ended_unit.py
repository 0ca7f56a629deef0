"""What faults have in common that end one of our own units: how that is read back and undone."""

from typing import Literal

from faults.host.runner import output
from faults.host.settled import settled
from faults.model.fault import Command, Evidence, Fault, HostContext, verdict

KILLABLE = Literal["slotlab-node.service", "slotlab-probe.service", "slotlab-client.service"]
DEAD = ("failed", "inactive", "deactivating")

Shown = dict[str, str]


class EndedUnit(Fault, frozen=True, kw_only=True):
    """Base of those faults; each says how the unit ends, and when it is started again."""

    unit: KILLABLE

    def read_back(self, _context: HostContext) -> Evidence:
        """Return whether the unit is down, or will be in a moment."""
        state, dead = settled(lambda: unit_state(self.unit), is_dead)
        return verdict("" if dead else "the unit still runs", {"unit": state})

    def counters(self, _context: HostContext) -> dict[str, object]:
        """Return the unit's state."""
        return {"unit": unit_state(self.unit)}

    def ended_early(self, _context: HostContext) -> str:
        """Return "": whoever starts the unit again does what the campaign may have asked."""
        return ""


def start_again(unit: str) -> tuple[Command, ...]:
    """Return the commands that start a unit however it has ended, and do not wait for it."""
    return (
        Command(("systemctl", "reset-failed", unit), may_fail=True),
        Command(("systemctl", "start", "--no-block", unit), may_fail=True),
    )


def unit_state(unit: str) -> Shown:
    """Return ActiveState, SubState, MainPID and Result of a systemd unit; {} without systemd."""
    names = "ActiveState,SubState,MainPID,Result,NRestarts"
    code, text, _ = output(("systemctl", "show", f"--property={names}", unit))
    pairs = (line.partition("=") for line in text.splitlines()) if code == 0 else ()
    return {key: value for key, _, value in pairs}


def is_dead(state: Shown) -> bool:
    """Return whether such a unit runs no more, or will not in a moment."""
    return state.get("ActiveState") in DEAD
