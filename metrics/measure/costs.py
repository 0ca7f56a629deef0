"""What the processes cost their hosts."""

from itertools import groupby, pairwise

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import Figures, Metric
from metrics.model.method import Method

PROCESS = "cpu_ns rss_bytes loop_late_ns"


def measure(data: TrialData, chain: ChainView) -> list[Figures]:
    """Return CPU share (of one core), largest RSS and worst loop lateness of every writer."""
    result = []
    for node, found in groupby(data.events("process", PROCESS), key=lambda e: e.node):
        steps = list(found)
        lasting = [(a, b) for a, b in pairwise(steps) if b.cpu_ns >= a.cpu_ns]
        used_ns = sum(b.cpu_ns - a.cpu_ns for a, b in lasting)
        passed_ns = sum(b.mono_ns - a.mono_ns for a, b in lasting)
        result.append(
            {
                "node": node,
                "cpu_percent": round(100 * used_ns / passed_ns, 3) if passed_ns else None,
                "rss_bytes_max": max(step.rss_bytes for step in steps),
                "loop_late_ns_max": max(step.loop_late_ns for step in steps),
            }
        )
    return result


METRIC = Metric(
    measure=measure,
    pool=lambda over: {},
    adds={},
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
