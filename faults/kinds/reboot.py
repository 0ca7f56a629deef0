"""Reboot: the host boots anew by its own hand; only the next boot ends that, and proves it.

Its systemd ends everything in order first, the agent among it, which leaves the ledger's entry
open. What starts at boot closes it, when it sees the boot's id to be another.
"""

from faults.host.boottime import boottime_ns
from faults.model.fault import Command, Evidence, Fault, HostContext, Recipe, verdict


class Reboot(Fault, frozen=True, kw_only=True, tag="reboot"):
    """Reboot this host; it must have booted within for_ns. There is nothing to undo."""

    def recipe(self, _context: HostContext) -> Recipe:
        """Return: ask systemd for a reboot, which does not wait for it."""
        words = ("systemctl", "start", "--no-block", "--job-mode=replace-irreversibly")
        # The host may end this very command before it has ended by itself.
        reboot = Command((*words, "reboot.target"), may_fail=True)
        return Recipe(how="systemd unit", inject=(reboot,))

    def read_back(self, _context: HostContext) -> Evidence:
        """Return that systemd has taken it on; the proof is the next boot's own."""
        return verdict("", {"asked": "reboot.target"})

    def ended_early(self, context: HostContext) -> str:
        """Return what is wrong when the time is over in the boot in which it was asked for."""
        over = context.deadline_ns is not None and boottime_ns() >= context.deadline_ns
        return "the host did not boot again in time" if over else ""
