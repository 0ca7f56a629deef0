"""Every latency lies in its interval, whatever clocks and links do within what is assumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from metrics.intake import clock_pairs
from metrics.intake.clock_pairs import Epoch
from metrics.intake.offset_bounds import OffsetBounds
from metrics.intake.timeline import Interval, Timeline
from metrics.model.arrays import Floats, Ints

A, B = Epoch("a", "1"), Epoch("b", "1")
SEED = 20_261_129
PAIRS = 250
HOPS = 400
BURST_PPM = 60.0
BURST_S = 5.0


@dataclass(frozen=True, slots=True)
class Clock:
    """A raw clock: its reading at 0, its rate, and a burst of another rate (ppm, true seconds)."""

    start_s: float
    ppm: float
    burst_at_s: float
    burst_ppm: float = BURST_PPM

    def read(self, true_s: Floats) -> Ints:
        """Return the clock's nanoseconds at true times."""
        burst = self.burst_ppm * np.clip(true_s - self.burst_at_s, 0, BURST_S)
        moved = np.round((true_s * (1e6 + self.ppm) + burst) * 1e3).astype(np.int64)
        read: Ints = round(self.start_s * 1e9) + moved
        return read


def probed(
    rng: np.random.Generator, a: Clock, b: Clock, probes_s: Floats, ways_ms: tuple[float, float]
) -> Timeline:
    """Return the time line of a and b from probes of a; ways_ms: the least delay there, back."""
    n = len(probes_s)
    there, back = (way / 1e3 + rng.exponential(0.2e-3, n) for way in ways_ms)
    forth, home = clock_pairs.both_ways(
        a.read(probes_s),
        b.read(probes_s + there),
        b.read(probes_s + there + 50e-6),
        a.read(probes_s + there + 50e-6 + back),
    )
    related = clock_pairs.bands({(A, B): [forth], (B, A): [home]}, [], {})
    return Timeline(A, related, None, 0, None)


def outside(found: Interval | None, true_s: Floats) -> int:
    """Return how many true latencies lie outside; stamps are whole nanoseconds."""
    assert found is not None
    return int(((true_s * 1e9 < found.lo - 2) | (true_s * 1e9 > found.hi + 2)).sum())


def drawn(rng: np.random.Generator) -> tuple[Timeline, Clock, Clock, float]:
    """Return a time line of two drawn clocks, one of which has a burst, and how long it lived."""
    lived_s = float(rng.choice([3.0, 8.0, 19.0, 40.0, 120.0]))
    a = Clock(rng.uniform(10, 1e6), rng.uniform(-100, 100), rng.uniform(0, lived_s), 0.0)
    sign = float(rng.choice([-1, 1]))
    b = Clock(
        rng.uniform(10, 1e6), rng.uniform(-100, 100), rng.uniform(0, lived_s), sign * BURST_PPM
    )
    probes_s = np.arange(0.2, lived_s, 1.0)
    lost = rng.uniform(0, lived_s)
    kept = (probes_s < lost) | (probes_s > lost + lived_s / 4)
    kept[0] = True
    ways = (0.05, 0.05), (0.3, 20.0), (20.0, 0.3), (2.0, 2.0)
    line = probed(rng, a, b, probes_s[kept], ways[int(rng.integers(len(ways)))])
    return line, a, b, lived_s


def test_all_hops_lie_in_their_intervals() -> None:
    print(f"seed {SEED}")
    rng = np.random.default_rng(SEED)
    wrong, widened = 0, 0
    for _ in range(PAIRS):
        line, a, b, lived_s = drawn(rng)
        widened += any(found.shown_ppm or found.empty for found in line.pairs.values())
        starts = rng.uniform(0, lived_s, HOPS)
        hops = 10 ** rng.uniform(-4, 1, HOPS)
        wrong += outside(line.latency(A, a.read(starts), B, b.read(starts + hops)), hops)
        wrong += outside(line.latency(B, b.read(starts), A, a.read(starts + hops)), hops)
        wrong += outside(line.latency(A, a.read(starts), A, a.read(starts + hops)), hops)
    assert (wrong, widened) == (0, 0)


@pytest.mark.parametrize("ways_ms", [(0.02, 0.02), (0.3, 20.0)])
def test_a_burst_of_60_ppm_between_lost_probes_is_held(ways_ms: tuple[float, float]) -> None:
    rng = np.random.default_rng(SEED)
    a, b = Clock(500, 30, 0, 0), Clock(90_000, -40, 30)
    probes_s = np.append(np.arange(0, 30, 0.5), np.arange(36, 60, 0.5))
    line = probed(rng, a, b, probes_s, ways_ms)
    starts = np.linspace(1, 58, 2000)
    found = line.latency(A, a.read(starts), B, b.read(starts + 0.001))
    assert outside(found, np.full(2000, 0.001)) == 0
    assert line.pairs[A, B].shown_ppm == 0


