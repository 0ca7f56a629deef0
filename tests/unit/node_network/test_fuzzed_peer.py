"""A peer that sends anything: no crash, no fork, and nothing of it is kept without bound.

Its frames are of every kind: real ones bent, briefs of blocks that are none, that name what nobody
has or everything twice, parts that nobody asked for or of other transactions, ids of nothing.
Beside it three nodes hand in transfers, some of which get lost, make blocks and go on.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from node.chain.ledger.mempool import MAX_TRANSACTIONS, SHORT_BYTES
from node.chain.model.block import SignedBlock
from node.chain.model.transaction import Transaction
from node.network import block_spread, briefs, gossip, sync_rules, wire
from tests.unit.node_chain.builders import transfer
from tests.unit.node_chain.fuzzing import bent
from tests.unit.node_network.meshes import FETCH_NS, Member, Mesh
from tests.unit.node_network.test_briefs import ALL, WORLDS

EVIL = "evil"
EDGES = {host: [*(peer for peer in ALL if peer != host), EVIL] for host in ALL}
BETWEEN = 100
"""So many frames come before the honest nodes go on."""


class Evil:
    """Mutable: what it has heard, from which it makes frames."""

    def __init__(self, mesh: Mesh, seed: int) -> None:
        self.mesh = mesh
        self.rng = random.Random(seed)
        self.blocks: list[SignedBlock] = []
        self.asks: list[tuple[str, wire.WantParts]] = []
        self.frames: list[bytes] = []
        self.heard = 0

    def hello(self) -> bytes:
        """Return a hello that fits, for it is a peer."""
        chain = self.mesh["hosta"].chain
        head, lib = chain.head, chain.lib
        said = wire.Hello(
            chain.chain_id, b"evilevil", head.num, head.id, head.slot, lib.num, lib.id, []
        )
        return wire.encode(said)

    def hear(self) -> None:
        """Keep what it was just asked for."""
        for source, target, message in self.mesh.sent[self.heard :]:
            if target == EVIL and isinstance(message, wire.WantParts):
                self.asks.append((source, message))
        self.heard = len(self.mesh.sent)

    def listen(self) -> None:
        """Keep some of what was sent."""
        self.hear()
        codec = self.mesh.world.profile.codec
        for _, _, message in self.mesh.sent:
            if isinstance(message, wire.BlockBody):
                self.blocks.append(codec.decode(message.raw))
            self.frames.append(wire.encode(message))
        store, head = self.mesh["hosta"].store, self.mesh["hosta"].chain.head.id
        self.blocks.append(codec.decode(store.raw(head) or b""))
        self.mesh.sent.clear()
        self.heard = 0
        for kept in (self.blocks, self.asks, self.frames):
            del kept[:-200]

    def send(self) -> None:
        """Send the next frame to somebody, often to who just asked for something."""
        to = self.rng.choice(ALL)
        if self.asks and self.rng.random() < 0.5:
            to, ask = self.asks.pop()
            frame = wire.encode(wire.BlockParts(ask.id, self._raws(len(ask.positions))))
        else:
            frame = self.frame()
        self.mesh[to].links.tell.on_frame(EVIL, frame)

    def frame(self) -> bytes:
        """Return a frame of any kind."""
        made: Callable[[], wire.Message] | None = self.rng.choice(
            (None, None, self._brief, self._brief, self._parts, self._want, self._want_parts,
             self._have, self._transactions, self._body, self._synced)
        )  # fmt: skip
        if made is None:
            (found,) = bent(tuple(self.frames), self.rng, 1)
            return found
        return wire.encode(made())

    def _id(self) -> bytes:
        length = len(self.blocks[0].id)
        num = self.mesh["hosta"].chain.head.num + self.rng.randint(-3, 3)
        near = max(0, num).to_bytes(4, "big") + self.rng.randbytes(length - 4)
        return self.rng.choice((near, self.rng.randbytes(length), self._block().id))

    def _block(self) -> SignedBlock:
        return self.rng.choice(self.blocks[-20:])

    def _brief(self) -> wire.Message:
        """A brief of a block that there is or of none, with names that fit or not."""
        rng, block = self.rng, self._block()
        codec = self.mesh.world.profile.codec
        cut = briefs.cut(block, codec)
        assert cut is not None
        shell = bytearray(cut.shell)
        if rng.random() < 0.7:
            shell[rng.randrange(len(shell))] ^= 1 << rng.randrange(8)
        shorts = rng.choice(
            (cut.shorts, b"twicethe" * 9, rng.randbytes(SHORT_BYTES * rng.choice((1, 500, 5_000))),
             cut.shorts[: -SHORT_BYTES], cut.shorts + rng.randbytes(SHORT_BYTES), cut.shorts[:5],
             b"".join(t.id[:SHORT_BYTES] for t in self._waiting()))
        )  # fmt: skip
        return wire.BlockBrief(bytes(shell), shorts)

    def _waiting(self) -> list[Transaction]:
        waiting = list(self.mesh["hosta"].chain.mempool)
        self.rng.shuffle(waiting)
        return waiting

    def _raws(self, count: int) -> list[bytes]:
        known = [t.raw for block in self.blocks[-5:] for t in block.transactions]
        real = known or [b"none"]
        return [
            self.rng.choice(real) if self.rng.random() < 0.7 else next(bent((*real,), self.rng, 1))
            for _ in range(count)
        ]

    def _parts(self) -> wire.Message:
        """An answer that nobody waits for, now and then a long one."""
        if self.rng.random() < 0.02:
            return wire.BlockParts(self._id(), [bytes(200_000)] * 8)
        return wire.BlockParts(self._id(), self._raws(self.rng.randint(1, 9)))

    def _want(self) -> wire.Message:
        ids = [self._id() for _ in range(self.rng.choice((0, 1, 100)))]
        return wire.Want(ids, self.rng.random() < 0.5)

    def _want_parts(self) -> wire.Message:
        most = self.rng.choice((3, 30, 2**32))
        positions = [self.rng.randrange(most) for _ in range(self.rng.choice((1, 5, 1024)))]
        return wire.WantParts(self._id(), positions)

    def _have(self) -> wire.Message:
        return wire.Have(self.rng.getrandbits(32), self._id())

    def _transactions(self) -> wire.Message:
        return wire.TxBodies(self._raws(self.rng.choice((1, 5, wire.MAX_BODIES))))

    def _body(self) -> wire.Message:
        raw = self.mesh.world.profile.codec.encode(self._block())
        return wire.BlockBody(next(bent((raw,), self.rng, 1)))

    def _synced(self) -> wire.Message:
        raws = [self.mesh.world.profile.codec.encode(self._block())]
        return wire.SyncBlocks(self.rng.randint(0, 5), raws, self.rng.random() < 0.5, False)


def check_bounds(member: Member) -> None:
    """Check that no table of a node is larger than it may be."""
    net = member.net
    spread, talk = net._blocks, net._gossip
    assert sum(peer == EVIL for _, peer in spread._briefs._open) <= briefs.OPEN_OF_PEER_MAX
    assert len(spread._briefs) <= briefs.OPEN_MAX
    assert len(spread._recent) <= block_spread.RECENT_MAX
    assert len(talk._wanted) <= gossip.WANTED_MAX
    assert all(len(wanted.holders) <= len(ALL) for wanted in talk._wanted.values())
    assert set(net._bad_frames) <= {EVIL}
    assert len(member.chain.mempool) <= MAX_TRANSACTIONS
    assert len(net._catch_up._inbox) <= sync_rules.MAX_BLOCKS
    assert talk._transactions.keys() | talk._blocks.keys() <= {*ALL, EVIL}


def go_on(mesh: Mesh, evil: Evil, rng: random.Random) -> None:
    """Let clients hand in some transfers, and somebody make a block of what waits."""
    mesh["hosta"].links.tell.on_frame(EVIL, evil.hello())
    for host in ALL:
        chain = mesh[host].chain
        mesh[host].take(transfer(chain, 1, memo=rng.randbytes(8)))
    mesh.settle(wait_ns=FETCH_NS)
    mesh.produce()
    mesh.settle(wait_ns=2 * FETCH_NS)
    for member in mesh.members.values():
        check_bounds(member)
        member.told.clear()
        member.net.each_second()
    evil.listen()


@pytest.mark.parametrize("system", WORLDS)
@pytest.mark.parametrize("count", [3_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_whatever_a_peer_sends_the_others_go_on_and_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, count: int
) -> None:
    mesh = Mesh(tmp_path, WORLDS[system], EDGES, monkeypatch)
    evil, rng, fate = Evil(mesh, count), random.Random(count), random.Random(count)
    mesh.loses = lambda a, b, m: isinstance(m, wire.TxBodies) and fate.random() < 0.05
    mesh.produce()
    mesh.settle(wait_ns=FETCH_NS)
    for host in ALL:
        mesh[host].links.tell.on_frame(EVIL, evil.hello())
    evil.listen()
    for n in range(count):
        evil.send()
        mesh.settle(wait_ns=rng.choice((0, 0, 1_000_000, 10_000_000)))
        evil.hear()
        if n % BETWEEN == 0:
            go_on(mesh, evil, rng)
    for member in mesh.members.values():
        member.links.tell.on_link(EVIL, False, "connection_lost")
    for _ in range(6):
        go_on(mesh, evil, rng)
    assert len({member.chain.head.id for member in mesh.members.values()}) == 1
    made = mesh.slot - mesh.world.chain().head.slot
    assert mesh["hosta"].chain.head.num >= made * 9 // 10
    assert mesh["hosta"].chain.lib.num > mesh["hosta"].chain.head.num - 12
    mesh.close()
