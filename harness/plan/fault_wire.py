"""Cuts a trial's faults into what each host has to do: the wire form its agent is armed with.

Pure. A delay between two hosts is done exactly once a direction: on leaving where netem is used, on
arrival where the queue is. A partition is done by dropping on arrival, on both sides of the cut;
a one-way cut and loss likewise, where the packets arrive. Zones are held apart by a delay, too, one
a host, with a time and a loss of its own for each peer.
"""

from typing import Any

from faults.kinds.registry import FAULTS
from faults.kinds.shaping.shape import PeerDelay
from faults.model.clock_path import seed_of
from faults.model.fault import SECOND_NS
from metrics.model.plan import Plan, PlannedFault, PlannedHost, PlannedTrial
from metrics.model.sides import between
from metrics.model.standing import standing

NODE_UNIT = "slotlab-node.service"
LEASE_MARGIN_NS = 30 * SECOND_NS

Wire = dict[str, Any]


def localise(plan: Plan, trial: PlannedTrial) -> dict[str, list[Wire]]:
    """Return the faults of every host of the plan; a host without any has an empty list."""
    by_name = {host.host: host for host in plan.hosts}
    zones = plan.cell_of(trial).zones
    held = standing(zones, end_ns=plan.end_ns) if zones else None
    found: dict[str, list[Wire]] = {}
    for host in plan.hosts:
        found[host.host] = wires = _of_host(host, by_name, trial)
        if zones and held and (wire := _wire(host, by_name, trial, held)) is not None:
            for row in wire["peers"]:
                row["delay_ns"] = (zones.between(host.host, row["host"]) or 0) // 2
                row["loss_ppm"] = zones.lost_ppm(host.host, row["host"])
            wires.insert(0, wire)
    return found


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
        if fault.kind.by == "provider"
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
    if fault.kind.by == "provider" or host.host not in fault.acting:
        return None
    asked = fault.asked
    peers = [by_name[name] for name in _peers(host.host, fault)]
    addresses = [peer.address for peer in peers]
    rows = [
        {"host": peer.host, "address": peer.address, **_delays(host.host, peer.host, fault)}
        for peer in peers
    ]
    known: Wire = {
        "id": fault.id,
        "at_ns": fault.at_ns,
        "for_ns": fault.for_ns,
        **asked,
        "how": fault.how,
        "interface": host.interface,
        "node_port": host.node_port,
        "servers": host.ntp,
        "unit": NODE_UNIT,
        "peers": rows,
        "blocked_in": addresses,
        "blocked_out": [],
        "share_ppm": max(1, round(asked.get("share", 0) * 1_000_000)),
        "seed": seed_of(trial.seed, fault.id, host.host),
    }
    fields = FAULTS[fault.fault].__struct_fields__
    told = {name: known[name] for name in fields if name in known}
    return {"fault": fault.fault, **told}


def _delays(host: str, peer: str, fault: PlannedFault) -> Wire:
    """Return how long a host holds packets to a peer, by netem, or else those from it."""
    asked = fault.asked
    delays = {key: asked[key] for key in PeerDelay.__struct_fields__ if key in asked}
    way = (host, peer) if fault.how == "netem" else (peer, host)
    if "back_ns" in asked and way not in between(fault):
        delays["delay_ns"] = asked["back_ns"]
    return delays


def _peers(host: str, fault: PlannedFault) -> list[str]:
    """Return the hosts from whose packets this one is kept, as they arrive or leave."""
    if fault.kind.targets == "arrows":
        return [a for a, b in between(fault) if b == host]
    return [b if a == host else a for a, b in between(fault) if host in (a, b)]
