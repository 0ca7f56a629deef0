"""A plan as tables: one a cell, of which the further ones show only what is another there."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness.controller.console import table_of
from harness.notation.units import text_of_ns
from metrics.model.plan import Phase, Plan, PlannedFault, PlannedTrial
from metrics.model.sides import sides_text

Row = tuple[str, ...]
HEADS = ("from", "phase", "what", "who", "how long", "how", "live/needed")


def cells_of(plan: Plan) -> Iterable[Table | str]:
    """Yield a table for each cell: when, what, to whom, how long, live weight against quorum.

    Rows that are those of the first cell are left out of the others; where all are, there is a line
    instead. What was drawn otherwise in some trials of a cell stands beside their numbers.
    """
    first: list[Row] = []
    for cell in plan.cells:
        trials = [trial for trial in plan.trials if trial.cell == cell.n]
        rows = _rows(trials)
        other = [row for row in rows if row not in first]
        title = escape(f"{cell.name} ({numbers([trial.n for trial in trials])})")
        if first:
            title += ": all as in the first" + (", but" if other else "")
        table = table_of(*HEADS, title=title)
        for row in other:
            table.add_row(*row)
        first = first or rows
        yield table if other else title


def numbers(trials: Sequence[int]) -> str:
    """Return the numbers of trials as people write them: `trials 1 to 3, 7`."""
    runs = []
    for _, run in groupby(enumerate(sorted(trials)), key=lambda each: each[1] - each[0]):
        found = [n for _, n in run]
        runs.append(f"{found[0]} to {found[-1]}" if len(found) > 2 else ", ".join(map(str, found)))
    return f"trial{'s' if len(trials) > 1 else ''} {', '.join(runs)}"


def _rows(trials: Sequence[PlannedTrial]) -> list[Row]:
    """Return the rows of a cell, by time: phases and acts, which are those of all its trials."""
    rows: list[tuple[int, Row]] = []
    for i, phase in enumerate(trials[0].phases):
        own = [_phase(trial, trial.phases[i]) for trial in trials]
        merged = [_merged(trials, cells) for cells in zip(*own, strict=True)]
        rows.append((phase.start_ns, (text_of_ns(phase.start_ns), *merged)))
    for act in trials[0].acts:
        asked = " ".join([act.act, *(f"{key}={_said(v)}" for key, v in act.fields.items())])
        row = ("", escape(asked), escape(act.by), "", f"client of {act.host}", "")
        rows.append((act.at_ns, (text_of_ns(act.at_ns), *row)))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


def _merged(trials: Sequence[PlannedTrial], cells: Sequence[str]) -> str:
    """Return what all trials have in a column, or what some have, with their numbers."""
    by_text: dict[str, list[int]] = {}
    for trial, text in zip(trials, cells, strict=True):
        by_text.setdefault(text, []).append(trial.n)
    if len(by_text) == 1:
        return cells[0]
    return "\n".join(f"{text} ({numbers(ns)})" for text, ns in by_text.items())


def _phase(trial: PlannedTrial, phase: Phase) -> Row:
    """Return the columns of a phase of a trial, all but when it begins."""
    planned = (*trial.faults, *trial.absent)
    faults = [fault for fault in planned if fault.id in phase.name.split("+")]
    return (
        phase.name,
        "\n".join(escape(_what(fault)) for fault in faults),
        "\n".join(escape(_who(fault)) for fault in faults),
        text_of_ns(phase.end_ns - phase.start_ns),
        "\n".join(fault.how for fault in faults),
        _quorum(trial, phase),
    )


def _quorum(trial: PlannedTrial, phase: Phase) -> str:
    """Return the live weight against the quorum at each instant of a phase."""
    lines = []
    for each in trial.quorum:
        if each.from_ns < phase.end_ns and each.to_ns > phase.start_ns:
            text = f"{each.live}/{each.needed}"
            text += "" if each.finality_expected else "  no finality expected"
            since = f" from {text_of_ns(each.from_ns)}" if each.from_ns > phase.start_ns else ""
            lines.append(text + since)
    return "\n".join(lines)


def _said(value: Any) -> str:
    return ",".join(map(_said, value)) if isinstance(value, list) else str(value)


def _what(fault: PlannedFault) -> str:
    """Return what is asked, in the words of the fault's kind."""
    words = {name: _word(name, value) for name, value in fault.asked.items()}
    clock = "clock" if fault.asked.get("level") == "process" else "HOST CLOCK"
    return fault.kind.said.format_map(defaultdict(str, words, clock=clock))


def _word(name: str, value: Any) -> str:
    match name:
        case "jitter_ns":
            return f" ± {text_of_ns(value)}" if value else ""
        case "back_ns":
            return f", {text_of_ns(value)} back"
        case "distribution":
            return f" ({value})"
        case "shape":
            return f": {value}" if isinstance(value, str) else ""
        case "how":
            return f", with a {value}"
        case "burst":
            return f" in bursts of {value}"
        case "rate_bps":
            return f"{value / 1000:g} kbit/s"
        case "restart_after_ns":
            return f", back after {text_of_ns(value)}" if value else ", for good"
        case "by_ppb":
            return f"{value / 1000:g} ppm"
        case "share":
            return f"{value * 100:.4g} %"
    if name.endswith("_bytes"):
        from metrics.model.number_text import size_text

        return size_text(value)
    return text_of_ns(value) if name.endswith("_ns") else str(value)


def _who(fault: PlannedFault) -> str:
    if fault.groups:
        return sides_text(fault.groups, fault.targets)
    if fault.pairs and fault.kind.targets == "groups":
        return " - ".join([*fault.targets, fault.targets[0]])
    if fault.pairs and (fault.kind.targets == "arrows" or "back_ns" in fault.asked):
        sides = (dict.fromkeys(side) for side in zip(*fault.pairs, strict=True))
        return " -> ".join(map(", ".join, sides))
    if fault.pairs:
        return f"{len(fault.pairs)} pairs of {', '.join(fault.targets)}"
    return ", ".join(fault.targets) or "nobody"
