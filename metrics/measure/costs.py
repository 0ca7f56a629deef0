"""What the processes cost their hosts."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import Metric, pooled_nothing
from metrics.model.method import Method

PROCESS = "cpu_ns rss_bytes loop_late_ns"


@dataclass(frozen=True, slots=True)
class Cost:
    """One writer's own cost over the trial."""

    node: str
    cpu_percent: float | None
    rss_bytes_max: int
    loop_late_ns_max: int


def measure(data: TrialData, chain: ChainView) -> list[Cost]:
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


METRIC = Metric(
    measure=measure,
    pool=pooled_nothing,
    methods=(
        Method(
            name="What the processes cost",
            formula="CPU: processor time used over time passed, from the first to the last record. "
            "RSS and event loop: the largest of all records.",
            left_out="Time between two records across a restart.",
            assumes="What the kernel counts for each process.",
        ),
    ),
    place=8,
)
