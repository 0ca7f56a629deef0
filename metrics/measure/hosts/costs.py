"""What the processes cost their hosts."""

from itertools import groupby, pairwise

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import Figures, Metric
from metrics.model.method import Method

PROCESS = "cpu_ns rss_bytes loop_late_ns mempool sent_bytes taken_bytes"


def measure(data: TrialData, chain: ChainView) -> list[Figures]:
    """Return what every writer took of its host: a core's share, memory, how late its loop was,
    the most transactions that waited, and bytes a second to and from peers.
    """
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
                "mempool_max": max(step.mempool for step in steps),
                "sent_per_s": _per_s(sum(b.sent_bytes for _, b in lasting), passed_ns),
                "taken_per_s": _per_s(sum(b.taken_bytes for _, b in lasting), passed_ns),
            }
        )
    return result


def _per_s(count: int, passed_ns: int) -> float | None:
    """Return so many a second; None of nothing, as records from before it was counted have."""
    return round(count * 1e9 / passed_ns, 3) if passed_ns and count else None


METRIC = Metric(
    measure=measure,
    methods=(
        Method(
            name="What the processes cost",
            formula="CPU: processor time used over time passed, from the first to the last record. "
            "RSS, event loop and transactions that waited: the largest of all records. Bytes: of "
            "frames to and from all peers, over the same time.",
            left_out="Time between two records across a restart.",
            assumes="What the kernel counts for each process.",
        ),
    ),
    place=8,
)
