"""When half of the producers had built on blocks: by whose blocks stand on them.

A host is asked at each of its lines that says that something is safe, and at each slot.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.sim.second.blocks import Chain
from tests.sim.second.delegation import Told
from tests.sim.second.finality import Judged, judged
from tests.sim.second.record import Line, Second
from tests.sim.second.spread import spread

WIDE_S = 0.005


def told(s: Second, known: Chain, delegated: Told) -> list[Judged]:
    """Return the blocks that finality is judged by, with when they were safe instead.

    None where nodes do not tell.
    """
    if not s.every("safe"):
        return []
    at: dict[str, dict[str, tuple[float, int]]] = defaultdict(dict)
    for host, lines in s.lines.items():
        producers = delegated.start
        head = ""
        for line in (x for x in lines if x["node"] == host):
            if line["kind"] == "applied":
                head = line["id"]
            elif line["kind"] == "schedule" and line["state"] == "active":
                producers = line["producers"]
            elif line["kind"] == "witnesses_elected":
                # They count at once, and have turns from a shuffle on.
                producers = line["witnesses"]
            elif line["kind"] in ("safe", "slot_due") and head:
                for id_, lag in _safe(head, known.blocks, set(producers)):
                    if host in at[id_]:
                        break
                    at[id_][host] = s.t(line), lag
    return judged(s, known, at)


def _safe(head: str, blocks: dict[str, Line], producers: set[str]) -> Iterator[tuple[str, int]]:
    """Yield the blocks below a head that half of the producers stand on, and how far below."""
    built: set[str] = set()
    needed, id_ = math.ceil(len(producers) / 2), head
    while id_ in blocks:
        built |= {blocks[id_]["producer"]} & producers
        if len(built) >= needed:
            yield id_, blocks[head]["num"] - blocks[id_]["num"]
        id_ = blocks[id_].get("previous", "")


def figures(trials: list[list[Judged]], names: set[str], *, alone: bool) -> dict[str, Any]:
    """Return how long that took, of the blocks in the named windows, over trials."""
    chosen = [
        [b for b in found if b.window[0] in names and (b.settles or not alone)] for found in trials
    ]
    seconds = [[b.views["quorum"] for b in found] for found in chosen]
    return {
        "safe_s": spread(seconds, wide=WIDE_S),
        "safe_lag_blocks": spread([[b.lag for b in found] for found in chosen]),
    }
