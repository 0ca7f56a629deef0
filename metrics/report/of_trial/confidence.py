"""What users could rely on: rows of a trial's tables of it."""

from statistics import fmean
from typing import Any

from metrics.measure.confidence import reversals, tapos
from metrics.measure.confidence.reversals import FINAL, SAFE, TOLD_MOST
from metrics.model.plan import WARMUP
from metrics.report.of_trial import health
from metrics.results.analysis import Analysis

WORDS = {"": "", SAFE: "half confirmed", FINAL: "final"}
"""What had been told of a reversed transaction."""


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
                "promise": WORDS[item.promise],
            }
            for item in gone[:TOLD_MOST]
        ],
        "more": max(len(gone) - TOLD_MOST, 0),
        "stake": _stake(analysis),
        "health": health.chart(analysis, f"health-{analysis.data.file.n}"),
        "changes": health.rows(analysis),
    }


def _stake(analysis: Analysis) -> dict[int, float]:
    """Return, by number of blocks, which share of all stake had confirmed a block then, mean."""
    data = analysis.data
    phases = {phase.name for phase in data.phases} - {WARMUP}
    found = tapos.shares(analysis.of(tapos.METRIC), phases, data.plan.round_blocks)
    return {k: fmean(own) for k, own in found.items()}
