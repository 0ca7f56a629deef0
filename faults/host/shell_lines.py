"""The steps of a recipe as POSIX shell: for the undo that needs neither Python nor the agent."""

from __future__ import annotations

import shlex

from faults.host.clock.host_clock_undo import restore_lines
from faults.model.fault import Command, MoveClock, RestoreClock, SetSkew, Step


def shell_lines(steps: tuple[Step, ...]) -> list[str]:
    """Return the steps as lines of POSIX shell; errors of may_fail steps are silent."""
    lines = []
    for step in steps:
        match step:
            case Command(words, may_fail, stdin):
                line = shlex.join(words)
                if stdin:
                    line = f"printf %s {shlex.quote(stdin)} | {line}"
                lines.append(f"{line} 2>/dev/null || true" if may_fail else line)
            case SetSkew(path):
                zero = f"dd of={shlex.quote(str(path))} conv=notrunc status=none"
                lines.append(f"head -c 32 /dev/zero | {zero} || true")
            case RestoreClock(marker):
                lines.append(restore_lines(str(marker)))
            case MoveClock():
                raise ValueError("an undo moves no clock but back")
    return lines
