"""How far apart blocks are, where blocks change that: counted forward, back and across a change."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.intake.intervals import Intervals, Step, of_branch, steady
from metrics.safety.liveness import Stretch, progress

SECOND = 10**9
BENT = Intervals(
    (
        Step(-math.inf, SECOND, 1, 1),
        Step(10 * SECOND, 4 * SECOND, 4, 12),
        Step(50 * SECOND, 2 * SECOND, 2, 52),
    )
)
"""A block each second, from 10 s on each 4 s, from 50 s on each 2 s."""


@given(st.integers(-100, 100), st.integers(0, 200))
def test_so_many_intervals_on_are_as_many_back_and_lie_between(at_s: int, blocks: int) -> None:
    start_ns = float(at_s * SECOND)
    end_ns = BENT.after(start_ns, blocks)
    assert BENT.before(end_ns, blocks) == pytest.approx(start_ns, abs=1)
    places = BENT.positions(np.asarray([start_ns, end_ns]))
    assert places[1] - places[0] == pytest.approx(blocks)
    assert BENT.count(start_ns, end_ns + 1) == blocks


@given(st.integers(1, 10**10), st.integers(0, 10**12), st.integers(0, 1000))
def test_where_nothing_changes_it_is_the_product(every: int, at_ns: int, blocks: int) -> None:
    same = steady(every)
    assert same.after(at_ns, blocks) == at_ns + blocks * every
    assert same.before(at_ns, blocks) == at_ns - blocks * every
    assert same.count(at_ns, at_ns + blocks * every) == blocks


def test_what_is_in_force_begins_with_the_block_that_says_so() -> None:
    found = [BENT.at(s * SECOND).every_ns // SECOND for s in (-5, 9.9, 10, 49.9, 50, 500)]
    assert found == [1, 1, 4, 4, 2, 2]
    assert BENT.within(0, 10 * SECOND) == (SECOND, SECOND)
    assert BENT.within(0, 60 * SECOND) == (SECOND, 4 * SECOND)
    assert BENT.count(8 * SECOND, 58 * SECOND) == 2 + 10 + 4


def told(host: str, *lines: tuple[Any, ...]) -> list[Any]:
    """Return what a host wrote: (block, number, slot), or (interval, slot) of parameters."""
    found = []
    for seq, line in enumerate(lines):
        common = {"host": host, "node": host, "seq": seq}
        if isinstance(line[0], str):
            fields = dict(zip(("id", "num", "slot"), line, strict=True))
            found.append(SimpleNamespace(kind="applied", **common, **fields))
        else:
            fields = dict(zip(("block_interval_s", "slot"), line, strict=True))
            found.append(SimpleNamespace(kind="parameters", **common, **fields))
    return found


def test_only_what_blocks_of_the_branch_say_counts_and_no_liars_word() -> None:
    plan = SimpleNamespace(slot_ns=SECOND, interval_ns=SECOND, interval_slots=1)
    lines = [
        *told("n1", ("a2", 2, 102), (3, 102), ("a3", 3, 105), (3, 105), ("a4", 4, 108), (2, 108)),
        *told("n2", ("b2", 2, 103), (7, 103), ("a2", 2, 102), (3, 102), ("a3", 3, 105)),
        *told("n3", ("a3", 3, 105), (9, 105)),
    ]
    data: Any = SimpleNamespace(
        plan=plan,
        planned=SimpleNamespace(liars=frozenset({"n3"})),
        file=SimpleNamespace(genesis_slot=100),
        slot_time_ns=lambda slot: (slot - 101) * SECOND,
        events=lambda kind, columns: [line for line in lines if line.kind == kind],
    )
    first = Step(-math.inf, SECOND, 1, 101)
    at_2 = Step(SECOND, 3 * SECOND, 3, 105)
    at_4 = Step(7 * SECOND, 2 * SECOND, 2, 108)
    assert of_branch(data, {"a2", "a3", "a4"}) == Intervals((first, at_2, at_4))
    assert of_branch(data, set()) == steady(SECOND, grid=101)


def test_finality_may_stand_still_for_as_many_slots_as_somebody_has() -> None:
    stretch = Stretch(from_ns=0, to_ns=60 * SECOND, limit_blocks=9, limit_slots=9)
    steps = [*range(1, 11), *range(46, 60)]
    advances = [(float(s * SECOND), s) for s in steps]
    found = progress([stretch], [], advances, BENT)
    assert (found.violations, found.worst and found.worst.slots) == ([], 9)
    (breach,) = progress([stretch], [], advances, steady(SECOND)).violations
    assert "36 slots (at most 9)" in breach.text


def test_slots_that_nobody_has_are_no_part_of_a_standstill() -> None:
    stretch = Stretch(from_ns=0, to_ns=60 * SECOND, limit_blocks=9, limit_slots=9)
    skipped = tuple(float(s * SECOND) for s in (*range(11, 31), 50))
    advances = [(s * SECOND + 0.1, s) for s in (*range(1, 11), *range(39, 60))]
    found = progress([stretch], [], advances, Intervals(steady(SECOND).steps, skipped))
    assert (found.violations, found.worst and found.worst.slots) == ([], 9)
    (breach,) = progress([stretch], [], advances, steady(SECOND)).violations
    assert "29 slots (at most 9)" in breach.text


@given(st.integers(0, 40), st.integers(0, 40), st.sets(st.integers(0, 60)))
def test_so_many_slots_on_lie_as_many_that_somebody_has(
    at_s: int, blocks: int, skipped: set[int]
) -> None:
    found = Intervals(steady(SECOND).steps, tuple(float(s * SECOND) for s in sorted(skipped)))
    end_ns = found.after(at_s * SECOND, blocks)
    assert found.count(at_s * SECOND, end_ns) == blocks
    assert found.after(at_s * SECOND, blocks) <= steady(SECOND).after(
        at_s * SECOND, blocks + len(skipped)
    )
