"""`slotlab check`: is every host fit for a campaign, and if not, what is the remedy.

Read-only, all hosts at once. Both ways to a host are tried: OpenSSH, as Ansible goes, and
Fabric. The answer is rows of data; the command line renders them.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.channel import Reply
from harness.deploy import NEEDED_BYTES
from harness.inside import thread_start
from harness.inventory import Host, Inventory
from harness.remote import HostResult, Remote
from harness.wheelhouse import Target, unsupported

Verdict = Literal["ok", "warn", "fail"]
DEFAULT_CLOCK_LIMIT_NS = 125_000_000
"""A quarter of a 500 ms slot: beyond it a node abstains (DESIGN, clock truth)."""
SCRIPT = Path(__file__).with_name("preflight_host.py")


@dataclass(frozen=True, slots=True)
class Row:
    """One finding on one host: what was looked at, how it is, and what to do about it."""

    host: str
    check: str
    verdict: Verdict
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.host}: {self.check}: {self.detail}{remedy}"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All findings, host by host in inventory order."""

    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """Return whether nothing failed; warnings do not count."""
        return not self.failed

    @property
    def failed(self) -> tuple[Row, ...]:
        """Return the rows that failed."""
        return tuple(row for row in self.rows if row.verdict == "fail")


def check(inventory: Inventory, *, clock_limit_ns: int = DEFAULT_CLOCK_LIMIT_NS) -> CheckReport:
    """Return the findings for every host; what cannot be reached is a finding, never an error.

    Unknown host keys are pinned on this first contact, unless ssh_config forbids it.
    """
    pinning = _pinning(inventory)
    hosts = pinning.hosts
    with ThreadPoolExecutor(16, initializer=thread_start(inventory.netns)) as pool:
        openssh = [pool.submit(_openssh, host) for host in hosts]
        if any(host.ssh.host_key_policy == "accept-new" for host in hosts):
            wait(openssh)  # OpenSSH pins first; two programs would write one file at once
        with Remote(pinning) as remote:
            text = SCRIPT.read_text()
            probed = remote.run_each({host.name: _command(host) for host in hosts}, stdin=text)
            reached = [name for name, result in probed.items() if result.ok]
            agents = remote.ctl({name: {"op": "hello"} for name in reached})
    rows: list[Row] = []
    for host, first in zip(hosts, openssh, strict=True):
        result = probed[host.name]
        rows += [first.result(), _fabric(host, result)]
        if result.ok:
            found = json.loads(result.stdout)
            rows += findings(host, found, inventory.lab, clock_limit_ns)
            rows.append(_agent(agents[host.name]))
    return CheckReport(tuple(rows))


def _pinning(inventory: Inventory) -> Inventory:
    """Return the inventory with `ask` read as `accept-new`: there is nobody to ask."""
    hosts = tuple(replace(host, ssh=host.ssh.pinning()) for host in inventory.hosts)
    for file in {Path(host.ssh.pin_file) for host in hosts if host.ssh.pin_file}:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return replace(inventory, hosts=hosts)


def _command(host: Host) -> list[str]:
    asked = {
        "ports": [host.node_port, host.probe_port],
        "paths": [host.state_dir, "/opt/slotlab"],
        "ntp": list(host.ntp),
    }
    return ["/usr/bin/python3", "-", json.dumps(asked)]


