"""What is asked of a delay: whose packets are held on this host, and for how long."""

from typing import Literal

import msgspec

from faults.model.fault import SECOND_NS, Fault, Port, Touched, addresses, check_interface

DELAY_NS_MAX = 60 * SECOND_NS


class PeerDelay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One directed delay: delay_ns, plus or minus up to jitter_ns."""

    host: str
    address: str
    delay_ns: int
    jitter_ns: int = 0

    def __post_init__(self) -> None:
        addresses([self.address])
        if not 0 <= self.jitter_ns <= self.delay_ns <= DELAY_NS_MAX:
            raise ValueError("need 0 <= jitter_ns <= delay_ns <= 60 s")


class Held(Fault, frozen=True, kw_only=True):
    """The flows of node_port from or to peers, on interface; how None: what works here."""

    interface: str
    node_port: Port
    peers: list[PeerDelay] = msgspec.field(default_factory=list)
    seed: int = 0
    how: Literal["netem", "queue"] | None = None

    def __post_init__(self) -> None:
        check_interface(self.interface)

    def touched(self) -> Touched:
        """Return port, interface and the peers named."""
        peers = [each.address for each in self.peers]
        return Touched(node_port=self.node_port, interface=self.interface, peers=peers)
