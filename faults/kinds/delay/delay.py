"""Delay: hold the node's packets to or from some peers, by netem where the kernel has it, else by a
queue.

netem acts on packets that leave, the queue on packets that arrive; one way is taken for all hosts
of a fault, so that each directed pair is delayed exactly once. Queued on arrival rather than on
leaving, because a held outgoing packet stays charged to its sender's socket buffer.
"""

from typing import Literal, Self

import msgspec

from faults.host.qdiscs import foreign_qdisc, qdiscs
from faults.kinds.delay import netem_way, queue_way
from faults.kinds.delay.held import Held
from faults.kinds.delay.netem import netem_bands
from faults.model.fault import Evidence, FaultError, HostContext, Recipe, needs


class Delay(Held, frozen=True, kw_only=True, tag="delay"):
    """Delay the flows of node_port: on leaving by netem, on arrival by the queue."""

    tried_by = (
        ("netem", "tc qdisc add dev lo root handle 1: prio bands 4 && tc qdisc add dev lo parent "
         "1:4 handle 2: netem delay 1ms && tc filter add dev lo parent 1: protocol ip prio 1 u32 "
         "match ip dst 192.0.2.1/32 flowid 1:4"),
        ("nft_queue", "nft 'add table inet q; add chain inet q c;"
         " add rule inet q c queue num 9 bypass'"),
        ("iptables_queue", "iptables -t mangle -A PREROUTING -s 192.0.2.1 -p udp --dport 9"
         " -j NFQUEUE --queue-num 9 --queue-bypass"),
    )  # fmt: skip

    def way(self, context: HostContext) -> Literal["netem", "queue"]:
        """Return how the delay is made here: as asked, else netem where it works."""
        if self.how is not None:
            return self.how
        return "netem" if "netem" in context.capabilities else "queue"

    def check(self, context: HostContext) -> None:
        """Refuse a host on which the way asked for does not work."""
        if self.way(context) == "netem":
            needs(context, "netem")
            netem_bands(self.peers, context.token)
        else:
            needs(context, "nfqueue")

    def settled(self, context: HostContext) -> Self:
        """Return the delay with its way chosen.

        Raises:
            FaultError: wrong_interface, foreign_qdisc.
        """
        way = self.way(context)
        if way == "netem" and not qdiscs(self.interface):
            raise FaultError("wrong_interface", f"{self.id}: no interface {self.interface}")
        if way == "netem" and (foreign := foreign_qdisc(self.interface)):
            detail = f"{self.interface} has {foreign}; remove it or use the queue"
            raise FaultError("foreign_qdisc", detail)
        return msgspec.structs.replace(self, how=way)

    def recipe(self, context: HostContext) -> Recipe:
        """Return the commands of the way used here."""
        if self.way(context) == "netem":
            return netem_way.recipe(self, context)
        return queue_way.recipe(self, context)

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether the delay is in place as asked."""
        if self.way(context) == "netem":
            return netem_way.read_back(self, context)
        return queue_way.read_back(self, context)

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return how many packets were held so far, and by what."""
        if self.way(context) == "netem":
            return netem_way.counters(self, context)
        return queue_way.counters(self, context)

    def ended_early(self, context: HostContext) -> str:
        """Return what of a delay in force is missing now, "" when nothing is."""
        if self.way(context) == "netem":
            return netem_way.ended_early(self, context)
        return queue_way.ended_early(self, context)

    def left_over(self, context: HostContext) -> str:
        """Return what of a healed delay is still there, "" when nothing is."""
        if self.way(context) == "netem":
            return netem_way.left_over(self, context)
        return queue_way.left_over(self, context)
