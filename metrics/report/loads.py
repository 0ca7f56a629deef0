"""A trial's load that is not steady, as asked, beside what clients did: by phase."""

from typing import Any

from metrics.measure import transactions
from metrics.model.cell_load import load_text, paces, sent_until_ns
from metrics.results.analysis import Analysis

_WORDS = "asked", "sent"


def shown(analysis: Analysis) -> dict[str, Any] | None:
    """Return what the section of a trial shows of its load; None where that is steady."""
    data, found = analysis.data, analysis.of(transactions.METRIC)
    cell = data.plan.cell_of(data.planned)
    if cell.shape is None:
        return None
    own = paces(cell, len(data.plan.hosts), sent_until_ns(data.plan.end_ns))
    rows: dict[str, dict[str, Any]] = {}
    for phase in data.phases:
        row = rows.setdefault(phase.name, {"phase": phase.name, "ns": 0, "asked": 0, "items": []})
        row["ns"] += phase.end_ns - phase.start_ns
        row["asked"] += sum(pace.asked(int(phase.start_ns), int(phase.end_ns)) for pace in own)
        row["items"] += [
            item for item in found.sent
            if not item.act and phase.start_ns <= item.t_ns < phase.end_ns
        ]  # fmt: skip
    for row in rows.values():
        row |= transactions.counts(row.pop("items"), known=found.known)
        seconds = row.pop("ns") / 1e9
        row |= {f"{word}_rate": row[word] / seconds if seconds else None for word in _WORDS}
    return {"load": load_text(cell), "rows": list(rows.values())}
