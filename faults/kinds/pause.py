"""Pause: stop the node's process for a while, so that it lives and does nothing; then resume it."""

from __future__ import annotations

from faults.kinds.kill import KILLABLE
from faults.model.fault import Command, Fault, HostContext, Recipe, needs


class Pause(Fault, frozen=True, kw_only=True, tag="pause"):
    """SIGSTOP to every process of unit; SIGCONT is the undo, and harmless to one that runs."""

    unit: KILLABLE

    def kind(self) -> str:
        """Return the fault's word."""
        return "pause"

    def lasts_ns(self) -> int | None:
        """Return the length asked."""
        return self.for_ns

    def check(self, context: HostContext) -> None:
        """Raise FaultError unless systemd runs here."""
        needs(context, "systemd")

    def recipe(self, context: HostContext) -> Recipe:
        """Return: stop the unit's processes; let them go on."""
        signal = ("systemctl", "kill")
        return Recipe(
            how="signal",
            inject=(Command((*signal, "--signal=SIGSTOP", self.unit)),),
            release=(Command((*signal, "--signal=SIGCONT", self.unit), may_fail=True),),
        )
