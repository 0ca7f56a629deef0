"""Partition and Cut: drop the node's data flows from and to some peers, both ways or one way.

Only the node's port is cut (TCP, and UDP for path probes, either side), so SSH, the agent, NTP and
the clock probes pass although they share the wire.
"""

from __future__ import annotations

from faults.host import flow_table
from faults.host.flow_table import Chain
from faults.model.fault import Fault, HostContext, Recipe, addresses, needs

CHAINS = (
    Chain(hook="input", set_name="blk_in", verdict="drop"),
    Chain(hook="output", set_name="blk_out", side="daddr", verdict="drop"),
)


class Blocked(Fault, frozen=True, kw_only=True):
    """Addresses whose packets are dropped on arrival (blocked_in) and before leaving
    (blocked_out).
    """

    blocked_in: list[str]
    blocked_out: list[str]
    node_port: int

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        addresses(self.blocked_in)
        addresses(self.blocked_out)
        if not 0 < self.node_port < 65536:
            raise ValueError("node_port is outside 1..65535")

    def lasts_ns(self) -> int | None:
        """Return the length asked."""
        return self.for_ns

    def members(self) -> dict[str, list[str]]:
        """Return the addresses by set of the table."""
        return {"blk_in": self.blocked_in, "blk_out": self.blocked_out}

    def check(self, context: HostContext) -> None:
        """Raise FaultError unless nft sets with timeouts work here."""
        needs(context, "nft")

    def recipe(self, context: HostContext) -> Recipe:
        """Return: table with empty sets; one transaction of elements; flush; delete the table."""
        return Recipe(
            how="nft",
            prepare=(flow_table.define(context.table, self.node_port, CHAINS),),
            inject=flow_table.fill(context.table, self.members(), self.for_ns or 0),
            release=(flow_table.empty(context.table, self.members()),),
            remove=(flow_table.drop(context.table),),
        )


class Partition(Blocked, frozen=True, kw_only=True, tag="partition"):
    """Hosts on two sides that do not hear each other."""

    def kind(self) -> str:
        """Return the fault's word."""
        return "partition"


class Cut(Blocked, frozen=True, kw_only=True, tag="cut"):
    """A link that is dead one way: done on arrival, as a drop before leaving would make the sender
    see an error.
    """

    def kind(self) -> str:
        """Return the fault's word."""
        return "cut"
