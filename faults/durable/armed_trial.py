"""What is armed on this host, until when, on disk for an agent that comes back.

Whoever heals without the agent removes it first; an agent that finds it gone begins nothing more,
so one that hung and wakes again does no harm. The agent ends a lease on time; for when it cannot
any more there is a timer, where the lease may end before the faults do.
"""

import contextlib
from pathlib import Path

import msgspec

from faults.durable import lease_file
from faults.durable.undo_timer import LEASE_PATIENCE_S, UndoTimers

NAME = "armed"
WORD = "lease"


class ArmedTrial(msgspec.Struct, frozen=True, kw_only=True):
    """One arming; times are CLOCK_BOOTTIME (t0_mono_ns: CLOCK_MONOTONIC_RAW) of the boot named."""

    key: str
    boot: str
    trial: str
    t0_boottime_ns: int
    t0_mono_ns: int
    lease_end_ns: int


class ArmedTrialFile:
    """The file of one host."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def give(self, armed_trial: ArmedTrial) -> None:
        """Put the armed trial on disk.

        Raises:
            OSError: no space; nothing may be armed then.
        """
        lease_file.write(self.path, armed_trial.lease_end_ns, armed_trial, fresh=True)

    def renew(self, armed_trial: ArmedTrial) -> None:
        """Write it over the one before; a revoked one stays revoked."""
        with contextlib.suppress(FileNotFoundError):
            lease_file.write(self.path, armed_trial.lease_end_ns, armed_trial, fresh=False)

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


class Lease:
    """Keeps the file and the lease timer in step with each renewal."""

    def __init__(self, armed_file: ArmedTrialFile, timers: UndoTimers, script: Path) -> None:
        self.armed_file = armed_file
        self.timers = timers
        self.script = script
        self._number = 0
        self._name = ""

    def begin(self, armed_trial: ArmedTrial, ends_ns: int | None) -> None:
        """Put the armed trial on disk and, if the lease may end first, start its timer.

        Raises:
            OSError: one of them could not be made.
        """
        self.armed_file.revoke()
        self.armed_file.give(armed_trial)
        self._time(armed_trial, ends_ns)

    def renew(self, armed_trial: ArmedTrial, ends_ns: int | None) -> None:
        """Put the new end on disk, and time it.

        The script of a timer that fires meanwhile reads the new end and does nothing.

        Raises:
            OSError: the timer could not be made; the one before it still runs.
        """
        self.armed_file.renew(armed_trial)
        self._time(armed_trial, ends_ns)

    def end(self) -> None:
        """Leave no timer of the lease."""
        if self._name:
            self.timers.disarm(self._name)
            self._name = ""

    def _time(self, armed_trial: ArmedTrial, ends_ns: int | None) -> None:
        before = self._name
        if ends_ns is not None and armed_trial.lease_end_ns < ends_ns:
            self._number += 1
            name = f"{armed_trial.key}-{self._number}"
            self.timers.arm(
                name, self.script, armed_trial.lease_end_ns, WORD, within_s=LEASE_PATIENCE_S
            )
            self._name = name
        else:
            self._name = ""
        if before:
            self.timers.disarm(before)
