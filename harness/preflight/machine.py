"""Judges one host's machine: what it is, what its kernel can do, how even its pace is.

Pure: facts of host_script.py in, rows out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.deploy.packages import install_line, missing
from harness.deploy.wheelhouse import Target, unsupported
from harness.inventory.inventory import Host
from harness.preflight.rows import Row, Verdict

MEMORY_BYTES = 150 * 1024 * 1024
MODULES = ("sch_netem", "nf_tables", "nfnetlink_queue")
FSYNC_SHARE_MAX = 0.2
"""Of a slot: beyond it an fsync stall is a late block."""
CELSIUS_WARN = 70
CELSIUS_FAIL = 80
"""A Raspberry Pi slows itself down from here on."""
_NOW = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "too warm"}
"""Bits of the firmware's word; 16 bits higher they mean: happened since boot."""


def rows(host: Host, found: Mapping[str, Any], *, slot_ns: int, manage: bool) -> list[Row]:
    """Return the findings on one host's machine; slot_ns is what its disk is judged by."""
    features = found["features"]
    made = [
        _machine(host, found),
        _sudo(host, features),
        _systemd(host, found),
        _packages(host, found, manage=manage),
        _delay(host, found),
        _fsync(host, found, slot_ns),
        _memory(host, found["machine"]),
        *_power(host, found["machine"]),
        *_pace(host, found["machine"]),
    ]
    if found["programs"].get("nft"):
        made.append(_partition(host, features))
    return made


def _machine(host: Host, found: Mapping[str, Any]) -> Row:
    target = Target(found["arch"], tuple(found["python"]))
    problem = unsupported(target)
    if not problem and found["bits"] != 64:
        problem = "the system is 32-bit on a 64-bit kernel; install the 64-bit system"
    detail, _, remedy = problem.partition("; ")
    if problem:
        return Row(host.name, "machine", "fail", detail, remedy)
    model = found["machine"]["model"] or found["machine"]["virtual"]
    named = f" ({model})" if model and model != "none" else ""
    return Row(host.name, "machine", "ok", f"{target}{named}")


def _systemd(host: Host, found: Mapping[str, Any]) -> Row:
    match found["systemd"]:
        case "running" | "degraded" as state:
            return Row(host.name, "systemd", "ok", state)
        case "":
            return Row(host.name, "systemd", "fail", "not running", "boot with systemd")
        case "unknown":
            remedy = "see: systemctl is-system-running"
            return Row(host.name, "systemd", "warn", "unknown: it did not answer", remedy)
        case "initializing" | "starting" as state:
            return Row(host.name, "systemd", "warn", state, "wait, or see: systemctl list-jobs")
        case state:
            return Row(host.name, "systemd", "fail", state, "see: systemctl is-system-running")


def _memory(host: Host, machine: Mapping[str, Any]) -> Row:
    free = machine["memory_bytes"]
    if free is None:
        return Row(host.name, "memory", "warn", "unknown", "see: grep MemAvailable /proc/meminfo")
    text = f"{free // 1_000_000} MB available"
    if free >= MEMORY_BYTES:
        return Row(host.name, "memory", "ok", text)
    remedy = f"end what needs it: node, probe and agent take {MEMORY_BYTES // 1_000_000} MB"
    return Row(host.name, "memory", "warn", text, remedy)


def _sudo(host: Host, features: Mapping[str, Any]) -> Row:
    if features["sudo"]:
        return Row(host.name, "sudo", "ok", "works")
    says = str(features["sudo_says"]).removeprefix("sudo: ")
    remedy = "use --ask-become-pass (-K), or allow it without a password (visudo)"
    verdict: Verdict = "warn" if "password is required" in says else "fail"
    return Row(host.name, "sudo", verdict, f"no sudo: {says}", remedy)


def _packages(host: Host, found: Mapping[str, Any], *, manage: bool) -> Row:
    lacking = missing(found["programs"], login=host.ssh.user, manage=manage)
    if lacking:
        detail = f"not installed: {', '.join(lacking)}"
        return Row(host.name, "packages", "fail", detail, install_line(lacking))
    return Row(host.name, "packages", "ok", "all that are needed")


def _partition(host: Host, features: Mapping[str, Any]) -> Row:
    if features["nft"]:
        return Row(host.name, "partition", "ok", "nft sets with timeout")
    if features["nft"] is None:
        return Row(host.name, "partition", "warn", "unknown without sudo")
    remedy = "use a kernel with nf_tables"
    return Row(host.name, "partition", "fail", "missing kernel feature: nf_tables sets", remedy)


