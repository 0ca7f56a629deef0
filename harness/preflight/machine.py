"""Judges one host's machine: what it is, what its kernel can do, how even its pace is, its places.

Places are the folders that slotlab fills on it, and the ports that it listens on. Pure: facts of
host_script.py in, rows out.
"""

import re
from collections.abc import Mapping
from typing import Any

from harness.deploy.packages import NEEDED_BYTES, install_line, missing
from harness.deploy.wheelhouse import Target, unsupported
from harness.inventory.inventory import Host
from harness.preflight.host_report import Folder
from harness.preflight.rows import Finding, Row, Verdict
from harness.remote.agent_channel import INSTALL_DIR

MEMORY_BYTES = 150 * 1024 * 1024
MODULES = ("sch_netem", "nf_tables", "nfnetlink_queue")
FSYNC_SHARE_MAX = 0.2
"""Of a slot: beyond it an fsync stall is a late block."""
CELSIUS_WARN = 70
CELSIUS_FAIL = 80
"""A Raspberry Pi slows itself down from here on."""
_NOW = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "too warm"}
"""Bits of the firmware's word; 16 bits higher they mean: happened since boot."""


def rows(
    host: Host, found: Mapping[str, Any], lab: str, *, slot_ns: int, manage: bool
) -> list[Row]:
    """Return the findings on one host's machine; slot_ns is what its disk is judged by."""
    features, machine = found["features"], found["machine"]
    judged = {
        "machine": _machine(found),
        "sudo": _sudo(features),
        "systemd": _systemd(found["systemd"]),
        "packages": _packages(host, found, manage=manage),
        "delay": _delay(found),
        "fsync": _fsync(host, found, slot_ns),
        "memory": _memory(machine["memory_bytes"]),
        "power": _power(machine),
        "temperature": _temperature(machine),
        "governor": _governor(machine["governors"]),
        "swap": _swap(machine),
        "partition": _partition(features["nft"]) if found["programs"].get("nft") else None,
    }
    known = [(check, finding) for check, finding in judged.items() if finding]
    for path in places(host):
        known.append((f"disk {path}", _folder(path, found["folders"].get(path), lab)))
    for key, port, kinds in (
        ("slotlab_node_port", host.node_port, ("tcp", "udp")),
        ("slotlab_probe_port", host.probe_port, ("udp",)),
    ):
        known.append((f"port {port}", _port(key, port, kinds, found)))
    return [Row(host.name, check, *finding) for check, finding in known]


def _machine(found: Mapping[str, Any]) -> Finding:
    target = Target(found["arch"], tuple(found["python"]))
    problem = unsupported(target)
    if not problem and found["bits"] != 64:
        problem = "the system is 32-bit on a 64-bit kernel; install the 64-bit system"
    if problem:
        detail, _, remedy = problem.partition("; ")
        return Finding("fail", detail, remedy)
    model = found["machine"]["model"] or found["machine"]["virtual"]
    named = f" ({model})" if model and model != "none" else ""
    return Finding("ok", f"{target}{named}")


def _systemd(state: str) -> Finding:
    match state:
        case "running" | "degraded":
            return Finding("ok", state)
        case "":
            return Finding("fail", "not running", "boot with systemd")
        case "unknown":
            return Finding("warn", "unknown: it did not answer", "see: systemctl is-system-running")
        case "initializing" | "starting":
            return Finding("warn", state, "wait, or see: systemctl list-jobs")
    return Finding("fail", state, "see: systemctl is-system-running")


def _memory(free: int | None) -> Finding:
    if free is None:
        return Finding("warn", "unknown", "see: grep MemAvailable /proc/meminfo")
    text = f"{free // 1_000_000} MB available"
    if free >= MEMORY_BYTES:
        return Finding("ok", text)
    remedy = f"end what needs it: node, probe and agent take {MEMORY_BYTES // 1_000_000} MB"
    return Finding("warn", text, remedy)


def _sudo(features: Mapping[str, Any]) -> Finding:
    if features["sudo"]:
        return Finding("ok", "works")
    says = str(features["sudo_says"]).removeprefix("sudo: ")
    remedy = "use --ask-become-pass (-K), or allow it without a password (visudo)"
    verdict: Verdict = "warn" if "password is required" in says else "fail"
    return Finding(verdict, f"no sudo: {says}", remedy)


