"""Catching up in slices: what the links do between two of them ends no other request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from node.chain.chain import Chain
from node.chain.model.block import SignedBlock
from node.network import catch_up as module
from node.network import wire
from node.network.catch_up import CatchUp
from node.network.sync_rules import Tip
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    producer_names,
    receive,
    tick,
)


@dataclass
class Bench:
    """A node that is behind, and a chain of others; one block is applied a turn of the loop."""

    catch_up: CatchUp
    loop: asyncio.AbstractEventLoop
    chain: Chain
    ahead: Chain
    raws: list[bytes]
    sent: list[tuple[str, wire.Message]] = field(default_factory=list)

    def saw(self, *peers: str) -> None:
        """Have peers be as far as the others' chain."""
        for peer in peers:
            self.catch_up.sync.saw(peer, Tip.of(self.ahead), known=False, now_ns=0)

    def asked(self) -> list[tuple[str, int]]:
        """Return the requests sent since the last look."""
        found = [(to, m.request) for to, m in self.sent if isinstance(m, wire.SyncRequest)]
        self.sent.clear()
        return found

    def answer(self, peer: str, request: int, raws: list[bytes]) -> None:
        """Have peer answer, with nothing more to come."""
        self.catch_up.take(peer, wire.SyncBlocks(request, raws, False, False))

    def turn(self) -> None:
        """Let the loop do what is due now."""
        self.loop.run_until_complete(asyncio.sleep(0))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(module, "SLICE_NS", 0)
    genesis = make_genesis()
    ahead = make_chain(genesis, producer_names(4), enable_stale_production=True)
    blocks: list[SignedBlock] = []
    for slot in range(START_SLOT, START_SLOT + 8):
        blocks += blocks_of(tick(ahead, slot))
    chain = make_chain(genesis)
    sent: list[tuple[str, wire.Message]] = []

    def send(peer: str, message: wire.Message) -> bool:
        sent.append((peer, message))
        return True

    def take(peer: str, block: SignedBlock, raw: bytes) -> bool:
        receive(chain, block)
        return chain.has_block(block.id)

    loop = asyncio.new_event_loop()
    catch_up = CatchUp(
        loop, chain, send=send, take_block=take, emit=lambda record: None,
        mono_ns=lambda: 0, wall_ns=lambda: 0,
    )  # fmt: skip
    raws = [ahead.codec.encode(block) for block in blocks]
    yield Bench(catch_up, loop, chain, ahead, raws, sent)
    loop.close()


def test_a_peer_lost_between_two_slices_of_its_answer_ends_no_request_to_the_next(
    bench: Bench,
) -> None:
    bench.saw("hostb", "hostc")
    bench.catch_up.poll()
    (first,) = bench.asked()
    bench.answer(first[0], first[1], bench.raws[:3])
    assert bench.catch_up.feeding
    bench.catch_up.sync.gone(first[0])
    bench.catch_up.poll()
    assert bench.asked() == []
    while bench.catch_up.feeding:
        bench.turn()
    (second,) = bench.asked()
    assert second[0] != first[0]
    bench.answer(second[0], second[1], bench.raws[3:])
    while bench.catch_up.feeding:
        bench.turn()
    assert bench.chain.head.id == bench.ahead.head.id


def test_a_peer_that_comes_back_within_its_own_answer_is_asked_for_the_rest(bench: Bench) -> None:
    bench.saw("hostb")
    bench.catch_up.poll()
    (first,) = bench.asked()
    bench.answer(first[0], first[1], bench.raws[:3])
    bench.catch_up.sync.gone("hostb")
    bench.saw("hostb")
    while bench.catch_up.feeding:
        bench.turn()
    (second,) = bench.asked()
    bench.answer(second[0], second[1], bench.raws[3:])
    while bench.catch_up.feeding:
        bench.turn()
    assert bench.chain.head.id == bench.ahead.head.id
