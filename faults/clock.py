"""ClockStep at process level: the node's clock reads a 32-byte skew file, which this room writes.

The file, little endian: seq, offset_ns, drift_ppb, since_mono_ns (four int64). seq is even while
the rest is stable (a sequence lock); since_mono_ns is CLOCK_MONOTONIC_RAW. All zero means no skew,
and so does a missing file. The machine's own clock is never touched.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Literal

import msgspec

from faults.fault import SECOND_NS, Fault, FaultError, Place, Recipe, SetSkew

_LAYOUT = struct.Struct("<qqqq")
_SEQ = struct.Struct("<q")
OFFSET_NS_MAX = 3600 * SECOND_NS


class Skew(msgspec.Struct, frozen=True):
    """The contents of the skew file."""

    seq: int = 0
    offset_ns: int = 0
    drift_ppb: int = 0
    since_mono_ns: int = 0


class ClockStep(Fault, frozen=True, kw_only=True, tag="clock_step"):
    """Set the node's clock forward by by_ns (back if negative), drifting drift_ppb from then on."""

    by_ns: int
    drift_ppb: int = 0
    level: Literal["process"] = "process"
    skew_file: str = ""

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if abs(self.by_ns) > OFFSET_NS_MAX:
            raise ValueError("by_ns is more than an hour")
        if abs(self.drift_ppb) > 10_000_000:
            raise ValueError("drift_ppb is more than 1 %")

    def kind(self) -> str:
        """Return the fault's word."""
        return "clock_step"

    def lasts_ns(self) -> int | None:
        """Return the length asked."""
        return self.for_ns

    def check(self, place: Place) -> None:
        """Raise FaultError when the fault names another file than the host's own."""
        if self.skew_file not in ("", str(place.skew_file)):
            raise FaultError("bad_fault", f"skew_file must be {place.skew_file}")

    def recipe(self, place: Place) -> Recipe:
        """Return: write the skew; write zeros."""
        return Recipe(
            how="process clock",
            inject=(SetSkew(place.skew_file, self.by_ns, self.drift_ppb),),
            release=(SetSkew(place.skew_file, 0, 0),),
        )


def read_skew(path: Path) -> Skew:
    """Return the file's contents; a missing or short file is no skew."""
    try:
        data = path.read_bytes()
    except OSError:
        return Skew()
    return Skew(*_LAYOUT.unpack(data[:32])) if len(data) >= 32 else Skew()


def write_skew(path: Path, offset_ns: int, drift_ppb: int) -> None:
    """Return nothing; the file holds the skew from now on, and no reader sees half of it."""
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
