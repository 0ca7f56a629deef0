"""One fault of a campaign, drawn for one trial: hosts, pairs or groups, mechanism. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from harness import selectors
from harness.campaign_model import (
    ClockStepFault,
    DelayFault,
    KillFault,
    PartitionFault,
)
from harness.plan_model import PlannedFault

Capabilities = Mapping[str, Mapping[str, bool]]
AnyFault = DelayFault | PartitionFault | ClockStepFault | KillFault


def draw(
    fault_id: str,
    spec: AnyFault,
    field: selectors.Field,
    rng: random.Random,
    chosen: Mapping[str, list[str]],
) -> PlannedFault:
    """Return the fault with its targets drawn; how is still empty.

    Raises:
        ValueError: a selector that means nobody; the text follows the key of `target_key`.
    """
    pairs: list[tuple[str, str]] | None = None
    groups: list[list[str]] | None = None
    for_ns: int | None
    asked: dict[str, Any]
    match spec:
        case DelayFault():
            pairs = _pairs(spec, field, rng, chosen)
            targets = [host for host in field.weights if any(host in pair for pair in pairs)]
            asked, for_ns = {"delay_ns": spec.delay_ns, "jitter_ns": spec.jitter}, spec.for_
        case PartitionFault():
            groups = _groups(spec, field, rng, chosen)
            targets = min(groups, key=lambda group: sum(field.weights[host] for host in group))
            asked, for_ns = {"shape": spec.shape}, spec.for_
        case ClockStepFault():
            targets = selectors.select(spec.on, field, rng, chosen)
            asked, for_ns = {"by_ns": spec.by, "level": spec.level}, spec.for_
        case KillFault():
            targets = selectors.select(spec.on, field, rng, chosen)
            asked = {"signal": spec.signal, "restart_after_ns": spec.restart_after}
            for_ns = spec.restart_after
    return PlannedFault(
        id=fault_id, fault=spec.fault, at_ns=spec.at, for_ns=for_ns, targets=targets, asked=asked,
        how="", pairs=pairs, groups=groups,
    )  # fmt: skip


def _pairs(
    spec: DelayFault,
    field: selectors.Field,
    rng: random.Random,
    chosen: Mapping[str, list[str]],
) -> list[tuple[str, str]]:
    """Return unordered pairs: `all` or one selector, every two of them; two selectors, across."""
    between = spec.between
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
    spec: PartitionFault,
    field: selectors.Field,
    rng: random.Random,
    chosen: Mapping[str, list[str]],
) -> list[list[str]]:
    if isinstance(spec.shape, str):
        side = selectors.select(spec.shape, field, rng, chosen)
        other = [host for host in field.weights if host not in side]
        groups = [side, other]
    else:
        groups = [selectors.select(group, field, rng, chosen) for group in spec.shape]
        named = [host for group in groups for host in group]
        twice = sorted({host for host in named if named.count(host) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands in two groups")
        rest = [host for host in field.weights if host not in named]
        groups += [rest] if rest else []
    groups = [group for group in groups if group]
    if len(groups) < 2:
        raise ValueError("this cuts nothing; name hosts on both sides")
    return groups


def target_key(spec: AnyFault) -> str:
    """Return the key of the campaign that says whom the fault hits."""
    match spec:
        case DelayFault():
            return "between"
        case PartitionFault():
            return "shape"
    return "on"


def mechanism(fault: str, hosts: Sequence[str], capabilities: Capabilities | None) -> str:
    """Return what will do the fault on these hosts, or `unsupported here: ...` with the reason."""
    fixed = {"partition": "nft", "clock_step": "process clock", "kill": "signal"}
    needs = {"partition": "nft", "kill": "systemd"}
    if capabilities is None:
        return fixed.get(fault, "netem or queue")
    if fault == "delay":
        if all(capabilities[host].get("netem") for host in hosts):
            return "netem"
        lacking = [host for host in hosts if not capabilities[host].get("nfqueue")]
        if lacking:
            return (
                f"unsupported here: delay needs sch_netem or NFQUEUE, {', '.join(lacking)} have"
                " neither; load the kernel module"
            )
        return "queue"
    need = needs.get(fault)
    lacking = [host for host in hosts if need and not capabilities[host].get(need)]
    if lacking:
        return f"unsupported here: {fault} needs {need}, which {', '.join(lacking)} lack"
    return fixed[fault]
