"""Pause: stop the node's process for a while, so that it lives and does nothing; then resume it."""

from __future__ import annotations

from faults.host.unit_readback import process_state, read_paused
from faults.kinds.kill import KILLABLE
from faults.model.evidence import Evidence
from faults.model.fault import Command, Fault, HostContext, Recipe


class Pause(Fault, frozen=True, kw_only=True, tag="pause"):
    """SIGSTOP to every process of unit; SIGCONT is the undo, and harmless to one that runs."""

    unit: KILLABLE

    def recipe(self, _context: HostContext) -> Recipe:
        """Return: stop the unit's processes; let them go on."""
        signal = ("systemctl", "kill")
        return Recipe(
            how="signal",
            inject=(Command((*signal, "--signal=SIGSTOP", self.unit)),),
            release=(Command((*signal, "--signal=SIGCONT", self.unit), may_fail=True),),
        )

    def read_back(self, _context: HostContext) -> Evidence:
        """Return whether the unit's main process is stopped."""
        return read_paused(self.unit)

    def counters(self, _context: HostContext) -> dict[str, object]:
        """Return the unit's state, and its process's."""
        return {"unit": process_state(self.unit)}

    def ended_early(self, _context: HostContext) -> str:
        """Return what the process does instead of standing still, "" when it does."""
        letter = process_state(self.unit)["process"]
        return "" if letter == "T" else f"the process was {letter or 'gone'}"

    def left_over(self, _context: HostContext) -> str:
        """Return whether the process still stands."""
        return "a stopped process" if process_state(self.unit)["process"] == "T" else ""
