"""NTP packets by their bytes: shifting an answer moves the server's times and nothing else."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults.host.clock.ntp_packet import (
    difference_ns,
    origin_stamp,
    question,
    read_answer,
    shifted,
    stamp,
    transmit_stamp,
)

S = 1_000_000_000
NOW_NS = 1_795_245_000 * S + 123_456_789
AFTER_2036_NS = 2_100_000_000 * S


def answer(origin: int, time_ns: int, reference: int = 7) -> bytes:
    head = struct.pack(">BBbbIII", 0x24, 2, 4, -20, 0x8000, 0x4000, 0x7F000001)
    return head + struct.pack(">QQQQ", reference, origin, stamp(time_ns), stamp(time_ns + 1000))


def test_a_question_is_known_by_its_last_stamp() -> None:
    assert len(question(12345)) == 48
    assert transmit_stamp(question(12345)) == 12345
    assert read_answer(question(12345)) is None


def test_an_answer_tells_whom_it_answers_and_its_servers_error() -> None:
    data = answer(origin=99, time_ns=NOW_NS)
    found = read_answer(data)
    assert found is not None
    assert (found.stratum, found.leap, found.origin) == (2, 0, 99)
    assert origin_stamp(data) == 99
    assert found.root_ns == S // 4 + S // 4
    assert read_answer(data[:47]) is None


@given(st.integers(-3600 * S, 3600 * S), st.sampled_from([NOW_NS, AFTER_2036_NS, 0]))
def test_shifting_moves_the_servers_times_only(by_ns: int, time_ns: int) -> None:
    data = answer(origin=99, time_ns=time_ns)
    moved = shifted(data + b"mac", by_ns)
    assert moved[:16] == data[:16]
    assert moved[48:] == b"mac"
    before, after = read_answer(data), read_answer(moved)
    assert before is not None
    assert after is not None
    assert after.origin == 99
    for first, second in ((before.received, after.received), (before.sent, after.sent)):
        assert abs(difference_ns(second, first) - by_ns) <= 1


def test_a_stamp_that_is_unknown_stays_unknown() -> None:
    data = shifted(answer(origin=99, time_ns=NOW_NS, reference=0), S)
    assert data[16:24] == bytes(8)


@pytest.mark.parametrize("apart_ns", [0, 1, -1, S, -S, 3600 * S])
def test_differences_are_right_across_the_wrap_of_2036(apart_ns: int) -> None:
    wrap_ns = 2_085_978_496 * S
    assert abs(difference_ns(stamp(wrap_ns + apart_ns), stamp(wrap_ns)) - apart_ns) <= 1
