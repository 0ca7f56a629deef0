"""What is armed on this host, until when, on disk for an agent that comes back.

Whoever heals without the agent removes it first; an agent that finds it gone begins nothing more,
so one that hung and wakes again does no harm.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from faults.durable import lease_file

NAME = "armed"


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
        lease_file.write(self.path, armed_trial.lease_ns, armed_trial, fresh=True)

    def renew(self, armed_trial: ArmedTrial) -> None:
        """Write it over the one before; a revoked one stays revoked."""
        with contextlib.suppress(FileNotFoundError):
            lease_file.write(self.path, armed_trial.lease_ns, armed_trial, fresh=False)

    def read(self) -> ArmedTrial | None:
        """Return what is armed, None when there is none (or half of one)."""
        return lease_file.read(self.path, ArmedTrial)

    def holds(self, key: str) -> bool:
        """Return whether the arming with this key may still begin faults."""
        armed_trial = self.read()
        return armed_trial is not None and armed_trial.key == key

    def revoke(self) -> None:
        """Let no agent begin a fault of this arming any more."""
        self.path.unlink(missing_ok=True)
