"""The sweep section: what changes from cell to cell, in sentences, charts and a table."""

import math
from collections.abc import Sequence
from typing import Any

from metrics.model import number_text
from metrics.model.cell_text import cell_text, value_text
from metrics.model.quantiles import COVERAGE
from metrics.report.sweep_chart import chart
from metrics.results import sweep, trial_figures
from metrics.results.trial_figures import EVERY

Figures = dict[str, Any]
KEYS = ("p95", "p50")
"""Of a figure with quantiles the first that all phases have is charted, or else the last."""
HEADLINES = ("finality_latency_s", "slots")
"""What campaigns are run for: where it changes, that is told first."""
LEADING = 8
"""So many sentences are read before they are too many; the others fold."""


def shown(rows: Sequence[Figures]) -> Figures | None:
    """Return what the page shows of a sweep, or None of a run with one cell.

    {axis, coverage, sentences: of what lies furthest apart, of each measure one, more: the others,
    charts: [{title, html}] of the figures that sentences tell of, others: of the others that
    differ, rest: of what varies only within intervals, same: titles of what does not vary at all,
    table: [{title, phase, fixed, points: [(at, interval, n)]}]}
    """
    if not rows:
        return None
    chosen = _chosen(rows)
    charted = [row for row in rows if row["figure"] in chosen and _has_place(row)]
    leading, more = _ranked([row for row in charted if _tells(row)])
    drawn = _figures(leading)
    others = [figure for figure in _figures(more) if figure not in drawn]
    varying = _figures([row for row in charted if _varies(row)])
    return {
        "axis": rows[0]["axis"],
        "coverage": _coverage(rows),
        "sentences": [sentence(row) for row in leading],
        "more": [sentence(row) for row in more],
        "charts": _charts(charted, drawn, "sweep"),
        "others": _charts(charted, others, "sweep-others"),
        "rest": _charts(charted, [f for f in varying if f not in (*drawn, *others)], "sweep-rest"),
        "same": [number_text.title(f) for f in _figures(charted) if f not in varying],
        "table": [_table_row(row) for row in rows if _varies(row)],
    }


def _ranked(rows: Sequence[Figures]) -> tuple[list[Figures], list[Figures]]:
    """Return the rows that lead, and the others, those furthest apart first.

    Of each measure one leads before another has a second, headlines before all. Rows with intervals
    stand before others.
    """
    found = sorted(rows, key=lambda row: (_open(row), -_effect(row)))
    firsts: dict[str, Figures] = {}
    for row in found:
        firsts.setdefault(row["figure"].partition(".")[0], row)
    leading = [firsts.pop(measure) for measure in HEADLINES if measure in firsts]
    leading = sorted([*leading, *firsts.values()], key=_open)
    leading = [*leading, *(row for row in found if row not in leading)][:LEADING]
    return leading, [row for row in found if row not in leading]


def _effect(row: Figures) -> float:
    first, *others = row["points"]
    return max(sweep.effect(first, other) for other in others)


def _open(row: Figures) -> bool:
    """Return whether a row has a point without an interval, as of too few trials."""
    return any(point["coverage"] is None for point in row["points"])


def _figures(rows: Sequence[Figures]) -> list[str]:
    return list(dict.fromkeys(row["figure"] for row in rows))


def _charts(rows: Sequence[Figures], figures: Sequence[str], key: str) -> list[Figures]:
    """Return {title, html} of figures: a chart for each line of cells in which one varies."""
    found: list[Figures] = []
    for figure in figures:
        own = [row for row in rows if row["figure"] == figure]
        lines: dict[str, list[Figures]] = {}
        for row in own:
            lines.setdefault(cell_text(row["fixed"]), []).append(row)
        for fixed, some in lines.items():
            if any(_varies(row) for row in some):
                title = number_text.title(figure)
                html = chart(some, own, f"{key}-{len(found)}")
                found.append({"title": f"{title}, {fixed}" if fixed else title, "html": html})
    return found


def sentence(row: Figures) -> str:
    """Return what a figure does along the axis, and whether beyond its intervals, in words."""
    where = "over all" if row["phase"] == EVERY else f"in {row['phase']}"
    fixed = f" at {cell_text(row['fixed'])}" if row["fixed"] else ""
    told = ", ".join(f"{_interval(row, p)} at {_at(row, p)}" for p in _told(row["points"]))
    return f"{number_text.words(row['figure'])[0]} {where}{fixed}: {told}; {_differs(row)}"


