"""Clock faults: a step or a drift of the node's clock alone, of the whole host's, or by its daemon.

level process: the node reads its wall clock through a 32-byte skew file, which this room writes;
the machine's own clock is not touched. level host: the time daemon is held, the kernel's clock is
stepped or runs faster, and both come back from the raw monotonic clock. level daemon: chrony itself
is told that its sources are off, and steers the host there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

from faults.host.clock import clock_setters
from faults.host.clock.clock_daemon import hold, restart, resume, steer
from faults.model.fault import (
    SECOND_NS,
    Fault,
    FaultError,
    HostContext,
    MoveClock,
    Recipe,
    RestoreClock,
    SetSkew,
)

OFFSET_NS_MAX = 3600 * SECOND_NS
PROCESS_DRIFT_PPB_MAX = 10_000_000
HOST_DRIFT_PPB_MAX = 500_000
GAP_NS = 10 * SECOND_NS
"""From the end of a fault of the host's clock to the next clock fault: the daemon is held seconds
before a fault and starts only behind it.
"""

_NEEDED = {
    "host": "systemd and a clock of the host's own (a container shares its machine's)",
    "daemon": "systemd, a clock of the host's own, and chrony as its time daemon",
}


class ClockStep(Fault, frozen=True, kw_only=True, tag="clock_step"):
    """Set the clock forward by by_ns (back if negative)."""

    by_ns: int
    level: Literal["process", "daemon", "host"] = "process"

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if abs(self.by_ns) > OFFSET_NS_MAX:
            raise ValueError("by_ns is more than an hour")

    def kind(self) -> str:
        """Return the fault's word."""
        return "clock_step"

    def lasts_ns(self) -> int | None:
        """Return the length asked."""
        return self.for_ns

    def check(self, context: HostContext) -> None:
        """Raise FaultError when the level does not work here."""
        _check_level(self.level, context)

    def recipe(self, context: HostContext) -> Recipe:
        """Return the commands of the level."""
        match self.level:
            case "process":
                return _process(context, self.by_ns, 0)
            case "host":
                return _host(context, self.by_ns, 0)
            case "daemon":
                return _daemon(context, self.by_ns)


class ClockDrift(Fault, frozen=True, kw_only=True, tag="clock_drift"):
    """Let the clock run by_ppb faster than it does (slower if negative)."""

    by_ppb: int
    level: Literal["process", "host"] = "process"

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        limit = PROCESS_DRIFT_PPB_MAX if self.level == "process" else HOST_DRIFT_PPB_MAX
        if abs(self.by_ppb) > limit:
            raise ValueError(f"by_ppb is more than {limit} at level {self.level}")

    def kind(self) -> str:
        """Return the fault's word."""
        return "clock_drift"

    def lasts_ns(self) -> int | None:
        """Return the length asked."""
        return self.for_ns

    def check(self, context: HostContext) -> None:
        """Raise FaultError when the level does not work here."""
        _check_level(self.level, context)

    def recipe(self, context: HostContext) -> Recipe:
        """Return the commands of the level."""
        if self.level == "host":
            return _host(context, 0, self.by_ppb)
        return _process(context, 0, self.by_ppb)


def marker_file(context: HostContext) -> Path:
    """Return the file that says what the host's clock was before this fault moved it."""
    return context.run_dir / f"clock-{context.token}.marker"


def held_file(context: HostContext) -> Path:
    """Return the file that names the time daemons this fault holds."""
    return context.run_dir / f"clock-{context.token}.held"


def overlap(faults: Sequence[ClockStep | ClockDrift]) -> FaultError | None:
    """Return the error of two clock faults too near each other on one host, or None.

    There is one skew file and one clock; two process faults of one kind may touch.
    """
    ordered = sorted(faults, key=lambda fault: fault.at_ns)
    for first, second in pairwise(ordered):
        alike = first.level == second.level == "process"
        gap_ns = (0 if first.kind() == second.kind() else SECOND_NS) if alike else GAP_NS
        if first.for_ns is None or first.at_ns + first.for_ns + gap_ns > second.at_ns:
            apart = f"; keep them {gap_ns // SECOND_NS} s apart" if gap_ns else ""
            detail = f"{first.id} and {second.id} on one host{apart}"
            return FaultError("overlapping_clock_fault", detail)
    return None


def check_nobody_else(faults: Sequence[ClockStep | ClockDrift]) -> None:
    """Refuse to move the host's clock while somebody sets it who cannot be held meanwhile.

    Raises:
        FaultError: foreign_clock_setter; it names the first one.
    """
    moving = [fault.id for fault in faults if fault.level != "process"]
    if moving and (others := clock_setters.found()["others"]):
        detail = f"{moving[0]}: also sets this clock: {others[0]}; stop it, or use level process"
        raise FaultError("foreign_clock_setter", detail)


def _check_level(level: Literal["process", "daemon", "host"], context: HostContext) -> None:
    if level != "process" and f"clock_{level}" not in context.capabilities:
        raise FaultError("unsupported", f"level {level} needs {_NEEDED[level]}; use level process")


def _process(context: HostContext, by_ns: int, by_ppb: int) -> Recipe:
    return Recipe(
        how="process clock",
        inject=(SetSkew(context.skew_file, by_ns, by_ppb),),
        release=(SetSkew(context.skew_file, 0, 0),),
    )


def _host(context: HostContext, by_ns: int, by_ppb: int) -> Recipe:
    """The daemon is held before and started behind; otherwise it would fight the fault."""
    marker, held = marker_file(context), held_file(context)
    return Recipe(
        how="host clock",
        prepare=(hold(held),),
        inject=(MoveClock(marker, by_ns, by_ppb),),
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
