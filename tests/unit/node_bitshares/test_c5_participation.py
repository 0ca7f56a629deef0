"""C.5 and C.6: missed slots, participation, and when a witness does not produce."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.bitshares.finality import ALL_FILLED, participation, slots_filled
from node.chain.bitshares.witness_state import WitnessState
from node.chain.model.messages import Tick
from node.events import Abstained
from tests.unit.node_bitshares.world import (
    START_SLOT,
    bitshares_genesis,
    bitshares_profile,
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

NAMES = producer_names(4)
GENESIS = bitshares_genesis(4)
SECOND = 1_000_000_000


def test_1_1_2_3_5_8_13_missed_slots_leave_that_many_fewer_ones() -> None:
    missed = (1, 1, 2, 3, 5, 8, 13)
    recent, ones = ALL_FILLED, []
    for count in missed:
        recent = slots_filled(recent, count)
        ones.append(recent.bit_count())
    assert ones == [128 - total for total in accumulate(missed)]
    assert participation(recent) == 10_000 * (128 - 33) // 128


def test_the_one_of_a_block_is_pushed_before_the_zeros_of_its_misses() -> None:
    assert slots_filled(0, 0) == 0b1
    assert slots_filled(0, 3) == 0b1000
    assert slots_filled(0b1000, 1) == 0b100010
    assert slots_filled(ALL_FILLED, 128) == 0
    assert slots_filled(ALL_FILLED, 10**6) == 0


@given(st.lists(st.integers(0, 200), max_size=60))
def test_the_count_is_that_of_the_last_128_slots(missed: list[int]) -> None:
    recent, slots = ALL_FILLED, [1] * 128
    for count in missed:
        recent = slots_filled(recent, count)
        slots.extend([1] + [0] * count)
    assert recent.bit_count() == sum(slots[-128:])


def missed_in_all(state: WitnessState) -> int:
    """Return how many empty slots the witnesses are blamed for."""
    return sum(witness.missed for witness in state.witnesses.values())


def test_every_skipped_scheduled_witness_gets_a_miss() -> None:
    grown = skipping(bitshares_profile(5).genesis_state, [0, 0])
    due = [grown.producer_for(grown.slot + k).name for k in (1, 2, 3)]
    late = skipping(grown, [3])
    found = [late.rules.name_of(number) for number, one in late.witnesses.items() if one.missed]
    assert sorted(found) == sorted(due)
    assert missed_in_all(late) == 3


@pytest.mark.parametrize(("missed", "counted"), [(4, 4), (5, 0), (6, 0)])
def test_misses_are_counted_only_if_fewer_than_n(missed: int, counted: int) -> None:
    grown = skipping(bitshares_profile(5).genesis_state, [0, missed])
    assert missed_in_all(grown) == counted


def words(effects):  # type: ignore[no-untyped-def]
    """Return the reasons of empty slots among effects."""
    return [record.reason for record in of_kind(effects, Abstained)]


def test_below_the_required_participation_nobody_produces() -> None:
    """Row 31 of the fault catalogue: a halt that only an operator's flag ends."""
    chain = make_chain(GENESIS, NAMES, enable_stale_production=True)
    tick(chain, START_SLOT)
    first = START_SLOT + 4
    assert blocks_of(tick(chain, first + 85))  # 85 of 128 slots empty: 43 ones, 33.6 %
    assert words(tick(chain, first + 87)) == []
    assert words(tick(chain, first + 88)) == ["low_participation"]
    relaxed = bitshares_genesis(4, required_participation=0)
    other = make_chain(relaxed, NAMES, enable_stale_production=True)
    tick(other, START_SLOT)
    assert blocks_of(tick(other, first + 85))
    assert blocks_of(tick(other, first + 300))
    assert blocks_of(tick(other, first + 301))


def test_a_witness_more_than_2500_ms_late_leaves_its_slot_empty() -> None:
    chain = make_chain(GENESIS, NAMES)
    due_ns = chain.slot_clock.time_ns(START_SLOT)
    late = Tick(now_ns=due_ns + 2_500_000_001, slot=START_SLOT)
    assert words(chain.step(late)) == ["lag"]
    assert blocks_of(chain.step(Tick(now_ns=due_ns + 2_500_000_000, slot=START_SLOT)))


def test_a_witness_that_is_not_synced_does_not_produce() -> None:
    chain = make_chain(GENESIS, NAMES)
    late = START_SLOT + 50
    assert words(tick(chain, late)) == ["stale"]
    maker = make_chain(GENESIS, NAMES, enable_stale_production=True)
    (block,) = blocks_of(tick(maker, late))
    receive(chain, block, now_slot=late)
    assert words(tick(chain, late + 4)) == []
    assert chain.head.num == 2


def test_nobody_produces_in_a_slot_that_maintenance_skips() -> None:
    chain = make_chain(GENESIS, NAMES)
    tick(chain, START_SLOT)
    for slot in (START_SLOT + 1, START_SLOT + 2, START_SLOT + 3):
        assert chain.producer_for(slot) == ""
        assert tick(chain, slot) == []
