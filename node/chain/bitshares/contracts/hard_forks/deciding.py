"""Whether a hard fork happens: by stake, by what witnesses are ready for, and by time.

PROTOCOL C.15, a proposal of ours after Steem: graphene's happen by time alone, and nobody is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from node.chain.bitshares.contracts.hard_forks.rows import HARD_FORK_ROWS, HardForkRow, State
from node.chain.bitshares.contracts.rows import ACTIVE, IN_FORCE
from node.chain.bitshares.witness_state import WitnessState
from node.chain.bitshares.words.words import NO_SUPPORT
from node.chain.model.bitshares_rules import HARD_FORKS
from node.chain.model.operation import OpenBlock
from node.events import HardForkChanged

NOTHING = HardForkRow()
"""Of a hard fork that has no row yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How many of the active witnesses said so in their newest blocks."""

    ready: int
    urgent: int
    witnesses: int


@dataclass(frozen=True, slots=True)
class Votes:
    """The stake that approves of each hard fork, by id, and all stake there is."""

    approvals: Mapping[int, int]
    stake: int


def decided(before: HardForkRow, said: Said, *, counted: bool, is_due: bool) -> State:
    """Return what becomes of a hard fork in a block.

    before: what it was, with the votes as they were counted last; counted: whether that was in this
    block, at its maintenance, which alone schedules or clears. is_due: whether its time has come
    with the block, or had. More than half of all stake must be for it, and two thirds of the
    witnesses ready; or two thirds must want it at once. What is active stays so.
    """
    if before.state == "active" or 3 * said.urgent >= 2 * said.witnesses:
        return "active"
    now = before.state
    if counted:
        ready = 3 * said.ready >= 2 * said.witnesses
        now = "scheduled" if ready and 2 * before.approval > before.stake else "waiting"
    if is_due:
        return "active" if now == "scheduled" else "refused"
    return now


def decide(parent: WitnessState, block: OpenBlock, votes: Votes | None) -> None:
    """Decide on each hard fork in a child of parent; votes are counted at maintenance only."""
    rules = parent.rules
    for number, at_s in sorted(rules.options.hard_forks.times.items()):
        before = block.state.get(HARD_FORK_ROWS, number) or NOTHING
        counts = before.approval, before.stake
        if votes is not None:
            counts = votes.approvals.get(number, 0), votes.stake
        row = HardForkRow(state=before.state, approval=counts[0], stake=counts[1])
        said = _said(number, parent, block)
        is_due = rules.time_s(block.slot) >= rules.genesis_s + at_s
        now = decided(row, said, counted=votes is not None, is_due=is_due)
        after = HardForkRow(state=now, approval=row.approval, stake=row.stake)
        if after != before:
            block.state.put(HARD_FORK_ROWS, number, after)
        if now != before.state:
            block.facts.append(_told(number, after, said, block))


def _said(number: int, parent: WitnessState, block: OpenBlock) -> Said:
    active = block.state.get(ACTIVE, IN_FORCE)
    assert active is not None
    known = [parent.witnesses.get(witness) for witness in active.ids]
    support = [NO_SUPPORT if one is None else one.support for one in known]
    return Said(
        ready=sum(number in one.ready for one in support),
        urgent=sum(number in one.urgent for one in support),
        witnesses=len(active.ids),
    )


def _told(number: int, row: HardForkRow, said: Said, block: OpenBlock) -> HardForkChanged:
    return HardForkChanged(
        num=block.num,
        hard_fork=HARD_FORKS[number],
        state="cleared" if row.state == "waiting" else row.state,
        by_urgency=row.state == "active" and 3 * said.urgent >= 2 * said.witnesses,
        approval=row.approval,
        stake=row.stake,
        ready=said.ready,
        urgent=said.urgent,
        of_witnesses=said.witnesses,
    )
