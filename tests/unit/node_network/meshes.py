"""Networks of nodes in one process: their frames are delivered in order, their time is a number."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from node.chain.chain import Chain
from node.chain.model import messages
from node.chain.model.block import SignedBlock
from node.chain.model.codec import burst_bytes_max
from node.chain.model.transaction import Transaction
from node.config import PeerConfig
from node.network import net as net_module
from node.network import wire
from node.network.gossip import WAIT_MIN_NS, WAIT_SPREAD_NS
from node.network.links import Callbacks, Identity
from node.network.net import FRAME_SLACK_BYTES, Inbound, Net
from node.storage.database import StoredBlock
from node.storage.event_log import Pair
from node.storage.store import Store
from tests.unit.node_chain.builders import tick
from tests.unit.node_chain.history_worlds import World

FETCH_NS = WAIT_MIN_NS + WAIT_SPREAD_NS
"""After so long an announced block was asked for."""


class Loop:
    """What a network needs of a loop: calls later, whose time the test lets pass."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._calls: list[tuple[int, int, _Call]] = []
        self._numbers = itertools.count()

    def call_later(self, wait_s: float, call: Callable[..., object], *args: object) -> _Call:
        """Have call(*args) made in wait_s."""
        made = _Call(call, args)
        at_ns = self.now_ns + round(wait_s * 1e9)
        heapq.heappush(self._calls, (at_ns, next(self._numbers), made))
        return made

    def time(self) -> float:
        """Return the time in s."""
        return self.now_ns / 1e9

    def call_soon(self, call: Callable[..., object], *args: object) -> _Call:
        """Have call(*args) made when time passes next."""
        return self.call_later(0, call, *args)

    def turn(self, until_ns: int) -> bool:
        """Make the next call that is due until then; return whether there was one."""
        if not self._calls or self._calls[0][0] > until_ns:
            return False
        at_ns, _, made = heapq.heappop(self._calls)
        self.now_ns = max(self.now_ns, at_ns)
        made.run()
        return True


@dataclass
class _Call:
    call: Callable[..., object]
    args: tuple[object, ...]
    cancelled: bool = False

    def cancel(self) -> None:
        """Make it no more."""
        self.cancelled = True

    def run(self) -> None:
        """Make the call, unless it was cancelled."""
        if not self.cancelled:
            self.call(*self.args)


@dataclass
class MeshLinks:
    """Hands what is sent to the mesh."""

    tell: Callbacks
    post: Callable[[str, bytes], bool]

    def send(self, peer: str, frame: bytes) -> bool:
        """Return whether the frame is on its way."""
        return self.post(peer, frame)

    def take_dropped(self) -> Mapping[str, int]:
        """Return that nothing was dropped."""
        return {}

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Member:
    """A node: its chain, its store, its network, and what it told."""

    producer: str
    chain: Chain
    store: Store
    mesh: Mesh
    net: Net = field(init=False)
    told: list[msgspec.Struct] = field(default_factory=list)

    @property
    def links(self) -> MeshLinks:
        """Return its end of the links."""
        assert isinstance(self.net._links, MeshLinks)
        return self.net._links

    def step(self, event: messages.Input) -> None:
        """Feed the chain and do what it asks for."""
        self.do(self.chain.step(event))

    def do(self, effects: Iterable[messages.Effect]) -> None:
        """Do what a chain asks for."""
        for effect in effects:
            match effect:
                case messages.Persist(block=block, raw=raw):
                    self.store.put(stored(block, raw))
                case messages.Broadcast(block=block, raw=raw, source=source):
                    self.net.broadcast(block, raw, source)
                case messages.Relay(transactions=transactions, source=source):
                    self.net.relay(transactions, source)
                case messages.Finalize(num=num, id=block_id):
                    self.store.finalize(num, block_id)
                case messages.RequestSync(peer=peer):
                    self.net.request_sync(peer)
                case messages.Emit(record=record):
                    self.told.append(record)

    def take(self, *transactions: Transaction, peer: str | None = None) -> None:
        """Take transactions, by default of a client."""
        now_ns = self.mesh.wall_ns()
        self.step(
            messages.TransactionsReceived(now_ns=now_ns, transactions=transactions, peer=peer)
        )

    def _take_raws(self, raws: Sequence[bytes], peer: str) -> None:
        self.take(*self.net.first_seen(peer, raws), peer=peer)

    def _take_block(self, block: SignedBlock, raw: bytes, peer: str, taken: Pair | None) -> None:
        now_ns = self.mesh.wall_ns()
        self.step(messages.BlockReceived(now_ns=now_ns, block=block, raw=raw, peer=peer))

    def inbound(self) -> Inbound:
        """Return whom the network tells."""
        return Inbound(
            take_block=self._take_block, take_transactions=self._take_raws, emit=self.told.append,
            mono_ns=lambda: self.mesh.loop.now_ns, wall_ns=self.mesh.wall_ns,
            pair=lambda: (self.mesh.wall_ns(), self.mesh.loop.now_ns),
        )  # fmt: skip


