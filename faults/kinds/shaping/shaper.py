"""Shaper: what faults have in common that treat the node's packets to or from some peers, by netem
where the kernel has it, else by a packet queue.

Each is a layer of its own: several on one pair add up, and each begins, ends and is undone without
the others. netem acts on packets that leave, the queue on packets that arrive; one way is taken for
all hosts of a fault, so that each directed pair is treated exactly once. Queued on arrival rather
than on leaving, because a held outgoing packet stays charged to its sender's socket buffer.
"""

from collections.abc import Sequence
from typing import ClassVar, Protocol, Self

import msgspec

from faults.host.qdiscs import foreign_qdisc, qdiscs
from faults.kinds.shaping import netem_way, nft_way, queue_way
from faults.kinds.shaping.shape import Shaped, Way
from faults.model.fault import SECOND_NS, Evidence, FaultError, HostContext, Recipe, needs
from faults.model.kind import LAYERS_MAX

APART_NS = 10 * SECOND_NS
"""A layer's place is given again so long after its end: its dead man may act on it a little later
than that.
"""


class Means(Protocol):
    """What a way to shape has to answer, of a fault on a host."""

    def recipe(self, fault: Shaped, context: HostContext, /) -> Recipe:
        """Return its commands."""

    def read_back(self, fault: Shaped, context: HostContext, /) -> Evidence:
        """Return whether all is in place as asked."""

    def counters(self, fault: Shaped, context: HostContext, /) -> dict[str, object]:
        """Return what it counted so far."""

    def ended_early(self, fault: Shaped, context: HostContext, /) -> str:
        """Return what is missing of it, "" when nothing is."""

    def left_over(self, fault: Shaped, context: HostContext, /) -> str:
        """Return what of it is still there after its end, "" when nothing is."""


class Shaper(Shaped, frozen=True, kw_only=True):
    """Base of those faults: each says how packets of each peer are treated."""

    tried_by: ClassVar[tuple[tuple[str, str], ...]] = (
        ("netem", "tc qdisc add dev lo root handle 1: htb default 0 && tc class add dev lo parent "
         "1: classid 1:1 htb rate 100gbit quantum 60000 && tc qdisc add dev lo parent 1:1 handle "
         "2: netem delay 1ms && tc qdisc add dev lo parent 2:1 handle 3: netem delay 1ms && tc "
         "filter add dev lo parent 1: protocol ip prio 1 u32 match ip dst 192.0.2.1/32 flowid 1:1"),
        ("nft_queue", "nft 'add table inet q; add chain inet q c;"
         " add rule inet q c queue num 9 bypass'"),
        ("iptables_queue", "iptables -t mangle -A PREROUTING -s 192.0.2.1 -p udp --dport 9"
         " -j NFQUEUE --queue-num 9 --queue-bypass"),
    )  # fmt: skip

    def way(self, context: HostContext) -> Way:
        """Return how it is done here: as asked, else by netem where it works."""
        if self.how is not None:
            return self.how
        return "netem" if "netem" in context.capabilities else "queue"

    @property
    def is_layer(self) -> bool:
        """Return whether packets are led through it one by one."""
        return self.how != "nft"

    def check(self, context: HostContext) -> None:
        """Refuse a host on which the way asked for does not work."""
        match self.way(context):
            case "netem":
                needs(context, "netem")
            case "queue":
                needs(context, "nfqueue")
            case "nft":
                needs(context, self.row.ways[0].needs)

    def settled(self, context: HostContext) -> Self:
        """Return the fault with its way chosen.

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
        return self._means(context).recipe(self, context)

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether all is in place as asked."""
        return self._means(context).read_back(self, context)

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return how many packets were treated so far, and by what."""
        return self._means(context).counters(self, context)

    def ended_early(self, context: HostContext) -> str:
        """Return what of a fault in force is missing now, "" when nothing is."""
        return self._means(context).ended_early(self, context)

    def ended_before_release(self, context: HostContext) -> str:
        """Return what was missing when it was released, of what outlives its release."""
        by_rules = self.way(context) == "nft"
        return nft_way.ended_before_release(self, context) if by_rules else ""

    def left_over(self, context: HostContext) -> str:
        """Return what of a healed fault is still there, "" when nothing is."""
        return self._means(context).left_over(self, context)

    def _means(self, context: HostContext) -> Means:
        by: dict[Way, Means] = {"netem": netem_way, "queue": queue_way, "nft": nft_way}
        return by[self.way(context)]


def placed(faults: Sequence[Shaper]) -> list[Shaper]:
    """Return the layers of one host, each in its place among those in force at one time.

    Raises:
        FaultError: too_many_layers.
    """
    flows = sorted({address for fault in faults for address in fault.senders})
    free_ns = [0.0] * LAYERS_MAX
    layers: dict[str, int] = {}
    for fault in sorted(faults, key=lambda fault: fault.at_ns):
        layer = next((n for n, when in enumerate(free_ns) if when <= fault.at_ns), None)
        if layer is None:
            detail = f"{fault.id} would be one more than the {LAYERS_MAX} at one time on a host"
            raise FaultError(
                "too_many_layers", f"{detail}; keep them {APART_NS // SECOND_NS} s apart"
            )
        lasts_ns = float("inf") if fault.for_ns is None else fault.for_ns
        free_ns[layer] = fault.at_ns + lasts_ns + APART_NS
        layers[fault.id] = layer
    return [msgspec.structs.replace(f, layer=layers[f.id], flows=flows) for f in faults]
