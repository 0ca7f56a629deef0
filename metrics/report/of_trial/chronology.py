"""What hosts told around the begin and the end of each fault, in one order of time."""

from collections.abc import Iterator
from typing import NamedTuple

from faults.model.record import Record
from metrics.measure import forks, recovery, slots
from metrics.measure.confidence import health
from metrics.model.plan import PlannedFault
from metrics.report.in_order import counted, in_order
from metrics.report.of_trial import rows, slot_grid
from metrics.results.analysis import Analysis

BEFORE_S, AFTER_S = 2.0, 10.0
ALIKE_S = 0.5
"""What several hosts tell within this is one line."""
LINES_MAX = 60
"""So many lines of a fault are shown."""
NO_CHANGE = ("armed", "started", "stopped")
"""States of an agent's line that say nothing of when a fault began or ended."""


class Line(NamedTuple):
    """What a host, or several, told at a moment, in seconds since T0: the first of them."""

    t_s: float
    host: str
    text: str


class Excerpt(NamedTuple):
    """The lines around one fault, by time, and how many more there are."""

    fault: str
    lines: list[Line]
    more: int


def shown(analysis: Analysis) -> list[Excerpt]:
    """Return what is told from shortly before each fault begins, and ends, until shortly after."""
    common = [*_slots(analysis), *_heads(analysis), *_health(analysis)]
    result = []
    for fault in analysis.data.planned.faults:
        moments = (fault.at_ns / 1e9, fault.end_ns / 1e9)
        own = [*_agents(analysis, fault), *_recovered(analysis, fault)]
        own += [line for line in common if _near(line, moments)]
        own = _together(own)
        if own:
            result.append(Excerpt(fault.id, own[:LINES_MAX], max(len(own) - LINES_MAX, 0)))
    return result


def _together(found: list[Line]) -> list[Line]:
    """Return lines by time, those in one that hosts told alike within a moment."""
    alike: dict[str, list[list[Line]]] = {}
    for line in sorted(found, key=lambda line: (line.t_s, counted(line.host), line.text)):
        groups = alike.setdefault(line.text, [])
        if groups and line.t_s - groups[-1][0].t_s <= ALIKE_S:
            groups[-1].append(line)
        else:
            groups.append([line])
    merged = [
        Line(group[0].t_s, rows.few(in_order({line.host for line in group})), text)
        for text, groups in alike.items()
        for group in groups
    ]
    return sorted(merged, key=lambda line: (line.t_s, counted(line.host), line.text))


def _near(line: Line, moments: tuple[float, ...]) -> bool:
    return any(at_s - BEFORE_S <= line.t_s <= at_s + AFTER_S for at_s in moments)


def _agents(analysis: Analysis, fault: PlannedFault) -> Iterator[Line]:
    for record in analysis.data.agents:
        if record.fault_id != fault.id or record.state in NO_CHANGE:
            continue
        t_ns = _moment(record)
        if t_ns is not None:
            parts = [f"agent: {record.state}", f"({record.how})" if record.how else ""]
            parts.append(f"– {record.reason}" if record.reason else "")
            yield Line(t_ns / 1e9, record.acted_on, " ".join(filter(None, parts)))


def _moment(record: Record) -> float | None:
    """Return the moment of a change by the host's own schedule, None before it had one."""
    if record.between_ns is not None:
        return sum(record.between_ns) / 2
    return record.t_ns


def _recovered(analysis: Analysis, fault: PlannedFault) -> Iterator[Line]:
    for item in analysis.of(recovery.METRIC):
        if item.fault != fault.id or not item.disturbed:
            continue
        if item.first_final:
            text = "holds the first block final that was made since"
            yield Line(item.first_final.t_ns / 1e9, item.host, text)
        if item.back:
            yield Line(item.back.t_ns / 1e9, item.host, "back to normal")


def _slots(analysis: Analysis) -> Iterator[Line]:
    found = analysis.of(slots.METRIC)
    for spell in slot_grid.spells(analysis, found):
        if spell.word != "produced":
            many = "slot" if spell.slots == 1 else f"{spell.slots} slots"
            why = f" – {spell.reason.replace('_', ' ')}" if spell.reason else ""
            text = f"{many} of {spell.producer} {spell.word}{why}"
            yield Line(spell.from_s, spell.host, text)


def _heads(analysis: Analysis) -> Iterator[Line]:
    for event, _ in analysis.of(forks.METRIC):
        if event.t_ns == event.t_ns:
            many = "1 block" if event.depth == 1 else f"{event.depth} blocks"
            text = f"head moved to another branch, {many} undone"
            yield Line(event.t_ns / 1e9, event.host, text)


def _health(analysis: Analysis) -> Iterator[Line]:
    for told in analysis.of(health.METRIC):
        event = told.event
        if event.t_ns == event.t_ns:
            yield Line(event.t_ns / 1e9, event.host, f"calls the network {event.state}")
