"""A lab taken down, and what the controller kept of it forgotten."""

from collections.abc import Callable

from harness.inventory.inventory import lab_id_of
from harness.labs.lifecycle import running
from harness.testbed import lock, power


def take_down(name: str, progress: Callable[[str], None]) -> bool:
    """Return whether there was such a lab; nothing of it is left, nor of what was kept of it here.

    Raises:
        LabError: the lab, RunError: its provider's agent, does not end.
    """
    lab_id = lab_id_of(running.inventory_of(name).resolve())
    there = running.down(name, progress)
    power.forget(lab_id)
    lock.forget(lab_id)
    return there
