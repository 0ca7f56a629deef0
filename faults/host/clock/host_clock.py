"""The host's own clock: read it beside CLOCK_MONOTONIC_RAW, step it, change its rate, restore it.

Nothing here decides when; runner.py calls move() and restore() for the steps of a recipe. Rates are
in the kernel's two figures: tick (microseconds added a tick of 10 ms; one more is 100 ppm) and
freq (2**-16 ppm, at most 500 ppm). CLOCK_MONOTONIC_RAW follows neither, so it is the measure.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from faults.host.boottime import CENTISECOND_NS, boot_id, boottime_ns
from faults.model.fault import SECOND_NS

TICK_US = 10_000
"""The nominal tick: USER_HZ is 100 on every 64-bit Linux."""
TICK_PPB = 100_000
FREQ_MAX = 500 << 16
TOLERANCE_NS = 50_000
"""A clock this near to where it belongs is not touched."""

_READS = 25
_ADJ_FREQUENCY, _ADJ_SETOFFSET, _ADJ_NANO, _ADJ_TICK = 0x0002, 0x0100, 0x2000, 0x4000


class Rate(msgspec.Struct, frozen=True):
    """How fast the kernel lets wall time run."""

    tick: int
    freq: int

    @property
    def ppb(self) -> int:
        """Return the rate against the hardware's, in parts per thousand million."""
        return (self.tick - TICK_US) * TICK_PPB + round(self.freq * 1000 / 65536)

    def faster(self, by_ppb: int) -> Rate:
        """Return this rate and by_ppb more; the tick moves only when freq alone cannot do it."""
        freq = self.freq + round(by_ppb * 65536 / 1000)
        ticks = 0
        if abs(freq) > FREQ_MAX:
            ticks = round(freq / (100 << 16))
        return Rate(self.tick + ticks, freq - ticks * (100 << 16))


class Reading(msgspec.Struct, frozen=True):
    """Wall and raw monotonic time of one moment, to within error_ns, and the rate then."""

    wall_ns: int
    raw_ns: int
    error_ns: int
    rate: Rate

    @property
    def wall_minus_raw_ns(self) -> int:
        """Return how far wall time is ahead of the raw monotonic clock."""
        return self.wall_ns - self.raw_ns

    def wall_at(self, raw_ns: int) -> int:
        """Return what wall time becomes at raw_ns when the clock runs on at this rate."""
        elapsed_ns = raw_ns - self.raw_ns
        return self.wall_ns + elapsed_ns + elapsed_ns * self.rate.ppb // SECOND_NS


class Moved(msgspec.Struct, frozen=True):
    """The marker: what the clock was before a fault moved it, and right after (None: a crash)."""

    boot: str
    before: Reading
    after: Reading | None = None


class Restored(msgspec.Struct, frozen=True):
    """The clock over the fault's whole life; corrected_ns is the step that brought it back."""

    before: Reading
    after: Reading | None
    last: Reading
    restored: Reading
    corrected_ns: int


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
        ("constant", ctypes.c_long), ("precision", ctypes.c_long), ("tolerance", ctypes.c_long),
        ("sec", ctypes.c_long), ("nsec", ctypes.c_long), ("tick", ctypes.c_long),
        ("rest", ctypes.c_long * 8), ("tai", ctypes.c_int), ("padding", ctypes.c_int * 11),
    )  # fmt: skip


class _Sample(NamedTuple):
    error_ns: int
    wall_ns: int
    raw_ns: int


def read() -> Reading:
    """Return the clocks now: the tightest of a few reads."""
    best = min(_sample() for _ in range(_READS))
    return Reading(best.wall_ns, best.raw_ns, best.error_ns, read_rate())


def read_rate() -> Rate:
    """Return the kernel's rate; changes nothing and needs no privilege.

    Raises:
        OSError: the kernel forbids even that.
    """
    found = _adjust(_Timex())
    return Rate(int(found.tick), int(found.freq))


