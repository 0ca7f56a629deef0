"""One fault of a campaign, drawn for one trial: hosts, pairs or groups, mechanism. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from harness.campaign.fault_spec import FaultSpec
from harness.plan import selectors
from metrics.model.plan import PlannedFault


def draw(
    fault_id: str,
    spec: FaultSpec,
    field: selectors.Field,
    rng: random.Random,
    chosen: Mapping[str, list[str]],
) -> PlannedFault:
    """Return the fault with its targets drawn; how is still empty.

    Raises:
        ValueError: a selector that means nobody; the text follows the first key of spec.whom.
    """
    pairs: list[tuple[str, str]] | None = None
    groups: list[list[str]] | None = None
    whom = spec.whom
    match spec.row.targets:
        case "pairs":
            pairs = _pairs(whom["between"], field, rng, chosen)
            targets = [host for host in field.weights if any(host in pair for pair in pairs)]
        case "arrows":
            sources = selectors.select(whom["from"], field, rng, chosen)
            sinks = selectors.select(whom["to"], field, rng, chosen)
            pairs = [(a, b) for a in sources for b in sinks if a != b]
            if not pairs:
                raise ValueError("these selectors leave nobody to cut off")
            targets = sources
        case "groups":
            groups = _groups(whom["shape"], field, rng, chosen)
            targets = min(groups, key=lambda group: sum(field.weights[host] for host in group))
        case "hosts":
            targets = selectors.select(whom["on"], field, rng, chosen)
    return PlannedFault(
        id=fault_id, fault=spec.row.word, at_ns=spec.at, for_ns=spec.lasts_ns, targets=targets,
        asked=spec.asked(), how="", pairs=pairs, groups=groups,
    )  # fmt: skip


def _pairs(
    between: str | list[Any],
    field: selectors.Field,
    rng: random.Random,
    chosen: Mapping[str, list[str]],
) -> list[tuple[str, str]]:
    """Return unordered pairs: `all` or one selector, every two of them; two selectors, across."""
    if isinstance(between, str):
        sides = [selectors.select(between, field, rng, chosen)] * 2
    elif len(between) == 2:
        sides = [selectors.select(side, field, rng, chosen) for side in between]
    else:
        raise ValueError("write one selector (every two of its hosts) or two (one side each)")
    found = {tuple(sorted((a, b))) for a in sides[0] for b in sides[1] if a != b}
    if not found:
        raise ValueError("these selectors leave no pair of hosts")
    order = list(field.weights)
    pairs = [(a, b) if order.index(a) < order.index(b) else (b, a) for a, b in found]
    return sorted(pairs, key=lambda pair: (order.index(pair[0]), order.index(pair[1])))


def _groups(
    shape: str | list[list[str]],
    field: selectors.Field,
    rng: random.Random,
    chosen: Mapping[str, list[str]],
) -> list[list[str]]:
    if isinstance(shape, str):
        side = selectors.select(shape, field, rng, chosen)
        groups = [side, [host for host in field.weights if host not in side]]
    else:
        groups = [selectors.select(group, field, rng, chosen) for group in shape]
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
