"""How well the network used its slots, node by node: counted anew at each slot, by links."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.sim.second.blocks import Chain
from tests.sim.second.record import Line, Second

WORDS = ("healthy", "degraded", "halted")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a node's word at a slot: the window that its time lies in, and the share."""

    host: str
    window: str
    state: str
    share: float


def told(s: Second, known: Chain) -> list[Change]:
    """Return every change; none where the plan says nothing of it, as plans of before did not."""
    if "health" not in s.plan:
        return []
    found = []
    for host in s.hosts:
        found += _of_host(s, host, known.blocks)
    return found


def _of_host(s: Second, host: str, blocks: dict[str, Line]) -> list[Change]:
    rules = s.plan["health"]
    size = rules["window_slots"] or 2 * s.round_slots
    due: list[int] = []
    head, word, found = "", 0, []
    lately: list[int] = []
    seen: set[str] = set()
    for line in (x for x in s.lines.get(host, []) if x["node"] == host):
        if line["kind"] == "started":
            due, head, word, lately, seen = [], "", 0, [], set()
        elif line["kind"] == "applied":
            head = line["id"]
            seen.add(head)
        elif line["kind"] == "slot_due":
            filled = _slots(head, blocks, seen, 2 * size)
            if not line["producer"] and line["slot"] not in filled:
                continue
            due.append(line["slot"])
            if len(due) < 2:
                continue
            looked_at = due[-size - 1 : -1]
            missed = sum(slot not in filled for slot in looked_at)
            parts = 10_000 * (size - missed) // size
            low, high = rules["halted_below"], rules["degraded_below"]
            lately.append(2 if parts < low else 1 if parts < high else 0)
            now = max(lately[-max(size // 2, 1) :])
            if now != word:
                word = now
                window = s.name_of(s.slot_t(due[-2]))
                found.append(Change(host, window, WORDS[word], parts / 10_000))
    return found


def _slots(head: str, blocks: dict[str, Line], seen: set[str], most: int) -> set[int]:
    """Return the slots of a head's branch, of what its node has applied in this life."""
    slots: set[int] = set()
    while head in seen and len(slots) < most:
        slots.add(blocks[head]["slot"])
        head = blocks[head].get("previous", "")
    return slots


def figures(trials: list[list[Change]], names: set[str]) -> dict[str, Any]:
    """Return the counts of the changes in the named windows, over trials."""
    chosen = [change for found in trials for change in found if change.window in names]
    alarms = [change for change in chosen if change.state != "healthy"]
    return {
        "health": {
            "alarms": len(alarms),
            "halts": sum(change.state == "halted" for change in chosen),
            "participation_least": min((change.share for change in chosen), default=None),
            "by_host": dict(Counter(change.host for change in alarms)),
        }
    }
