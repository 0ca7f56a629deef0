"""A BitShares chain that starts from a snapshot is the chain that replayed everything."""

from __future__ import annotations

from node.chain import snapshot
from node.chain.profiles import build
from tests.unit.node_bitshares.world import START_SLOT, bitshares_genesis
from tests.unit.node_chain.builders import blocks_of, make_chain, producer_names, receive, tick

GENESIS = bitshares_genesis(4)
PROFILE = build(GENESIS)


def test_a_snapshot_and_the_blocks_after_it_give_the_same_state_as_a_replay() -> None:
    full = make_chain(GENESIS, producer_names(4), enable_stale_production=True)
    blocks = []
    for slot in range(START_SLOT, START_SLOT + 60):
        blocks += blocks_of(tick(full, slot))
    assert full.lib.num > 40
    raw = snapshot.encode(full.snapshot(), chain_id=full.chain_id)
    twin = make_chain(GENESIS, snapshot=snapshot.decode(raw, PROFILE))
    assert twin.head.num == full.lib.num
    for block in blocks:
        receive(twin, block)
    assert twin.head == full.head
    assert twin.lib == full.lib
    assert twin.state_digest == full.state_digest
    assert twin.schedule == full.schedule
