"""How far ahead T0 is set: as far as the hosts have shown that they need.

What a step takes is what it takes on the slowest host. The first trial knows only how long its
hosts took to stop what was left and to show their state; every later attempt and trial knows how
long it took to ship, start, get ready and arm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from faults.model.fault import SECOND_NS
from metrics.model.run_folder import Step

FLOOR_NS = 6 * SECOND_NS
"""Nodes look for each other and ask for the time, however fast their hosts are."""
SURVEYS = 10
"""Starting nodes and arming takes so many times as long as the survey: both start processes, one
after the other."""
READY_FLOOR_NS = 60 * SECOND_NS


@dataclass(slots=True)
class Pace:
    """Mutable: what the hosts of a run took for each step, the last time they did it."""

    took: dict[str, Step] = field(default_factory=dict)

    def note(self, step: str, took_ns: Mapping[str, int]) -> None:
        """Keep which host was the slowest in this step, and how long it took."""
        if took_ns:
            host = max(took_ns, key=lambda name: took_ns[name])
            self.took[step] = Step(step=step, host=host, took_ns=took_ns[host])

    def needed_ns(self) -> int:
        """Return how long it takes from shipping files to being armed, by all that is known."""
        if "ready" not in self.took:
            return SURVEYS * (self._took_ns("stop") + self._took_ns("snapshot"))
        armed_ns = self._took_ns("arm") or self._took_ns("prepare")
        return sum(map(self._took_ns, ("prepare", "start", "ready"))) + armed_ns

    def lead_ns(self) -> int:
        """Return how long from now T0 is to be: half as much again as is needed."""
        return max(FLOOR_NS, self.needed_ns() * 3 // 2)

    def ready_within_ns(self) -> int:
        """Return how long started nodes are waited for, however slow their hosts are."""
        return max(READY_FLOOR_NS, 3 * self.lead_ns())

    def steps(self) -> list[Step]:
        """Return each step's slowest host, in the order in which they were first done."""
        return list(self.took.values())

    def _took_ns(self, step: str) -> int:
        return self.took[step].took_ns if step in self.took else 0
