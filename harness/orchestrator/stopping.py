"""Ends whatever campaign a lab still has: its faults, what it has running, and its lock."""

import shlex

from harness.orchestrator.lease_renewer import LOCK_TTL_NS
from harness.orchestrator.trial_teardown import UNITS
from harness.remote.fan_out import Remote, root_problem, run_as_root
from harness.testbed import armed_hosts, healing
from harness.testbed.armed_hosts import HostState
from harness.testbed.lock import HostLock, is_dead

Outcome = tuple[bool, str]
PURPOSE = "slotlab stop"
STOP_S = 70.0
NOTHING = "nothing left"


Seized = tuple[HostLock, dict[str, HostState]]
"""The lab's lock, ours now, and what each host had before."""


def seize(remote: Remote, *, force: bool) -> Seized:
    """Return what a lab has, its lock taken from an owner that is dead (force: or may be alive).

    Raises:
        LockError: somebody holds the lab who may be alive; nothing was ended.
    """
    before = armed_hosts.look(remote)
    lock = HostLock(remote, PURPOSE)
    lock.take(ttl_ns=LOCK_TTL_NS, force=force)
    return lock, before


def stop(remote: Remote, seized: Seized) -> dict[str, Outcome]:
    """Return by host whether nothing of a campaign is left there, and what was ended or why not.

    The lock of an owner that may be alive is not given back but runs out: so it hears that it has
    lost the lab.
    """
    lock, before = seized
    try:
        healed = healing.heal(remote)
        # A host that neither answers nor can be healed is not asked for more.
        there = [host for host in before if healed[host][0] or not before[host].problem]
        ended = dict.fromkeys(before, (False, "")) | _end_units(remote, there, lock.owner)
    finally:
        if all(not state.owner or is_dead(state.owner) for state in before.values()):
            lock.release()
    return {host: _outcome(before[host], healed[host], ended[host]) for host in before}


def _end_units(remote: Remote, hosts: list[str], owner: str) -> dict[str, Outcome]:
    """Stop node, probe and client there: by the agent, else as root."""
    ended: dict[str, Outcome] = {}
    by_hand: dict[str, str] = {}
    request = {"op": "stop", "units": UNITS, "owner": owner}
    for host, reply in remote.ctl(dict.fromkeys(hosts, request), timeout_s=STOP_S).items():
        ended[host] = (not reply.problem, reply.problem)
        if reply.problem:
            held = shlex.quote(f"{remote.inventory.host(host).state_dir}/agent/running")
            units = " ".join(f"slotlab-{name}.service" for name in UNITS)
            script = f"systemctl stop {units}; rm -f {held} /run/slotlab/lock.json"
            by_hand[host] = f"sh -c {shlex.quote(script)}"
    for host, result in run_as_root(remote, by_hand, timeout_s=STOP_S).items():
        said = f"agent: {ended[host][1]}; by hand: {root_problem(result)}"
        ended[host] = (True, "") if result.ok else (False, f"nodes not stopped: {said}")
    return ended


def _outcome(before: HostState, healed: Outcome, ended: Outcome) -> Outcome:
    if not healed[0] or not ended[0]:
        return False, healed[1] if not healed[0] else ended[1]
    parts = []
    if before.units:
        parts.append(f"stopped {', '.join(before.units)} of trial {before.trial}")
    if before.faults:
        parts.append(f"disarmed {', '.join(before.faults)}")
    if healed[1] != NOTHING:
        parts.append(f"healed {healed[1]}")
    if before.owner:
        parts.append(f"freed from {before.owner} ({before.purpose})")
    return True, "; ".join(parts) or NOTHING
