"""The beat: each second once, at one moment of the clock on all hosts, however the clock moves."""

from __future__ import annotations

from node.timing.pulse import PHASE_NS, Pulse

S = 1_000_000_000
TENTH = S // 10


def seconds(*times_ns: int) -> list[int]:
    """Return at which of the beats a second was told."""
    told: list[int] = []
    now_ns = 0
    pulse = Pulse(each_beat=lambda: None, each_second=lambda: told.append(now_ns))
    for now_ns in times_ns:
        pulse.beat(now_ns, 0)
    return told


def test_a_second_is_told_once_at_its_phase_whenever_the_beats_began() -> None:
    for begin_ns in range(0, S, TENTH):
        told = seconds(*range(begin_ns, begin_ns + 3 * S, TENTH))
        assert [at_ns % S // TENTH for at_ns in told] == [PHASE_NS // TENTH + 1] * len(told)
        assert len(told) in (2, 3)


def test_a_clock_that_jumps_makes_one_second_of_it() -> None:
    assert seconds(0, 100 * S, 100 * S + TENTH) == [100 * S]
    assert seconds(100 * S, 50 * S, 50 * S + TENTH) == [50 * S]


def test_the_largest_lateness_is_told_once_and_nobody_is_called_after_the_end() -> None:
    beats: list[int] = []
    pulse = Pulse(each_beat=lambda: beats.append(1), each_second=lambda: None)
    pulse.beat(0, 5)
    pulse.beat(TENTH, 3)
    assert (pulse.take_late_ns(), pulse.take_late_ns()) == (5, 0)
    pulse.stop()
    pulse.beat(2 * TENTH, 9)
    assert (len(beats), pulse.take_late_ns()) == (2, 0)
