"""Cgroups of lab hosts, for cgroup v1, hybrid and v2, with or without systemd on the machine.

With systemd as the machine's PID 1, systemd-nspawn asks it for a delegated scope and nothing is
done here. Without it each host gets a cgroup of its own in every hierarchy, because otherwise all
hosts share one and the hosts' systemds fight over it.
"""

import contextlib
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

from harness.errors import LabError
from harness.labs.process import ProcessId, identify

MOUNT = Path("/sys/fs/cgroup")
REMOVE_DEADLINE_S = 5.0
POLL_S = 0.02
BUDGET = "cpu.rt_runtime_us"
PERIOD_US = 10_000
SHARE_US = 900
SHARES = 10
"""Of each PERIOD_US of each processor, what a host gets for real-time work, and how many may get
it: smaller shares are used up by one action. A share used up stops its host until the period ends;
with the kernel's default, a second, hosts stood still.
"""
GIVEN_BACK_S = 0.2


def machine_runs_systemd() -> bool:
    """Return whether systemd is this machine's init (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def roots() -> tuple[Path, ...]:
    """Return the hierarchies in which a lab makes cgroups; none where systemd delegates."""
    if machine_runs_systemd():
        return ()
    if (MOUNT / "cgroup.controllers").exists():
        return (MOUNT,)
    found = [path for path in sorted(MOUNT.iterdir()) if (path / "cgroup.procs").exists()]
    if not found:
        raise LabError(f"no cgroup hierarchy is mounted under {MOUNT}: mount one first")
    return tuple(path for path in found if not path.is_symlink())


def make(tops: Iterable[str], host: str) -> None:
    """Make the host's cgroup below each of the lab's tops, and make it usable."""
    for top in map(Path, tops):
        leaf = top / host
        leaf.mkdir(parents=True, exist_ok=True)
        for parent, child in ((top.parent, top), (top, leaf)):
            _pass_on(parent, child)


def _pass_on(parent: Path, child: Path) -> None:
    # v1 cpusets start empty and refuse processes; v2 children lack controllers until enabled.
    for name in ("cpuset.cpus", "cpuset.mems"):
        source, target = parent / name, child / name
        if target.exists() and source.exists() and not target.read_text().strip():
            target.write_text(source.read_text())
    available = parent / "cgroup.controllers"
    if available.exists():
        for controller in available.read_text().split():
            with contextlib.suppress(OSError):
                (parent / "cgroup.subtree_control").write_text(f"+{controller}")


def share_real_time(tops: Iterable[str], host: str, hosts: int) -> None:
    """Let the host, one of so many, do some real-time work: its agent acts the moment it is due.

    Kernels that ration such work (cgroup v1, sched-rt-group) give none by default. Where other labs
    have taken what there is, or the lab is too large, the agent waits its turn.
    """
    for top in map(Path, tops):
        if hosts > SHARES or not (top / BUDGET).exists():
            continue
        if (top / BUDGET).read_text().strip() != "0" or _give(top, SHARES * SHARE_US, GIVEN_BACK_S):
            _give(top / host, SHARE_US)


def _give(group: Path, share_us: int, wait_s: float = 0.0) -> bool:
    """Return whether the group got the share; a lab that has just gone may hold it a while."""
    until = time.monotonic() + wait_s
    while True:
        try:
            (group / "cpu.rt_period_us").write_text(str(PERIOD_US))
            (group / BUDGET).write_text(str(share_us))
        except OSError:
            if time.monotonic() >= until:
                return False
            time.sleep(POLL_S)
        else:
            return True


def processes(tops: Iterable[str], host: str = "") -> tuple[ProcessId, ...]:
    """Return every live process in the cgroups of one host, or of the whole lab."""
    found: set[ProcessId] = set()
    for top in tops:
        for folder, _, files in os.walk(Path(top) / host):
            if "cgroup.procs" not in files:
                continue
            with contextlib.suppress(OSError):
                for word in (Path(folder) / "cgroup.procs").read_text().split():
                    process = identify(int(word))
                    if process is not None:
                        found.add(process)
    return tuple(sorted(found, key=lambda process: process.pid))


def used_ns(first: int) -> int:
    """Return how much of a processor all that ran in a container has had; first: its first process.

    From cgroup v2, which counts that also where v1 rations.

    Raises:
        LabError: there is none, or no such process.
    """
    root = MOUNT if (MOUNT / "cgroup.controllers").exists() else MOUNT / "unified"
    try:
        lines = Path(f"/proc/{first}/cgroup").read_text().splitlines()
        path = next(line[len("0::/") :] for line in lines if line.startswith("0::/"))
        words = (root / whole(path) / "cpu.stat").read_text().split()
    except (OSError, StopIteration) as error:
        raise LabError(f"no cgroup v2 counts what process {first} uses") from error
    return 1_000 * int(words[words.index("usage_usec") + 1])


def whole(path: str) -> str:
    """Return the cgroup of a whole container, of which a first process is in that of path.

    Its systemd has moved itself below what it was given, as nspawn did before it.
    """
    return re.split(r"/(?:payload|init\.scope)(?=/|$)", path)[0]


def remove(tops: Iterable[str], host: str = "") -> None:
    """Remove the cgroups, children first (the hosts' systemds made some).

    Raises:
        LabError: a cgroup stays busy.
    """
    deadline = time.monotonic() + REMOVE_DEADLINE_S
    for top in map(Path, tops):
        while (top / host).exists():
            try:
                for folder, _, _ in os.walk(top / host, topdown=False):
                    os.rmdir(folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                if time.monotonic() > deadline:
                    raise LabError(f"cannot remove the cgroup {top / host}: {error}") from error
                time.sleep(POLL_S)
