"""Rows of a trial's tables: what became of blocks, slots, heads and hosts."""

from collections import defaultdict
from itertools import groupby
from statistics import median
from typing import Any

from metrics.intake.trial import Event
from metrics.measure import finality, forks, recovery
from metrics.measure.slots import Slot
from metrics.model import number_text
from metrics.report.in_order import counted, in_order
from metrics.results.analysis import Analysis

FEW = 3


def positions_of(analysis: Analysis) -> list[dict[str, Any]]:
    """Return predicted and measured lag of the baseline by position in the turn.

    With two stages a position has one lag; else the prediction is a range for all blocks.
    """
    plan = analysis.data.plan
    predicted = plan.prediction.finality_lag_blocks
    judged = analysis.of(finality.METRIC)
    rows: list[dict[str, Any]] = []
    for position, lags in sorted(finality.by_position(judged, analysis.data).items()):
        high = predicted.max - position if plan.two_stage else predicted.max
        low = high if plan.two_stage else predicted.min
        rows.append(
            {
                "position": position,
                "predicted": f"{low}" if low == high else f"{low} … {high}",
                "min": min(lags, default=None),
                "median": float(median(lags)) if lags else None,
                "max": max(lags, default=None),
                "n": len(lags),
                "same": sum(low <= lag <= high for lag in lags),
            }
        )
    return rows


def misses_of(found: list[Slot]) -> list[dict[str, Any]]:
    """Return the slots without a block, grouped by producer and reason, in order of time."""
    groups: dict[tuple[str, str, str, str], list[Slot]] = defaultdict(list)
    for slot in found:
        if slot.state != "produced":
            groups[slot.producer, slot.host, slot.state, slot.reason].append(slot)
    rows: list[dict[str, Any]] = [
        {
            **dict(zip(("producer", "host", "state", "reason"), what, strict=True)),
            "count": len(missed),
            "from_s": missed[0].t_ns / 1e9,
            "to_s": missed[-1].t_ns / 1e9,
            "phases": ", ".join(dict.fromkeys(slot.phase for slot in missed)),
        }
        for what, missed in groups.items()
    ]
    return sorted(rows, key=lambda row: (row["from_s"], row["producer"]))


def recovery_of(analysis: Analysis) -> list[dict[str, Any]]:
    """Return, for each fault, who was not disturbed, and of each host that was the seconds to a new
    final block and back to normal, each with its interval: hosts with the same together.
    """
    rows = []
    measured = analysis.of(recovery.METRIC)
    for fault, found in groupby(measured, key=lambda item: item.fault):
        items = sorted(found, key=lambda item: counted(item.host))
        alike: dict[tuple[str, str], list[str]] = {}
        for item in (item for item in items if item.disturbed):
            first, back = (
                number_text.span(
                    None if at is None else [ns / 1e9 for ns in recovery.since(at, item.healed)]
                )
                for at in (item.first_final, item.back)
            )
            alike.setdefault((first, back), []).append(item.host)
        rows.append(
            {
                "fault": fault,
                "healed_s": items[0].healed.t_ns / 1e9,
                "calm": few([item.host for item in items if not item.disturbed]),
                "hosts": [
                    {"hosts": hosts, "first": first, "back": back}
                    for (first, back), hosts in alike.items()
                ],
            }
        )
    return rows


def forks_of(analysis: Analysis) -> list[dict[str, Any]]:
    """Return a row for each host whose head moved to another branch."""
    found: dict[str, list[tuple[Event, str]]] = defaultdict(list)
    for event, phase in analysis.of(forks.METRIC):
        found[event.host].append((event, phase))
    return [
        {
            "host": host,
            "switches": len(found[host]),
            "undone": sum(event.depth for event, _ in found[host]),
            "deepest": max(event.depth for event, _ in found[host]),
            "from_ns": found[host][0][0].t_ns,
            "to_ns": found[host][-1][0].t_ns,
            "phases": ", ".join(dict.fromkeys(phase for _, phase in found[host])),
        }
        for host in in_order(found)
    ]


def few(hosts: list[str]) -> str:
    """Return hosts by name, or how many where their names would fill a page."""
    return ", ".join(hosts) if len(hosts) <= FEW else f"{len(hosts)} hosts"
