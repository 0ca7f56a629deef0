"""Node, probe and client of a trial on this host: started, stopped, ended with the lease, or when
they leave too little of the disk.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from faults.durable.journal import Journal
from faults.durable.units_to_restart import Running, RunningFile
from faults.host import units
from faults.model.fault import SECOND_NS, FaultError
from faults.model.record import LEASE_EXPIRED, NO_ROOM

log = logging.getLogger(__name__)

UNARMED_NS = 1800 * SECOND_NS
"""So long units run of a trial that is not armed yet."""
RESERVE_BYTES = 25_000_000
"""Room that stays free on a host whatever runs: for undoing faults, its log, and whose it is."""


@dataclass(frozen=True, slots=True)
class TrialUnits:
    """What a trial has running; systemd: whether this host can start anything."""

    file: RunningFile
    journal: Journal
    systemd: bool

    def start(self, trial: str, names: list[str], lease_left_ns: int | None) -> None:
        """Start the units; they end with the lease, and come back with a host that lost its power.

        Raises:
            FaultError: unsupported, unknown_unit, unit_failed.
            OSError: their end cannot be kept on this host.
        """
        self._need_systemd()
        units.units_of(names)
        self.file.hold(trial, names, UNARMED_NS if lease_left_ns is None else lease_left_ns)
        units.start(names)

    def stop(self, names: list[str]) -> None:
        """Stop the units, and have none of them come back.

        Raises:
            FaultError: unsupported, unknown_unit, unit_failed.
        """
        self._need_systemd()
        self.file.stopped(names)
        units.stop(names)

    def clear(self) -> None:
        """Stop whatever runs of an earlier trial.

        Raises:
            FaultError: unit_failed.
        """
        self.file.drop()
        self.file.take_ended()
        if self.systemd:
            units.stop(list(units.UNITS))

    def shown(self) -> dict[str, object] | None:
        """Return what runs by whose trial and how long still, None where nothing is held."""
        known = self.file.read()
        if known is None:
            return None
        return {"trial": known.trial, "units": known.units, "left_ns": known.left_ns}

    def end_if_over(self) -> None:
        """Stop what has outlived its lease or fills the disk; tell also of what others stopped."""
        ended, how, why = self.file.take_ended(), "timer", LEASE_EXPIRED
        if ended is None:
            ended, how = self.file.over(), "agent"
            if ended is None:
                ended, why = self._without_room(), NO_ROOM
            if ended is None:
                return
            try:
                units.stop(ended.units)
            except FaultError as error:
                log.warning("%s: %s: %s; trying again", why, error.reason, error.detail)
                return
            self.file.drop()
            self.file.take_ended()
        if self.journal.trial != ended.trial:
            self.journal.follow(ended.trial, None)
        self.journal.write("stopped", how=how, reason=why, read_back={"units": ended.units})

    def _without_room(self) -> Running | None:
        """Return what runs here while the disk has less left than the reserve."""
        known = self.file.read()
        if known is None or free_bytes(self.file.path.parent) >= RESERVE_BYTES:
            return None
        return self.file.of(known.trial)

    def _need_systemd(self) -> None:
        if not self.systemd:
            raise FaultError("unsupported", "no systemd on this host")


def free_bytes(folder: Path) -> int:
    """Return how much of its disk is left to whoever is not root."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
