"""What the kinds that keep a host busy have in common: a unit of our own, whose shell does it.

It is what the kernel ends first where memory runs out, and it stands in no cgroup of the node's.
"""

from faults.host.transient_unit import TransientUnit
from faults.model.fault import Fault, HostContext, Recipe

FIRST_TO_GO = "OOMScoreAdjust=1000"


class Busy(Fault, frozen=True, kw_only=True):
    """Base of them; each says what its shell does."""

    def unit(self, context: HostContext) -> TransientUnit:
        """Return the unit that does it."""
        return TransientUnit(self.row.word, context, self.for_ns or 0)

    def burden(
        self, context: HostContext, script: str, *words: str, properties: tuple[str, ...] = ()
    ) -> Recipe:
        """Return: start the shell; end it. Its figures are read before it ends."""
        unit = self.unit(context)
        start = unit.start(script, *words, properties=(FIRST_TO_GO, *properties))
        return Recipe(
            how="systemd unit", counters_go=True, inject=(start,), release=(unit.stop(),),
            remove=(unit.forget(),),
        )  # fmt: skip

    def ended_early(self, context: HostContext) -> str:
        """Return whether the unit is gone, "" when it runs."""
        return "" if self.unit(context).runs() else "the unit had ended"

    def left_over(self, context: HostContext) -> str:
        """Return the unit when it still runs."""
        return self.unit(context).left_over()
