"""What faults have in common that are rules of nft: a table of their own, its sets, its evidence.

The table is prepared with empty sets; filling them is the fault, and the kernel's own timeouts end
it. The rules stay until the table is removed, so that they can be looked at behind the release.
"""

from faults.host import flow_table
from faults.host.flow_table import Flows
from faults.host.nft_readback import dropped, gone, listing, read_table, rules_gone
from faults.model.fault import Evidence, Fault, HostContext, Recipe


class TableFault(Fault, frozen=True, kw_only=True):
    """Base of those faults; each says which packets meet which verdict."""

    tried_by = (
        ("nft", "nft 'add table inet t; add set inet t s { type ipv4_addr; flags timeout; };"
         " add element inet t s { 192.0.2.1 timeout 1s }'"),
    )  # fmt: skip

    def flows(self) -> Flows:
        """Return what its table picks."""
        raise NotImplementedError

    def recipe(self, context: HostContext) -> Recipe:
        """Return: table with empty sets; one transaction of elements; flush; delete the table."""
        flows = self.flows()
        return Recipe(
            how="nft",
            at_once=True,
            rules=True,
            prepare=(flow_table.define(context.table, flows.port, flows.chains),),
            inject=flow_table.fill(context.table, flows.members, self.for_ns or 0),
            release=(flow_table.empty(context.table, flows.members),),
            remove=(flow_table.drop(context.table),),
        )

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether every address is in force until the deadline, and every rule in place."""
        flows = self.flows()
        return read_table(context.table, flows.members, len(flows.chains), context.deadline_ns)

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return the packets dropped so far, by chain."""
        return {"dropped": dropped(context.table)}

    def ended_early(self, context: HostContext) -> str:
        """Return what of its rules and elements is missing, "" when nothing is."""
        flows = self.flows()
        return gone(context.table, flows.members, len(flows.chains), context.deadline_ns)

    def ended_before_release(self, context: HostContext) -> str:
        """Return what of its rules was missing when it was released, "" when nothing was."""
        return rules_gone(context.table, len(self.flows().chains))

    def left_over(self, context: HostContext) -> str:
        """Return the table when it is still there."""
        return table_left(context)


def table_left(context: HostContext) -> str:
    """Return the fault's own table when it is still there, "" when it is gone."""
    return f"table {context.table}" if listing("table", "inet", context.table) else ""
