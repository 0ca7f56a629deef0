"""Transactions that were in a block and are in none of the chain, by the links between blocks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.sim.second.blocks import Chain
from tests.sim.second.record import Line, Second
from tests.sim.second.sent import DIGITS

COUNTS = (
    "seen", "undone", "reversed", "reversed_ratio", "after_safe", "after_final", "depth_max",
    "depths", "by_host", "young",
)  # fmt: skip


@dataclass(slots=True)
class Seen:
    """A block that an honest host had as head or below it, and what each that left it undid.

    left: host to (how deep it lay at most, the most that host had told: 2 final, 1 safe, 0).
    """

    num: int
    window: str
    young: bool
    held: list[str]
    left: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Told:
    """Every such block, what the chain holds, the words of acts, and whether all is known."""

    blocks: list[Seen]
    stayed: set[str]
    acts: dict[str, str]
    known: bool

    def gone(self, block: Seen) -> list[str]:
        """Return the transactions of a block that are reversed."""
        judged = block.left and not block.young and block.window
        return [short for short in sorted(block.held) if short not in self.stayed] if judged else []


def told(s: Second, known: Chain) -> Told:
    """Return what the honest hosts' branches held."""
    liars = {h for f in s.planned["faults"] if f["fault"] == "byzantine" for h in f["targets"]}
    full = {
        x["id"]: x["transactions"]
        for x in s.every("applied")
        if len(x.get("transactions", ())) == x["tx_count"]
    }
    seen: dict[str, Seen] = {}
    for line in (x for x in s.every("applied") if x["host"] not in liars):
        t = s.slot_t(line["slot"])
        young = t > s.judged_until_s + 1e-9
        held = full.get(line["id"], [])
        seen.setdefault(line["id"], Seen(line["num"], s.name_of(t), young, held))
    for host in s.lines.keys() - liars:
        _leave(host, [x for x in s.lines[host] if x["node"] == host], known, seen)
    ids = sorted(seen, key=lambda id_: (seen[id_].num, id_))
    acts = {x["id"][:DIGITS]: x["act"] for x in s.every("txs") if x.get("act")}
    stayed = {short for id_ in known.whole for short in full.get(id_, ())}
    listed = known.whole | seen.keys() <= full.keys()
    return Told([seen[id_] for id_ in ids], stayed, acts, listed)


def _leave(host: str, lines: list[Line], known: Chain, seen: dict[str, Seen]) -> None:
    final: set[str] = set()
    safe: set[str] = set()
    for line in lines:
        if line["kind"] == "irreversible":
            final.add(line["id"])
        elif line["kind"] == "safe":
            id_ = line["id"]
            while id_ in known.blocks and known.blocks[id_]["num"] >= line["first"]:
                safe.add(id_)
                id_ = known.blocks[id_].get("previous", "")
        elif line["kind"] == "switched":
            id_, head = line["old"], line["old_num"]
            while id_ in known.blocks and known.blocks[id_]["num"] > line["ancestor_num"]:
                depth, was = seen[id_].left.get(host, (0, 0))
                deep = max(depth, head - known.blocks[id_]["num"] + 1)
                seen[id_].left[host] = deep, max(was, 2 * (id_ in final), id_ in safe)
                id_ = known.blocks[id_].get("previous", "")


def figures(trials: list[Told], names: set[str]) -> dict[str, Any]:
    """Return the counts of transactions of blocks in the named windows, over trials."""
    counts: Counter[str] = Counter(dict.fromkeys(("seen", "undone", "young"), 0))
    depths: Counter[str] = Counter()
    hosts: Counter[str] = Counter()
    for found in trials:
        for block in (b for b in found.blocks if b.window in names):
            n = len(block.held)
            counts["young" if block.young else "seen"] += n
            counts["undone"] += n * bool(block.left and not block.young)
            for _ in found.gone(block):
                depths[str(max(depth for depth, _ in block.left.values()))] += 1
                most = max(promise for _, promise in block.left.values())
                counts["after_safe"] += most == 1
                counts["after_final"] += most == 2
                hosts.update(block.left.keys())
    if not all(found.known for found in trials):
        return {"reversals": dict.fromkeys(COUNTS)}
    gone = depths.total()
    return {
        "reversals": {
            **{
                key: counts[key] for key in ("seen", "undone", "young", "after_safe", "after_final")
            },
            "reversed": gone,
            "reversed_ratio": round(gone / counts["seen"], 6) if counts["seen"] else None,
            "depth_max": max(map(int, depths), default=0),
            "depths": dict(depths),
            "by_host": dict(hosts),
        }
    }


def of_trial(found: Told) -> dict[str, Any]:
    """Return what summary.json tells of a trial: nothing where nothing is reversed."""
    rows = [
        {
            "id": short,
            "act": found.acts.get(short, ""),
            "num": block.num,
            "depth": max(depth for depth, _ in block.left.values()),
            "hosts": sorted(block.left),
            "after": ("", "safe", "final")[max(promise for _, promise in block.left.values())],
        }
        for block in found.blocks
        for short in found.gone(block)
    ]
    return {"reversed": rows[:100]} if rows and found.known else {}
