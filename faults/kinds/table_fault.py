"""What faults have in common that are rules of nft, in a table of their own."""

from typing import ClassVar

from faults.host.flow_table import Flows
from faults.kinds.rules import Rules
from faults.model.fault import Evidence, Fault, HostContext, Recipe


class TableFault(Fault, frozen=True, kw_only=True):
    """Base of those faults; each says which packets meet which verdict."""

    tried_by: ClassVar[tuple[tuple[str, str], ...]] = (
        ("nft", "nft 'add table inet t; add set inet t s { type ipv4_addr; flags timeout; };"
         " add element inet t s { 192.0.2.1 timeout 1s }'"),
    )  # fmt: skip

    def flows(self) -> Flows:
        """Return what its table picks."""
        raise NotImplementedError

    def rules(self, context: HostContext) -> Rules:
        """Return its table."""
        return Rules({context.table: self.flows()}, context)

    def recipe(self, context: HostContext) -> Recipe:
        """Return the commands of its table."""
        return self.rules(context).recipe(self.for_ns or 0)

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether all of it is in force until the deadline."""
        return self.rules(context).read_back()

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return the packets dropped so far, by chain."""
        return {"dropped": self.rules(context).dropped()}

    def ended_early(self, context: HostContext) -> str:
        """Return what of it is missing, "" when nothing is."""
        return self.rules(context).ended_early()

    def ended_before_release(self, context: HostContext) -> str:
        """Return what of it was missing when it was released, "" when nothing was."""
        return self.rules(context).ended_before_release()

    def left_over(self, context: HostContext) -> str:
        """Return what of it is still there."""
        return self.rules(context).left_over()
