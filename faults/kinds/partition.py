"""Partition and Cut: drop the node's data flows from and to some peers, both ways or one way.

Only the node's port is cut (TCP, and UDP for path probes, either side), so SSH, the agent, NTP and
the clock probes pass although they share the wire. Done on arrival, as a drop before leaving would
make the sender see an error. With a reset that is meant to be: TCP that arrives is answered with
one, so that whoever sent it, or asks for a connection, is told at once.
"""

from dataclasses import replace
from typing import ClassVar, Literal

from faults.host.flow_table import Chain, Flows
from faults.kinds.table_fault import TableFault
from faults.model.fault import HostContext, Port, Recipe, Touched, addresses, needs


class Blocked(TableFault, frozen=True, kw_only=True):
    """Addresses whose packets are dropped on arrival (blocked_in) and before leaving
    (blocked_out).
    """

    tried_by: ClassVar[tuple[tuple[str, str], ...]] = (
        *TableFault.tried_by,
        ("reject", "nft 'add table inet t; add set inet t s { type ipv4_addr; flags timeout; };"
         " add chain inet t c { type filter hook input priority 0; };"
         " add rule inet t c tcp flags & rst == 0 counter reject with tcp reset'"),
    )  # fmt: skip
    blocked_in: list[str]
    blocked_out: list[str]
    node_port: Port
    how: Literal["nft", "nft reject"] = "nft"

    def __post_init__(self) -> None:
        addresses(self.blocked_in)
        addresses(self.blocked_out)

    @property
    def resets(self) -> bool:
        """Return whether TCP is answered with a reset."""
        return self.how == "nft reject"

    def touched(self) -> Touched:
        """Return the node's port and the peers named."""
        peers = {*self.blocked_in, *self.blocked_out}
        return Touched(node_port=self.node_port, peers=peers)

    def check(self, context: HostContext) -> None:
        """Refuse a host that cannot do it in the way asked."""
        needs(context, "reject" if self.resets else "nft")

    def flows(self) -> Flows:
        """Return what arrives from the one, and what leaves for the other."""
        chains = (
            Chain(hook="input", set_name="blk_in", verdict="drop", resets=self.resets),
            Chain(
                hook="output", set_name="blk_out", side="daddr", verdict="drop", resets=self.resets
            ),
        )
        members = {"blk_in": self.blocked_in, "blk_out": self.blocked_out}
        return Flows(port=self.node_port, chains=chains, members=members)

    def recipe(self, context: HostContext) -> Recipe:
        """Return the commands of its table."""
        return replace(super().recipe(context), how=self.how)

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return the packets stopped so far, by chain, and how many of them a reset answered."""
        found = super().counters(context)
        if self.resets:
            rules, chains = self.rules(context), self.flows().chains
            found["reset"] = sum(rules.counted(chain.hook, "reject")[1] for chain in chains)
        return found


class Partition(Blocked, frozen=True, kw_only=True, tag="partition"):
    """Hosts on two sides that do not hear each other."""


class Cut(Blocked, frozen=True, kw_only=True, tag="cut"):
    """A link that is dead one way."""
