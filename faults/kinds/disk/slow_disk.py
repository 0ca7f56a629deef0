"""SlowDisk: the disk of the node's blocks takes so many writes of the node's in a second, no more.

A limit of the cgroup that systemd keeps the node in, which outlasts the node's own restarts. What
is beyond it waits in the kernel, and the node's fsync with it.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from faults.host.boottime import boottime_ns
from faults.host.runner import output
from faults.host.settled import settled
from faults.kinds.ended_unit import KILLABLE
from faults.model.fault import SECOND_NS, Command, Evidence, Fault, HostContext, Recipe, verdict

CGROUPS = Path("/sys/fs/cgroup")
LIMITED = (
    'systemd-run --quiet --collect --wait --property="IOWriteIOPSMax=$1/chain 1000" /bin/sh -ec'
    " 'grep -q wiops=1000 \"/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/io.max\"'"
)
"""Succeeds where systemd can limit what a unit writes to the disk of the state folder $1."""
DROP_IN = "/run/systemd/system.control/{unit}.d/50-IOWriteIOPSMax.conf"
"""Where systemd keeps a limit that lasts until the next boot."""


class SlowDisk(Fault, frozen=True, kw_only=True, tag="slow_disk"):
    """Let the disk take at most `writes` writes of the unit's in a second."""

    tried_by = (("io_max", LIMITED),)
    unit: KILLABLE
    writes: Annotated[int, Meta(gt=0, le=1_000)]

    def recipe(self, context: HostContext) -> Recipe:
        """Return: set the limit; lift it, and forget it."""
        lift = self._limit(context, "infinity", may_fail=True)
        forget = Command(("rm", "-f", DROP_IN.format(unit=self.unit)))
        return Recipe(
            how="cgroup", inject=(self._limit(context, str(self.writes)),), release=(lift,),
            remove=(forget,),
        )  # fmt: skip

    def read_back(self, _context: HostContext) -> Evidence:
        """Return whether the kernel has the limit."""
        limit, there = settled(self._limit_shown, lambda shown: shown == str(self.writes))
        wrong = "" if there else f"the limit is {limit or 'not there'}"
        return verdict(wrong, {"limit": limit, **self.counters(_context)})

    def counters(self, _context: HostContext) -> dict[str, object]:
        """Return how often the unit wrote so far, and when that was looked at."""
        written = sum(map(int, self._shown("io.stat", "wios")))
        return {"writes": written, "uptime_s": round(boottime_ns() / SECOND_NS, 3)}

    def left_over(self, _context: HostContext) -> str:
        """Return the limit when it is still there."""
        limit = self._limit_shown()
        return f"a limit of {limit} writes a second" if limit == str(self.writes) else ""

    def _limit(self, context: HostContext, writes: str, *, may_fail: bool = False) -> Command:
        limit = f"IOWriteIOPSMax={context.chain_dir} {writes}"
        words = ("systemctl", "set-property", "--runtime", self.unit, limit)
        return Command(words, may_fail=may_fail)

    def _limit_shown(self) -> str:
        """Return what the kernel lets the unit write in a second, "" where it says nothing."""
        return next(iter(self._shown("io.max", "wiops")), "")

    def _shown(self, name: str, key: str) -> list[str]:
        """Return by disk what a file of the unit's cgroup says of a key."""
        _, text, _ = output(("systemctl", "show", "--property=ControlGroup", "--value", self.unit))
        try:
            words = (CGROUPS / text.strip().lstrip("/") / name).read_text().split()
        except OSError:
            return []
        return [word.partition("=")[2] for word in words if word.startswith(f"{key}=")]
