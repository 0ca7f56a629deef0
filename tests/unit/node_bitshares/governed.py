"""Builders for BitShares chains that change their witnesses by votes, and their parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from node.chain.bitshares.announcement import Decided
from node.chain.bitshares.contracts.rows import IN_FORCE, PARAMETERS
from node.chain.bitshares.contracts.voting.create_witness import CreateWitness
from node.chain.bitshares.contracts.voting.update_witness import UpdateWitness
from node.chain.bitshares.contracts.voting.vote import Vote
from node.chain.bitshares.header import BlockHeader
from node.chain.bitshares.profile import BitsharesProfile
from node.chain.bitshares.witness_state import WitnessState
from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key, sign
from node.chain.genesis import Genesis
from node.chain.model.bitshares_rules import CommitteeRules
from node.chain.model.block import SignedBlock
from node.chain.model.transaction import Transaction
from tests.unit.node_bitshares.proposing import MAINTENANCE_S, asked
from tests.unit.node_bitshares.world import START_SLOT, bitshares_genesis
from tests.unit.node_chain.builders import (
    accounts,
    blocks_of,
    make_chain,
    producer_names,
    secret,
    signed,
    submit,
    tick,
)

NAMES = producer_names(4)
EVERYBODY = [*NAMES, "usera", "userb"]
"""Four witnesses of the genesis, 1.6.1 to 1.6.4; accounts that may become 1.6.5 and 1.6.6."""


def governed_genesis(**options: object) -> Genesis:
    """Return a genesis of four witnesses with maintenance each 20 s, who are the committee, too.

    They are accounts without a stake; users a to d own 1,000 each. A proposal is reviewed for 1 s
    more than a maintenance interval.
    """
    rules: dict[str, Any] = {"maintenance_interval_s": MAINTENANCE_S, **options}
    review_s = rules["maintenance_interval_s"] + 1
    periods = CommitteeRules(review_period_s=review_s, max_proposal_lifetime_s=20 * review_s)
    genesis = bitshares_genesis(4, **{"committee": periods, **rules})
    witnesses = accounts(dict.fromkeys(NAMES, 0))
    return msgspec.structs.replace(genesis, accounts=[*witnesses, *genesis.accounts])


GENESIS = governed_genesis()
PROFILE = BitsharesProfile.of(GENESIS)


def maker(genesis: Genesis = GENESIS) -> Chain:
    """Return a chain that signs for everybody."""
    return make_chain(genesis, EVERYBODY, enable_stale_production=True)


def elect(chain: Chain, names: Sequence[str]) -> list[Transaction]:
    """Return transactions by which these, an odd number, are elected at the next maintenance."""
    return [*newcomers(chain, names), vote(chain, "userc", names)]


def newcomers(chain: Chain, names: Sequence[str]) -> list[Transaction]:
    """Return the registrations of those who are no witnesses of the genesis."""
    return [
        signed(chain, CreateWitness(account=name, key=public_key(secret(name))))
        for name in names
        if name not in NAMES
    ]


def vote(chain: Chain, voter: str, names: Sequence[str], **more: Any) -> Transaction:
    """Return the transaction by which an account wants these witnesses and no others."""
    wanted = {"num_witness": len(names), **more}
    return signed(chain, Vote(account=voter, witnesses=tuple(names), **wanted))


def change_key(chain: Chain, name: str, owner: str) -> Transaction:
    """Return the transaction that lets a witness sign with another's key."""
    return signed(chain, UpdateWitness(account=name, key=public_key(secret(owner))))


def set_parameters(chain: Chain, **changes: int) -> list[Transaction]:
    """Return transactions by which the committee changes parameters, as soon as it can.

    They are judged after 4 s and the review, and in force at the maintenance after that.
    """
    now = chain._ledger.row(PARAMETERS, IN_FORCE)
    assert now is not None
    return asked(chain, NAMES, lifetime_s=now.review_period_s + 4, **changes)


def state_of(chain: Chain) -> WitnessState:
    """Return the state at the head."""
    state = chain._fork_db.head.state
    assert isinstance(state, WitnessState)
    return state


def grown(chain: Chain, seconds: int, *asked: Transaction) -> list[SignedBlock]:
    """Return the blocks of the next seconds; asked is sent to the chain before."""
    first = max(chain.head.slot + 1, START_SLOT)
    for transaction in asked:
        submit(chain, transaction, slot=first)
    return [
        block for slot in range(first, first + seconds) for block in blocks_of(tick(chain, slot))
    ]


def announced_in(blocks: Iterable[SignedBlock]) -> dict[int, Decided]:
    """Return by number what the headers of blocks announce."""
    found = {}
    for block in blocks:
        assert isinstance(block.header, BlockHeader)
        if block.header.announced is not None:
            found[block.num] = block.header.announced
    return found


def resigned(block: SignedBlock, announced: Decided | None, *, by: str = "") -> SignedBlock:
    """Return the block as its witness signs it with another announcement."""
    assert isinstance(block.header, BlockHeader)
    header = dataclasses.replace(block.header, announced=announced)
    signature = sign(secret(by or block.producer), header.digest())
    return SignedBlock(header, signature, block.transactions)


def by_headers(profile: BitsharesProfile, blocks: Iterable[SignedBlock]) -> WitnessState:
    """Return the state that headers alone give, from the genesis on."""
    state = profile.genesis_state
    for block in blocks:
        state = state.child(block.header).with_id(block.id)
    return state
