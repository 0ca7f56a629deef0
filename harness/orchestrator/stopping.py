"""Ends whatever campaign a lab still has: its faults, what it has running, and its lock."""

import shlex

from harness.controller.awaiting import Tell
from harness.controller.console import Show
from harness.errors import RunError
from harness.orchestrator.lease_renewer import LOCK_TTL_NS
from harness.orchestrator.trial_teardown import UNITS
from harness.remote.fan_out import Remote, root_problem, run_as_root
from harness.testbed import armed_hosts, healing, power
from harness.testbed.armed_hosts import HostState
from harness.testbed.lock import HostLock, is_dead

Outcome = tuple[bool, str]
PURPOSE = "slotlab stop"
STOP_S = 70.0
BOOT_S = 180.0
"""How long a host whose power was cut may take to come back."""
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


def heal_provider(remote: Remote, tell: Tell) -> tuple[bool, list[str]]:
    """Return whether nothing is left of what a provider took, and what was given back just now.

    It comes first, as hosts that are off cannot be asked; those are waited for.
    """
    clean, healed = power.heal(remote.inventory)
    if healed:
        names = [host.name for host in remote.inventory.hosts]
        healing.await_agents(remote, names, within_s=BOOT_S, tell=tell)
    return clean, healed


def end_own(remote: Remote, run: str, show: Show) -> None:
    """End what a dead controller left armed or running of a run that goes on now.

    What is another run's, or of an owner who may be alive, is left alone: whoever looks next
    refuses it.

    Raises:
        RunError: it cannot be ended; one line says where.
    """
    clean, healed = heal_provider(remote, show.tick)
    if not clean:
        raise RunError("provider: not healed; is its command in slotlab_power right?")
    if healed:
        show.step(f"provider: healed {', '.join(healed)}")
    states = armed_hosts.look(remote)
    busy = [state for state in states.values() if state.busy]
    ours = all(state.trial.startswith(f"{run}.") for state in busy)
    if not busy or not ours or any(s.owner and not is_dead(s.owner) for s in states.values()):
        return
    show.step(f"the hosts have {armed_hosts.what(busy)} of this run: healing, stopping")
    for host, (done, text) in stop(remote, seize(remote, force=False)).items():
        if not done and not states[host].problem:
            raise RunError(f"{host}: {text}")


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
