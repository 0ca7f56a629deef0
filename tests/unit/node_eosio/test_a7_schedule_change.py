"""Schedule change, step by step: each sentence of the rule is a test."""

from __future__ import annotations

import itertools

import pytest

from node.chain.eosio.schedule_change import due_schedule
from node.chain.model.schedule import Proposal
from tests.unit.node_eosio.rounds import Run, counted, named, quorum, schedule, silent


def steady(count: int = 4, blocks_per_turn: int = 2) -> Run:
    """Return a run after five rounds."""
    run = Run(count, blocks_per_turn)
    run.rounds(5)
    return run


def signers(run: Run, since: int) -> list[str]:
    """Return who signed the blocks above number since, in order."""
    pairs = itertools.pairwise(run.history[since - 1 :])
    return [before.producer_for(after.slot).name for before, after in pairs]


def test_a_proposal_becomes_pending_in_the_first_block_whose_own_lib_reaches_it() -> None:
    run = steady()
    proposed_num = run.propose(counted(3, version=1))
    run.until_active(1)
    announced = next(t for t in run.history if t.pending.lib_num > 0)
    assert announced.lib_num >= proposed_num > run.history[announced.num - 2].lib_num


def test_a_proposal_waits_while_the_parents_pending_schedule_is_not_empty() -> None:
    run = steady()
    run.propose(counted(3, version=1))
    while run.tally.pending.schedule is None:
        run.slots(1)
    waiting = Proposal(1, counted(2, version=2))
    while run.tally.pending.schedule is not None:
        assert due_schedule(run.tally, run.next_slot, waiting) is None
        run.slots(1)
    assert run.tally.promoted
    assert due_schedule(run.tally, run.next_slot, waiting) == waiting.schedule, "one block after"


def test_it_becomes_active_in_the_first_block_with_the_announcing_block_irreversible() -> None:
    run = steady()
    run.propose(counted(3, version=1))
    head = run.until_active(1)
    assert head.lib_num >= head.pending.lib_num > run.history[head.num - 2].lib_num


def test_the_promoting_block_is_signed_under_the_old_schedule_and_the_next_under_the_new() -> None:
    run = steady()
    run.propose(schedule("pb", "pc", "pd", "pe", version=1))
    head = run.until_active(1)
    parent = run.history[head.num - 2]
    assert parent.active.version == 0
    assert parent.producer_for(head.slot).name in parent.active.names
    run.slots(30)
    assert "pa" not in signers(run, head.num)
    assert "pe" in signers(run, head.num)


def test_the_turn_in_progress_may_be_given_to_somebody_else() -> None:
    found = set()
    for position in range(12):
        run = Run(4, 12)
        run.rounds(5)
        run.slots(position + 1)
        run.propose(schedule("pa", "pb", "pc", "pd", "pe", version=1))
        head = run.until_active(1)
        before = run.history[head.num - 2].producer_for(head.slot + 1).name
        found.add((head.slot % 12, before != head.producer_for(head.slot + 1).name))
    # Promotion is at the first block of a turn; the rest of that turn goes to another.
    assert found == {(0, True)}


def test_a_removed_producer_stops_at_once_in_the_middle_of_its_turn() -> None:
    stopped = False
    for position in range(8):
        run = Run(4, 12)
        run.rounds(5)
        run.slots(12 * (position % 4) + 1)
        for leaver in range(4):
            rest = [named(i) for i in range(5) if i != leaver]
            branch = run.fork()
            branch.propose(schedule(*rest, version=1))
            head = branch.until_active(1)
            signer = branch.history[head.num - 2].producer_for(head.slot).name
            branch.slots(48)
            assert named(leaver) not in signers(branch, head.num)
            stopped |= signer == named(leaver) and head.slot % 12 < 11
    assert stopped


def test_around_a_promotion_a_producer_may_get_1_to_24_slots_in_a_row() -> None:
    lengths = set()
    for turn, count, late in itertools.product(range(8), (3, 5, 7, 8), range(12)):
        run = Run(4, 12)
        run.rounds(5)
        run.slots(12 * turn + 1)
        run.propose(counted(count, version=1))
        ahead = run.fork()
        ahead.until_active(1)
        run.slots(ahead.next_slot - 1 - run.next_slot)
        run.slots(late, silent(*range(9)))  # nobody signs, so that C falls later in the turn
        head = run.until_active(1)
        run.slots(60)
        owners = [run.history[head.num - 2].producer_for(s).name for s in _slots(head.slot, -24)]
        owners += [head.producer_for(s).name for s in _slots(head.slot, 36)]
        lengths |= set([len(list(group)) for _, group in itertools.groupby(owners)][1:-1])
    assert (min(lengths), max(lengths)) == (1, 24)


def _slots(slot: int, count: int) -> range:
    """The slots up to slot and including it, or those after it."""
    return range(slot + 1 + count, slot + 1) if count < 0 else range(slot + 1, slot + 1 + count)


@pytest.mark.parametrize(("replaced", "waits"), [(1, False), (2, False), (3, True), (5, True)])
def test_with_more_than_a_third_replaced_lib_waits_for_the_newcomers(
    replaced: int, waits: bool
) -> None:
    run = steady(7, 2)
    kept = [named(i) for i in range(7 - replaced)]
    fresh = [f"px{chr(ord('a') + i)}" for i in range(replaced)]
    run.propose(schedule(*kept, *fresh, version=1))
    head = run.until_active(1)
    run.rounds(6, frozenset(fresh))
    assert (run.tally.lib_num == head.lib_num) is waits
    run.rounds(6)
    assert run.tally.lib_num > head.lib_num


def test_with_dead_newcomers_no_further_change_can_ever_become_active() -> None:
    run = steady(4, 2)
    run.propose(schedule("pa", "pb", "px", "py", version=1))
    run.until_active(1)
    dead = frozenset({"px", "py"})
    run.propose(schedule("pa", "pb", "pc", "pd", version=2))
    run.rounds(40, dead)
    assert run.tally.active.version == 1
    assert run.tally.pending.schedule is None


def test_a_change_is_not_final_on_either_side_of_a_split_and_does_not_activate() -> None:
    run = steady(4, 2)
    run.propose(counted(3, version=1))
    left, right = run.fork(), run.fork()
    left.rounds(8, silent(0, 1))
    right.rounds(8, silent(2, 3))
    for side in (left, right):
        assert side.tally.active.version == 0
    left.rounds(12)
    assert left.tally.active.version == 1


def test_a_chain_of_changes_raises_the_version_by_one_each() -> None:
    run = steady(4, 2)
    versions = []
    for version in range(1, 6):
        run.propose(counted(3 + version % 3, version=version))
        versions.append(run.until_active(version).active.version)
        run.rounds(2)
    assert versions == [1, 2, 3, 4, 5]
    assert run.tally.lib_num > run.tally.num - 4 * quorum(5) * 2
