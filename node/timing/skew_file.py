"""The skew file a clock fault writes and this node reads: 32 bytes, all that is shared with faults.

Layout, little endian: seq, offset_ns, drift_ppb, since_mono_ns, four signed 64-bit integers. seq is
even when the rest is stable; a writer makes it odd, writes, makes it even again. The file is read
with pread on a descriptor kept open, not mapped: a mapped file that somebody truncates kills its
reader by SIGBUS.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

SKEW_LAYOUT = struct.Struct("<qqqq")
_ATTEMPTS = 4
_LOOK_AGAIN_NS = 20_000_000
_KEPT_NS = 1_000_000
"""So long what was read holds: a busy node asks the time several times for each transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """What the node's wall clock shows too much: offset_ns, and drift_ppb since since_mono_ns."""

    offset_ns: int = 0
    drift_ppb: int = 0
    since_mono_ns: int = 0


NO_SKEW = Skew()


def skewed(wall_ns: int, mono_ns: int, skew: Skew) -> int:
    """Return what the skewed clock shows when the real ones show wall_ns and mono_ns (raw)."""
    drifted_ns = skew.drift_ppb * (mono_ns - skew.since_mono_ns) // 10**9
    return wall_ns + skew.offset_ns + drifted_ns


class SkewFile:
    """Reader of one skew file. A missing, empty or short file means no skew."""

    __slots__ = ("_fd", "_identity", "_looked_ns", "_path", "_read_ns", "_skew")

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._fd: int | None = None
        self._identity: tuple[int, int] | None = None
        self._looked_ns: int | None = None
        self._read_ns: int | None = None
        self._skew = NO_SKEW

    def read(self, mono_ns: int) -> Skew:
        """Return the skew in force.

        Content is read again after 1 ms of mono_ns, and whether the path now names another file is
        looked at every 20 ms. While a writer is in the middle of a change, the last stable value
        stays.
        """
        if self._path is None:
            return NO_SKEW
        if self._read_ns is not None and 0 <= mono_ns - self._read_ns < _KEPT_NS:
            return self._skew
        if self._looked_ns is None or not 0 <= mono_ns - self._looked_ns < _LOOK_AGAIN_NS:
            self._looked_ns = mono_ns
            self._follow(self._path)
        self._read_ns = mono_ns
        if self._fd is None:
            self._skew = NO_SKEW
            return NO_SKEW
        for _ in range(_ATTEMPTS):
            data = os.pread(self._fd, SKEW_LAYOUT.size, 0)
            if len(data) < SKEW_LAYOUT.size:
                self._skew = NO_SKEW
                return NO_SKEW
            if data[0] % 2 == 0 and os.pread(self._fd, 8, 0) == data[:8]:
                _, offset_ns, drift_ppb, since_mono_ns = SKEW_LAYOUT.unpack(data)
                self._skew = Skew(
                    offset_ns=offset_ns, drift_ppb=drift_ppb, since_mono_ns=since_mono_ns
                )
                break
        return self._skew

    def close(self) -> None:
        """Let go of the file; a later read opens it again."""
        self._drop()
        self._looked_ns = self._read_ns = None

    def _drop(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
        self._fd = self._identity = None

    def _follow(self, path: Path) -> None:
        """Open what path names now, unless it is open already."""
        try:
            found = os.stat(path)
            identity = (found.st_dev, found.st_ino)
            if identity == self._identity:
                return
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._drop()
            return
        self._drop()
        self._fd, self._identity = fd, identity
