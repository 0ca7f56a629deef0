"""`slotlab check`: is every host fit for a campaign, and if not, what is the remedy.

Read-only, all hosts at once, over the connections that OpenSSH keeps for Fabric and for Ansible.
What was found is judged in machine, clock, network and in_common; the answer is rows of
data, which the command line renders.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faults.host.clock import clock_setters
from faults.model.fault import SECOND_NS
from harness.controller.awaiting import Tell, each, nobody
from harness.deploy.packages import PROGRAMS
from harness.inventory.inventory import Host, Inventory
from harness.preflight import clock, in_common, machine, network
from harness.preflight.clock import Controller
from harness.preflight.host_report import Found
from harness.preflight.pair_traffic import MEET_S, PairCount, Traffic, measure
from harness.preflight.rows import Row, Verdict
from harness.remote import host_python
from harness.remote.agent_channel import NOT_DEPLOYED, PATIENCE_S, Reply
from harness.remote.fan_out import HostResult, Remote
from harness.remote.host_python import read_json
from harness.testbed import cards
from node.timing.ntp_rules import split_server

DEFAULT_SLOT_NS = 500_000_000
LOSS_S = 10.0
PROBE_S = 300.0
"""How long a host may take to look at itself; a slow machine is a finding, not a dead one."""
LOSS_RATE = 100.0
SCRIPT = Path(__file__).with_name("host_script.py")
NTP_CLIENT = SCRIPT.with_name("ntp_script.py")
SETTERS = Path(clock_setters.__file__)
"""Runs on the host as it is: what check sees there is what the agent would refuse."""
_NO_PASSWORD = 'BECOME_PASSWORD = ""\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What hosts are judged by: the slot, and how long loss is measured (0: not at all)."""

    slot_ns: int = DEFAULT_SLOT_NS
    loss_s: float = 0.0

    @property
    def clock_limit_ns(self) -> int:
        """Return how far off a clock may be: beyond a quarter of a slot a node abstains."""
        return self.slot_ns // 4


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the hosts that answered said."""

    found: Mapping[str, Found]
    agents: Mapping[str, Reply]
    controller: Controller
    traffic: tuple[PairCount, ...] = ()
    no_traffic: str = ""


def check(
    inventory: Inventory, options: CheckOptions | None = None, tell: Tell = nobody
) -> list[Row]:
    """Return the findings for every host; what cannot be reached is a finding, never an error.

    tell gets lines that say what is going on and who is awaited. Unknown host keys are pinned on
    this first contact, unless ssh_config forbids it.
    """
    options = options or CheckOptions()
    pinning = _pinning(inventory)
    tell(f"logging in to {len(pinning.hosts)} host(s)")
    with Remote(pinning) as remote:
        probed, asked = _ask(remote, options, tell)
    off_ns = clock.odd_one_out(asked.found, asked.controller)
    controller = asked.controller.moved(off_ns)
    rows = clock.controller_row(off_ns)
    for host in pinning.hosts:
        rows.append(_reached(host, probed[host.name]))
        if (found := asked.found.get(host.name)) is not None:
            rows += findings(host, found, inventory.lab, options, controller)
            rows.append(_agent(asked.agents[host.name]))
    return rows + _of_lab(inventory, asked, rows, options)


def findings(
    host: Host, found: Mapping[str, Any], lab: str, options: CheckOptions, controller: Controller
) -> list[Row]:
    """Return the rows for what host_script.py printed on one host."""
    return [
        *machine.rows(host, found, lab, slot_ns=options.slot_ns, manage=host.time == "manage"),
        *network.rows(host, found, lab),
        *clock.rows(host, found, lab, limit_ns=options.clock_limit_ns, controller=controller),
    ]


def _ask(
    remote: Remote, options: CheckOptions, tell: Tell
) -> tuple[Mapping[str, HostResult], _Asked]:
    """Return what each host printed, and all of it read; loss is measured last, alone."""
    hosts = remote.inventory.hosts
    script = SCRIPT.read_text()
    assert _NO_PASSWORD in script
    before_ns = time.time_ns()

    def look(name: str) -> HostResult:
        host = remote.inventory.host(name)
        text = script.replace(_NO_PASSWORD, f"BECOME_PASSWORD = {host.become_password!r}\n")
        return remote.run([name], _command(host), stdin=text, timeout_s=PROBE_S)[name]

    probed = each([host.name for host in hosts], look, "looking at the hosts", tell)
    controller = Controller(before_ns, time.time_ns())
    found, probed = read_json(probed, Found)
    agents = remote.ctl({name: {"op": "hello"} for name in found}, timeout_s=PATIENCE_S)
    asked = _Asked(found, agents, controller)
    if not options.loss_s:
        return probed, asked
    fit = fit_for_traffic(hosts, found)
    if reason := _no_traffic(fit, found):
        return probed, replace(asked, no_traffic=reason)
    tell(f"counting what is lost between the hosts, {options.loss_s:g} s")
    # The last of slow hosts begins as much later than the first as looking at them took.
    meet_s = max(MEET_S, (controller.after_ns - controller.before_ns) / SECOND_NS)
    traffic = Traffic(rate=LOSS_RATE, seconds=options.loss_s, meet_s=meet_s)
    counts = measure(remote, fit, traffic)
    return probed, replace(asked, traffic=counts)


def fit_for_traffic(hosts: Sequence[Host], found: Mapping[str, Found]) -> list[Host]:
    """Return the hosts that can send from their data address; a row says of others why not."""
    return [
        host
        for host in hosts
        if host.name in found and not cards.problem(host, cards.read(found[host.name]["cards"]))
    ]


def _no_traffic(hosts: Sequence[Host], found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return why loss cannot be measured now, empty when it can."""
    if len(hosts) < 2:
        return "fewer than two hosts answered and have their data address"
    for host in hosts:
        if "udp" in found[host.name]["taken"].get(str(host.node_port), ()):
            return f"UDP port {host.node_port} of {host.name} is in use (a node runs?)"
    return ""


