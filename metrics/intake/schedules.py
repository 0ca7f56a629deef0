"""Who is scheduled when on the branch that won: whom the genesis says, until blocks change it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Set
from dataclasses import dataclass
from operator import attrgetter

import msgspec

from metrics.intake.trial import Event, TrialData
from metrics.model.plan import Plan

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Schedules:
    """The producers at the start, and (number of a block, those of the blocks after it), rising."""

    start: Names
    changes: tuple[tuple[int, Names], ...] = ()

    def of_block(self, num: int) -> Names:
        """Return who was scheduled for a block."""
        later = bisect_left(self.changes, num, key=lambda change: change[0])
        return self.changes[later - 1][1] if later else self.start


def start(plan: Plan) -> list[str]:
    """Return the producers of the genesis' schedule: one alone where the others must be elected."""
    alone = (plan.fio or {}).get("initial") == "system"
    return plan.producers[:1] if alone else list(plan.producers)


def of_branch(data: TrialData, branch: Set[str]) -> Schedules:
    """Return the schedules that the blocks of a branch, by id, made active.

    A node tells of a schedule right after the block that it executed.
    """
    found = {
        line.num: frozenset(msgspec.json.decode(line.producers, type=list[str]))
        for line in _told(data, branch)
        if line.state == "active"
    }
    now = first = frozenset(start(data.plan))
    changes = []
    for num, names in sorted(found.items()):
        if names != now:
            changes.append((num, names))
        now = names
    return Schedules(first, tuple(changes))


def _told(data: TrialData, branch: Set[str]) -> Iterator[Event]:
    """Yield what correct nodes tell of schedules behind blocks of the branch."""
    told = data.events("schedule", "num state producers")
    if not told:
        return
    on_branch: dict[str, bool] = {}
    lines = [e for e in (*data.events("applied", "num id slot"), *told)
             if e.node == e.host and e.host not in data.planned.liars]  # fmt: skip
    for line in sorted(lines, key=attrgetter("node", "seq")):
        if line.kind == "applied":
            on_branch[line.node] = line.id in branch
        elif on_branch.get(line.node):
            yield line
