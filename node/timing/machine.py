"""How the machine is that a node runs on: how busy and how warm, and what its network cards lost.

A busy, slowed or losing machine is a reason to doubt what was measured there.
"""

import math
from pathlib import Path

import msgspec
import psutil

from node.events import Machine

SYSFS = Path("/sys")
_PI = "devices/platform/soc/soc:firmware/get_throttled"
_PI_NOW = 0b1111
"""The firmware's bits for what is so now: too little voltage, a lower frequency, too much heat."""
_CORES = "devices/system/cpu/cpu*/thermal_throttle/core_throttle_count"


class MachineWatch:
    """Looks at this machine, whenever asked to; remembers how often it was slowed."""

    def __init__(self, sysfs: Path = SYSFS) -> None:
        self._sysfs = sysfs
        self._times_slow = 0
        self._slowed_before = self._slowed_by_kernel()

    def look(self) -> Machine:
        """Return how the machine is now."""
        times = psutil.cpu_times()  # What guests use, users do, too.
        idle_s = times.idle + times.iowait + times.guest + times.guest_nice
        cards = psutil.net_io_counters(pernic=True)
        return Machine(
            processors=psutil.cpu_count() or 1,
            busy_ns=round((sum(times) - idle_s) * 1e9),
            available_bytes=psutil.virtual_memory().available,
            nic_dropped=sum(c.dropin + c.dropout for name, c in cards.items() if name != "lo"),
            celsius=_hottest(),
            slowed=self._slowed(),
        )

    def _slowed(self) -> int | msgspec.UnsetType:
        """Return how often it was found slowed since this watch began; not there: nobody says."""
        try:
            now = int((self._sysfs / _PI).read_text(), 16) & _PI_NOW
        except (OSError, ValueError):
            found = self._slowed_by_kernel()
            return msgspec.UNSET if found is None else max(0, found - (self._slowed_before or 0))
        self._times_slow += now != 0
        return self._times_slow

    def _slowed_by_kernel(self) -> int | None:
        """Return how often the kernel has slowed cores for heat since it booted, None: unknown."""
        try:
            counts = [int(path.read_text()) for path in self._sysfs.glob(_CORES)]
        except (OSError, ValueError):
            return None
        return sum(counts) if counts else None


def _hottest() -> int | msgspec.UnsetType:
    """Return whole degrees of the hottest sensor, not there where there is none."""
    sensors = [one.current for found in psutil.sensors_temperatures().values() for one in found]
    known = [celsius for celsius in sensors if math.isfinite(celsius)]
    return max(0, round(max(known))) if known else msgspec.UNSET
