"""Every check of faults, in the order of the report."""

from __future__ import annotations

from metrics.fault_checks import clock_steps, cuts, delay, loss, outages, time_servers
from metrics.fault_checks.fault_check import FaultCheck

CHECKS: tuple[FaultCheck, ...] = (
    delay.CHECK,
    *cuts.CHECKS,
    loss.CHECK,
    *clock_steps.CHECKS,
    *time_servers.CHECKS,
    *outages.CHECKS,
)
CHECK_OF: dict[str, FaultCheck] = {word: check for check in CHECKS for word in check.kinds}
"""The check of each kind that has one."""
