"""Restart: end one of our own units in order, and start it again."""

from faults.host.settled import settled
from faults.kinds.kill import KILLABLE, is_dead, start_again, unit_state
from faults.model.fault import Command, Evidence, Fault, HostContext, Recipe, verdict


class Restart(Fault, frozen=True, kw_only=True, tag="restart"):
    """Stop unit by SIGTERM, as an operator does; start it again after for_ns."""

    unit: KILLABLE

    def recipe(self, _context: HostContext) -> Recipe:
        """Return: stop the unit, which takes as long as it needs; start it again."""
        stop = Command(("systemctl", "stop", "--no-block", self.unit))
        return Recipe(how="systemd unit", inject=(stop,), release=start_again(self.unit))

    def read_back(self, _context: HostContext) -> Evidence:
        """Return whether the unit is down or on its way there."""
        state, dead = settled(lambda: unit_state(self.unit), is_dead)
        return verdict("" if dead else "the unit still runs", {"unit": state})

    def counters(self, _context: HostContext) -> dict[str, object]:
        """Return the unit's state."""
        return {"unit": unit_state(self.unit)}

    def ended_early(self, _context: HostContext) -> str:
        """Return "": whoever starts the unit again does what the campaign may have asked."""
        return ""
