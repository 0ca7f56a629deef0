"""Paths of clocks that are moved again and again: bounded, continuous where they may not jump."""

from __future__ import annotations

from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from faults.model.clock_path import WANDER_EACH_NS, Stay, path, strobe, wander

S = 1_000_000_000


@given(st.integers(1, 10_000_000), st.integers(0, 2**48 - 1))
def test_a_rate_wanders_within_its_bound_and_the_clock_never_jumps(most: int, seed: int) -> None:
    stays = list(islice(wander(most, seed), 50))
    assert all(abs(stay.drift_ppb) <= most for stay in stays)
    for one, other in pairwise(stays):
        assert other.begin_ns - one.begin_ns == WANDER_EACH_NS
        assert other.offset_ns == one.offset_at(other.begin_ns)
    assert list(islice(wander(most, seed), 50)) == stays


def test_a_strobe_is_off_first_and_right_every_second_time() -> None:
    assert list(islice(strobe(-5, 2 * S), 3)) == [
        Stay(0, -5, 0), Stay(2 * S, 0, 0), Stay(4 * S, -5, 0),
    ]  # fmt: skip


def test_what_is_asked_chooses_the_path() -> None:
    assert next(path({"by_ns": 7, "every_ns": S, "level": "process"}, 1)) == Stay(0, 7, 0)
    asked = {"by_ppb": 1_000, "level": "process"}
    assert list(islice(path(asked, 9), 5)) == list(islice(wander(1_000, 9), 5))
