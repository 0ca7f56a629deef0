"""What became of the clients' transactions, and what the processes cost their hosts."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from metrics.intake.trial import TrialData

TX = "id state reason"
PROCESS = "cpu_ns rss_bytes loop_late_ns"


@dataclass(frozen=True, slots=True)
class Cost:
    """One writer's own cost over the trial."""

    node: str
    cpu_percent: float | None
    rss_bytes_max: int
    loop_late_ns_max: int


def transactions(data: TrialData, start_ns: float, end_ns: float) -> dict[str, Any]:
    """Return the `transactions` part of M for those sent in [start_ns, end_ns).

    lost: sent long enough before the end, never included and never refused.
    """
    states: dict[str, set[str]] = defaultdict(set)
    sent_ns: dict[str, float] = {}
    for event in data.events("tx", TX):
        id_, state, _ = event.fields
        states[id_].add(state)
        if state == "sent":
            sent_ns[id_] = event.t_ns
    chosen = [id_ for id_, t_ns in sent_ns.items() if start_ns <= t_ns < end_ns]
    judged_ns = data.end_ns - data.horizon_ns
    count = {
        word: sum(word in states[id_] for id_ in chosen)
        for word in ("included", "irreversible", "rejected", "expired")
    }
    lost = sum(
        sent_ns[id_] <= judged_ns and not states[id_] & {"included", "irreversible", "rejected"}
        for id_ in chosen
    )
    return {"sent": len(chosen), **count, "lost": lost}


def costs(data: TrialData) -> list[Cost]:
    """Return CPU share (of one core), largest RSS and worst loop lateness of every writer."""
    found: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
    for event in data.events("process", PROCESS):
        cpu, rss, late = event.fields
        found[event.node].append((event.mono_ns, cpu or 0, rss or 0, late or 0))
    result = []
    for node in sorted(found):
        steps = found[node]
        pairs = list(itertools.pairwise(steps))
        used = sum(b[1] - a[1] for a, b in pairs if b[1] >= a[1])
        passed = sum(b[0] - a[0] for a, b in pairs if b[1] >= a[1])
        result.append(
            Cost(
                node=node,
                cpu_percent=round(100 * used / passed, 3) if passed else None,
                rss_bytes_max=max(step[2] for step in steps),
                loop_late_ns_max=max(step[3] for step in steps),
            )
        )
    return result
