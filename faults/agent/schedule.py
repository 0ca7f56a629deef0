"""When what is due: the pure state machine behind the agent. No clock, no thread, no command in
here.

Times are CLOCK_BOOTTIME nanoseconds. A fault goes waiting -> ready -> running -> done; the lease
covers them all: when it ends, what is in place is undone and the rest is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from faults.model.fault import SECOND_NS

LEAD_NS = 6 * SECOND_NS
"""Dead-man timer and harmless preparations begin this long before a fault is due: to stop a time
daemon has taken 4 s on a slow host.
"""

HELPER_LEAD_NS = 30 * SECOND_NS
"""Those of a fault that starts a Python of its own: 20 s have passed until it ran on an emulated
machine with nothing to spare, and it costs nothing while it waits.
"""

LATE_NS_MAX = SECOND_NS
"""A fault that could not begin this long after it was due (the agent hung, or had died) is left
out: a late one is not what the plan said.
"""


class Stage(StrEnum):
    """How far a fault has come."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"


class Action(StrEnum):
    """What is to be done now."""

    PREPARE = "prepare"
    INJECT = "inject"
    HEAL = "heal"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One fault's times; deadline_ns None: injected once, nothing to undo."""

    id: str
    inject_ns: int
    deadline_ns: int | None
    lead_ns: int = LEAD_NS
    stage: Stage = Stage.WAITING

    @property
    def prepare_ns(self) -> int:
        """Return the time at which the preparations are due."""
        return self.inject_ns - self.lead_ns


@dataclass(frozen=True, slots=True)
class Schedule:
    """All faults of one arming, and the lease that covers them."""

    items: tuple[Item, ...]
    lease_end_ns: int

    def due(self, now_ns: int) -> tuple[Schedule, list[tuple[str, Action]]]:
        """Return the schedule after, and the actions due at now_ns in the order to begin them.

        Heals come first: what ends at the moment another fault begins must not take that one back.
        """
        actions: list[tuple[str, Action]] = []
        items: list[Item] = []
        for item in self.items:
            stepped, done = _advance(item, now_ns, lease_over=now_ns >= self.lease_end_ns)
            items.append(stepped)
            actions += [(item.id, action) for action in done]
        actions.sort(key=lambda each: each[1] is not Action.HEAL)
        return replace(self, items=tuple(items)), actions

    def wake_ns(self) -> int | None:
        """Return the time at which something is due next, None where all is done."""
        times = [time_ns for item in self.items if (time_ns := _next_ns(item)) is not None]
        return min(*times, self.lease_end_ns) if times else None

    def ends_ns(self) -> int | None:
        """Return the time at which the last fault still to be undone ends, None without one."""
        return max(
            (item.deadline_ns for item in self.items
             if item.stage is not Stage.DONE and item.deadline_ns is not None),
            default=None,
        )  # fmt: skip

    def end_all(self) -> tuple[Schedule, list[tuple[str, Action]]]:
        """Return the schedule with all done, and the actions that undo or drop each fault."""
        return replace(self, lease_end_ns=0).due(0)

    def renewed(self, lease_end_ns: int) -> Schedule:
        """Return the schedule under a lease that ends then; faults keep their deadlines."""
        return replace(self, lease_end_ns=lease_end_ns)

    @property
    def active(self) -> bool:
        """Return whether anything is still to be done."""
        return any(item.stage is not Stage.DONE for item in self.items)

    def staged(self, fault_id: str, stage: Stage) -> Schedule:
        """Return the schedule with one fault at another stage than the time would have it: in
        force, as another agent applied it, or done, as it could not be applied.
        """
        items = tuple(
            replace(item, stage=stage) if item.id == fault_id else item for item in self.items
        )
        return replace(self, items=items)


def _advance(item: Item, now_ns: int, *, lease_over: bool) -> tuple[Item, list[Action]]:
    actions: list[Action] = []
    over = lease_over or (item.deadline_ns is not None and now_ns >= item.deadline_ns)
    missed = now_ns > item.inject_ns + LATE_NS_MAX
    if item.stage is Stage.WAITING and (over or missed):
        return replace(item, stage=Stage.DONE), [Action.SKIP]
    if item.stage is Stage.WAITING and now_ns >= item.prepare_ns:
        actions.append(Action.PREPARE)
        item = replace(item, stage=Stage.READY)
    if item.stage is Stage.READY and not (over or missed) and now_ns >= item.inject_ns:
        actions.append(Action.INJECT)
        stage = Stage.DONE if item.deadline_ns is None else Stage.RUNNING
        item = replace(item, stage=stage)
    if (item.stage is Stage.READY and missed) or (
        item.stage in (Stage.READY, Stage.RUNNING) and over
    ):
        actions.append(Action.HEAL)
        item = replace(item, stage=Stage.DONE)
    return item, actions


def _next_ns(item: Item) -> int | None:
    match item.stage:
        case Stage.WAITING:
            return item.prepare_ns
        case Stage.READY:
            return item.inject_ns
        case Stage.RUNNING:
            return item.deadline_ns
        case Stage.DONE:
            return None
