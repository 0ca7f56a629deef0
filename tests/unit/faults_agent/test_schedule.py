"""The schedule: each action once, in order, and nothing outlives its deadline or the lease."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults.agent.schedule import HELPER_LEAD_NS, LEAD_NS, Action, Item, Schedule, Stage

S = 1_000_000_000
ORDER = [Action.PREPARE, Action.INJECT, Action.HEAL]


def item(fault_id: str = "a", inject_ns: int = 10 * S, deadline_ns: int | None = 20 * S) -> Item:
    return Item(id=fault_id, inject_ns=inject_ns, deadline_ns=deadline_ns)


@pytest.mark.parametrize(
    ("now_ns", "expected"),
    [
        (10 * S - LEAD_NS - 1, []),
        (10 * S - LEAD_NS, [Action.PREPARE]),
        (10 * S - 1, [Action.PREPARE]),
        (10 * S, [Action.PREPARE, Action.INJECT]),
        (11 * S, [Action.PREPARE, Action.INJECT]),
        (11 * S + 1, [Action.SKIP]),
        (20 * S, [Action.SKIP]),
    ],
)
def test_what_is_due_from_rest_at_each_boundary(now_ns: int, expected: list[Action]) -> None:
    _, actions = Schedule((item(),), lease_end_ns=100 * S).due(now_ns)
    assert [action for _, action in actions] == expected


def test_what_was_prepared_and_missed_its_moment_is_taken_back() -> None:
    schedule, _ = Schedule((item(),), lease_end_ns=100 * S).due(9 * S)
    assert schedule.due(12 * S)[1] == [("a", Action.HEAL)]


def test_the_end_of_the_lease_heals_what_runs_and_skips_the_rest() -> None:
    schedule = Schedule((item("a"), item("b", 30 * S, 40 * S)), lease_end_ns=15 * S)
    schedule, _ = schedule.due(10 * S)
    schedule, actions = schedule.due(15 * S)
    assert actions == [("a", Action.HEAL), ("b", Action.SKIP)]
    assert not schedule.active


def test_a_fault_taken_over_in_force_ends_at_its_deadline() -> None:
    schedule = Schedule((item(), item("b", 30 * S, 40 * S)), lease_end_ns=100 * S).staged(
        "a", Stage.RUNNING
    )
    assert schedule.wake_ns() == 20 * S
    assert schedule.due(19 * S)[1] == []
    assert schedule.due(20 * S)[1] == [("a", Action.HEAL)]
    assert schedule.ends_ns() == 40 * S


def test_a_renewed_lease_does_not_move_a_deadline() -> None:
    schedule, _ = Schedule((item(),), lease_end_ns=15 * S).due(10 * S)
    schedule = schedule.renewed(100 * S)
    assert schedule.wake_ns() == 20 * S
    assert schedule.due(20 * S)[1] == [("a", Action.HEAL)]


def test_what_ends_is_healed_before_what_begins_at_the_same_moment() -> None:
    schedule = Schedule(
        (item("b", 20 * S, 30 * S), item("a", 10 * S, 20 * S)), lease_end_ns=100 * S
    )
    schedule, _ = schedule.due(10 * S)
    schedule, _ = schedule.due(19 * S)
    assert schedule.due(20 * S)[1] == [("a", Action.HEAL), ("b", Action.INJECT)]


def test_a_fault_without_a_deadline_is_done_once_injected() -> None:
    schedule, actions = Schedule((item(deadline_ns=None),), lease_end_ns=100 * S).due(10 * S)
    assert [action for _, action in actions] == [Action.PREPARE, Action.INJECT]
    assert schedule.wake_ns() is None


def test_ending_all_twice_acts_once() -> None:
    schedule, _ = Schedule((item(), item("b", 90 * S, 95 * S)), lease_end_ns=100 * S).due(10 * S)
    schedule, actions = schedule.end_all()
    assert actions == [("a", Action.HEAL), ("b", Action.SKIP)]
    assert schedule.end_all()[1] == []


def scheduled(rows: list[tuple[int, int | None]], lease: int) -> Schedule:
    """Return the schedule of faults that begin at a second and last so many or have no end."""
    items = (
        item(str(n), at * S, None if length is None else (at + length) * S)
        for n, (at, length) in enumerate(rows)
    )
    return Schedule(tuple(items), lease_end_ns=lease * S)


LENGTHS = st.none() | st.integers(1, 30)
SCHEDULES = st.builds(
    scheduled,
    st.lists(st.tuples(st.integers(0, 50), LENGTHS), min_size=1, max_size=6),
    st.integers(0, 90),
)


@given(SCHEDULES, st.lists(st.integers(0, 100), max_size=30))
def test_any_wakes_give_each_fault_its_actions_in_order_and_end_everything(
    schedule: Schedule, wakes: list[int]
) -> None:
    deadlines = {each.id: each.deadline_ns for each in schedule.items}
    seen: dict[str, list[Action]] = {each.id: [] for each in schedule.items}
    for wake in [*sorted(wakes), 200]:
        schedule, actions = schedule.due(wake * S)
        for fault_id, action in actions:
            seen[fault_id].append(action)
            deadline_ns = deadlines[fault_id]
            if action is Action.INJECT:
                assert wake * S < schedule.lease_end_ns
                assert deadline_ns is None or wake * S < deadline_ns
    assert not schedule.active
    assert all(each.stage is Stage.DONE for each in schedule.items)
    for fault_id, actions_seen in seen.items():
        if actions_seen == [Action.SKIP]:
            continue
        assert actions_seen == [action for action in ORDER if action in actions_seen]
        assert actions_seen[0] is Action.PREPARE
        ends = actions_seen[-1]
        assert ends is Action.HEAL or (ends is Action.INJECT and deadlines[fault_id] is None)


@given(SCHEDULES)
def test_waking_only_when_told_misses_nothing(schedule: Schedule) -> None:
    last_ns = -1000 * S
    while (wake_ns := schedule.wake_ns()) is not None:
        assert wake_ns >= last_ns
        assert schedule.due(wake_ns - 1)[1] == []
        schedule, actions = schedule.due(wake_ns)
        assert actions
        last_ns = wake_ns


def test_a_fault_with_a_helper_of_its_own_is_prepared_long_before() -> None:
    slow = Item(id="d", inject_ns=100 * S, deadline_ns=120 * S, lead_ns=HELPER_LEAD_NS)
    schedule = Schedule((slow, item("p", 100 * S, 120 * S)), 200 * S)
    assert schedule.wake_ns() == 70 * S
    schedule, actions = schedule.due(70 * S)
    assert actions == [("d", Action.PREPARE)]
    assert schedule.wake_ns() == 94 * S
    assert schedule.due(94 * S)[1] == [("p", Action.PREPARE)]
