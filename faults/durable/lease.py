"""The lease on disk, and a timer for its end where that may come before the faults' own.

The agent ends a lease on time; this is for when it cannot any more.
"""

from __future__ import annotations

from pathlib import Path

from faults.durable.armed_trial import Grant, GrantFile
from faults.durable.undo_timer import LEASE_PATIENCE_S, DeadMan

WORD = "lease"


class Leasing:
    """Keeps grant file and lease timer in step with each renewal."""

    def __init__(self, grants: GrantFile, timers: DeadMan, script: Path) -> None:
        self.grants = grants
        self.timers = timers
        self.script = script
        self._number = 0
        self._name = ""

    def begin(self, grant: Grant, ends_ns: int | None) -> None:
        """Put the grant on disk and, if the lease may end first, start its timer.

        Raises:
            OSError: one of them could not be made.
        """
        self.grants.revoke()
        self.grants.give(grant)
        self._time(grant, ends_ns)

    def renew(self, grant: Grant, ends_ns: int | None) -> None:
        """Put the new end on disk, and time it.

        The script of a timer that fires meanwhile reads the new end and does nothing.

        Raises:
            OSError: the timer could not be made; the one before it still runs.
        """
        self.grants.renew(grant)
        self._time(grant, ends_ns)

    def end(self) -> None:
        """Leave no timer of the lease."""
        if self._name:
            self.timers.disarm(self._name)
            self._name = ""

    def _time(self, grant: Grant, ends_ns: int | None) -> None:
        before = self._name
        if ends_ns is not None and grant.lease_ns < ends_ns:
            self._number += 1
            name = f"{grant.key}-{self._number}"
            self.timers.arm(name, self.script, grant.lease_ns, WORD, within_s=LEASE_PATIENCE_S)
            self._name = name
        else:
            self._name = ""
        if before:
            self.timers.disarm(before)
