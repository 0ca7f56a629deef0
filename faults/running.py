"""Which units a trial has started, so that a host that lost its power comes back as a node."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import msgspec

from faults.boottime import boot_id
from faults.fault import SECOND_NS
from faults.runner import output
from faults.units import UNITS

LONGEST_NS = 24 * 3600 * SECOND_NS


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What running.json holds; the wall clock decides, as it is all that two boots share."""

    boot: str
    trial: str
    units: list[str]
    until_wall_ns: int


class RunningFile:
    """running.json of one host."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "running.json"

    def started(self, trial: str, units: list[str], lease_ns: int | None) -> None:
        """Return when the units are noted beside those already running; until the lease ends.

        Raises:
            OSError: the disk does not take it.
        """
        known = self.read()
        before = known.units if known is not None and known.trial == trial else []
        names = [name for name in UNITS if name in {*before, *units}]
        self._write(trial, names, lease_ns)

    def leased(self, lease_ns: int) -> None:
        """Return nothing; what runs is to come back until lease_ns from now.

        Raises:
            OSError: the disk does not take it.
        """
        known = self.read()
        if known is not None:
            self._write(known.trial, known.units, lease_ns)

    def stopped(self, units: list[str]) -> None:
        """Return nothing; the units are not to come back any more."""
        known = self.read()
        left = [name for name in known.units if name not in units] if known is not None else []
        if known is None or not left:
            self.path.unlink(missing_ok=True)
            return
        try:
            self._write(known.trial, left, known.until_wall_ns - time.time_ns())
        except OSError:
            self.path.unlink(missing_ok=True)

    def read(self) -> Running | None:
        """Return what the file says, None when nothing is to come back."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Running)
        except (OSError, msgspec.DecodeError):
            return None

    def bring_back(self) -> list[str]:
        """Return the units asked of systemd because an earlier boot had them running."""
        known = self.read()
        if known is None or known.boot == boot_id():
            return []
        if time.time_ns() >= known.until_wall_ns or not set(known.units) <= set(UNITS):
            self.path.unlink(missing_ok=True)
            return []
        units = [UNITS[name] for name in known.units]
        code, _, _ = output(("systemctl", "start", "--no-block", *units))
        with contextlib.suppress(OSError):
            self._write(known.trial, known.units, known.until_wall_ns - time.time_ns())
        return known.units if code == 0 else []

    def _write(self, trial: str, units: list[str], lease_ns: int | None) -> None:
        lasts_ns = min(LONGEST_NS, LONGEST_NS if lease_ns is None else max(0, lease_ns))
        running = Running(
            boot=boot_id(), trial=trial, units=units, until_wall_ns=time.time_ns() + lasts_ns
        )
        fresh = self.path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            os.write(descriptor, msgspec.json.encode(running))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(fresh, self.path)
