"""A second analysis of a trial, from its raw files alone: nothing of the metrics room is used here.

Times are a host's raw monotonic clock on a straight line through what its NTP checks say of true
time: no probe is used. Written to disagree with the first one where that one is wrong, so it is as
plain as can be.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

Line = dict[str, Any]


@dataclass
class Second:
    """What was read, and what it comes to."""

    plan: Line
    trial: Line
    lines: dict[str, list[Line]] = field(default_factory=dict)
    line: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    edge_s: float = 0.0
    """What the end of observation is moved by: its last slot may lie on either side of it."""

    @property
    def slot_s(self) -> float:
        return float(self.plan["slot_ns"]) / 1e9

    @property
    def round_slots(self) -> int:
        return len(self.plan["producers"]) * int(self.plan["blocks_per_turn"])

    @property
    def horizon_s(self) -> float:
        lag = self.plan["prediction"]["finality_lag_blocks"]["max"]
        return float(lag + self.round_slots) * self.slot_s

    @property
    def warm_s(self) -> float:
        return float(self.plan["warmup_ns"]) / 1e9

    @property
    def end_s(self) -> float:
        last = max(self.t(line) for line in self.every("slot_due"))
        return min(float(self.plan["end_ns"]) / 1e9, last) + self.edge_s

    def t(self, line: Line) -> float:
        """Return when a line was written, in seconds since T0."""
        base, start, rate = self.line[line["host"]]
        return (start + rate * (line["mono_ns"] - base)) / 1e9

    def slot_t(self, slot: int) -> float:
        return (slot - int(self.trial["genesis_slot"]) - 1) * self.slot_s

    def every(self, kind: str) -> list[Line]:
        return [line for own in self.lines.values() for line in own if line["kind"] == kind]


def read(run: Path, n: int = 1) -> Second:
    """Return trial n of a run folder."""
    plan = json.loads((run / "plan.json").read_text())
    folder = run / "trials" / str(n)
    found = Second(plan, json.loads((folder / "trial.json").read_text()))
    for host in sorted(path.name for path in (folder / "hosts").iterdir()):
        raw = (folder / "hosts" / host / "events.jsonl.zst").read_bytes()
        text = zstandard.ZstdDecompressor().decompressobj().decompress(raw).decode()
        lines = [json.loads(line) for line in text.splitlines() if line.strip()]
        found.lines[host] = sorted(lines, key=lambda x: (x["node"], x["seq"]))
        found.line[host] = _line(found.lines[host], found.trial["t0_wall_ns"])
    return found


def _line(lines: list[Line], t0_wall_ns: int) -> tuple[int, float, float]:
    """Return (mono, true time there, true ns a ns of mono): the median line through the checks."""
    checks = [x for x in lines if x["kind"] == "clock" and x["bound_ns"]]
    base = checks[0]["mono_ns"]
    true = [(x["mono_ns"] - base, x["wall_ns"] - x["offset_ns"] - t0_wall_ns) for x in checks]
    half = len(true) // 2
    slopes = [
        (d - b) / (c - a) for (a, b), (c, d) in zip(true[:half], true[-half:], strict=True) if c > a
    ]
    rate = statistics.median(slopes) if slopes else 1.0
    start = statistics.median(moment - rate * mono for mono, moment in true)
    return base, start, rate


def chain(s: Second) -> tuple[dict[str, Line], set[str], set[str]]:
    """Return (every block by id, final ids, ids of the chain: final or best branch at the end)."""
    blocks: dict[str, Line] = {}
    for kind in ("received", "produced", "applied"):
        for line in s.every(kind):
            blocks[line["id"]] = {**blocks.get(line["id"], {}), **line}
    final = {line["id"] for line in s.every("irreversible")}
    best: tuple[int, int, str, str] = (0, 0, "", "")
    for host, lines in s.lines.items():
        own = [x for x in lines if x["node"] == host]
        lib = max((x["num"] for x in own if x["kind"] == "irreversible"), default=0)
        heads = [x for x in own if x["kind"] == "applied"]
        if heads:
            best = max(best, (lib, heads[-1]["num"], host, heads[-1]["id"]))
    whole, cursor = set(final), best[3]
    while cursor in blocks and cursor not in whole:
        whole.add(cursor)
        cursor = blocks[cursor].get("previous", "")
    return blocks, final, whole


def slots(s: Second) -> dict[str, int]:
    """Return expected, produced, missed, orphaned and double slots after the warm-up."""
    blocks, _, whole = chain(s)
    named: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in s.every("slot_due"):
        named[line["slot"]][line["producer"]] += 1
    due = {slot: min(who, key=lambda w: (-who[w], w)) for slot, who in named.items()}
    for block in blocks.values():
        if block["id"] in whole:
            due[block["slot"]] = block["producer"]
    counts = dict.fromkeys(("expected", "produced", "missed", "orphaned", "double"), 0)
    first = int(s.trial["genesis_slot"]) + 1
    for slot, producer in due.items():
        inside = s.warm_s <= s.slot_t(slot) <= s.end_s - s.slot_s
        if slot < first or not producer or not inside:
            continue
        own = [b for b in blocks.values() if (b["slot"], b["producer"]) == (slot, producer)]
        counts["expected"] += 1
        counts["produced" if own else "missed"] += 1
        counts["orphaned"] += bool(own) and not any(b["id"] in whole for b in own)
        counts["double"] += max(len(own) - 1, 0)
    return counts


def finality(s: Second) -> dict[str, list[float]]:
    """Return, for each view and for lags, sorted values; a block that never got there is inf."""
    blocks, _, whole = chain(s)
    weight = {host["host"]: len(host["producers"]) for host in s.plan["hosts"]}
    needed = {"first": 1, "median": (len(weight) + 1) // 2, "last": len(weight)}
    at: dict[str, dict[str, tuple[float, int]]] = defaultdict(dict)
    for host, lines in s.lines.items():
        head = 0
        for line in lines:
            if line["node"] == host and line["kind"] == "applied":
                head = line["num"]
            if line["node"] == host and line["kind"] == "irreversible":
                at[line["id"]].setdefault(host, (s.t(line), head - line["num"]))
    found: dict[str, list[float]] = defaultdict(list)
    for id_ in whole:
        slot = blocks[id_]["slot"] if id_ in blocks else -1
        t = s.slot_t(slot)
        first = slot > int(s.trial["genesis_slot"])
        if not first or not s.warm_s <= t <= s.end_s - s.horizon_s:
            continue
        order = sorted((moment, host, lag) for host, (moment, lag) in at[id_].items())
        for view, count in needed.items():
            found[view].append(order[count - 1][0] - t if len(order) >= count else math.inf)
        total, reached = 0, (math.inf, math.inf)
        for moment, host, lag in order:
            total += weight[host]
            if total >= quorum(s):
                reached = (moment - t, float(lag))
                break
        found["quorum"].append(reached[0])
        found["lag"].append(reached[1])
    return {view: sorted(values) for view, values in found.items()}


def quorum(s: Second) -> int:
    """Return the producers that finality needs (PROTOCOL A.5, C.7)."""
    n = len(s.plan["producers"])
    return n - math.floor(0.3 * n + 1e-9) if s.plan["profile"] == "bitshares" else 2 * n // 3 + 1


def last_final(s: Second, until_s: float) -> dict[str, int]:
    """Return each host's highest final block at a time since T0."""
    found: dict[str, int] = {}
    for line in s.every("irreversible"):
        if s.t(line) < until_s:
            found[line["host"]] = max(found.get(line["host"], 0), line["num"])
    return found


