"""Partition and Cut: drop the node's data flows from and to some peers, both ways or one way.

Only the node's port is cut (TCP, and UDP for path probes, either side), so SSH, the agent, NTP and
the clock probes pass although they share the wire.
"""

from faults.host.flow_table import Chain, Flows
from faults.kinds.table_fault import TableFault
from faults.model.fault import Port, Touched, addresses

CHAINS = (
    Chain(hook="input", set_name="blk_in", verdict="drop"),
    Chain(hook="output", set_name="blk_out", side="daddr", verdict="drop"),
)


class Blocked(TableFault, frozen=True, kw_only=True):
    """Addresses whose packets are dropped on arrival (blocked_in) and before leaving
    (blocked_out).
    """

    blocked_in: list[str]
    blocked_out: list[str]
    node_port: Port

    def __post_init__(self) -> None:
        addresses(self.blocked_in)
        addresses(self.blocked_out)

    def touched(self) -> Touched:
        """Return the node's port and the peers named."""
        peers = {*self.blocked_in, *self.blocked_out}
        return Touched(node_port=self.node_port, peers=peers)

    def flows(self) -> Flows:
        """Return what arrives from the one, and what leaves for the other."""
        members = {"blk_in": self.blocked_in, "blk_out": self.blocked_out}
        return Flows(port=self.node_port, chains=CHAINS, members=members)


class Partition(Blocked, frozen=True, kw_only=True, tag="partition"):
    """Hosts on two sides that do not hear each other."""


class Cut(Blocked, frozen=True, kw_only=True, tag="cut"):
    """A link that is dead one way: done on arrival, as a drop before leaving would make the sender
    see an error.
    """
