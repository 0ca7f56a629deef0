"""Who a fault hits: selectors such as `one`, `minority`, `f+1`, `25%` or a group, made hosts.

Pure and seeded: the same lab, seed and selector give the same hosts everywhere.
"""

import itertools
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.campaign.fault_spec import FaultSpec
from harness.errors import nearest
from harness.inventory.names import SELECTOR_WORDS
from metrics.model.plan import PlannedFault

_SAME = re.compile(r"same\(([a-z][a-z0-9_-]*)\)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")
RING_MIN = 4
BRIDGE_MIN = 3
"""Fewer hosts than that have no such shape."""


@dataclass(frozen=True, slots=True)
class Field:
    """The hosts to choose from: weight (producers) by host in inventory order, and named groups."""

    weights: Mapping[str, int]
    groups: Mapping[str, Sequence[str]]
    needed: int
    """Producers that finality needs."""
    idle: int = 0
    """Producers that are more than a full schedule has: any of them may have no slots."""

    @property
    def total(self) -> int:
        """All producers."""
        return sum(self.weights.values())

    @property
    def spare(self) -> int:
        """f: producers that may be absent while the rest still reach a quorum, whoever is idle."""
        return self.total - self.idle - self.needed


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
            earlier = nearest(same[1], [*chosen]) if chosen else "name hosts"
            raise ValueError(f"{selector}: no earlier fault has the id {same[1]}; {earlier}")
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
            return _at_least(field.needed + field.idle, field, rng)
        case "f+1":
            return _at_least(field.spare + 1 + field.idle, field, rng)
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


def draw(
    fault_id: str,
    spec: FaultSpec,
    field: Field,
    rng: random.Random,
    chosen: Mapping[str, list[str]],
) -> PlannedFault:
    """Return the fault with its targets drawn; how is still empty.

    Raises:
        ValueError: a selector that means nobody; the text begins with its key.
    """
    targets: list[str] = []
    pairs: list[tuple[str, str]] | None = None
    groups: list[list[str]] | None = None
    whom = spec.whom
    key = next(iter(whom))
    try:
        match spec.row.targets:
            case _ if spec.hits_nobody:
                pass
            case "pairs":
                sides = _sides(whom[key], field, rng, chosen)
                pairs = (_arrows if "back_ns" in spec.asked() else _pairs)(sides, field)
                targets = [host for host in field.weights if any(host in pair for pair in pairs)]
            case "arrows":
                targets = select(whom[key], field, rng, chosen)
                key = "to"
                sinks = select(whom[key], field, rng, chosen)
                pairs = [(a, b) for a in targets for b in sinks if a != b]
                if not pairs:
                    raise ValueError("leaves nobody to cut off; name another host")
            case "groups" if whom[key] == "ring":
                targets, pairs = _ring(field, rng)
            case "groups" if whom[key] == "bridge":
                targets, groups = _bridge(field, rng)
            case "groups":
                groups = _groups(whom[key], field, rng, chosen)
                targets = min(groups, key=lambda group: sum(field.weights[host] for host in group))
            case "hosts":
                targets = select(whom[key], field, rng, chosen)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error
    return PlannedFault(
        id=fault_id, fault=spec.row.word, at_ns=spec.at, for_ns=spec.lasts_ns, targets=targets,
        asked=spec.asked(), how="", pairs=pairs, groups=groups,
    )  # fmt: skip


def _sides(
    between: str | list[Any], field: Field, rng: random.Random, chosen: Mapping[str, list[str]]
) -> list[list[str]]:
    """Return two sides: of one selector, every two of whose hosts are meant, the same one twice."""
    if isinstance(between, str):
        return [select(between, field, rng, chosen)] * 2
    if len(between) == 2:
        return [select(side, field, rng, chosen) for side in between]
    raise ValueError("write one selector (every two of its hosts) or two (one side each)")


def _pairs(sides: list[list[str]], field: Field) -> list[tuple[str, str]]:
    """Return unordered pairs across two sides."""
    found = {tuple(sorted((a, b))) for a in sides[0] for b in sides[1] if a != b}
    if not found:
        raise ValueError("these selectors leave no pair of hosts")
    order = list(field.weights)
    pairs = [(a, b) if order.index(a) < order.index(b) else (b, a) for a, b in found]
    return sorted(pairs, key=lambda pair: (order.index(pair[0]), order.index(pair[1])))


def _arrows(sides: list[list[str]], _field: Field) -> list[tuple[str, str]]:
    """Return the pairs from one side to the other, of a fault that is another on the way back."""
    if set(sides[0]) & set(sides[1]):
        raise ValueError("with back it takes two sides, [from, to], that share no host")
    return [(a, b) for a in sides[0] for b in sides[1]]


def _groups(
    shape: str | list[list[str]], field: Field, rng: random.Random, chosen: Mapping[str, list[str]]
) -> list[list[str]]:
    if shape == "halves":
        groups = _halves(list(field.weights), field, rng)
    elif isinstance(shape, str):
        side = select(shape, field, rng, chosen)
        groups = [side, [host for host in field.weights if host not in side]]
    else:
        groups = [select(group, field, rng, chosen) for group in shape]
        named = [host for group in groups for host in group]
        twice = sorted({host for host in named if named.count(host) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands in two groups")
        rest = [host for host in field.weights if host not in named]
        if rest and len(groups) > 1:
            raise ValueError(f"leaves out {', '.join(rest)}; put them into a group")
        groups += [rest] if rest else []
    groups = [group for group in groups if group]
    if len(groups) < 2:
        raise ValueError("this cuts nothing; name hosts on both sides")
    return groups


def _halves(hosts: list[str], field: Field, rng: random.Random) -> list[list[str]]:
    """Return hosts, drawn, on two sides: each joins the lighter one, the heaviest first, so that
    their producers differ by no more than one host has.
    """

    def weight(side: set[str]) -> tuple[int, int]:
        return sum(field.weights[host] for host in side), len(side)

    sides: tuple[set[str], set[str]] = set(), set()
    drawn = rng.sample(hosts, len(hosts))
    for host in sorted(drawn, key=lambda each: field.weights[each], reverse=True):
        min(sides, key=weight).add(host)
    return [_ordered(side, field) for side in sides]


def _ring(field: Field, rng: random.Random) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the hosts as they stand in a ring, drawn, and the pairs that are not neighbours."""
    if len(field.weights) < RING_MIN:
        raise ValueError(f"ring: in one of {len(field.weights)} hosts all are neighbours; use more")
    ring = rng.sample(list(field.weights), len(field.weights))
    place = {host: i for i, host in enumerate(ring)}
    pairs = [
        (a, b)
        for a, b in itertools.combinations(field.weights, 2)
        if abs(place[a] - place[b]) not in (1, len(ring) - 1)
    ]
    return ring, pairs


def _bridge(field: Field, rng: random.Random) -> tuple[list[str], list[list[str]]]:
    """Return the one host, drawn, that reaches both halves of the others, and these."""
    if len(field.weights) < BRIDGE_MIN:
        raise ValueError("bridge: takes three hosts at least; use more")
    bridge = rng.choice(list(field.weights))
    return [bridge], _halves([host for host in field.weights if host != bridge], field, rng)
