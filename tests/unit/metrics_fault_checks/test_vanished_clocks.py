"""A clock that was moved, drifted or was lied to for a part of its fault only is not as asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.metrics_build import bend
from tests.unit.metrics_build.bend import Rebuilt


def told(summary: dict[str, Any]) -> tuple[str, str, str]:
    """Return (state, reason, word) of the fault that was put into the window."""
    return bend.judged(summary, summary["faults"][-1]["id"])


def unless(window: tuple[float, float], by_s: Callable[[float], float]) -> Callable[[float], float]:
    """Return by_s with nothing in the window (seconds into the fault)."""
    return lambda t: 0.0 if window[0] <= t < window[1] else by_s(t)


@pytest.mark.parametrize(
    ("undone", "reason"),
    [
        ((6.0, 14.0), "h2's clock was not off as asked from 96.0 to 103.8 s"),
        ((17.0, 20.0), "h2's clock was not off as asked from 107.0 to 109.0 s"),
        ((0.0, 2.6), "h2's clock was not off as asked from 90.8 to 92.5 s"),
    ],
)
def test_a_step_that_was_taken_back_for_a_part_of_its_window(
    bent: Rebuilt, undone: tuple[float, float], reason: str
) -> None:
    planned = bend.fault("clock_step", ["h2"], {"by_ns": 300_000_000, "level": "process"})
    summary = bent(planned, lambda lines: bend.wall(lines, "h2", unless(undone, lambda t: 0.3)))
    assert told(summary) == ("indeterminate", reason, "")
    assert summary["verdict"] == "invalid"


def test_a_step_that_one_late_stamp_denies_is_as_asked(bent: Rebuilt) -> None:
    planned = bend.fault("clock_step", ["h2"], {"by_ns": 300_000_000, "level": "process"})
    summary = bent(planned, lambda lines: bend.wall(lines, "h2", unless((8.0, 8.3), lambda t: 0.3)))
    assert told(summary) == ("installed", "", "as asked")


def test_a_step_of_a_clock_that_nothing_told_of_for_a_while(bent: Rebuilt) -> None:
    def dark(lines: bend.Lines) -> None:
        bend.wall(lines, "h2", lambda t: 0.3)
        gone = {id(line) for line in bend.within(lines["h2"], (97.0, 103.0))}
        lines["h2"] = [line for line in lines["h2"] if id(line) not in gone]
        bend.renumber(lines["h2"])

    planned = bend.fault("clock_step", ["h2"], {"by_ns": 300_000_000, "level": "process"})
    summary = bent(planned, dark)
    reason = "h2's clock was not seen from 96.8 to 103.0 s"
    assert told(summary) == ("indeterminate", reason, "")


def test_a_drift_that_stood_still_for_a_part_of_its_window(bent: Rebuilt) -> None:
    def holds(t: float) -> float:
        return 200e-6 * (t if t < 6.0 else max(6.0, t - 8.0))

    planned = bend.fault("clock_drift", ["h3"], {"by_ppb": 200_000, "level": "host"})
    summary = bent(planned, lambda lines: bend.wall(lines, "h3", holds))
    reason = "h3's clock did not drift as asked from 97.0 to 102.8 s"
    assert told(summary) == ("indeterminate", reason, "")
    assert summary["verdict"] == "invalid"


@pytest.mark.parametrize(
    ("kind", "asked", "resolution"),
    [
        ("clock_step", {"by_ns": 900_000, "level": "process"}, "1 ms"),
        ("clock_drift", {"by_ppb": 9_000, "level": "process"}, "10 ppm"),
        ("ntp_offset", {"by_ns": 3_000_000}, "9.2 ms"),
    ],
)
def test_a_clock_fault_below_what_can_be_seen_says_so(
    bent: Rebuilt, kind: str, asked: dict[str, Any], resolution: str
) -> None:
    planned = bend.fault(kind, ["h4"], asked)
    summary = bent(planned, lambda lines: bend.checks_each_second(lines, "h4"))
    word = f"too small to see (resolution {resolution})"
    assert told(summary) == ("installed", "", word)


@pytest.mark.parametrize("asked", [1_500_000, 8_000_000])
def test_a_small_step_that_never_came_is_not_as_asked(bent: Rebuilt, asked: int) -> None:
    planned = bend.fault("clock_step", ["h2"], {"by_ns": asked, "level": "process"})
    summary = bent(planned)
    reason = "h2's clock was not off as asked from 90.8 to 109.0 s"
    assert told(summary) == ("indeterminate", reason, "")


def test_time_servers_that_told_the_truth_in_between(bent: Rebuilt) -> None:
    def honest_once(lines: bend.Lines) -> None:
        bend.checks_each_second(lines, "h4")
        bend.told(lines, "h4", 0.3)
        for line in bend.within(lines["h4"], (97.0, 103.0)):
            if line["kind"] == "clock":
                line["offset_ns"] += 300_000_000

    planned = bend.fault("ntp_offset", ["h4"], {"by_ns": 300_000_000})
    summary = bent(planned, honest_once)
    reason = "h4 was not lied to as asked from 97.0 to 102.0 s"
    assert told(summary) == ("indeterminate", reason, "")
    assert summary["verdict"] == "invalid"


def test_a_lie_that_no_check_looked_at_for_most_of_its_window(bent: Rebuilt) -> None:
    """The lie may have lasted: nothing says so, and nothing says otherwise."""

    def seldom(lines: bend.Lines) -> None:
        bend.told(lines, "h4", 0.3)
        asked = [x for x in bend.within(lines["h4"], (92.0, 125.0)) if x["kind"] == "clock"]
        kept = {id(line) for line in lines["h4"]} - {id(line) for line in asked}
        lines["h4"] = [line for line in lines["h4"] if id(line) in kept]
        bend.renumber(lines["h4"])

    planned = bend.fault("ntp_offset", ["h4"], {"by_ns": 300_000_000})
    planned |= {"at_ns": 80_000_000_000}
    summary = bent(planned, seldom, late_s=-9.9)
    assert told(summary)[2] != "as asked"
