"""Electing, before the transactions of each block: action `onblock` (PROTOCOL B.5, B.6)."""

from msgspec.structs import replace

from node.chain.eosio.contracts.set_producers import propose
from node.chain.eosio.contracts.voting.ranking import Ranking, rank, refusal
from node.chain.eosio.contracts.voting.rows import (
    ELECTION,
    PRODUCERS,
    RULES,
    THE_ONE,
    VOTED,
    Election,
    Outcome,
)
from node.chain.model.errors import Reason
from node.chain.model.fio_rules import FioRules
from node.chain.model.operation import OpenBlock
from node.chain.model.schedule import ProducerKey
from node.events import Activated, Elected


def update(parent_slot: int, block: OpenBlock) -> bool:
    """Elect, if enough have ever voted and the last check is so many slots before the parent.

    Return whether it was time to. That enough have voted is looked at here, once a block.

    Source: fio.contracts contracts/fio.system/src/producer_pay.cpp, onblock.
    """
    state = block.state
    rules = state.get(RULES, THE_ONE)
    if rules is None:
        return False
    election = state.get(ELECTION, THE_ONE)
    assert election is not None
    if not election.activated_s:
        voted = state.get(VOTED, THE_ONE) or 0
        if voted < rules.activation:
            return False
        election = replace(election, activated_s=block.time_s)
        state.put(ELECTION, THE_ONE, election)
        block.facts.append(Activated(num=block.num, weight=voted))
    is_due = parent_slot - election.checked_slot > rules.schedule_check_slots
    if is_due:
        _elect(block, rules, replace(election, checked_slot=parent_slot))
    return is_due


def _elect(block: OpenBlock, rules: FioRules, election: Election) -> None:
    """Propose the elected as the schedule, unless it would be shorter; tell what is new."""
    ranking = rank(block.state.rows(PRODUCERS), rules.elected)
    outcome = _propose(block, ranking, election.size)
    size = len(ranking.top) if outcome == "proposed" else election.size
    after = replace(election, top=ranking.top, outcome=outcome, size=size)
    block.state.put(ELECTION, THE_ONE, after)
    if outcome == "proposed" or (after.top, outcome) != (election.top, election.outcome):
        block.facts.append(_told(block, ranking, outcome))


def _propose(block: OpenBlock, ranking: Ranking, size: int) -> Outcome:
    why = refusal(ranking, size)
    if why is not None:
        return why
    rows = block.state.rows(PRODUCERS)
    refused = propose(tuple(ProducerKey(name, rows[name].key) for name in ranking.by_name), block)
    if refused is None:
        return "proposed"
    return "waits" if refused == Reason.PROPOSAL_WAITS else "unchanged"


def _told(block: OpenBlock, ranking: Ranking, outcome: Outcome) -> Elected:
    rows = block.state.rows(PRODUCERS)
    return Elected(
        num=block.num,
        outcome=outcome,
        producers=list(ranking.by_name),
        standby=list(ranking.standby),
        tally={name: rows[name].votes for name in (*ranking.top, *ranking.standby)},
        out={name: str(why) for name, why in sorted(ranking.out.items())},
    )