def test_a_faster_burst_than_assumed_widens_the_band_and_is_held() -> None:
    rng = np.random.default_rng(SEED)
    a, b = Clock(500, 0, 0, 0), Clock(90_000, 0, 30, 400)
    line = probed(rng, a, b, np.arange(0, 60, 1.0), (0.02, 0.02))
    assert 300 < line.pairs[A, B].shown_ppm < 1000
    starts = np.linspace(1, 58, 2000)
    found = line.latency(A, a.read(starts), B, b.read(starts + 0.001))
    assert outside(found, np.full(2000, 0.001)) == 0


def test_a_catch_up_of_ten_seconds_is_placed_at_its_end() -> None:
    rng = np.random.default_rng(SEED)
    a, b = Clock(500, 80, 0, 0), Clock(90_000, -80, 0, 0)
    line = probed(rng, a, b, np.arange(0, 60, 1.0), (0.05, 0.05))
    starts = np.linspace(1, 45, 100)
    found = line.latency(A, a.read(starts), B, b.read(starts + 10))
    assert outside(found, np.full(100, 10.0)) == 0
    rate_ns = 10e9 * clock_pairs.CRYSTAL_PPM / 1e6
    assert (found.hi - found.lo).max() / 2 < rate_ns + 500_000


def test_without_a_fit_the_band_wanders_as_two_crystals_may() -> None:
    rng = np.random.default_rng(SEED)
    a, b = Clock(500, 100, 0, 0), Clock(90_000, -100, 0, 0)
    short, long = (
        probed(rng, a, b, np.arange(0, lived_s, 1.0), (0.05, 0.05)).pairs[A, B]
        for lived_s in (4, 100)
    )
    assert isinstance(short, OffsetBounds)
    assert isinstance(long, OffsetBounds)
    assert short.slope == 0
    assert -205e-6 < long.slope < -195e-6
    assert short.wander == pytest.approx(2e-6 * clock_pairs.CRYSTAL_PPM)
    assert 100e-6 < long.wander < 110e-6


def test_a_node_whose_clock_probes_never_answered_makes_the_trial_invalid(
    rebuilt: Callable[..., dict[str, Any]],
) -> None:
    def silence(lines: dict[str, list[dict[str, Any]]]) -> None:
        for host, found in lines.items():
            lines[host] = [
                line
                for line in found
                if line.get("flow") != "clock" or "h4" not in (host, line["peer"])
            ]

    summary = rebuilt(silence)
    assert summary["verdict"] == "invalid"
    assert (
        "unrelated: h4 (boot boot-h4): no answered clock probe ties it to the other hosts, so its "
        "times are not known" in "\n".join(summary["invalid"])
    )


def test_a_probe_that_needs_a_faster_clock_than_assumed_is_a_note_and_invalidates_nothing(
    rebuilt: Callable[..., dict[str, Any]],
) -> None:
    def jolt(lines: dict[str, list[dict[str, Any]]]) -> None:
        probes = [x for x in lines["h1"] if x.get("flow") == "clock" and x["peer"] == "h4"]
        probes[50]["t2_ns"] += 1_020_000
        probes[50]["t3_ns"] += 1_020_000

    summary = rebuilt(jolt)
    notes = "\n".join(summary["notes"])
    assert "clock probes between h1 and h4 need a rate change of up to " in notes
    assert summary["invalid"] == []


def _moved(by_ns: Callable[[int], int]) -> Callable[[dict[str, list[dict[str, Any]]]], None]:
    """Return a change that moves true time and all hosts with it, by_ns(since the first check)."""

    def change(lines: dict[str, list[dict[str, Any]]]) -> None:
        for host in lines:
            checks = [line for line in lines[host] if line["kind"] == "clock"]
            for line in checks:
                line["wall_ns"] += by_ns(line["mono_ns"] - checks[0]["mono_ns"])

    return change


def test_time_servers_that_slew_are_a_note_and_invalidate_nothing(
    rebuilt: Callable[..., dict[str, Any]],
) -> None:
    summary = rebuilt(_moved(lambda since: min(since, 20_000_000_000) // 2000))
    notes = "\n".join(summary["notes"])
    assert "NTP checks of the hosts need a rate change of true time of up to " in notes
    assert summary["invalid"] == []


def test_time_servers_that_step_make_the_trial_invalid(
    rebuilt: Callable[..., dict[str, Any]],
) -> None:
    summary = rebuilt(_moved(lambda since: 500_000_000 * (since > 20_000_000_000)))
    assert "trial 1: NTP checks of the hosts contradict each other" in summary["invalid"]
