"""The production windows: what of a slot is for processing and propagation, how a turn ends."""

from __future__ import annotations

import pytest

from node.chain import genesis as genesis_file
from node.chain.eosio.timing import early_ns
from node.chain.model.errors import GenesisError
from node.chain.model.windows import Timing, Windows
from node.chain.profiles import build
from tests.unit.node_chain.builders import START_SLOT, make_genesis

MS = 1_000_000
SLOT_NS = 500 * MS
TURN_END = START_SLOT + 1
CHAIN_IDS: dict[Timing, str] = {
    "fio": "0106faaedc0dd9c56bbf6b380d102904df16607cf2c8a0bdd05515e16d71e0d5",
    "eosio2": "d9fe2df0b369aaa1a42766605d366cc7700386bd09adc47ef86bd1e147591b40",
    "leap": "5a894d7b7b6903c36c58e6815743f7cd5d88df1f577415bc9e54d63fc0a98702",
}
"""Of make_genesis(), as they were before there were these keys."""


def test_by_default_200_ms_are_for_processing_and_300_for_propagation_of_500() -> None:
    for scale in (1, 2, 10):
        windows = Windows.of("fio", scale * SLOT_NS)
        assert windows == Windows(
            processing_ns=scale * 200 * MS, propagation_ns=scale * 300 * MS, last_block_ns=0
        )


@pytest.mark.parametrize(("timing", "last_ms"), [("fio", 0), ("eosio2", 200), ("leap", 450)])
def test_by_default_the_last_block_of_a_turn_is_as_early_as_upstreams(
    timing: Timing, last_ms: int
) -> None:
    assert Windows.of(timing, SLOT_NS).last_block_ns == last_ms * MS


@pytest.mark.parametrize(
    ("timing", "early_ms"),
    [("fio", (0, 0, 300)), ("eosio2", (100, 100, 300)), ("leap", (100, 200, 300))],
)
def test_the_last_block_of_a_turn_can_be_as_early_as_one_likes(
    timing: Timing, early_ms: tuple[int, ...]
) -> None:
    expected = tuple(ms * MS for ms in early_ms)
    assert early_ns(timing, SLOT_NS, 3, 300 * MS) == expected
    clock = build(make_genesis(4, 3, timing=timing, last_block_ns=300 * MS)).clock
    assert clock.early_ns == expected


def test_the_last_block_of_a_turn_is_never_later_than_the_others() -> None:
    assert early_ns("eosio2", SLOT_NS, 2, 50 * MS) == (100 * MS, 100 * MS)


@pytest.mark.parametrize(
    ("late_ms", "left_ms"), [(-50, 200), (0, 200), (50, 150), (150, 50), (200, 0), (450, 0)]
)
@pytest.mark.parametrize("timing", ["fio", "eosio2", "leap"])
def test_who_wakes_late_has_the_less_left_before_the_hand_over(
    timing: Timing, late_ms: int, left_ms: int
) -> None:
    clock = build(make_genesis(timing=timing)).clock
    woken_ns = clock.wake_ns(TURN_END) + late_ms * MS
    assert clock.left_ns(TURN_END, woken_ns) == left_ms * MS


def test_time_that_is_for_neither_lets_one_wake_late() -> None:
    clock = build(make_genesis(processing_ns=100 * MS, propagation_ns=150 * MS)).clock
    due_ns = clock.wake_ns(TURN_END)
    left = [clock.left_ns(TURN_END, due_ns + ms * MS) for ms in (0, 250, 300, 350)]
    assert left == [100 * MS, 100 * MS, 50 * MS, 0]


@pytest.mark.parametrize("timing", CHAIN_IDS)
def test_a_chain_that_says_nothing_of_them_or_the_defaults_keeps_its_id(timing: Timing) -> None:
    silent = make_genesis(timing=timing)
    windows = genesis_file.windows(silent)
    saying = make_genesis(
        timing=timing,
        processing_ns=windows.processing_ns,
        propagation_ns=windows.propagation_ns,
        last_block_ns=windows.last_block_ns,
    )
    found = [genesis_file.chain_id(genesis).hex() for genesis in (silent, saying)]
    assert found == [CHAIN_IDS[timing]] * 2


def test_another_value_of_any_is_another_chain() -> None:
    changes = ({}, {"processing_ns": 1}, {"propagation_ns": 1}, {"last_block_ns": 1})
    assert len({genesis_file.chain_id(make_genesis(**change)) for change in changes}) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"processing_ns": 250 * MS},
            "processing_ns 250 ms and 300 ms of propagation do not fit into a slot of 500 ms;"
            " shorten one",
        ),
        (
            {"propagation_ns": 301 * MS},
            "processing_ns 200 ms and 301 ms of propagation do not fit into a slot of 500 ms;"
            " shorten one",
        ),
        ({"processing_ns": 0}, "processing_ns must be more than 0"),
        ({"propagation_ns": -1}, "propagation_ns must not be negative"),
        ({"last_block_ns": SLOT_NS}, "last_block_ns must be 0 or more and below a slot of 500 ms"),
        ({"last_block_ns": -1}, "last_block_ns must be 0 or more and below a slot of 500 ms"),
    ],
)
def test_what_a_slot_has_no_room_for_is_refused_with_its_key(
    changes: dict[str, int], message: str
) -> None:
    with pytest.raises(GenesisError) as refused:
        build(make_genesis(**changes))
    assert str(refused.value) == message
