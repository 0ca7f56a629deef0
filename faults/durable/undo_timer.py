"""The dead man's timer: runs a fault's undo script when nobody else does any more.

With systemd a transient timer, which outlives the agent and needs no Python; without, a detached
shell that sleeps. It fires a little after the agent would have healed on time. One more timer
stands for the lease where that may end before the faults do.
"""

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from faults.host.boottime import boottime_ns, seconds
from faults.host.runner import TIMEOUT_S, environment, output

GRACE_NS = 500_000_000
LEASE_PATIENCE_S = 60.0
"""The timer of a lease is no matter of seconds; on a slow host, making one is."""
_SLEEP = 'echo $$ > "$3"; sleep "$1"; rm -f "$3"; exec /bin/sh "$2" $4'


@dataclass(frozen=True, slots=True)
class UndoTimers:
    """How timers are made on this host; they are known by name, also to a later agent."""

    run_dir: Path
    systemd: bool

    def arm(
        self, name: str, script: Path, when_ns: int, word: str = "", *, within_s: float = TIMEOUT_S
    ) -> None:
        """Make, within_s at most, a timer that runs script (with word) GRACE_NS after when_ns (boot
        time); it is late by as much as making it takes.

        Raises:
            OSError: it could not be armed; the fault must not be applied.
        """
        left = seconds(when_ns + GRACE_NS - boottime_ns())
        if not self.systemd:
            shell = ("/bin/sh", "-c", _SLEEP, "deadman", left, str(script), str(self._pid(name)))
            subprocess.Popen(
                (*shell, word), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True, env=environment(),
            )  # fmt: skip
            return
        words = (*("/bin/sh", str(script)), *((word,) if word else ()))
        code, _, error = output(
            ("systemd-run", "--quiet", "--collect", f"--unit={unit_name(name)}",
             f"--on-active={left}", "--timer-property=AccuracySec=50ms",
             "--timer-property=RemainAfterElapse=no", *words),
            within_s,
        )  # fmt: skip
        if code:
            raise OSError(f"systemd-run: {error.strip()[:200] or code}")

    def disarm(self, name: str) -> None:
        """Stop the timer of that name from firing."""
        if self.systemd:
            output(("systemctl", "stop", f"{unit_name(name)}.timer"))
            return
        path = self._pid(name)
        with contextlib.suppress(OSError, ValueError):
            group = int(path.read_text())
            command = Path(f"/proc/{group}/cmdline").read_bytes().split(b"\0")
            if b"deadman" in command and str(path).encode() in command:
                os.killpg(group, signal.SIGKILL)
        path.unlink(missing_ok=True)

    def _pid(self, name: str) -> Path:
        return self.run_dir / f"deadman-{name}.pid"


def unit_name(name: str) -> str:
    """Return the name of the transient units of one timer."""
    return f"slotlab-undo-{name}"