def arrivals(s: Second) -> dict[tuple[str, str], list[float]]:
    """Return by (maker, receiver) sorted ms from produced to received, blocks of the chain only."""
    _, _, whole = chain(s)
    made: dict[str, Line] = {}
    for line in s.every("produced"):
        made.setdefault(line["id"], line)
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    seen = set()
    for line in s.every("received"):
        start = made.get(line["id"])
        key = (line["id"], line["host"])
        if start is None or line["id"] not in whole or key in seen:
            continue
        seen.add(key)
        t = s.slot_t(start["slot"])
        if s.warm_s <= t <= s.end_s - 5:
            found[start["host"], line["host"]].append((s.t(line) - s.t(start)) * 1e3)
    return {pair: sorted(values) for pair, values in found.items()}


def rank(values: list[float], share: float) -> float:
    """Return the nearest-rank quantile."""
    return values[max(math.ceil(share * len(values) - 1e-9), 1) - 1]


def transactions(s: Second, after_s: float) -> dict[str, int]:
    """Return how many were sent from after_s on, are in blocks of the chain, and are final."""
    _, final, whole = chain(s)
    inside: dict[str, set[str]] = {"included": set(), "irreversible": set()}
    for line in s.every("applied"):
        if line["id"] in whole:
            inside["included"] |= set(line["transactions"])
        if line["id"] in final:
            inside["irreversible"] |= set(line["transactions"])
    sent = {x["id"][:16] for x in s.every("tx") if x["state"] == "sent" and s.t(x) >= after_s}
    return {"sent": len(sent), **{key: len(sent & ids) for key, ids in inside.items()}}