def move(marker: Path, by_ns: int, by_ppb: int) -> None:
    """Set wall time by_ns ahead of where it is, and let it run by_ppb faster.

    What it was before is in the marker first, so that restore() and the undo script can take it
    back at any moment from here on.

    Raises:
        OSError: the marker could not be written, or the clock not be moved.
    """
    before = read()
    moved = Moved(boot_id(), before)
    _save(marker, moved)
    if by_ns:
        _step(by_ns)
    if by_ppb:
        _set_rate(before.rate.faster(by_ppb))
    _save(marker, msgspec.structs.replace(moved, after=read()))


def restore(marker: Path) -> None:
    """Set the clock to where it would be had move() never run; without a marker, do nothing.

    Wall time is computed from the raw monotonic clock, and touched only when it differs. What was
    found is left in the marker's .restored file.

    Raises:
        OSError: the kernel refused; the marker stays.
    """
    moved = load(marker)
    if moved is None or moved.boot != boot_id():
        marker.unlink(missing_ok=True)
        return
    last = read()
    if last.rate != moved.before.rate:
        _set_rate(moved.before.rate)
    now = read()
    corrected_ns = moved.before.wall_at(now.raw_ns) - now.wall_ns
    if abs(corrected_ns) <= max(TOLERANCE_NS, 2 * now.error_ns):
        corrected_ns = 0
    else:
        _step(corrected_ns)
    story = Restored(moved.before, moved.after, last, read(), corrected_ns)
    with contextlib.suppress(OSError):
        _write(story_file(marker), msgspec.json.encode(story))
    marker.unlink(missing_ok=True)


def load(marker: Path) -> Moved | None:
    """Return the marker's contents; None when nothing was moved (or a stranger wrote it)."""
    try:
        if marker.lstat().st_uid != os.geteuid():
            return None
        return msgspec.json.decode(marker.read_bytes().split(b"\n")[1], type=Moved)
    except (OSError, IndexError, msgspec.DecodeError):
        return None


def load_story(marker: Path) -> Restored | None:
    """Return what restore() left behind, None when it did not run."""
    try:
        return msgspec.json.decode(story_file(marker).read_bytes(), type=Restored)
    except (OSError, msgspec.DecodeError):
        return None


def story_file(marker: Path) -> Path:
    """Return the file in which restore() leaves what it found."""
    return marker.with_suffix(".restored")


def marker_text(moved: Moved, wall_minus_boottime_ns: int) -> bytes:
    """Return the marker: a line of plain words for the undo script, then JSON."""
    offset_cs = wall_minus_boottime_ns // CENTISECOND_NS
    was, rate = moved.before, moved.before.rate
    words = (offset_cs, rate.tick, rate.freq, was.wall_ns, was.raw_ns, rate.ppb)
    line = f"{moved.boot} {' '.join(map(str, words))}\n"
    return line.encode() + msgspec.json.encode(moved) + b"\n"


def _save(marker: Path, moved: Moved) -> None:
    if moved.after is None:
        wall_minus_boottime_ns = time.time_ns() - boottime_ns()
    else:
        line = marker.read_bytes().split(b" ")
        wall_minus_boottime_ns = int(line[1]) * CENTISECOND_NS
    _write(marker, marker_text(moved, wall_minus_boottime_ns))


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(fresh, flags, 0o600)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
    fresh.rename(path)


def _sample() -> _Sample:
    first = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    wall_ns = time.time_ns()
    last = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    return _Sample(last - first, wall_ns, (first + last) // 2)


def _step(by_ns: int) -> None:
    """Add by_ns to wall time in one go: no read and set in between which time would pass."""
    _adjust(_Timex(modes=_ADJ_SETOFFSET | _ADJ_NANO, sec=by_ns // SECOND_NS,
                   nsec=by_ns % SECOND_NS))  # fmt: skip


def _set_rate(rate: Rate) -> None:
    _adjust(_Timex(modes=_ADJ_FREQUENCY | _ADJ_TICK, freq=rate.freq, tick=rate.tick))


def _adjust(timex: _Timex) -> _Timex:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.clock_adjtime(time.CLOCK_REALTIME, ctypes.byref(timex)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "clock_adjtime")
    return timex
