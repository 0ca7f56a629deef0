"""The closed union of faults this agent knows, and its decoder; total: anything else is an
error.
"""

from __future__ import annotations

import msgspec

from faults.clock import ClockDrift, ClockStep
from faults.delay import Delay
from faults.loss import Loss
from faults.model.fault import FaultError
from faults.ntp import NtpCut, NtpOffset
from faults.partition import Cut, Partition
from faults.pause import Pause
from faults.power import FreezeHost, LinkDown, PowerCut
from faults.process import Kill

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
