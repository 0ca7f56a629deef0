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
from harness.preflight.rows import Row
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
    return [
        *(_folder(host, path, found["folders"].get(path), lab) for path in places(host)),
        _port(host, "slotlab_node_port", host.node_port, ("tcp", "udp"), found),
        _port(host, "slotlab_probe_port", host.probe_port, ("udp",), found),
    ]


def places(host: Host) -> tuple[str, str]:
    """Return the folders that slotlab fills on a host."""
    return host.state_dir, INSTALL_DIR


def _folder(host: Host, path: str, facts: Folder | None, lab: str) -> Row:
    name, installed = f"disk {path}", path == INSTALL_DIR
    elsewhere = "" if installed else ", or set slotlab_state_dir"
    if facts is None or facts["problem"]:
        problem = facts["problem"] if facts else "it was not told of"
        return Row(host.name, name, "fail", f"cannot be looked at: {problem}", "mount it anew")
    kind, point, text = facts["kind"], facts["mounted"], f"{facts['free_bytes'] // 1_000_000} MB"
    if facts["read_only"]:
        remedy = f"mount -o remount,rw {point}{elsewhere}"
        return Row(host.name, name, "fail", f"{point} is read-only", remedy)
    if kind in _PLAIN:
        remedy = f"use a Linux file system (ext4){elsewhere}"
        return Row(host.name, name, "fail", f"{kind} keeps no owners and links", remedy)
    if installed and facts["no_exec"]:
        detail = f"{point} is noexec: Python cannot load its libraries from there"
        return Row(host.name, name, "fail", detail, f"mount -o remount,exec {point}")
    if facts["free_bytes"] < NEEDED_BYTES:
        remedy = f"free {NEEDED_BYTES // 1_000_000} MB there{elsewhere}"
        return Row(host.name, name, "fail", f"disk full: {text} free", remedy)
    if facts["free_files"] is not None and facts["free_files"] < NEEDED_FILES:
        detail = f"disk full: room for {facts['free_files']} more files"
        return Row(host.name, name, "fail", detail, f"delete small files there{elsewhere}")
    if kind in _MEMORY or (kind in _OVERLAY and lab != "container"):
        detail = f"{kind} on {point}: what is there may be gone after a reboot"
        remedy = f"put it on a disk (Pi: overlay file system off in raspi-config){elsewhere}"
        return Row(host.name, name, "warn", detail, remedy)
    if kind in _NETWORK:
        detail = f"{kind} on {point}: the disk of another machine, with its pauses"
        return Row(host.name, name, "warn", detail, f"use a disk of the host{elsewhere}")
    return Row(host.name, name, "ok", f"{text} free ({kind or 'unknown kind'})")


def _port(host: Host, key: str, port: int, kinds: tuple[str, ...], found: Mapping[str, Any]) -> Row:
    name = f"port {port}"
    taken = [kind for kind in kinds if kind in found["taken"].get(str(port), ())]
    if not taken:
        return _free_port(host, key, port, found["any_port"])
    who = found["owners"].get(str(port), {})
    unit, program = who.get("unit", ""), who.get("program", "")
    if unit.startswith("slotlab-") or (not unit and not program and "active" in found["ours"]):
        return Row(host.name, name, "ok", "ours: a node is running")
    owner = program or "another program"
    named = f"{owner} ({unit})" if unit else owner
    detail = f"port taken: {' and '.join(taken)} by {named}"
    return Row(host.name, name, "fail", detail, f"stop it, or set {key}")


def _free_port(host: Host, key: str, port: int, any_port: list[str]) -> Row:
    """Return whether a port is not only free now: outgoing connections take ports of a range."""
    name = f"port {port}"
    if len(any_port) == 2 and all(_PORT.fullmatch(each) for each in any_port):
        low, high = map(int, any_port)
        if low <= port <= high:
            detail = f"free, but the kernel gives it to any connection ({low} to {high})"
            return Row(host.name, name, "warn", detail, f"set {key} below {low}")
    return Row(host.name, name, "ok", "free")
