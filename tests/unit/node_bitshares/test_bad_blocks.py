"""Crafted blocks under the BitShares rules: each is refused with the right reason."""

from __future__ import annotations

import pytest

from node.byzantine import strategies
from node.byzantine.forging import Memory, Self
from node.chain.model.block import SignedBlock
from node.chain.model.messages import Broadcast, RequestSync
from node.chain.profiles import build
from node.events import Rejected as Refused
from tests.unit.node_bitshares.world import bitshares_genesis
from tests.unit.node_chain.builders import (
    Net,
    notices,
    producer_names,
    receive,
    secret,
    submit,
    tick,
    transfer,
)

GENESIS = bitshares_genesis()
REASONS = {
    "with_a_foreign_signature": "bad_signature",
    "with_a_wrong_root": "bad_transaction_mroot",
    "with_a_bad_transaction": "invalid_transactions",
}


def next_block(net: Net, slot: int) -> tuple[SignedBlock, Memory]:
    """Return the block that n1, who signs for all, makes in slot, and what it remembers."""
    keys = {name: secret(name) for name in producer_names(4)}
    memory = Memory(Self(host="n1", genesis=GENESIS, profile=build(GENESIS), keys=keys))
    for effect in net.log["n1"]:
        memory.note(effect)
    effects = tick(net.chains["n1"], slot)
    for effect in effects:
        memory.note(effect)
    (block,) = [effect.block for effect in effects if isinstance(effect, Broadcast)]
    return block, memory


@pytest.mark.parametrize("spoil", strategies.SPOILERS, ids=lambda spoil: spoil.__name__)
def test_a_crafted_block_is_refused_with_the_right_reason(spoil: object) -> None:
    net = Net(GENESIS, {"n1": producer_names(4), "n2": []})
    first = GENESIS.initial_slot + 1
    net.run(first, first + 5)
    head_id = net.chains["n1"].head.id
    payment = transfer(net.chains["n1"], ref=head_id)
    net.log["n1"] += submit(net.chains["n1"], payment, slot=first + 6)
    block, memory = next_block(net, first + 6)
    bad = spoil(block, memory)  # type: ignore[operator]
    name = spoil.__name__  # type: ignore[attr-defined]
    if bad is None:
        assert name == "with_a_changed_header"  # There is no field it could change.
        return
    victim = net.chains["n2"]
    head = victim.head
    effects = receive(victim, bad)
    assert victim.head == head
    if name == "on_an_unknown_parent":
        assert [type(effect) for effect in effects] == [RequestSync]
    else:
        assert [r.reason for r in notices(effects) if isinstance(r, Refused)] == [REASONS[name]]
    receive(victim, block)
    assert victim.head.id == block.id
