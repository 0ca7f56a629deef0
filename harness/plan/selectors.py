"""Who a fault hits: selectors such as `one`, `minority`, `f+1`, `25%` or a group, made hosts.

Pure and seeded: the same lab, seed and selector give the same hosts everywhere.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import nearest
from harness.inventory.names import SELECTOR_WORDS

_SAME = re.compile(r"same\(([a-z][a-z0-9_-]*)\)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")


@dataclass(frozen=True, slots=True)
class Field:
    """The hosts to choose from: weight (producers) by host in inventory order, and named groups."""

    weights: Mapping[str, int]
    groups: Mapping[str, Sequence[str]]
    needed: int
    """Producers that finality needs."""

    @property
    def total(self) -> int:
        """All producers."""
        return sum(self.weights.values())

    @property
    def spare(self) -> int:
        """f: producers that may be absent while the rest still reach a quorum."""
        return self.total - self.needed


def select(
    selector: str | Sequence[str],
    field: Field,
    rng: random.Random,
    chosen: Mapping[str, Sequence[str]],
) -> list[str]:
    """Return the hosts selector means, in inventory order.

    chosen maps the ids of earlier faults to their hosts, for same(id).
    minority, f: the most producers that can be absent while the rest reach a quorum.
    majority: the fewest hosts that reach one. f+1: one producer more than f. one: any of them.

    Raises:
        ValueError: no such host, group or word; or nothing fits.
    """
    if not isinstance(selector, str):
        named = {host for name in selector for host in select(name, field, rng, chosen)}
        return _ordered(named, field)
    if selector in field.weights:
        return [selector]
    if selector in field.groups:
        return _ordered(set(field.groups[selector]), field)
    same, percent = _SAME.fullmatch(selector), _PERCENT.fullmatch(selector)
    if same:
        if same[1] not in chosen:
            raise ValueError(f"{selector}: no earlier fault has the id {same[1]}")
        return list(chosen[same[1]])
    if percent:
        at_most = max(1, int(field.total * float(percent[1]) / 100))
        return _up_to(at_most, selector, field, rng)
    match selector:
        case "all":
            return list(field.weights)
        case "one":
            return [rng.choice(_producing(field))]
        case "minority" | "f":
            return _up_to(field.spare, selector, field, rng)
        case "majority":
            return _at_least(field.needed, field, rng)
        case "f+1":
            return _at_least(field.spare + 1, field, rng)
    known = [*field.weights, *field.groups, *SELECTOR_WORDS]
    raise ValueError(f"no host, group or selector {selector}; {nearest(selector, known)}")


def _producing(field: Field) -> list[str]:
    return [host for host, weight in field.weights.items() if weight]


def _up_to(limit: int, selector: str, field: Field, rng: random.Random) -> list[str]:
    taken: set[str] = set()
    producing = _producing(field)
    for host in rng.sample(producing, len(producing)):
        if sum(field.weights[name] for name in taken) + field.weights[host] <= limit:
            taken.add(host)
    if not taken:
        raise ValueError(
            f"{selector}: with {field.total} producers on {len(producing)} hosts no host"
            " can be spared; use more producers, or name the hosts"
        )
    return _ordered(taken, field)


def _at_least(goal: int, field: Field, rng: random.Random) -> list[str]:
    taken: set[str] = set()
    for host in rng.sample(_producing(field), len(_producing(field))):
        if sum(field.weights[name] for name in taken) >= goal:
            break
        taken.add(host)
    return _ordered(taken, field)


def _ordered(hosts: set[str], field: Field) -> list[str]:
    return [host for host in field.weights if host in hosts]
