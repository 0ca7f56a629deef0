"""When a node's network offers what waits to a peer, before links that tests pull and fill."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import zmq

from node.chain.chain import Chain
from node.chain.eosio.transactions import EosioTransactions
from node.chain.model.codec import decode_transaction
from node.chain.model.transaction import Transaction
from node.config import PeerConfig
from node.network import net as net_module
from node.network import wire
from node.network.links import Callbacks, Identity
from node.network.net import Inbound, Net
from node.storage.event_log import Pair
from node.storage.store import Store
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    receive,
    submit,
    tick,
    transfer,
)
from tests.waiting import wait_until


@dataclass
class FakeLinks:
    """Keeps what was sent; room is how many more frames a queue takes."""

    tell: Callbacks
    room: int = 1_000
    sent: list[tuple[str, wire.Message]] = field(default_factory=list)

    def send(self, peer: str, frame: bytes) -> bool:
        """Return whether there was room."""
        if self.room > 0:
            self.room -= 1
            self.sent.append((peer, wire.decode(frame)))
            return True
        return False

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Bench:
    """hosta's network with two peers, hostb and hostc, and a chain that signs nothing.

    clock: what both clocks show next; taken: when blocks were, by the network's word.
    """

    net: Net
    links: FakeLinks
    chain: Chain
    loop: asyncio.AbstractEventLoop
    clock: Iterator[int]
    taken: list[Pair | None]
    amount: int = 0

    def up(self, peer: str) -> None:
        """Have the connection to peer stand."""
        self.links.tell.on_link(peer, True, "")

    def down(self, peer: str) -> None:
        """Break the connection to peer."""
        self.links.tell.on_link(peer, False, "connection_lost")

    def hello(self, peer: str, *, linked: tuple[str, ...] = (), like: Chain | None = None) -> None:
        """Have peer say where it is: by default where we are."""
        chain = self.chain if like is None else like
        head, lib = chain.head, chain.lib
        said = wire.Hello(
            chain.chain_id, peer.encode()[:5] + b"abc", head.num, head.id, head.slot,
            lib.num, lib.id, list(linked),
        )  # fmt: skip
        self.links.tell.on_frame(peer, wire.encode(said))

    def take(self, source: str | None = None) -> bytes:
        """Return the id of a transaction that was just taken and passed on."""
        self.amount += 1
        made = transfer(self.chain, self.amount)
        if source is not None:
            self.links.tell.on_frame(source, wire.encode(wire.TxBodies([made.raw])))
        submit(self.chain, made, slot=START_SLOT, peer=source)
        self.net.relay([made], source)
        return made.id

    def got(self, peer: str) -> list[bytes]:
        """Return the ids of the transactions peer was sent since the last look."""
        self.net.flush()
        frames = [m for to, m in self.links.sent if to == peer and isinstance(m, wire.TxBodies)]
        self.links.sent = [(to, m) for to, m in self.links.sent if to != peer]
        raws = [raw for frame in frames for raw in frame.raws]
        return [decode_transaction(raw, EosioTransactions()).id for raw in raws]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Yield a network whose peers are linked and have nothing to come."""

    def fake(*args: Any) -> FakeLinks:
        return FakeLinks(args[-1])

    monkeypatch.setattr(net_module, "Links", fake)
    chain = make_chain(make_genesis())
    store = Store(tmp_path, chain.chain_id)
    loop = asyncio.new_event_loop()
    noted: list[Transaction] = []
    clock, taken = count(), list[Pair | None]()
    inbound = Inbound(
        take_block=lambda *told: taken.append(told[3]), emit=lambda _: None,
        take_transactions=lambda raws, peer: noted.extend(made.net.first_seen(peer, raws)),
        mono_ns=lambda: 0, wall_ns=lambda: chain.slot_clock.time_ns(START_SLOT),
        pair=lambda: (now := next(clock), now),
    )  # fmt: skip
    identity = Identity(listen="", port=0, secret=b"", public=b"", frame_bytes_max=1 << 21)
    peers = [
        PeerConfig(host=host, address="127.0.0.1", curve_public="") for host in ("hostb", "hostc")
    ]
    with zmq.Context() as context:
        net = Net(
            loop, context, host="hosta", identity=identity, peers=peers, chain=chain, store=store,
            inbound=inbound,
        )  # fmt: skip
        assert isinstance(net._links, FakeLinks)
        made = Bench(net, net._links, chain, loop, clock, taken)
        for host in ("hostb", "hostc"):
            made.up(host)
            made.hello(host)
        yield made
        net.close()
    store.close()
    loop.close()


