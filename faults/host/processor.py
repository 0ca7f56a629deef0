"""How long this host's processors have worked since it booted, as its kernel counts."""

import os
from pathlib import Path

from faults.model.fault import SECOND_NS

STAT = Path("/proc/stat")
IDLE, STOLEN = slice(3, 5), slice(7, 8)
"""Columns of the first line: idle and waiting for disks, and given to other machines (proc(5))."""
COUNTED = 8
"""Later columns are in the first two already."""


def times(stat: Path = STAT) -> dict[str, int]:
    """Return busy_ns, that all processors together worked, and all_ns, that they could have.

    In a container both are those of the machine it stands on.
    """
    words = stat.read_text().partition("\n")[0].split()[1 : COUNTED + 1]
    ticks = [int(word) for word in words]
    rest = sum(ticks[IDLE]) + sum(ticks[STOLEN])
    tick_ns = SECOND_NS // os.sysconf("SC_CLK_TCK")
    return {"busy_ns": (sum(ticks) - rest) * tick_ns, "all_ns": sum(ticks) * tick_ns}
