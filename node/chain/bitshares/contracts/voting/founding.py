"""Who may be voted for, and who is active, when a chain begins."""

from node.chain.bitshares.contracts.rows import ACTIVE, IN_FORCE, ActiveWitnesses
from node.chain.bitshares.contracts.voting.rows import (
    COMMITTEE,
    MEMBERS,
    NUMBERS,
    WITNESSES,
    ActiveCommittee,
    Member,
    WitnessRow,
)
from node.chain.bitshares.roster import FIRST_WITNESS
from node.chain.bitshares.rules import Rules
from node.chain.state.state import State


def found(rules: Rules, state: State) -> None:
    """Write the candidates, all of whom are active, and alike in the committee, until votes count.

    Every producer of the genesis is a witness. Upstream nobody is in the committee until somebody
    has votes.
    """
    for number, name in enumerate(rules.names, start=FIRST_WITNESS):
        state.put(NUMBERS, name, number)
    for position, witness in enumerate(rules.witnesses):
        number = FIRST_WITNESS + position
        row = WitnessRow(number=number, position=position, key=witness.key)
        state.put(WITNESSES, witness.name, row)
    first = range(FIRST_WITNESS, FIRST_WITNESS + len(rules.witnesses))
    state.put(ACTIVE, IN_FORCE, ActiveWitnesses(tuple(first)))
    members = tuple(rules.options.voting.committee)
    for position, name in enumerate(members):
        state.put(MEMBERS, name, Member(position=position))
    committee = ActiveCommittee(
        active=members,
        members=tuple((name, 1) for name in members),
        threshold=len(members) // 2 + 1,
    )
    state.put(COMMITTEE, IN_FORCE, committee)
