"""Every check of faults, in the order of the kinds: what the modules of this room name CHECKS."""

import importlib
import pkgutil
from pathlib import Path

from faults.model.kind import KINDS
from metrics.fault_checks.fault_check import FaultCheck


def _found() -> list[FaultCheck]:
    found: list[FaultCheck] = []
    for module in pkgutil.walk_packages([str(Path(__file__).parent)], f"{__package__}."):
        found += getattr(importlib.import_module(module.name), "CHECKS", ())
    return sorted(found, key=lambda check: list(KINDS).index(check.kinds[0]))


CHECKS = _found()
CHECK_OF: dict[str, FaultCheck] = {word: check for check in CHECKS for word in check.kinds}
"""The check of each kind that has one."""
