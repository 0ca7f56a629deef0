"""Put slotlab on all hosts of a lab, or take it off: facts, archive, playbook, health check.

A host that fails is named with its reason while the others finish; nothing on a host needs a
registry. Deploying what is already there changes nothing and says so.
"""

import json
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.controller.awaiting import Tell, each, nobody
from harness.deploy import keys
from harness.deploy.host_facts import LOOK_S, HostFacts, gather
from harness.deploy.keys import CurvePair
from harness.deploy.packages import NEEDED_BYTES, install_line, missing
from harness.deploy.playbook import PlayedHost, PlayOptions, Progress, Variables, play
from harness.deploy.wheelhouse import Environment, Target, WheelhouseError, build, unsupported
from harness.inventory.inventory import Host, Inventory
from harness.remote.agent_channel import PATIENCE_S, Reply
from harness.remote.fan_out import HostResult, Remote
from harness.testbed import cards
from harness.testbed.lock import hold_hosts
from node.timing.ntp_rules import split_server

HEALTH_DEADLINE_S = 90.0
USUAL = PlayOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployResult:
    """Every host's outcome, in inventory order, and how long it took."""

    outcomes: tuple[PlayedHost, ...]
    elapsed_ns: int

    @property
    def ok(self) -> bool:
        """Return whether no host failed."""
        return not self.failed

    @property
    def failed(self) -> dict[str, str]:
        """Return the hosts that failed, each with one line why."""
        return {o.host: o.failure for o in self.outcomes if o.failure}


def deploy(
    inventory: Inventory, progress: Progress, *, options: PlayOptions = USUAL, tell: Tell = nobody
) -> DeployResult:
    """Return what came of deploying to every host of the inventory.

    progress gets lines that are to stay, tell those that say who is awaited right now.

    Raises:
        WheelhouseError, PlaybookError, KeyStoreError: the controller could not do its part.
        LockError: somebody runs a campaign on the lab.
    """
    started = time.monotonic_ns()
    with Remote(inventory) as remote:
        facts, problems = gather(remote, tell)
    problems |= unfit(inventory, facts)
    fit = {name: fact for name, fact in facts.items() if name not in problems}
    played: dict[str, PlayedHost] = {}
    if fit:
        environments = _environments(fit, progress)
        variables = _variables(inventory, fit, environments, keys.curve_keys(inventory))
        tell(f"deploying to {len(fit)} host(s)")
        played = _play(inventory, "deploy", variables, options, progress)
        if not options.diff:
            well = [name for name, host in played.items() if not host.failure]
            tell(f"waiting for the agents of {len(well)} host(s)")
            for name, reason in _unhealthy(inventory, well).items():
                played[name].failure = reason
    return _result(inventory, played, problems, started)


def wipe(
    inventory: Inventory, progress: Progress, *, options: PlayOptions = USUAL, tell: Tell = nobody
) -> DeployResult:
    """Return what was removed from each host; after all of them, the lab's keys go as well.

    Raises:
        PlaybookError: the controller could not do its part.
        LockError: somebody runs a campaign on the lab.
    """
    started = time.monotonic_ns()
    names = [host.name for host in inventory.hosts]
    with Remote(inventory) as remote:

        def reach(name: str) -> HostResult:
            return remote.run([name], "true", timeout_s=LOOK_S)[name]

        reached = each(names, reach, "reaching them", tell)
    problems = {host: result.problem for host, result in reached.items() if not result.ok}
    there = [host for host in inventory.hosts if host.name not in problems]
    variables = {host.name: {"state_dir": host.state_dir} for host in there}
    played: dict[str, PlayedHost] = {}
    if variables:
        tell(f"wiping {len(variables)} host(s)")
        played = _play(inventory, "wipe", variables, options, progress)
    result = _result(inventory, played, problems, started)
    if result.ok and len(inventory.hosts) == len(inventory.lab_hosts):
        keys.forget(inventory)
    return result


def _play(
    inventory: Inventory, name: str, variables: Variables, options: PlayOptions, progress: Progress
) -> dict[str, PlayedHost]:
    """Return what the playbook did on each host with variables; those with an agent are held."""
    hosts = tuple(host for host in inventory.hosts if host.name in variables)
    with Remote(replace(inventory, hosts=hosts)) as remote, hold_hosts(remote, name):
        ways = remote.shared_words()
        played = play(inventory, name, variables, options=options, progress=progress, ways=ways)
        remote.reconnect()  # the agents may be others by now
    return played


def host_json(
    host: Host, interface: str, inventory: Inventory, pairs: Mapping[str, CurvePair]
) -> str:
    """Return the text of /etc/slotlab/host.json: who this host is and who its peers are."""
    peers = [
        {
            "host": peer.name, "address": peer.address, "node_port": peer.node_port,
            "probe_port": peer.probe_port, "curve_public": pairs[peer.name].public,
        }
        for peer in inventory.lab_hosts
        if peer.name != host.name
    ]  # fmt: skip
    values = {
        "host": host.name, "address": host.address, "interface": interface,
        "node_port": host.node_port, "probe_port": host.probe_port, "ntp": list(host.ntp),
        "state_dir": host.state_dir, "peers": peers,
    }  # fmt: skip
    return json.dumps(values, indent=1) + "\n"


