"""What a slot has time for: a few always, then until its share is spent, and anew in the next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from node.timing.budget import (
    ALL_PERCENT,
    ALWAYS,
    LOCAL_PERCENT,
    WAITING_LEAST,
    WAITING_PERCENT,
    Budget,
)

SLOT_NS = 500_000_000


def admitted(budget: Budget, slot: int, *, each_ns: int, batches: list[int], local: bool) -> int:
    """Return how many of what comes in batches a slot has time for; each takes each_ns."""
    now_ns, found = slot * SLOT_NS, 0
    for count in batches:
        room = budget.begin(count, now_ns, local=local)
        assert 0 <= room <= count
        budget.end(now_ns + room * each_ns)
        found += room
    return found


def test_clients_get_their_share_of_a_slot_and_peers_what_is_then_left_of_theirs() -> None:
    budget, each_ns = Budget(SLOT_NS), SLOT_NS // 1_000
    assert admitted(budget, 1, each_ns=each_ns, batches=[90] * 10, local=True) == LOCAL_PERCENT * 10
    rest = (ALL_PERCENT - LOCAL_PERCENT) * 10
    assert admitted(budget, 1, each_ns=each_ns, batches=[900], local=False) == rest
    assert admitted(budget, 1, each_ns=each_ns, batches=[50, 50], local=True) == 0
    assert budget.take_refused() == 900 - LOCAL_PERCENT * 10 + 900 - rest + 100
    assert admitted(budget, 2, each_ns=each_ns, batches=[1] * 900, local=False) == ALL_PERCENT * 10
    assert budget.take_refused() == 900 - ALL_PERCENT * 10
    assert budget.take_refused() == 0


def test_a_batch_is_cut_by_how_long_others_took() -> None:
    budget = Budget(SLOT_NS)
    assert admitted(budget, 1, each_ns=SLOT_NS // 100, batches=[ALWAYS], local=False) == ALWAYS
    each_ns = SLOT_NS // 1_000
    assert admitted(budget, 2, each_ns=each_ns, batches=[ALWAYS, 500], local=False) < ALWAYS + 500
    late = [admitted(budget, slot, each_ns=each_ns, batches=[900], local=False) for slot in
            range(3, 30)]  # fmt: skip
    assert late[-1] in range(ALL_PERCENT * 10 - 10, ALL_PERCENT * 10 + 1)


def test_blocks_take_from_the_same_slot_and_what_is_too_long_from_the_next_ones() -> None:
    budget, each_ns = Budget(SLOT_NS), SLOT_NS // 1_000
    assert admitted(budget, 1, each_ns=each_ns, batches=[1] * ALWAYS, local=False) == ALWAYS
    budget.block(0, 2 * SLOT_NS, 4 * SLOT_NS)
    assert admitted(budget, 2, each_ns=each_ns, batches=[900], local=False) == ALWAYS
    assert admitted(budget, 3, each_ns=each_ns, batches=[900], local=False) == ALWAYS
    # Twice ALWAYS is still to be made up for.
    left = ALL_PERCENT * 10 - 2 * ALWAYS
    assert admitted(budget, 4, each_ns=each_ns, batches=[900], local=False) == left


def test_clients_wait_while_a_block_of_all_that_waits_takes_too_long() -> None:
    budget = Budget(SLOT_NS)
    budget.block(100, 0, 100 * SLOT_NS // 10_000)
    most = WAITING_PERCENT * 100
    for slot, waiting, room in (
        (1, most - 100, 100), (2, most, ALWAYS), (3, most + 9, ALWAYS), (4, most - 70, 70),
    ):  # fmt: skip
        assert budget.begin(200, slot * SLOT_NS, local=True, waiting=waiting) == room
        assert budget.begin(200, slot * SLOT_NS, local=False) == 200
    assert budget.begin(200, 5 * SLOT_NS, local=True, waiting=2 * most - 70) == ALWAYS
    assert budget.begin(200, 6 * SLOT_NS, local=True, waiting=2 * most - 70, alone=True) == 70


def test_small_blocks_that_took_long_keep_no_client_waiting() -> None:
    budget = Budget(SLOT_NS)
    budget.block(20, 0, SLOT_NS // 20)
    assert budget.begin(900, SLOT_NS, local=True, waiting=0) == WAITING_LEAST
    for slot in range(2, 8):
        budget.block(WAITING_LEAST, slot * SLOT_NS, slot * SLOT_NS + SLOT_NS // 20)
    assert budget.begin(900, 9 * SLOT_NS, local=True, waiting=WAITING_LEAST) == 900


def test_clients_wait_while_the_node_is_behind_with_what_peers_sent() -> None:
    budget = Budget(SLOT_NS)
    assert budget.begin(200, SLOT_NS, local=True, behind=True) == ALWAYS
    assert budget.begin(200, SLOT_NS, local=True, behind=True) == 0
    assert budget.begin(200, SLOT_NS, local=False, behind=True) == 200
    assert budget.begin(200, SLOT_NS, local=True) == 200


def test_who_has_no_peers_keeps_no_time_for_them() -> None:
    budget, each_ns = Budget(SLOT_NS), SLOT_NS // 1_000
    assert admitted(budget, 1, each_ns=each_ns, batches=[1] * 900, local=True) == LOCAL_PERCENT * 10
    more = (ALL_PERCENT - LOCAL_PERCENT) * 10
    assert budget.begin(900, SLOT_NS, local=True, alone=True) == more


@given(st.integers(1, 3 * SLOT_NS), st.lists(st.integers(1, 200), max_size=20), st.booleans())
def test_a_few_are_looked_at_in_each_slot_however_slow_the_machine_is(
    each_ns: int, batches: list[int], local: bool
) -> None:
    budget = Budget(SLOT_NS)
    percent = LOCAL_PERCENT if local else ALL_PERCENT
    for slot in (1, 2, 9):
        found = admitted(budget, slot, each_ns=each_ns, batches=batches, local=local)
        assert found >= min(sum(batches), ALWAYS)
        # Only the very first batch of a life is of unknown length.
        if slot > 1 and batches:
            assert found <= ALWAYS or found * each_ns * 100 <= SLOT_NS * percent