def stored(block: SignedBlock, raw: bytes) -> StoredBlock:
    """Return a block as the store keeps it."""
    return StoredBlock(num=block.num, id=block.id, previous=block.previous, raw=raw)


class Mesh:
    """Mutable: the members, the frames on their way, the slot.

    sent: what was delivered, by who sent it to whom. loses: whether a frame is lost on its way.
    """

    def __init__(
        self, folder: Path, world: World, edges: Mapping[str, Sequence[str]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        """edges: the peers of each member; who is a peer and no member may be anybody."""
        self.loop = Loop()
        self.world = world
        self.slot = world.chain().head.slot
        self.sent: list[tuple[str, str, wire.Message]] = []
        self.loses: Callable[[str, str, wire.Message], bool] = lambda *_: False
        self._frames: list[tuple[str, str, bytes]] = []
        self.members: dict[str, Member] = {}
        names = iter(world.names)
        for host, peers in edges.items():
            monkeypatch.setattr(net_module, "Links", self._links_of(host))
            producer = next(names)
            chain = world.chain((producer,))
            member = Member(producer, chain, Store(folder / host, chain.chain_id), self)
            longest = burst_bytes_max(world.genesis.max_block_bytes) + FRAME_SLACK_BYTES
            loop: Any = self.loop
            context: Any = None
            member.net = Net(
                loop, context, host=host, chain=chain, store=member.store,
                identity=Identity(
                    listen="", port=0, secret=b"", public=b"", frame_bytes_max=longest
                ),
                peers=[PeerConfig(host=p, address="127.0.0.1", curve_public="") for p in peers],
                inbound=member.inbound(),
            )  # fmt: skip
            self.members[host] = member
        for host, peers in edges.items():
            for peer in peers:
                self.members[host].links.tell.on_link(peer, True, "")
        self.settle()

    def _links_of(self, host: str) -> Callable[..., MeshLinks]:
        def post(peer: str, frame: bytes) -> bool:
            self._frames.append((host, peer, frame))
            return True

        return lambda *args: MeshLinks(args[-1], post)

    def __getitem__(self, host: str) -> Member:
        return self.members[host]

    def wall_ns(self) -> int:
        """Return the time: that of the slot, while as much passes on the loop as may."""
        return self.world.profile.clock.time_ns(self.slot)

    def settle(self, wait_ns: int = 0) -> None:
        """Deliver what is on its way, and let wait_ns pass, until nothing moves."""
        until_ns = self.loop.now_ns + wait_ns
        while self._deliver() or self.loop.turn(until_ns):
            pass
        self.loop.now_ns = until_ns

    def _deliver(self) -> bool:
        frames, self._frames = self._frames, []
        for source, target, frame in frames:
            message = wire.decode(frame)
            if self.loses(source, target, message):
                continue
            self.sent.append((source, target, message))
            if target in self.members:
                self.members[target].links.tell.on_frame(source, frame)
        return bool(frames)

    def produce(self) -> None:
        """Let the next slot begin: whose it is makes a block."""
        self.slot += 1
        for member in self.members.values():
            member.do(tick(member.chain, self.slot))

    def turn_of(self, host: str) -> None:
        """Let slots pass until host makes the next block."""
        member = self.members[host]
        while member.chain.producer_for(self.slot + 1) != member.producer:
            self.produce()
            self.settle(wait_ns=FETCH_NS)
        self.sent.clear()

    def blocks_sent(self) -> list[tuple[str, str, str]]:
        """Return what was sent of blocks since the last look: from whom, to whom, its name."""
        kinds = (wire.BlockBody, wire.BlockBrief, wire.Want, wire.WantParts, wire.BlockParts)
        found = [(a, b, type(m).__name__) for a, b, m in self.sent if isinstance(m, kinds)]
        self.sent.clear()
        return found

    def close(self) -> None:
        """Let go of the members."""
        for member in self.members.values():
            member.net.close()
            member.store.close()
