"""Clock faults: a step or a drift of the node's clock alone, of the whole host's, or by its daemon.

level process: the node reads its wall clock through a 32-byte skew file, which this room writes;
the machine's own clock is not touched. level host: the time daemon is held, the kernel's clock is
stepped or runs faster, and both come back from the raw monotonic clock. level daemon: chrony itself
is told that its sources are off, and steers the host there.
"""

from collections.abc import Iterable
from typing import Literal

from faults.host.clock import clock_setters
from faults.host.clock.clock_daemon import hold, restart, resume, steer
from faults.kinds.clock import clock_readback
from faults.kinds.clock.clock_readback import Bend, Level, held_file, marker_file
from faults.model.fault import (
    SECOND_NS,
    Evidence,
    Fault,
    FaultError,
    HostContext,
    MoveClock,
    Offset,
    Recipe,
    RestoreClock,
    SetSkew,
)
from faults.model.settling import HOST_DRIFT_PPB_MAX

PROCESS_DRIFT_PPB_MAX = 10_000_000
GAP_NS = 10 * SECOND_NS
"""From the end of a fault of the host's clock to the next clock fault: the daemon is held seconds
before a fault and starts only behind it.
"""

_NEEDED = {
    "host": "systemd and a clock of the host's own (a container shares its machine's)",
    "daemon": "systemd, a clock of the host's own, and chrony as its time daemon",
}


class ClockFault(Fault, frozen=True, kw_only=True):
    """Base of the two: what is done to a clock, at a level."""

    level: Level = "process"

    def bend(self) -> Bend:
        """Return what is asked of the clock."""
        raise NotImplementedError

    def gap_ns(self, later: Fault) -> int:
        """Return the time between two faults of one clock; two of a process of one kind may touch.

        There is one skew file and one clock.
        """
        alike = isinstance(later, ClockFault) and self.level == later.level == "process"
        if not alike:
            return GAP_NS
        return 0 if self.row is later.row else SECOND_NS

    def check(self, context: HostContext) -> None:
        """Refuse a host on which the level does not work."""
        if self.level != "process" and f"clock_{self.level}" not in context.capabilities:
            needed = f"level {self.level} needs {_NEEDED[self.level]}"
            raise FaultError("unsupported", f"{needed}; use level process")

    def recipe(self, context: HostContext) -> Recipe:
        """Return the commands of the level."""
        match self.level:
            case "process":
                return _process(context, self.bend())
            case "host":
                return _host(context, self.bend())
            case "daemon":
                return _daemon(context, self.bend().by_ns)

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether the clock was moved as asked."""
        return clock_readback.read_clock(self.bend(), context)

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return what the fault came to over its life."""
        return clock_readback.count_clock(self.bend(), context)

    def ended_early(self, context: HostContext) -> str:
        """Return who else moved the clock meanwhile, "" when nobody did."""
        return clock_readback.clock_gone(self.bend(), context)

    def left_over(self, context: HostContext) -> str:
        """Return what of the skew, the marker or a held daemon is still there."""
        return clock_readback.clock_left(self.bend(), context)


class ClockStep(ClockFault, frozen=True, kw_only=True, tag="clock_step"):
    """Set the clock forward by by_ns (back if negative)."""

    by_ns: Offset

    def bend(self) -> Bend:
        """Return a step."""
        return Bend(self.level, by_ns=self.by_ns)


class ClockDrift(ClockFault, frozen=True, kw_only=True, tag="clock_drift"):
    """Let the clock run by_ppb faster than it does (slower if negative)."""

    by_ppb: int
    level: Literal["process", "host"] = "process"

    def __post_init__(self) -> None:
        limit = PROCESS_DRIFT_PPB_MAX if self.level == "process" else HOST_DRIFT_PPB_MAX
        if abs(self.by_ppb) > limit:
            raise ValueError(f"by_ppb is more than {limit} at level {self.level}")

    def bend(self) -> Bend:
        """Return a drift."""
        return Bend(self.level, by_ppb=self.by_ppb)


def check_nobody_else(faults: Iterable[Fault]) -> None:
    """Refuse to move the host's clock while somebody sets it who cannot be held meanwhile.

    Raises:
        FaultError: foreign_clock_setter; it names the first one.
    """
    clocks = (fault for fault in faults if isinstance(fault, ClockFault))
    moving = [fault.id for fault in clocks if fault.level != "process"]
    if moving and (others := clock_setters.found()["others"]):
        detail = f"{moving[0]}: also sets this clock: {others[0]}; stop it, or use level process"
        raise FaultError("foreign_clock_setter", detail)


def _process(context: HostContext, bend: Bend) -> Recipe:
    return Recipe(
        how="process clock",
        inject=(SetSkew(context.skew_file, bend.by_ns, bend.by_ppb),),
        release=(SetSkew(context.skew_file, 0, 0),),
    )


def _host(context: HostContext, bend: Bend) -> Recipe:
    """The daemon is held before and started behind; otherwise it would fight the fault."""
    marker, held = marker_file(context), held_file(context)
    return Recipe(
        how="host clock",
        prepare=(hold(held),),
        inject=(MoveClock(marker, bend.by_ns, bend.by_ppb),),
        release=(RestoreClock(marker),),
        remove=(resume(held),),
    )


def _daemon(context: HostContext, by_ns: int) -> Recipe:
    """Moving by nothing only writes the marker, so that the clock comes back at the deadline."""
    marker, held = marker_file(context), held_file(context)
    return Recipe(
        how="daemon clock",
        inject=(MoveClock(marker, 0, 0), steer(held, by_ns, context.token)),
        release=(RestoreClock(marker),),
        remove=(restart(held, context.token),),
    )
