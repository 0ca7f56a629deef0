"""What the controller keeps of a lab, to be forgotten with it."""

from __future__ import annotations

from harness import lock, power


def forget(lab_id: str) -> None:
    """Return once the provider's agent of a lab that is gone has ended, and its files with it.

    Raises:
        RunError: the agent does not end.
    """
    power.forget(lab_id)
    lock.forget(lab_id)
