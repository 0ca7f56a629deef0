"""What being looked at costs is told by trials with and without, with an interval if they can."""

from __future__ import annotations

import math

import pytest

from harness.bench.probe_effect import Event, Measured, Trial, compared, finality
from harness.errors import RunError


def test_a_difference_has_an_interval_where_there_are_enough_trials() -> None:
    off = [Trial(4000.0 + n, 0.0, 2.0) for n in range(10)]
    on = [Trial(4030.0 + n, 0.0, 2.5) for n in range(10)]
    rows = compared(off, on)
    assert [(row.what, row.unit, row.value, row.n, row.floor) for row in rows] == [
        ("finality, p99", "ms", 4034.5, 10, 4004.5),
        ("finality, p99, more by being looked at", "ms", 30.0, 10, None),
        ("finality, p99, at least (95 %)", "ms", 27.0, 10, None),
        ("finality, p99, at most (95 %)", "ms", 33.0, 10, None),
        ("slots missed", "", 0.0, 10, 0.0),
        ("slots missed, more by being looked at", "", 0.0, 10, None),
        ("slots missed, at least (95 %)", "", 0.0, 10, None),
        ("slots missed, at most (95 %)", "", 0.0, 10, None),
        ("processor of a host", "% of a core", 2.5, 10, 2.0),
        ("processor of a host, more by being looked at", "% of a core", 0.5, 10, None),
        ("processor of a host, at least (95 %)", "% of a core", 0.5, 10, None),
        ("processor of a host, at most (95 %)", "% of a core", 0.5, 10, None),
    ]


FIRST = 1_000
MEASURED = Measured(range(FIRST, FIRST + 4), 7_000_000_000)


def produced(slot: int) -> Event:
    return Event(kind="produced", host="n1", wall_ns=0, id=f"b{slot}", slot=slot)


def final(slot: int, host: str, took_ms: int) -> Event:
    wall_ns = MEASURED.time_ns(slot) + took_ms * 1_000_000
    return Event(kind="irreversible", host=host, wall_ns=wall_ns, id=f"b{slot}")


def test_finality_counts_from_the_slot_of_each_measured_block_at_each_host() -> None:
    slots = (FIRST - 1, FIRST, FIRST + 1, FIRST + 3, FIRST + 4)
    of_n1 = [final(slot, "n1", 100) for slot in slots]
    of_n2 = [final(slot, "n2", 900 if slot in (FIRST - 1, FIRST + 4) else 200) for slot in slots]
    events = [*map(produced, slots), *of_n1, *of_n2]
    assert finality(events, MEASURED) == (200.0, 1)


def test_a_block_that_nobody_has_final_is_a_slot_missed() -> None:
    forked = Event(kind="produced", host="n2", wall_ns=0, id="fork", slot=FIRST + 1)
    events = [produced(FIRST), forked, final(FIRST, "n1", 300), final(FIRST, "n2", 400)]
    assert finality(events, MEASURED) == (400.0, 3)


def test_a_block_that_one_host_has_not_final_took_it_longer_than_anything_seen() -> None:
    slots = (FIRST, FIRST + 1)
    events = [*map(produced, slots), *(final(slot, "n1", 100) for slot in slots)]
    assert finality([*events, final(FIRST, "n2", 100)], MEASURED) == (math.inf, 2)


def test_a_chain_without_a_final_block_is_said_to_be_one() -> None:
    with pytest.raises(RunError, match="no block became final"):
        finality([produced(FIRST)], MEASURED)
