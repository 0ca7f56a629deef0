"""What a slot has time for: a few always, then until its share is spent, and anew in the next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from node.timing.budget import ALL_PERCENT, ALWAYS, LOCAL_PERCENT, Budget

SLOT_NS = 500_000_000


def admitted(budget: Budget, slot: int, *, each_ns: int, count: int, local: bool) -> int:
    """Return how many of count transactions that take each_ns each a slot has time for."""
    found = 0
    for _ in range(count):
        if budget.allows(slot * SLOT_NS, local=local):
            budget.spend(each_ns)
            found += 1
    return found


def test_clients_get_two_fifths_of_a_slot_and_peers_what_is_then_left_of_three() -> None:
    budget, each_ns = Budget(SLOT_NS), SLOT_NS // 1_000
    assert admitted(budget, 1, each_ns=each_ns, count=900, local=True) == LOCAL_PERCENT * 10
    assert admitted(budget, 1, each_ns=each_ns, count=900, local=False) == 200
    assert admitted(budget, 1, each_ns=each_ns, count=100, local=True) == 0
    assert budget.take_refused() == 500 + 700 + 100
    assert admitted(budget, 2, each_ns=each_ns, count=900, local=False) == ALL_PERCENT * 10
    assert budget.take_refused() == 300
    assert budget.take_refused() == 0


@given(st.integers(1, 3 * SLOT_NS), st.integers(1, 200), st.booleans())
def test_a_few_are_looked_at_in_each_slot_however_slow_the_machine_is(
    each_ns: int, count: int, local: bool
) -> None:
    budget = Budget(SLOT_NS)
    for slot in (1, 2, 9):
        found = admitted(budget, slot, each_ns=each_ns, count=count, local=local)
        assert found >= min(count, ALWAYS)
        percent = LOCAL_PERCENT if local else ALL_PERCENT
        assert found <= ALWAYS or (found - 1) * each_ns * 100 < SLOT_NS * percent
