"""Every metric, in the order of M in summary.json."""

from typing import Any

from metrics.measure import (
    clocks,
    finality,
    forks,
    irreversible,
    precommits,
    propagation,
    recovery,
    slots,
    transactions,
)
from metrics.measure.confidence import detection, health, inclusion, reversals, safe, tapos
from metrics.measure.delegation import decisions, elections, hard_forks, payments, schedule
from metrics.measure.hosts import costs, machines
from metrics.measure.metric import Expected, Metric
from metrics.measure.stages import stages

METRICS: tuple[Metric[Any], ...] = (
    finality.METRIC,
    irreversible.METRIC,
    propagation.METRIC,
    stages.METRIC,
    slots.METRIC,
    forks.METRIC,
    precommits.METRIC,
    recovery.METRIC,
    clocks.METRIC,
    transactions.METRIC,
    inclusion.METRIC,
    health.METRIC,
    detection.METRIC,
    safe.METRIC,
    reversals.METRIC,
    tapos.METRIC,
    costs.METRIC,
    machines.METRIC,
    schedule.METRIC,
    elections.METRIC,
    decisions.METRIC,
    hard_forks.METRIC,
    payments.METRIC,
)
SHOWN = tuple(sorted(METRICS, key=lambda metric: metric.place))
"""The same in the order of the report."""
OWNER = {each.name: metric for metric in SHOWN for each in metric.expected}
"""The metric that each figure is of that a campaign may expect, by the figure's name."""
EXPECTED: dict[str, Expected] = {each.name: each for metric in SHOWN for each in metric.expected}
"""What a campaign may expect, by name."""
