"""Judges the folders that slotlab fills on a host, and the ports that it listens on.

Pure: facts of host_script.py in, rows out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.deploy.packages import NEEDED_BYTES
from harness.inventory.inventory import Host
from harness.preflight.host_report import Folder
from harness.preflight.rows import Finding, Row
from harness.remote.agent_channel import INSTALL_DIR

NEEDED_FILES = 10_000
_PORT = re.compile("[0-9]{1,5}")
_MEMORY = ("tmpfs", "ramfs")
_OVERLAY = ("overlay", "aufs", "unionfs")
_PLAIN = ("vfat", "exfat", "msdos", "ntfs", "ntfs3", "fuseblk")
"""File systems without owners and symbolic links."""
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph")


def rows(host: Host, found: Mapping[str, Any], lab: str) -> list[Row]:
    """Return the findings on one host's folders and ports."""
    folders = found["folders"]
    judged = [(f"disk {path}", _folder(path, folders.get(path), lab)) for path in places(host)]
    for key, port, kinds in (
        ("slotlab_node_port", host.node_port, ("tcp", "udp")),
        ("slotlab_probe_port", host.probe_port, ("udp",)),
    ):
        judged.append((f"port {port}", _port(key, port, kinds, found)))
    return [Row(host.name, check, *finding) for check, finding in judged]


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
