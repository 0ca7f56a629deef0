"""Helpers of a fault that run beside the agent and outlive it: how one is started and ended."""

from __future__ import annotations

from pathlib import Path

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


def start(context: HostContext, module: str, spec: str) -> Command:
    """Return the command that starts `python -m MODULE SPEC`, detached from the agent."""
    unit = f"slotlab-{module.rpartition('.')[2]}-{context.token}"
    words = (*context.python, "-S", "-m", module, spec)
    if "systemd" in context.capabilities:
        prefix: tuple[str, ...] = (
            "systemd-run", "--quiet", "--collect", f"--unit={unit}",
            "--property=Nice=-15", f"--setenv=PYTHONPATH={context.python_path}",
        )  # fmt: skip
    else:
        detach = 'exec setsid -f "$@" >/dev/null 2>&1 </dev/null'
        prefix = ("/bin/sh", "-c", detach, "start", "env", f"PYTHONPATH={context.python_path}")
    return Command((*prefix, *words))


def ready(file: Path) -> Command:
    """Return the command that waits until the helper has written file."""
    return Command(("/bin/sh", "-c", READY, "ready", str(file)), timeout_s=READY_TIMEOUT_S)


def is_awaited(steps: tuple[Step, ...]) -> bool:
    """Return whether any of the steps waits for a helper, which is a Python of its own."""
    return any(isinstance(step, Command) and READY in step.words for step in steps)


def stop(pid_file: Path, module: str) -> Command:
    """Return the command that ends the helper and removes its pid file."""
    return Command(("/bin/sh", "-c", STOP, "stop", str(pid_file), module), may_fail=True)
