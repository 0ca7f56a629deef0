"""Carries one armed fault through prepare, inject and heal, with ledger, dead-man timer and
evidence.

The order is the safety rule: undo on disk, then the timer that needs nobody, then anything at all.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from faults.agent.schedule import LATE_NS_MAX, Action
from faults.durable.journal import Journal
from faults.durable.ledger import Entry, Ledger, verdict_of_undone
from faults.durable.undo_timer import GRACE_NS, UndoTimers
from faults.host.boottime import boottime_ns
from faults.host.runner import Loaded, Outcome, load, run
from faults.model.columns import Kind
from faults.model.fault import SECOND_NS, Evidence, Fault, HostContext, Recipe
from faults.model.record import State

STAND_BACK_NS = 30_000_000
POLL_S = 0.02
STOPPED = "agent_stopped"
"""Why an agent that was told to end takes everything back."""


def boots_soon(row: Kind, state: str, reason: str) -> bool:
    """Return whether the host ends this agent because the fault has it boot anew: that ends it."""
    return row.ends_by_boot and state == "applied" and reason == STOPPED


@dataclass(slots=True)
class Driver:
    """One fault of one arming; perform() is called from one thread at a time, in schedule order."""

    fault: Fault
    context: HostContext
    entry: Entry
    ledger: Ledger
    journal: Journal
    timers: UndoTimers
    granted: Callable[[], bool]
    """Whether this arming may still begin anything: somebody may have healed without the agent."""
    state: str = "armed"
    _recipe: Recipe | None = None
    _to_inject: Loaded | None = None
    _to_release: Loaded | None = None
    """Commands that wait for their moment, each in its state: prepared, applied."""
    _inherited_late: bool = False

    def shown(self, now_ns: int) -> dict[str, object]:
        """Return which fault it is, its state, and how long until it begins and until its deadline,
        None where it has none.
        """
        begins_ns, deadline_ns = self.entry.inject_ns, self.entry.deadline_ns
        return {
            "id": self.fault.id, "kind": self.fault.row.word, "state": self.state,
            "begins_ns": max(0, begins_ns - now_ns),
            "left_ns": None if deadline_ns is None else max(0, deadline_ns - now_ns),
        }  # fmt: skip

    def arm(self) -> None:
        """Put the undo on disk.

        Raises:
            FaultError, OSError: nothing was recorded that must be undone.
        """
        self.ledger.create(self.entry, self.recipe.undo)
        self._write("armed")

    @property
    def recipe(self) -> Recipe:
        """Return the fault's commands for this host."""
        if self._recipe is None:
            self._recipe = self.fault.recipe(self.context)
        return self._recipe

    def perform(self, action: Action, reason: str = "") -> None:
        """Do the action and write it down; heal at once if it fails."""
        match action:
            case Action.PREPARE:
                self._prepare()
            case Action.INJECT if self.state == "prepared":
                self._inject()
            case Action.HEAL if boots_soon(self.fault.row, self.state, reason):
                return
            case Action.HEAL if self.state in ("prepared", "applied"):
                self._heal("healed" if self.state == "applied" else "skipped", reason)
            case Action.SKIP if self.state == "armed":
                self._close("skipped", reason or "too_late")

    def pull(self, action: Action) -> None:
        """Set the command that waited for the action to work, at once; perform() sees it through.

        For rules only: of other faults the end is looked at before they are released.
        """
        if not self.recipe.rules:
            return
        match action:
            case Action.INJECT if self.state == "prepared" and self._to_inject:
                if not self._refusal():
                    self._to_inject.pull()
            case Action.HEAL if self.state == "applied" and self._to_release:
                self._to_release.pull()

    def look(self) -> None:
        """Look at a fault in force; take one that is gone back and say so."""
        if self.state != "applied" or (self._to_release and self._to_release.pulled):
            return
        why = self.fault.ended_early(self.context)
        if why:
            self._heal("failed", f"ended_early: {why}")

    def take_over(self, now_ns: int) -> None:
        """Bring the fault of an agent that died to where this one can carry it on.

        What it was preparing is undone and begins again, in force it stays in force.
        """
        self._inherited_late = now_ns >= (self.entry.deadline_ns or now_ns)
        match self.entry.state:
            case "applied":
                self.state = "applied"
            case "prepared" if now_ns < self.entry.inject_ns:
                self.timers.disarm(self.entry.token)
                run(self.recipe.undo)
            case "prepared":
                self._take_over_begun(now_ns)

    def _take_over_begun(self, now_ns: int) -> None:
        """The agent died somewhere between applying and writing that down."""
        found = self.fault.read_back(self.context)
        self.state = "prepared"
        if found.state != "installed":
            self._heal("skipped", "agent_restarted")
            return
        self._applied((self.entry.inject_ns, now_ns), found)

    def _prepare(self) -> None:
        if not self.granted():
            self._close("skipped", "revoked")
            return
        deadline_ns = self.context.deadline_ns
        try:
            if deadline_ns is not None and self.recipe.undo:
                script = self.ledger.script(self.entry.token)
                self.timers.arm(self.entry.token, script, deadline_ns)
            self._record("prepared")
        except OSError as error:
            self._heal("failed", f"not applied: {error}")
            return
        outcome = run(self.recipe.prepare)
        if outcome.error:
            self._heal("failed", outcome.error)
        else:
            self._to_inject = load(self.recipe.inject)
            self.state = "prepared"

    def _inject(self) -> None:
        pulled = self._to_inject is not None and self._to_inject.pulled
        if not pulled and (refusal := self._refusal()):
            self._heal("skipped", refusal)
            return
        loaded, self._to_inject = self._to_inject, None
        outcome = loaded.fire() if loaded else run(self.recipe.inject)
        if outcome.error:
            self._heal("failed", outcome.error)
            return
        if not self.granted():
            self._heal("failed", "revoked")
            return
        self._applied((outcome.before_ns, outcome.after_ns))

    def _refusal(self) -> str:
        """Return why it must not begin now, "" when it may."""
        if not self.granted():
            return "revoked"
        return "too_late" if boottime_ns() > self._latest_ns() else ""

    def _latest_ns(self) -> int:
        """Return until when it may begin: preparing it may have taken longer than was planned."""
        latest_ns = self.entry.inject_ns + LATE_NS_MAX
        deadline_ns = self.entry.deadline_ns
        return latest_ns if deadline_ns is None else min(latest_ns, deadline_ns)

    def _applied(self, between: tuple[int, int], found: Evidence | None = None) -> None:
        """Write down that the fault is in force, and what the host shows of it."""
        self.state = "applied"
        late = {"late_ns": between[0] - self.entry.inject_ns}
        self._write("applied", between=between, read_back=late)
        self._stand_back()
        found = found or self.fault.read_back(self.context)
        self._write(found.state, between=between, read_back=found.data, reason=found.reason)
        endless = self.context.deadline_ns is None or not self.recipe.undo
        if endless and not self.fault.row.ends_by_boot:
            self._record("closed")
        else:
            self._record("applied")
            self._to_release = load(self.recipe.release)

    def _heal(self, state: State, reason: str) -> None:
        """Undo, count, verify; what is left over is an error and stays open in the ledger."""
        if self._to_inject:
            self._to_inject.drop()
            self._to_inject = None
        at_once = self.recipe.at_once
        early = self.fault.ended_early(self.context) if state == "healed" and not at_once else ""
        before = self.fault.counters(self.context) if self.recipe.counters_go else {}
        released = self._released()
        if self.recipe.rules:
            self._stand_back()
        if state == "healed" and at_once:
            early = self._gone_before_release()
        undone_ns = self._undone_before(released.before_ns) if self.state == "applied" else None
        if undone_ns is not None:
            state, reason = verdict_of_undone(self.entry, undone_ns, reason)
        elif early:
            state, reason = "failed", f"ended_early: {early}"
        after = before or self.fault.counters(self.context)
        removed = run(self.recipe.remove)
        left = self.fault.left_over(self.context)
        error = released.error or removed.error or (f"left over: {left}" if left else "")
        if error:
            state, reason = "failed", f"heal: {error}"
        between = (released.before_ns, released.after_ns)
        if undone_ns is not None:
            between = (min(self.entry.deadline_ns or undone_ns, undone_ns), undone_ns)
        elif state == "healed" and not reason and self.entry.deadline_ns is not None:
            after = after | {"late_ns": released.before_ns - self.entry.deadline_ns}
        self._close(state, reason, between, after, closed=not error)
        if not error:
            self.timers.disarm(self.entry.token)

    def _gone_before_release(self) -> str:
        """Return why it was no longer in force when it was released at its deadline.

        An agent that carries on behind its deadline cannot know: the one that died may have taken
        it away on time and not written it down, or the dead man may be at it.
        """
        if self._inherited_late:
            return ""
        why = self.fault.ended_before_release(self.context)
        return "" if why and self._cleared_by_dead_man() else why

    def _cleared_by_dead_man(self) -> bool:
        """Return whether an agent this slow has met the dead man, who clears away once it is over.

        His script says so, when it is done, and says when that was.
        """
        deadline_ns = self.entry.deadline_ns
        if deadline_ns is None or (now_ns := boottime_ns()) < deadline_ns + GRACE_NS:
            return False
        while (undone_ns := self.ledger.undone_ns(self.entry.token)) is None:
            if boottime_ns() > now_ns + SECOND_NS:
                return False
            time.sleep(POLL_S)
        return undone_ns >= deadline_ns

    def _released(self) -> Outcome:
        """Take the fault out of force: at once, where the command for it waits already."""
        if self.state == "prepared" and self.fault.row.restarts_unit:
            return run(())
        ready, self._to_release = self._to_release, None
        first = ready.fire() if ready else None
        if first is None:
            return run(self.recipe.release)
        if not first.error:
            return first
        again = run(self.recipe.release)
        return Outcome(first.before_ns, again.after_ns, again.error)

    def _stand_back(self) -> None:
        """Let other hosts on these processors act at the same moment, before looking at ours."""
        lasts_ns = (self.entry.deadline_ns or self.entry.inject_ns) - self.entry.inject_ns
        time.sleep(min(STAND_BACK_NS, lasts_ns // 10) / SECOND_NS)

    def _undone_before(self, when_ns: int) -> int | None:
        """Return the time at which the undo script ran, None unless before when_ns."""
        undone_ns = self.ledger.undone_ns(self.entry.token)
        return undone_ns if undone_ns is not None and undone_ns < when_ns else None

    def _close(
        self,
        state: State,
        reason: str,
        between: tuple[int, int] | None = None,
        counted: dict[str, Any] | None = None,
        *,
        closed: bool = True,
    ) -> None:
        self.state = state
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
            state, fault=self.fault.id, kind=self.fault.row.word, how=self.recipe.how,
            between=between, asked=self.entry.asked, read_back=read_back, reason=reason,
        )  # fmt: skip
