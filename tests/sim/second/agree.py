"""Two trees of figures, key by key: what one of them has, the other must have, and agree on."""

from __future__ import annotations

import fnmatch
import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Near:
    """A figure of which the second analysis knows no more than the ends it lies between.

    high: infinite where there may be no figure at all.
    """

    low: float
    high: float

    def __add__(self, other: Near) -> Near:
        return Near(self.low + other.low, self.high + other.high)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A word or nothing of which the second analysis knows that it is one of these."""

    words: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Starts:
    """A label that must begin so; what follows says the same in words."""

    text: str


def counted(low: int, high: int) -> Any:
    """Return a count: exact where both ends are the same."""
    return low if low == high else Near(low, high)


def either(ways: list[Any]) -> Any:
    """Return a tree that holds whatever is in one of several."""
    first = ways[0]
    if all(way == first for way in ways):
        return first
    if any(isinstance(way, dict) for way in ways):
        each = [way or {} for way in ways]
        return {
            key: either([way.get(key) for way in each]) for key in {k: 0 for w in each for k in w}
        }
    if all(isinstance(way, list) for way in ways) and isinstance((first or [0])[0], Near):
        return [either(list(part)) for part in zip(*ways, strict=True)]
    if all(way is None or isinstance(way, Near) or _number(way) for way in ways):
        ends = [(math.inf, math.inf) if way is None else _both(way) for way in ways]
        return Near(min(low for low, _ in ends), max(high for _, high in ends))
    if any(isinstance(way, list) and isinstance(way[0], Near) for way in ways if way):
        known = either([way for way in ways if way is not None])
        return [Near(end.low, math.inf) for end in known]
    return OneOf(tuple(ways))


def _both(value: Any) -> tuple[float, float]:
    return (value.low, value.high) if isinstance(value, Near) else (value, value)


def disagreements(found: Any, own: Any, not_figures: dict[str, str], path: str = "") -> list[str]:
    """Return a line for each key that one of both lacks, and for each figure they differ in.

    not_figures: patterns of paths that hold no figure, with the reason.
    """
    if any(fnmatch.fnmatchcase(path, pattern) for pattern in not_figures):
        return []
    if found is None and _perhaps_none(own, count=False):
        return []
    if isinstance(found, dict) and isinstance(own, dict):
        lines = []
        for key in sorted(found.keys() | own.keys()):
            at = f"{path}/{key}"
            if key not in own:
                if _figures(found[key], at, not_figures):
                    lines.append(f"{at}: nobody computes it again: {found[key]!r:.80}")
            elif key not in found and not _perhaps_none(own[key]):
                lines.append(f"{at}: missing, the second analysis says {own[key]!r:.80}")
            elif key in found:
                lines += disagreements(found[key], own[key], not_figures, at)
        return lines
    if isinstance(found, list) and isinstance(own, list):
        if len(found) != len(own):
            return [f"{path}: {len(found)} entries, the second analysis has {len(own)}"]
        pairs = enumerate(zip(found, own, strict=True))
        return [x for i, (a, b) in pairs for x in disagreements(a, b, not_figures, f"{path}/{i}")]
    return [] if _same(found, own) else [f"{path}: {found!r:.80}, the second analysis: {own!r:.90}"]


def _perhaps_none(own: Any, *, count: bool = True) -> bool:
    """Return whether a figure may not be told: what there may be none of; count: or none at all."""
    if isinstance(own, dict | list) and own:
        parts = own.values() if isinstance(own, dict) else own
        return all(_perhaps_none(part, count=count) for part in parts)
    return isinstance(own, Near) and (math.isinf(own.high) or (count and own.low == 0))


def _figures(found: Any, path: str, not_figures: dict[str, str]) -> bool:
    """Return whether something under a path is a figure."""
    if any(fnmatch.fnmatchcase(path, pattern) for pattern in not_figures):
        return False
    if isinstance(found, dict) and found:
        return any(_figures(value, f"{path}/{key}", not_figures) for key, value in found.items())
    return True


def _same(found: Any, own: Any) -> bool:
    if isinstance(own, OneOf):
        return found in own.words
    if isinstance(own, Starts):
        return isinstance(found, str) and found.startswith(own.text)
    if isinstance(own, Near):
        return _number(found) and own.low <= found <= own.high
    if _number(own) and _number(found):
        return math.isclose(found, own, rel_tol=1e-9, abs_tol=1e-9)
    return type(found) is type(own) and bool(found == own)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
