"""A row of the table of bends, and how a summary is held against it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.unit.metrics_bends.records import Bend

Summary = dict[str, Any]
REFUSED = "refused"
"""The whole run cannot be read: one line, exit status 2 or 3."""


@dataclass(frozen=True, slots=True)
class Than:
    """A figure that is the clean run's and so much more."""

    more: float = 0


@dataclass(frozen=True, slots=True)
class Times:
    """A figure that is the clean run's so many times."""

    times: int


@dataclass(frozen=True, slots=True)
class Inside:
    """An interval over trials (of a quantile) that contains the quantile (key: p50, ...)."""

    key: str = "p50"


@dataclass(frozen=True, slots=True)
class Within:
    """A figure whose printed interval contains the clean run's value (key: p50, min, ...)."""

    key: str = "p50"


@dataclass(frozen=True, slots=True)
class Near:
    """A number that is this within an error, for what clocks were bent by."""

    value: float
    error: float


SAME = Than(0)
Expected = Any
"""A value, or one of the above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What must become of a recorded run when it is bent.

    says: in one line of what makes it invalid, else in a note or a check's evidence; it names the
    host or the file. figures: by their path in summary.json; lists are entered by id or name.
    violated: the checks that accuse the chain.
    """

    name: str
    point: int
    bend: Bend
    run: str = "lab"
    verdict: str = "invalid"
    says: str = ""
    figures: Mapping[str, Expected] = field(default_factory=dict)
    violated: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Return the row's name as a test's."""
        return f"{self.point}-{self.run}-{self.name.replace(' ', '_')}"


def figure(summary: Summary, path: str) -> Any:
    """Return what stands in a summary at a path."""
    found: Any = summary
    for word in path.split("."):
        if isinstance(found, list):
            named = {str(item.get("id", item.get("name", i))): item for i, item in enumerate(found)}
            found = named[word] if word in named else found[int(word)]
        else:
            found = found[word]
    return found


def agrees(summary: Summary, clean: Summary, path: str, expected: Expected) -> bool:
    """Return whether the figure at the path is as expected."""
    found = figure(summary, path)
    match expected:
        case Than(more) if isinstance(figure(clean, path), int | float):
            return math.isclose(found, figure(clean, path) + more, abs_tol=1e-6)
        case Than():
            return bool(found == figure(clean, path))
        case Times(times):
            return bool(found == times * figure(clean, path))
        case Inside(key):
            low, high = found["ci"][key]
            return bool(low <= found[key] <= high)
        case Within(key):
            low, high = found["error"][key]
            return bool(low <= figure(clean, path)[key] <= high)
        case Near(value, error):
            return abs(found - value) <= error
        case _:
            return bool(found == expected)


def sentences(summary: Summary, verdict: str) -> list[str]:
    """Return where a row's words must stand: what makes it invalid, else notes and evidence."""
    if verdict == "invalid":
        return list(summary["invalid"])
    evidence = [f"{check['name']}: {check['evidence']}" for check in summary["checks"]]
    return [*summary["notes"], *evidence]


def problems(row: Row, summary: Summary, clean: Summary) -> list[str]:
    """Return in what the summary of a bent run is not as the row says."""
    found = []
    if summary["verdict"] != row.verdict:
        found.append(f"verdict {summary['verdict']}: {summary['invalid']} {summary['notes']}")
    told = sentences(summary, row.verdict)
    if row.says and not any(row.says in text for text in told):
        found.append(f"nothing says {row.says!r}: {told}")
    violated = {check["name"] for check in summary["checks"] if check["verdict"] == "violated"}
    if violated != set(row.violated):
        found.append(f"violated: {sorted(violated)}")
    for path, expected in row.figures.items():
        if not agrees(summary, clean, path, expected):
            found.append(f"{path} is {figure(summary, path)}, not {expected}")
    return found
