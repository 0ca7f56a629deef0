"""Counts the processes (and threads) that are started on a lab host, from inside, by one shell."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.labs import running

_READ = "while read -r _; do read -r n < /proc/sys/kernel/ns_last_pid; echo $n; done"
"""Nothing in it but the shell itself: counting starts no process."""


@dataclass(frozen=True)
class Forks:
    """A shell on one host that tells the last process number given out there."""

    shell: subprocess.Popen[str]

    def count(self) -> int:
        """Return a number that each process start on the host makes larger by one."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write("\n")
        self.shell.stdin.flush()
        return int(self.shell.stdout.readline())


@contextmanager
def forks(lab: str, host: str) -> Iterator[Forks]:
    """Yield a counter on the host of that lab; its SSH session is open already."""
    words = [*running.ssh_command(lab, host), _READ]
    shell = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        made = Forks(shell)
        made.count()
        yield made
    finally:
        shell.kill()
        shell.communicate()
