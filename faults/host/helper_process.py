"""Helpers of a fault that run beside the agent and outlive it: how one is started and ended."""

import json
from dataclasses import dataclass
from pathlib import Path

import msgspec

from faults.model.fault import Command, HostContext, Step

END_MARGIN_NS = 750_000_000
"""A helper ends by itself this long after its deadline, behind agent and dead man's timer."""

STOP = (
    'mine() { grep -q -a -e "$2" "/proc/$p/cmdline" 2>/dev/null; };'
    ' p=$(cat "$1" 2>/dev/null) && mine "$1" "$2" && kill -TERM "$p" && n=0 &&'
    ' while mine "$1" "$2" && [ $n -lt 50 ]; do sleep 0.01; n=$((n+1)); done; rm -f "$1"'
)
"""Ends the module $2 whose pid file is $1, after making sure that the pid is one; waits for its
exit.
"""

READY = 'n=0; until [ -s "$1" ]; do sleep 0.05; n=$((n+1)); [ $n -lt 500 ] || exit 1; done'
"""Waits until the helper has written $1, which it does when it can work."""

READY_TIMEOUT_S = 30.0
"""A fault that is late is better than none: Python starts slowly on a busy, small machine."""


@dataclass(frozen=True, slots=True)
class Helper:
    """A Python of its own that works for one fault: its module, and how its files are called."""

    module: str
    files: str
    context: HostContext

    @property
    def pid_file(self) -> Path:
        """Return the file that names its process; it is written when the helper can work."""
        return self.context.run_dir / f"{self.files}-{self.context.token}.pid"

    @property
    def stats_file(self) -> Path:
        """Return the file in which it counts."""
        return self.context.run_dir / f"{self.files}-{self.context.token}.json"

    @property
    def until_ns(self) -> int:
        """Return the time (CLOCK_BOOTTIME) at which it ends by itself."""
        return (self.context.deadline_ns or 0) + END_MARGIN_NS

    def start(self, spec: msgspec.Struct) -> Command:
        """Return the command that starts `python -m MODULE SPEC`, detached from the agent."""
        context = self.context
        unit = f"slotlab-{self.module.rpartition('.')[2]}-{context.token}"
        words = (*context.python, "-S", "-m", self.module, json.dumps(msgspec.to_builtins(spec)))
        if "systemd" in context.capabilities:
            prefix: tuple[str, ...] = (
                "systemd-run", "--quiet", "--collect", f"--unit={unit}",
                "--property=Nice=-15", f"--setenv=PYTHONPATH={context.python_path}",
            )  # fmt: skip
        else:
            detach = 'exec setsid -f "$@" >/dev/null 2>&1 </dev/null'
            prefix = ("/bin/sh", "-c", detach, "start", "env", f"PYTHONPATH={context.python_path}")
        return Command((*prefix, *words))

    def ready(self, file: Path) -> Command:
        """Return the command that waits until it has written file."""
        return Command(("/bin/sh", "-c", READY, "ready", str(file)), timeout_s=READY_TIMEOUT_S)

    def stop(self) -> Command:
        """Return the command that ends it and removes its pid file."""
        words = ("/bin/sh", "-c", STOP, "stop", str(self.pid_file), self.module)
        return Command(words, may_fail=True)

    def forget(self) -> Command:
        """Return the command that removes what it has counted."""
        return Command(("rm", "-f", str(self.stats_file)))

    def runs(self) -> bool:
        """Return whether its process is there."""
        try:
            pid = int(self.pid_file.read_text())
            return self.module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return False

    def stats(self) -> dict[str, object]:
        """Return what it has counted, {} before it has."""
        try:
            data = json.loads(self.stats_file.read_bytes())
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}


def is_awaited(steps: tuple[Step, ...]) -> bool:
    """Return whether any of the steps waits for a helper."""
    return any(isinstance(step, Command) and READY in step.words for step in steps)
