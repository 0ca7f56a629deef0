"""Kill: end one of our own units by a signal; its undo is to start it again."""

from typing import Literal

from faults.kinds.ended_unit import EndedUnit, start_again
from faults.model.fault import Command, HostContext, Recipe


class Kill(EndedUnit, frozen=True, kw_only=True, tag="kill"):
    """Send signal to unit; start it again after for_ns, or never (None)."""

    signal: Literal["SIGKILL", "SIGTERM", "SIGABRT"] = "SIGKILL"

    def recipe(self, _context: HostContext) -> Recipe:
        """Return: signal the unit's processes; start it again."""
        kill = Command(("systemctl", "kill", f"--signal={self.signal}", self.unit))
        release = () if self.for_ns is None else start_again(self.unit)
        return Recipe(how="signal", inject=(kill,), release=release)
