"""How a figure is made, in words for the reader of a report; each measure declares its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What one or several figures of a report are.

    figures: their keys in summary.json from M on (`*`: any name), `Q.<key>` for those of every
    quantile, `faults.<kind>` for what is measured of such a fault; none for what only the page
    shows. formula: what is computed. left_out: what does not count. assumes: what must be true.
    source: where the formula is from, where that is not this project. counts: (path from a cell on,
    words) of what was left out in this run.
    """

    name: str
    figures: tuple[str, ...] = ()
    formula: str
    left_out: str
    assumes: str
    source: str = ""
    counts: tuple[tuple[str, str], ...] = ()
