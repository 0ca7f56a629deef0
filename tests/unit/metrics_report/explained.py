"""Which figures of a summary no declared method explains, or more than one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from metrics.report import methods

Path = tuple[str, ...]
DECLARED = [
    tuple(figure.split("."))
    for group in methods.GROUPS.values()
    for m in group
    for figure in m.figures
]
SAMPLES = {path[1] for path in DECLARED if path[0] == "Q"}


def matches(pattern: Path, path: Path) -> bool:
    """Return whether a pattern names a path; `*` is any one name, at its end none if all of them
    are unknown.
    """
    return pattern[len(path) :] in ((), ("*",)) and all(
        want in ("*", name) for want, name in zip(pattern, path, strict=False)
    ) and len(pattern) >= len(path)  # fmt: skip


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of each figure below M; of a quantile's own keys as `Q.<key>`."""
    if not isinstance(value, dict):
        yield path
        return
    if "censored" in value:
        yield path
    for key, inside in value.items():
        if "censored" in value:
            yield ("Q", key) if key in SAMPLES else (*path, key)
        else:
            yield from leaves(inside, (*path, key))


def figures(summary: dict[str, Any]) -> set[Path]:
    """Return the paths of all figures of a summary, what is measured of faults aside."""
    found: set[Path] = set()
    for cell in summary["cells"]:
        for m in (cell["metrics"], *cell["phases"].values()):
            found |= set(leaves(m))
    return found


def wrongly_explained(summary: dict[str, Any]) -> list[Path]:
    """Return the figures that not exactly one method explains."""
    return sorted(
        path
        for path in figures(summary)
        if sum(matches(pattern, path) for pattern in DECLARED) != 1
    )
