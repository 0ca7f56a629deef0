"""A trial's raw files, as they lie on disk, and one straight line of time for each host.

Nothing of the metrics room is used here, nor in any other module of this folder: it is written to
disagree with the first analysis where that one is wrong, so it is as plain as can be.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import zstandard

from tests.sim.second.pace import Pace, steady

Line = dict[str, Any]
Window = tuple[str, float, float]
Ends = tuple[float, float, float]
"""A moment: its middle, and the earliest and the latest that it may have been."""
LEAST_SLACK_S = 0.001
LIE_LINGERS_S = 60.0
CRYSTAL = 160e-6
DOWN = ("kill", "crash", "power_cut", "freeze_host", "pause")
"""Faults that keep their targets' nodes from doing anything."""


@dataclass
class Second:
    """What was read of a trial. Times are seconds since T0; `slack_s` is what they may be off."""

    plan: Line
    """With the chain of the trial's cell."""
    planned: Line
    trial: Line
    folder: Path
    lines: dict[str, list[Line]] = field(default_factory=dict)
    journal: list[Line] = field(default_factory=list)
    line: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    slack_s: float = 0.0
    pace: Pace = field(default_factory=lambda: Pace(()))
    edge_s: float = 0.0
    """What the end of observation is moved by: its last slot may lie on either side of it."""

    @property
    def round_slots(self) -> int:
        """Return how many that somebody has make a round."""
        return len(self.plan["producers"]) * int(self.plan["blocks_per_turn"])

    @property
    def lag_max(self) -> int:
        return int(self.plan["prediction"]["finality_lag_blocks"]["max"])

    @property
    def judged_until_s(self) -> float:
        """A finality period before the end: the longest lag that the rules predict, and a round."""
        return self.pace.later(self.end_s, -self.lag_max - self.round_slots)

    @cached_property
    def told_s(self) -> float:
        """When the last slot was told of."""
        return max(self.t(line) for line in self.every("slot_due"))

    @property
    def end_s(self) -> float:
        """Return the end of what was observed: the plan's, unless the trial broke off."""
        whole = float(self.plan["end_ns"]) / 1e9
        if self.trial["state"] == "complete":
            return whole
        return min(whole, self.told_s) + self.edge_s

    @property
    def hosts(self) -> list[str]:
        return [host["host"] for host in self.plan["hosts"]]

    @property
    def first_slot(self) -> int:
        return int(self.trial["genesis_slot"]) + 1

    def t(self, line: Line) -> float:
        """Return the seconds since T0 at which a line was written."""
        return self.at(line["host"], line["mono_ns"])

    def at(self, host: str, mono_ns: int) -> float:
        """Return the time of a stamp of a host's raw clock."""
        base, start, rate = self.line[host]
        return (start + rate * (mono_ns - base)) / 1e9

    @property
    def slews(self) -> bool:
        """Return whether true time leaves a raw clock faster than a crystal may."""
        return any(abs(rate - 1) > CRYSTAL for _, _, rate in self.line.values())

    def slot_t(self, slot: int) -> float:
        """Return the nominal time of a slot."""
        return (slot - self.first_slot) * float(self.plan["slot_ns"]) / 1e9

    def every(self, kind: str) -> list[Line]:
        """Return all lines of one kind, host by host in order of writing."""
        return self._by_kind.get(kind, [])

    def own(self, host: str, kind: str) -> list[Line]:
        """Return the lines of one kind that a host's node wrote itself, in order."""
        return [x for x in self.every(kind) if x["node"] == host]

    @cached_property
    def _by_kind(self) -> dict[str, list[Line]]:
        found: dict[str, list[Line]] = defaultdict(list)
        for host in sorted(self.lines):
            for line in self.lines[host]:
                found[line["kind"]].append(line)
        return found

    def host_of(self, producer: str) -> str:
        """Return who signs for a producer."""
        (name,) = [h["host"] for h in self.plan["hosts"] if producer in h["producers"]]
        return str(name)

    @cached_property
    def windows(self) -> list[Window]:
        """Return the stretches (name, from, to) that were measured, in order.

        A change of a fault takes from the first host's earliest to the last host's latest moment.
        What lies within a change is of no phase: it is called between.
        """
        changes: dict[float, list[float]] = defaultdict(list)
        due = {}
        for fault in self.planned["faults"]:
            due[fault["id"], "installed"] = fault["at_ns"] / 1e9
            if fault.get("for_ns") is not None:
                due[fault["id"], "healed"] = fault["end_ns"] / 1e9
        for entry in self.journal:
            moment = due.get((entry["fault"], entry["state"]))
            if moment is not None and entry.get("between_ns"):
                changes[moment] += [edge / 1e9 for edge in entry["between_ns"]]
        found: list[Window] = []
        for phase in self.planned["phases"]:
            start, end = phase["start_ns"] / 1e9, phase["end_ns"] / 1e9
            first = max([start, *changes[start]])
            last = min([end, *changes[end]])
            until = found[-1][2] if found else start
            first = max(first, until)
            if first < last:
                found += [("between", until, first)] if first > until else []
                found.append((phase["name"], first, last))
        return found

    def named(self, names: set[str]) -> list[Window]:
        """Return the windows of those names."""
        return [window for window in self.windows if window[0] in names]

    def window_of(self, t: float) -> Window | None:
        """Return the window that a nominal time lies in."""
        return next((w for w in self.windows if w[1] <= t < w[2]), None)

    def name_of(self, t: float) -> str:
        """Return the name of the window that a nominal time lies in; none lies outside."""
        window = self.window_of(t)
        return window[0] if window else ""

    def healed(self, fault: Line) -> Ends:
        """Return the moment the last host healed.

        That is no earlier than any host healed: each of its ends is the latest of theirs.
        """
        found = [
            self._changed(entry)
            for entry in self.journal
            if (entry["fault"], entry["state"]) == (fault["id"], "healed") and entry["between_ns"]
        ]
        planned = fault["end_ns"] / 1e9
        middle, first, last = (
            (max(ends) for ends in zip(*found, strict=True)) if found else [planned] * 3
        )
        return middle, first, last

    def _changed(self, entry: Line) -> Ends:
        """Return the moment of a change: a host's schedule began when its own clock said T0.

        A provider's clock is not known, so its stamps are taken as they are.
        """
        first, last = (edge / 1e9 for edge in entry["between_ns"])
        if entry["t_ns"] is not None and entry["host"] in self.line:
            off = self.at(entry["host"], entry["mono_ns"]) - entry["t_ns"] / 1e9
            first, last = first + off, last + off
        return (first + last) / 2, first, last


