"""A privileged transaction proposes a schedule: proposed, announced, active; refusals; undo."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key, sign
from node.chain.eosio.contracts.set_producers import PROPOSALS, WAITING
from node.chain.eosio.header import BlockHeader
from node.chain.genesis import check
from node.chain.model.block import SignedBlock
from node.chain.model.errors import GenesisError, Reason
from node.chain.model.messages import Effect
from node.chain.model.transaction import Transaction
from node.chain.profiles import build
from node.events import Abstained, Rejected, Schedule, Txs
from tests.unit.node_chain.builders import (
    START_SLOT,
    Net,
    blocks_of,
    make_chain,
    make_genesis,
    of_kind,
    producer_names,
    receive,
    secret,
    submit,
    tick,
)
from tests.unit.node_eosio.proposals import set_producers

SYSTEM = secret("eosio")
GENESIS = make_genesis(system_key=public_key(SYSTEM).hex())
NAMES = producer_names(4)


def running(slots: int) -> Chain:
    """Return a chain that signs for everybody, after so many slots."""
    chain = make_chain(GENESIS, [*NAMES, "producere"], enable_stale_production=True)
    for i in range(slots):
        tick(chain, START_SLOT + i)
    return chain


def schedules(effects: list[Effect]) -> list[tuple[str, int, int, int]]:
    """Return (state, version, block, number of producers) of the schedule notices."""
    return [
        (record.state, record.version, record.num, len(record.producers))
        for record in of_kind(effects, Schedule)
        if isinstance(record, Schedule)
    ]


def refusal(chain: Chain, transaction: Transaction) -> str:
    """Return why the chain refuses a transaction from its client, "" if it does not."""
    effects = submit(chain, transaction, slot=chain.head.slot)
    (told,) = of_kind(effects, Txs)
    return told.reason


def test_a_schedule_is_proposed_then_announced_then_active_when_each_is_irreversible() -> None:
    chain = running(25)
    assert refusal(chain, set_producers(chain, *NAMES[:3])) == ""
    told: list[tuple[str, int, int, int]] = []
    headers: dict[int, BlockHeader] = {}
    effects: list[Effect] = []
    for i in range(25, 60):
        effects = tick(chain, START_SLOT + i)
        told += schedules(effects)
        for block in blocks_of(effects):
            assert isinstance(block.header, BlockHeader)
            headers[block.num] = block.header
    # Position 1 of its turn, Q = 3: announced after 2*2*2 - 1, active after 4*2*2 - 1 blocks.
    assert told == [("proposed", 1, 27, 3), ("pending", 1, 34, 3), ("active", 1, 42, 3)]
    announcing = headers[34].new_producers
    assert announcing is not None
    assert (announcing.version, announcing.names) == (1, tuple(NAMES[:3]))
    assert [num for num, header in headers.items() if header.new_producers] == [34]
    assert headers[42].schedule_version == 0
    assert headers[43].schedule_version == 1
    assert chain.schedule == tuple(NAMES[:3])


@pytest.mark.parametrize(("at", "announces"), [(30, True), (32, False)])
def test_a_header_that_announces_otherwise_than_the_state_says_is_refused(
    at: int, announces: bool
) -> None:
    maker, follower = running(0), make_chain(GENESIS)
    for i in range(at):
        if i == 25:
            submit(maker, set_producers(maker, *NAMES[:3]), slot=START_SLOT + i)
        (block,) = blocks_of(tick(maker, START_SLOT + i))
        receive(follower, block)
    parent, proposal = maker._fork_db.head.state, maker._ledger.row(PROPOSALS, WAITING)
    assert proposal is not None
    (block,) = blocks_of(tick(maker, START_SLOT + at))
    assert isinstance(block.header, BlockHeader)
    assert (block.header.new_producers is None) is announces
    lie = dataclasses.replace(block.header, new_producers=proposal.schedule if announces else None)
    digest = parent.child(lie).signing_digest
    bad = SignedBlock(lie, sign(secret(lie.producer), digest), block.transactions)
    (rejected,) = of_kind(receive(follower, bad), Rejected)
    assert rejected.reason == Reason.CONTENT_MISMATCH


def test_the_current_schedule_an_empty_one_and_an_unsorted_one_are_refused() -> None:
    chain = running(25)
    assert refusal(chain, set_producers(chain, *NAMES)) == Reason.SAME_PRODUCERS
    assert refusal(chain, set_producers(chain)) == Reason.BAD_PRODUCERS
    assert refusal(chain, set_producers(chain, *NAMES[::-1])) == Reason.BAD_PRODUCERS
    twice = set_producers(chain, NAMES[0], NAMES[0])
    assert refusal(chain, twice) == Reason.BAD_PRODUCERS


def test_only_the_system_accounts_key_may_propose_and_only_where_genesis_names_one() -> None:
    chain = running(25)
    forged = set_producers(chain, *NAMES[:3], signer="usera")
    assert refusal(chain, forged) == Reason.BAD_SIGNATURE
    without = make_chain(make_genesis(), NAMES, enable_stale_production=True)
    tick(without, START_SLOT)
    assert refusal(without, set_producers(without, *NAMES[:3])) == Reason.UNKNOWN_ACCOUNT


def test_while_a_proposal_of_an_earlier_block_waits_another_is_refused() -> None:
    chain = running(25)
    submit(chain, set_producers(chain, *NAMES[:3]), slot=START_SLOT + 25)
    tick(chain, START_SLOT + 25)
    assert refusal(chain, set_producers(chain, *NAMES[:2])) == Reason.PROPOSAL_WAITS


def test_in_the_same_block_a_different_list_replaces_the_proposal_and_the_same_is_refused() -> None:
    chain = running(25)
    for names in (NAMES[:3], NAMES[:2]):
        assert refusal(chain, set_producers(chain, *names)) == ""
    assert refusal(chain, set_producers(chain, *NAMES[:2], lives_s=70)) == Reason.SAME_PRODUCERS
    tick(chain, START_SLOT + 25)
    waiting = chain._ledger.row(PROPOSALS, WAITING)
    assert waiting is not None
    assert (waiting.block_num, waiting.schedule.names) == (chain.head.num, tuple(NAMES[:2]))
    assert waiting.schedule.version == 1


def test_after_the_announcement_the_pending_schedule_is_the_one_compared_with() -> None:
    chain = running(25)
    submit(chain, set_producers(chain, *NAMES[:3]), slot=START_SLOT + 25)
    for i in range(25, 34):
        tick(chain, START_SLOT + i)
    assert refusal(chain, set_producers(chain, *NAMES[:3])) == Reason.SAME_PRODUCERS
    assert refusal(chain, set_producers(chain, *NAMES)) == ""
    tick(chain, START_SLOT + 34)
    waiting = chain._ledger.row(PROPOSALS, WAITING)
    assert waiting is not None
    assert waiting.schedule.version == 2, "the pending one's plus 1"


def test_a_switch_away_undoes_the_proposal_and_the_transaction_waits_again() -> None:
    chain = running(25)
    rival = make_chain(GENESIS, NAMES, enable_stale_production=True)
    for i in range(25):
        for block in blocks_of(tick(rival, START_SLOT + i)):
            assert block.id in chain.branch_ids(1)
    submit(chain, set_producers(chain, *NAMES[:3]), slot=START_SLOT + 25)
    before = chain.state_digest
    tick(chain, START_SLOT + 25)
    assert chain._ledger.row(PROPOSALS, WAITING) is not None
    for i in (40, 41):
        (block,) = blocks_of(tick(rival, START_SLOT + i))
        receive(chain, block)
    assert chain.head.id == rival.head.id
    assert chain._ledger.row(PROPOSALS, WAITING) is None
    assert len(chain.mempool) == 1
    assert chain.state_digest == rival.state_digest != before


def test_a_net_changes_its_schedule_and_goes_on_finalizing() -> None:
    owners = {f"n{i}": [name] for i, name in enumerate([*NAMES, "producere"])}
    net = Net(GENESIS, owners)  # type: ignore[arg-type]
    for i in range(120):
        if i == 25:
            chain = net.chains["n0"]
            net.submit("n0", set_producers(chain, *NAMES[1:], "producere"), START_SLOT + i)
        net.slot(START_SLOT + i)
    heads = {chain.head for chain in net.chains.values()}
    assert len(heads) == 1
    for chain in net.chains.values():
        assert chain.schedule == (*NAMES[1:], "producere")
        assert chain.head.num - chain.lib.num <= 8


def test_a_schedule_that_shrinks_to_a_dead_producer_waits_for_it_and_is_final_with_it() -> None:
    """Alone the other would sign blocks whose claim falls behind: nobody else would follow it."""
    net = Net(GENESIS, {f"n{i}": [name] for i, name in enumerate(NAMES)})
    dead, other = "n0", "n1"
    for i in range(150):
        if i == 25:
            net.submit(other, set_producers(net.chains[other], *NAMES[:2]), START_SLOT + i)
        if i == 30:
            net.down.add(dead)
        net.slot(START_SLOT + i)
    living = [chain for host, chain in net.chains.items() if host != dead]
    stood = living[0].head
    assert [chain.head for chain in living] == [stood] * 3
    assert living[0].schedule == tuple(NAMES[:2])
    told = of_kind(net.log[other], Abstained)
    assert {r.reason for r in told if isinstance(r, Abstained)} == {Reason.NOT_PREFERRED}

    net.down.clear()
    net.heal(START_SLOT + 150)
    net.run(START_SLOT + 151, START_SLOT + 190)
    assert len({chain.head for chain in net.chains.values()}) == 1
    for chain in net.chains.values():
        assert stood.id in chain.branch_ids(stood.num)
        assert chain.head.num - chain.lib.num <= 4
        assert chain.lib.num > stood.num


def test_the_system_key_makes_another_chain_and_must_be_a_key() -> None:
    assert build(GENESIS).chain_id != build(make_genesis()).chain_id
    for change in ({"system_key": "zz"}, {"system_key": "00" * 33}):
        with pytest.raises(GenesisError, match="system_key"):
            check(msgspec.structs.replace(GENESIS, **change))
