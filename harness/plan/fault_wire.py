"""Cuts a trial's faults into what each host has to do: the wire form its agent is armed with.

Pure. A delay between two hosts is done exactly once a direction: on leaving where netem is used, on
arrival where the queue is. A partition is done by dropping on arrival, on both sides of the cut;
a one-way cut and loss likewise, where the packets arrive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from faults.model.fault import SECOND_NS
from harness.campaign.fault_spec import PROVIDER_FAULTS
from metrics.model.plan import Plan, PlannedFault, PlannedHost, PlannedTrial

NODE_UNIT = "slotlab-node.service"
LEASE_MARGIN_NS = 30 * SECOND_NS

Wire = dict[str, Any]


def localise(plan: Plan, trial: PlannedTrial) -> dict[str, list[Wire]]:
    """Return the faults of every host of the plan; a host without any has an empty list."""
    by_name = {host.host: host for host in plan.hosts}
    return {host.host: _of_host(host, by_name, trial) for host in plan.hosts}


def localise_provider(trial: PlannedTrial) -> list[Wire]:
    """Return the faults that the provider's agent is armed with, one a host.

    A fault on several hosts is several there: `<id>.1`, `<id>.2`, ...
    """
    return [
        {
            "id": fault.id if len(fault.targets) == 1 else f"{fault.id}.{number}",
            "fault": fault.fault,
            "at_ns": fault.at_ns,
            "for_ns": fault.for_ns,
            "host": host,
        }
        for fault in trial.faults
        if fault.fault in PROVIDER_FAULTS
        for number, host in enumerate(fault.targets, start=1)
    ]


def lease_ns(plan: Plan, *, now_ns: int, t0_ns: int) -> int:
    """Return how long from now the hosts keep the schedule without hearing from us.

    `trial`: until the trial's end plus 30 s, so that the controller may vanish and nothing changes.
    """
    if isinstance(plan.lease, int):
        return plan.lease
    return t0_ns - now_ns + plan.end_ns + LEASE_MARGIN_NS


def renews(plan: Plan) -> bool:
    """Return whether the controller has to renew the lease while a trial runs."""
    return isinstance(plan.lease, int)


def _of_host(host: PlannedHost, by_name: dict[str, PlannedHost], trial: PlannedTrial) -> list[Wire]:
    wires = []
    for fault in trial.faults:
        wire = _wire(host, by_name, trial, fault)
        if wire is not None:
            wires.append(wire)
    return wires


def _wire(
    host: PlannedHost, by_name: dict[str, PlannedHost], trial: PlannedTrial, fault: PlannedFault
) -> Wire | None:
    common: Wire = {
        "id": fault.id,
        "fault": fault.fault,
        "at_ns": fault.at_ns,
        "for_ns": fault.for_ns,
    }
    if fault.fault in PROVIDER_FAULTS or host.host not in fault.acting:
        return None
    asked = fault.asked
    match fault.fault:
        case "delay":
            return common | _delay(host, _peers(host, by_name, fault), trial, fault)
        case "partition":
            cut = _cut_off(host.host, fault.groups or [])
            return common | _blocked(host, [by_name[name] for name in cut])
        case "cut":
            sources = [by_name[a] for a, b in fault.pairs or [] if b == host.host]
            return common | _blocked(host, sources)
        case "loss":
            return common | _loss(host, _peers(host, by_name, fault), trial, fault)
        case "clock_step":
            return common | {"by_ns": asked["by_ns"], "level": asked["level"]}
        case "clock_drift":
            return common | {"by_ppb": asked["by_ppb"], "level": asked["level"]}
        case "ntp_offset":
            return common | {"by_ns": asked["by_ns"], "servers": host.ntp}
        case "ntp_cut":
            return common | {"servers": host.ntp}
        case "pause":
            return common | {"unit": NODE_UNIT}
    assert fault.fault == "kill", fault.fault
    again_ns = asked["restart_after_ns"]
    own = {"unit": NODE_UNIT, "signal": asked["signal"], "restart_after_ns": again_ns}
    return common | own


def _blocked(host: PlannedHost, peers: Sequence[PlannedHost]) -> Wire:
    addresses = [peer.address for peer in peers]
    return {"blocked_in": addresses, "blocked_out": [], "node_port": host.node_port}


def _loss(
    host: PlannedHost, peers: Sequence[PlannedHost], trial: PlannedTrial, fault: PlannedFault
) -> Wire:
    return {
        "sources": [peer.address for peer in peers],
        "share_ppm": max(1, round(fault.asked["share"] * 1_000_000)),
        "node_port": host.node_port,
        "seed": _seed(host, trial, fault),
    }


def _delay(
    host: PlannedHost, peers: Sequence[PlannedHost], trial: PlannedTrial, fault: PlannedFault
) -> Wire:
    rows = [
        {
            "host": peer.host,
            "address": peer.address,
            "delay_ns": fault.asked["delay_ns"],
            "jitter_ns": fault.asked["jitter_ns"],
        }
        for peer in peers
    ]
    return {
        "interface": host.interface,
        "node_port": host.node_port,
        "peers": rows,
        "how": fault.how,
        "seed": _seed(host, trial, fault),
        "ordered": True,
    }


def _seed(host: PlannedHost, trial: PlannedTrial, fault: PlannedFault) -> int:
    digest = hashlib.sha256(f"{trial.seed}/{fault.id}/{host.host}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def _peers(
    host: PlannedHost, by_name: dict[str, PlannedHost], fault: PlannedFault
) -> list[PlannedHost]:
    names = [b if a == host.host else a for a, b in fault.pairs or [] if host.host in (a, b)]
    return [by_name[name] for name in names]


def _cut_off(host: str, groups: Sequence[Sequence[str]]) -> list[str]:
    """Return the hosts on the other sides."""
    return [name for group in groups if host not in group for name in group]
