"""Every kind of fault this agent knows, its decoder, and what cannot be on one host at once.

A kind is known by being in a module of this room. Anything else is an error.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from operator import or_
from pathlib import Path
from typing import Any

import msgspec

from faults.model.fault import SECOND_NS, Fault, FaultError
from faults.model.kind import KINDS


def _found() -> dict[str, type[Fault]]:
    """Return the class of each kind that the modules of this room define, by its word."""
    found = {}
    for module in pkgutil.walk_packages([str(Path(__file__).parent)], f"{__package__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Fault):
                found[str(value.__struct_config__.tag)] = value
    return {word: found[word] for word in KINDS if word in found}


FAULTS = _found()
"""By its word: the class of each kind that hosts, or whoever owns them, can do."""
CAPABILITY_SHELL = {name: script for each in FAULTS.values() for name, script in each.tried_by}
"""By capability: the shell that tries whether a host has it."""

_OVERLAPPING = {"clock": "overlapping_clock_fault", "ntp": "overlapping_ntp_fault"}
"""By what faults share: the reason that refuses two of them at once."""

_ANY: Any = reduce(or_, FAULTS.values())
_DECODER: msgspec.json.Decoder[Fault] = msgspec.json.Decoder(_ANY)


def decode_fault(data: bytes) -> Fault:
    """Return the fault in one JSON object.

    Raises:
        FaultError: bad_fault, with the field that is wrong.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.DecodeError as error:
        raise FaultError("bad_fault", str(error)) from error


def overlap(faults: Sequence[Fault]) -> FaultError | None:
    """Return the error of two faults of one host that are too near each other, or None.

    One lie would hide another, and there is one clock.
    """
    for shares, reason in _OVERLAPPING.items():
        alike = [fault for fault in faults if fault.row.shares == shares]
        for first, second in pairwise(sorted(alike, key=lambda fault: fault.at_ns)):
            gap_ns = first.gap_ns(second)
            if first.for_ns is None or first.at_ns + first.for_ns + gap_ns > second.at_ns:
                apart = f"; keep them {gap_ns // SECOND_NS} s apart" if gap_ns else ""
                return FaultError(reason, f"{first.id} and {second.id} on one host{apart}")
    return None
