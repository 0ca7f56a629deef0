"""C.3 and C.14: slots counted from the head, maintenance and what it skips."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.bitshares.profile import BitsharesProfile
from node.chain.bitshares.witness_schedule import SlotCount
from node.chain.model.bitshares_rules import HardForkRules, MoneyRules, VotingRules
from node.chain.model.errors import BlockRejected, GenesisError
from node.chain.model.schedule import NOBODY
from node.events import Rejected
from tests.unit.node_bitshares.world import (
    NOTHING,
    NS_PER_S,
    START_SLOT,
    after,
    bitshares_genesis,
    bitshares_profile,
    full,
    skipping,
)
from tests.unit.node_chain.builders import (
    blocks_of,
    make_chain,
    of_kind,
    producer_names,
    receive,
    tick,
)

STATE = bitshares_profile(4).genesis_state


def reason(state, header):  # type: ignore[no-untyped-def]
    """Return the word a child with that header is refused with."""
    with pytest.raises(BlockRejected) as caught:
        state.child(header)
    return caught.value.reason


@pytest.mark.parametrize("interval_s", [1, 5, 7, 30])
def test_the_interval_is_1_to_30_s(interval_s: int) -> None:
    profile = bitshares_profile(4, interval_s=interval_s, maintenance_interval_s=interval_s * 100)
    grown = full(profile.genesis_state, 3)
    assert grown.time_s % interval_s == 0
    assert grown.rules.slot_at(grown.time_s) == grown.slot


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"interval_s": 31, "maintenance_interval_s": 31}, "block_interval_s"),
        ({"interval_s": 0}, "block_interval_s"),
        ({"interval_s": 7, "maintenance_interval_s": 6}, "maintenance_interval_s"),
        ({"maintenance_interval_s": 0}, "maintenance_interval_s"),
        ({"maintenance_skip_slots": -1}, "maintenance_skip_slots"),
        ({"required_participation": 10_001}, "required_participation"),
        ({"undo_limit": 1}, "undo_limit"),
        ({"undo_limit": 1 << 64}, "undo_limit"),
        ({"voting": VotingRules(full_vote_s=1 << 64)}, "full_vote_s"),
        ({"voting": VotingRules(decay_step_s=1 << 64)}, "decay_step_s"),
        ({"money": MoneyRules(vesting_s=1 << 64)}, "vesting_s"),
        ({"hard_forks": HardForkRules(notes_s=1 << 64)}, "notes_s"),
    ],
)
def test_limits_are_refused_with_their_key(changes: dict[str, Any], key: str) -> None:
    slot_ns = NS_PER_S
    with pytest.raises(GenesisError, match=key):
        BitsharesProfile.of(bitshares_genesis(4, slot_ns=slot_ns, **changes))  # type: ignore[arg-type]


def test_slot_0_never_comes() -> None:
    assert SlotCount(1000, 5, 0).time_s(0) == 0


def test_before_block_1_slots_count_from_genesis() -> None:
    assert STATE.slots.time_s(1) == STATE.rules.genesis_s + 1
    assert STATE.producer_for(START_SLOT).name == STATE.schedule[1]


def test_the_base_is_the_head_time_floored_to_the_interval() -> None:
    assert SlotCount(1004, 5, 0).time_s(1) == 1005
    assert SlotCount(1000, 5, 0).time_s(1) == 1005


def test_after_a_maintenance_block_three_slots_are_skipped() -> None:
    assert SlotCount(1000, 5, 3).time_s(1) == 1020
    block1 = after(STATE, START_SLOT)
    assert block1.is_maintenance
    assert [block1.producer_for(START_SLOT + k) for k in (1, 2, 3)] == [NOBODY] * 3
    assert block1.next_slot == START_SLOT + 4
    assert block1.producer_for(START_SLOT + 4) != NOBODY


@given(
    st.integers(1_000_000, 2**31), st.integers(1, 30), st.integers(0, 9), st.integers(1, 500),
    st.integers(0, 29),
)  # fmt: skip
def test_slot_at_is_the_inverse_of_slot_time(
    head_s: int, interval_s: int, skip: int, k: int, inside_s: int
) -> None:
    slots = SlotCount(head_s, interval_s, skip)
    assert slots.at(slots.time_s(k) + inside_s % interval_s) == k
    assert slots.at(slots.time_s(1) - 1) == 0
    at_s = slots.time_s(k) + inside_s % interval_s
    assert slots.beginning(at_s) == (0 if inside_s % interval_s else k)
    assert slots.beginning(slots.time_s(1) - interval_s) == 0


def test_the_witness_is_found_at_current_aslot_plus_k() -> None:
    grown = full(STATE, 6)
    for k in range(1, 9):
        expected = grown.schedule[(grown.aslot + k) % 4]
        assert grown.producer_for(grown.slot + k).name == expected


def test_current_aslot_grows_by_missed_plus_1_and_not_by_skipped_slots() -> None:
    block1 = after(STATE, START_SLOT)
    assert block1.aslot == 1
    block2 = skipping(block1, [2])
    assert (block2.aslot, block2.slot) == (4, START_SLOT + 6)


def test_a_block_in_a_skipped_slot_is_refused() -> None:
    block1 = after(STATE, START_SLOT)
    header = dataclasses.replace(
        block1.draft(block1.next_slot, None, NOTHING), timestamp_s=block1.time_s + 2
    )
    assert reason(block1, header) == "empty_slot"


def test_a_block_needs_a_time_after_the_heads() -> None:
    grown = full(STATE, 3)
    header = grown.draft(grown.next_slot, None, NOTHING)
    same = dataclasses.replace(header, timestamp_s=grown.time_s)
    assert reason(grown, same) == "slot_not_after_parent"


def test_a_block_needs_the_right_witness() -> None:
    grown = full(STATE, 3)
    header = grown.draft(grown.next_slot, None, NOTHING)
    for other in range(5):
        if other != header.witness:
            wrong = dataclasses.replace(header, witness=other)
            assert reason(grown, wrong) == "wrong_producer"


def test_any_second_inside_the_slot_is_valid_upstream_and_strict_alignment_refuses_it() -> None:
    options = {"interval_s": 5, "maintenance_interval_s": 86_400}
    strict = full(bitshares_profile(4, **options).genesis_state, 3)
    loose = full(bitshares_profile(4, **options, strict_slot_alignment=False).genesis_state, 3)
    late = after(loose, loose.next_slot, late_s=4)
    assert late.time_s == loose.time_s + 9
    assert after(late, late.next_slot).time_s == loose.time_s + 10
    header = strict.draft(strict.next_slot, None, NOTHING)
    moved = dataclasses.replace(header, timestamp_s=header.timestamp_s + 4)
    assert reason(strict, moved) == "misaligned_time"


def test_the_second_inside_the_slot_chooses_the_shuffle() -> None:
    loose = bitshares_profile(
        21, interval_s=5, maintenance_interval_s=86_400, strict_slot_alignment=False
    ).genesis_state
    ended = full(loose, 20)
    orders = {after(ended, ended.next_slot, late_s=late).shuffled for late in range(5)}
    assert len(orders) == 5


def test_block_1_is_a_maintenance_block_and_the_next_is_aligned_to_the_interval() -> None:
    state = bitshares_profile(4, maintenance_interval_s=60).genesis_state
    block1 = after(state, START_SLOT)
    assert block1.is_maintenance
    assert block1.next_maintenance_s == (block1.time_s // 60 + 1) * 60


def test_the_first_block_at_or_after_maintenance_time_is_a_maintenance_block() -> None:
    state = bitshares_profile(4, maintenance_interval_s=60).genesis_state
    grown = after(state, START_SLOT)
    due_s = grown.next_maintenance_s
    while grown.time_s < due_s:
        assert grown.is_maintenance == (grown.num == 1)
        grown = after(grown, grown.next_slot)
    assert grown.is_maintenance
    assert grown.next_maintenance_s == due_s + 60
    assert grown.next_slot == grown.slot + 4


def test_after_a_long_gap_the_next_maintenance_is_the_next_multiple_after_the_head() -> None:
    state = bitshares_profile(4, maintenance_interval_s=60).genesis_state
    block1 = after(state, START_SLOT)
    late = after(block1, block1.slot + 500)
    assert late.next_maintenance_s == (late.time_s // 60 + 1) * 60
    on_time = after(block1, block1.slot + (block1.next_maintenance_s - block1.time_s))
    assert on_time.next_maintenance_s == on_time.time_s + 60


@pytest.mark.parametrize(("early_ns", "taken"), [(2_500_000_000, False), (2_499_999_999, True)])
def test_a_block_is_refused_from_two_and_a_half_seconds_ahead_on(
    early_ns: int, taken: bool
) -> None:
    maker = make_chain(bitshares_genesis(), producer_names(4))
    chain = make_chain(bitshares_genesis())
    (block,) = blocks_of(tick(maker, START_SLOT))
    refused = [r.reason for r in of_kind(receive(chain, block, late_ns=-early_ns), Rejected)]
    assert (refused, chain.head.num) == (([], 1) if taken else (["future_block"], 0))


def test_a_lab_may_run_the_same_chain_faster() -> None:
    fast = bitshares_profile(4, interval_s=5, slot_ns=40_000_000, maintenance_interval_s=600)
    grown = full(fast.genesis_state, 8)
    real = full(bitshares_profile(4, interval_s=5, maintenance_interval_s=600).genesis_state, 8)
    assert [grown.time_s - fast.rules.genesis_s, grown.num, grown.lib_num] == [
        real.time_s - real.rules.genesis_s, real.num, real.lib_num,
    ]  # fmt: skip
    assert fast.future_limit_ns == 100_000_000
