"""What a block passed from its slot until it was irreversible at each other host, line by line."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from tests.sim.second import ways
from tests.sim.second.agree import Near
from tests.sim.second.blocks import Chain
from tests.sim.second.record import Line, Second
from tests.sim.second.spread import Sample, exact, spread

NAMES = (
    "produced", "durable", "sent", "received", "validated", "applied", "precommitted",
    "irreversible", "whole",
)  # fmt: skip
ROUNDED_MS = 1e-5
Firsts = dict[tuple[str, str], Line]


@dataclass(frozen=True, slots=True)
class Took:
    """How long a stage of a block took, by the window of its slot; None where it is not known."""

    window: str
    name: str
    ms: Sample | None


def told(s: Second, known: Chain) -> list[Took]:
    """Return the stages of the blocks of the chain whose finality period lies within sight."""
    first = {kind: _first(s, kind) for kind in ("received", "applied", "irreversible")}
    first["precommitted"] = _precommitted(s, known)
    offsets = {(a, b): ways.offset(s, a, b) for a in s.lines for b in s.lines if a != b}
    found, done = [], set()
    for made in s.every("produced"):
        if made["id"] in done or not _judged(s, known, made["id"]):
            continue
        done.add(made["id"])
        name = s.name_of(s.slot_t(made["slot"]))
        found += [Took(name, key, ms) for key, ms in _made(made, first).items()]
        for host in s.lines.keys() - {made["host"]}:
            way = _way(s, made, host, first, offsets[made["host"], host])
            found += [Took(name, key, ms) for key, ms in way.items()]
    return found


def left_out(s: Second, known: Chain) -> Counter[tuple[str, str]]:
    """Return how many blocks have no stages, by (window's name, why)."""
    recorded = {line["id"] for line in s.every("produced")}
    found: Counter[tuple[str, str]] = Counter()
    for id_, block in known.blocks.items():
        name = s.name_of(s.slot_t(block["slot"]))
        if id_ not in known.whole:
            found[name, "orphaned"] += 1
        elif not _judged(s, known, id_):
            found[name, "young"] += 1
        elif id_ not in recorded:
            found[name, "unrecorded"] += 1
    return found


def figures(trials: list[list[Took]], names: set[str]) -> dict[str, Any]:
    """Return the spread of each stage of blocks of the named windows, over trials."""
    found = {}
    for key in NAMES:
        own = [[x.ms for x in part if x.name == key and x.window in names] for part in trials]
        known = [[ms for ms in part if ms is not None] for part in own]
        apart = key in ("received", "whole")
        wide = {"wide": ways.WIDE_MS, "wide_share": ways.WIDE_SHARE} if apart else {
            "wide": ROUNDED_MS
        }  # fmt: skip
        found[key] = spread(known, **wide)
        found[key]["unknown"] = sum(ms is None for part in own for ms in part)
        if apart:  # A host may have a block before it was handed to the last link.
            found[key]["impossible"] = Near(0, found[key]["n"])
    return found


def _judged(s: Second, known: Chain, id_: str) -> bool:
    block = known.blocks.get(id_)
    if id_ not in known.whole or block is None or block["slot"] < s.first_slot:
        return False
    return s.slot_t(block["slot"]) <= s.judged_until_s + 1e-9


def _first(s: Second, kind: str) -> Firsts:
    found: Firsts = {}
    for line in s.every(kind):
        found.setdefault((line["id"], line["host"]), line)
    return found


def _precommitted(s: Second, known: Chain) -> Firsts:
    """Return the line by which each host told each block, if one above it was not told before."""
    found: Firsts = {}
    top: dict[str, int] = defaultdict(int)
    for line in s.every("precommitted"):
        id_, host = line["id"], line["host"]
        if id_ not in known.whole:
            continue
        while id_ in known.blocks and known.blocks[id_]["num"] >= line["first"]:
            if known.blocks[id_]["num"] > top[host]:
                found[id_, host] = line
            id_ = known.blocks[id_].get("previous", "")
        top[host] = max(top[host], line["num"])
    return found


def _made(made: Line, first: dict[str, Firsts]) -> dict[str, Sample]:
    over = first["applied"].get((made["id"], made["host"]))
    fsync_ns = made.get("fsync_ns", 0)
    return {
        "produced": exact((made["late_ns"] - fsync_ns) / 1e6),
        "durable": exact(fsync_ns / 1e6),
        "sent": _since(made["mono_ns"], over),
    }


def _way(
    s: Second, made: Line, host: str, first: dict[str, Firsts], offset: ways.Offset
) -> dict[str, Sample | None]:
    at = {kind: own.get((made["id"], host)) for kind, own in first.items()}
    sent = first["applied"].get((made["id"], made["host"]))
    came, done, agreed, final = (
        at[kind] for kind in ("received", "applied", "precommitted", "irreversible")
    )
    found: dict[str, Sample | None] = {"received": exact(math.inf)}
    if came:
        found["received"] = ways.hop(s, offset, sent, came) if sent else None
        start = came["mono_ns"]
        if done and "executed_ns" in done:
            start = done["mono_ns"] - done["executed_ns"]
        found["applied"] = _since(start, done)
    elif done:
        found["applied"] = None
    if done and "executed_ns" in done:
        start = done["mono_ns"] - done["executed_ns"]
        found["validated"] = exact((start - came["mono_ns"]) / 1e6) if came else None
    if done and s.every("precommitted") and (agreed or not final):
        found["precommitted"] = _since(done["mono_ns"], agreed)
    if done:
        found["irreversible"] = _since((agreed or done)["mono_ns"], final)
    begun = {**made, "mono_ns": made["mono_ns"] - made["late_ns"]}
    found["whole"] = ways.hop(s, offset, begun, final)
    return found


def _since(start_ns: int, end: Line | None) -> Sample:
    return exact(math.inf if end is None else (end["mono_ns"] - start_ns) / 1e6)
