"""One figure of a sweep as a file for a paper or a page: SVG, PDF or PNG, drawn by matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metrics.model import number_text
from metrics.model.cell_text import value_text
from metrics.model.run_folder import RunError
from metrics.report import charts, sweep_chart

FORMATS = ("svg", "pdf", "png")
_INCHES = (6.4, 3.2)
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "slotlab", "font.size": 9, "font.family": "sans-serif",
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
}  # fmt: skip
"""Text stays text, and the same figures give the same bytes."""
_LINES = ("-", "--", "-.", ":")
_UNDATED: dict[str, dict[str, None]] = {
    "svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {},
}  # fmt: skip


def save(path: Path, sweeps: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Draw a figure along an axis, each of some rows of `results/sweep` in a colour, with the words
    for it: median trials, their intervals, and each trial as a dot.

    path: its suffix, one of FORMATS, is the format. What lies beyond the end of its trial is a
    triangle at the upper edge.

    Raises:
        RunError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise RunError("pictures need matplotlib: pip install 'slotlab[pictures]'") from error
    kind = path.suffix.removeprefix(".")
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.add_subplot()
        where = sweep_chart.places([row for _, row in sweeps])
        for i, (words, each) in enumerate(sweeps):
            _draw(axes, each, where, words, i)
        row = sweeps[0][1]
        ticks = {
            x: value_text(p["at"]) for _, own in sweeps for x, p in sweep_chart.placed(own, where)
        }
        axes.set_xlabel(row["axis"])
        axes.set_xticks([*ticks], [*ticks.values()])
        axes.set_ylabel(number_text.title(row["figure"]))
        least = sweep_chart.least_span([own for _, own in sweeps])
        axes.set_ylim(*sweep_chart.widened(*axes.get_ylim(), least))
        axes.grid(axis="y", color="#d8dde2", linewidth=0.6)
        if len(sweeps) > 1:
            axes.legend(frameon=False)
        figure.savefig(path, format=kind, metadata=_UNDATED[kind], dpi=160)


def _draw(
    axes: Any, row: dict[str, Any], where: Mapping[str, float], words: str, index: int
) -> None:
    """Draw a row; dashes and rings leave one of the same values that is under it to be seen."""
    colour, style = charts.colour(index), index % len(_LINES)
    fill = "none" if style else colour
    placed = sweep_chart.placed(row, where)
    seen = [(x, p) for x, p in placed if p["value"] is not None]
    axes.plot([x for x, _ in seen], [p["value"] for _, p in seen], color=colour, marker="o",
              markersize=4.5 + 4 * style, markerfacecolor=fill, linestyle=_LINES[style],
              linewidth=1.4, label=words)  # fmt: skip
    ends = [(x, p["value"] if p["low"] is None else p["low"], p["high"])
            for x, p in seen if p["coverage"] is not None]  # fmt: skip
    known = [(x, low, high) for x, low, high in ends if high is not None]
    axes.vlines(*(zip(*known, strict=True) if known else ((), (), ())), color=colour, linewidth=1.4)
    dots = [(x, v) for x, p in placed for _, v in p["trials"] if v is not None]
    axes.scatter([x for x, _ in dots], [v for _, v in dots], s=9, color=colour, alpha=0.35,
                 linewidths=0)  # fmt: skip
    beyond = [x for x, p in placed if p["value"] is None]
    if beyond:
        axes.scatter(beyond, [0.97] * len(beyond), marker="^", s=36 * (1 + 2 * style),
                     facecolors=fill, edgecolors=colour, clip_on=False,
                     transform=axes.get_xaxis_transform(), gid="beyond")  # fmt: skip
