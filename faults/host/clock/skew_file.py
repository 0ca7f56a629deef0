"""The skew file: how a clock fault of the node's clock alone reaches the node.

32 bytes, little endian: seq, offset_ns, drift_ppb, since_mono_ns (four int64). seq is even while
the rest is stable (a sequence lock); since_mono_ns is CLOCK_MONOTONIC_RAW. All zero means no skew,
and so does a missing file.
"""

import os
import struct
import time
from pathlib import Path

import msgspec

_LAYOUT = struct.Struct("<qqqq")
_SEQ = struct.Struct("<q")


class Skew(msgspec.Struct, frozen=True):
    """The contents of the skew file."""

    seq: int = 0
    offset_ns: int = 0
    drift_ppb: int = 0
    since_mono_ns: int = 0


def read_skew(path: Path) -> Skew:
    """Return the file's contents; a missing or short file is no skew."""
    try:
        data = path.read_bytes()
    except OSError:
        return Skew()
    return Skew(*_LAYOUT.unpack(data[:32])) if len(data) >= 32 else Skew()


def write_skew(path: Path, offset_ns: int, drift_ppb: int) -> None:
    """Put the skew into the file; no reader sees half of it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(descriptor, 0o644)
        if os.fstat(descriptor).st_size < 32:
            os.pwrite(descriptor, bytes(32), 0)
        seq = _SEQ.unpack(os.pread(descriptor, 8, 0))[0] & ~1
        os.pwrite(descriptor, _SEQ.pack(seq + 1), 0)
        since_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) if offset_ns or drift_ppb else 0
        os.pwrite(descriptor, struct.pack("<qqq", offset_ns, drift_ppb, since_ns), 8)
        os.pwrite(descriptor, _SEQ.pack(seq + 2), 0)
    finally:
        os.close(descriptor)