def _packages(host: Host, found: Mapping[str, Any], *, manage: bool) -> Finding:
    lacking = missing(found["programs"], login=host.ssh.user, manage=manage)
    if lacking:
        return Finding("fail", f"not installed: {', '.join(lacking)}", install_line(lacking))
    return Finding("ok", "all that are needed")


def _partition(nft: bool | None) -> Finding:
    if nft:
        return Finding("ok", "nft sets with timeout")
    if nft is None:
        return Finding("warn", "unknown without sudo")
    return Finding("fail", "missing kernel feature: nf_tables sets", "use a kernel with nf_tables")


def _delay(found: Mapping[str, Any]) -> Finding:
    features, modules = found["features"], found["modules"]
    if features["netem"]:
        return Finding("ok", "netem")
    if features["nfqueue"]:
        return Finding("ok", "ingress queue (the kernel has no netem)")
    if features["netem"] is None:
        known = f"sch_netem is {modules.get('sch_netem', 'unknown')}"
        return Finding("warn", f"unknown without sudo ({known})")
    lacking = ", ".join(f"{name} {state}" for name, state in modules.items())
    remedy = "modprobe sch_netem (Ubuntu: apt install linux-modules-extra-$(uname -r))"
    if not found["programs"].get("iptables"):
        remedy += ", or apt install iptables"
    return Finding("fail", f"missing kernel feature: netem or nfqueue ({lacking})", remedy)


