"""The host's clocks as the agent uses them, and the one conversion of T0 from wall to boot time."""

import time
from pathlib import Path
from typing import NamedTuple

from faults.model.fault import SECOND_NS

READS = 5
CENTISECOND_NS = 10_000_000
"""What /proc/uptime counts in."""
SPIN_NS = 200_000
"""A sleep may be this late."""


class Now(NamedTuple):
    """The three clocks read at one moment, to within error_ns."""

    wall_ns: int
    mono_ns: int
    boottime_ns: int
    error_ns: int


def boottime_ns() -> int:
    """Return CLOCK_BOOTTIME: counts through suspend, and no clock fault moves it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def read_clocks() -> Now:
    """Return wall, raw monotonic and boot time of one moment: the tightest of a few reads."""
    return min((_read() for _ in range(READS)), key=lambda now: now.error_ns)


def _read() -> Now:
    first = boottime_ns()
    wall_ns = time.time_ns()
    mono_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    last = boottime_ns()
    return Now(wall_ns, mono_ns, (first + last) // 2, last - first)


def boot_id() -> str:
    """Return the kernel's id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def sleep_until(when_ns: int) -> None:
    """Sleep until when_ns (boot time), to some ten microseconds on an idle processor.

    Only the last stretch keeps the processor busy: hosts that share processors are all due at one
    moment, and one that spins keeps another from waking.
    """
    while (left_ns := when_ns - boottime_ns()) > 0:
        if left_ns > SPIN_NS:
            time.sleep((left_ns - SPIN_NS) / SECOND_NS)


def utc_in(left_ns: int) -> str:
    """Return what time it will be after so long, by the wall clock."""
    moment = time.gmtime(time.time() + left_ns / SECOND_NS)
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", moment)


def seconds(value_ns: int) -> str:
    """Return value_ns in seconds for a command line."""
    return f"{max(0, value_ns) / SECOND_NS:.3f}"
