"""What faults have put a node's own clock off by, and whether its NTP checks say so."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from metrics.fault_checks import fault_records
from metrics.fault_checks.clocks import moving_clocks
from metrics.fault_checks.clocks.moving_clocks import TURN_NS
from metrics.intake.timeline import LIE_LINGERS_NS, SETTLE_NS, bends_truth
from metrics.intake.trial import Event, TrialData
from metrics.model.arrays import Floats
from metrics.model.plan import PlannedFault


class PutOff(NamedTuple):
    """Between what a clock was put off at some times, in ns; nan where that is not known."""

    least: Floats
    most: Floats


def put_off(data: TrialData, host: str, t_ns: Floats) -> PutOff:
    """Return what faults had put the host's node clock off by at times since T0.

    Not known: around begin, end and turns of a fault, where its host told none of these, and where
    the whole host's clock is bent, or what it is told.
    """
    found = PutOff(np.zeros(len(t_ns)), np.zeros(len(t_ns)))
    for fault in data.planned.faults:
        if not fault.kind.clock or host not in fault.targets:
            continue
        own = _bent(fault, t_ns) if bends_truth(fault) else _moved(data, fault, host, t_ns)
        found = PutOff(found.least + own.least, found.most + own.most)
    return found


def told(data: TrialData, checks: Iterable[Event]) -> tuple[int, int]:
    """Return (those whose bound holds what the node's clock was put off by, all) of the NTP checks
    when that is known: the score on one shared clock, which itself is right.
    """
    checks = [check for check in checks if check.t_ns == check.t_ns]
    inside = total = 0
    for host in sorted({check.host for check in checks}):
        own = [check for check in checks if check.host == host]
        t_ns, offset, bound = np.asarray([(e.t_ns, e.offset_ns, e.bound_ns) for e in own]).T
        off = put_off(data, host, t_ns)
        held = (off.least - bound <= offset) & (offset <= off.most + bound)
        inside, total = inside + int(held.sum()), total + int(np.isfinite(off.least).sum())
    return inside, total


def _bent(fault: PlannedFault, t_ns: Floats) -> PutOff:
    after_ns = LIE_LINGERS_NS if fault.kind.clock == "lie" else SETTLE_NS
    bent = (t_ns >= fault.at_ns - SETTLE_NS) & (t_ns < fault.end_ns + after_ns)
    unknown = np.where(bent, np.nan, 0.0)
    return PutOff(unknown, unknown)


def _moved(data: TrialData, fault: PlannedFault, host: str, t_ns: Floats) -> PutOff:
    """Return what a fault of the node's own clock put it off by."""
    began = fault_records.when(data, fault, host, fault_records.BEGAN)
    ended = fault_records.when(data, fault, host, fault_records.ENDED)
    if began is None:
        unknown = np.where(t_ns >= fault.at_ns - TURN_NS, np.nan, 0.0)
        return PutOff(unknown, unknown)
    over = ended or began._replace(first_ns=fault.end_ns, last_ns=2 * data.end_ns)
    during = (t_ns > began.last_ns + TURN_NS) & (t_ns < over.first_ns - TURN_NS)
    without = (t_ns < began.first_ns - TURN_NS) | (t_ns > over.last_ns + TURN_NS)
    match fault.kind.clock:
        case "step":
            ends = [np.full(len(t_ns), float(fault.asked["by_ns"]))] * 2
        case "drift":
            rate = fault.asked["by_ppb"] / 1e9
            ends = sorted((rate * (t_ns - t) for t in (began.first_ns, began.last_ns)), key=np.mean)
        case _:
            ends = [moving_clocks.path_ns(data, fault, host, t_ns)] * 2
    least, most = (np.where(without, 0.0, np.where(during, end, np.nan)) for end in ends)
    return PutOff(least, most)
