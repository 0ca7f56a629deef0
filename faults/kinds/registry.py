"""Every kind of fault this agent knows, its decoder, and what cannot be on one host at once.

The union is closed: anything else is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from faults.kinds.clock.clock_faults import ClockDrift, ClockStep
from faults.kinds.delay.delay import Delay
from faults.kinds.kill import Kill
from faults.kinds.loss import Loss
from faults.kinds.ntp.ntp_faults import NtpCut, NtpOffset
from faults.kinds.partition import Cut, Partition
from faults.kinds.pause import Pause
from faults.kinds.power import FreezeHost, LinkDown, PowerCut
from faults.model.fault import SECOND_NS, FaultError

AnyFault = (
    Delay | Partition | Cut | Loss | ClockStep | ClockDrift | NtpOffset | NtpCut | Kill | Pause
    | PowerCut | FreezeHost | LinkDown
)  # fmt: skip

_OVERLAPPING = {
    "delay": "overlapping_delay",
    "clock": "overlapping_clock_fault",
    "ntp": "overlapping_ntp_fault",
}
"""By what faults share: the reason that refuses two of them at once."""

_FAULTS: msgspec.json.Decoder[AnyFault] = msgspec.json.Decoder(AnyFault)


def decode_fault(data: bytes) -> AnyFault:
    """Return the fault in one JSON object.

    Raises:
        FaultError: bad_fault, with the field that is wrong.
    """
    try:
        return _FAULTS.decode(data)
    except msgspec.DecodeError as error:
        raise FaultError("bad_fault", str(error)) from error


def overlap(faults: Sequence[AnyFault]) -> FaultError | None:
    """Return the error of two faults of one host that are too near each other, or None.

    Two delays would not add up, one lie would hide another, and there is one clock.
    """
    for shares, reason in _OVERLAPPING.items():
        alike = [fault for fault in faults if fault.row.shares == shares]
        for first, second in pairwise(sorted(alike, key=lambda fault: fault.at_ns)):
            gap_ns = first.gap_ns(second)
            if first.for_ns is None or first.at_ns + first.for_ns + gap_ns > second.at_ns:
                apart = f"; keep them {gap_ns // SECOND_NS} s apart" if gap_ns else ""
                return FaultError(reason, f"{first.id} and {second.id} on one host{apart}")
    return None
