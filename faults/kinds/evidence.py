"""What the host itself says about a fault: read back after applying, watched while it is in force,
counted before removing, and looked for afterwards.
"""

from __future__ import annotations

from faults.host.nft_readback import counted, dropped, gone, listing, read_table, rules_gone
from faults.host.unit_readback import process_state, read_killed, read_paused, unit_state
from faults.kinds.catalog import AnyFault
from faults.kinds.clock.clock_faults import ClockDrift, ClockStep
from faults.kinds.clock.clock_readback import clock_gone, clock_left, count_clock, read_clock
from faults.kinds.delay.delay import Delay
from faults.kinds.delay.delay_readback import count_delay, delay_gone, delay_left, read_delay
from faults.kinds.kill import Kill
from faults.kinds.loss import Loss
from faults.kinds.ntp.ntp_faults import NtpCut, NtpOffset
from faults.kinds.ntp.ntp_readback import count_ntp, ntp_gone, ntp_left, read_ntp
from faults.kinds.partition import CHAINS, Blocked
from faults.kinds.pause import Pause
from faults.kinds.power import Power
from faults.model.evidence import Evidence
from faults.model.fault import HostContext


def read_back(fault: AnyFault, context: HostContext) -> Evidence:
    """Return what the host shows of a fault that was just applied."""
    match fault:
        case Blocked():
            return read_table(context.table, fault.members(), len(CHAINS), context.deadline_ns)
        case Loss():
            return read_table(context.table, fault.members(), 1, context.deadline_ns)
        case Delay():
            return read_delay(fault, context)
        case ClockStep() | ClockDrift():
            return read_clock(fault, context)
        case NtpOffset() | NtpCut():
            return read_ntp(fault, context)
        case Kill():
            return read_killed(fault.unit)
        case Pause():
            return read_paused(fault.unit)
        case Power():
            return fault.read(context)


def counters(fault: AnyFault, context: HostContext) -> dict[str, object]:
    """Return what the fault did so far: packets dropped or held; also after its effect has
    ended.
    """
    match fault:
        case Blocked():
            return {"dropped": dropped(context.table)}
        case Loss():
            seen, lost = counted(context.table).get("input", (0, 0))
            return {"seen": seen, "dropped": {"input": lost}}
        case Delay():
            return count_delay(fault, context)
        case ClockStep() | ClockDrift():
            return count_clock(fault, context)
        case NtpOffset() | NtpCut():
            return count_ntp(fault, context)
        case Kill():
            return {"unit": unit_state(fault.unit)}
        case Pause():
            return {"unit": process_state(fault.unit)}
        case Power():
            return {}


def ended_early(fault: AnyFault, context: HostContext) -> str:
    """Return why a fault that should be in force is not, "" when it is."""
    match fault:
        case ClockStep() | ClockDrift():
            return clock_gone(fault, context)
        case NtpOffset() | NtpCut():
            return ntp_gone(fault, context)
        case Delay():
            return delay_gone(fault, context)
        case Blocked():
            return gone(context.table, fault.members(), len(CHAINS), context.deadline_ns)
        case Loss():
            return gone(context.table, fault.members(), 1, context.deadline_ns)
        case Pause():
            letter = process_state(fault.unit)["process"]
            return "" if letter == "T" else f"the process was {letter or 'gone'}"
        case Kill():
            return ""
        case Power():
            return fault.gone(context)


def ended_before_release(fault: AnyFault, context: HostContext) -> str:
    """Return why a fault was no longer in force, asked when it has just been released on time.

    Only of faults whose rules outlive the release, so that looking costs the fault no time.
    """
    match fault:
        case Blocked():
            return rules_gone(context.table, len(CHAINS))
        case Loss():
            return rules_gone(context.table, 1)
        case _:
            return ""


def left_over(fault: AnyFault, context: HostContext) -> str:
    """Return what of a healed fault is still there, "" when nothing is."""
    match fault:
        case Blocked() | Loss():
            return f"table {context.table}" if listing("table", "inet", context.table) else ""
        case Delay():
            return delay_left(fault, context)
        case ClockStep() | ClockDrift():
            return clock_left(fault, context)
        case NtpOffset() | NtpCut():
            return ntp_left(context)
        case Pause():
            return "a stopped process" if process_state(fault.unit)["process"] == "T" else ""
        case Kill():
            return ""
        case Power():
            return fault.left(context)
