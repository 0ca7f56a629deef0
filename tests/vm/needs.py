"""Why no VM lab can be made on this machine, asked once for all tests of it."""

from __future__ import annotations

from harness.errors import LabError
from harness.labs import checks


def missing() -> str:
    """Return why no VM lab can be made here, or "" if it can."""
    try:
        checks.require_root()
        checks.require_programs(checks.VM_PACKAGE_OF, "VM lab")
        checks.require_programs()
    except LabError as error:
        return str(error)
    return ""
