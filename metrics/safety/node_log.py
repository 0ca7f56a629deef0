"""The invariants that follow one node through its own log: I6, I9 and I10; pure.

A node's log is its steps in the order it wrote them. A restart is a step like any other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from metrics.safety.invariants import Violation, seconds


class Step(NamedTuple):
    """One line of a node's log; which fields mean something depends on kind.

    started: num = resumed head, lib = resumed last irreversible block. switched: num = the common
    ancestor's. included: id = the transaction's. schedule: version, state and producers (as text).
    """

    kind: str
    t_ns: float
    num: int = 0
    id: str = ""
    previous: str = ""
    state_digest: str = ""
    lib: int = 0
    version: int = 0
    state: str = ""
    producers: str = ""


Logs = dict[str, list[Step]]


def repeated_transactions(logs: Logs) -> list[Violation]:
    """Return I6's breaches: a branch holds one transaction twice, as its entry node saw it.

    What a fork switch undid, and what a restart lost, may be included again.
    """
    found = []
    for host, steps in sorted(logs.items()):
        held: dict[str, int] = {}
        for step in steps:
            if step.kind in ("switched", "started"):
                held = {id_: num for id_, num in held.items() if num <= step.num}
            elif step.kind == "included":
                if step.id in held:
                    text = (
                        f"{host}: transaction {step.id[:16]} is in block {held[step.id]} and again"
                        f" in block {step.num} ({seconds(step.t_ns)})"
                    )
                    nums = (held[step.id], step.num)
                    found.append(Violation(text, nums, (step.id,), (host,), (step.t_ns,)))
                held[step.id] = step.num
    return found


def schedule_breaks(logs: Logs) -> list[Violation]:
    """Return I9's breaches: versions that do not rise by one, or differ after one block."""
    found: list[Violation] = []
    said: dict[tuple[str, str], dict[tuple[int, str], str]] = defaultdict(dict)
    for host, steps in sorted(logs.items()):
        active: list[tuple[int, int]] = []
        at = ""
        for step in steps:
            if step.kind == "applied":
                at = step.id
            elif step.kind in ("switched", "started"):
                active = [entry for entry in active if entry[0] <= step.num]
            elif step.kind == "schedule" and step.state in ("pending", "active"):
                said[at, step.state].setdefault((step.version, step.producers), host)
                if step.state == "active":
                    if active and step.version != active[-1][1] + 1:
                        text = (
                            f"{host}: schedule version {step.version} follows {active[-1][1]} at"
                            f" block {step.num}"
                        )
                        found.append(Violation(text, (step.num,), (at,), (host,), (step.t_ns,)))
                    active.append((step.num, step.version))
    for (id_, state), values in sorted(said.items()):
        if id_ and len(values) > 1:
            hosts = tuple(values.values())
            versions = ", ".join(str(version) for version, _ in values)
            text = f"after block {id_[:16]} hosts hold different {state} schedules ({versions})"
            found.append(Violation(text, (), (id_,), hosts))
    return found


@dataclass(slots=True)
class _Life:
    """What a node's log has told so far, for judging its next restart."""

    lib: int = 0
    own: int = 0
    applied: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    resumed: Step | None = None


def restart_breaks(logs: Logs, states: dict[str, set[str]]) -> tuple[list[Violation], int]:
    """Return (I10's breaches, restarts judged).

    A node must come back with every block it called irreversible and its own last block, and the
    first block it executes must follow its restored head and give the state other hosts have;
    states maps block id to the digests seen at other hosts' first lives or anywhere else.
    """
    found: list[Violation] = []
    judged = 0
    for host, steps in sorted(logs.items()):
        life = _Life()
        begun = False
        for step in steps:
            if step.kind == "started":
                if begun:
                    judged += 1
                    found += _resumption(host, life, step)
                    life.resumed = step
                begun = True
            elif step.kind == "switched":
                life.own, life.resumed = 0, None
            elif step.kind == "irreversible":
                life.lib = max(life.lib, step.num)
            elif step.kind == "produced":
                life.own = step.num
            elif step.kind == "applied":
                found += _first_after(host, life, step, states)
                life.resumed = None
                life.applied[step.num].add(step.id)
    return found, judged


def _resumption(host: str, life: _Life, step: Step) -> Iterable[Violation]:
    for what, before, now in (
        ("last irreversible block", life.lib, step.lib),
        ("own last block", life.own, step.num),
    ):
        if now < before:
            text = f"{host}: restarted at {now}, but its {what} was {before} ({seconds(step.t_ns)})"
            yield Violation(text, (before, now), (), (host,), (step.t_ns,))


def _first_after(
    host: str, life: _Life, step: Step, states: dict[str, set[str]]
) -> Iterable[Violation]:
    resumed = life.resumed
    if resumed is None:
        return
    known = life.applied.get(resumed.num)
    where = ((step.num,), (step.id,), (host,), (step.t_ns,))
    if step.num != resumed.num + 1:
        text = f"{host}: restarted at {resumed.num}, yet block {step.num} was executed next"
        yield Violation(text, *where)
    elif known and step.previous not in known:
        text = f"{host}: restarted at another block {resumed.num} than it had"
        yield Violation(text, *where)
    if len(states.get(step.id, ())) > 1:
        text = f"{host}: block {step.num}, the first after its restart, gave another state"
        yield Violation(text, *where)
