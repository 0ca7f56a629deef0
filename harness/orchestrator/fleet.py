"""The lab's hosts as a campaign sees them: what was deployed there, their agents, their nodes.

Each call asks all hosts at once; if any fails it is one RunError line that names each failed host.
"""

from __future__ import annotations

import binascii
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from harness.controller.awaiting import Tell, each, nobody
from harness.errors import RunError
from harness.inventory.inventory import Inventory
from harness.plan.genesis import HostAccess
from harness.plan.lab_view import of_inventory
from harness.plan.planner import LabView
from harness.plan.refusals import Room
from harness.remote.agent_channel import PATIENCE_S, Reply
from harness.remote.fan_out import Remote, refuse_failed
from metrics.model.plan import PlannedHost

HOST_FILE = "/etc/slotlab/host.json"
NODE_TIMEOUT_S = 15.0
"""An agent gives a silent node up after two seconds; the rest is for a slow host."""


class DeployedPeer(msgspec.Struct, frozen=True):
    """Another host as the deployed file names it."""

    host: str
    address: str
    curve_public: str


class DeployedHost(msgspec.Struct, frozen=True):
    """host.json, as far as a campaign needs it."""

    host: str
    address: str
    interface: str
    node_port: int
    probe_port: int
    state_dir: str
    ntp: list[str] = []
    peers: list[DeployedPeer] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What an agent said of itself; clock_ns bounds its wall clock minus ours."""

    version: str
    boot: str
    capabilities: Mapping[str, bool]
    clock_ns: tuple[int, int]
    room: Room


class Fleet:
    """All hosts of one inventory behind one warm connection each."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.inventory: Inventory = remote.inventory

    def hello(self, tell: Tell = nobody) -> dict[str, Hello]:
        """Return each agent's greeting; tell gets a line at once, and each second.

        Raises:
            RunError: a host or its agent does not answer, or hosts run different versions.
        """
        before_ns = time.time_ns()

        def greet(name: str) -> Reply:
            return self.remote.ctl({name: {"op": "hello"}}, timeout_s=PATIENCE_S)[name]

        names = [host.name for host in self.inventory.hosts]
        answers = all_ok("hello", each(names, greet, "asking what they can do", tell))
        after_ns = time.time_ns()
        greetings = {
            host: Hello(
                version=str(ok["version"]),
                boot=str(ok["boot"]),
                capabilities={name: bool(value) for name, value in ok["capabilities"].items()},
                clock_ns=(ok["wall_ns"] - after_ns, ok["wall_ns"] - before_ns),
                room=Room(**ok["room"]),
            )
            for host, ok in answers.items()
        }
        versions = {hello.version for hello in greetings.values()}
        if len(versions) > 1:
            who = ", ".join(f"{host} {hello.version}" for host, hello in greetings.items())
            raise RunError(f"hosts run different versions ({who}); run slotlab deploy")
        return greetings

    def deployed(self) -> dict[str, DeployedHost]:
        """Return each host's deployed configuration.

        Raises:
            RunError: not deployed, or deployed for another inventory than this one.
        """
        results = self.remote.run(None, f"cat {HOST_FILE}")
        missing = [each.host for each in results.values() if not each.ok and not each.reason]
        if missing:
            raise RunError(f"{', '.join(missing)}: nothing is deployed; run slotlab deploy")
        refuse_failed("reading what is deployed", results)
        found: dict[str, DeployedHost] = {}
        for host, result in results.items():
            try:
                found[host] = msgspec.json.decode(result.stdout.encode(), type=DeployedHost)
            except msgspec.DecodeError as error:
                raise RunError(f"{host}: {HOST_FILE}: {error}; run slotlab deploy") from error
        names = {host.name for host in self.inventory.lab_hosts}
        for host, config in found.items():
            if {peer.host for peer in config.peers} != names - {host}:
                raise RunError(f"{host}: was deployed with other peers; run slotlab deploy")
        return found

    def ask(self, op: str, *, timeout_s: float = PATIENCE_S, **fields: Any) -> dict[str, Any]:
        """Return each agent's answer to one request, the same for all.

        Raises:
            RunError: one line with each host that refused or did not answer.
        """
        return all_ok(op, self.remote.ctl_all(op, timeout_s=timeout_s, **fields))

    def ask_each(
        self, requests: Mapping[str, Mapping[str, Any]], *, timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Return each agent's answer to its own request; raises as `ask`."""
        op = str(next(iter(requests.values()))["op"]) if requests else ""
        return all_ok(op, self.remote.ctl(requests, timeout_s=timeout_s))

    def greet(self) -> dict[str, Reply]:
        """Return each agent's greeting, or why there is none."""
        return self.remote.ctl_all("hello", timeout_s=PATIENCE_S)

    def boots(self) -> dict[str, str]:
        """Return the boot id of each host whose agent answers."""
        return boots_of(self.greet())

    def nodes(self, hosts: Iterable[str] | None = None) -> dict[str, NodeStatus | RunError]:
        """Return each node's status, or why there is none; its host starts no process for it."""
        names = [host.name for host in self.inventory.hosts] if hosts is None else list(hosts)
        request = {"op": "node", "ask": "status"}
        replies = self.remote.ctl(dict.fromkeys(names, request), timeout_s=NODE_TIMEOUT_S)
        return {host: read_status(reply) for host, reply in replies.items()}


def view(
    inventory: Inventory, deployed: Mapping[str, DeployedHost], hellos: Mapping[str, Hello]
) -> LabView:
    """Return what the plan needs to know of the lab: what is deployed, where it has a say."""
    described = of_inventory(inventory)

    def as_deployed(host: PlannedHost) -> PlannedHost:
        there = msgspec.structs.asdict(deployed[host.host])
        said = ("address", "interface", "node_port", "probe_port", "ntp")
        return msgspec.structs.replace(host, **{key: there[key] for key in said})

    return replace(
        described,
        hosts=tuple(map(as_deployed, described.hosts)),
        capabilities={host: hello.capabilities for host, hello in hellos.items()},
        room={host: hello.room for host, hello in hellos.items()},
    )


def access(deployed: Mapping[str, DeployedHost]) -> dict[str, HostAccess]:
    """Return the link key, time servers and state folder of each host, as deployed."""
    publics = {peer.host: peer.curve_public for host in deployed.values() for peer in host.peers}
    return {
        name: HostAccess(
            curve_public=publics.get(name, ""), ntp=tuple(host.ntp), state_dir=host.state_dir
        )
        for name, host in deployed.items()
    }


def boots_of(greetings: Mapping[str, Reply]) -> dict[str, str]:
    """Return the boot id of each host that has greeted."""
    return {host: str(reply.ok["boot"]) for host, reply in greetings.items() if reply.ok}


def clock_gap(hellos: Mapping[str, Hello]) -> tuple[int, str, str]:
    """Return how far two hosts' clocks are certainly apart, and which two."""
    gaps = (
        (one.clock_ns[0] - other.clock_ns[1], a, b)
        for a, one in hellos.items()
        for b, other in hellos.items()
    )
    return max([(0, "", ""), *gaps])


def all_ok(op: str, replies: Mapping[str, Reply]) -> dict[str, Any]:
    """Return what each reply says.

    Raises:
        RunError: one line with each host that refused or did not answer.
    """
    refuse_failed(op, replies)
    return {host: reply.ok for host, reply in replies.items()}


LINKED = ("handshaked", "synced")


class PeerStatus(msgspec.Struct, frozen=True):
    """How the node sees another one."""

    host: str
    state: str


class ClockStatus(msgspec.Struct, frozen=True):
    """What the node's NTP check found; reason says why a clock is not verified."""

    verified: bool
    offset_ns: int | None = None
    bound_ns: int | None = None
    reason: str | None = None


class HealthStatus(msgspec.Struct, frozen=True):
    """What the node's monitor says of the latest slots, and of all since it started."""

    state: str
    missed: int
    window_slots: int
    missed_total: int


class NodeStatus(msgspec.Struct, frozen=True):
    """A node's status, as far as it is shown or waited for; a host may send anything for it."""

    head_num: int
    lib_num: int
    mempool: int
    peers: list[PeerStatus]
    clock: ClockStatus
    health: HealthStatus

    @property
    def linked(self) -> int:
        """How many peers have exchanged greetings with the node."""
        return len(self.peers) - len(self.unlinked)

    @property
    def unlinked(self) -> list[PeerStatus]:
        """Return the peers that have not."""
        return [peer for peer in self.peers if peer.state not in LINKED]


class _Answer(msgspec.Struct, frozen=True):
    answer: bytes


def read_status(reply: Reply) -> NodeStatus | RunError:
    """Return the status in an agent's reply to {"op": "node", "ask": "status"}, or why there is
    none: the agent was not reached, the node does not answer, or what it sent is no status.
    """
    if reply.ok is None:
        hangs = f"the node hangs: {reply.detail}"
        words = {"no_node": "no node answers there", "node_silent": hangs}
        return RunError(words.get(reply.reason, reply.problem))
    try:
        body = msgspec.convert(reply.ok, _Answer).answer
        return msgspec.msgpack.decode(body, type=NodeStatus)
    except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError) as error:
        return RunError(f"the node's status cannot be read: {error}")
