"""Crash loop: kill one of our own units again and again, and start it each time a while later.

A unit of our own does it, by shell: the agent may die meanwhile, and neither it nor Python is
needed to end it. What is counted are kills that hit something.
"""

from typing import Annotated

from msgspec import Meta

from faults.host.settled import settled
from faults.host.transient_unit import TransientUnit
from faults.kinds.ended_unit import KILLABLE, start_again
from faults.model.fault import FOR_NS_MAX, SECOND_NS, Evidence, Fault, HostContext, Recipe, verdict
from faults.model.settling import EVERY_NS_MIN

LOOP = (
    'while :; do systemctl kill --signal=SIGKILL "$2" && printf . >> "$1"; sleep "$3";'
    ' systemctl reset-failed "$2"; systemctl start --no-block "$2"; sleep "$4"; done'
)
"""Kills the unit $2, counts that in $1, starts it $3 s later, and does so again after $4 s."""


class CrashLoop(Fault, frozen=True, kw_only=True, tag="crash_loop"):
    """Kill unit every every_ns; it is started again when it was down for down_ns."""

    unit: KILLABLE
    every_ns: Annotated[int, Meta(ge=EVERY_NS_MIN, le=FOR_NS_MAX)]
    down_ns: Annotated[int, Meta(gt=0, le=FOR_NS_MAX)]

    def __post_init__(self) -> None:
        if self.down_ns >= self.every_ns:
            raise ValueError("down_ns is not less than every_ns")

    def recipe(self, context: HostContext) -> Recipe:
        """Return: start the loop; end it, and start the unit."""
        loop = self._loop(context)
        down, up = (f"{ns / SECOND_NS:g}" for ns in (self.down_ns, self.every_ns - self.down_ns))
        return Recipe(
            how="systemd unit",
            inject=(loop.start(LOOP, self.unit, down, up),),
            release=(loop.stop(), *start_again(self.unit)),
            remove=(loop.forget(),),
        )

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether the loop runs and has killed at least once."""
        found, looping = settled(lambda: self._shown(context), _is_looping)
        return verdict("" if looping else "the loop does not kill", found)

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return how often the unit was killed."""
        return {"kills": self._loop(context).count()}

    def ended_early(self, context: HostContext) -> str:
        """Return whether the loop is gone, "" when it runs."""
        return "" if self._loop(context).runs() else "the loop had ended"

    def left_over(self, context: HostContext) -> str:
        """Return the loop when it still runs."""
        return self._loop(context).left_over()

    def _loop(self, context: HostContext) -> TransientUnit:
        return TransientUnit(self.row.word, context, self.for_ns or 0)

    def _shown(self, context: HostContext) -> dict[str, object]:
        loop = self._loop(context)
        return {"loop": "running" if loop.runs() else "gone", "kills": loop.count()}


def _is_looping(found: dict[str, object]) -> bool:
    return found["loop"] == "running" and found["kills"] != 0
