"""Judging the proposals that expire, after the maintenance of the same block (PROTOCOL C.12)."""

from collections.abc import Mapping
from typing import Literal

from node.chain.bitshares.contracts.committee.enforce import can_announce
from node.chain.bitshares.contracts.committee.quorum import agreed
from node.chain.bitshares.contracts.committee.rows import PROPOSALS, Proposal
from node.chain.bitshares.contracts.rows import FIRST, IN_FORCE, PARAMETERS, WAITING, rules_of
from node.chain.bitshares.contracts.voting.rows import COMMITTEE, ActiveCommittee
from node.chain.ledger.accounts import ACCOUNTS
from node.chain.model.operation import OpenBlock
from node.events import ProposalEnded

Outcome = Literal["executed", "unauthorized", "failed"]


def expire(block: OpenBlock, now_s: int) -> None:
    """End all proposals that expire by now_s, the time of the block: execute them, or not.

    In order of expiry, then of number. The committee of now judges, so that the approvals of who
    was voted out meanwhile count no more.

    Source: bitshares-core libraries/chain/db_update.cpp, clear_expired_proposals.
    """
    rows = block.state.rows(PROPOSALS)
    due = sorted((row.expires_s, number) for number, row in rows.items() if row.expires_s <= now_s)
    for _, number in due:
        _end(block, number)


def approving(
    proposal: Proposal, committee: ActiveCommittee, keys: Mapping[str, bytes]
) -> tuple[str, ...]:
    """Return who of the committee approves: as an account, or by the key it has now."""
    names, given = frozenset(proposal.approvals), frozenset(proposal.keys)
    return tuple(name for name, _ in committee.members if name in names or keys.get(name) in given)


def _end(block: OpenBlock, number: int) -> None:
    """Execute a proposal if the committee agreed and the chain can have it; remove it."""
    state = block.state
    proposal, committee = state.get(PROPOSALS, number), state.get(COMMITTEE, IN_FORCE)
    first = state.get(PARAMETERS, FIRST)
    assert proposal is not None
    assert committee is not None
    assert first is not None
    names = approving(proposal, committee, state.rows(ACCOUNTS))
    quorum = rules_of(state).committee.quorum
    outcome: Outcome = "unauthorized"
    if agreed(quorum, committee.members, committee.threshold, names):
        new = proposal.parameters
        possible = new.change_problem(first) is None and can_announce(new, state)
        outcome = "executed" if possible else "failed"
    if outcome == "executed":
        # One full set: what another proposal has put there is gone.
        state.put(PARAMETERS, WAITING, proposal.parameters)
    state.remove(PROPOSALS, number)
    block.facts.append(
        ProposalEnded(
            num=block.num, proposal=number, outcome=outcome, approved_by=list(names),
            committee=[name for name, _ in committee.members],
        )
    )  # fmt: skip
