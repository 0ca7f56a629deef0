"""Cpu: burn a share of the host's processors, whoever else wants them.

A spinning shell for each processor, in a unit whose quota is the share asked of all of them. They
run as most programs do; the node has a better niceness, so that what it loses is what such
neighbours cost it.
"""

import os
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from faults.host.boottime import boottime_ns
from faults.host.settled import settled
from faults.kinds.busy.busy import Busy
from faults.model.fault import SECOND_NS, Evidence, HostContext, Recipe, needs, verdict

BURN = (
    'n=$2; while [ "$n" -gt 1 ]; do (while :; do :; done) & n=$((n-1)); done; while :; do :; done'
)
"""Spins $2 shells."""
ALL_PPM = 1_000_000


class Cpu(Busy, frozen=True, kw_only=True, tag="cpu"):
    """Burn share_ppm of all processors' time; processors: how many there are, as the host sees."""

    tried_by = (
        ("cpu_quota", "grep -qw cpu /sys/fs/cgroup/cgroup.controllers 2>/dev/null"
         " || test -w /sys/fs/cgroup/cpu/cpu.shares; test -d /run/systemd/system"),
    )  # fmt: skip
    share_ppm: Annotated[int, Meta(gt=0, le=ALL_PPM)]
    processors: Annotated[int, Meta(ge=0, le=4096)] = 0

    def settled(self, _context: HostContext) -> "Cpu":
        """Return the fault with the host's processors counted."""
        return replace(self, processors=len(os.sched_getaffinity(0)))

    def check(self, context: HostContext) -> None:
        """Refuse a host without quotas."""
        needs(context, "systemd")
        needs(context, "cpu_quota")

    def recipe(self, context: HostContext) -> Recipe:
        """Return: start as many shells as there are processors, held to the share; end them."""
        quota = f"CPUQuota={max(1, self.share_ppm * self.processors // 10_000)}%"
        return self.burden(context, BURN, str(self.processors), properties=(quota,))

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether every shell is there."""
        unit = self.unit(context)
        count, whole = settled(lambda: len(unit.processes()), lambda n: n >= self.processors)
        wrong = "" if whole else f"{count} of {self.processors} shells spin"
        return verdict(wrong, {"shells": count})

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return the share of all processors that was burned since the first shell started."""
        processes = self.unit(context).processes()
        if not processes:
            return {}
        lived_ns = boottime_ns() - min(each.started_ns for each in processes)
        burned_ns = sum(each.cpu_ns for each in processes)
        share = burned_ns / max(1, lived_ns * self.processors)
        return {"burned_share": round(share, 4), "lived_s": round(lived_ns / SECOND_NS, 3)}