def _told(points: Sequence[Figures]) -> list[Figures]:
    """Return the first and the last, and between them what lies beyond the intervals of both."""
    first, *between, last = points
    heights = [_height(point) for point in points]
    extremes = {min(heights), max(heights)} - {heights[0], heights[-1]}
    beyond = [p for p in between if _height(p) in extremes
              and sweep.apart(first, p) and sweep.apart(p, last)]  # fmt: skip
    return [first, *beyond, last]


def _height(point: Figures) -> float:
    return math.inf if point["value"] is None else float(point["value"])


def _at(row: Figures, point: Figures) -> str:
    return cell_text({row["axis"]: point["at"]})


def _differs(row: Figures) -> str:
    points = row["points"]
    if _open(row):
        return "too few trials for an interval."
    first = _at(row, points[0])
    differing = [p for p in points if p["cell"] in row["differs"]]
    ats = [value_text(p["at"]) for p in differing]
    if not ats:
        return f"no cell can be told apart from {first}."
    if differing == points[-len(ats) :]:
        return f"told apart from {first} from {ats[0]} on."
    return f"told apart from {first} at {', '.join(ats)}."


def _chosen(rows: Sequence[Figures]) -> set[str]:
    """Return the figures that are charted: of the quantiles of one, that which stands for all."""
    phases: dict[str, set[str]] = {}
    for row in rows:
        phases.setdefault(row["figure"], set()).add(row["phase"])
    found = set()
    for figure in phases:
        name, _, key = figure.rpartition(".")
        if key not in trial_figures.KEYS:
            found.add(figure)
        elif _only_whole(figure):
            found.add(f"{name}.max")
        else:
            every = phases.get(f"{name}.p50", set())
            found.add(next((f"{name}.{k}" for k in KEYS if phases.get(f"{name}.{k}") == every),
                           f"{name}.{KEYS[-1]}"))  # fmt: skip
    return found


def _has_place(row: Figures) -> bool:
    """Return whether a row is of a phase, or of a fault, which is told over all phases only."""
    return bool((row["phase"] == EVERY) == _only_whole(row["figure"]))


def _tells(row: Figures) -> bool:
    """Return whether cells differ, as far as there are intervals to tell."""
    return _varies(row) if _open(row) else bool(row["differs"])


def _only_whole(path: str) -> bool:
    """Return whether a figure is one of a fault, over all phases."""
    return path.startswith(tuple(f"{name}." for name in trial_figures.OF_FAULTS))


def _varies(row: Figures) -> bool:
    """Return whether the trials of a line have more than one value."""
    return len({value for point in row["points"] for _, value in point["trials"]}) > 1


def _coverage(rows: Sequence[Figures]) -> str:
    """Return how often an interval holds the median trial, in words."""
    found = sorted({p["coverage"] for row in rows for p in row["points"] if p["coverage"]})
    if not found:
        return ""
    low = f"{100 * found[0]:.3g} %"
    text = low if found[0] == found[-1] else f"{low} to {100 * found[-1]:.3g} %"
    text += " of campaigns"
    few = ", less than usual: more trials say more" if found[0] < COVERAGE else ""
    return text + few


def _interval(row: Figures, point: Figures) -> str:
    """Return a point as `3.1 s (2.9 .. 3.3)`, the interval where there is one."""
    value = _value(row, point["value"])
    if point["coverage"] is None or point["low"] == point["high"]:
        return value
    unit = f" {number_text.words(row['figure'])[1]}"
    ends = [_value(row, point[end]).removesuffix(unit) for end in ("low", "high")]
    return f"{value} ({' .. '.join(ends)})"


def _value(row: Figures, value: float | None) -> str:
    return "beyond the end" if value is None else number_text.of_figure(row["figure"], value)


def _table_row(row: Figures) -> Figures:
    return {
        "title": number_text.title(row["figure"]),
        "phase": row["phase"],
        "fixed": cell_text(row["fixed"]),
        "points": [(_at(row, p), _interval(row, p), p["n"]) for p in row["points"]],
        "differs": row["differs"],
    }
