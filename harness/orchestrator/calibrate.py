"""`slotlab check --calibrate`: a known delay between all hosts, asked beside measured, then healed.

It uses the deployed agents as a campaign does, with a lease of its own, and round trips of its own
over the nodes' port; no node need run, and none may.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from faults.model.fault import SECOND_NS
from harness.errors import RunError
from harness.inventory.inventory import Inventory
from harness.orchestrator.fleet import DeployedHost, Fleet, view
from harness.plan.fault_support import mechanism
from harness.preflight.pair_traffic import PairCount, Traffic, measure
from harness.preflight.rows import LAB, Row
from harness.remote.fan_out import Remote
from harness.testbed.collect import differences
from harness.testbed.lock import hold_hosts
from metrics.model.plan import PlannedFault

DELAY_NS = 20_000_000
TOLERANCE_NS = 2_000_000
TOLERANCE_SHARE = 0.02
TRAFFIC = Traffic(rate=20.0, seconds=3.0, echo=True)
LEAD_NS = 3 * SECOND_NS
"""From arming to the delay's start, so that every agent has it in time."""
FOR_NS = 120 * SECOND_NS
"""A slow host needs long to start what measures; it is healed as soon as all have."""
LEASE_NS = 150 * SECOND_NS
"""The hosts heal themselves by then, whatever becomes of this controller."""
BUSY = "is a host overloaded? else faults cannot be trusted here"
Progress = Callable[[str], None]


def calibrate(inventory: Inventory, progress: Progress) -> list[Row]:
    """Return one row a pair, asked beside measured, and one on whether all is as before.

    Raises:
        RunError: hosts or agents do not answer, are not deployed, locked, or cannot delay.
    """
    hosts = inventory.hosts
    if len(hosts) < 2:
        raise RunError("calibrate needs two hosts")
    with Remote(inventory) as remote:
        fleet = Fleet(remote)
        deployed = fleet.deployed()
        how = _way(fleet, deployed)
        with hold_hosts(remote, "check --calibrate") as lock:
            before = fleet.ask("snapshot")
            progress(f"round trips of {len(hosts) * (len(hosts) - 1) // 2} pairs, undisturbed")
            undisturbed = measure(remote, hosts, TRAFFIC)
            try:
                _arm(fleet, deployed, how, lock.owner)
                progress(f"{DELAY_NS // 1_000_000} ms each way between all pairs ({how})")
                time.sleep((LEAD_NS + SECOND_NS) / SECOND_NS)
                delayed = measure(remote, hosts, TRAFFIC)
                ended = _ended(fleet)
            finally:
                remote.ctl_all("heal", timeout_s=30)
            after = fleet.ask("snapshot")
    return [*(ended or judge(undisturbed, delayed)), _clean(differences(before, after))]


def _ended(fleet: Fleet) -> list[Row]:
    """Return a row for each host whose delay was not in force any more when all was measured."""
    return [
        Row(host, "delay", "fail", f"not measured: it was {fault['state']} by then", BUSY)
        for host, status in fleet.ask("status").items()
        for fault in status["faults"]
        if fault["state"] not in ("applied", "installed")
    ]


def _way(fleet: Fleet, deployed: Mapping[str, DeployedHost]) -> str:
    """Return how the lab delays: netem or queue."""
    lab = view(fleet.inventory, deployed, fleet.hello())
    names = [host.host for host in lab.hosts]
    pairs = [(a, b) for a in names for b in names if a < b]
    fault = PlannedFault(
        id="calibrate", fault="delay", at_ns=0, for_ns=FOR_NS, targets=names,
        asked={"delay_ns": DELAY_NS, "jitter_ns": 0}, how="", pairs=pairs,
    )  # fmt: skip
    how = mechanism(fault, lab.hosts, lab=lab.lab, capabilities=lab.capabilities)
    if how not in ("netem", "queue"):
        raise RunError(how)
    return how


def _arm(fleet: Fleet, deployed: Mapping[str, DeployedHost], how: str, owner: str) -> None:
    """Arm every agent with the delay; T0 is told to each on its own clock."""
    clocks = fleet.ask("hello")
    requests = {
        name: {
            "op": "arm", "trial": "calibrate", "owner": owner, "lease_ns": LEASE_NS,
            "t0_wall_ns": clocks[name]["wall_ns"] + LEAD_NS,
            "faults": [_wire(host, deployed, how)],
        }
        for name, host in deployed.items()
    }  # fmt: skip
    fleet.ask_each(requests)


def _wire(host: DeployedHost, deployed: Mapping[str, DeployedHost], how: str) -> dict[str, Any]:
    peers = [
        {"host": peer.host, "address": peer.address, "delay_ns": DELAY_NS, "jitter_ns": 0}
        for peer in deployed.values()
        if peer is not host
    ]
    return {
        "id": "calibrate", "fault": "delay", "at_ns": 0, "for_ns": FOR_NS, "how": how,
        "interface": host.interface, "node_port": host.node_port, "peers": peers,
    }  # fmt: skip


def judge(undisturbed: Sequence[PairCount], delayed: Sequence[PairCount]) -> list[Row]:
    """Return one row a pair: the delay asked beside the delay that its round trips show."""
    first = {(count.source, count.target): count for count in undisturbed}
    return [
        _row(first[count.source, count.target], count)
        for count in delayed
        if count.source <= count.target
    ]


def _row(base: PairCount, count: PairCount) -> Row:
    check, problem = f"delay to {count.target}", base.problem or count.problem
    if problem or not base.rtt_ns or not count.rtt_ns:
        why = problem or "no round trip came back"
        remedy = "stop the nodes (slotlab heal), look at slotlab check"
        return Row(count.source, check, "fail", f"not measured: {why}", remedy)
    before_ns, during_ns = statistics.median(base.rtt_ns), statistics.median(count.rtt_ns)
    measured_ns = (during_ns - before_ns) / 2
    detail = (
        f"asked {DELAY_NS / 1e6:.2f} ms, measured {measured_ns / 1e6:.2f} ms"
        f" (RTT {before_ns / 1e6:.2f} to {during_ns / 1e6:.2f} ms)"
    )
    if abs(measured_ns - DELAY_NS) <= TOLERANCE_NS + DELAY_NS * TOLERANCE_SHARE:
        return Row(count.source, check, "ok", detail)
    return Row(count.source, check, "fail", detail, BUSY)


def _clean(changes: Sequence[str]) -> Row:
    if changes:
        return Row(LAB, "healed", "fail", "; ".join(changes), "slotlab heal")
    return Row(LAB, "healed", "ok", "every host's state equals the one before")