def _of_lab(
    inventory: Inventory, asked: _Asked, rows: Sequence[Row], options: CheckOptions
) -> list[Row]:
    """Return the rows that are about the hosts together."""
    stamps = {name: str(said.ok.get("version")) for name, said in asked.agents.items() if said.ok}
    hosts = [host for host in inventory.hosts if host.name in asked.found]
    made = in_common.rows(asked.found, stamps)
    made += in_common.identity_rows(hosts, asked.found, inventory.lab)
    if options.loss_s:
        sleepy = frozenset(row.host for row in rows if (row.check, row.verdict) == ("EEE", "warn"))
        made += network.loss_rows(
            asked.traffic, skipped=asked.no_traffic, seconds=options.loss_s, eee=sleepy
        )
    return made


def _pinning(inventory: Inventory) -> Inventory:
    """Return the inventory with `ask` read as `accept-new`: there is nobody to ask."""
    hosts = tuple(replace(host, ssh=host.ssh.pinning()) for host in inventory.hosts)
    for file in {Path(name) for host in hosts for name in host.ssh.pin_files}:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return replace(inventory, hosts=hosts)


def _command(host: Host) -> list[str]:
    asked = {
        "address": host.address,
        "interface": host.interface,
        "ports": [host.node_port, host.probe_port],
        "paths": machine.places(host),
        "programs": PROGRAMS,
        "modules": machine.MODULES,
        "clock_setters": SETTERS.read_text(),
        "ntp_client": NTP_CLIENT.read_text(),
        "ntp": {server: split_server(server) for server in host.ntp},
    }
    return host_python.command(host, json.dumps(asked))


def _reached(host: Host, result: HostResult) -> Row:
    if result.ok or result.reason:
        way = f"{host.ssh.user}@{host.ssh.address}"
        return Row(host.name, "ssh", "ok" if result.ok else "fail", result.problem or way)
    if result.exit_code == 127:
        return Row(host.name, "python", "fail", *host_python.missing(host))
    return Row(host.name, "python", "fail", result.problem, f"is {host.python} intact?")


def _agent(reply: Reply) -> Row:
    if reply.ok is not None:
        return Row(reply.host, "agent", "ok", f"version {reply.ok.get('version')}")
    if reply.reason == NOT_DEPLOYED:
        return Row(reply.host, "agent", "warn", "not deployed", "slotlab deploy")
    detail, _, remedy = reply.problem.partition("; ")
    verdict: Verdict = "fail" if reply.reason == "no_agent" else "warn"
    return Row(reply.host, "agent", verdict, detail, remedy or "slotlab deploy starts it")
