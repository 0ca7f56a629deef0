"""How much of this process' memory is resident, as Linux counts it.

By hand, because psutil would take a megabyte of every node for the one number.
"""

import os
from pathlib import Path

_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Return the size of what is in memory of this process, shared pages too."""
    return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
