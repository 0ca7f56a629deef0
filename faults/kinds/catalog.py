"""The closed union of faults this agent knows, and its decoder; total: anything else is an
error.
"""

from __future__ import annotations

import msgspec

from faults.kinds.clock.clock_faults import ClockDrift, ClockStep
from faults.kinds.delay.delay import Delay
from faults.kinds.kill import Kill
from faults.kinds.loss import Loss
from faults.kinds.ntp.ntp_faults import NtpCut, NtpOffset
from faults.kinds.partition import Cut, Partition
from faults.kinds.pause import Pause
from faults.kinds.power import FreezeHost, LinkDown, PowerCut
from faults.model.fault import FaultError

AnyFault = (
    Delay | Partition | Cut | Loss | ClockStep | ClockDrift | NtpOffset | NtpCut | Kill | Pause
    | PowerCut | FreezeHost | LinkDown
)  # fmt: skip

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
