"""The dead man's timer: runs a fault's undo script when nobody else does any more.

With systemd a transient timer, which outlives the agent and needs no Python; without, a detached
shell that sleeps. It fires a little after the agent would have healed on time.
"""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from faults.boottime import boottime_ns, seconds
from faults.runner import environment, output

GRACE_NS = 500_000_000


@dataclass(frozen=True, slots=True)
class DeadMan:
    """An armed timer: a systemd unit, or the process group of a sleeping shell."""

    unit: str = ""
    group: int = 0


def arm(script: Path, token: str, deadline_ns: int, *, systemd: bool) -> DeadMan:
    """Return the timer that runs script GRACE_NS after deadline_ns (boot time).

    Raises:
        OSError: it could not be armed; the fault must not be applied.
    """
    left = seconds(deadline_ns + GRACE_NS - boottime_ns())
    if not systemd:
        shell = ("/bin/sh", "-c", 'sleep "$1"; exec /bin/sh "$2"', "deadman", left, str(script))
        sleeper = subprocess.Popen(
            shell, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env=environment(),
        )  # fmt: skip
        return DeadMan(group=sleeper.pid)
    unit = unit_name(token)
    code, _, error = output(
        ("systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--on-active={left}",
         "--timer-property=AccuracySec=50ms", "--timer-property=RemainAfterElapse=no",
         "/bin/sh", str(script)),
    )  # fmt: skip
    if code:
        raise OSError(f"systemd-run: {error.strip()[:200] or code}")
    return DeadMan(unit=unit)


def disarm(timer: DeadMan) -> None:
    """Return nothing; the timer will not fire any more."""
    if timer.unit:
        output(("systemctl", "stop", f"{timer.unit}.timer"))
    if timer.group:
        try:
            os.killpg(timer.group, signal.SIGKILL)
            os.waitpid(timer.group, 0)
        except (ProcessLookupError, ChildProcessError):
            return


def disarm_token(token: str, *, systemd: bool) -> None:
    """Return nothing; a timer left by an earlier agent is stopped (a sleeping shell runs out by
    itself).
    """
    if systemd:
        output(("systemctl", "stop", f"{unit_name(token)}.timer"))


def unit_name(token: str) -> str:
    """Return the name of the transient units of one arming."""
    return f"slotlab-undo-{token}"
