"""Maps host × host of block propagation: how long it took, and what one way has more than back."""

from collections.abc import Callable
from typing import Any, NamedTuple

import plotly.graph_objects as go

from metrics.model import number_text
from metrics.model.method import Method
from metrics.report import charts
from metrics.report.in_order import in_order

Quantiles = dict[str, Any]
ROWS_PX, CELL_PX, HEAD_PX = 34, 46, 130
BESIDE_MAX = 6
"""Maps of so many hosts stand beside each other; larger ones below, as wide as the page."""
TIMES = [[0, "#f3f8fc"], [1, "#6baed6"]]
WAYS = [[0, "#6baed6"], [0.5, "#f3f8fc"], [1, "#e69f00"]]
DOUBTFUL = [[0, "#e9edf0"], [1, "#e9edf0"]]
"""Colours of a time, of a difference (less than none is blue), and where the error rules."""


class Cell(NamedTuple):
    """What stands in a map: a value with its error in ms, of so many blocks; resolved: the error
    does not exceed the value. text: in place of a value that there is none of.
    """

    value: float | None
    half: float
    n: int
    text: str = ""

    @property
    def resolved(self) -> bool:
        """Return whether the value is known beyond its error."""
        return self.value is not None and self.half <= abs(self.value)


Table = dict[tuple[str, str], Cell]


def shown(metrics: dict[str, Any], key: str) -> dict[str, Any] | None:
    """Return {maps: [(title, chart)], alike, beside: whether maps fit side by side, width_px} of M.

    The p50, and p99 or, where no pair has enough blocks for that, the largest; and by how much the
    p50 of one way is more than that of the way back; alike says the largest of these if no error
    allows to tell one. None without propagation.
    """
    table = metrics["propagation_ms"]
    hosts = in_order(set(table) | {target for row in table.values() for target in row})
    found = {(a, b): q for a, row in table.items() for b, q in row.items()}
    if not found:
        return None
    high = "p99" if any("p99" not in q["few"] for q in found.values()) else "max"
    times = {share: _table(found, share) for share in ("p50", high)}
    maps = [
        (f"{share} (ms)", _map(hosts, cells, f"{key}-{share}", TIMES))
        for share, cells in times.items()
    ]
    ways, alike = asymmetry(times["p50"]), ""
    if any(cell.resolved for cell in ways.values()):
        title = "p50, one way less the way back (ms)"
        maps.append((title, _map(hosts, ways, f"{key}-ways", WAYS)))
    elif ways:
        pair = max(ways, key=lambda pair: ways[pair].value or 0.0)
        largest = _text(ways[pair]).replace("<br>", " ")
        alike = f"{pair[0]} to {pair[1]} has {largest} ms more than the way back"
    return {
        "maps": maps,
        "alike": alike,
        "beside": len(hosts) <= BESIDE_MAX,
        "width_px": HEAD_PX + CELL_PX * len(hosts),
    }


def _table(found: dict[tuple[str, str], Quantiles], share: str) -> Table:
    return {pair: _cell(q, share) for pair, q in found.items()}


def _cell(q: Quantiles, share: str) -> Cell:
    value, ends = q.get(share), q["error"].get(share, [None, None])
    if value is None or None in ends:
        return Cell(None, 0.0, q["n"], number_text.figure(q, share))
    return Cell(value, max(ends[1] - value, value - ends[0]), q["n"])


def asymmetry(cells: Table) -> Table:
    """Return by how much each way is longer than the way back, with the errors of both."""
    found = {}
    for (a, b), there in cells.items():
        back = cells.get((b, a))
        if back is not None and there.value is not None and back.value is not None:
            half, n = there.half + back.half, min(there.n, back.n)
            found[a, b] = Cell(there.value - back.value, half, n)
    return found


def _map(hosts: list[str], cells: Table, key: str, colours: list[list[Any]]) -> str:
    """Return a map; a cell whose error exceeds its value is grey, with a stroke."""
    known = {pair: cell for pair, cell in cells.items() if cell.resolved}
    doubtful = {pair: cell for pair, cell in cells.items() if not cell.resolved}
    figure = go.Figure()
    figure.add_trace(_layer(hosts, doubtful, DOUBTFUL, "error exceeds value"))
    figure.add_trace(_layer(hosts, known, colours, "known"))
    figure.add_trace(
        go.Scatter(
            x=[charts.label(b) for _, b in doubtful], y=[charts.label(a) for a, _ in doubtful],
            mode="markers", hoverinfo="skip", showlegend=False, name="error exceeds value",
            marker={"symbol": "line-ne-open", "size": ROWS_PX - 8, "color": "#8a97a3"},
        )
    )  # fmt: skip
    names = [charts.label(host) for host in hosts]
    for axis, title in (("xaxis", "received at"), ("yaxis", "produced at")):
        figure.update_layout(
            {axis: {"title": {"text": title}, "type": "category", "showgrid": False,
                    "categoryorder": "array", "categoryarray": names,
                    "range": [-0.5, len(names) - 0.5]}}
        )  # fmt: skip
    figure.update_yaxes(range=[len(names) - 0.5, -0.5])
    return charts.fragment(figure, key, height=110 + ROWS_PX * max(len(hosts), 5))


def _layer(hosts: list[str], cells: Table, colours: list[list[Any]], name: str) -> go.Heatmap:
    """Return the cells of a map that are there, coloured by their value; times from zero on, so
    that those which are nearly equal look so.
    """
    names = [charts.label(host) for host in hosts]

    def rows(of: Callable[[Cell], Any], none: Any) -> list[list[Any]]:
        return [[of(cells[a, b]) if (a, b) in cells else none for b in hosts] for a in hosts]

    top = max((cell.value or 0.0 for cell in cells.values()), default=0.0)
    return go.Heatmap(
        z=rows(lambda cell: cell.value or 0.0, None), name=name, x=names, y=names,
        text=rows(_text, ""), texttemplate="%{text}",
        customdata=rows(lambda cell: cell.n, 0), showscale=False, colorscale=colours,
        zmid=0 if colours is WAYS else None, zmin=None if colours is WAYS else 0,
        zmax=None if colours is WAYS else top, xgap=2, ygap=2, hoverongaps=False,
        hovertemplate="%{y} to %{x}: %{text} ms, %{customdata} blocks<extra></extra>",
    )  # fmt: skip


def _text(cell: Cell) -> str:
    if cell.value is None:
        return cell.text
    text = number_text.with_error(cell.value, cell.half) if cell.half else f"{cell.value:.3f}"
    return text.replace(" ± ", "<br>± ")


METHOD = Method(
    name="Asymmetry of propagation",
    formula="The p50 from one host to another less that of the way back; the error is the sum of "
    "the errors of both.",
    left_out="Pairs that have a figure one way only.",
    assumes="As for propagation. Blocks go each way at other moments.",
)