def unfit(inventory: Inventory, facts: Mapping[str, HostFacts]) -> dict[str, str]:
    """Return the hosts that cannot run a node, each with one line why."""
    found: dict[str, str] = {}
    for name, fact in facts.items():
        host = inventory.host(name)
        full = [path for path, free in fact.free_bytes.items() if free < NEEDED_BYTES]
        if full:
            room = f"{fact.free_bytes[full[0]] // 1_000_000} MB free in {full[0]}"
            found[name] = f"disk full: {room}; {NEEDED_BYTES // 1_000_000} MB are needed"
        elif problem := unsupported(_target(fact)):
            found[name] = problem
        elif fact.bits != 64:
            found[name] = "Python is 32-bit; install a 64-bit system"
        elif lacking := missing(fact.programs, login=host.ssh.user, manage=host.time == "manage"):
            found[name] = f"not installed: {', '.join(lacking)}; {install_line(lacking)}"
        elif host.time == "manage" and not time_servers(host):
            found[name] = "slotlab_time: manage needs slotlab_ntp that is not the host itself"
        elif wrong := cards.problem(host, fact.cards):
            found[name] = "; ".join(wrong)
    return found


def time_servers(host: Host) -> list[dict[str, str | int]]:
    """Return host and port of those that chrony of a host is to ask: slotlab_ntp but the host."""
    own = {host.address, host.ssh.address, "127.0.0.1", "::1", "localhost"}
    servers = [split_server(server) for server in host.ntp]
    return [{"host": name, "port": port} for name, port in servers if name not in own]


def _target(fact: HostFacts) -> Target:
    return Target(fact.arch, fact.python)


def _environments(facts: Mapping[str, HostFacts], progress: Progress) -> dict[Target, Environment]:
    made: dict[Target, Environment] = {}
    for target in sorted({_target(fact) for fact in facts.values()}):
        try:
            made[target] = build(target)
        except WheelhouseError as error:
            hosts = ", ".join(name for name, fact in facts.items() if _target(fact) == target)
            raise WheelhouseError(f"{error} (for {hosts})") from error
        how = "built" if made[target].built else "cached"
        progress(f"environment {made[target].stamp} for {target}: {how}")
    return made


def _variables(
    inventory: Inventory,
    facts: Mapping[str, HostFacts],
    environments: Mapping[Target, Environment],
    pairs: Mapping[str, CurvePair],
) -> dict[str, dict[str, Any]]:
    variables: dict[str, dict[str, Any]] = {}
    for name, fact in facts.items():
        host, environment = inventory.host(name), environments[_target(fact)]
        card = cards.data_card(host, fact.cards)
        assert card is not None, "what has none is unfit"
        variables[name] = {
            "archive": str(environment.archive),
            "stamp": environment.stamp,
            "python": host.python,
            "installed": environment.stamp in fact.stamps,
            "ssh_user": host.ssh.user,
            "state_dir": host.state_dir,
            "time": host.time,
            "tune": host.tune,
            "ntp": time_servers(host),
            "host_json": _plain(host_json(host, card.name, inventory, pairs)),
            "curve_secret": _plain(pairs[name].secret + "\n"),
        }
    return variables


def _plain(text: str) -> str:
    """Return text in base64: keys hold any mark, and Ansible would run `{%` as a template."""
    return b64encode(text.encode()).decode()


def _unhealthy(inventory: Inventory, names: list[str]) -> dict[str, str]:
    """Return the hosts whose agent does not answer the SSH user, each with one line why.

    The login is new, as a user's groups are read at login.
    """
    waiting = list(names)
    replies: dict[str, Reply] = {}
    deadline = time.monotonic() + HEALTH_DEADLINE_S
    with Remote(inventory) as remote:
        while waiting:
            asked = {name: {"op": "hello"} for name in waiting}
            replies |= remote.ctl(asked, timeout_s=PATIENCE_S)
            waiting = [name for name in waiting if replies[name].ok is None]
            if time.monotonic() > deadline:
                break
            if waiting:
                time.sleep(0.3)
    return {name: f"the agent does not answer: {replies[name].problem}" for name in waiting}


def _result(
    inventory: Inventory, played: dict[str, PlayedHost], problems: dict[str, str], started: int
) -> DeployResult:
    outcomes = [
        played.get(host.name) or PlayedHost(host.name, failure=problems.get(host.name, ""))
        for host in inventory.hosts
    ]
    return DeployResult(outcomes=tuple(outcomes), elapsed_ns=time.monotonic_ns() - started)
