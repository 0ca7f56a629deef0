"""The lease on disk, and a timer for its end where that may come before the faults' own.

The agent ends a lease on time; this is for when it cannot any more.
"""

from __future__ import annotations

from pathlib import Path

from faults.durable.armed_trial import ArmedTrial, ArmedTrialFile
from faults.durable.undo_timer import LEASE_PATIENCE_S, UndoTimers

WORD = "lease"


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
        if ends_ns is not None and armed_trial.lease_ns < ends_ns:
            self._number += 1
            name = f"{armed_trial.key}-{self._number}"
            self.timers.arm(
                name, self.script, armed_trial.lease_ns, WORD, within_s=LEASE_PATIENCE_S
            )
            self._name = name
        else:
            self._name = ""
        if before:
            self.timers.disarm(before)
