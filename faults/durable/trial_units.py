"""Node, probe and client of a trial on this host: started, stopped, ended with the lease."""

import logging
from dataclasses import dataclass

from faults.durable.journal import Journal
from faults.durable.units_to_restart import Running, RunningFile
from faults.host import units
from faults.model.fault import SECOND_NS, FaultError

log = logging.getLogger(__name__)

UNARMED_NS = 1800 * SECOND_NS
"""So long units run of a trial that is not armed yet."""


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
        """Stop what has outlived its lease, and tell of what was stopped without us."""
        ended, how = self.file.take_ended(), "timer"
        if ended is None:
            ended, how = self.file.over(), "agent"
            if ended is None:
                return
            try:
                units.stop(ended.units)
            except FaultError as error:
                log.warning("the lease has ended: %s: %s; trying again", error.reason, error.detail)
                return
            self.file.drop()
            self.file.take_ended()
        self._tell(ended, how)

    def _tell(self, ended: Running, how: str) -> None:
        if self.journal.trial != ended.trial:
            self.journal.follow(ended.trial, None)
        self.journal.write(
            "stopped", how=how, reason="lease_expired", read_back={"units": ended.units}
        )

    def _need_systemd(self) -> None:
        if not self.systemd:
            raise FaultError("unsupported", "no systemd on this host")
