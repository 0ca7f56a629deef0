"""Blocks, slots and forks of a trial, counted from what the nodes wrote."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from tests.sim.second.agree import Near, counted
from tests.sim.second.pace import Bend, Pace, told
from tests.sim.second.record import Line, Second, Window

SAID_NOTHING, GAVE_NO_REASON = "told no slot", "gave no reason"


@dataclass(frozen=True, slots=True)
class Chain:
    """Every block by id, the ids that became final, and those of the chain: final ones and the
    best branch at the end.
    """

    blocks: dict[str, Line]
    final: set[str]
    whole: set[str]


def chain(s: Second) -> Chain:
    """Return the blocks of a trial."""
    blocks: dict[str, Line] = {}
    for kind in ("received", "produced", "applied"):
        for line in s.every(kind):
            blocks[line["id"]] = {**blocks.get(line["id"], {}), **line}
    final = {line["id"] for line in s.every("irreversible")}
    best: tuple[int, int, str, str] = (0, 0, "", "")
    for host in s.lines:
        lib = max((x["num"] for x in s.own(host, "irreversible")), default=0)
        heads = s.own(host, "applied")
        if heads:
            best = max(best, (lib, heads[-1]["num"], host, heads[-1]["id"]))
    whole, cursor = set(final), best[3]
    while cursor in blocks and cursor not in whole:
        whole.add(cursor)
        cursor = blocks[cursor].get("previous", "")
    return Chain(blocks, final, whole)


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that was somebody's: how many blocks it got, and what became of the first of them."""

    slot: int
    producer: str
    made: int
    orphaned: bool
    late: tuple[bool, bool]
    """Whether a block of the slot was surely, and perhaps, handed on a slot or more after it."""
    reason: str


def pace(s: Second, known: Chain) -> Pace:
    """Return how often somebody is due, by what blocks of the chain say of it."""
    (first,) = s.pace.bends
    bends, slot_s = [first], s.plan["slot_ns"] / 1e9
    filled = sorted(known.blocks[id_]["slot"] for id_ in known.whole & known.blocks.keys())
    for slot, many in sorted(told(s.lines, known.whole).items()):
        if many == bends[-1].many:
            continue
        grid = next((other for other in filled if other > slot), slot)
        bends.append(Bend(s.slot_t(slot), slot_s * many, many, grid))
    return Pace(tuple(bends))