def _fsync(host: Host, found: Mapping[str, Any], slot_ns: int) -> Finding:
    took_ns = found["fsync_ns"]
    if not took_ns and not found["features"]["sudo"]:
        return Finding("warn", "unknown without sudo")
    if not took_ns:
        remedy = f"can root write files there? try: touch {host.state_dir}/x"
        return Finding("warn", "unknown: it could not be measured", remedy)
    p99_ns = sorted(took_ns)[len(took_ns) * 99 // 100]
    detail = f"p99 {p99_ns / 1e6:.1f} ms of {len(took_ns)} writes"
    if p99_ns <= slot_ns * FSYNC_SHARE_MAX:
        return Finding("ok", detail)
    share = f"more than {FSYNC_SHARE_MAX:.0%} of a {slot_ns // 1_000_000} ms slot"
    remedy = "put slotlab_state_dir on an SSD, or use longer slots"
    return Finding("warn", f"slow disk: {detail}, {share}", remedy)


def _is_pi(machine: Mapping[str, Any]) -> bool:
    return bool(machine["model"].startswith("Raspberry Pi"))


def _power(machine: Mapping[str, Any]) -> Finding | None:
    """Return what a Pi's firmware says of its supply; other machines have none to ask."""
    word = machine["throttled"]
    if word is None:
        remedy = "apt install raspi-utils (or libraspberrypi-bin): vcgencmd get_throttled"
        unknown = Finding("warn", "unknown: the firmware was not asked", remedy)
        return unknown if _is_pi(machine) else None
    now = [text for bit, text in _NOW.items() if word >> bit & 1]
    since = [text for bit, text in _NOW.items() if word >> (bit + 16) & 1]
    remedy = "use the official power supply and a short cable; cool it"
    if now:
        return Finding("fail", f"now: {', '.join(now)}", remedy)
    if since:
        return Finding("warn", f"since boot: {', '.join(since)}", f"{remedy}; then reboot")
    return Finding("ok", "never throttled, no under-voltage")


def _temperature(machine: Mapping[str, Any]) -> Finding | None:
    celsius = machine["celsius"]
    if celsius is None:
        where = "see /sys/class/thermal on the host"
        return Finding("warn", "unknown: no sensor was found", where) if _is_pi(machine) else None
    if celsius < CELSIUS_WARN:
        return Finding("ok", f"{celsius} °C")
    hot: Verdict = "fail" if celsius >= CELSIUS_FAIL and _is_pi(machine) else "warn"
    return Finding(hot, f"{celsius} °C", "cool it: it slows down when hot")


def _governor(governors: list[str]) -> Finding | None:
    text = ", ".join(governors)
    if not text or text == "performance":
        return Finding("ok", text) if text else None
    return Finding("warn", text, "slotlab_tune: on sets performance until wipe")


def _swap(machine: Mapping[str, Any]) -> Finding:
    if not machine["swap_bytes"] or machine["virtual"] not in ("", "none"):
        return Finding("ok", "none, or not this host's")
    detail = f"{machine['swap_bytes'] // 1_000_000} MB of swap are in use or ready"
    return Finding("warn", detail, "slotlab_tune: on switches it off until wipe")


NEEDED_FILES = 10_000
_PORT = re.compile("[0-9]{1,5}")
_MEMORY = ("tmpfs", "ramfs")
_OVERLAY = ("overlay", "aufs", "unionfs")
_PLAIN = ("vfat", "exfat", "msdos", "ntfs", "ntfs3", "fuseblk")
"""File systems without owners and symbolic links."""
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph")


def places(host: Host) -> tuple[str, str]:
    """Return the folders that slotlab fills on a host."""
    return host.state_dir, INSTALL_DIR


def _folder(path: str, facts: Folder | None, lab: str) -> Finding:
    installed = path == INSTALL_DIR
    elsewhere = "" if installed else ", or set slotlab_state_dir"
    if facts is None or facts["problem"]:
        problem = facts["problem"] if facts else "it was not told of"
        return Finding("fail", f"cannot be looked at: {problem}", "mount it anew")
    kind, point, text = facts["kind"], facts["mounted"], f"{facts['free_bytes'] // 1_000_000} MB"
    if facts["read_only"]:
        return Finding("fail", f"{point} is read-only", f"mount -o remount,rw {point}{elsewhere}")
    if kind in _PLAIN:
        remedy = f"use a Linux file system (ext4){elsewhere}"
        return Finding("fail", f"{kind} keeps no owners and links", remedy)
    if installed and facts["no_exec"]:
        detail = f"{point} is noexec: Python cannot load its libraries from there"
        return Finding("fail", detail, f"mount -o remount,exec {point}")
    if facts["free_bytes"] < NEEDED_BYTES:
        remedy = f"free {NEEDED_BYTES // 1_000_000} MB there{elsewhere}"
        return Finding("fail", f"disk full: {text} free", remedy)
    if facts["free_files"] is not None and facts["free_files"] < NEEDED_FILES:
        detail = f"disk full: room for {facts['free_files']} more files"
        return Finding("fail", detail, f"delete small files there{elsewhere}")
    if kind in _MEMORY or (kind in _OVERLAY and lab != "container"):
        detail = f"{kind} on {point}: what is there may be gone after a reboot"
        remedy = f"put it on a disk (Pi: overlay file system off in raspi-config){elsewhere}"
        return Finding("warn", detail, remedy)
    if kind in _NETWORK:
        detail = f"{kind} on {point}: the disk of another machine, with its pauses"
        return Finding("warn", detail, f"use a disk of the host{elsewhere}")
    return Finding("ok", f"{text} free ({kind or 'unknown kind'})")


def _port(key: str, port: int, kinds: tuple[str, ...], found: Mapping[str, Any]) -> Finding:
    taken = [kind for kind in kinds if kind in found["taken"].get(str(port), ())]
    if not taken:
        return _free_port(key, port, found["any_port"])
    who = found["owners"].get(str(port), {})
    unit, program = who.get("unit", ""), who.get("program", "")
    if unit.startswith("slotlab-") or (not unit and not program and "active" in found["ours"]):
        return Finding("ok", "ours: a node is running")
    named = (program or "another program") + (f" ({unit})" if unit else "")
    detail = f"port taken: {' and '.join(taken)} by {named}"
    return Finding("fail", detail, f"stop it, or set {key}")


def _free_port(key: str, port: int, any_port: list[str]) -> Finding:
    """Return whether a port is not only free now: outgoing connections take ports of a range."""
    if len(any_port) == 2 and all(_PORT.fullmatch(each) for each in any_port):
        low, high = map(int, any_port)
        if low <= port <= high:
            detail = f"free, but the kernel gives it to any connection ({low} to {high})"
            return Finding("warn", detail, f"set {key} below {low}")
    return Finding("ok", "free")
