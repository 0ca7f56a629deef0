"""What is asked of a layer: whose packets are treated on this host, how, and where among others."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from faults.host.flow_table import Flows
from faults.model.distribution import Distribution
from faults.model.fault import (
    SECOND_NS,
    Command,
    Fault,
    HostContext,
    Port,
    Touched,
    addresses,
    check_interface,
)
from faults.model.kind import LAYERS_MAX

DELAY_NS_MAX = 60 * SECOND_NS
ALL_PPM = 1_000_000
LIMIT_PACKETS = 20_000
"""So many may wait; netem's own 1,000 would drop what a busy link sends in 80 ms."""
Share = Annotated[int, Meta(gt=0, le=ALL_PPM)]
By = Annotated[int, Meta(gt=0, le=DELAY_NS_MAX)]
Burst = Annotated[int, Meta(ge=1, le=1_000)]
BitRate = Annotated[int, Meta(ge=8_000, le=100_000_000_000)]
Step = tuple[Annotated[int, Meta(ge=0)], Annotated[int, Meta(ge=0, le=DELAY_NS_MAX)]]
Way = Literal["netem", "queue", "nft"]


class PeerDelay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A peer and, of what differs from one to another, how long its packets are held: delay_ns,
    plus or minus a jitter; loss_ppm: that share is lost.
    """

    host: str
    address: str
    delay_ns: int = 0
    jitter_ns: int = 0
    distribution: Distribution = "uniform"
    loss_ppm: Annotated[int, Meta(ge=0, le=ALL_PPM)] = 0

    def __post_init__(self) -> None:
        addresses([self.address])
        if not 0 <= self.jitter_ns <= self.delay_ns <= DELAY_NS_MAX:
            raise ValueError("need 0 <= jitter_ns <= delay_ns <= 60 s")


class Treated(PeerDelay, frozen=True, kw_only=True):
    """All that is done to the packets of one directed pair.

    burst: what is lost is lost in bursts of that mean length; corrupt_ppm: that share arrives
    with a wrong bit; reorder_ppm: that share is late by by_ns, so that younger ones overtake;
    bit_rate: no more passes in a second (0: no limit).
    """

    burst: int = 1
    corrupt_ppm: int = 0
    reorder_ppm: int = 0
    by_ns: int = 0
    bit_rate: int = 0


class Shaped(Fault, frozen=True, kw_only=True):
    """The flows of node_port from or to peers, on interface; how None: what works here.

    layer, flows: decided when it is armed. Its place among the layers of this host that are in
    force at one time, and the addresses of all peers that any of them treats, in order.
    """

    interface: str
    node_port: Port
    peers: list[PeerDelay] = msgspec.field(default_factory=list)
    seed: int = 0
    how: Way | None = None
    layer: Annotated[int, Meta(ge=0, lt=LAYERS_MAX)] = 0
    flows: list[str] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        check_interface(self.interface)
        addresses(self.flows)

    @property
    def trace(self) -> tuple[Step, ...]:
        """Return since when (from its begin) packets of all peers are held for how long, where that
        is not one time.
        """
        return ()

    def begin_ns(self, context: HostContext) -> int:
        """Return its begin (CLOCK_BOOTTIME), of one that ends."""
        return (context.deadline_ns or 0) - (self.for_ns or 0)

    @property
    def treated(self) -> list[Treated]:
        """Return how packets of each peer are treated."""
        return [Treated(**msgspec.structs.asdict(peer)) for peer in self.peers]

    @staticmethod
    def alone(context: HostContext, command: Command) -> Command:
        """Return a command that no other layer's runs beside: each may take away what all share."""
        words = ("flock", str(context.run_dir / "layers.lock"), *command.words)
        return dataclasses.replace(command, words=words)

    def tables(self, _context: HostContext) -> Mapping[str, Flows]:
        """Return what each of its tables of nft picks, where that is how it is done."""
        raise NotImplementedError

    @property
    def senders(self) -> list[str]:
        """Return the addresses of its peers."""
        return [peer.address for peer in self.peers]

    def touched(self) -> Touched:
        """Return port, interface and the peers named."""
        return Touched(node_port=self.node_port, interface=self.interface, peers=self.senders)