def due(s: Second, known: Chain) -> dict[int, str]:
    """Return who was due in each slot: nobody where the name is empty.

    Due is who made the block of the chain, else whom most nodes named; where nobody told of the
    slot, whose turn it is by the plan.
    """
    named: dict[int, Counter[str]] = defaultdict(Counter)
    for line in s.every("slot_due"):
        named[line["slot"]][line["producer"]] += 1
    turn, names = s.plan["blocks_per_turn"], s.plan["producers"]
    found, slot = {}, s.first_slot
    while s.slot_t(slot) <= s.end_s:
        bend = s.pace.at(s.slot_t(slot))
        if (slot - bend.grid) % bend.many == 0:
            found[slot] = names[slot // bend.many // turn % len(names)]
        slot += 1
    found |= {slot: min(who, key=lambda name: (-who[name], name)) for slot, who in named.items()}
    blocks = (known.blocks[id_] for id_ in known.whole & known.blocks.keys())
    return found | {block["slot"]: block["producer"] for block in blocks}


def skipped(s: Second, known: Chain) -> list[float]:
    """Return the times of slots where a block could lie by the pace, and nobody is due."""
    found = []
    for slot, name in due(s, known).items():
        bend = s.pace.at(s.slot_t(slot))
        if not name and (slot - bend.grid) % bend.many == 0:
            found.append(s.slot_t(slot))
    return sorted(found)


def slots(s: Second, known: Chain) -> list[Slot]:
    """Return every slot from T0 to the end of observation that somebody was due in."""
    seen = {(line["host"], line["slot"]) for line in s.every("slot_due")}
    refused = {}
    for line in s.every("abstained"):
        refused[line["host"], line["slot"], line["producer"]] = line["reason"]
    made: dict[tuple[int, str], list[Line]] = defaultdict(list)
    for block in known.blocks.values():
        made[block["slot"], block["producer"]].append(block)
    late, over = lateness(s), s.pace.later(s.end_s, -1) + 1e-9
    found = []
    for slot, producer in sorted(due(s, known).items()):
        if slot < s.first_slot or not producer or s.slot_t(slot) > over:
            continue
        own = sorted(made[slot, producer], key=lambda b: b["id"] not in known.whole)
        host = s.host_of(producer)
        reason = GAVE_NO_REASON if (host, slot) in seen else SAID_NOTHING
        if (host, slot, producer) in refused:
            reason = "abstained: " + refused[host, slot, producer]
        found.append(
            Slot(
                slot, producer, len(own), bool(own) and own[0]["id"] not in known.whole,
                late.get(own[0]["id"], (False, False)) if own else (False, False),
                "" if own else reason,
            )
        )  # fmt: skip
    return found


def lateness(s: Second) -> dict[str, tuple[bool, bool]]:
    """Return by id whether a block was surely, and perhaps, a slot or more late."""
    found = {}
    for line in s.every("produced"):
        after = max(s.t(line) - s.slot_t(line["slot"]), line["late_ns"] / 1e9)
        slot_s = s.pace.at(s.slot_t(line["slot"])).every_s
        sure = max(after - s.slack_s, line["late_ns"] / 1e9) >= slot_s
        found[line["id"]] = sure, after + s.slack_s >= slot_s
    return found


def slot_figures(trials: list[tuple[Second, list[Slot], list[Window]]]) -> dict[str, Any]:
    """Return the counts of slots whose time lies in the windows, over trials."""
    chosen = [
        slot
        for s, found, windows in trials
        for slot in found
        if any(first <= s.slot_t(slot.slot) < last for _, first, last in windows)
    ]
    by_producer = sorted({slot.producer for slot in chosen})
    turn = max((s.plan["blocks_per_turn"] for s, _, _ in trials), default=1)
    places = {n: [slot for slot in chosen if slot.slot % turn == n] for n in range(turn)}
    return {
        **_tally(chosen),
        "by_producer": {
            name: _tally([slot for slot in chosen if slot.producer == name]) for name in by_producer
        },
        "by_position": {str(n + 1): _tally(own) for n, own in places.items() if own},
        "reasons": dict(Counter(slot.reason for slot in chosen if slot.reason)),
    }


def _tally(chosen: list[Slot]) -> dict[str, Any]:
    made = sum(slot.made > 0 for slot in chosen)
    ratio = round(1 - made / len(chosen), 6) if chosen else None
    return {
        "expected": len(chosen),
        "produced": made,
        "missed": len(chosen) - made,
        "unknown": 0,
        "late": counted(*(sum(slot.late[i] for slot in chosen) for i in (0, 1))),
        "orphaned": sum(slot.orphaned for slot in chosen),
        "double": sum(max(slot.made - 1, 0) for slot in chosen),
        "missed_ratio": ratio,
    }


def plain_reasons(found: dict[str, int]) -> dict[str, int]:
    """Return the reasons of summary.json with those that no producer gave made two plain ones.

    Which fault is named beside them is a label.
    """
    plain: Counter[str] = Counter()
    for reason, count in found.items():
        silent = reason.startswith("node ")
        own = reason if reason.startswith("abstained") else SAID_NOTHING if silent else ""
        plain[own or GAVE_NO_REASON] += count
    return dict(plain)


def sure_and_perhaps(t: float, windows: list[Window], slack: float) -> tuple[bool, bool]:
    """Return whether a time surely, and perhaps, lies in windows; those that touch are one."""
    joined: list[list[float]] = []
    for _, first, last in sorted(windows, key=lambda w: w[1]):
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(last, joined[-1][1])
        else:
            joined.append([first, last])
    sure = any(a + slack <= t < b - slack for a, b in joined)
    return sure, any(a - slack <= t < b + slack for a, b in joined)


def fork_figures(trials: list[tuple[Second, list[Window]]]) -> dict[str, Any]:
    """Return the switches in the windows, over trials: count, depths, and whose they are."""
    sure: list[Line] = []
    perhaps: list[Line] = []
    for s, windows in trials:
        for line in s.every("switched"):
            inside = sure_and_perhaps(s.t(line), windows, s.slack_s)
            sure += [line] * inside[0]
            perhaps += [line] * inside[1]

    def each(key: str) -> dict[str, Any]:
        least, most = (Counter(str(line[key]) for line in those) for those in (sure, perhaps))
        return {name: counted(least[name], most[name]) for name in most}

    deepest = [max((line["depth"] for line in those), default=0) for those in (sure, perhaps)]
    return {
        "switches": counted(len(sure), len(perhaps)),
        "depth_max": deepest[0] if deepest[0] == deepest[1] else Near(deepest[0], deepest[1]),
        "depths": each("depth"),
        "by_host": each("host"),
    }
