"""What a node denies to have is in no answer of its, nor what stands on it."""

from __future__ import annotations

from pathlib import Path

from node.network import wire
from node.network.peer_answers import Answers
from node.storage.database import StoredBlock
from node.storage.store import Store
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    producer_names,
    tick,
)


def test_peers_are_shown_the_chain_up_to_what_is_denied(tmp_path: Path) -> None:
    chain = make_chain(make_genesis(producers=4, blocks_per_turn=2), producer_names(4)[:2])
    store = Store(tmp_path, chain.chain_id)
    made = [block for slot in range(4) for block in blocks_of(tick(chain, START_SLOT + slot))]
    raws = [chain.codec.encode(block) for block in made]
    for block, raw in zip(made, raws, strict=True):
        store.put(StoredBlock(num=block.num, id=block.id, previous=block.previous, raw=raw))
    asked = wire.SyncRequest(7, [chain.genesis.id])
    for count in range(5):  # so many are not denied, though what is on top of that may be shown
        denied = {made[count].id} if count < 4 else set[bytes]()
        answers = Answers(chain, store, bytes_max=1 << 20, hides=denied.__contains__)
        assert answers.following(asked) == wire.SyncBlocks(7, raws[:count], False, False)
        shown = [raw for block in made if (raw := answers.raw(block.id)) is not None]
        assert shown == [raw for n, raw in enumerate(raws) if n != count]
        top = made[2] if count == 3 else made[3]
        assert answers.shown_head() == (top.num, top.id)
    every = Answers(chain, store, bytes_max=1 << 20, hides={b.id for b in made}.__contains__)
    assert every.shown_head() == (chain.genesis.num, chain.genesis.id)
