"""What is asked of a layer: whose packets are treated on this host, how, and where among others."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from faults.model.fault import SECOND_NS, Fault, Port, Touched, addresses, check_interface
from faults.model.kind import LAYERS_MAX

DELAY_NS_MAX = 60 * SECOND_NS


class Treated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Packets of one directed pair: held delay_ns, plus or minus up to jitter_ns."""

    host: str
    address: str
    delay_ns: int = 0
    jitter_ns: int = 0

    def __post_init__(self) -> None:
        addresses([self.address])
        if not 0 <= self.jitter_ns <= self.delay_ns <= DELAY_NS_MAX:
            raise ValueError("need 0 <= jitter_ns <= delay_ns <= 60 s")


class Shaped(Fault, frozen=True, kw_only=True):
    """The flows of node_port from or to peers, on interface; how None: what works here.

    layer, flows: decided when it is armed. Its place among the layers of this host that are in
    force at one time, and the addresses of all peers that any of them treats, in order.
    """

    interface: str
    node_port: Port
    peers: list[Treated] = msgspec.field(default_factory=list)
    seed: int = 0
    how: Literal["netem", "queue"] | None = None
    layer: Annotated[int, Meta(ge=0, lt=LAYERS_MAX)] = 0
    flows: list[str] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        check_interface(self.interface)
        addresses(self.flows)

    def touched(self) -> Touched:
        """Return port, interface and the peers named."""
        peers = [each.address for each in self.peers]
        return Touched(node_port=self.node_port, interface=self.interface, peers=peers)
