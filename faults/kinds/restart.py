"""Restart: end one of our own units in order, and start it again."""

from faults.kinds.ended_unit import EndedUnit, start_again
from faults.model.fault import Command, HostContext, Recipe


class Restart(EndedUnit, frozen=True, kw_only=True, tag="restart"):
    """Stop unit by SIGTERM, as an operator does; start it again after for_ns."""

    def recipe(self, _context: HostContext) -> Recipe:
        """Return: stop the unit, which takes as long as it needs; start it again."""
        stop = Command(("systemctl", "stop", "--no-block", self.unit))
        return Recipe(how="systemd unit", inject=(stop,), release=start_again(self.unit))
