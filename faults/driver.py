"""Carries one armed fault through prepare, inject and heal, with ledger, dead-man timer and
evidence.

The order is the safety rule: undo on disk, then the timer that needs nobody, then anything at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from faults import deadman
from faults.catalog import AnyFault
from faults.evidence import (
    counters,
    ended_before_release,
    ended_early,
    left_over,
    read_back,
)
from faults.fault import Place, Recipe
from faults.journal import Journal, State
from faults.ledger import Entry, Ledger
from faults.runner import Outcome, run
from faults.schedule import Action


@dataclass(slots=True)
class Driver:
    """One fault of one arming; perform() is called from one thread at a time, in schedule order."""

    fault: AnyFault
    place: Place
    entry: Entry
    ledger: Ledger
    journal: Journal
    state: str = "armed"
    _timer: deadman.DeadMan = field(default_factory=deadman.DeadMan)
    _recipe: Recipe | None = None

    def arm(self) -> None:
        """Return when the undo is on disk.

        Raises:
            FaultError, OSError: nothing was recorded that must be undone.
        """
        self.ledger.create(self.entry, self.recipe.undo)
        self._write("armed")

    @property
    def recipe(self) -> Recipe:
        """Return the fault's commands for this host."""
        if self._recipe is None:
            self._recipe = self.fault.recipe(self.place)
        return self._recipe

    def perform(self, action: Action, reason: str = "") -> None:
        """Return when the action is done and written down; a failed one heals at once."""
        match action:
            case Action.PREPARE:
                self._prepare()
            case Action.INJECT if self.state == "prepared":
                self._inject()
            case Action.HEAL if self.state in ("prepared", "applied"):
                self._heal("healed" if self.state == "applied" else "skipped", reason)
            case Action.SKIP if self.state == "armed":
                self._close("skipped", reason or "too_late")

    def _prepare(self) -> None:
        deadline_ns = self.place.deadline_ns
        try:
            if deadline_ns is not None and self.recipe.undo:
                script = self.ledger.script(self.entry.token)
                systemd = "systemd" in self.place.capabilities
                self._timer = deadman.arm(script, self.entry.token, deadline_ns, systemd=systemd)
            self._record("prepared")
        except OSError as error:
            self._heal("failed", f"not applied: {error}")
            return
        outcome = run(self.recipe.prepare)
        if outcome.error:
            self._heal("failed", outcome.error)
        else:
            self.state = "prepared"

    def _inject(self) -> None:
        outcome = run(self.recipe.inject)
        if outcome.error:
            self._heal("failed", outcome.error)
            return
        self.state = "applied"
        between = (outcome.before_ns, outcome.after_ns)
        self._write("applied", between=between)
        found = read_back(self.fault, self.place)
        self._write(found.state, between=between, read_back=found.data, reason=found.reason)
        if self.place.deadline_ns is None or not self.recipe.undo:
            self._record("closed")
        else:
            self._record("applied")

    def _heal(self, state: State, reason: str) -> None:
        """Undo, count, verify; what is left over is an error and stays open in the ledger."""
        at_once = self.recipe.how in ("nft", "provider")
        early = ended_early(self.fault, self.place) if state == "healed" and not at_once else ""
        before = counters(self.fault, self.place) if self.recipe.how == "netem" else {}
        unkilled = self.state == "prepared" and self.fault.kind() == "kill"
        released = run(() if unkilled else self.recipe.release)
        if state == "healed" and at_once:
            early = ended_before_release(self.fault, self.place)
        if early and self.ledger.undone_ns(self.entry.token) is None:
            state, reason = "failed", f"ended_early: {early}"
        after = before or counters(self.fault, self.place)
        removed = run(self.recipe.remove)
        left = left_over(self.fault, self.place)
        error = released.error or removed.error or (f"left over: {left}" if left else "")
        if error:
            state, reason = "failed", f"heal: {error}"
        self._close(state, reason, released, after, closed=not error)
        if not error:
            deadman.disarm(self._timer)

    def _close(
        self,
        state: State,
        reason: str,
        outcome: Outcome | None = None,
        counted: dict[str, Any] | None = None,
        *,
        closed: bool = True,
    ) -> None:
        self.state = state
        between = (outcome.before_ns, outcome.after_ns) if outcome else None
        self._write(state, between=between, read_back=counted, reason=reason)
        if closed:
            self._record("closed", reason)

    def _record(self, state: Any, reason: str = "") -> None:
        self.entry = msgspec.structs.replace(self.entry, state=state, reason=reason)
        self.ledger.record(self.entry)

    def _write(
        self,
        state: State,
        *,
        between: tuple[int, int] | None = None,
        read_back: dict[str, Any] | None = None,
        reason: str = "",
    ) -> None:
        self.journal.write(
            state, fault=self.fault.id, kind=self.fault.kind(), how=self.recipe.how,
            between=between, asked=self.entry.asked, read_back=read_back, reason=reason,
        )  # fmt: skip
