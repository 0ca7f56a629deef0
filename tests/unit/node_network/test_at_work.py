"""While a node builds a block it asks for none: what came would be dropped. After it, it asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.chain.chain import Chain
from node.chain.model.block import SignedBlock
from node.chain.model.messages import BlockReceived
from node.network import wire
from node.network.block_spread import BlockSpread, Outside
from node.network.catch_up import CatchUp
from node.network.gossip import RETRY_NS, Gossip, wait_ns
from node.network.peer_answers import Answers
from node.network.sync_rules import Tip
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    producer_names,
    tick,
)

NAMES = producer_names(4)
MINE = START_SLOT + 2
"""The first of two slots of the node's producer."""
MS = 1_000_000


@dataclass
class Bench:
    """A node of the second producer that lacks the first one's two blocks; time stands still."""

    loop: asyncio.AbstractEventLoop
    chain: Chain
    blocks: list[SignedBlock]
    now_ns: int = 0
    mono_ns: int = 0
    sent: list[wire.Message] = field(default_factory=list)

    def at(self, ms: int) -> None:
        """Have it be so many ms after work on the node's first block begins."""
        self.now_ns = self.chain.slot_clock.time_ns(MINE - 1) + ms * MS

    def take(self, peer: str, block: SignedBlock, raw: bytes) -> bool:
        """Give the chain a block; return whether it has it now."""
        event = BlockReceived(now_ns=self.now_ns, block=block, raw=raw, peer=peer)
        self.chain.step(event)
        return self.chain.has_block(block.id)

    def asked(self) -> list[type[wire.Message]]:
        """Return the kinds of what was sent since the last look."""
        found = [type(message) for message in self.sent]
        self.sent.clear()
        return found


@pytest.fixture
def bench() -> Iterator[Bench]:
    genesis = make_genesis(4, 2, timing="eosio2")
    others = make_chain(genesis, NAMES[:1], enable_stale_production=True)
    blocks = [blocks_of(tick(others, START_SLOT + i))[0] for i in range(2)]
    chain = make_chain(genesis, NAMES[1:2], enable_stale_production=True)
    loop = asyncio.new_event_loop()
    yield Bench(loop, chain, blocks)
    loop.close()


@pytest.fixture
def catch_up(bench: Bench) -> CatchUp:
    def send(peer: str, message: wire.Message) -> bool:
        bench.sent.append(message)
        return True

    made = CatchUp(
        bench.loop, bench.chain, send=send, take_block=bench.take, emit=lambda _: None,
        mono_ns=lambda: bench.mono_ns, wall_ns=lambda: bench.now_ns,
    )  # fmt: skip
    last = bench.blocks[-1]
    tip = Tip(head_num=last.num, head_id=last.id, lib_num=0)
    made.sync.saw("hostb", tip, known=False, now_ns=0)
    made.sync.nudge("hostb")
    return made


def test_what_is_missing_is_asked_for_when_the_own_block_is_out(
    bench: Bench, catch_up: CatchUp
) -> None:
    for ms in (0, 399):
        bench.at(ms)
        catch_up.poll()
        assert bench.asked() == []
    bench.at(400)
    catch_up.poll()
    assert bench.asked() == [wire.SyncRequest]


def test_the_rest_of_an_answer_that_meets_work_is_asked_for_again(
    bench: Bench, catch_up: CatchUp
) -> None:
    bench.at(-1)
    catch_up.poll()
    assert bench.asked() == [wire.SyncRequest]
    bench.at(0)
    raws = [bench.chain.codec.encode(block) for block in bench.blocks]
    catch_up.take("hostb", wire.SyncBlocks(1, raws, False, False))
    assert not catch_up.feeding
    assert bench.chain.head == bench.chain.genesis
    bench.at(400)
    bench.mono_ns = 10_000 * MS
    catch_up.poll()
    assert bench.asked() == [wire.SyncRequest]


def spread(bench: Bench, gossip: Gossip, loop: Any) -> BlockSpread:
    """Return what asks for announced blocks, on a loop."""

    def send(peer: str, frame: bytes) -> bool:
        bench.sent.append(wire.decode(frame))
        return True

    nobody = SimpleNamespace(raw=lambda _: None)
    outside = Outside(
        send=send, ready=lambda: ["hostb"], take_block=lambda *_: None, flush=lambda: None,
        mono_ns=lambda: bench.mono_ns, wall_ns=lambda: bench.now_ns,
    )  # fmt: skip
    return BlockSpread(loop, bench.chain, gossip, cast(Answers, nobody), outside, bytes_max=1 << 20)


def test_an_announced_block_is_asked_for_when_the_own_block_is_out(bench: Bench) -> None:
    gossip = Gossip("hosta")
    made = spread(bench, gossip, bench.loop)
    bench.at(399)
    gossip.announced("hostb", bench.blocks[0].id, 0)
    bench.mono_ns = 1_000 * MS
    made._ask()
    assert bench.asked() == []
    bench.at(400)
    while not bench.sent:
        bench.loop.run_until_complete(asyncio.sleep(0))
    assert bench.asked() == [wire.Want]
    made.close()


def test_a_block_just_announced_does_not_wait_for_the_next_try_of_another(bench: Bench) -> None:
    looks: list[float] = []
    loop = SimpleNamespace(call_later=lambda wait_s, _: looks.append(wait_s))
    gossip = Gossip("hosta")
    made = spread(bench, gossip, loop)
    bench.at(-1)
    gossip.announced("hostb", bench.blocks[0].id, -1_000 * MS)
    made._ask()
    assert bench.asked() == [wire.Want]
    gossip.announced("hostb", bench.blocks[1].id, 0)
    made.look()
    assert looks[0] == RETRY_NS / 1e9
    assert looks[1] == wait_ns("hosta", bench.blocks[1].id) / 1e9