def test_what_was_taken_before_and_during_the_loss_of_a_link_is_offered_once_after_it(
    bench: Bench,
) -> None:
    on_the_way = bench.take()
    assert bench.got("hostb") == [on_the_way]
    bench.down("hostb")
    during = bench.take()
    bench.up("hostb")
    assert bench.got("hostb") == []
    bench.hello("hostb")
    assert bench.got("hostb") == [on_the_way, during]
    bench.hello("hostb")
    assert bench.got("hostb") == []
    assert bench.got("hostc") == [on_the_way, during]


def test_a_hello_that_came_before_our_own_link_stands_counts_once_it_does(bench: Bench) -> None:
    bench.down("hostb")
    waiting = bench.take()
    bench.hello("hostb")
    assert bench.got("hostb") == []
    bench.up("hostb")
    assert bench.got("hostb") == [waiting]


def test_what_a_full_queue_refused_is_offered_as_soon_as_there_is_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MAX_BODIES", 2)
    bench.links.room = 0
    refused = [bench.take() for _ in range(5)]
    assert bench.got("hostb") == bench.got("hostc") == []
    bench.links.room = 1
    bench.hello("hostb")
    assert bench.got("hostb") == refused[:2]
    bench.links.room = 1_000
    bench.hello("hostb")
    assert bench.got("hostb") == refused[2:]


def test_what_is_taken_together_goes_in_one_frame_a_peer(bench: Bench) -> None:
    taken = [bench.take() for _ in range(5)]
    assert not any(isinstance(m, wire.TxBodies) for _, m in bench.links.sent)
    bench.net.flush()
    bodies = [(to, len(m.raws)) for to, m in bench.links.sent if isinstance(m, wire.TxBodies)]
    assert bodies == [("hostb", 5), ("hostc", 5)]
    assert bench.got("hostb") == bench.got("hostc") == taken


def test_what_is_gathered_goes_by_itself_a_moment_later(bench: Bench) -> None:
    bench.take()

    def went() -> bool:
        bench.loop.run_until_complete(asyncio.sleep(0))
        told = [to for to, m in bench.links.sent if isinstance(m, wire.TxBodies)]
        return told == ["hostb", "hostc"]

    wait_until(went, "the frames")


def test_nothing_is_offered_before_peer_and_we_have_the_same_blocks(bench: Bench) -> None:
    ahead = make_chain(make_genesis(), ["producera"], enable_stale_production=True)
    bench.down("hostb")
    waiting = bench.take()
    bench.up("hostb")
    (block,) = blocks_of(tick(ahead, START_SLOT))
    bench.hello("hostb", like=ahead)
    assert bench.got("hostb") == []
    receive(bench.chain, block)
    bench.hello("hostb", like=ahead)
    assert bench.got("hostb") == [waiting]


def test_a_transaction_goes_to_who_its_source_does_not_reach_or_reaches_no_more(
    bench: Bench,
) -> None:
    bench.hello("hostb", linked=("hosta", "hostc"))
    first = bench.take("hostb")
    assert bench.got("hostc") == []
    bench.hello("hostb", linked=("hosta",))
    second = bench.take("hostb")
    assert bench.got("hostc") == [second]
    bench.hello("hostc")
    assert bench.got("hostc") == [first]
    assert bench.got("hostb") == []


def test_a_block_is_told_with_when_its_frame_was_taken_and_only_once(bench: Bench) -> None:
    maker = make_chain(make_genesis(), ("producera",))
    (block,) = blocks_of(tick(maker, START_SLOT))
    before = next(bench.clock)
    for peer in ("hostb", "hostc"):
        bench.links.tell.on_frame(peer, wire.encode(wire.BlockBody(maker.codec.encode(block))))
    assert bench.taken == [(before + 1, before + 1), None]
