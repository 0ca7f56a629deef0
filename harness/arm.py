"""Cuts a trial's faults into what each host has to do: the wire form its agent is armed with.

Pure. A delay between two hosts is done exactly once a direction: on leaving where netem is used, on
arrival where the queue is. A partition is done by dropping on arrival, on both sides of the cut.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from harness.plan_model import Plan, PlanHost, PlannedFault, Trial
from harness.units import SECOND_NS

NODE_UNIT = "slotlab-node.service"
SKEW_FILE = "/run/slotlab/skew"
LEASE_MARGIN_NS = 30 * SECOND_NS

Wire = dict[str, Any]


def localise(plan: Plan, trial: Trial) -> dict[str, list[Wire]]:
    """Return the faults of every host of the plan; a host without any has an empty list."""
    by_name = {host.host: host for host in plan.hosts}
    return {host.host: _of_host(host, by_name, trial) for host in plan.hosts}


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


def _of_host(host: PlanHost, by_name: dict[str, PlanHost], trial: Trial) -> list[Wire]:
    wires = []
    for fault in trial.faults:
        wire = _wire(host, by_name, trial, fault)
        if wire is not None:
            wires.append(wire)
    return wires


def _wire(
    host: PlanHost, by_name: dict[str, PlanHost], trial: Trial, fault: PlannedFault
) -> Wire | None:
    common: Wire = {
        "id": fault.id,
        "fault": fault.fault,
        "at_ns": fault.at_ns,
        "for_ns": fault.for_ns,
    }
    match fault.fault:
        case "delay":
            peers = _delayed_peers(host, by_name, fault)
            return {**common, **_delay(host, peers, trial, fault)} if peers else None
        case "partition":
            cut = _cut_off(host.host, fault.groups or [])
            addresses = [by_name[name].address for name in cut]
            own: Wire = {"blocked_in": addresses, "blocked_out": [], "node_port": host.node_port}
            return {**common, **own} if cut else None
    if host.host not in fault.targets:
        return None
    if fault.fault == "clock_step":
        return {
            **common,
            "by_ns": fault.asked["by_ns"],
            "level": fault.asked["level"],
            "skew_file": SKEW_FILE,
        }
    assert fault.fault == "kill", fault.fault
    return {
        **common,
        "unit": NODE_UNIT,
        "signal": fault.asked["signal"],
        "restart_after_ns": fault.asked["restart_after_ns"],
    }


def _delay(host: PlanHost, peers: Sequence[PlanHost], trial: Trial, fault: PlannedFault) -> Wire:
    rows = [
        {
            "host": peer.host,
            "address": peer.address,
            "delay_ns": fault.asked["delay_ns"],
            "jitter_ns": fault.asked["jitter_ns"],
        }
        for peer in peers
    ]
    seed = hashlib.sha256(f"{trial.seed}/{fault.id}/{host.host}".encode()).digest()
    return {
        "interface": host.interface,
        "node_port": host.node_port,
        "peers": rows,
        "direction": {"egress": rows, "ingress": rows},
        "how": fault.how,
        "seed": int.from_bytes(seed[:6], "big"),
        "ordered": True,
    }


def _delayed_peers(
    host: PlanHost, by_name: dict[str, PlanHost], fault: PlannedFault
) -> list[PlanHost]:
    names = [b if a == host.host else a for a, b in fault.pairs or [] if host.host in (a, b)]
    return [by_name[name] for name in names]


def _cut_off(host: str, groups: Sequence[Sequence[str]]) -> list[str]:
    """Return the hosts on the other sides."""
    if not any(host in group for group in groups):
        return []
    return [name for group in groups if host not in group for name in group]