def _delay(host: Host, found: Mapping[str, Any]) -> Row:
    features, modules = found["features"], found["modules"]
    if features["netem"]:
        return Row(host.name, "delay", "ok", "netem")
    if features["nfqueue"]:
        return Row(host.name, "delay", "ok", "ingress queue (the kernel has no netem)")
    if features["netem"] is None:
        known = f"sch_netem is {modules.get('sch_netem', 'unknown')}"
        return Row(host.name, "delay", "warn", f"unknown without sudo ({known})")
    lacking = ", ".join(f"{name} {state}" for name, state in modules.items())
    remedy = "modprobe sch_netem (Ubuntu: apt install linux-modules-extra-$(uname -r))"
    if not found["programs"].get("iptables"):
        remedy += ", or apt install iptables"
    detail = f"missing kernel feature: netem or nfqueue ({lacking})"
    return Row(host.name, "delay", "fail", detail, remedy)


def _fsync(host: Host, found: Mapping[str, Any], slot_ns: int) -> Row:
    took_ns = found["fsync_ns"]
    if not took_ns and not found["features"]["sudo"]:
        return Row(host.name, "fsync", "warn", "unknown without sudo")
    if not took_ns:
        remedy = f"can root write files there? try: touch {host.state_dir}/x"
        return Row(host.name, "fsync", "warn", "unknown: it could not be measured", remedy)
    p99_ns = sorted(took_ns)[len(took_ns) * 99 // 100]
    detail = f"p99 {p99_ns / 1e6:.1f} ms of {len(took_ns)} writes"
    if p99_ns <= slot_ns * FSYNC_SHARE_MAX:
        return Row(host.name, "fsync", "ok", detail)
    share = f"more than {FSYNC_SHARE_MAX:.0%} of a {slot_ns // 1_000_000} ms slot"
    remedy = "put slotlab_state_dir on an SSD, or use longer slots"
    return Row(host.name, "fsync", "warn", f"slow disk: {detail}, {share}", remedy)


def _power(host: Host, machine: Mapping[str, Any]) -> list[Row]:
    """Return what a Pi's firmware says of its supply, and how warm the host is."""
    made, word, celsius = [], machine["throttled"], machine["celsius"]
    is_pi = machine["model"].startswith("Raspberry Pi")
    if is_pi and word is None:
        remedy = "apt install raspi-utils (or libraspberrypi-bin): vcgencmd get_throttled"
        made.append(Row(host.name, "power", "warn", "unknown: the firmware was not asked", remedy))
    if is_pi and celsius is None:
        remedy = "see /sys/class/thermal on the host"
        made.append(Row(host.name, "temperature", "warn", "unknown: no sensor was found", remedy))
    if word is not None:
        now = [text for bit, text in _NOW.items() if word >> bit & 1]
        since = [text for bit, text in _NOW.items() if word >> (bit + 16) & 1]
        remedy = "use the official power supply and a short cable; cool it"
        if now:
            made.append(Row(host.name, "power", "fail", f"now: {', '.join(now)}", remedy))
        elif since:
            detail = f"since boot: {', '.join(since)}"
            made.append(Row(host.name, "power", "warn", detail, f"{remedy}; then reboot"))
        else:
            made.append(Row(host.name, "power", "ok", "never throttled, no under-voltage"))
    if celsius is not None:
        hot: Verdict = "ok" if celsius < CELSIUS_WARN else "warn"
        if celsius >= CELSIUS_FAIL and is_pi:
            hot = "fail"
        remedy = "" if hot == "ok" else "cool it: it slows down when hot"
        made.append(Row(host.name, "temperature", hot, f"{celsius} °C", remedy))
    return made


def _pace(host: Host, machine: Mapping[str, Any]) -> list[Row]:
    """Return what makes a host's pace uneven: a sleepy governor, swap."""
    made, virtual = [], machine["virtual"] not in ("", "none")
    governors = ", ".join(machine["governors"])
    if governors:
        steady = machine["governors"] == ["performance"]
        remedy = "" if steady else "slotlab_tune: on sets performance until wipe"
        made.append(Row(host.name, "governor", "ok" if steady else "warn", governors, remedy))
    if machine["swap_bytes"] and not virtual:
        detail = f"{machine['swap_bytes'] // 1_000_000} MB of swap are in use or ready"
        remedy = "slotlab_tune: on switches it off until wipe"
        made.append(Row(host.name, "swap", "warn", detail, remedy))
    else:
        made.append(Row(host.name, "swap", "ok", "none, or not this host's"))
    return made
