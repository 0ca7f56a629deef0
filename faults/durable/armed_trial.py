"""What is armed on this host, until when, on disk for an agent that comes back.

One small file, its space reserved when it is made, so renewing it needs no free disk. Whoever heals
without the agent removes it first; an agent that finds it gone begins nothing more, so one that
hung and wakes again does no harm. Its first line is the end of the lease in hundredths of a second
of /proc/uptime, for the shell.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

NAME = "armed"
FILE_BYTES = 1024
_CENTISECOND_NS = 10_000_000


class ArmedTrial(msgspec.Struct, frozen=True, kw_only=True):
    """One arming; times are CLOCK_BOOTTIME (t0_mono_ns: CLOCK_MONOTONIC_RAW) of the boot named."""

    key: str
    boot: str
    trial: str
    t0_boottime_ns: int
    t0_mono_ns: int
    lease_ns: int


class ArmedTrialFile:
    """The file of one host."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def give(self, armed_trial: ArmedTrial) -> None:
        """Put the armed trial on disk.

        Raises:
            OSError: no space; nothing may be armed then.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o640)
        try:
            os.posix_fallocate(descriptor, 0, FILE_BYTES)
            os.pwrite(descriptor, _block(armed_trial), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def renew(self, armed_trial: ArmedTrial) -> None:
        """Write it over the one before; a revoked one stays revoked."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return
        try:
            os.pwrite(descriptor, _block(armed_trial), 0)
        finally:
            os.close(descriptor)

    def read(self) -> ArmedTrial | None:
        """Return what is armed, None when there is none (or half of one)."""
        try:
            return msgspec.json.decode(self.path.read_bytes().split(b"\n")[1], type=ArmedTrial)
        except (OSError, IndexError, msgspec.DecodeError):
            return None

    def holds(self, key: str) -> bool:
        """Return whether the arming with this key may still begin faults."""
        armed_trial = self.read()
        return armed_trial is not None and armed_trial.key == key

    def revoke(self) -> None:
        """Let no agent begin a fault of this arming any more."""
        self.path.unlink(missing_ok=True)


def _block(armed_trial: ArmedTrial) -> bytes:
    lease_cs = -(-armed_trial.lease_ns // _CENTISECOND_NS)
    data = f"{lease_cs}\n".encode() + msgspec.json.encode(armed_trial) + b"\n"
    if len(data) > FILE_BYTES:
        raise OSError(f"armed trial of {len(data)} bytes")
    return data.ljust(FILE_BYTES, b" ")
