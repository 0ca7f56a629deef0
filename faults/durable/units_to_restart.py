"""Which units a trial has started, and until when: they end with its lease, whoever is alive.

A timer of systemd runs end_units.sh, which reads the file, waits on while the lease is renewed and
needs neither agent nor Python.
A host that lost its power brings its units back, until the same end by the wall clock: that is all
that two boots share.
"""

import contextlib
import shlex
import time
from pathlib import Path

import msgspec

from faults.durable import lease_file
from faults.durable.undo_timer import LEASE_PATIENCE_S, UndoTimers, unit_name
from faults.host.boottime import boot_id, boottime_ns
from faults.host.runner import output
from faults.host.units import UNITS
from faults.model.fault import SECOND_NS

NAME = "running"
ENDED = "ended"
LONGEST_NS = 24 * 3600 * SECOND_NS
AGENT_FIRST_NS = 2 * SECOND_NS
"""The timer comes after an agent that is alive, and after what heals without it."""
_END = """#!/bin/sh
# Stops what a trial started here once its lease has ended; waits while somebody renews it.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd @FOLDER@ || exit 1
while ends=$(head -n 1 @NAME@ 2>/dev/null) && [ -n "$ends" ]; do
  now=$(cut -d' ' -f1 /proc/uptime | tr -d .)
  [ "$now" -lt "$ends" ] || break
  sleep $(((ends - now) / 100 + 2))
done
[ -n "$ends" ] || exit 0
sh heal.sh lease
systemctl stop @UNITS@
mv @NAME@ @ENDED@ 2>/dev/null || exit 0
echo "slotlab: the lease of this trial has ended: node, probe and client were stopped"
"""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial has running here; ends_boottime_ns counts in the boot named."""

    boot: str
    trial: str
    units: list[str]
    ends_boottime_ns: int
    until_wall_ns: int
    lasts_ns: int
    """How long it was to the end when this was written: no clock of a later boot makes it more."""
    timer: str = ""

    @property
    def left_ns(self) -> int:
        """Return how long it is to the end, 0 when that is past; of this boot's only."""
        return max(0, self.ends_boottime_ns - boottime_ns())


class RunningFile:
    """The file, and the timer that makes it true."""

    def __init__(self, folder: Path, timers: UndoTimers) -> None:
        self.path = folder / NAME
        self.script = folder / "end_units.sh"
        self._ended = folder / ENDED
        self._timers = timers

    def write_script(self) -> None:
        """Put the script that ends units without Python beside the file."""
        folder = shlex.quote(str(self.path.parent))
        text = _END.replace("@FOLDER@", folder).replace("@NAME@", NAME).replace("@ENDED@", ENDED)
        self.script.write_text(text.replace("@UNITS@", " ".join(reversed(UNITS.values()))))

    def hold(self, trial: str, units: list[str], lease_ns: int) -> None:
        """Have units, beside what this trial has running, end lease_ns from now.

        Raises:
            OSError: the disk does not take it, or no timer can be made; nothing may be started.
        """
        known = self.of(trial)
        names = [name for name in UNITS if name in {*(known.units if known else []), *units}]
        if known is None:
            self.drop()
        self._hold(trial, names, lease_ns, known.timer if known else "")

    def leased(self, trial: str, lease_ns: int) -> bool:
        """Return whether what the trial has running lasts until lease_ns from now.

        It does not where nothing is, or what was has ended already.

        Raises:
            OSError: the disk does not take it, or no timer can be made.
        """
        known = self.of(trial)
        if known is None or known.left_ns == 0:
            return False
        earlier = boottime_ns() + lease_ns < known.ends_boottime_ns
        self._hold(trial, known.units, lease_ns, "" if earlier else known.timer)
        if earlier:
            self._disarm(known)
        return True

    def stopped(self, units: list[str]) -> None:
        """Note that the units run no more, nor are to come back; without any, end the timer."""
        known = self.read()
        left = [name for name in known.units if name not in units] if known is not None else []
        if known is None or not left:
            self.drop()
            return
        with contextlib.suppress(OSError):
            self._write(msgspec.structs.replace(known, units=left), fresh=False)

    def drop(self) -> None:
        """Leave neither file nor timer."""
        known = self.read()
        self.path.unlink(missing_ok=True)
        if known is not None:
            self._disarm(known)

    def of(self, trial: str) -> Running | None:
        """Return what this trial has running in this boot, None when nothing."""
        known = self.read()
        ours = known is not None and (known.trial, known.boot) == (trial, boot_id())
        return known if ours else None

    def over(self) -> Running | None:
        """Return what is to be stopped now, as its lease has ended."""
        known = self.read()
        now = known is not None and known.boot == boot_id() and known.left_ns == 0
        return known if now else None

    def read(self) -> Running | None:
        """Return what the file says, None when nothing is to come back."""
        return lease_file.read(self.path, Running)

    def take_ended(self) -> Running | None:
        """Return what the script has stopped since the last call, None when nothing."""
        ended = lease_file.read(self._ended, Running)
        self._ended.unlink(missing_ok=True)
        return ended

    def bring_back(self) -> list[str]:
        """Return the units asked of systemd because an earlier boot had them running."""
        known = self.read()
        if known is None or known.boot == boot_id():
            return []
        left_ns = min(known.until_wall_ns - time.time_ns(), known.lasts_ns)
        self.path.unlink(missing_ok=True)
        if left_ns <= 0 or not set(known.units) <= set(UNITS):
            return []
        try:
            self._hold(known.trial, known.units, left_ns, "")
        except OSError:
            self.drop()
            return []
        code, _, _ = output(
            ("systemctl", "start", "--no-block", *(UNITS[name] for name in known.units))
        )
        return known.units if code == 0 else []

    def _hold(self, trial: str, units: list[str], lease_ns: int, timer: str) -> None:
        lasts_ns = min(LONGEST_NS, max(0, lease_ns))
        ends_ns = boottime_ns() + lasts_ns
        running = Running(
            boot=boot_id(), trial=trial, units=units, ends_boottime_ns=ends_ns,
            until_wall_ns=time.time_ns() + lasts_ns, lasts_ns=lasts_ns,
            timer=timer or f"units-{ends_ns}",
        )  # fmt: skip
        self._write(running, fresh=not self.path.exists())
        if not timer:
            when_ns = ends_ns + AGENT_FIRST_NS
            self._timers.arm(running.timer, self.script, when_ns, within_s=LEASE_PATIENCE_S)

    def _disarm(self, known: Running) -> None:
        """Stop timer and script: the script may be waiting by now."""
        if self._timers.systemd and known.timer:
            name = unit_name(known.timer)
            output(("systemctl", "stop", f"{name}.timer", f"{name}.service"))
        elif known.timer:
            self._timers.disarm(known.timer)

    def _write(self, running: Running, *, fresh: bool) -> None:
        lease_file.write(self.path, running.ends_boottime_ns, running, fresh=fresh)
