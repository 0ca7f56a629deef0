"""Blocks with a first quorum, and which of them were undone, by the links between blocks."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from tests.sim.second.blocks import Chain
from tests.sim.second.record import Line, Second
from tests.sim.second.spread import exact, spread


@dataclass(frozen=True, slots=True)
class First:
    """A block that a branch had a first quorum for: its window, what became of it, who undid it."""

    window: str
    fate: str
    lag: int
    undone_by: tuple[str, ...]


def told(s: Second, known: Chain) -> list[First]:
    """Return every such block of an honest host's branch."""
    liars = {h for f in s.planned["faults"] if f["fault"] == "byzantine" for h in f["targets"]}
    lags: dict[str, float] = defaultdict(lambda: math.inf)
    undone: dict[str, set[str]] = defaultdict(set)
    for host, lines in s.lines.items():
        if host not in liars:
            _host(host, [x for x in lines if x["node"] == host], known.blocks, lags, undone)
    found = []
    for id_, lag in lags.items():
        t = s.slot_t(known.blocks[id_]["slot"])
        fate = "final" if id_ in known.final else "open"
        fate = "reversed" if undone[id_] else fate
        fate = "young" if t > s.judged_until_s + 1e-9 else fate
        found.append(First(s.name_of(t), fate, int(lag), tuple(undone[id_])))
    return found


def _host(
    host: str, lines: list[Line], blocks: dict[str, Line], lags: dict[str, float],
    undone: dict[str, set[str]],
) -> None:  # fmt: skip
    """Add what one host told: a rise is of its block's ancestors, a switch of those it left."""
    sure: set[str] = set()
    head = 0
    for line in lines:
        if line["kind"] == "applied":
            head = line["num"]
        elif line["kind"] == "precommitted":
            for id_, num in _down(line["id"], line["first"], blocks):
                sure.add(id_)
                lags[id_] = min(lags[id_], head - num)
        elif line["kind"] == "switched":
            for id_, _ in _down(line["old"], line["ancestor_num"] + 1, blocks):
                if id_ in sure:
                    undone[id_].add(host)


def _down(id_: str, to_num: int, blocks: dict[str, Line]) -> list[tuple[str, int]]:
    """Return a block and its ancestors down to a number."""
    found = []
    while id_ in blocks and blocks[id_]["num"] >= to_num:
        found.append((id_, blocks[id_]["num"]))
        id_ = blocks[id_].get("previous", "")
    return found


def figures(trials: list[list[First]], names: set[str]) -> dict[str, Any]:
    """Return the counts and the lags of the blocks in the named windows, over trials."""
    chosen = [[block for block in found if block.window in names] for found in trials]
    flat = [block for found in chosen for block in found]
    old = [block for block in flat if block.fate != "young"]
    fates = Counter(block.fate for block in flat)
    decided = fates["final"] + fates["reversed"]
    return {
        "precommits": {
            "blocks": len(old),
            **{fate: fates[fate] for fate in ("final", "reversed", "open", "young")},
            "reversed_ratio": round(fates["reversed"] / decided, 6) if decided else None,
            "by_host": dict(Counter(host for block in old for host in block.undone_by)),
        },
        "precommit_lag_blocks": spread([[exact(block.lag) for block in found] for found in chosen]),
    }