def _openssh(host: Host) -> Row:
    """Return how the way that Ansible takes works out."""
    ssh = host.ssh
    command = ["ssh", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={ssh.connect_timeout_s}"]
    command += [*ssh.arguments, "--", ssh.target, "true"]
    if ssh.password:
        return Row(host.name, "ssh (Ansible)", "warn", "a login password is set: not tried")
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=ssh.connect_timeout_s + 5,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Row(host.name, "ssh (Ansible)", "fail", "no answer in time", "is the host on?")
    if done.returncode == 0:
        return Row(host.name, "ssh (Ansible)", "ok", f"{ssh.user}@{ssh.address}")
    last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
    remedy = f"try: ssh -v {ssh.user}@{ssh.address}, with ansible_ssh_common_args if set"
    return Row(host.name, "ssh (Ansible)", "fail", last, remedy)


def _fabric(host: Host, result: HostResult) -> Row:
    if result.ok:
        return Row(host.name, "ssh (Fabric)", "ok", f"{host.ssh.user}@{host.ssh.address}")
    if result.reason:
        return Row(host.name, "ssh (Fabric)", "fail", result.problem)
    if result.exit_code == 127:
        return Row(host.name, "python", "fail", "no /usr/bin/python3", "apt install python3")
    return Row(host.name, "python", "fail", result.problem, "is /usr/bin/python3 intact?")


def findings(host: Host, found: Mapping[str, Any], lab: str, limit_ns: int) -> list[Row]:
    """Return the rows for what preflight_host.py printed on one host."""
    rows = [
        _machine(host, found),
        _sudo(host, found["features"]),
        _truth(host, "systemd", found["systemd"], "running", "not running", "boot with systemd"),
        _partition(host, found),
        _delay(host, found["features"]),
    ]
    rows += [_disk(host, path, free) for path, free in found["free_bytes"].items()]
    rows += [_port(host, port, found) for port in (host.node_port, host.probe_port)]
    rows += _clock(host, found, lab, limit_ns)
    return rows


def _truth(host: Host, name: str, value: bool, good: str, bad: str, remedy: str) -> Row:
    if value:
        return Row(host.name, name, "ok", good)
    return Row(host.name, name, "fail", bad, remedy)


def _machine(host: Host, found: Mapping[str, Any]) -> Row:
    target = Target(found["arch"], tuple(found["python"]))
    problem = unsupported(target)
    if not problem and found["bits"] != 64:
        problem = "Python is 32-bit; install a 64-bit system"
    detail, _, remedy = problem.partition("; ")
    if problem:
        return Row(host.name, "machine", "fail", detail, remedy or "install Python 3.11 to 3.13")
    return Row(host.name, "machine", "ok", str(target))


def _sudo(host: Host, features: Mapping[str, Any]) -> Row:
    if features["sudo"]:
        return Row(host.name, "sudo", "ok", "without a password")
    says = str(features["sudo_says"]).removeprefix("sudo: ")
    remedy = "deploy with --ask-become-pass, or allow it without a password (visudo)"
    verdict: Verdict = "warn" if "password" in says else "fail"
    return Row(host.name, "sudo", verdict, f"no sudo: {says}", remedy)


def _partition(host: Host, found: Mapping[str, Any]) -> Row:
    features, remedy = found["features"], "apt install nftables"
    if features["nft"]:
        return Row(host.name, "partition", "ok", "nft sets with timeout")
    if not found["programs"]["nft"]:
        return Row(host.name, "partition", "fail", "nft is not installed", remedy)
    if features["nft"] is None:
        return Row(host.name, "partition", "warn", "unknown without sudo")
    remedy = "use a kernel with nf_tables"
    return Row(host.name, "partition", "fail", "missing kernel feature: nf_tables sets", remedy)


def _delay(host: Host, features: Mapping[str, Any]) -> Row:
    if features["netem"]:
        return Row(host.name, "delay", "ok", "netem")
    if features["nfqueue"]:
        return Row(host.name, "delay", "ok", "ingress queue (the kernel has no netem)")
    if features["netem"] is None:
        return Row(host.name, "delay", "warn", "unknown without sudo")
    remedy = "modprobe sch_netem, or apt install linux-modules-extra and iproute2"
    return Row(host.name, "delay", "fail", "missing kernel feature: netem or nfqueue", remedy)


def _disk(host: Host, path: str, free: int) -> Row:
    name, text = f"disk {path}", f"{free // 1_000_000} MB free"
    if free >= NEEDED_BYTES:
        return Row(host.name, name, "ok", text)
    remedy = f"free {NEEDED_BYTES // 1_000_000} MB there" + (
        ", or set slotlab_state_dir" if path == host.state_dir else ""
    )
    return Row(host.name, name, "fail", f"disk full: {text}", remedy)


def _port(host: Host, port: int, found: Mapping[str, Any]) -> Row:
    name, kind = f"port {port}", found["taken"].get(str(port))
    if kind is None:
        return Row(host.name, name, "ok", "free")
    who = found["owners"].get(str(port)) or "another program"
    if "active" in found["ours"]:
        return Row(host.name, name, "ok", "ours: a node is running")
    key = "slotlab_node_port" if port == host.node_port else "slotlab_probe_port"
    remedy = f"stop it, or set {key}"
    return Row(host.name, name, "fail", f"port taken: {kind} by {who}", remedy)


def _clock(host: Host, found: Mapping[str, Any], lab: str, limit_ns: int) -> list[Row]:
    rows = [_server(host, server, answer, limit_ns) for server, answer in found["ntp"].items()]
    if not found["ntp"]:
        remedy = "set slotlab_ntp to servers of your own network"
        rows.append(Row(host.name, "clock", "warn", "no slotlab_ntp: nothing to check by", remedy))
    if found["kernel_synchronised"] is False and lab != "container":
        verdict: Verdict = "warn" if found["ntp"] else "fail"
        remedy = "timedatectl set-ntp true, or apt install chrony"
        detail = "unsynchronised clock: no daemon keeps it"
        rows.append(Row(host.name, "clock daemon", verdict, detail, remedy))
    return rows


def _server(host: Host, server: str, answer: Mapping[str, Any], limit_ns: int) -> Row:
    name = f"clock by {server}"
    if problem := answer.get("problem"):
        remedy = "is it running, is UDP 123 open? else change slotlab_ntp"
        return Row(host.name, name, "fail", f"NTP server unreachable: {problem}", remedy)
    offset_ms, bound_ms = answer["offset_ns"] / 1e6, answer["delay_ns"] / 2e6
    detail = f"{offset_ms:+.2f} ms ± {bound_ms:.2f} ms"
    if abs(answer["offset_ns"]) + answer["delay_ns"] // 2 > limit_ns:
        remedy = f"bring it under {limit_ns // 1_000_000} ms: timedatectl set-ntp true, or chrony"
        return Row(host.name, name, "fail", f"unsynchronised clock: {detail}", remedy)
    return Row(host.name, name, "ok", detail)


def _agent(reply: Reply) -> Row:
    if reply.ok is not None:
        return Row(reply.host, "agent", "ok", f"version {reply.ok.get('version')}")
    return Row(reply.host, "agent", "warn", "not deployed", "slotlab deploy")
