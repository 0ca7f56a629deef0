"""Counts the processes (and threads) that are started on lab hosts, from inside, by one shell each.

What is counted is what looking at nodes starts there, while a campaign runs: the numbers given out
to processes between two readings. The campaign's own looks (where the chain is, lock and lease) go
on meanwhile.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from harness.labs.lifecycle import running
from harness.orchestrator.fleet import Fleet, NodeStatus
from harness.testbed.lock import HostLock
from harness.watch.ask import Asking

_READ = "while read -r _; do read -r n < /proc/sys/kernel/ns_last_pid; echo $n; done"
"""Nothing in it but the shell itself: counting starts no process."""
LOOKS = 3
"""One is enough to see what a look starts; on a slow host twenty last longer than it is quiet."""
WINDOWS = 24
OWN_LOOKS_S = 4.0
"""A campaign that runs looks at a host every four seconds."""


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


def started_by_looking(lab: str, names: Sequence[str], fleet: Fleet) -> dict[str, int]:
    """Return how many processes began on each host during LOOKS looks, at least.

    A host has timers of its own; what looking starts would be there in every window. A node may be
    too busy to answer one look, not all of them.
    """
    least: dict[str, int] = {}
    answered: set[str] = set()
    with ExitStack() as stack:
        counters = {name: stack.enter_context(forks(lab, name)) for name in names}
        for _ in range(WINDOWS):
            before = {name: counter.count() for name, counter in counters.items()}
            for _ in range(LOOKS):
                answered |= _look(fleet)
            time.sleep(OWN_LOOKS_S)
            for name, counter in counters.items():
                begun = counter.count() - before[name]
                least[name] = min(begun, least.get(name, begun))
            if not any(least.values()):
                break
    assert answered == set(names)
    return least


def head(status: object) -> int:
    """Return the number of a node's head block, 0 where there is no status."""
    return status.head_num if isinstance(status, NodeStatus) else 0


def _look(fleet: Fleet) -> set[str]:
    """Return the hosts whose nodes answered, after all that looks at nodes did so once."""
    with Asking(fleet) as asking:
        hosts = asking.turn()
    assert len(HostLock(fleet.remote, "looking", owner="nobody").renew()) == len(hosts)
    return {seen.host for seen in hosts if seen.node is not None}
