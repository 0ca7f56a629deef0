"""Claims about ClockJudge: when a wall clock may be trusted, and when no longer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.timing.clock import STEP_NS, ClockJudge, ClockVerdict, NtpSample, limit_for_slot, majority
from node.timing.ntp_rules import HOLDOVER_PPM

MS = 1_000_000
SECOND_NS = 10**9
LIMIT_NS = 125 * MS
BASE_NS = 1_700_000_000 * SECOND_NS
"""wall - mono in these tests, before anything moves it."""


def sample(
    mono_ns: int, offset_ns: int = 0, bound_ns: int = MS, moved_ns: int = 0, source: str = "ntp"
) -> NtpSample:
    return NtpSample(
        source=source, offset_ns=offset_ns, bound_ns=bound_ns, rtt_ns=2 * bound_ns, stratum=1,
        mono_ns=mono_ns, wall_minus_mono_ns=BASE_NS + moved_ns,
    )  # fmt: skip


def woken(mono_ns: int = 0) -> ClockJudge:
    judge = ClockJudge(LIMIT_NS)
    assert not judge.wake(BASE_NS + mono_ns, mono_ns)
    return judge


@pytest.mark.parametrize(
    ("slot_ns", "limit_ns"),
    [(500 * MS, 125 * MS), (3 * SECOND_NS, 750 * MS), (10**10, 2500 * MS), (10**11, 2500 * MS)],
)
def test_the_limit_is_a_quarter_slot_and_at_most_two_and_a_half_seconds(
    slot_ns: int, limit_ns: int
) -> None:
    assert limit_for_slot(slot_ns) == limit_ns


def test_before_the_first_sample_the_clock_is_unverified() -> None:
    assert woken().verdict(0) == ClockVerdict(offset_ns=0, bound_ns=None, reason="clock_unverified")


@pytest.mark.parametrize(
    ("offset_ns", "bound_ns", "reason"),
    [
        (0, LIMIT_NS - 1, ""),
        (0, LIMIT_NS, "clock_bound"),
        (100 * MS, 25 * MS - 1, ""),
        (-100 * MS, 25 * MS, "clock_bound"),
        (LIMIT_NS - 1, 0, ""),
        (-LIMIT_NS, 0, "clock_offset"),
        (300 * MS, MS, "clock_offset"),
    ],
)
def test_verified_means_offset_and_bound_together_below_the_limit(
    offset_ns: int, bound_ns: int, reason: str
) -> None:
    judge = woken()
    assert judge.sample(sample(0, offset_ns, bound_ns))
    assert judge.verdict(0) == ClockVerdict(offset_ns=offset_ns, bound_ns=bound_ns, reason=reason)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_step_voids_the_verdict_until_a_sample_taken_after_it(sign: int) -> None:
    judge = woken()
    judge.sample(sample(0))
    moved_ns = sign * STEP_NS
    assert not judge.wake(BASE_NS + 1 + moved_ns, 1)
    assert judge.verdict(1).verified
    moved_ns += sign * (STEP_NS + 1)
    assert judge.wake(BASE_NS + 2 + moved_ns, 2)
    assert judge.verdict(2).reason == "clock_stepped"
    assert judge.verdict(2).offset_ns == sign * (STEP_NS + 1)
    assert not judge.sample(sample(1))
    assert judge.verdict(3).reason == "clock_stepped"
    assert judge.sample(sample(3, offset_ns=moved_ns, moved_ns=moved_ns))
    assert judge.verdict(3).verified


def test_a_skew_beyond_the_limit_is_an_offset_and_ends_with_the_skew() -> None:
    judge = woken()
    judge.sample(sample(0))
    assert judge.wake(BASE_NS + 1 + 300 * MS, 1)
    judge.sample(sample(2, offset_ns=300 * MS, moved_ns=300 * MS))
    assert judge.verdict(2).reason == "clock_offset"
    assert judge.wake(BASE_NS + 3, 3)
    judge.sample(sample(4))
    assert judge.verdict(4).verified


def test_in_holdover_the_bound_grows_until_the_clock_counts_as_unknown() -> None:
    judge = woken()
    judge.sample(sample(0, bound_ns=MS))
    silent_ns = (LIMIT_NS - MS) * 10**6 // HOLDOVER_PPM
    assert judge.verdict(silent_ns - 10**6).verified
    assert judge.verdict(silent_ns).reason == "clock_bound"
    judge.sample(sample(silent_ns))
    assert judge.verdict(silent_ns).verified


def test_a_slewed_clock_widens_the_bound_of_what_was_measured_before() -> None:
    judge = woken()
    judge.sample(sample(0, bound_ns=MS))
    assert not judge.wake(BASE_NS + 1 + 4 * MS, 1)
    assert judge.verdict(1).bound_ns == 5 * MS


def test_the_tightest_of_the_last_eight_samples_counts() -> None:
    judge = woken()
    judge.sample(sample(0, offset_ns=7, bound_ns=MS))
    for number in range(7):
        judge.sample(sample(0, offset_ns=number, bound_ns=2 * MS))
    assert judge.verdict(0).offset_ns == 7
    judge.sample(sample(0, offset_ns=0, bound_ns=2 * MS))
    assert judge.verdict(0).bound_ns == 2 * MS
    assert judge.verdict(0).offset_ns == 0


def heard(*offsets_ms: int) -> ClockVerdict:
    """Return the verdict on servers that say these offsets, each within 2 ms."""
    judge = woken()
    for number, offset_ms in enumerate(offsets_ms):
        judge.sample(sample(0, offset_ms * MS, 2 * MS, source=f"ntp{number}"))
    return judge.verdict(0)


def test_two_servers_that_cannot_both_be_right_verify_nothing() -> None:
    assert heard(0, 300).reason == "ntp_disagreement"
    assert heard(0, 300).bound_ns is None
    assert not heard(0, 5).verified


def test_what_two_servers_both_allow_is_tighter_than_either() -> None:
    assert heard(0, 3) == ClockVerdict(offset_ns=1_500_000, bound_ns=500_000, reason="")


def test_one_liar_of_three_is_outvoted_and_two_are_believed() -> None:
    assert heard(0, 300, 1).verified
    assert heard(300, 0, 301).reason == "clock_offset"
    assert heard(0, 100, 200).reason == "ntp_disagreement"


def test_a_server_that_begins_to_lie_is_taken_at_its_last_word_and_so_when_it_stops() -> None:
    judge = woken()
    judge.sample(sample(0))
    judge.sample(sample(1, offset_ns=-300 * MS, bound_ns=2 * MS))
    assert judge.verdict(1).reason == "clock_offset"
    judge.sample(sample(2, bound_ns=3 * MS))
    assert judge.verdict(2).verified


@given(
    st.integers(-100, 100),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(-150, 150), st.integers(0, 60)), max_size=5),
)
def test_the_truth_is_in_what_a_majority_says_while_most_servers_hold_it(
    truth: int, honest: list[tuple[int, int]], liars: list[tuple[int, int]]
) -> None:
    intervals = [(truth - below, truth + above) for below, above in honest]
    intervals += [(low, low + width) for low, width in liars[: len(honest) - 1]]
    agreed = majority(intervals)
    assert agreed is not None
    assert agreed[0] <= truth <= agreed[1]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20 * SECOND_NS),
            st.sampled_from([0, 0, 0, 3 * MS, -9 * MS, 11 * MS, 300 * MS, -300 * MS]),
            st.booleans(),
            st.integers(1000, 200 * MS),
        ),
        max_size=40,
    )
)
def test_a_verified_clock_is_within_the_limit_whatever_happens(
    moves: list[tuple[int, int, bool, int]],
) -> None:
    """A true wall clock shows mono + BASE; each move shifts the node's and may ask."""
    judge, mono_ns, error_ns = woken(), 0, 0
    for waited_ns, shifted_ns, asked, bound_ns in moves:
        mono_ns += waited_ns
        error_ns += shifted_ns
        stepped = judge.wake(BASE_NS + mono_ns + error_ns, mono_ns)
        assert stepped == (abs(shifted_ns) > STEP_NS)
        if stepped:
            assert not judge.verdict(mono_ns).verified
        if asked:
            assert judge.sample(sample(mono_ns, error_ns, bound_ns, moved_ns=error_ns))
        verdict = judge.verdict(mono_ns)
        assert verdict.verified == (verdict.reason == "")
        if verdict.bound_ns is not None:
            assert abs(error_ns - verdict.offset_ns) <= verdict.bound_ns
        if verdict.verified:
            assert abs(error_ns) < LIMIT_NS
