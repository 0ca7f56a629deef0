"""Finality by the header transition alone: exact lags, quorums, schedule changes."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.eosio.finality import Tally, blocks_to_confirm, genesis_tally, next_tally
from node.chain.eosio.schedule_change import due_schedule, with_pending
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.schedule import ProducerKey, ProducerSchedule, Proposal
from node.chain.model.watermark import Watermark


def named(i: int) -> str:
    """Return the name of the producer at position i."""
    return f"p{chr(ord('a') + i)}"


def schedule(count: int, version: int = 0) -> ProducerSchedule:
    """Return a schedule of count producers in order."""
    return ProducerSchedule(version, tuple(ProducerKey(named(i), b"") for i in range(count)))


def start(count: int, blocks_per_turn: int) -> Tally:
    """Return the genesis tally, right before a full round."""
    slot = 10_000 * count * blocks_per_turn - 1
    return genesis_tally(slot=slot, schedule=schedule(count), blocks_per_turn=blocks_per_turn)


class Run:
    """A chain of tallies in which correct producers sign every slot but those of the silent."""

    def __init__(self, count: int, blocks_per_turn: int) -> None:
        self.tally = start(count, blocks_per_turn)
        self.first_slot = self.tally.slot + 1
        self.marks: dict[str, Watermark] = {}
        self.history = [self.tally]
        self.proposal: Proposal | None = None

    def slot(self, slot: int, silent: frozenset[str] = frozenset()) -> None:
        """Let slot pass."""
        head = self.tally
        name = head.producer_for(slot).name
        if name in silent:
            return
        child = next_tally(
            head, slot, blocks_to_confirm(head.num, head.lib_num, self.marks.get(name))
        )
        if self.proposal is not None and (due := due_schedule(head, slot, self.proposal)):
            child = with_pending(child, due)
            self.proposal = None
        self.marks[name] = Watermark(producer=name, num=child.num, slot=slot)
        self.tally = child
        self.history.append(child)

    def slots(self, count: int, silent: frozenset[str] = frozenset()) -> None:
        """Let count further slots pass."""
        first = max(self.tally.slot + 1, self.first_slot)
        for slot in range(first, first + count):
            self.slot(slot, silent)


def lags(run: Run, since: int) -> dict[int, tuple[int, int]]:
    """Return, by position in the turn, the lowest and highest lag in blocks to irreversibility."""
    found: dict[int, list[int]] = {}
    lib_num = 0
    for tally in run.history:
        for num in range(lib_num + 1, tally.lib_num + 1):
            if num >= since:
                position = run.history[num - 1].slot % tally.blocks_per_turn
                found.setdefault(position, []).append(tally.num - num)
        lib_num = max(lib_num, tally.lib_num)
    return {position: (min(values), max(values)) for position, values in found.items()}


@pytest.mark.parametrize("blocks_per_turn", [2, 3, 12])
@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7, 21])
def test_the_lag_of_each_position_is_twice_the_quorum_turns(
    count: int, blocks_per_turn: int
) -> None:
    run = Run(count, blocks_per_turn)
    period = count * blocks_per_turn
    run.slots(6 * period)
    quorum = 2 * count // 3 + 1
    expected = 2 * (quorum - 1) * blocks_per_turn
    assert lags(run, since=2 * period) == {
        i: (expected - i, expected - i) for i in range(blocks_per_turn)
    }


def test_one_block_a_turn_costs_a_whole_extra_turn() -> None:
    run = Run(21, 1)
    run.slots(6 * 21)
    assert lags(run, since=2 * 21) == {0: (29, 29)}
    assert {t.num - t.proposed_irb for t in run.history[60:]} == {14}


def test_one_producer_is_final_one_block_later() -> None:
    run = Run(1, 12)
    run.slots(60)
    assert {t.num - t.lib_num for t in run.history[5:]} == {1}
    assert {t.num - t.proposed_irb for t in run.history[5:]} == {0}


@pytest.mark.parametrize("count", [2, 3, 4, 7, 21])
def test_finality_goes_on_with_a_silent_third_and_stops_with_one_more(count: int) -> None:
    crash_limit = count - (2 * count // 3 + 1)
    for silent_count, moves in ((crash_limit, True), (crash_limit + 1, False)):
        run = Run(count, 2)
        run.slots(8 * count)
        before = run.tally.lib_num
        silent = frozenset(named(i) for i in range(silent_count))
        run.slots(12 * count, silent)
        # Confirmations given before the silence may still finish a few blocks.
        settled = run.tally.lib_num
        run.slots(12 * count, silent)
        assert (run.tally.lib_num > settled) is moves, silent_count
        assert before > 0


def test_a_restart_of_all_without_watermarks_freezes_finality_and_it_recovers() -> None:
    run = Run(21, 12)
    run.slots(4 * 252)
    run.marks.clear()
    restarted = len(run.history)
    run.slots(6 * 252)
    after = run.history[restarted:]
    longest = step = 0
    for before, tally in itertools.pairwise(after):
        step = step + 1 if tally.lib_num == before.lib_num else 0
        longest = max(longest, step)
    assert longest > 252
    assert max(tally.num - tally.lib_num for tally in after) > 2 * 336
    assert run.tally.num - run.tally.lib_num <= 336


@pytest.mark.parametrize(("count", "blocks_per_turn"), [(21, 12), (4, 12), (4, 2), (3, 3)])
def test_a_schedule_change_takes_two_finality_periods(count: int, blocks_per_turn: int) -> None:
    period, quorum = count * blocks_per_turn, 2 * count // 3 + 1
    for position in range(blocks_per_turn):
        run = Run(count, blocks_per_turn)
        run.slots(4 * period + position + 1)
        proposed_num = run.tally.num
        assert run.tally.slot % blocks_per_turn == position
        run.proposal = Proposal(proposed_num, schedule(count, version=1))
        while run.tally.active.version == 0:
            run.slots(1)
        assert run.tally.num - proposed_num == 4 * (quorum - 1) * blocks_per_turn - position
        assert run.tally.promoted
        assert run.tally.pending.schedule is None
        lib_num = run.tally.lib_num
        run.slots(3 * period)
        assert run.tally.lib_num > lib_num


def test_a_pending_schedule_is_refused_out_of_turn() -> None:
    run = Run(4, 2)
    run.slots(40)
    child = next_tally(run.tally, run.tally.slot + 1, 0)
    pending = with_pending(child, schedule(3, version=1))
    assert pending.pending.lib_num == child.num
    for bad, at in (
        (schedule(3, version=2), child),
        (schedule(0, version=1), child),
        (schedule(3, version=1), pending),
        (schedule(3, version=1), dataclasses.replace(child, promoted=True)),
        (ProducerSchedule(1, schedule(3).producers[::-1]), child),
    ):
        with pytest.raises(BlockRejected) as caught:
            with_pending(at, bad)
        assert caught.value.reason == Reason.BAD_NEW_PRODUCERS


def test_block_2_promotes_the_genesis_schedule_to_itself() -> None:
    child = next_tally(start(4, 2), start(4, 2).slot + 1, 0)
    assert child.promoted
    assert child.active == start(4, 2).active
    assert child.pending.digest == start(4, 2).pending.digest
    assert set(child.last_implied_irb) == {named(i) for i in range(4)}


@pytest.mark.parametrize(
    ("slot_step", "confirmed", "reason"),
    [
        (0, 0, Reason.SLOT_NOT_AFTER_PARENT),
        (-1, 0, Reason.SLOT_NOT_AFTER_PARENT),
        (8, 65_000, Reason.CONFIRMED_TOO_LARGE),
        (1, 1, Reason.DOUBLE_CONFIRM),
        (2, 8, Reason.DOUBLE_CONFIRM),
    ],
)
def test_a_header_that_breaks_the_transition_is_refused(
    slot_step: int, confirmed: int, reason: Reason
) -> None:
    run = Run(4, 2)
    run.slots(41)  # the head is the first block of a turn
    with pytest.raises(BlockRejected) as caught:
        next_tally(run.tally, run.tally.slot + slot_step, confirmed)
    assert caught.value.reason == reason


def test_confirming_up_to_the_own_last_block_is_allowed() -> None:
    run = Run(4, 2)
    run.slots(41)
    slot = run.tally.slot + 2
    name = run.tally.producer_for(slot).name
    last = run.tally.last_produced[name]
    confirmed = run.tally.num - last
    assert next_tally(run.tally, slot, confirmed).last_produced[name] == run.tally.num + 1


@pytest.mark.parametrize(
    ("head_num", "lib_num", "mark_num", "confirmed"),
    [
        (241, 0, None, 0),
        (241, 0, 1, 240),
        (241, 100, 1, 141),
        (241, 100, 241, 0),
        (241, 100, 300, 0),
        (100_000, 0, 1, 65_535),
    ],
)
def test_a_correct_producer_confirms_above_its_watermark_and_above_the_lib(
    head_num: int, lib_num: int, mark_num: int | None, confirmed: int
) -> None:
    mark = None if mark_num is None else Watermark(producer="p", num=mark_num, slot=0)
    assert blocks_to_confirm(head_num, lib_num, mark) == confirmed


@given(
    st.integers(1, 7),
    st.integers(1, 4),
    st.lists(st.frozensets(st.integers(0, 6), max_size=3), max_size=40),
)
def test_lib_never_decreases_and_never_passes_the_proposed(
    count: int, blocks_per_turn: int, silences: list[frozenset[int]]
) -> None:
    run = Run(count, blocks_per_turn)
    for silence in silences:
        run.slots(blocks_per_turn, frozenset(named(i) for i in silence))
    for before, after in itertools.pairwise(run.history):
        assert before.lib_num <= after.lib_num <= after.proposed_irb <= after.num
