"""Counting all votes at maintenance, and who is active from then on (PROTOCOL C.11)."""

from node.chain.bitshares.contracts.rows import (
    ACTIVE,
    IN_FORCE,
    ActiveWitnesses,
    in_force,
    rules_of,
)
from node.chain.bitshares.contracts.voting.authority import authority
from node.chain.bitshares.contracts.voting.counts import rule_for
from node.chain.bitshares.contracts.voting.ranking import elect
from node.chain.bitshares.contracts.voting.rows import (
    COMMITTEE,
    MEMBERS,
    NUMBERS,
    OPINIONS,
    WITNESSES,
    ActiveCommittee,
)
from node.chain.bitshares.contracts.voting.tally import Limits, Tally, tally
from node.chain.encoding.crypto import KEY_BYTES
from node.chain.encoding.pack import pack_varuint
from node.chain.ledger.accounts import BALANCES
from node.chain.model.operation import OpenBlock
from node.chain.model.schedule import MAX_PRODUCERS
from node.chain.state.state import State
from node.events import CommitteeElected, WitnessesElected

ROOM_BYTES = 512
"""Of a block, for everything but who is active, with their keys, and transactions."""


def count(block: OpenBlock, now_s: int) -> Tally:
    """Return what all votes come to, now_s being the block's time on the chain."""
    state, parameters = block.state, in_force(block.state)
    limits = Limits(parameters.max_witness_count, parameters.max_committee_count)
    rules = rules_of(state).voting
    return tally(state.rows(BALANCES), state.rows(OPINIONS), rules, limits, now_s=now_s)


def elect_witnesses(counted: Tally, block: OpenBlock) -> None:
    """Let the elected witnesses be the active ones after the block."""
    state, rows = block.state, block.state.rows(WITNESSES)
    most, room = in_force(state).max_witness_count, most_active(state)
    rule = rule_for("witness", rules_of(state).voting, most=most, room=room)
    positions = {name: row.position for name, row in rows.items()}
    found = elect(positions, counted.witnesses, counted.total, rule)
    active = ActiveWitnesses(tuple(sorted(rows[name].number for name in found.elected)))
    if state.get(ACTIVE, IN_FORCE) != active:
        state.put(ACTIVE, IN_FORCE, active)
    block.facts.append(
        WitnessesElected(
            num=block.num,
            witnesses=list(found.elected),
            tally=dict(found.votes),
            out=dict(found.out),
            stake=counted.total,
        )
    )


def elect_committee(counted: Tally, block: OpenBlock) -> None:
    """Let the elected members be the committee after the block, weighing what their votes say.

    While nobody has votes, what members weigh stays as it was.
    """
    state, most = block.state, in_force(block.state).max_committee_count
    rule = rule_for("committee", rules_of(state).voting, most=most, room=most)
    positions = {name: row.position for name, row in state.rows(MEMBERS).items()}
    found = elect(positions, counted.committee, counted.total, rule)
    before, new = state.get(COMMITTEE, IN_FORCE), authority(found.elected, found.votes)
    assert before is not None
    committee = ActiveCommittee(
        active=found.elected,
        members=before.members if new is None else new.members,
        threshold=before.threshold if new is None else new.threshold,
    )
    if committee != before:
        state.put(COMMITTEE, IN_FORCE, committee)
    block.facts.append(
        CommitteeElected(
            num=block.num,
            members=list(found.elected),
            weights=dict(committee.members),
            threshold=committee.threshold,
            tally=dict(found.votes),
            out=dict(found.out),
            stake=counted.total,
        )
    )


def most_active(state: State) -> int:
    """Return how many witnesses a header can announce as active, with a new key for each."""
    each = 2 * len(pack_varuint(len(state.rows(NUMBERS)))) + KEY_BYTES
    room_bytes = in_force(state).max_block_bytes - ROOM_BYTES
    return max(1, min(MAX_PRODUCERS, room_bytes // each))
