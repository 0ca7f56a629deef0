"""A producer whose key changes signs with the old one until the schedule has the new one."""

from __future__ import annotations

import pytest

from node.chain.encoding.crypto import public_key, recover
from node.chain.eosio.contracts.set_producers import SetProducers
from node.chain.model.schedule import ProducerKey
from node.events import Abstained
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    of_kind,
    producer_names,
    secret,
    signed,
    submit,
    tick,
)

SYSTEM = secret("eosio")
GENESIS = make_genesis(system_key=public_key(SYSTEM).hex())
NAMES = producer_names(4)
NEW = secret("new")


@pytest.mark.parametrize("has_spare", [True, False])
def test_the_new_key_signs_from_the_block_that_the_schedule_has_it(has_spare: bool) -> None:
    spare = {"spare_keys": (NEW,)} if has_spare else {}
    chain = make_chain(GENESIS, NAMES, enable_stale_production=True, **spare)
    keys = {name: public_key(NEW if name == NAMES[0] else secret(name)) for name in NAMES}
    change = SetProducers(producers=tuple(ProducerKey(name, key) for name, key in keys.items()))
    used: list[bytes | None] = []
    refused: set[str] = set()
    for i in range(64):
        if i == 9:  # In the middle of the first one's turn.
            submit(chain, signed(chain, change, signers=("eosio",)), slot=START_SLOT + i)
        parent = chain._fork_db.head.state
        effects = tick(chain, START_SLOT + i)
        refused |= {record.reason for record in of_kind(effects, Abstained)}
        for block in blocks_of(effects):
            if block.producer == NAMES[0]:
                digest = parent.child(block.header).signing_digest
                used.append(recover(digest, block.signature))
    old, new = public_key(secret(NAMES[0])), public_key(NEW)
    # Active with the block before the last of its fourth turn: in the middle of a turn, too.
    assert used == [old] * 7 + [new] * (9 if has_spare else 0)
    assert refused == (set() if has_spare else {"wrong_key"})
