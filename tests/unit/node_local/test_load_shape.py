"""When transactions of a load are due: a rate that changes, summed up by another way here."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.config import ClientConfig
from node.events.load_shape import Burst, LoadShape, Pace, Ramp, share_of

SECOND_NS = 10**9
START_NS = 1_800_000_000 * SECOND_NS
LASTS_NS = 60 * SECOND_NS

rates = st.integers(0, 10_000_000)
lengths = st.integers(1, LASTS_NS)
ramps = st.builds(Ramp, to_milli=rates, over_ns=lengths)
bursts = st.builds(
    lambda rate, every, part: Burst(
        rate_milli=rate, every_ns=every, lasts_ns=max(1, every * part // 10)
    ),
    rates, st.integers(SECOND_NS // 2, LASTS_NS), st.integers(0, 9),
)  # fmt: skip
paces = st.builds(
    lambda rate, ramp, burst: Pace(
        rate_milli=rate, start_ns=START_NS, end_ns=START_NS + LASTS_NS,
        shape=LoadShape(ramp=ramp, burst=burst),
    ),
    rates, ramps | st.none(), bursts | st.none(),
)  # fmt: skip


def rate_at(pace: Pace, at: Fraction) -> Fraction:
    """Return the rate a nanosecond at a time since the start, of any piece that it is in."""
    ramp, burst = pace.shape.ramp, pace.shape.burst
    milli = Fraction(pace.rate_milli)
    if ramp:
        milli += (ramp.to_milli - pace.rate_milli) * min(at / ramp.over_ns, Fraction(1))
    if burst and at >= burst.every_ns and at % burst.every_ns < burst.lasts_ns:
        milli = Fraction(burst.rate_milli)
    return milli / (1000 * SECOND_NS)


def begun(pace: Pace, until_ns: int) -> Fraction:
    """Return how many transactions a pace comes to: trapezes between all corners."""
    ramp, burst = pace.shape.ramp, pace.shape.burst
    corners = {0, until_ns} | ({ramp.over_ns} if ramp else set())
    for at in range(burst.every_ns, until_ns, burst.every_ns) if burst else ():
        corners |= {at, at + burst.lasts_ns}  # type: ignore[union-attr]
    inside = sorted(corner for corner in corners if corner <= until_ns)
    # Straight between two corners, so that its middle is its mean.
    return sum(
        ((b - a) * rate_at(pace, Fraction(a + b, 2)) for a, b in pairwise(inside)), Fraction(0)
    )


@given(paces, st.integers(0, 3_000))
def test_a_transaction_is_due_in_the_nanosecond_in_which_the_rate_comes_to_its_number(
    pace: Pace, n: int
) -> None:
    after_ns = pace.due_ns(n) - START_NS
    if after_ns >= LASTS_NS:
        assert begun(pace, LASTS_NS) <= n
    else:
        assert begun(pace, after_ns) <= n < begun(pace, after_ns + 1)


@given(paces, st.integers(0, LASTS_NS), st.integers(0, LASTS_NS))
def test_what_is_asked_between_two_times_is_what_is_due_there(
    pace: Pace, one: int, other: int
) -> None:
    from_ns, to_ns = START_NS + min(one, other), START_NS + max(one, other)
    first, last = pace.first_from(from_ns), pace.first_from(to_ns)
    assert pace.due_ns(first) >= from_ns
    assert first == 0 or pace.due_ns(first - 1) < from_ns
    assert pace.asked(from_ns, to_ns) == last - first
    assert pace.asked(to_ns, START_NS + 2 * LASTS_NS) == pace.asked(to_ns, pace.end_ns)
    assert pace.first_from(START_NS - 1) == 0


@given(st.integers(0, 10_000_000), ramps | st.none(), bursts | st.none(), st.integers(1, 9))
def test_hosts_share_all_of_a_load(
    rate: int, ramp: Ramp | None, burst: Burst | None, hosts: int
) -> None:
    whole = LoadShape(ramp=ramp, burst=burst)
    own = [whole.share(i, hosts) for i in range(hosts)]
    assert sum(share_of(rate, i, hosts) for i in range(hosts)) == rate
    assert sum(each.ramp.to_milli for each in own if each.ramp) == (ramp.to_milli if ramp else 0)
    assert sum(each.burst.rate_milli for each in own if each.burst) == (
        burst.rate_milli if burst else 0
    )


def test_a_ramp_and_bursts_are_as_people_say_them() -> None:
    ramp = Ramp(to_milli=30_000, over_ns=10 * SECOND_NS)
    pace = Pace(rate_milli=10_000, start_ns=0, end_ns=LASTS_NS, shape=LoadShape(ramp=ramp))
    seconds = [pace.asked(s * SECOND_NS, (s + 1) * SECOND_NS) for s in (0, 4, 9, 10, 59)]
    assert (seconds, pace.asked(0, 10 * SECOND_NS)) == ([11, 19, 29, 30, 30], 200)
    down = Ramp(to_milli=0, over_ns=10 * SECOND_NS)
    pace = Pace(rate_milli=20_000, start_ns=0, end_ns=LASTS_NS, shape=LoadShape(ramp=down))
    assert (pace.asked(0, LASTS_NS), pace.due_ns(100), pace.peak_milli) == (100, LASTS_NS, 20_000)
    burst = Burst(rate_milli=500_000, lasts_ns=2 * SECOND_NS, every_ns=20 * SECOND_NS)
    pace = Pace(rate_milli=0, start_ns=0, end_ns=LASTS_NS, shape=LoadShape(burst=burst))
    assert [pace.due_ns(n) for n in (0, 1, 999, 1_000)] == [
        20 * SECOND_NS, 20_002_000_000, 21_998_000_000, 40 * SECOND_NS,
    ]  # fmt: skip
    assert (pace.asked(0, LASTS_NS), pace.peak_milli) == (2_000, 500_000)


def test_a_rate_of_ten_a_second_is_one_each_tenth() -> None:
    pace = Pace(rate_milli=10_000, start_ns=0, end_ns=1)
    assert [pace.due_ns(n) for n in range(3)] == [0, 100_000_000, 200_000_000]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rate_milli": -1}, "`int` >= 0"),
        ({"shape": {"burst": {"rate_milli": 1, "lasts_ns": 1, "every_ns": 0}}}, "`int` >= 1"),
        ({"shape": {"ramp": {"to_milli": 1, "over_ns": 0}}}, "`int` >= 1"),
    ],
)
def test_a_configuration_without_a_possible_pace_is_refused(
    changes: dict[str, object], problem: str
) -> None:
    share = {
        "rate_milli": 1, "size_bytes": 1, "seed": 1, "start_ns": 0, "end_ns": 1,
        "account": "usera", "key_file": "usera.key",
    }  # fmt: skip
    with pytest.raises(msgspec.ValidationError, match=problem):
        msgspec.convert({**share, **changes}, ClientConfig)
