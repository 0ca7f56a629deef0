"""Delay: packets of the node are held on their way."""

from typing import Annotated

from msgspec import Meta

from faults.kinds.shaping.shape import Step
from faults.kinds.shaping.shaper import Shaper
from faults.model.fault import FaultError, HostContext

STEPS_MAX = 1_000


class Delay(Shaper, frozen=True, kw_only=True, tag="delay"):
    """Hold the flows of node_port: on leaving by netem, on arrival by the queue; steps: not for one
    time but as a trace says, since when for which.
    """

    steps: Annotated[tuple[Step, ...], Meta(max_length=STEPS_MAX)] = ()

    def check(self, context: HostContext) -> None:
        """Refuse a trace without an end, which is when its times are known by."""
        super().check(context)
        if self.steps and self.for_ns is None:
            raise FaultError("bad_fault", f"{self.id}: a trace without an end")

    @property
    def trace(self) -> tuple[Step, ...]:
        """Return since when packets are held for how long, () where that is one time."""
        return self.steps