def read(run: Path, n: int = 1) -> Second:
    """Return trial n of a run folder."""
    plan = json.loads((run / "plan.json").read_text())
    (planned,) = [trial for trial in plan["trials"] if trial["n"] == n]
    (cell,) = [cell for cell in plan["cells"] if cell["n"] == planned["cell"]]
    plan |= cell.get("chain") or {}
    folder = run / "trials" / str(n)
    found = Second(plan, planned, json.loads((folder / "trial.json").read_text()), folder)
    for host in sorted(path.name for path in (folder / "hosts").iterdir()):
        raw = (folder / "hosts" / host / "events.jsonl.zst").read_bytes()
        text = zstandard.ZstdDecompressor().decompressobj().decompress(raw).decode()
        lines = [json.loads(line) for line in text.splitlines() if line.strip()]
        ordered = whole(sorted(lines, key=lambda x: (x["node"], x["seq"])))
        found.lines[host] = [each for line in ordered for each in apart(line)]
    for path in sorted(folder.rglob("agent.jsonl")):
        found.journal += [json.loads(x) for x in path.read_text().splitlines() if x.strip()]
    for entry in found.journal:
        if entry["host"] == "provider":
            entry["fault"] = entry["fault"].partition(".")[0]
    place(found)
    slot_s, many = plan["slot_ns"] / 1e9, int(plan.get("interval_slots", 1))
    found.pace = steady(slot_s, many, found.first_slot)
    return found


def apart(line: Line) -> list[Line]:
    """Return the line, or one for each transaction that it tells of."""
    return [{**line, "id": id_} for id_ in line["ids"]] if line["kind"] == "txs" else [line]


def whole(lines: list[Line]) -> list[Line]:
    """Return the lines if none of a writer's numbers is missing: others are not for this."""
    last: dict[str, int] = {}
    for line in lines:
        assert line["seq"] == last.get(line["node"], -1) + 1, f"{line['node']} lost lines"
        last[line["node"]] = line["seq"]
    return lines


def place(found: Second) -> None:
    """Put every host on its line of time: by its own NTP checks, no probe is used.

    Containers share one raw clock, so there one line is drawn through the checks of all.
    """
    lies = [f for f in found.planned["faults"] if f["fault"] == "ntp_offset"]
    checks: dict[str, list[Line]] = defaultdict(list)
    for line in found.every("clock"):
        if not line["bound_ns"]:
            continue
        since = (line["wall_ns"] - line["offset_ns"] - found.trial["t0_wall_ns"]) / 1e9
        believed = any(
            line["host"] in f["targets"]
            and f["at_ns"] / 1e9 - 1 <= since < f["end_ns"] / 1e9 + LIE_LINGERS_S
            for f in lies
        )
        if not believed:
            checks[line["host"]].append(line)
    everyone = sorted((x for own in checks.values() for x in own), key=lambda x: x["mono_ns"])
    shared = found.plan["lab"] == "container"
    off_s = []
    for host in found.lines:
        used = everyone if shared else checks[host]
        found.line[host] = _line(used, found.trial["t0_wall_ns"])
        off_s += _off_s(used, found.trial["t0_wall_ns"], found.line[host])
    # On a busy machine the checks themselves lie further off the line that is drawn through them.
    found.slack_s = max(LEAST_SLACK_S, sorted(off_s)[len(off_s) * 9 // 10])


def _off_s(checks: list[Line], t0_wall_ns: int, line: tuple[int, float, float]) -> list[float]:
    """Return how far each check lies off the line, in seconds."""
    base, start, rate = line
    return [
        abs(x["wall_ns"] - x["offset_ns"] - t0_wall_ns - start - rate * (x["mono_ns"] - base)) / 1e9
        for x in checks
    ]


def _line(checks: list[Line], t0_wall_ns: int) -> tuple[int, float, float]:
    """Return (mono, true time there, true ns a ns of mono): the median line through the checks."""
    base = checks[0]["mono_ns"]
    true = [(x["mono_ns"] - base, x["wall_ns"] - x["offset_ns"] - t0_wall_ns) for x in checks]
    half = len(true) // 2
    slopes = [
        (d - b) / (c - a) for (a, b), (c, d) in zip(true[:half], true[-half:], strict=True) if c > a
    ]
    rate = statistics.median(slopes) if slopes else 1.0
    start = statistics.median(moment - rate * mono for mono, moment in true)
    return base, start, rate
