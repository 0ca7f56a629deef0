"""What users could rely on: rows of a trial's tables of it."""

from typing import Any

from metrics.measure.confidence import reversals
from metrics.measure.confidence.reversals import TOLD_MOST
from metrics.report import health
from metrics.results.analysis import Analysis


def shown(analysis: Analysis) -> dict[str, Any]:
    """Return what the section of a trial shows of it."""
    gone = analysis.of(reversals.METRIC).reversed
    return {
        "reversed": [
            {
                "what": item.act or "load",
                "id": item.id,
                "num": item.block.num,
                "phase": item.block.phase,
                "depth": item.depth,
                "hosts": ", ".join(item.hosts),
                "promise": item.promise,
            }
            for item in gone[:TOLD_MOST]
        ],
        "more": max(len(gone) - TOLD_MOST, 0),
        "health": health.chart(analysis, f"health-{analysis.data.file.n}"),
        "changes": health.rows(analysis),
    }
